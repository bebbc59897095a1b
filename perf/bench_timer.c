/*
 * bench_timer.c - timers.
 *
 *	timer_stop_N       a function set to run in an hour, and stopped, where N
 *	                   others are set: 0, 10^4, 10^6
 *	timer_stop_at_N    the same with a moment instead of a duration
 *	timer_chan_stop    the same with a timer that has a channel
 *	timer_reset_N      each of N, in turn, set to another time: 1, 10^6
 *	timer_10m          10^7 functions set to run in an hour or two: bytes
 *	                   for each
 *	timer_fire_1m_late 10^6 functions are due at moments of their own, one to
 *	                   two seconds from now: how late the last of them is
 *	timer_fire_1m_cpu  the CPU time of all that, the setting included
 *	timer_hog_p50,     how late functions are that one goroutine sets to run
 *	timer_hog_p99      in 1 ms, before it computes for 2 ms, 500 times; the
 *	                   other Ps compute, too
 *	ticker_1khz_p99,   how far a tick is from its time: of 1,000 and of 5,000
 *	ticker_10khz_p99
 */
#include "perf/bench.h"

#include "leat.h"

#include <stdatomic.h>
#include <stdlib.h>

static void nothing(void)
{
}

/* -- set and stopped -- */

static leat_timer **many_timers(uint64_t n)
{
	leat_timer **t = n ? malloc(n * sizeof(leat_timer *)) : NULL;
	leat_time first = leat_after_now(LEAT_HOUR);

	for (uint64_t i = 0; i < n; i++)
		t[i] = leat_after_func_at(first + bench_chance(i) % LEAT_HOUR,
					  nothing);
	return t;
}

static void no_timers(leat_timer **t, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		leat_timer_stop(t[i]);
		leat_timer_release(t[i]);
	}
	free(t);
}

static void stop_among(struct bench *b, uint64_t others)
{
	leat_timer **t = many_timers(others);

	bench_start(b);
	for (uint64_t i = 0; i < b->n; i++) {
		leat_timer *one = leat_after_func(LEAT_HOUR, nothing);

		leat_timer_stop(one);
		leat_timer_release(one);
	}
	bench_stop(b);
	no_timers(t, others);
}

BENCH(timer_stop_0)
{
	stop_among(b, 0);
}

BENCH(timer_stop_10k)
{
	stop_among(b, 10000);
}

BENCH(timer_stop_1m)
{
	stop_among(b, 1000000);
}

static void stop_at_among(struct bench *b, uint64_t others)
{
	leat_timer **t = many_timers(others);
	leat_time when = leat_after_now(LEAT_HOUR);

	bench_start(b);
	for (uint64_t i = 0; i < b->n; i++) {
		leat_timer *one = leat_after_func_at(when, nothing);

		leat_timer_stop(one);
		leat_timer_release(one);
	}
	bench_stop(b);
	no_timers(t, others);
}

BENCH(timer_stop_at_0)
{
	stop_at_among(b, 0);
}

BENCH(timer_stop_at_1m)
{
	stop_at_among(b, 1000000);
}

BENCH(timer_chan_stop)
{
	bench_start(b);
	for (uint64_t i = 0; i < b->n; i++) {
		leat_timer *one = leat_timer_new(LEAT_HOUR);

		leat_timer_stop(one);
		leat_timer_release(one);
	}
	bench_stop(b);
}

static void reset_each(struct bench *b, uint64_t n)
{
	leat_timer **t = many_timers(n);

	bench_start(b);
	for (uint64_t i = 0; i < b->n; i++)
		leat_timer_reset(t[i % n], LEAT_HOUR);
	bench_stop(b);
	no_timers(t, n);
}

BENCH(timer_reset_1)
{
	reset_each(b, 1);
}

BENCH(timer_reset_1m)
{
	reset_each(b, 1000000);
}

/* -- a million come -- */

enum { MANY = 1000000 };

static atomic_long left;
static leat_chan(int) over;

static void comes(void)
{
	if (atomic_fetch_sub(&left, 1) == 1)
		leat_send(over, 1);
}

static void fire_by_the_million(struct bench *b, bool cpu)
{
	leat_time first = leat_after_now(LEAT_SECOND);
	double used = bench_cpu();

	atomic_store(&left, MANY);
	over = leat_make(int, 1);
	bench_start(b);
	for (uint64_t i = 0; i < MANY; i++)
		must(leat_go_after(leat_until(first) +
					   bench_chance(i) % LEAT_SECOND,
				   comes));
	leat_recv(over, NULL);
	bench_stop(b);
	bench_each(b, cpu ? bench_cpu() - used
			  : (double)leat_since(first + LEAT_SECOND));
	leat_release(over);
}

BENCH_ONCE(timer_10m)
{
	enum { ALL = 10000000 };
	double before = bench_resident();
	leat_timer **t;

	bench_start(b);
	t = many_timers(ALL);
	bench_stop(b);
	bench_each(b, (bench_resident() - before) / ALL);
	for (int i = 0; i < ALL; i++)
		if (!t[i])
			bench_fail(b, "no memory for number %d", i);
	no_timers(t, ALL);
}

BENCH_ONCE(timer_fire_1m_late)
{
	fire_by_the_million(b, false);
}

BENCH_ONCE(timer_fire_1m_cpu)
{
	fire_by_the_million(b, true);
}

/* -- beside those that compute -- */

enum { HOGGED = 500 };

static leat_duration late_by[HOGGED];
static atomic_bool enough;

static void computes(leat_wg *all)
{
	while (!atomic_load_explicit(&enough, memory_order_relaxed))
		;
	leat_wg_done(all);
}

static void comes_late(leat_time when, int i)
{
	late_by[i] = leat_since(when);
	comes();
}

static void sets_and_computes(leat_wg *all)
{
	for (int i = 0; i < HOGGED; i++) {
		leat_time when = leat_after_now(LEAT_MILLISECOND);

		must(leat_go_after(LEAT_MILLISECOND, comes_late, when, i));
		while (leat_now() < when + LEAT_MILLISECOND)
			;
	}
	atomic_store(&enough, true);
	leat_wg_done(all);
}

static void beside_hogs(struct bench *b, int percent)
{
	leat_wg all = { 0 };
	int procs = leat_procs_get();

	atomic_store(&left, HOGGED);
	atomic_store(&enough, false);
	over = leat_make(int, 1);
	leat_wg_add(&all, procs);
	bench_start(b);
	for (int i = 1; i < procs; i++)
		must(leat_go(computes, &all));
	must(leat_go(sets_and_computes, &all));
	leat_wg_wait(&all);
	leat_recv(over, NULL);
	bench_stop(b);
	leat_release(over);
	bench_each(b, (double)bench_percentile(late_by, HOGGED, percent));
}

BENCH_ONCE(timer_hog_p50)
{
	beside_hogs(b, 50);
}

BENCH_ONCE(timer_hog_p99)
{
	beside_hogs(b, 99);
}

/* -- tickers -- */

enum { TICKS_MOST = 5000 };

static void ticks(struct bench *b, leat_duration period, int n)
{
	static leat_duration late[TICKS_MOST];
	leat_time start = leat_now();
	leat_timer *t = leat_ticker_new(period);

	bench_start(b);
	for (int i = 0; i < n; i++) {
		leat_recv(leat_timer_chan(t), NULL);
		late[i] = leat_since(start) % period;
	}
	bench_stop(b);
	leat_timer_stop(t);
	leat_timer_release(t);
	bench_each(b, (double)bench_percentile(late, n, 99));
}

BENCH_ONCE(ticker_1khz_p99)
{
	ticks(b, LEAT_MILLISECOND, 1000);
}

BENCH_ONCE(ticker_10khz_p99)
{
	ticks(b, LEAT_MILLISECOND / 10, 5000);
}
