/*
 * lock.c - a lock between threads: spin briefly, then sleep.
 *
 *	        take                 take, and it is held
 *	FREE ---------> HELD ------------------------------> SLEPT_ON
 *	  ^    drop      |                                      |
 *	  |<-------------'              drop, wake one          |
 *	  '<----------------------------------------------------'
 *
 * Whoever has slept takes the lock as SLEPT_ON, for others may still sleep:
 * at worst a drop wakes nobody.  A thread that finds SLEPT_ON does not spin;
 * those before it have already waited longer than a spin is worth.
 */
#include "core/lock.h"

#include "core/atomic.h"
#include "core/base.h"
#include "core/os.h"

enum { FREE, HELD, SLEPT_ON };

/* About a microsecond: longer than the lists behind these locks take, shorter
 * than a sleep and a wake. */
enum { SPINS = 40 };

bool lock_try(struct lock *l)
{
	uint32_t seen = FREE;

	/* [lock.take] pairs with [lock.drop]: what the last holder wrote. */
	return a_cas(&l->word, &seen, HELD, acquire);
}

static COLD void take_slow(struct lock *l)
{
	for (int i = 0; i < SPINS; i++) {
		uint32_t seen = a_load(&l->word, relaxed);

		if (seen == FREE && lock_try(l))
			return;
		if (seen == SLEPT_ON)
			break;
		a_spin();
	}

	/* [lock.sleep] pairs with [lock.drop], as [lock.take] does. */
	while (a_swap(&l->word, SLEPT_ON, acquire) != FREE)
		os_futex_wait(&l->word, SLEPT_ON, OS_NEVER);
}

void lock_take(struct lock *l)
{
	if (unlikely(!lock_try(l)))
		take_slow(l);
}

void lock_drop(struct lock *l)
{
	/* [lock.drop] pairs with [lock.take], [lock.sleep]. */
	uint32_t was = a_swap(&l->word, FREE, release);

	check(was != FREE);
	if (unlikely(was == SLEPT_ON))
		os_futex_wake(&l->word, 1);
}
