/*
 * clock.h - a moment that is not before now, for half the price of the clock.
 *
 *	counter of the CPU   ----*---------*--->
 *	                         |         :
 *	CLOCK_MONOTONIC      ----*---------:--->
 *	                      reading     here: reading + passed * rate
 *
 * Each thread reads the clock and the counter together at most every 100 us, and
 * in between only the counter.  The rate was learnt once, over 10 ms or more, and
 * is set too high by a thousandth, twice what the kernel slews the clock by; so
 * what comes out is never before the clock, and some 200 ns after it at most (100
 * us, if the thread lost its CPU while it read).  That is for times that are
 * waited for; whoever asks for the time gets the clock's.
 *
 * A daemon may slew it faster (chrony, by 8 %, as it starts).  The next reading
 * shows that, and from then on the counter is not used: until then it is early
 * by 8 us at most.  Nor is it where the kernel does not keep time by it.
 */
#ifndef CORE_CLOCK_H
#define CORE_CLOCK_H

#include "core/atomic.h"
#include "core/base.h"
#include "core/os.h"

#include <stdint.h>

struct clock_reading {
	uint64_t ticks;
	int64_t now;
};

extern _Atomic uint64_t clock_rate;   /* ns a tick, times 2^32 */
extern _Atomic uint64_t clock_window; /* ticks a reading is good for; 0: none */

/* LEAT_CLOCK=fake (fake.h): all of the above is not used, and the time is this. */
extern bool clock_is_fake;
extern _Atomic int64_t clock_fake;
#define CLOCK_FAKE_START 3600000000000ll

/* Once, before there are threads. */
void clock_start(bool fake);

/* The time that timers and users go by. */
static ALWAYS_INLINE int64_t clock_now(void)
{
	if (likely(!clock_is_fake))
		return os_now();
	/* [clock.fake] pairs with [fake.move]. */
	return a_load(&clock_fake, acquire);
}

/* Read both. */
COLD int64_t clock_read(struct clock_reading *r);

/* r: the thread's own. */
static ALWAYS_INLINE int64_t clock_ahead(struct clock_reading *r)
{
	uint64_t passed = cpu_ticks() - r->ticks + 1;

	/* [clock.good] pairs with [clock.learnt]. */
	if (unlikely(passed >= a_load(&clock_window, acquire)))
		return clock_read(r);
	return r->now + (int64_t)(passed * a_load(&clock_rate, relaxed) >> 32);
}

#endif
