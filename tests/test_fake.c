/*
 * test_fake.c - LEAT_CLOCK=fake: what waits for hours is done at once, and to the
 * nanosecond.
 */
#include "leat.h"

#include "measure.h"
#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

__attribute__((constructor)) static void with_the_fake_clock(void)
{
	setenv("LEAT_CLOCK", "fake", 1);
}

GO_TEST(it_begins_at_one_hour_and_stands_still, "R201")
{
	EXPECT_EQ(leat_now(), LEAT_HOUR);
	for (int i = 0; i < 1000; i++)
		leat_yield();
	usleep(1000);
	EXPECT_EQ(leat_now(), LEAT_HOUR);
}

GO_TEST(a_sleep_takes_exactly_as_long_as_it_says, "R201 R202")
{
	const leat_duration some[] = { 1, 50 * LEAT_MICROSECOND, LEAT_SECOND,
				       LEAT_HOUR, 10000 * LEAT_HOUR };

	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
		leat_time start = leat_now();

		leat_sleep(some[i]);
		EXPECT_EQ(leat_since(start), some[i]);
	}
}

static atomic_int turn;

static void comes_as(int n, leat_duration after, leat_wg *all)
{
	leat_time start = leat_now();

	leat_sleep(after);
	EXPECT_EQ(leat_since(start), after);
	EXPECT_EQ(atomic_fetch_add(&turn, 1), n);
	leat_wg_done(all);
}

GO_TEST(the_earlier_comes_first, "R199")
{
	leat_wg all = { 0 };

	leat_wg_add(&all, 3);
	leat_go(comes_as, 2, 3 * LEAT_SECOND, &all);
	leat_go(comes_as, 0, LEAT_SECOND, &all);
	leat_go(comes_as, 1, 2 * LEAT_SECOND, &all);
	leat_wg_wait(&all);
	EXPECT_EQ(leat_now(), LEAT_HOUR + 3 * LEAT_SECOND);
}

static void sleeps_often(unsigned seed, int times, leat_wg *all)
{
	leat_time due = leat_now();

	for (int i = 0; i < times; i++) {
		leat_duration d =
			(leat_duration)(seed = seed * 1664525 + 1013904223) % 5;

		due += d * LEAT_MINUTE;
		leat_sleep(d * LEAT_MINUTE);
		EXPECT_EQ(leat_now(), due);
	}
	leat_wg_done(all);
}

GO_TEST(many_that_sleep_wake_when_it_is_time, "R199 R201")
{
	leat_wg all = { 0 };

	leat_wg_add(&all, 100);
	for (unsigned i = 0; i < 100; i++)
		leat_go(sleeps_often, i, (int)test_count(100), &all);
	leat_wg_wait(&all);
}

GO_TEST(ticks_come_on_the_second, "R194")
{
	leat_time start = leat_now();
	leat_timer *t = leat_ticker_new(LEAT_SECOND);

	for (int i = 1; i <= 100; i++) {
		leat_time at;

		leat_recv(leat_timer_chan(t), &at);
		EXPECT_EQ(at, start + i * LEAT_SECOND);
		EXPECT_EQ(leat_now(), at);
	}
	leat_timer_stop(t);
	leat_timer_release(t);
}

static void notes(leat_time *when)
{
	*when = leat_now();
}

GO_TEST(timers_and_deadlines_go_by_it, "R128 R189 R201")
{
	leat_ctx *ctx = leat_with_timeout(leat_background(), LEAT_HOUR);
	leat_chan(int) c = leat_make(int, 0);
	leat_time start = leat_now(), ran = 0;
	leat_wg group = { 0 };

	EXPECT_EQ(leat_recv_until(c, NULL, start + LEAT_MINUTE), -ETIMEDOUT);
	EXPECT_EQ(leat_now(), start + LEAT_MINUTE);
	leat_wg_add(&group, 1);
	EXPECT_EQ(leat_wg_wait_until(&group, start + 2 * LEAT_MINUTE),
		  -ETIMEDOUT);
	EXPECT_EQ(leat_now(), start + 2 * LEAT_MINUTE);
	EXPECT_EQ(leat_go_after(LEAT_MINUTE, notes, &ran), 0);
	leat_recv(leat_ctx_done(ctx), NULL);
	EXPECT(leat_ctx_err(ctx) == LEAT_DEADLINE_EXCEEDED);
	EXPECT_EQ(leat_now(), start + LEAT_HOUR);
	EXPECT_EQ(ran, start + 3 * LEAT_MINUTE);
	leat_ctx_release(ctx);
	leat_release(c);
}

/* E-listings of context: two workers look every second until they are told. */
static void watches(leat_ctx *ctx, int *looks, leat_wg *all)
{
	while (!leat_ctx_err(ctx)) {
		++*looks;
		leat_sleep(LEAT_SECOND);
	}
	leat_wg_done(all);
}

GO_TEST(the_watch_listing_takes_no_time, "R145")
{
	leat_ctx *ctx = leat_with_cancel(leat_background());
	leat_wg all = { 0 };
	int looks[2] = { 0 };

	leat_wg_add(&all, 2);
	leat_go(watches, ctx, &looks[0], &all);
	leat_go(watches, ctx, &looks[1], &all);
	leat_sleep(5 * LEAT_SECOND + LEAT_MILLISECOND);
	leat_cancel(ctx);
	leat_wg_wait(&all);
	EXPECT_EQ(looks[0], 6);
	EXPECT_EQ(looks[1], 6);
	EXPECT_EQ(leat_now(), LEAT_HOUR + 6 * LEAT_SECOND);
	leat_ctx_release(ctx);
}

/* -- what holds it up -- */

static intptr_t blocks(void *unused)
{
	(void)unused;
	usleep(30000);
	return 0;
}

static void sleeps_an_hour(leat_wg *all)
{
	leat_sleep(LEAT_HOUR);
	leat_wg_done(all);
}

GO_TEST(a_blocking_call_holds_it_up, "R25 R201")
{
	leat_wg all = { 0 };
	leat_time start = leat_now();

	leat_wg_add(&all, 1);
	leat_go(sleeps_an_hour, &all);
	leat_yield();
	leat_block(blocks, NULL);
	EXPECT_EQ(leat_now(), start);
	leat_wg_wait(&all);
	EXPECT_EQ(leat_since(start), LEAT_HOUR);
}

static int64_t real_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Its P is taken from it meanwhile, for others are ready; they wait, then. */
static void runs_a_little(leat_wg *all)
{
	for (int i = 0; i < 10; i++)
		leat_yield();
	leat_wg_done(all);
}

GO_TEST(one_that_computes_holds_it_up, "R27 R201")
{
	leat_wg all = { 0 };
	leat_time start = leat_now();
	int64_t end = real_ns() + 60000000;

	leat_wg_add(&all, 5);
	leat_go(sleeps_an_hour, &all);
	for (int i = 0; i < 4; i++)
		leat_go(runs_a_little, &all);
	while (real_ns() < end)
		;
	EXPECT_EQ(leat_now(), start);
	leat_wg_wait(&all);
	EXPECT_EQ(leat_since(start), LEAT_HOUR);
}

static void locked(leat_wg *all)
{
	leat_time start = leat_now();

	leat_thread_lock();
	for (int i = 1; i <= 20; i++) {
		leat_sleep(LEAT_MINUTE);
		EXPECT_EQ(leat_since(start), i * LEAT_MINUTE);
		if (i % 4 == 0)
			leat_block(blocks, NULL);
	}
	leat_thread_unlock();
	leat_wg_done(all);
}

GO_TEST(locked_goroutines_keep_time_too, "R18 R201")
{
	leat_wg all = { 0 };

	leat_wg_add(&all, 3);
	leat_go(locked, &all);
	leat_go(locked, &all);
	leat_go(locked, &all);
	leat_wg_wait(&all);
	EXPECT_EQ(leat_now(), LEAT_HOUR + 20 * LEAT_MINUTE);
}

static void locked_echo(leat_chan(int) in, leat_chan(int) out, leat_wg *all)
{
	leat_thread_lock();
	leat_range(ball, in) {
		EXPECT_EQ(leat_now(), LEAT_HOUR + ball * LEAT_SECOND);
		leat_send(out, ball);
	}
	leat_wg_done(all);
}

/* It is ready, but its thread is not awake yet. */
GO_TEST(a_locked_one_that_wakes_holds_it_up, "R18 R201")
{
	leat_chan(int) in = leat_make(int, 1), out = leat_make(int, 1);
	leat_wg all = { 0 };

	leat_wg_add(&all, 1);
	leat_go(locked_echo, in, out, &all);
	for (int i = 0; i < (int)test_count(300); i++) {
		leat_send(in, i);
		leat_sleep(LEAT_SECOND);
		EXPECT_EQ(leat_len(out), 1);
		leat_recv(out, NULL);
	}
	leat_close(in);
	leat_wg_wait(&all);
	leat_release(in);
	leat_release(out);
}

static intptr_t computes_long(void *unused)
{
	int64_t end = real_ns() + 30000000;

	(void)unused;
	while (real_ns() < end)
		;
	return 0;
}

static void computes_at_once(leat_wg *all)
{
	leat_time start = leat_now();

	computes_long(NULL);
	EXPECT_EQ(leat_now(), start);
	leat_wg_done(all);
}

GO_TEST(one_whose_P_goes_out_of_use_holds_it_up, "R18 R201")
{
	leat_wg all = { 0 };

	leat_wg_add(&all, 2);
	leat_go(computes_at_once, &all);
	leat_go(computes_at_once, &all);
	leat_yield();
	leat_procs_set(1);
	leat_sleep(LEAT_SECOND);
	leat_wg_wait(&all);
}

/* -- threads that are not the runtime's -- */

static leat_chan(int) mail;

static void *sleeps_in_a_thread(void *unused)
{
	leat_time start = leat_now();

	(void)unused;
	leat_sleep(LEAT_HOUR);
	EXPECT(leat_since(start) >= LEAT_HOUR);
	start = leat_now();
	EXPECT_EQ(leat_recv_until(mail, NULL, start + LEAT_HOUR), -ETIMEDOUT);
	EXPECT(leat_since(start) >= LEAT_HOUR);
	leat_send(mail, 1);
	return NULL;
}

GO_TEST(threads_wait_by_it_as_well, "R31 R201")
{
	pthread_t thread;

	mail = leat_make(int, 0);
	pthread_create(&thread, NULL, sleeps_in_a_thread, NULL);
	while (leat_recv_until(mail, NULL, leat_now() + LEAT_HOUR) ==
	       -ETIMEDOUT)
		;
	pthread_join(thread, NULL);
	leat_release(mail);
}

SUITE("fake clock")
