/*
 * value.h - values of panics and texts of errors, for the rest of the library.
 */
#ifndef CORE_VALUE_H
#define CORE_VALUE_H

#include "leat/panic.h"

#include <stdarg.h>

bool value_is_nil(const struct leat_value *v);

/* On stderr, as Go's runtime prints it. */
void value_say(const struct leat_value *v);

/* leat_error_wrap; inner may be NULL. */
__attribute__((format(printf, 2, 0))) leat_error
error_make(leat_error inner, const char *format, va_list args);

#endif
