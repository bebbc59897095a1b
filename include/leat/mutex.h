/*
 * mutex.h - one at a time.
 *
 *	static leat_mutex gate;         all-zero: unlocked
 *	static long total;
 *
 *	leat_mutex_lock(&gate);
 *	total += n;                     nobody else is here
 *	leat_mutex_unlock(&gate);
 *
 * All-zero is ready to use; there is nothing to destroy.  It belongs to the
 * caller and must stay in place (not be copied) while anybody uses it; whoever
 * has it last may free it, once it is unlocked.  A mutex has no owner: one
 * goroutine may lock it and another unlock it.  Every call works from any number
 * of goroutines and from threads that are not the runtime's, and both kinds stand
 * in one queue.
 *
 * Who waits parks, and holds back no thread.  Normally a lock that is unlocked
 * goes to whoever comes first, be it the one who has just had it, since a
 * goroutine that runs is faster than one that has to be woken; but whoever has
 * waited for more than a millisecond is handed it, in the order of coming
 * (LEAT_MUTEX_PATIENCE).  What happened before an unlock happens before the
 * return of the lock that comes next.
 *
 * After Go's sync.Mutex, whose words the fatal errors speak; they end the process
 * with status 2.  In a library built with MODE=debug, asan or tsan a mutex that
 * was copied after its first use is one: "sync: Mutex is copied".
 */
#ifndef LEAT_MUTEX_H
#define LEAT_MUTEX_H

#include "leat/time.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct leat_mutex {
	uint64_t state; /* private: held, who waits */
} leat_mutex;

#define LEAT_MUTEX_PATIENCE LEAT_MILLISECOND

/* Wait until it is unlocked, and lock it. */
void leat_mutex_lock(leat_mutex *mu);

bool leat_mutex_try_lock_(leat_mutex *mu);

/* Lock it if it is unlocked; false: it is not.  Never waits. */
static inline bool leat_mutex_try_lock(leat_mutex *mu)
{
	const uint64_t held = 1;

	if (mu && (__atomic_load_n(&mu->state, __ATOMIC_RELAXED) & held))
		return false;
	return leat_mutex_try_lock_(mu);
}

/* leat_mutex_lock, waiting no longer than until then: 0, or -ETIMEDOUT: it was
 * never unlocked for us; at once if `when` is past.  -ENOMEM: there is no memory
 * for the timer.  leat_mutex_lock_ctx (context.h) waits until a context is
 * cancelled. */
int leat_mutex_lock_until(leat_mutex *mu, leat_time when);

/* Unlock it.  Does not wait, but lets run whom it hands the lock to.
 * "sync: unlock of unlocked mutex" is fatal. */
void leat_mutex_unlock(leat_mutex *mu);

#ifdef __cplusplus
}
#endif

#endif
