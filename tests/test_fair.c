/*
 * test_fair.c - every runnable goroutine runs, whatever the others do.
 */
#include "leat.h"

#include "measure.h"
#include "test.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

/* -- yield, order, fairness -- */

static char order[64];
static atomic_int place;

static void writes(char c, int times, leat_wg *group)
{
	for (int i = 0; i < times; i++) {
		order[atomic_fetch_add(&place, 1)] = c;
		leat_yield();
	}
	leat_wg_done(group);
}

GO_TEST(yielding_goroutines_take_turns, "R27 R29")
{
	leat_wg group = { 0 };

	leat_procs_set(1);
	leat_wg_add(&group, 2);
	leat_go(writes, 'a', 5, &group);
	leat_go(writes, 'b', 5, &group);
	leat_wg_wait(&group);
	EXPECT(!strcmp(order, "ababababab") || !strcmp(order, "bababababa"));
}

static atomic_bool enough;

static void spawns_for_ever(leat_wg *group)
{
	if (atomic_load(&enough))
		leat_wg_done(group);
	else
		leat_go(spawns_for_ever, group);
}

static void ends_it(leat_wg *group)
{
	atomic_store(&enough, true);
	leat_wg_done(group);
}

GO_TEST(a_chain_of_spawns_starves_nobody, "R27")
{
	leat_wg group = { 0 };

	leat_procs_set(1);
	leat_wg_add(&group, 2);
	leat_go(ends_it, &group);
	leat_go(spawns_for_ever, &group);
	leat_wg_wait(&group);
}

static void pings(leat_wg *mine, leat_wg *other, leat_wg *group)
{
	while (!atomic_load(&enough)) {
		leat_wg_wait(mine);
		leat_wg_add(mine, 1);
		leat_wg_done(other);
	}
	leat_wg_done(other);
	leat_wg_done(group);
}

GO_TEST(two_that_wake_each_other_starve_nobody, "R27")
{
	leat_wg group = { 0 }, a = { 0 }, b = { 0 };

	leat_procs_set(1);
	leat_wg_add(&group, 1);
	leat_wg_add(&a, 1);
	leat_wg_add(&b, 2);
	leat_go(pings, &a, &b, &group);
	leat_go(pings, &b, &a, &group);
	leat_wg_done(&a);
	for (int i = 0; i < 100; i++)
		leat_yield();
	atomic_store(&enough, true);
	/* That main came back a hundred times is the proof. */
}

static void yields_until_told(leat_wg *group)
{
	while (!atomic_load(&enough))
		leat_yield();
	leat_wg_done(group);
}

GO_TEST(yielders_do_not_starve_the_newly_spawned, "R27")
{
	leat_wg group = { 0 };

	leat_procs_set(1);
	leat_wg_add(&group, 3);
	leat_go(yields_until_told, &group);
	leat_go(yields_until_told, &group);
	leat_yield();
	leat_go(ends_it, &group);
	leat_wg_wait(&group);
}

static void hog(atomic_bool *stop, leat_wg *group)
{
	while (!atomic_load(stop))
		;
	leat_wg_done(group);
}

GO_TEST(one_that_computes_holds_up_nobody_with_one_P, "R27")
{
	leat_wg group = { 0 };
	atomic_bool stop = false;

	leat_procs_set(1);
	leat_wg_add(&group, 1);
	leat_go(hog, &stop, &group);
	leat_yield(); /* the hog runs; main comes back all the same */
	atomic_store(&stop, true);
	leat_wg_wait(&group);
}

static int cpus_allowed(pid_t thread)
{
	cpu_set_t set;

	return sched_getaffinity(thread, sizeof(set), &set) == 0
		       ? CPU_COUNT(&set)
		       : -1;
}

/* Runs until it has lost its P and may run anywhere, as the process may. */
static void computes(atomic_bool *done, leat_wg *group)
{
	leat_time end = leat_now() + 10 * LEAT_SECOND;

	EXPECT_EQ(cpus_allowed(0), 1);
	while (cpus_allowed(0) != cpus_allowed(getpid()) && leat_now() < end)
		;
	EXPECT(leat_now() < end);
	atomic_store(done, true);
	leat_yield();
	EXPECT_EQ(cpus_allowed(0), 1);
	leat_wg_done(group);
}

/* Its P goes to another thread, which is not to share the CPU with it. */
GO_TEST(who_computes_without_a_P_may_leave_its_CPU, "R18 R27")
{
	leat_wg group = { 0 };
	atomic_bool done = false;

	leat_procs_set(1);
	if (cpus_allowed(0) == cpus_allowed(getpid()))
		SKIP("one CPU, or LEAT_PIN=no");
	leat_wg_add(&group, 1);
	leat_go(computes, &done, &group);
	while (!atomic_load(&done))
		leat_yield();
	leat_wg_wait(&group);
}

GO_TEST(many_that_compute_hold_up_nobody, "R18 R27")
{
	leat_wg group = { 0 };
	atomic_bool stop = false;

	leat_wg_add(&group, 20);
	for (int i = 0; i < 20; i++)
		leat_go(hog, &stop, &group);
	for (int i = 0; i < 10; i++)
		leat_yield();
	atomic_store(&stop, true);
	leat_wg_wait(&group);
}

static void rank(int i, atomic_int *running, atomic_int *most, leat_wg *group)
{
	int n = atomic_fetch_add(running, 1) + 1;
	int seen = atomic_load(most);

	(void)i;
	while (n > seen && !atomic_compare_exchange_weak(most, &seen, n))
		;
	burn(30000000);
	atomic_fetch_sub(running, 1);
	leat_wg_done(group);
}

GO_TEST(goroutines_run_in_parallel_on_several_Ps, "R19")
{
	leat_wg group = { 0 };
	atomic_int running = 0, most = 0;

	if (leat_cpu_count() < 2)
		SKIP("one CPU");
	leat_procs_set(2);
	leat_wg_add(&group, 4);
	for (int i = 0; i < 4; i++)
		leat_go(rank, i, &running, &most, &group);
	leat_wg_wait(&group);
	EXPECT(atomic_load(&most) >= 2);
}

static void sets_flag(atomic_bool *flag)
{
	atomic_store(flag, true);
}

GO_TEST(what_a_computing_goroutine_spawned_runs_meanwhile, "R1 R27")
{
	atomic_bool flag = false;
	int64_t end = now_ns() + 20000000000ll;

	leat_procs_set(2);
	leat_go(sets_flag, &flag);
	while (!atomic_load(&flag))
		EXPECT(now_ns() < end);
}

SUITE("fair")
