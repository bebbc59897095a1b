/*
 * sanitize.h - ThreadSanitizer: each context is a "fiber" of its own.
 *
 * A fiber is dear to make and stays with its G.  A goroutine that ends in
 * leat_goexit leaves calls open in its fiber's shadow stack, so a fiber is
 * replaced, not reused, for every goroutine's birth; the old one is destroyed
 * then, when nothing runs on it.
 *
 * Switching synchronizes (flag 0): goroutines on one thread are ordered by the
 * scheduler that runs there, and the runtime's own structures rely on it.
 * See none/sanitize.h for the calls.
 */
#ifndef CORE_SANITIZE_H
#define CORE_SANITIZE_H

#include <sanitizer/tsan_interface.h>
#include <stddef.h>

#define SANITIZE_SWITCHES __attribute__((no_sanitize("thread")))

static inline void sanitize_thread(void **mine)
{
	*mine = __tsan_get_current_fiber();
}

static inline void sanitize_birth(void **its, char *top, size_t size)
{
	(void)top;
	(void)size;
	if (*its)
		__tsan_destroy_fiber(*its);
	*its = __tsan_create_fiber(0);
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
	__tsan_release(live);
	__tsan_release(word);
}

static inline void sanitize_arrive(void **mine)
{
	(void)mine;
}

#endif
