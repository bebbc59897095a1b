/*
 * guard.h - pages that must not be touched, below every stack.
 */
#ifndef CORE_GUARD_H
#define CORE_GUARD_H

#include <stddef.h>

struct iovec;

/* Find out which way works here.  Before any other call. */
void guard_init(void);

/* Guard these ranges: 0, or -ENOMEM and some of them may be guarded.  Where
 * guards have run out they stay unguarded, which is said once and counted. */
int guard_install(const struct iovec *range, size_t n);

/* "madvise", "mprotect", or "none" once some stacks have none. */
const char *guard_kind(void);
size_t guard_missing(void);

#endif
