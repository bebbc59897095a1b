/*
 * idle.h - which Ps have nothing to do, and whom to wake.
 *
 *	            nothing found            no work at all
 *	  BUSY ----------------> SEARCHING ----------------> IDLE
 *	   ^   idle_search            |     idle_publish      |
 *	   |                          |                       |
 *	   '--------------------------'                       |
 *	   |  work found: idle_found                          |
 *	   |                   SEARCHING <--------------------'
 *	   |                          |   idle_withdraw (its own doing), or
 *	   '--------------------------'   idle_wake (somebody else's)
 *
 * One word counts both, so that "is anybody hungry?" is one load:
 *
 *	state	| searching : 32 | idle : 32 |
 */
#ifndef CORE_IDLE_H
#define CORE_IDLE_H

#include "core/atomic.h"

#include <stdbool.h>
#include <stdint.h>

#ifndef IDLE_PROCS
#define IDLE_PROCS 1024
#endif

#define IDLE_ONE      1ull
#define SEARCHING_ONE (1ull << 32)

struct idle {
	_Alignas(CPU_LINE) _Atomic uint64_t state;
	_Atomic uint64_t mask[(IDLE_PROCS + 63) / 64]; /* bit p: P p is idle */
};

static inline uint32_t idle_count(uint64_t state)
{
	return (uint32_t)state;
}

static inline uint32_t idle_searching(uint64_t state)
{
	return (uint32_t)(state >> 32);
}

/* Is anybody without work?  A hint: one relaxed load. */
static ALWAYS_INLINE bool idle_hungry(struct idle *i)
{
	return a_load(&i->state, relaxed) != 0;
}

/* After work became visible to thieves: the P to wake, now counted as
 * searching, or -1 if nobody needs to be. */
int idle_wake(struct idle *i, int procs);

/* The same whatever the others do: some idle P, or -1. */
int idle_pick(struct idle *i, int procs);
/* BUSY -> SEARCHING, unless half of the busy ones search already. */
bool idle_search(struct idle *i, int procs);
/* SEARCHING -> BUSY.  True: it was the last one who searched, so another
 * should be woken if there is more work (idle_wake). */
bool idle_found(struct idle *i);
/* SEARCHING or BUSY -> IDLE.  The caller must look at every queue once more
 * before it sleeps. */
void idle_publish(struct idle *i, int p, bool searching);
/* IDLE -> SEARCHING, whoever did it: after this, P p counts as searching and
 * cannot be picked.  True: this call did it; for another's P the caller must
 * wake it then. */
bool idle_withdraw(struct idle *i, int p);

#endif
