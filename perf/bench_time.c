/*
 * bench_time.c - sleep, and waits with a deadline.
 *
 *	until_pingpong   chan_pingpong, where each receive has a deadline of an
 *	                 hour, which is not needed
 *	sleep_50us_p50   how late one sleeper of 50 us is, alone, by 2,000 sleeps
 *	                 one after the other; 1ms, 10ms: fewer; p99, p999, max;
 *	                 park, spin: the idle policy; load: the other Ps compute
 *	floor_sleep_..   the same by clock_nanosleep, in a blocking call
 *	sleep_1m_late    10^6 sleep until a moment of their own, one to two
 *	                 seconds from now: how late the last of them is
 *	sleep_1m_cpu     the CPU time of all that, their start included
 */
#include "perf/bench.h"

#include "leat.h"

#include <stdatomic.h>
#include <sys/prctl.h>
#include <time.h>

/* -- a deadline that is not needed -- */

static void pong(leat_receiver(long) in, leat_sender(long) out, leat_wg *done)
{
	leat_range(ball, in)
		leat_send(out, ball + 1);
	leat_wg_done(done);
}

BENCH(until_pingpong)
{
	leat_chan(long) out = leat_make(long, 0), back = leat_make(long, 0);
	leat_wg done = { 0 };
	long ball = 0;

	leat_wg_add(&done, 1);
	must(leat_go(pong, leat_recv_end(out), leat_send_end(back), &done));
	bench_start(b);
	for (uint64_t i = 0; i < b->n; i++) {
		leat_send(out, ball);
		must(leat_recv_until(back, &ball, leat_after_now(LEAT_HOUR)));
	}
	bench_stop(b);
	leat_close(out);
	leat_wg_wait(&done);
	if ((uint64_t)ball != b->n)
		bench_fail(b, "%ld turns", ball);
	leat_release(out);
	leat_release(back);
}

/* -- how late -- */

enum { TIMES_MOST = 4000 };

static leat_duration late[TIMES_MOST];

static void sleep_often(struct bench *b, leat_duration d, int times,
			double percent)
{
	bench_start(b);
	for (int i = 0; i < times; i++) {
		leat_time start = leat_now();

		leat_sleep(d);
		late[i] = leat_since(start) - d;
	}
	bench_stop(b);
	bench_each(b, (double)bench_percentile(late, times, percent));
	if (late[0] < 0)
		bench_fail(b, "%ld ns too early", (long)-late[0]);
}

static atomic_bool enough;

static void computes(leat_wg *all)
{
	while (!atomic_load_explicit(&enough, memory_order_relaxed))
		;
	leat_wg_done(all);
}

/* The same where all Ps but one compute. */
static void sleep_loaded(struct bench *b, leat_duration d, int times,
			 double percent)
{
	leat_wg all = { 0 };

	atomic_store(&enough, false);
	for (int i = 1; i < leat_procs_get(); i++) {
		leat_wg_add(&all, 1);
		must(leat_go(computes, &all));
	}
	sleep_often(b, d, times, percent);
	atomic_store(&enough, true);
	leat_wg_wait(&all);
}

#define US LEAT_MICROSECOND

/* One name for each figure of one kind of sleep. */
#define SLEEPS(name, how, d, times, percent) \
	BENCH_ONCE(name)                     \
	{                                    \
		how(b, d, times, percent);   \
	}

SLEEPS(sleep_50us_p50, sleep_often, 50 * US, 2000, 50)
SLEEPS(sleep_50us_p99, sleep_often, 50 * US, 2000, 99)
SLEEPS(sleep_50us_p999, sleep_often, 50 * US, 4000, 99.9)
SLEEPS(sleep_50us_max, sleep_often, 50 * US, 2000, 100)
SLEEPS(sleep_50us_park_p99, sleep_often, 50 * US, 2000, 99)
SLEEPS(sleep_50us_spin_p99, sleep_often, 50 * US, 2000, 99)
SLEEPS(sleep_50us_load_p50, sleep_loaded, 50 * US, 2000, 50)
SLEEPS(sleep_50us_load_p99, sleep_loaded, 50 * US, 2000, 99)
SLEEPS(sleep_1ms_p50, sleep_often, 1000 * US, 500, 50)
SLEEPS(sleep_1ms_p99, sleep_often, 1000 * US, 500, 99)
SLEEPS(sleep_10ms_p50, sleep_often, 10000 * US, 100, 50)
SLEEPS(sleep_10ms_p99, sleep_often, 10000 * US, 100, 99)

/* What a thread gets that asks the kernel itself. */
struct bare {
	int times;
	leat_duration d;
};

static intptr_t sleeps_bare(void *at)
{
	const struct bare *bare = at;
	struct timespec t;

	prctl(PR_SET_TIMERSLACK, 1);
	for (int i = 0; i < bare->times; i++) {
		leat_time start = leat_now();
		leat_time end = start + bare->d;

		t.tv_sec = end / LEAT_SECOND;
		t.tv_nsec = end % LEAT_SECOND;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
		late[i] = leat_now() - end;
	}
	return 0;
}

static void sleep_bare(struct bench *b, leat_duration d, int times,
		       double percent)
{
	struct bare bare = { times, d };

	bench_start(b);
	leat_block(sleeps_bare, &bare);
	bench_stop(b);
	bench_each(b, (double)bench_percentile(late, times, percent));
}

SLEEPS(floor_sleep_50us_p50, sleep_bare, 50 * US, 2000, 50)
SLEEPS(floor_sleep_50us_p99, sleep_bare, 50 * US, 2000, 99)

/* -- a million -- */

enum { MANY = 1000000 };

static void sleeps(leat_duration d, leat_wg *done)
{
	leat_sleep(d);
	leat_wg_done(done);
}

/* Each wakes in the second second from the start, when, is chance. */
static void sleep_by_the_million(struct bench *b, bool cpu)
{
	leat_time first = leat_after_now(LEAT_SECOND);
	leat_wg done = { 0 };
	double used = bench_cpu();

	leat_wg_add(&done, MANY);
	bench_start(b);
	for (int i = 0; i < MANY; i++)
		must(leat_go(sleeps,
			     leat_until(first) + bench_chance(i) % LEAT_SECOND,
			     &done));
	leat_wg_wait(&done);
	bench_stop(b);
	bench_each(b, cpu ? bench_cpu() - used
			  : (double)leat_since(first + LEAT_SECOND));
}

BENCH_ONCE(sleep_1m_late)
{
	sleep_by_the_million(b, false);
}

BENCH_ONCE(sleep_1m_cpu)
{
	sleep_by_the_million(b, true);
}
