/*
 * waiter.h - somebody who waits: the node of every queue of waiters.
 *
 *	a goroutine    parks; woken by ready()
 *	a thread       (not the runtime's) sleeps on the node's own word
 *
 * The node lives in the frame of the one who waits and is in at most one list,
 * which is guarded by the lock bit of the object waited for.  Whoever takes it
 * off the list wakes it once, after dropping the lock bit, and does not touch
 * it or the object again: both may be gone the moment it is awake.
 *
 *	waiter_init(&w, m)
 *	put &w in the list, under the lock bit
 *	m = waiter_wait(&w, m, why, &word, unlocked)     the wait drops the bit
 */
#ifndef SYNC_WAITER_H
#define SYNC_WAITER_H

#include "core/atomic.h"
#include "core/park.h"

struct waiter {
	struct waiter *next;
	struct g *g;            /* NULL: a thread */
	_Atomic uint32_t woken; /* a thread's futex word */
};

/* m is NULL on a thread that is not the runtime's. */
static ALWAYS_INLINE void waiter_init(struct waiter *w, struct m *m)
{
	w->g = m ? m->g : NULL;
	if (!m)
		a_store(&w->woken, 0, relaxed);
}

/* Another holds the lock bit, for a few instructions; perhaps it lost its CPU.
 * The turn-th pause before the next attempt; where we run then. */
COLD struct m *waiter_pause(struct m *m, int turn);

/* Wait for what cannot come. */
COLD _Noreturn void waiter_never(enum g_reason why);

/* A thread's wait: its own word. */
void waiter_sleep(struct waiter *w, _Atomic uint64_t *word, uint64_t value);
/* A thread's wake. */
void waiter_rouse(struct waiter *w);

/* Store value in *word, with release, once we can be woken; wait.  Inline, for
 * the sake of the returns (dispatch.h). */
static ALWAYS_INLINE struct m *waiter_wait(struct waiter *w, struct m *m,
					   enum g_reason why,
					   _Atomic uint64_t *word,
					   uint64_t value)
{
	if (likely(m))
		return park(m, why, word, value);
	waiter_sleep(w, word, value);
	return NULL;
}

/* Wake one that is in no list any more. */
static ALWAYS_INLINE void waiter_wake(struct waiter *w, struct m *m)
{
	if (likely(w->g))
		ready(m, w->g);
	else
		waiter_rouse(w);
}

#endif
