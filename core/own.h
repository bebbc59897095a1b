/*
 * own.h - who may touch what belongs to a P, decided without a locked
 * operation on the side that asks a hundred million times a second.
 *
 *	thread of the P (hot)            claimer (rare: sysmon, stop)
 *
 *	inside = 1                       claim: FREE -> CLAIMED
 *	light fence                      heavy fence (membarrier)
 *	claim == FREE?                   inside == 0?
 *	   yes: the P is ours               yes: the P is the claimer's
 *	   no:  step back, wait             no:  claim = FREE, give up
 *	...
 *	inside = 0
 *
 * A thread is inside while it runs the runtime's code and outside while it
 * runs a goroutine's own.  Each side writes, then looks at the other's word,
 * so at least one of them sees the other: both cannot own the P.  The heavy
 * fence makes the hot thread's two steps take effect in order, whatever its
 * store buffer did, so the hot side needs only the compiler's word.
 *
 *	claim      meaning                           written by
 *	FREE       nobody claims                     the claimer; the thread,
 *	                                             when it gets a P again
 *	CLAIMED    a claimer looks, or owns the P    the claimer
 *	           for a moment
 *	TAKEN      the P has gone to another thread  the claimer; the thread,
 *	                                             by compare-and-swap
 *
 * Invariant: the plain fields of a P are touched only by a thread that is
 * inside and has read FREE after that, or by a claimer that has read
 * inside == 0 and has not yet stored FREE.  No memory is reclaimed here: an M
 * is never freed.
 *
 * The asymmetric fence is that of P1202 (folly, liburcu-memb); the use of it
 * for a scheduler's retake is ours.
 */
#ifndef CORE_OWN_H
#define CORE_OWN_H

#include "core/atomic.h"

#include <stdbool.h>
#include <stdint.h>

#ifndef OWN_SPINS
#define OWN_SPINS 100
#endif

enum { OWN_FREE, OWN_CLAIMED, OWN_TAKEN };

struct own {
	_Atomic uint32_t inside;
	_Atomic uint32_t claim;
};

/* The long way in: a claimer was seen.  False: the P is gone. */
static COLD __attribute__((unused)) bool own_enter_slow(struct own *o)
{
	for (;;) {
		uint32_t claim;

		/* [own.back] pairs with [own.look]: nothing was touched. */
		a_store(&o->inside, 0, release);
		for (int turn = 0;; turn++) {
			/* [own.wait] pairs with [own.free], [own.take],
			 * [own.abort]: what the claimer did to the P. */
			claim = a_load(&o->claim, acquire);
			if (claim != OWN_CLAIMED)
				break;
			if (turn < OWN_SPINS)
				a_spin();
			else
				a_yield();
		}
		a_store(&o->inside, 1, relaxed);
		a_light();
		if (claim == OWN_TAKEN)
			return false;

		/* [own.again] pairs with [own.free], [own.abort]. */
		if (a_load(&o->claim, acquire) == OWN_FREE)
			return true;
	}
}

/* Come inside, if nobody claims; else own_enter_slow decides. */
static ALWAYS_INLINE bool own_enter_fast(struct own *o)
{
	a_store(&o->inside, 1, relaxed);
	a_light();
	/* [own.enter] pairs with [own.free], [own.abort]: if it reads FREE
	 * after a claim ended, it sees what the claimer did. */
	return likely(a_load(&o->claim, acquire) == OWN_FREE);
}

/* Come inside.  False: the P was taken; the thread is inside without one. */
static ALWAYS_INLINE bool own_enter(struct own *o)
{
	return own_enter_fast(o) || own_enter_slow(o);
}

static ALWAYS_INLINE void own_leave(struct own *o)
{
	/* [own.leave] pairs with [own.look]: a claimer that sees us outside
	 * sees all we did inside. */
	a_store(&o->inside, 0, release);
}

/* Claim what o's thread owns.  True: it is the caller's, until own_release or
 * own_take.  False: the thread is inside, or somebody else claims. */
static inline bool own_claim(struct own *o)
{
	uint32_t claim = OWN_FREE;

	/* [own.claim] pairs with [own.free], [own.abort]: the claimer before
	 * us is done. */
	if (!a_cas(&o->claim, &claim, OWN_CLAIMED, acq_rel))
		return false;
	a_heavy();

	/* [own.look] pairs with [own.leave], [own.back]. */
	if (a_load(&o->inside, acquire) == 0)
		return true;

	/* [own.abort] pairs with [own.enter], [own.again], [own.wait],
	 * [own.claim], [own.part]. */
	a_store(&o->claim, OWN_FREE, release);
	return false;
}

/* The P goes back to its thread. */
static inline void own_release(struct own *o)
{
	/* [own.free] pairs with [own.enter], [own.again], [own.wait],
	 * [own.claim], [own.part]. */
	a_store(&o->claim, OWN_FREE, release);
}

/* The thread itself, inside, gives its P up.  A claimer that looks at this
 * moment lets go, for it finds us inside; until then its word is not ours to
 * overwrite.  While the word is TAKEN nobody can claim. */
static inline void own_part(struct own *o)
{
	for (int turn = 0;; turn++) {
		uint32_t claim = OWN_FREE;

		/* [own.part] pairs with [own.abort], [own.free]. */
		if (a_cas(&o->claim, &claim, OWN_TAKEN, acquire) ||
		    claim == OWN_TAKEN)
			return;
		if (turn < OWN_SPINS)
			a_spin();
		else
			a_yield();
	}
}

/* It gets one, before anybody can find it by that P. */
static inline void own_renew(struct own *o)
{
	a_store(&o->claim, OWN_FREE, relaxed);
}

/* The P goes elsewhere; the thread learns of it when it comes inside. */
static inline void own_take(struct own *o)
{
	/* [own.take] pairs with [own.wait]. */
	a_store(&o->claim, OWN_TAKEN, release);
}

#endif
