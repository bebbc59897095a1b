/*
 * sanitize.h - ThreadSanitizer: each context is a "fiber" of its own.
 *
 * A fiber is made at a goroutine's birth and not used again: leat_goexit leaves
 * calls open in its shadow stack.
 *
 * Switching synchronizes (flag 0): goroutines on one thread are ordered by the
 * scheduler that runs there, and the runtime's own structures rely on it.
 * See none/sanitize.h for the calls.
 */
#ifndef CORE_SANITIZE_H
#define CORE_SANITIZE_H

#define LEAT_PANIC_TSAN_ /* for a look at this header by itself */
#include "leat/panic.h"

#include <sanitizer/tsan_interface.h>
#include <stddef.h>
#include <stdint.h>

/* Functions that switch stay instrumented: their atomics must be seen, and each
 * is entered and left on the fiber of one and the same goroutine. */
#define SANITIZE_SWITCHES
#define SANITIZE_NOT __attribute__((no_sanitize("thread")))

enum {
	SANITIZE_THREADS = 1
}; /* 1: it may have one of its own, deaf to signals */

static inline void sanitize_thread(void **mine)
{
	*mine = __tsan_get_current_fiber();
}

static inline void sanitize_birth(void **its, char *top, size_t size)
{
	(void)top;
	(void)size;
	*its = __tsan_create_fiber(0);
}

/* There can be about 8,000 of them: the one before goes now, this one, which
 * still runs, with the next. */
static inline void sanitize_end(void **its, void **grave)
{
	if (*grave)
		__tsan_destroy_fiber(*grave);
	*grave = *its;
	*its = NULL;
}

static inline __attribute__((always_inline)) void
sanitize_leave(void **from, void **to, char *top, size_t size)
{
	(void)from;
	(void)top;
	(void)size;
	__tsan_switch_to_fiber(*to, 0);
}

/* The switch's two release stores are assembly, which it does not see. */
static inline __attribute__((always_inline)) void sanitize_publish(void *live,
								   void *word)
{
	__tsan_release((void *)live);
	__tsan_release((void *)word);
}

static inline void sanitize_arrive(void **mine)
{
	(void)mine;
}

static inline void sanitize_tell(void *what)
{
	__tsan_release(what);
}

static inline void sanitize_hear(void *what)
{
	__tsan_acquire(what);
}

/* It counts the calls that are left, by what it knows from setjmp. */
static inline __attribute__((noreturn)) void
sanitize_jump(struct leat_frame *frame)
{
	longjmp(frame->env_, 1);
}

#endif
