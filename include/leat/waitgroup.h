/*
 * waitgroup.h - wait until a number of goroutines have finished.
 *
 *	leat_wg group = { 0 };
 *
 *	leat_wg_add(&group, 2);
 *	leat_go(work, &group, 1);       each ends with leat_wg_done(&group)
 *	leat_go(work, &group, 2);
 *	leat_wg_wait(&group);
 *
 * All-zero is ready to use; there is nothing to destroy.  It belongs to the
 * caller and must stay in place (not be copied) while anybody uses it; it may
 * be freed, or leave scope, as soon as the last leat_wg_wait has returned.
 * Every call works from any number of goroutines and from threads that are
 * not the runtime's.  After Go's sync.WaitGroup, whose words the panics speak.
 */
#ifndef LEAT_WAITGROUP_H
#define LEAT_WAITGROUP_H

#include "leat/call.h"
#include "leat/go.h"
#include "leat/time.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct leat_wg {
	uint64_t state; /* private: counter and lock */
	void *waiters;  /* private: who waits, first come first */
} leat_wg;

/* Add delta, which may be negative, to the counter.  At zero everybody who
 * waits goes on.  Never waits.  What happened before an Add or Done that
 * brings the counter to zero happens before leat_wg_wait returns.
 * "panic: sync: negative WaitGroup counter"; likewise
 * "sync: WaitGroup misuse: Add called concurrently with Wait".  In a library built
 * with MODE=debug, asan or tsan, "sync: WaitGroup is copied" is fatal. */
void leat_wg_add(leat_wg *group, int delta);

/* leat_wg_add(group, -1). */
void leat_wg_done(leat_wg *group);

/* Wait until the counter is zero; returns at once if it is. */
void leat_wg_wait(leat_wg *group);

/* The same, but no longer than until then: 0, or -ETIMEDOUT: it was not zero
 * yet; at once if `when` is past.  -ENOMEM: there is no memory for the timer.
 * Who gives up may wait again; the group must stay until a wait has returned 0.
 * leat_wg_wait_ctx (context.h) waits until a context is cancelled. */
int leat_wg_wait_until(leat_wg *group, leat_time when);

/*
 * leat_wg_go(group, fn, args...) - add one, start fn(args...) in a goroutine
 * and count it done when it ends (sync.WaitGroup.Go).  Returns as leat_go; on
 * -ENOMEM the counter is as before.
 */
int leat_wg_go_(leat_wg *group, leat_fn_ *fn, int argc, const uintptr_t *argv);

#ifdef __cplusplus
}

template <class R, class... P, class... A>
LEAT_INLINE_ int leat_wg_go(leat_wg *group, R (*fn)(P...), A &&...args)
{
	static_assert(sizeof...(P) == sizeof...(A),
		      "leat_wg_go: wrong number of arguments");
	static_assert(sizeof...(P) <= 6, "leat_wg_go: at most six arguments");
	static_assert(leat_no_floats_<A...>(),
		      "leat_wg_go: pass a floating value by pointer");
	const uintptr_t argv[] = { leat_word_<P>(static_cast<A &&>(args))...,
				   0 };
	return leat_wg_go_(group, reinterpret_cast<leat_fn_ *>(fn),
			   (int)sizeof...(P), argv);
}

#else

#define leat_wg_go(group, ...)                                               \
	(__extension__({                                                     \
		(void)sizeof(__typeof__(leat_call_(__VA_ARGS__)) *);         \
		const uintptr_t leat_argv_[] = { leat_words_(__VA_ARGS__) }; \
		leat_wg_go_((group), (leat_fn_ *)leat_first_(__VA_ARGS__),   \
			    leat_count_(__VA_ARGS__), leat_argv_);           \
	}))

#endif

#endif
