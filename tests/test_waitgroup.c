/*
 * test_waitgroup.c - the rules of Go's sync.WaitGroup, one by one.
 */
#include "leat.h"

#include "measure.h"
#include "test.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>

/* -- counting -- */

static void done(leat_wg *group)
{
	leat_wg_done(group);
}

GO_TEST(a_wait_at_zero_returns_at_once, "R148 R153")
{
	leat_wg group = { 0 };
	uint64_t me = leat_goid();

	leat_wg_wait(&group);
	leat_wg_add(&group, 3);
	leat_wg_add(&group, -3);
	leat_wg_wait(&group);
	EXPECT_EQ(leat_goid(), me);
}

GO_TEST(a_static_group_needs_no_initialiser, "R153")
{
	static leat_wg group;

	leat_wg_wait(&group);
	leat_wg_add(&group, 1);
	leat_go(done, &group);
	leat_wg_wait(&group);
}

static atomic_int part;

static void finishes(leat_wg *group, int by)
{
	for (int i = 0; i < 10; i++)
		leat_yield();
	atomic_fetch_add(&part, by);
	leat_wg_add(group, -by);
}

GO_TEST(a_wait_lasts_until_all_is_done, "R147 R148 R149")
{
	leat_wg group = { 0 };

	leat_wg_add(&group, 10);
	leat_go(finishes, &group, 1);
	leat_go(finishes, &group, 2);
	leat_go(finishes, &group, 7);
	leat_wg_wait(&group);
	EXPECT_EQ(atomic_load(&part), 10);
}

GO_TEST(the_counter_may_be_as_large_as_an_int, "R147")
{
	leat_wg group = { 0 };

	leat_wg_add(&group, INT_MAX);
	leat_wg_add(&group, -INT_MAX + 1);
	leat_go(done, &group);
	leat_wg_wait(&group);
	leat_wg_add(&group, INT_MAX);
	leat_wg_add(&group, -INT_MAX);
	leat_wg_wait(&group);
}

static void adds_on(leat_wg *group, int more)
{
	if (more > 0) {
		leat_wg_add(group, 1);
		leat_go(adds_on, group, more - 1);
	}
	atomic_fetch_add(&part, 1);
	leat_wg_done(group);
}

GO_TEST(adding_while_others_wait_is_allowed_above_zero, "R147 R152")
{
	leat_wg group = { 0 };

	leat_wg_add(&group, 1);
	leat_go(adds_on, &group, 1000);
	leat_wg_wait(&group);
	EXPECT_EQ(atomic_load(&part), 1001);
}

/* -- several waiters -- */

static int order[100];
static atomic_int came, arrived;

static void waits(leat_wg *group, leat_wg *all)
{
	int i = atomic_fetch_add(&came, 1);

	leat_wg_wait(group);
	order[atomic_fetch_add(&arrived, 1) % 100] = i;
	leat_wg_done(all);
}

/* n goroutines that wait for group. */
static void start_waiters(leat_wg *group, leat_wg *all, int n)
{
	leat_wg_add(all, n);
	for (int i = 0; i < n; i++)
		leat_go(waits, group, all);
	while (atomic_load(&came) < n)
		leat_yield();
	burn(1000000); /* those on other Ps get from here into the wait */
	EXPECT_EQ(atomic_load(&arrived), 0);
}

GO_TEST(all_who_wait_are_let_go, "R150")
{
	leat_wg group = { 0 }, all = { 0 };

	leat_wg_add(&group, 1);
	start_waiters(&group, &all, 100);
	leat_wg_done(&group);
	leat_wg_wait(&all);
	EXPECT_EQ(atomic_load(&arrived), 100);
}

GO_TEST(who_waited_longest_is_let_go_first, "R150")
{
	enum { N = 50 };
	leat_wg group = { 0 }, all = { 0 };

	leat_procs_set(1);
	leat_wg_add(&group, 1);
	start_waiters(&group, &all, N);
	leat_wg_done(&group);
	leat_wg_wait(&all);
	/* As in Go, the one readied last runs next; the others in order. */
	EXPECT_EQ(order[0], N - 1);
	for (int i = 1; i < N; i++)
		EXPECT_EQ(order[i], i - 1);
}

GO_TEST(each_wait_has_its_own_round, "R150 R152")
{
	leat_wg group = { 0 };

	for (int round = 0; round < (int)test_count(4000); round++) {
		leat_wg all = { 0 };

		leat_wg_add(&group, 1);
		leat_wg_add(&all, 3);
		for (int i = 0; i < 3; i++)
			leat_go(waits, &group, &all);
		leat_go(done, &group);
		leat_wg_wait(&group);
		leat_wg_wait(&all);
		EXPECT_EQ(atomic_exchange(&arrived, 0), 3);
	}
}

/* -- leat_wg_go -- */

static void adds(int by)
{
	atomic_fetch_add(&part, by);
}

GO_TEST(leat_wg_go_counts_and_starts, "R147 R149")
{
	leat_wg group = { 0 };

	for (int i = 1; i <= 100; i++)
		EXPECT_EQ(leat_wg_go(&group, adds, i), 0);
	leat_wg_wait(&group);
	EXPECT_EQ(atomic_load(&part), 5050);
}

static void exits(void)
{
	atomic_fetch_add(&part, 1);
	leat_goexit();
}

GO_TEST(leat_wg_go_counts_who_ends_by_goexit, "R21 R149")
{
	leat_wg group = { 0 };

	for (int i = 0; i < 100; i++)
		leat_wg_go(&group, exits);
	leat_wg_wait(&group);
	EXPECT_EQ(atomic_load(&part), 100);
}

static void ends_bound(int how)
{
	if (how & 1)
		leat_pin();
	if (how & 2)
		leat_thread_lock();
	if (how & 4)
		leat_goexit();
}

GO_TEST(leat_wg_go_counts_who_ends_bound_to_a_thread, "R18 R149")
{
	leat_wg group = { 0 };

	for (int i = 0; i < 64; i++)
		leat_wg_go(&group, ends_bound, i % 8);
	leat_wg_wait(&group);
}

/* -- what happened before -- */

static struct {
	long plain[64];
} seen;

static void writes(int i)
{
	seen.plain[i]++;
}

GO_TEST(writes_before_done_are_seen_after_wait, "R178")
{
	for (int round = 1; round <= (int)test_count(1000); round++) {
		leat_wg group = { 0 };

		for (int i = 0; i < 64; i++)
			leat_wg_go(&group, writes, i);
		leat_wg_wait(&group);
		for (int i = 0; i < 64; i++)
			EXPECT_EQ(seen.plain[i], round);
	}
}

static long handed;

static void reads(leat_wg *written, long want)
{
	leat_wg_wait(written);
	EXPECT_EQ(handed, want);
}

GO_TEST(every_waiter_sees_the_writes, "R150 R178")
{
	for (long round = 1; round <= (long)test_count(1000); round++) {
		leat_wg written = { 0 }, all = { 0 };

		leat_wg_add(&written, 1);
		for (int i = 0; i < 8; i++)
			leat_wg_go(&all, reads, &written, round);
		leat_yield();
		handed = round;
		leat_wg_done(&written);
		leat_wg_wait(&all);
	}
}

/* -- the memory of a group -- */

static void ends_in(leat_wg *group, int after)
{
	while (after-- > 0)
		leat_yield();
	leat_wg_done(group);
}

GO_TEST(a_group_may_be_freed_right_after_the_wait, "R148")
{
	for (int round = 0; round < (int)test_count(20000); round++) {
		leat_wg *group = calloc(1, sizeof *group);

		leat_wg_add(group, 2);
		leat_go(ends_in, group, round % 3);
		leat_go(ends_in, group, round % 5);
		leat_wg_wait(group);
		memset(group, 0xff, sizeof *group);
		free(group);
	}
}

static void *frees_on_a_thread(void *unused)
{
	for (int round = 0; round < (int)test_count(5000); round++) {
		leat_wg *group = calloc(1, sizeof *group);

		leat_wg_go(group, adds, 0);
		leat_wg_go(group, adds, 0);
		leat_wg_wait(group);
		memset(group, 0xff, sizeof *group);
		free(group);
	}
	return unused;
}

static void with_threads(int n, void *(*body)(void *), void *arg)
{
	pthread_t id[16];

	for (int i = 0; i < n; i++)
		pthread_create(&id[i], NULL, body, arg);
	leat_block_enter();
	for (int i = 0; i < n; i++)
		pthread_join(id[i], NULL);
	leat_block_exit();
}

GO_TEST(a_thread_may_free_it_too, "R31 R148")
{
	with_threads(2, frees_on_a_thread, NULL);
}

/* -- threads that are not the runtime's -- */

static void *waits_outside(void *group)
{
	leat_wg_wait(group);
	EXPECT_EQ(handed, 7);
	atomic_fetch_add(&arrived, 1);
	return NULL;
}

static void hands_over(leat_wg *group)
{
	struct timespec pause = { .tv_nsec = 20000000 };

	nanosleep(&pause, NULL);
	EXPECT_EQ(atomic_load(&arrived), 0);
	handed = 7;
	leat_wg_done(group);
}

GO_TEST(threads_wait_for_goroutines, "R31 R148 R178")
{
	leat_wg group = { 0 };

	leat_wg_add(&group, 1);
	leat_go(hands_over, &group);
	with_threads(8, waits_outside, &group);
	EXPECT_EQ(atomic_load(&arrived), 8);
}

static void *done_outside(void *group)
{
	struct timespec pause = { .tv_nsec = 5000000 };

	nanosleep(&pause, NULL);
	leat_wg_done(group);
	return NULL;
}

GO_TEST(goroutines_wait_for_threads, "R31 R148")
{
	leat_wg group = { 0 };
	pthread_t id[4];

	leat_wg_add(&group, 4);
	for (int i = 0; i < 4; i++) {
		pthread_create(&id[i], NULL, done_outside, &group);
		pthread_detach(id[i]);
	}
	leat_wg_wait(&group);
}

static void *counts_outside(void *group)
{
	for (size_t i = 0; i < test_count(100000); i++) {
		leat_wg_add(group, 2);
		leat_wg_done(group);
		leat_wg_add(group, -1);
	}
	return NULL;
}

TEST(a_group_counts_without_the_runtime, "R31 R147")
{
	leat_wg group = { 0 };
	pthread_t id[4];

	for (int i = 0; i < 4; i++)
		pthread_create(&id[i], NULL, counts_outside, &group);
	for (int i = 0; i < 4; i++)
		pthread_join(id[i], NULL);
	leat_wg_wait(&group);
}

/* -- misuse -- */

TEST_DIES(less_than_zero_is_refused, "R151",
	  "panic: sync: negative WaitGroup counter")
{
	leat_wg group = { 0 };

	leat_wg_done(&group);
}

GO_TEST_DIES(less_than_zero_is_refused_while_one_waits, "R151",
	     "panic: sync: negative WaitGroup counter")
{
	leat_wg group = { 0 }, all = { 0 };

	leat_wg_add(&group, 1);
	start_waiters(&group, &all, 1);
	leat_wg_add(&group, -2);
}

TEST_DIES(more_than_an_int_is_refused, "R151",
	  "panic: sync: negative WaitGroup counter")
{
	leat_wg group = { 0 };

	leat_wg_add(&group, INT_MAX);
	leat_wg_add(&group, 1);
}

GO_TEST_DIES(reuse_before_the_wait_has_returned_is_refused, "R152",
	     "panic: sync: WaitGroup is reused before previous Wait has "
	     "returned")
{
	leat_wg group = { 0 }, all = { 0 };

	leat_procs_set(1); /* who is let go runs only when we wait */
	leat_wg_add(&group, 1);
	start_waiters(&group, &all, 1);
	leat_wg_done(&group);
	leat_wg_add(&group, 1);
	leat_wg_wait(&all);
}

/* The instant between the last Done and the letting go, held still. */
TEST_DIES(adding_while_waiters_are_let_go_is_refused, "R152",
	  "panic: sync: WaitGroup misuse: Add called concurrently with "
	  "Wait")
{
	leat_wg group = { .state = 3 };

	leat_wg_add(&group, 1);
}

TEST_DIES(a_nil_group_cannot_be_added_to, "R147",
	  "fatal error: leat_wg_add: nil WaitGroup")
{
	leat_wg_add(NULL, 1);
}

TEST_DIES(a_nil_group_cannot_be_done, "R149",
	  "fatal error: leat_wg_add: nil WaitGroup")
{
	leat_wg_done(NULL);
}

TEST_DIES(a_nil_group_cannot_be_waited_for, "R148",
	  "fatal error: leat_wg_wait: nil WaitGroup")
{
	leat_wg_wait(NULL);
}

GO_TEST_DIES(a_nil_function_cannot_be_counted, "R1",
	     "fatal error: go of nil func value")
{
	leat_wg group = { 0 };

	leat_wg_go(&group, (void (*)(void))NULL);
}

/* -- under load -- */

enum { HAMMERS = 16 };

static void hammers(int rounds, leat_wg *all)
{
	for (int round = 0; round < rounds; round++) {
		leat_wg inner = { 0 };

		leat_wg_go(&inner, adds, 1);
		leat_wg_wait(&inner);
	}
	leat_wg_done(all);
}

GO_TEST(sixteen_hammer_groups_of_their_own, "R147 R148 R149")
{
	int rounds = test_count(10000);
	leat_wg all = { 0 };

	leat_wg_add(&all, HAMMERS);
	for (int i = 0; i < HAMMERS; i++)
		leat_go(hammers, rounds, &all);
	leat_wg_wait(&all);
	EXPECT_EQ(atomic_load(&part), HAMMERS * rounds);
}

static void counts(leat_wg *group, int rounds)
{
	for (int i = 0; i < rounds; i++) {
		leat_wg_add(group, 3);
		if (i % 64 == 0)
			leat_yield();
		leat_wg_add(group, -2);
		leat_wg_done(group);
	}
	leat_wg_done(group);
}

GO_TEST(sixteen_hammer_one_group_while_others_wait, "R147 R150")
{
	leat_wg group = { 0 }, all = { 0 };

	leat_wg_add(&group, HAMMERS);
	leat_wg_add(&all, HAMMERS);
	for (int i = 0; i < HAMMERS; i++) {
		leat_go(counts, &group, test_count(10000));
		leat_go(waits, &group, &all);
	}
	leat_wg_wait(&all);
	EXPECT_EQ(atomic_load(&arrived), HAMMERS);
}

/* A barrier: the last to come closes the next gate, and opens this one. */
static struct {
	leat_wg gate[3];
	atomic_int came[3];
	int wrote[2][HAMMERS]; /* plain: the barrier orders them */
} barrier;

static void pass(int round)
{
	int now = round % 3;

	if (atomic_fetch_add(&barrier.came[now], 1) < HAMMERS - 1) {
		leat_wg_wait(&barrier.gate[now]);
		return;
	}
	atomic_store(&barrier.came[now], 0);
	leat_wg_add(&barrier.gate[(round + 1) % 3], 1);
	leat_wg_done(&barrier.gate[now]);
}

static void goes_round(int i, int rounds)
{
	for (int round = 0; round < rounds; round++) {
		barrier.wrote[round % 2][i] = round;
		pass(round);
		for (int k = 0; k < HAMMERS; k++)
			EXPECT_EQ(barrier.wrote[round % 2][k], round);
	}
}

GO_TEST(sixteen_go_round_together, "R150 R152 R178")
{
	leat_wg all = { 0 };

	leat_wg_add(&barrier.gate[0], 1);
	for (int i = 0; i < HAMMERS; i++)
		leat_wg_go(&all, goes_round, i, test_count(10000));
	leat_wg_wait(&all);
}

GO_TEST_DIES(a_copy_of_a_used_group_is_found, "R170",
	     "fatal error: sync: WaitGroup is copied")
{
	leat_wg group = { 0 }, copy[2];

	if (!test_under("debug") && !test_under("asan") && !test_under("tsan"))
		SKIP("built without marks");
	leat_wg_add(&group, 1);
	copy[0] = copy[1] = group;
	/* One of two has another mark; most likely the first. */
	leat_wg_done(&copy[0]);
	leat_wg_done(&copy[1]);
}

GO_TEST(a_group_that_counts_nothing_may_be_copied, "R170")
{
	leat_wg group = { 0 }, copy;

	leat_wg_go(&group, leat_yield);
	leat_wg_wait(&group);
	copy = group;
	leat_wg_go(&copy, leat_yield);
	leat_wg_wait(&copy);
}

SUITE("waitgroup")
