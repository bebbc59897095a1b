/*
 * test_procs.c - how many Ps there are, and changing that under load.
 */
#include "leat.h"

#include "measure.h"
#include "test.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { MOST = 16 };

/* -- asking -- */

TEST(before_leat_run_there_are_no_Ps, "R30")
{
	EXPECT_EQ(leat_procs_get(), 0);
}

GO_TEST(a_change_returns_what_was, "R30")
{
	int first = leat_procs_get();

	EXPECT(first >= 1);
	EXPECT_EQ(leat_procs_set(5), first);
	EXPECT_EQ(leat_procs_get(), 5);
	EXPECT_EQ(leat_procs_set(2), 5);
	EXPECT_EQ(leat_procs_set(2), 2);
}

GO_TEST(less_than_one_only_asks, "R30")
{
	int n = leat_procs_get();

	EXPECT_EQ(leat_procs_set(0), n);
	EXPECT_EQ(leat_procs_set(-1), n);
	EXPECT_EQ(leat_procs_set(INT32_MIN), n);
	EXPECT_EQ(leat_procs_get(), n);
}

GO_TEST(there_may_be_1024_Ps, "R30")
{
	int n = leat_procs_set(1024);

	EXPECT_EQ(leat_procs_get(), 1024);
	leat_yield();
	EXPECT_EQ(leat_procs_set(n), 1024);
}

GO_TEST_DIES(more_than_1024_Ps_are_refused, "R30",
	     "leat_procs_set: 1025 Ps, at most 1024")
{
	leat_procs_set(1025);
}

static void *sets_from_outside(void *unused)
{
	leat_procs_set(3 + (leat_procs_get() == 3));
	return unused;
}

GO_TEST_DIES(a_change_from_a_thread_is_refused, "R30 R31",
	     "leat_procs_set: not in a goroutine")
{
	pthread_t id;

	pthread_create(&id, NULL, sets_from_outside, NULL);
	leat_block_enter();
	pthread_join(id, NULL);
	leat_block_exit();
}

GO_TEST(the_cpus_are_those_of_the_affinity_mask, "R30")
{
	cpu_set_t set;

	/* Of a thread that is pinned to no P: of the process's first. */
	sched_getaffinity(getpid(), sizeof set, &set);
	EXPECT_EQ(leat_cpu_count(), CPU_COUNT(&set));
}

static int procs(void)
{
	return leat_procs_get();
}

TEST(the_environment_wins_over_the_options, "R30")
{
	struct leat_options options = { .procs = 7 };

	setenv("LEAT_PROCS", "3", 1);
	EXPECT_EQ(leat_run_with(&options, procs), 3);
}

TEST(the_options_say_how_many, "R30")
{
	struct leat_options options = { .procs = 7 };

	unsetenv("LEAT_PROCS");
	EXPECT_EQ(leat_run_with(&options, procs), 7);
}

/* -- where one is -- */

static atomic_bool stray;

static void tells_P(int most, leat_wg *group)
{
	for (int i = 0; i < 100; i++) {
		int p = leat_p_current();

		/* -1: the P was taken, and we have not noticed yet. */
		if (p < -1 || p >= most)
			atomic_store(&stray, true);
		leat_yield();
	}
	leat_wg_done(group);
}

GO_TEST(the_P_of_a_goroutine_is_one_of_those_in_use, "R20 R30")
{
	for (int n = MOST; n >= 1; n /= 2) {
		leat_wg group = { 0 };

		leat_procs_set(n);
		leat_wg_add(&group, 100);
		for (int i = 0; i < 100; i++)
			leat_go(tells_P, n, &group);
		leat_wg_wait(&group);
		EXPECT(leat_p_current() < n);
		EXPECT(!atomic_load(&stray));
	}
}

/* -- changing, under load -- */

static atomic_long work;
static atomic_bool enough;

static void leaf(leat_wg *group)
{
	atomic_fetch_add(&work, 1);
	leat_yield();
	leat_wg_done(group);
}

/* Spawns and waits, again and again; how often, in *rounds. */
static void busy(atomic_long *rounds, leat_wg *up)
{
	while (!atomic_load(&enough)) {
		leat_wg group = { 0 };

		leat_wg_add(&group, 10);
		for (int i = 0; i < 10; i++)
			EXPECT_EQ(leat_go(leaf, &group), 0);
		leat_wg_wait(&group);
		atomic_fetch_add(rounds, 1);
	}
	leat_wg_done(up);
}

static void gone(void)
{
	while (leat_goroutine_count() > 1)
		leat_yield();
}

static void changes(int times, unsigned seed, leat_wg *up)
{
	for (int i = 0; i < times; i++) {
		leat_procs_set(1 + rand_r(&seed) % MOST);
		if (i % 3 == 0)
			leat_yield();
	}
	leat_wg_done(up);
}

static void change_under_load(int changers, int times)
{
	leat_wg load = { 0 }, change = { 0 };
	atomic_long rounds = 0;

	leat_wg_add(&load, 8);
	for (int i = 0; i < 8; i++)
		leat_go(busy, &rounds, &load);
	leat_wg_add(&change, changers);
	for (int i = 0; i < changers; i++)
		leat_go(changes, times, 1u + (unsigned)i, &change);
	leat_wg_wait(&change);
	atomic_store(&enough, true);
	leat_wg_wait(&load);
	gone();
	EXPECT_EQ(atomic_load(&work), 10 * atomic_load(&rounds));
}

GO_TEST(growing_and_shrinking_loses_nothing, "R27 R30")
{
	change_under_load(1, test_count(2000));
}

GO_TEST(several_may_change_the_number_at_once, "R27 R30")
{
	change_under_load(4, test_count(500));
}

GO_TEST(nothing_but_changes_by_many_at_once, "R30")
{
	leat_wg group = { 0 };

	leat_wg_add(&group, 8);
	for (int i = 0; i < 8; i++)
		leat_go(changes, test_count(200), 100u + (unsigned)i, &group);
	leat_wg_wait(&group);
	gone();
}

static int leaves_changers(void)
{
	leat_wg never = { 0 };

	leat_wg_add(&never, 1);
	for (int i = 0; i < 4; i++)
		leat_go(changes, INT32_MAX, 7u + (unsigned)i, &never);
	for (int i = 0; i < 20; i++)
		leat_yield();
	return 11;
}

TEST(leat_run_returns_although_others_change_the_number, "R5 R30")
{
	EXPECT_EQ(leat_run(leaves_changers), 11);
}

static void hogs(leat_wg *group)
{
	while (!atomic_load(&enough))
		;
	leat_wg_done(group);
}

GO_TEST(a_change_does_not_wait_for_who_computes, "R19 R30")
{
	leat_wg group = { 0 };

	leat_procs_set(4);
	leat_wg_add(&group, 4);
	for (int i = 0; i < 4; i++)
		leat_go(hogs, &group);
	for (int i = 0; i < 50; i++) {
		leat_procs_set(1 + i % MOST);
		leat_yield();
	}
	atomic_store(&enough, true);
	leat_wg_wait(&group);
	gone();
}

static intptr_t naps(void *ns)
{
	struct timespec t = { .tv_nsec = (intptr_t)ns };

	return nanosleep(&t, NULL);
}

static void blocks(leat_wg *group)
{
	for (int i = 0; !atomic_load(&enough); i++)
		if (i % 2) {
			leat_block(naps, (void *)(intptr_t)(i % 7 * 10000));
		} else {
			leat_block_enter();
			naps((void *)(intptr_t)(i % 11 * 10000));
			leat_block_exit();
		}
	leat_wg_done(group);
}

GO_TEST(changes_while_others_block_lose_nobody, "R25 R30")
{
	leat_wg group = { 0 };

	leat_wg_add(&group, 10);
	for (int i = 0; i < 8; i++)
		leat_go(blocks, &group);
	leat_go(changes, test_count(500), 5u, &group);
	leat_go(changes, test_count(500), 6u, &group);
	while (leat_goroutine_count() > 9)
		leat_yield();
	atomic_store(&enough, true);
	leat_wg_wait(&group);
	gone();
}

/* -- what is tied to a P or a thread -- */

static void placed(leat_wg *group)
{
	atomic_fetch_add(&work, 1);
	leat_wg_done(group);
}

/* The number of Ps does not go below 4, so P 0 to 3 are always there. */
static void changes_above(int times, leat_wg *up)
{
	for (int i = 0; i < times; i++) {
		leat_procs_set(4 + i % 13);
		leat_yield();
	}
	leat_wg_done(up);
}

GO_TEST(what_was_placed_on_a_P_that_goes_is_not_lost, "R20 R30")
{
	int rounds = test_count(200);
	leat_wg group = { 0 };

	leat_procs_set(MOST);
	for (int i = 0; i < rounds; i++) {
		leat_wg_add(&group, MOST);
		for (int p = 0; p < MOST; p++) {
			struct leat_attr attr = { .place = LEAT_ON_P,
						  .index = p };

			leat_go_with(&attr, placed, &group);
		}
		leat_procs_set(1);
		leat_wg_wait(&group);
		leat_procs_set(MOST);
	}
	EXPECT_EQ(atomic_load(&work), rounds * MOST);
}

static void stays(int rounds, bool alone, atomic_bool *moved, leat_wg *group)
{
	if (alone)
		leat_thread_lock();
	else
		leat_pin();
	pid_t home = gettid();

	for (int i = 0; i < rounds; i++) {
		leat_yield();
		if (home != gettid())
			atomic_store(moved, true);
	}
	if (alone)
		leat_thread_unlock();
	else
		leat_unpin();
	leat_wg_done(group);
}

GO_TEST(who_is_bound_to_a_thread_keeps_it_through_changes, "R20 R30")
{
	leat_wg group = { 0 };
	atomic_bool moved = false;
	int rounds = test_count(100);

	leat_procs_set(8);
	leat_wg_add(&group, 13);
	for (int i = 0; i < 8; i++)
		leat_go(stays, rounds, false, &moved, &group);
	for (int i = 0; i < 4; i++)
		leat_go(stays, rounds, true, &moved, &group);
	leat_go(changes_above, rounds, &group);
	leat_wg_wait(&group);
	EXPECT(!atomic_load(&moved));
}

SUITE("procs")
