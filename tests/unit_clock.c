/*
 * unit_clock.c - what clock_ahead says is never before the clock, and not far
 * after it.
 */
#include "core/clock.h"

#include "core/os.h"
#include "measure.h"
#include "test.h"

enum { TIMES = 1000000, FAR_NS = 200000 };

static void learn(struct clock_reading *r)
{
	clock_start(false);
	os_sleep(11000000);
	for (int i = 0; i < 100 && clock_window == 0; i++) {
		clock_read(r);
		os_sleep(100000);
	}
}

/* A thread that loses its CPU in between has not read what it seems: those few
 * are not counted as far. */
TEST(it_is_never_before_the_clock, "R201")
{
	struct clock_reading r = { 0 };
	size_t n = test_count(TIMES), far = 0;

	learn(&r);
	for (size_t i = 0; i < n; i++) {
		int64_t before = os_now(), ahead = clock_ahead(&r);

		EXPECT(ahead >= before);
		far += ahead - os_now() > FAR_NS;
	}
	EXPECT(far < n / 1000 + 10);
}

TEST(after_a_rest_it_is_read_again, "R201")
{
	struct clock_reading r = { 0 };

	learn(&r);
	for (int i = 0; i < 50; i++) {
		int64_t before;

		os_sleep(i * 10000);
		before = os_now();
		EXPECT(clock_ahead(&r) >= before);
	}
}

TEST(without_a_counter_it_is_the_clock, "R201")
{
	struct clock_reading r = { 0 };

	for (int i = 0; i < 1000; i++) {
		int64_t before = os_now(), ahead = clock_ahead(&r);

		EXPECT(clock_window == 0);
		EXPECT(ahead >= before);
	}
}

TEST(it_is_given_up_where_the_clock_is_faster, "R201")
{
	struct clock_reading r = { 0 };

	learn(&r);
	if (clock_window == 0)
		SKIP("the kernel does not use that counter");
	for (int i = 0; i < 1000; i++) {
		clock_read(&r);
		EXPECT(clock_window > 0);
	}
	clock_rate -= clock_rate / 500;
	for (int i = 0; i < 1000 && clock_window > 0; i++) {
		for (int64_t end = now_ns() + 100000; now_ns() < end;)
			;
		clock_read(&r);
	}
	EXPECT_EQ((long)clock_window, 0);
}

SUITE("clock")
