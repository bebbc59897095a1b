/*
 * test_place.c - where goroutines run: Ps, pinned, with a thread to themselves.
 */
#include "leat.h"

#include "measure.h"
#include "test.h"

#include <pthread.h>
#include <stdatomic.h>

static void nothing(void)
{
}

/* -- where they run -- */

static void tells_p(int *p, leat_wg *group)
{
	*p = leat_p_current();
	leat_wg_done(group);
}

GO_TEST(a_goroutine_starts_on_the_P_asked_for, "R20")
{
	leat_wg group = { 0 };

	leat_procs_set(2);
	for (int i = 0; i < 100; i++) {
		struct leat_attr attr = { .place = LEAT_ON_P, .index = i % 2 };
		int p = -1;

		leat_wg_add(&group, 1);
		EXPECT_EQ(leat_go_with(&attr, tells_p, &p, &group), 0);
		leat_wg_wait(&group);
		EXPECT(p == i % 2 || p == 1 - i % 2); /* may be stolen */
	}
}

GO_TEST_DIES(a_P_that_does_not_exist_is_refused, "R20",
	     "leat_go_with: no P 99999")
{
	struct leat_attr attr = { .place = LEAT_ON_P, .index = 99999 };

	leat_go_with(&attr, nothing);
}

GO_TEST_DIES(a_node_that_does_not_exist_is_refused, "R20",
	     "leat_go_with: no node -1")
{
	struct leat_attr attr = { .place = LEAT_ON_NODE, .index = -1 };

	leat_go_with(&attr, nothing);
}

static void stays(int rounds, atomic_bool *moved, leat_wg *group)
{
	leat_pin();
	pid_t home = gettid();

	for (int i = 0; i < rounds; i++) {
		leat_yield();
		if (home != gettid())
			atomic_store(moved, true);
	}
	leat_unpin();
	leat_wg_done(group);
}

GO_TEST(a_pinned_goroutine_stays_on_its_thread, "R20")
{
	leat_wg group = { 0 };
	atomic_bool moved = false;

	leat_wg_add(&group, 50);
	for (int i = 0; i < 50; i++)
		leat_go(stays, test_count(1000), &moved, &group);
	leat_wg_wait(&group);
	EXPECT(!atomic_load(&moved));
}

static void stays_while_others_hog(atomic_bool *moved, leat_wg *group)
{
	leat_pin();
	pid_t home = gettid();

	for (int i = 0; i < 10; i++) {
		burn(15000000); /* long enough to lose the P */
		leat_yield();
		if (home != gettid())
			atomic_store(moved, true);
	}
	leat_unpin();
	leat_wg_done(group);
}

GO_TEST(a_pinned_goroutine_finds_its_thread_again_after_a_retake, "R20 R27")
{
	leat_wg group = { 0 };
	atomic_bool moved = false;

	leat_wg_add(&group, 6);
	for (int i = 0; i < 6; i++)
		leat_go(stays_while_others_hog, &moved, &group);
	leat_wg_wait(&group);
	EXPECT(!atomic_load(&moved));
}

static void alone(pid_t *me, atomic_bool *shared, leat_wg *group)
{
	leat_thread_lock();
	leat_thread_lock();
	*me = gettid();
	for (int i = 0; i < 200; i++) {
		leat_yield();
		if (*me != gettid())
			atomic_store(shared, true);
	}
	leat_thread_unlock();
	leat_thread_unlock();
	leat_wg_done(group);
}

static atomic_bool watching;

static void watches(pid_t *locked, atomic_bool *shared, leat_wg *group)
{
	while (atomic_load(&watching)) {
		if (*locked == gettid())
			atomic_store(shared, true);
		leat_yield();
	}
	leat_wg_done(group);
}

static void locked_life(atomic_bool *shared, leat_wg *all)
{
	leat_wg group = { 0 };
	pid_t me;

	leat_thread_lock();
	me = gettid();
	leat_wg_add(&group, 4);
	for (int i = 0; i < 4; i++)
		leat_go(watches, &me, shared, &group);
	for (int i = 0; i < 200; i++)
		leat_yield();
	atomic_store(&watching, false);
	leat_wg_wait(&group);
	if (me != gettid())
		atomic_store(shared, true);
	leat_thread_unlock();
	leat_wg_done(all);
}

GO_TEST(a_locked_goroutine_has_its_thread_to_itself, "R18")
{
	leat_wg group = { 0 };
	atomic_bool shared = false;

	atomic_store(&watching, true);
	leat_wg_add(&group, 1);
	leat_go(locked_life, &shared, &group);
	leat_wg_wait(&group);
	EXPECT(!atomic_load(&shared));
}

GO_TEST(many_locked_goroutines_take_turns, "R18")
{
	enum { N = 8 };
	leat_wg group = { 0 };
	atomic_bool shared = false;
	static pid_t me[N];

	leat_wg_add(&group, N);
	for (int i = 0; i < N; i++)
		leat_go(alone, &me[i], &shared, &group);
	leat_wg_wait(&group);
	EXPECT(!atomic_load(&shared));
}

static void ends_locked(leat_wg *group)
{
	leat_thread_lock();
	leat_wg_done(group);
}

GO_TEST(a_goroutine_that_ends_locked_takes_its_thread_along, "R18")
{
	leat_wg group = { 0 };

	for (int i = 0; i < 50; i++) {
		leat_wg_add(&group, 1);
		leat_go(ends_locked, &group);
		leat_wg_wait(&group);
	}
	EXPECT_EQ(leat_goroutine_count(), 1);
}

GO_TEST_DIES(unpin_without_pin_is_refused, "R20", "leat_unpin without leat_pin")
{
	leat_unpin();
}

GO_TEST_DIES(unlock_without_lock_is_refused, "R20",
	     "leat_thread_unlock without leat_thread_lock")
{
	leat_thread_unlock();
}

SUITE("place")
