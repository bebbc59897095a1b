/*
 * test_sleep.c - goroutines sleep: never too short, in order, and no longer
 * because somebody computes, blocks, or takes their P away.
 *
 * How long after its time a sleeper wakes is the machine's doing as well, so
 * only what is out of all proportion fails here; perf/ has the figures.
 */
#include "leat.h"

#include "measure.h"
#include "test.h"
#include "threads.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>

#define MS LEAT_MILLISECOND

/* A sleep that ends later than that after its time has been forgotten. */
static leat_duration tolerance(void)
{
	return 300 * MS * test_slow();
}

static bool in_time(leat_duration d)
{
	leat_time until = leat_after_now(d);

	leat_sleep(d);
	EXPECT(leat_now() >= until);
	return leat_since(until) < tolerance();
}

/* A host may take all CPUs away for that long, but not three times in a row. */
static void sleep_for(leat_duration d)
{
	EXPECT(in_time(d) || in_time(d) || in_time(d));
}

/* -- the clock -- */

TEST(the_clock_is_the_monotonic_one, "R201")
{
	int64_t before = now_ns(), now = leat_now(), after = now_ns();

	EXPECT(before <= now && now <= after);
	EXPECT(leat_since(before) >= now - before);
	EXPECT(leat_until(after) <= 0);
	EXPECT(leat_until(LEAT_NEVER) == LEAT_NEVER);
	EXPECT(leat_since(LEAT_NEVER) == -LEAT_NEVER);
	EXPECT(leat_until(INT64_MIN) == -LEAT_NEVER);
	EXPECT(leat_since(INT64_MIN) == LEAT_NEVER);
	EXPECT(leat_after_now(LEAT_NEVER) == LEAT_NEVER);
	EXPECT(leat_after_now(-LEAT_SECOND) < before);
	EXPECT(leat_after_now(LEAT_HOUR) - LEAT_HOUR >= before);
}

/* -- one sleeper -- */

GO_TEST(a_sleep_lasts_as_long_as_it_should, "R201")
{
	static const leat_duration d[] = { 1,       1000,   50000,   999999,
					   1000000, 3 * MS, 20 * MS, 70 * MS };

	for (size_t i = 0; i < sizeof(d) / sizeof(d[0]); i++)
		sleep_for(d[i]);
}

GO_TEST(a_sleep_of_nothing_does_not_wait, "R201")
{
	int64_t start = now_ns();

	for (int i = 0; i < 1000; i++) {
		leat_sleep(0);
		leat_sleep(-1);
		leat_sleep(INT64_MIN);
		leat_sleep_until(0);
		leat_sleep_until(start);
	}
	EXPECT(now_ns() - start < tolerance());
}

static atomic_bool woken;

static void sleeps_until(leat_time t)
{
	leat_sleep_until(t);
	atomic_store(&woken, true);
}

static void sleeps_for(leat_duration d)
{
	leat_sleep(d);
	atomic_store(&woken, true);
}

GO_TEST(the_longest_sleeps_never_end, "R202")
{
	leat_go(sleeps_until, LEAT_NEVER);
	leat_go(sleeps_until, LEAT_NEVER - 1);
	leat_go(sleeps_for, LEAT_NEVER);
	leat_go(sleeps_for, LEAT_NEVER - leat_now() - LEAT_SECOND);
	leat_go(sleeps_for, 100 * 365 * 24 * LEAT_HOUR);
	leat_sleep(50 * MS);
	EXPECT(!atomic_load(&woken));
}

static void *on_a_thread(void *unused)
{
	sleep_for(20 * MS);
	leat_sleep(-1);
	return unused;
}

GO_TEST(a_thread_that_is_not_the_runtimes_sleeps_too, "R201")
{
	pthread_t thread;

	EXPECT(!pthread_create(&thread, NULL, on_a_thread, NULL));
	leat_block_enter();
	pthread_join(thread, NULL);
	leat_block_exit();
}

TEST(a_thread_sleeps_when_there_is_no_runtime, "R201")
{
	on_a_thread(NULL);
}

/* -- many -- */

enum { MANY = 200 };

static int woke[MANY];
static atomic_int n_woke;

static void notes(int i, leat_time t, leat_wg *ready)
{
	leat_wg_done(ready);
	leat_sleep_until(t);
	woke[atomic_fetch_add(&n_woke, 1)] = i;
}

/* Two of each deadline, step apart, the last one first.  They all sleep when
 * `then` is called. */
static void in_order(leat_duration step, void (*then)(leat_time t))
{
	leat_time t = leat_after_now(50 * MS * test_slow());
	leat_wg group = { 0 }, ready = { 0 };

	leat_procs_set(1);
	leat_wg_add(&ready, MANY);
	for (int i = MANY - 1; i >= 0; i--)
		leat_wg_go(&group, notes, i, t + i / 2 * step, &ready);
	leat_wg_wait(&ready);
	EXPECT(leat_now() < t);
	then(t);
	leat_wg_wait(&group);
	for (int i = 0; i < MANY; i++)
		EXPECT_EQ(woke[i] / 2, i / 2);
}

static void nothing(leat_time t)
{
	(void)t;
}

static void compute(leat_time t)
{
	burn(leat_until(t) + 5 * MS);
}

GO_TEST(the_earlier_wakes_first, "R199")
{
	in_order(2000, nothing);
}

/* The same when all have come before anybody looks. */
GO_TEST(the_earlier_wakes_first_if_all_are_late, "R199")
{
	in_order(2, compute);
}

static void sleeps_again(uint64_t seed, int times)
{
	while (times-- > 0) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		sleep_for((leat_duration)(seed >> 33) % (5 * MS));
	}
}

static void crowd(size_t n, int times)
{
	leat_wg group = { 0 };

	for (size_t i = 0; i < n; i++)
		leat_wg_go(&group, sleeps_again, i, times);
	leat_wg_wait(&group);
}

GO_TEST(a_crowd_sleeps_again_and_again, "R200 R201")
{
	crowd(test_count(2000), 20);
}

GO_TEST(a_crowd_sleeps_on_one_p, "R200 R201")
{
	leat_procs_set(1);
	crowd(test_count(2000), 10);
}

static void sleep_as_one(leat_time t)
{
	leat_sleep_until(t);
	EXPECT(leat_now() >= t);
}

GO_TEST(a_hundred_thousand_wake_at_one_moment, "R200")
{
	leat_time t = leat_after_now(300 * MS * (test_slow() + 3) / 4);
	size_t n = test_count(100000);
	leat_wg group = { 0 };

	for (size_t i = 0; i < n; i++)
		leat_wg_go(&group, sleep_as_one, t);
	leat_wg_wait(&group);
	EXPECT(leat_since(t) < 1000 * MS * test_slow());
}

/* -- whatever else happens on the P -- */

static void computes(leat_duration d)
{
	burn(d);
}

/* The sleeper's P is taken by one who computes from before to after its time;
 * then by one who does so in many short turns. */
static void beside_one_who_computes(void)
{
	leat_time until;

	for (int i = 0; i < 3; i++) {
		leat_go(computes, 600 * MS * test_slow());
		until = leat_after_now(5 * MS);
		leat_sleep_until(until);
		EXPECT(leat_since(until) < tolerance());
	}
}

GO_TEST(a_sleeper_does_not_wait_for_one_who_computes, "R200 R27")
{
	beside_one_who_computes();
}

GO_TEST(nor_on_the_only_p, "R200 R27")
{
	leat_procs_set(1);
	beside_one_who_computes();
}

static atomic_bool stop;

static void never_at_rest(void)
{
	leat_chan(int) c = leat_make(int, 1);

	while (!atomic_load(&stop))
		leat_try_send(c, 1);
	leat_release(c);
}

GO_TEST(a_sleeper_does_not_wait_for_one_who_only_tries, "R200 R27")
{
	leat_procs_set(1);
	leat_go(never_at_rest);
	for (int i = 0; i < 5; i++)
		sleep_for(3 * MS);
	atomic_store(&stop, true);
}

static void gives_way(void)
{
	while (!atomic_load(&stop))
		leat_yield();
}

GO_TEST(a_sleeper_does_not_wait_for_those_who_give_way, "R200 R27")
{
	leat_wg group = { 0 };

	leat_procs_set(1);
	for (int i = 0; i < 3; i++)
		leat_wg_go(&group, gives_way);
	for (int i = 0; i < 20; i++)
		sleep_for(i * MS / 4);
	atomic_store(&stop, true);
	leat_wg_wait(&group);
}

static intptr_t blocks(void *ms)
{
	usleep((useconds_t)(uintptr_t)ms * 1000);
	return 0;
}

static void is_blocked(int ms, bool bracket)
{
	if (bracket) {
		leat_block_enter();
		blocks((void *)(uintptr_t)ms);
		leat_block_exit();
	} else {
		leat_block(blocks, (void *)(uintptr_t)ms);
	}
}

/* All other Ps are idle, so nobody looks but for the timer's sake. */
GO_TEST(a_sleeper_does_not_wait_for_one_who_blocks, "R200 R24")
{
	leat_procs_set(1);
	for (int i = 0; i < 2; i++) {
		leat_time until;

		leat_go(is_blocked, 700 * (int)test_slow(), i == 0);
		until = leat_after_now(150 * MS);
		leat_sleep_until(until);
		EXPECT(leat_since(until) < tolerance());
	}
}

GO_TEST(a_pinned_and_a_locked_sleeper_stay_on_their_threads, "R18 R20")
{
	pid_t home;

	leat_thread_lock();
	home = gettid();
	for (int i = 0; i < 5; i++) {
		sleep_for(2 * MS);
		EXPECT_EQ(gettid(), home);
	}
	leat_thread_unlock();
	leat_pin();
	home = gettid();
	for (int i = 0; i < 5; i++) {
		sleep_for(2 * MS);
		EXPECT_EQ(gettid(), home);
	}
	leat_unpin();
}

/* Nobody else is there: its thread need not give the P away. */
GO_TEST(a_locked_sleeper_keeps_its_P, "R18 R24")
{
	int threads;

	leat_procs_set(1);
	leat_thread_lock();
	sleep_for(MS);
	threads = threads_now();
	for (int i = 0; i < 20; i++)
		sleep_for(MS);
	EXPECT_EQ(threads_now(), threads);
	leat_thread_unlock();
}

/* -- Ps come and go -- */

static void sleeps_on(leat_wg *ready, leat_duration d)
{
	leat_wg_done(ready);
	sleep_for(d);
}

GO_TEST(sleepers_survive_their_p, "R200 R21")
{
	for (int round = 0; round < 4; round++) {
		leat_wg group = { 0 }, ready = { 0 };

		leat_procs_set(8);
		leat_wg_add(&ready, 64);
		for (int i = 0; i < 64; i++)
			leat_wg_go(&group, sleeps_on, &ready,
				   (20 + i % 7) * MS);
		leat_wg_wait(&ready);
		leat_procs_set(round % 2 ? 1 : 3);
		leat_wg_wait(&group);
	}
}

GO_TEST(nobody_is_waited_for_when_main_returns, "R5")
{
	for (int i = 0; i < 100; i++)
		leat_go(sleeps_for, i * MS);
	leat_sleep(30 * MS);
}

/* -- how late -- */

enum { TIMES = 101 };

static int64_t late[TIMES];

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int sleeps_often(void)
{
	for (int i = 0; i < TIMES; i++) {
		leat_time t = leat_after_now(2 * MS);

		leat_sleep_until(t);
		late[i] = leat_since(t);
		EXPECT(late[i] >= 0);
	}
	return 0;
}

/* As good as one futex wait: a clock rounded for power's sake (50 us) or a
 * tick (1 ms, 4 ms) would show. */
static void on_time(enum leat_idle how)
{
	struct leat_options options = { .procs = 1, .idle = how };

	unsetenv("LEAT_PROCS");
	unsetenv("LEAT_IDLE");
	EXPECT_EQ(leat_run_with(&options, sleeps_often), 0);
	qsort(late, TIMES, sizeof *late, by_value);
	printf("median %lld ns late, worst %lld ", (long long)late[TIMES / 2],
	       (long long)late[TIMES - 1]);
	EXPECT(late[TIMES / 2] < 200000 * test_slow());
}

TEST(a_parked_P_gets_up_on_time, "R18 R24 R201")
{
	on_time(LEAT_IDLE_PARK);
}

TEST(an_adaptive_P_gets_up_on_time, "R18 R24 R201")
{
	on_time(LEAT_IDLE_ADAPTIVE);
}

TEST(a_spinning_P_gets_up_on_time, "R18 R24 R201")
{
	on_time(LEAT_IDLE_SPIN);
}

/* -- what it costs -- */

static int64_t cpu_ns(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000000ll +
	       (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000ll;
}

GO_TEST(who_sleeps_costs_nothing, "R200")
{
	int64_t least = INT64_MAX;

	for (int i = 0; i < 1000; i++)
		leat_go(sleeps_for, LEAT_HOUR + i);
	/* The runtime calms down first; others may use the CPU meanwhile, but
	 * not three times. */
	leat_sleep(LEAT_SECOND * 2);
	for (int i = 0; i < 3; i++) {
		int64_t start = cpu_ns();

		leat_sleep(LEAT_SECOND / 2);
		if (cpu_ns() - start < least)
			least = cpu_ns() - start;
	}
	EXPECT(least < 10 * MS * test_slow());
}

SUITE("sleep")
