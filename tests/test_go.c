/*
 * test_go.c - goroutines start, are counted, and end.
 */
#include "leat.h"

#include "measure.h"
#include "test.h"

#include <pthread.h>
#include <stdatomic.h>

/* -- spawning -- */

static atomic_int counter;

static void count(leat_wg *group)
{
	atomic_fetch_add(&counter, 1);
	leat_wg_done(group);
}

static void set(int *where, int value, leat_wg *group)
{
	*where = value;
	leat_wg_done(group);
}

GO_TEST(a_goroutine_runs_its_function, "R1 R4")
{
	leat_wg group = { 0 };
	int got = 0;

	leat_wg_add(&group, 1);
	EXPECT_EQ(leat_go(set, &got, 42, &group), 0);
	EXPECT_EQ(got, 0); /* the caller goes on at once */
	leat_wg_wait(&group);
	EXPECT_EQ(got, 42);
}

GO_TEST(arguments_are_evaluated_and_copied_at_the_spawn, "R2 X13")
{
	leat_wg group = { 0 };
	int got[3] = { 0 }, value = 1;

	leat_wg_add(&group, 3);
	for (int i = 0; i < 3; i++)
		leat_go(set, &got[i], value++, &group);
	value = 99;
	leat_wg_wait(&group);
	EXPECT_EQ(got[0], 1);
	EXPECT_EQ(got[1], 2);
	EXPECT_EQ(got[2], 3);
}

static long sum6;

static void six(signed char a, short b, int c, long d, unsigned e,
		leat_wg *group)
{
	sum6 = a + b + c + d + (long)e;
	leat_wg_done(group);
}

GO_TEST(six_arguments_of_any_width_arrive, "R2")
{
	leat_wg group = { 0 };

	leat_wg_add(&group, 1);
	leat_go(six, (signed char)-1, (short)-20, -300, -4000000000l,
		4000000000u, &group);
	leat_wg_wait(&group);
	EXPECT_EQ(sum6, -321);
}

static void nothing(void)
{
}

/* The thread sanitizer bears 8,128 at once, and is slow at making them; the other
 * one is slow, too. */
static int at_once(int n)
{
	return test_under("tsan") ? 2000
				  : (int)test_count((size_t)n) /
					    (test_under("asan") ? 4 : 1);
}

static void spawn_many(int n)
{
	leat_wg group = { 0 };

	atomic_store(&counter, 0);
	leat_wg_add(&group, n);
	for (int i = 0; i < n; i++)
		EXPECT_EQ(leat_go(count, &group), 0);
	leat_wg_wait(&group);
	EXPECT_EQ(atomic_load(&counter), n);
}

GO_TEST(thousands_of_goroutines_all_run, "R6")
{
	spawn_many(1000);
	spawn_many(at_once(10000));
}

GO_TEST(a_hundred_thousand_goroutines_all_run, "R7")
{
	spawn_many(at_once(100000));
}

GO_TEST(ended_goroutines_leave_the_count, "R4 R22 R30")
{
	EXPECT_EQ(leat_goroutine_count(), 1);
	spawn_many(1000);
	for (int i = 0; leat_goroutine_count() != 1; i++) {
		EXPECT(i < 1000000);
		leat_yield();
	}
}

static void parked(leat_wg *ready, leat_wg *gate, leat_wg *gone)
{
	leat_wg_done(ready);
	leat_wg_wait(gate);
	leat_wg_done(gone);
}

/* n goroutines at once, all waiting; then all end. */
static void park_many(int n)
{
	leat_wg ready = { 0 }, gate = { 0 }, gone = { 0 };

	leat_wg_add(&ready, n);
	leat_wg_add(&gate, 1);
	leat_wg_add(&gone, n);
	for (int i = 0; i < n; i++)
		EXPECT_EQ(leat_go(parked, &ready, &gate, &gone), 0);
	leat_wg_wait(&ready);
	EXPECT_EQ(leat_goroutine_count(), (size_t)n + 1);
	leat_wg_done(&gate);
	leat_wg_wait(&gone);
}

GO_TEST(a_hundred_thousand_parked_goroutines_are_counted, "R7 R22")
{
	park_many(at_once(100000));
}

GO_TEST(a_million_guarded_goroutines_live_at_once, "R8 R9 X9")
{
	int n = at_once(1000000);
	long before = resident_kb();

	if (free_gb() < 8)
		SKIP("less than 8 GiB free");

	leat_wg ready = { 0 }, gate = { 0 }, gone = { 0 };

	leat_wg_add(&ready, n);
	leat_wg_add(&gate, 1);
	leat_wg_add(&gone, n);
	for (int i = 0; i < n; i++)
		EXPECT_EQ(leat_go(parked, &ready, &gate, &gone), 0);
	leat_wg_wait(&ready);
	printf("%ld bytes resident each\n",
	       (resident_kb() - before) * 1024 / n);
	leat_wg_done(&gate);
	leat_wg_wait(&gone);
}

static void relay(int n, leat_wg *group)
{
	if (n > 0)
		leat_go(relay, n - 1, group);
	leat_wg_done(group);
}

GO_TEST(memory_stays_flat_over_many_spawns, "R26")
{
	int n = test_under("tsan") ? 4000 : (int)test_count(10000000);
	leat_wg group = { 0 };

	leat_wg_add(&group, 1001);
	leat_go(relay, 1000, &group);
	leat_wg_wait(&group);

	long before = resident_kb();

	leat_wg_add(&group, n);
	leat_go(relay, n - 1, &group);
	leat_wg_wait(&group);
	EXPECT(test_under("tsan") || resident_kb() - before < 8192);
}

TEST_DIES(a_nil_function_is_refused, "R1", "fatal error: go of nil func value")
{
	leat_go((void (*)(void))NULL);
}

GO_TEST_DIES(a_nil_function_is_refused_in_a_goroutine, "R1",
	     "fatal error: go of nil func value")
{
	leat_go((void (*)(void))NULL);
}

TEST_DIES(leat_go_before_leat_run_is_refused, "R31",
	  "leat_go: the runtime is not running")
{
	leat_go(nothing);
}

/* -- main's end -- */

static int seven(int a, int b)
{
	return a + b;
}

TEST(leat_run_returns_mains_result, "R5")
{
	EXPECT_EQ(leat_run(seven, 3, 4), 7);
}

static void for_ever(void)
{
	for (;;)
		leat_yield();
}

static void computes(void)
{
	for (volatile long i = 0;; i++)
		;
}

static int leaves_others(void)
{
	leat_go(for_ever);
	leat_go(computes);
	leat_yield();
	return 3;
}

TEST(leat_run_returns_although_others_run, "R5")
{
	EXPECT_EQ(leat_run(leaves_others), 3);
}

static atomic_int ticks;

static void ticking(void)
{
	for (;;) {
		atomic_fetch_add(&ticks, 1);
		leat_yield();
	}
}

static int starts_ticking(void)
{
	for (int i = 0; i < 8; i++)
		leat_go(ticking);
	while (atomic_load(&ticks) < 100)
		leat_yield();
	return 0;
}

TEST(after_leat_run_nobody_runs_on, "R5")
{
	EXPECT_EQ(leat_run(starts_ticking), 0);

	int at = atomic_load(&ticks);
	struct timespec pause = { .tv_nsec = 20000000 };

	nanosleep(&pause, NULL);
	/* One that was in its own code may finish that. */
	EXPECT(atomic_load(&ticks) <= at + leat_procs_get());
}

static int runs_again(void)
{
	return leat_run(seven, 1, 2);
}

TEST_DIES(leat_run_inside_a_goroutine_is_refused, "R31",
	  "leat_run: the runtime has been started already")
{
	leat_run(runs_again);
}

TEST_DIES(a_second_leat_run_is_refused, "R31",
	  "leat_run: the runtime has been started already")
{
	leat_run(seven, 1, 2);
	leat_run(seven, 1, 2);
}

/* -- identity -- */

static void tells_id(uint64_t *id, leat_wg *group)
{
	*id = leat_goid();
	leat_wg_done(group);
}

GO_TEST(ids_are_distinct_and_mains_is_one, "R20")
{
	enum { N = 200 };
	static uint64_t id[N];
	leat_wg group = { 0 };

	EXPECT_EQ(leat_goid(), 1);
	leat_wg_add(&group, N);
	for (int i = 0; i < N; i++)
		leat_go(tells_id, &id[i], &group);
	leat_wg_wait(&group);
	for (int i = 0; i < N; i++)
		for (int j = 0; j < i; j++)
			EXPECT(id[i] != id[j] && id[i] > 1);
}

TEST(a_thread_outside_has_no_goroutine, "R30")
{
	EXPECT_EQ(leat_goid(), 0);
	EXPECT_EQ(leat_p_current(), -1);
	EXPECT_EQ(leat_node_current(), -1);
	leat_yield();
	leat_pin();
	leat_unpin();
}

/* -- goexit -- */

static volatile bool never;

static void deep_exit(int depth, leat_wg *group)
{
	if (never)
		return;
	if (depth > 0)
		deep_exit(depth - 1, group);
	leat_wg_done(group);
	leat_goexit();
}

GO_TEST(goexit_ends_only_the_caller, "R21")
{
	leat_wg group = { 0 };

	leat_wg_add(&group, 100);
	for (int i = 0; i < 100; i++)
		leat_go(deep_exit, i, &group);
	leat_wg_wait(&group);
	while (leat_goroutine_count() > 1)
		leat_yield();
}

static void exits_process(leat_wg *started)
{
	leat_wg_wait(started);
	exit(0);
}

static int main_exits(void)
{
	static leat_wg started;

	leat_wg_add(&started, 1);
	leat_go(exits_process, &started);
	leat_wg_done(&started);
	leat_goexit();
}

TEST(goexit_of_main_lets_the_others_go_on, "R5")
{
	leat_run(main_exits);
	EXPECT(!"leat_run returned");
}

TEST_DIES(goexit_on_a_thread_is_refused, "R21",
	  "leat_goexit on a thread that runs no goroutine")
{
	leat_goexit();
}

/* -- from other threads -- */

static leat_wg outside;

static void *spawns_from_outside(void *unused)
{
	for (size_t i = 0; i < test_count(1000); i++)
		EXPECT_EQ(leat_go(count, &outside), 0);
	leat_wg_wait(&outside);
	return unused;
}

GO_TEST(threads_outside_start_goroutines_and_wait, "R31")
{
	enum { THREADS = 4 };
	pthread_t id[THREADS];

	atomic_store(&counter, 0);
	leat_wg_add(&outside, THREADS * test_count(1000));
	for (int i = 0; i < THREADS; i++)
		pthread_create(&id[i], NULL, spawns_from_outside, NULL);
	leat_wg_wait(&outside);
	leat_block_enter();
	for (int i = 0; i < THREADS; i++)
		pthread_join(id[i], NULL);
	leat_block_exit();
	EXPECT_EQ(atomic_load(&counter), THREADS * test_count(1000));
}

/* -- trees: every goroutine is accounted for -- */

static void tree(int depth, atomic_long *leaves, leat_wg *up)
{
	leat_wg group = { 0 };

	if (depth == 0) {
		atomic_fetch_add(leaves, 1);
	} else {
		leat_wg_add(&group, 10);
		for (int i = 0; i < 10; i++)
			leat_go(tree, depth - 1, leaves, &group);
		leat_wg_wait(&group);
	}
	leat_wg_done(up);
}

GO_TEST(a_tree_of_goroutines_loses_none, "R8 R27")
{
	leat_wg group = { 0 };
	atomic_long leaves = 0;
	int depth = test_under("tsan") ? 3 : test_count(100) < 100 ? 4 : 5;

	leat_wg_add(&group, 1);
	leat_go(tree, depth, &leaves, &group);
	leat_wg_wait(&group);
	long want = 1;

	for (int i = 0; i < depth; i++)
		want *= 10;
	EXPECT_EQ(atomic_load(&leaves), want);
}

SUITE("go")
