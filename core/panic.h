/*
 * panic.h - panics, for the rest of the library.
 */
#ifndef CORE_PANIC_H
#define CORE_PANIC_H

#include "leat/panic.h"

/* Raise what the program did wrong, in Go's words; an error to who recovers it.
 * Not between m_enter and m_leave, and with nothing locked. */
#define panics(text)                                                          \
	do {                                                                  \
		static const struct leat_error_value why_ = LEAT_ERROR(text); \
		leat_panic_((struct leat_value){ .kind = LEAT_VALUE_ERROR,    \
						 .error = &why_ });           \
	} while (0)

/* What the library defers itself, around a call of a function of the program's:
 * run by a panic or an end in there.  Else it is taken back, which does not
 * run it. */
void panic_defer(struct leat_deferred_ *d, leat_fn_ *fn, void *arg);

void panic_take_back(struct leat_deferred_ *d);

/* In a deferred call: is it run by a panic that nobody has recovered yet? */
bool panic_runs(void);

/* Run all that the calling goroutine has deferred: it ends. */
void panic_exit(void);

/* Before the words of a fatal error, and before the process ends by itself. */
void panic_tell(void);
void panic_settle(void);

#endif
