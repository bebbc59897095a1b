/*
 * bias.h - a channel that one thread uses alone needs no locked operation.
 *
 *	home       meaning
 *	0          shared: everybody uses locked operations
 *	m          thread m alone uses it, by plain loads and stores
 *	m | MOVING somebody takes that back, or gives it: all others wait
 *
 *	thread m                           whoever else comes
 *
 *	touching = this                    home: m -> m | MOVING
 *	light fence                        heavy fence (membarrier)
 *	home == m?                         m's touching == this?
 *	   yes: plain loads and stores        yes: wait
 *	   no:  as everybody               home = 0
 *	touching = none    (or the switch
 *	   does it, when the goroutine
 *	   can be woken)
 *
 * Each side writes, then looks at the other's word, so at least one of them
 * sees the other.  What thread m did is visible to whoever has seen that it
 * touches nothing any more.
 *
 *	0 -> m     at birth, by the thread that makes it; or under the
 *	           channel's LOCK, by a thread that has used it alone for long:
 *	           with MOVING set and after a heavy fence, if no other thread
 *	           touches it and none that is not the runtime's, which has no
 *	           such word, has ever come
 *	m -> 0     by the first who comes from another thread; it costs a
 *	           membarrier, so each time the next must be earned by twice as
 *	           many uses, and a thread whose channels all go elsewhere makes
 *	           its next ones shared
 *
 * Invariant: while home is m, nobody but m changes the ring's ends or takes
 * LOCK.  (LOCK is dropped, stamps are stored and selects are claimed the same
 * way in both states; under LOCK ring operations are locked ones in both.)
 *
 * After biased locks (Kawachiya et al., OOPSLA 2002) and BRAVO's inhibition
 * (Dice and Kogan, USENIX ATC 2019); the marker and the asymmetric fence are
 * those of own.h.
 */
#ifndef SYNC_BIAS_H
#define SYNC_BIAS_H

#include "core/atomic.h"
#include "core/park.h"

#ifndef BIAS_PATIENCE
#define BIAS_PATIENCE 1024u
#endif

enum { BIAS_MOVING = 1 };

struct bias {
	_Atomic uintptr_t home;
	_Atomic uint32_t patience; /* uses in a row before it is tried */
	_Atomic bool foreign; /* a thread that is not the runtime's was here */
};

/* How often the same thread came in a row.  A hint, on the line of what it
 * counts. */
struct streak {
	_Atomic(struct m *) who;
	_Atomic uint32_t run;
};

/* At birth. */
void bias_born(struct bias *b);
/* At the end. */
void bias_gone(struct bias *b);
/* With LOCK: thread m would like to have it for itself. */
void bias_ask(struct bias *b, struct m *m);

bool bias_enter_slow(struct bias *b, struct m *m);

enum bias_home { BIAS_OURS, BIAS_SHARED, BIAS_ELSEWHERE };

/* Before the words that home guards; from here to bias_leave it stays so, unless
 * it is ELSEWHERE. */
static ALWAYS_INLINE enum bias_home bias_touch(struct bias *b, struct m *m)
{
	uintptr_t home;

	a_store(&m->touching, b, relaxed);
	a_light();
	/* [bias.enter] pairs with [bias.shared], [bias.ours]. */
	home = a_load(&b->home, acquire);
	if (likely(home == (uintptr_t)m))
		return BIAS_OURS;
	return likely(home == 0) ? BIAS_SHARED : BIAS_ELSEWHERE;
}

/* The same, and then it is not elsewhere.  True: it is ours alone. */
static ALWAYS_INLINE bool bias_enter(struct bias *b, struct m *m)
{
	enum bias_home home = likely(m) ? bias_touch(b, m) : BIAS_ELSEWHERE;

	return likely(home != BIAS_ELSEWHERE) ? home == BIAS_OURS
					      : bias_enter_slow(b, m);
}

/* What a switch sets to 0 instead of bias_leave. */
static ALWAYS_INLINE _Atomic uint64_t *bias_mark(struct m *m)
{
	return (_Atomic uint64_t *)&m->touching;
}

static ALWAYS_INLINE void bias_leave(struct m *m)
{
	/* [bias.leave] pairs with [bias.await], [m.touches]: all that was
	 * done. */
	if (likely(m))
		a_store(&m->touching, NULL, release);
}

/* Is it another thread's?  Then what we see of it may be old. */
static ALWAYS_INLINE bool bias_elsewhere(struct bias *b, struct m *m)
{
	/* [bias.peek] pairs with [bias.shared], [bias.ours]. */
	uintptr_t home = a_load(&b->home, acquire);

	return home != 0 && home != (uintptr_t)m;
}

/* One more use by m; true: it has come often enough to ask. */
static ALWAYS_INLINE bool bias_earned(struct bias *b, struct streak *s,
				      struct m *m)
{
	uint32_t run;

	if (a_load(&s->who, relaxed) != m) {
		a_store(&s->who, m, relaxed);
		a_store(&s->run, 0, relaxed);
		return false;
	}
	run = a_load(&s->run, relaxed) + 1;
	if (likely(run < a_load(&b->patience, relaxed))) {
		a_store(&s->run, run, relaxed);
		return false;
	}
	a_store(&s->run, 0, relaxed);
	return true;
}

#endif
