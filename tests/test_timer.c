/*
 * test_timer.c - timers, tickers, and functions that run later.
 *
 * Go's src/time/sleep_test.go and tick_test.go retold.  How late is the machine's
 * doing as well: only what is out of all proportion fails here.
 */
#include "leat.h"

#include "test.h"
#include "ticks.h"

/* -- once -- */

GO_TEST(a_timer_sends_the_time_once, "R179 R180 R181 R201")
{
	static const leat_duration d[] = { 1, 50000, MS, 3 * MS, 70 * MS };

	for (size_t i = 0; i < sizeof(d) / sizeof(d[0]); i++) {
		leat_time when = leat_after_now(d[i]);
		leat_timer *t = leat_timer_new(d[i]);

		expect_tick(leat_timer_chan(t), when);
		leat_sleep(2 * MS);
		expect_nothing(leat_timer_chan(t));
		EXPECT(!leat_timer_stop(t));
		leat_timer_release(t);
	}
}

GO_TEST(a_timer_can_be_set_to_a_moment, "R179")
{
	leat_time when = leat_after_now(5 * MS);
	leat_timer *t = leat_timer_new_at(when);

	expect_tick(leat_timer_chan(t), when);
	EXPECT_EQ(leat_timer_reset_at(t, -5), 0);
	EXPECT_EQ(leat_recv_until(leat_timer_chan(t), NULL, far_away()), 0);
	EXPECT_EQ(leat_timer_reset_at(t, INT64_MIN), 0);
	EXPECT_EQ(leat_recv_until(leat_timer_chan(t), NULL, far_away()), 0);
	leat_timer_release(t);
	t = leat_timer_new(INT64_MIN);
	EXPECT_EQ(leat_recv_until(leat_timer_chan(t), NULL, far_away()), 0);
	leat_timer_release(t);
}

GO_TEST(a_stopped_timer_never_sends, "R182 R184")
{
	leat_timer *t = leat_timer_new(5 * MS);

	EXPECT(leat_timer_stop(t));
	EXPECT(!leat_timer_stop(t));
	leat_sleep(10 * MS);
	expect_nothing(leat_timer_chan(t));
	EXPECT(!leat_timer_stop(t));
	leat_timer_release(t);
}

GO_TEST(a_stop_takes_back_what_nobody_received, "R183 R187 X1")
{
	leat_timer *t = leat_timer_new(1);

	leat_sleep(2 * MS);
	EXPECT(leat_timer_stop(t));
	expect_nothing(leat_timer_chan(t));
	EXPECT(!leat_timer_stop(t));

	EXPECT_EQ(leat_timer_reset(t, 1), 0);
	leat_sleep(2 * MS);
	EXPECT_EQ(leat_timer_reset(t, LEAT_HOUR), 1);
	expect_nothing(leat_timer_chan(t));
	EXPECT(leat_timer_stop(t));

	EXPECT_EQ(leat_timer_reset(t, 1), 0);
	EXPECT_EQ(leat_recv_until(leat_timer_chan(t), NULL, far_away()), 0);
	EXPECT(!leat_timer_stop(t));
	leat_timer_release(t);
}

GO_TEST(a_reset_sets_it_anew, "R185 R186")
{
	leat_time when = leat_after_now(20 * MS);
	leat_timer *t = leat_timer_new(LEAT_HOUR);

	EXPECT_EQ(leat_timer_reset(t, 20 * MS), 1);
	expect_tick(leat_timer_chan(t), when);
	when = leat_after_now(2 * MS);
	EXPECT_EQ(leat_timer_reset(t, 2 * MS), 0);
	expect_tick(leat_timer_chan(t), when);
	EXPECT_EQ(leat_timer_reset(t, LEAT_HOUR), 0);
	EXPECT(leat_timer_stop(t));
	EXPECT_EQ(leat_timer_reset(t, 1), 0);
	EXPECT_EQ(leat_recv_until(leat_timer_chan(t), NULL, far_away()), 0);
	leat_timer_release(t);
}

GO_TEST(a_later_reset_is_later, "R185 R187")
{
	leat_timer *t = leat_timer_new(5 * MS);
	leat_time when = leat_after_now(30 * MS);

	EXPECT_EQ(leat_timer_reset(t, 30 * MS), 1);
	expect_tick(leat_timer_chan(t), when);
	leat_timer_release(t);
}

GO_TEST(a_channel_of_time_looks_unbuffered, "R187")
{
	leat_timer *t = leat_timer_new(1);

	leat_sleep(2 * MS);
	EXPECT_EQ(leat_len(leat_timer_chan(t)), 0);
	EXPECT_EQ(leat_cap(leat_timer_chan(t)), 0);
	EXPECT_EQ(leat_try_recv(leat_timer_chan(t), NULL), 0);
	leat_timer_release(t);
}

GO_TEST(what_is_too_far_away_never_comes, "R202")
{
	leat_timer *t[] = {
		leat_timer_new(LEAT_NEVER),
		leat_timer_new(LEAT_NEVER - 1),
		leat_timer_new_at(LEAT_NEVER),
		leat_timer_new_at(LEAT_NEVER - 1),
		leat_ticker_new(LEAT_NEVER),
		leat_ticker_new(LEAT_NEVER / 2),
	};

	leat_sleep(3 * MS);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		expect_nothing(leat_timer_chan(t[i]));
		EXPECT_EQ(leat_timer_reset(t[i], LEAT_NEVER), 1);
		EXPECT(leat_timer_stop(t[i]));
		leat_timer_release(t[i]);
	}
}

GO_TEST(a_timer_set_to_the_past_comes_at_once, "R185")
{
	for (int i = 0; i < 1000; i++) {
		leat_timer *t = leat_timer_new(LEAT_HOUR);

		for (int j = 0; j < 10; j++) {
			if (!leat_timer_stop(t))
				leat_recv(leat_timer_chan(t), NULL);
			EXPECT_EQ(leat_timer_reset(t, -LEAT_HOUR), 0);
		}
		EXPECT_EQ(leat_recv_until(leat_timer_chan(t), NULL,
					  leat_after_now(20 * LEAT_SECOND)),
			  0);
		leat_timer_release(t);
	}
}

/* -- After -- */

GO_TEST(after_in_a_select_is_a_time_out, "R191 R192 R107 E10")
{
	leat_chan(int) work = leat_make(int, 0);
	leat_time when = leat_after_now(5 * MS);
	leat_time_receiver late = leat_after(5 * MS);
	leat_time now;

	EXPECT_EQ(
		leat_select(leat_on_recv(work, NULL), leat_on_recv(late, &now)),
		1);
	EXPECT(now >= when && now <= leat_now());
	leat_release(late);
	leat_release(work);
}

GO_TEST(they_come_in_the_order_of_their_times, "R199")
{
	static const int slot[] = { 5, 3, 6, 6, 6, 1, 1, 2, 7, 9, 4, 8, 0 };
	enum { SLOTS = sizeof(slot) / sizeof(slot[0]) };
	leat_time start = leat_after_now(10 * MS);
	leat_timer *t[SLOTS];
	leat_time got[SLOTS];

	for (int i = 0; i < SLOTS; i++)
		t[i] = leat_timer_new_at(start + slot[i] * MS);
	for (int i = 0; i < SLOTS; i++)
		leat_recv(leat_timer_chan(t[i]), &got[i]);
	for (int i = 0; i < SLOTS; i++) {
		EXPECT(got[i] >= start + slot[i] * MS);
		for (int j = 0; j < SLOTS; j++)
			EXPECT(slot[i] >= slot[j] || got[i] <= got[j]);
		leat_timer_release(t[i]);
	}
}

/* -- functions -- */

static leat_chan(int) count;

static void counts_down(int n)
{
	leat_send(count, n);
	if (n > 0)
		EXPECT_EQ(leat_go_after(1, counts_down, n - 1), 0);
}

GO_TEST(a_function_runs_later_in_its_own_goroutine, "R189 X2")
{
	int n;

	count = leat_make(int, 0);
	EXPECT_EQ(leat_go_after(1, counts_down, 100), 0);
	for (int i = 100; i >= 0; i--) {
		EXPECT_EQ(leat_recv_until(count, &n, far_away()), 0);
		EXPECT_EQ(n, i);
	}
	leat_release(count);
}

GO_TEST(its_arguments_are_those_of_the_call, "R189 X13")
{
	leat_timer *t = leat_after_func(2 * MS, runs, 1, 2, 3, 4, 5, 6);

	EXPECT(leat_timer_chan(t) == NULL);
	until_ran(1);
	EXPECT_EQ(atomic_load(&sum), 91);
	EXPECT(!leat_timer_stop(t));
	EXPECT_EQ(leat_timer_reset(t, 1), 0);
	until_ran(2);
	EXPECT_EQ(atomic_load(&sum), 182);
	EXPECT_EQ(leat_timer_reset(t, LEAT_HOUR), 0);
	EXPECT_EQ(leat_timer_reset(t, LEAT_HOUR), 1);
	EXPECT(leat_timer_stop(t));
	EXPECT(!leat_timer_stop(t));
	leat_sleep(3 * MS);
	EXPECT_EQ(atomic_load(&ran), 2);
	leat_timer_release(t);
}

GO_TEST(a_function_can_be_set_to_a_moment, "R189")
{
	leat_time when = leat_after_now(5 * MS);
	leat_timer *t = leat_after_func_at(when, runs, 1, 0, 0, 0, 0, 0);

	until_ran(1);
	EXPECT(leat_now() >= when);
	leat_timer_release(t);
}

GO_TEST(it_runs_though_nobody_has_the_timer, "R193")
{
	leat_timer_release(leat_after_func(2 * MS, runs, 1, 0, 0, 0, 0, 0));
	EXPECT_EQ(leat_go_after(2 * MS, runs, 1, 0, 0, 0, 0, 0), 0);
	until_ran(2);
	EXPECT_EQ(atomic_load(&ran), 2);
}

static void blocks(leat_receiver(int) c)
{
	leat_recv(c, NULL);
	atomic_fetch_add(&ran, 1);
}

GO_TEST(one_that_blocks_holds_up_no_other, "R190")
{
	leat_chan(int) c = leat_make(int, 0);
	leat_time when = leat_after_now(2 * MS);

	for (int i = 0; i < 50; i++)
		EXPECT_EQ(leat_go_after(MS, blocks, leat_recv_end(c)), 0);
	leat_sleep_until(when);
	EXPECT(leat_since(when) < tolerance());
	EXPECT_EQ(leat_go_after(MS, runs, 1, 1, 1, 1, 1, 1), 0);
	until_ran(1);
	leat_close(c);
	until_ran(51);
	leat_release(c);
}

/* A timer that is stopped by one function from another (golang/go#12961). */
static void stops(leat_timer *t)
{
	leat_timer_stop(t);
	leat_timer_release(t);
	atomic_fetch_add(&ran, 1);
}

GO_TEST(functions_may_stop_timers, "R189")
{
	enum { N = 1000 };

	for (int i = 0; i < N; i++) {
		leat_timer *t = leat_after_func(MS, runs, 0, 0, 0, 0, 0, 0);

		EXPECT(t != NULL);
		EXPECT_EQ(leat_go_after(MS, stops, t), 0);
		if (i % 100 == 0)
			leat_sleep(MS / 10);
	}
	/* Some of the N ran, all of the others stopped them. */
	until_ran(N);
	leat_sleep(5 * MS);
	EXPECT(atomic_load(&ran) <= 2 * N);
}

/* -- tickers -- */

GO_TEST(a_ticker_ticks_until_it_is_stopped, "R194 R195")
{
	enum { N = 10 };
	leat_time start = leat_now(), got = start;
	leat_timer *t = leat_ticker_new(2 * MS);
	bool ok = true;

	for (int i = 0; i < N; i++) {
		leat_time next;

		EXPECT_EQ(
			leat_recv_until(leat_timer_chan(t), &next, far_away()),
			0);
		EXPECT(next > got);
		got = next;
	}
	EXPECT(got >= start + N * 2 * MS);
	EXPECT(got - start < N * 2 * MS + tolerance());
	EXPECT(leat_timer_stop(t));
	EXPECT(!leat_timer_stop(t));
	leat_sleep(5 * MS);
	EXPECT_EQ(
		leat_try_select(leat_on_recv_ok(leat_timer_chan(t), NULL, &ok)),
		-1);
	leat_timer_release(t);
}

GO_TEST(ticks_that_nobody_takes_are_dropped, "R196")
{
	leat_timer *t = leat_ticker_new(MS);
	leat_time first, second, now;

	leat_sleep(20 * MS);
	now = leat_now();
	leat_recv(leat_timer_chan(t), &first);
	leat_recv(leat_timer_chan(t), &second);
	EXPECT(first <= now);
	EXPECT(second > now - 2 * MS);
	leat_timer_stop(t);
	expect_nothing(leat_timer_chan(t));
	leat_timer_release(t);
}

GO_TEST(a_ticker_can_be_given_another_pace, "R198")
{
	leat_timer *t = leat_ticker_new(LEAT_HOUR);
	leat_time when = leat_after_now(4 * MS);

	EXPECT_EQ(leat_timer_reset(t, 2 * MS), 1);
	leat_recv(leat_timer_chan(t), NULL);
	leat_recv(leat_timer_chan(t), NULL);
	EXPECT(leat_now() >= when);
	leat_sleep(5 * MS);
	EXPECT_EQ(leat_timer_reset(t, LEAT_HOUR), 1);
	expect_nothing(leat_timer_chan(t));
	EXPECT(leat_timer_stop(t));
	when = leat_after_now(3 * MS);
	EXPECT_EQ(leat_timer_reset_at(t, when), 0);
	expect_tick(leat_timer_chan(t), when);
	EXPECT(leat_timer_stop(t));
	leat_timer_release(t);
}

GO_TEST(tick_is_a_ticker_without_a_handle, "R194 R197")
{
	leat_time_receiver c = leat_tick(MS);

	EXPECT(leat_tick(0) == NULL);
	EXPECT(leat_tick(-1) == NULL);
	for (int i = 0; i < 5; i++)
		leat_recv(c, NULL);
	leat_release(c);
}

GO_TEST(the_fastest_ticker_starves_nobody, "R194")
{
	leat_timer *t = leat_ticker_new(1);

	for (int i = 0; i < 1000; i++)
		leat_recv(leat_timer_chan(t), NULL);
	leat_sleep(2 * MS);
	EXPECT_EQ(leat_go_after(1, runs, 0, 0, 0, 0, 0, 0), 0);
	until_ran(1);
	leat_timer_release(t);
}

SUITE("timer")
