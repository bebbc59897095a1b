/*
 * test_bound.c - goroutines bound to threads, many and of both kinds.
 */
#include "leat.h"

#include "measure.h"
#include "test.h"

#include <pthread.h>
#include <stdatomic.h>

static leat_wg gate;

/* Waits at the gate and finds itself on the same thread. */
static void waits_at_home(void)
{
	pid_t home = gettid();

	leat_wg_wait(&gate);
	EXPECT(home == gettid());
}

/* -- both kinds on one thread -- */

static void opens_locked(leat_wg *pinned_done)
{
	leat_thread_lock();
	leat_wg_done(&gate);
	leat_wg_wait(pinned_done);
	for (int i = 0; i < 10; i++)
		leat_yield();
	leat_thread_unlock();
}

static void pinned_here(leat_wg *ready, leat_wg *done)
{
	leat_pin();
	leat_wg_done(ready);
	waits_at_home();
	leat_unpin();
	leat_wg_done(done);
}

GO_TEST(a_locked_goroutine_may_wait_for_one_pinned_to_its_thread, "R18 R20")
{
	leat_wg ready = { 0 }, done = { 0 }, all = { 0 };

	leat_procs_set(1);
	leat_wg_add(&gate, 1);
	leat_wg_add(&ready, 1);
	leat_wg_add(&done, 1);
	leat_go(pinned_here, &ready, &done);
	leat_wg_wait(&ready);
	leat_wg_go(&all, opens_locked, &done);
	leat_wg_wait(&all);
}

static void ends_locked(void)
{
	leat_thread_lock();
}

GO_TEST(one_pinned_to_a_thread_that_is_to_end_goes_on, "R18 R20")
{
	leat_wg ready = { 0 }, done = { 0 }, all = { 0 };

	leat_procs_set(1);
	leat_wg_add(&gate, 1);
	leat_wg_add(&ready, 1);
	leat_wg_add(&done, 1);
	leat_go(pinned_here, &ready, &done);
	leat_wg_wait(&ready);
	leat_wg_go(&all, ends_locked);
	leat_wg_wait(&all);
	for (int i = 0; i < 10; i++)
		leat_yield();
	leat_wg_done(&gate);
	leat_wg_wait(&done);
}

static void nests(void)
{
	pid_t home;

	leat_pin(); /* not before: a call may come back on another thread */
	home = gettid();
	leat_thread_lock();
	leat_pin();
	leat_yield();
	leat_unpin();
	leat_yield();
	leat_thread_unlock();
	leat_yield();
	EXPECT(home == gettid());
	leat_unpin();
}

GO_TEST(scopes_of_both_kinds_nest, "R18 R20")
{
	leat_wg all = { 0 };

	for (int i = 0; i < 20; i++)
		leat_wg_go(&all, nests);
	leat_wg_wait(&all);
}

/* -- many of one kind, a thread each -- */

enum { MANY = 6 };

static intptr_t naps(void *unused)
{
	struct timespec t = { .tv_nsec = 2000000 };

	(void)unused;
	return nanosleep(&t, NULL);
}

static void keeps(bool alone, leat_wg *ready, int rounds)
{
	if (alone)
		leat_thread_lock();
	else
		leat_pin();
	leat_block(naps, NULL); /* the others get a thread of their own */
	leat_wg_done(ready);
	waits_at_home();
	for (pid_t home = gettid(); rounds > 0; rounds--) {
		leat_yield();
		EXPECT(home == gettid());
	}
	if (alone)
		leat_thread_unlock();
	else
		leat_unpin();
}

static void opens(void)
{
	burn(2000000);
	leat_wg_done(&gate);
}

/* All wait, then all run at once, with one P; how long the slowest took. */
static int64_t gather_and_go(bool alone, int times, int rounds)
{
	int64_t worst = 0;

	leat_procs_set(1);
	for (int i = 0; i < times; i++) {
		leat_wg all = { 0 }, ready = { 0 };

		leat_wg_add(&gate, 1);
		leat_wg_add(&ready, MANY);
		for (int k = 0; k < MANY; k++)
			leat_wg_go(&all, keeps, alone, &ready, rounds);
		leat_wg_wait(&ready);

		int64_t start = now_ns();

		leat_go(opens);
		leat_wg_wait(&all);
		if (now_ns() - start > worst)
			worst = now_ns() - start;
	}
	return worst;
}

/* Each turn costs two thread switches, some 10 us each; if threads pass the P
 * on instead of using it, it is thousands. */
enum { TURN_NS = 2000000 };

GO_TEST(locked_goroutines_that_wake_together_get_their_turns, "R18 R27")
{
	int64_t worst = gather_and_go(true, 10, 5);

	EXPECT(worst < MANY * 6ll * TURN_NS * test_slow());
}

GO_TEST(pinned_goroutines_that_wake_together_get_their_turns, "R20 R27")
{
	int64_t worst = gather_and_go(false, 10, 5);

	EXPECT(worst < MANY * 6ll * TURN_NS * test_slow());
}

static void chain(int left)
{
	leat_wg group = { 0 };

	if (left % 2)
		leat_thread_lock();
	else
		leat_pin();
	if (left > 0) {
		leat_wg_go(&group, chain, left - 1);
		leat_wg_wait(&group);
	}
	if (left % 2)
		leat_thread_unlock();
	else
		leat_unpin();
}

GO_TEST(bound_goroutines_wait_for_each_other, "R18 R20 R27")
{
	for (int procs = 1; procs <= 4; procs *= 2) {
		leat_wg group = { 0 };

		leat_procs_set(procs);
		for (int i = 0; i < 4; i++)
			leat_wg_go(&group, chain, 20);
		leat_wg_wait(&group);
	}
}

SUITE("bound")
