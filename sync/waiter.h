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
void waiter_init(struct waiter *w, struct m *m);
/* Store value in *word, with release, once we can be woken; wait. */
struct m *waiter_wait(struct waiter *w, struct m *m, enum g_reason why,
		      _Atomic uint64_t *word, uint64_t value);
/* Wake one that is in no list any more. */
void waiter_wake(struct waiter *w, struct m *m);

#endif
