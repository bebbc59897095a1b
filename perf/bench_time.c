/*
 * bench_time.c - sleep, and waits with a deadline.
 *
 *	until_pingpong   chan_pingpong, where each receive has a deadline of an
 *	                 hour, which is not needed
 *	sleep_50us_p50,  how late one sleeper of 50 us is, alone; of 2,000
 *	_p99             sleeps one after the other
 *	sleep_1m_late    10^6 sleep until a moment of their own, one to two
 *	                 seconds from now: how late the last of them is
 *	sleep_1m_cpu     the CPU time of all that, their start included
 */
#include "perf/bench.h"

#include "leat.h"

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

enum { TIMES = 2000 };

static void sleep_often(struct bench *b, int percent)
{
	static leat_duration late[TIMES];

	bench_start(b);
	for (int i = 0; i < TIMES; i++) {
		leat_time start = leat_now();

		leat_sleep(50 * LEAT_MICROSECOND);
		late[i] = leat_since(start) - 50 * LEAT_MICROSECOND;
	}
	bench_stop(b);
	bench_each(b, (double)bench_percentile(late, TIMES, percent));
	if (late[0] < 0)
		bench_fail(b, "%ld ns too early", (long)-late[0]);
}

BENCH_ONCE(sleep_50us_p50)
{
	sleep_often(b, 50);
}

BENCH_ONCE(sleep_50us_p99)
{
	sleep_often(b, 99);
}

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
