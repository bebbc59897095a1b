/*
 * ticks.h - what tests of timers and contexts share.
 */
#ifndef TICKS_H
#define TICKS_H

#include "leat.h"

#include "test.h"

#include <stdatomic.h>

#define MS LEAT_MILLISECOND

static inline leat_duration tolerance(void)
{
	return 500 * MS * test_slow();
}

static inline leat_time far_away(void)
{
	return leat_after_now(LEAT_HOUR);
}

/* Something comes, and not before `when`. */
static inline leat_time expect_tick(leat_time_receiver c, leat_time when)
{
	leat_time got = 0;

	EXPECT_EQ(leat_recv_until(c, &got, far_away()), 0);
	EXPECT(got >= when);
	EXPECT(got <= leat_now());
	EXPECT(got - when < tolerance());
	return got;
}

static inline void expect_nothing(leat_time_receiver c)
{
	EXPECT_EQ(leat_try_recv(c, NULL), -EAGAIN);
}

/* -- a function that runs later -- */

static atomic_int ran, sum;

static inline void runs(int a, int b, int c, int d, int e, int f)
{
	atomic_fetch_add(&sum, a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f);
	atomic_fetch_add(&ran, 1);
}

static inline void until_ran(int n)
{
	leat_time limit = leat_after_now(tolerance() * 10);

	while (atomic_load(&ran) < n) {
		EXPECT(leat_now() < limit);
		leat_sleep(MS / 10);
	}
}

/* Until all that were started have ended. */
static inline void until_alone(void)
{
	leat_time limit = leat_after_now(tolerance() * 10);

	while (leat_goroutine_count() > 1) {
		EXPECT(leat_now() < limit);
		leat_sleep(MS / 10);
	}
}

#endif
