/*
 * test_sema.c - the rules of x/sync's semaphore.Weighted, one by one.
 */
#include "leat.h"

#include "measure.h"
#include "test.h"
#include "waits.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#define MS LEAT_MILLISECOND

static leat_sema sema = LEAT_SEMA(10);

/* -- so many, and no more -- */

GO_TEST(there_are_as_many_as_was_said, "B.3")
{
	leat_sema none = { 0 }, some = LEAT_SEMA(2), later;

	EXPECT(!leat_sema_try_acquire(&none, 1));
	EXPECT(leat_sema_try_acquire(&none, 0));
	EXPECT(!leat_sema_try_acquire(&some, 3));
	EXPECT(leat_sema_try_acquire(&some, 1));
	EXPECT(!leat_sema_try_acquire(&some, 2));
	EXPECT(leat_sema_try_acquire(&some, 1));
	EXPECT(!leat_sema_try_acquire(&some, 1));
	leat_sema_release(&some, 2);
	leat_sema_acquire(&some, 2);
	leat_sema_release(&some, 1);
	leat_sema_release(&some, 1);
	leat_sema_init(&later, LEAT_SEMA_MOST);
	leat_sema_acquire(&later, LEAT_SEMA_MOST);
	EXPECT(!leat_sema_try_acquire(&later, 1));
	leat_sema_release(&later, LEAT_SEMA_MOST);
}

static atomic_int held;

static void holds(int times, int n, int yields)
{
	for (int i = 0; i < times; i++) {
		int some = n ? n : i % 10 + 1;

		leat_sema_acquire(&sema, some);
		EXPECT(atomic_fetch_add(&held, some) + some <= 10);
		if (yields && i % yields == 0)
			leat_yield();
		atomic_fetch_sub(&held, some);
		leat_sema_release(&sema, some);
	}
}

static void *holds_on_a_thread(void *times)
{
	holds(*(int *)times, 0, 0);
	return NULL;
}

GO_TEST(never_more_are_held_than_there_are, "B.3")
{
	int times = (int)test_count(3000);
	pthread_t thread[2];
	leat_wg all = { 0 };

	for (int i = 0; i < 2; i++)
		EXPECT_EQ(pthread_create(&thread[i], NULL, holds_on_a_thread,
					 &times),
			  0);
	for (int i = 0; i <= 10; i++)
		leat_wg_go(&all, holds, times, i, i % 3 * 5);
	leat_wg_wait(&all);
	leat_block_enter();
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	leat_block_exit();
	EXPECT(leat_sema_try_acquire(&sema, 10));
	leat_sema_release(&sema, 10);
}

/* -- in turn -- */

static char happened[16];
static int happenings;

static void asks(leat_wg *all, int n, char me)
{
	about_to_wait();
	leat_sema_acquire(&sema, n);
	happened[happenings++] = me;
	leat_wg_done(all);
}

static void ask(leat_wg *all, int n, char me)
{
	leat_wg_add(all, 1);
	leat_go(asks, all, n, me);
	until_waiting(1);
}

GO_TEST(who_asks_for_many_is_not_passed_by, "B.3")
{
	leat_wg all = { 0 };

	leat_procs_set(1);
	leat_sema_acquire(&sema, 9);
	ask(&all, 10, 'a');
	ask(&all, 1, 'b');
	/* One is free, but it is not our turn. */
	EXPECT(!leat_sema_try_acquire(&sema, 1));
	EXPECT_EQ(happenings, 0);
	leat_sema_release(&sema, 9);
	leat_yield();
	EXPECT_EQ(happenings, 1);
	EXPECT_EQ(happened[0], 'a');
	leat_sema_release(&sema, 10);
	leat_wg_wait(&all);
	leat_sema_release(&sema, 1);
}

GO_TEST(a_release_lets_in_as_many_as_there_is_room_for, "B.3")
{
	leat_wg all = { 0 };

	leat_procs_set(1);
	leat_sema_acquire(&sema, 10);
	ask(&all, 2, 'a');
	ask(&all, 3, 'b');
	ask(&all, 6, 'c');
	ask(&all, 1, 'd');
	leat_sema_release(&sema, 1);
	for (int i = 0; i < 5; i++)
		leat_yield();
	EXPECT_EQ(happenings, 0);
	leat_sema_release(&sema, 9);
	for (int i = 0; i < 5; i++)
		leat_yield();
	EXPECT_EQ(happenings, 2);
	leat_sema_release(&sema, 5);
	leat_wg_wait(&all);
	EXPECT_EQ(happenings, 4);
	leat_sema_release(&sema, 7);
	EXPECT(leat_sema_try_acquire(&sema, 10));
	leat_sema_release(&sema, 10);
}

/* -- waits that have an end -- */

static void releases(int n)
{
	leat_sema_release(&sema, n);
}

GO_TEST(it_is_waited_for_until_a_moment_and_not_before, "B.3 R201")
{
	leat_time when;

	EXPECT_EQ(leat_sema_acquire_until(&sema, 6, 0), 0);
	EXPECT_EQ(leat_sema_acquire_until(&sema, 5, 0), -ETIMEDOUT);
	for (int i = 0; i < 10; i++) {
		when = leat_after_now(MS);
		EXPECT_EQ(leat_sema_acquire_until(&sema, 5, when), -ETIMEDOUT);
		EXPECT(leat_now() >= when);
		EXPECT(leat_sema_try_acquire(&sema, 4));
		leat_sema_release(&sema, 4);
	}
	leat_go_after(MS, releases, 1);
	EXPECT_EQ(leat_sema_acquire_until(&sema, 5, LEAT_NEVER), 0);
	leat_go_after(MS, releases, 5);
	EXPECT_EQ(leat_sema_acquire_until(&sema, 5, leat_after_now(LEAT_HOUR)),
		  0);
	leat_sema_release(&sema, 10);
}

GO_TEST(more_than_there_are_is_waited_for_beside_the_queue, "B.3")
{
	leat_ctx *ctx = leat_with_timeout(leat_background(), 50 * MS);
	leat_wg all = { 0 };

	EXPECT_EQ(leat_sema_acquire_until(&sema, 11, leat_after_now(MS)),
		  -ETIMEDOUT);
	leat_wg_go(&all, holds, 100, 0, 10);
	EXPECT_EQ(leat_sema_acquire_ctx(ctx, &sema, 11), -ECANCELED);
	leat_wg_wait(&all);
	leat_ctx_release(ctx);
}

GO_TEST(a_cancel_leaves_everything_as_it_was, "B.3 R133")
{
	leat_ctx *ctx = leat_with_timeout(leat_background(), MS);

	EXPECT_EQ(leat_sema_acquire_ctx(ctx, &sema, 6), 0);
	EXPECT_EQ(leat_sema_acquire_ctx(ctx, &sema, 5), -ECANCELED);
	EXPECT_EQ(leat_sema_acquire_ctx(ctx, &sema, 5), -ECANCELED);
	/* Even if there is enough, as in Go. */
	EXPECT_EQ(leat_sema_acquire_ctx(ctx, &sema, 4), -ECANCELED);
	EXPECT_EQ(leat_sema_acquire_ctx(ctx, &sema, 0), -ECANCELED);
	leat_sema_release(&sema, 6);
	EXPECT(leat_sema_try_acquire(&sema, 10));
	leat_sema_release(&sema, 10);
	leat_ctx_release(ctx);
}

static void gives_up(leat_wg *all)
{
	about_to_wait();
	EXPECT_EQ(leat_sema_acquire_until(&sema, 10, leat_after_now(20 * MS)),
		  -ETIMEDOUT);
	leat_wg_done(all);
}

GO_TEST(who_gives_up_lets_those_behind_it_go_on, "B.3")
{
	leat_wg all = { 0 };

	leat_procs_set(1);
	leat_sema_acquire(&sema, 1);
	leat_wg_add(&all, 1);
	leat_go(gives_up, &all);
	until_waiting(1);
	ask(&all, 4, 'a');
	ask(&all, 5, 'b');
	leat_wg_wait(&all);
	EXPECT_EQ(happenings, 2);
	leat_sema_release(&sema, 10);
}

static void holds_in_time(int times, int64_t us)
{
	for (int i = 0; i < times; i++) {
		int n = i % 10 + 1;

		if (leat_sema_acquire_until(&sema, n,
					    leat_after_now((i % 7) * us)) != 0)
			continue;
		EXPECT(atomic_fetch_add(&held, n) + n <= 10);
		if (i % 3 == 0)
			leat_yield();
		atomic_fetch_sub(&held, n);
		leat_sema_release(&sema, n);
	}
}

static void *is_late_on_a_thread(void *times)
{
	holds_in_time(*(int *)times, 20 * LEAT_MICROSECOND);
	return NULL;
}

GO_TEST(either_it_was_had_or_it_was_too_late, "B.3 R201")
{
	int times = (int)test_count(2000);
	pthread_t thread;
	leat_wg all = { 0 };

	EXPECT_EQ(pthread_create(&thread, NULL, is_late_on_a_thread, &times),
		  0);
	for (int i = 0; i < 6; i++)
		leat_wg_go(&all, holds_in_time, times,
			   (i + 1) * 5 * LEAT_MICROSECOND);
	leat_wg_wait(&all);
	leat_block_enter();
	pthread_join(thread, NULL);
	leat_block_exit();
	EXPECT(leat_sema_try_acquire(&sema, 10));
	leat_sema_release(&sema, 10);
}

static void asks_and_is_cancelled(leat_ctx *ctx, int n, leat_wg *all)
{
	about_to_wait();
	EXPECT_EQ(leat_sema_acquire_ctx(ctx, &sema, n), -ECANCELED);
	leat_wg_done(all);
}

GO_TEST(who_is_cancelled_lets_those_behind_it_go_on, "B.3 R133")
{
	leat_ctx *ctx = leat_with_cancel(leat_background());
	leat_wg all = { 0 };

	leat_procs_set(1);
	leat_sema_acquire(&sema, 1);
	leat_wg_add(&all, 1);
	leat_go(asks_and_is_cancelled, ctx, 10, &all);
	until_waiting(1);
	ask(&all, 4, 'a');
	ask(&all, 5, 'b');
	EXPECT_EQ(happenings, 0);
	leat_cancel(ctx);
	leat_wg_wait(&all);
	EXPECT_EQ(happenings, 2);
	leat_sema_release(&sema, 10);
	leat_ctx_release(ctx);
}

static int got;

static void asks_and_may_be_cancelled(leat_ctx *ctx, leat_wg *all)
{
	int rc;

	about_to_wait();
	rc = leat_sema_acquire_ctx(ctx, &sema, 1);
	if (rc == 0) {
		got++;
		leat_sema_release(&sema, 1);
	} else {
		EXPECT_EQ(rc, -ECANCELED);
	}
	leat_wg_done(all);
}

/* First the cancel, then the permits: they do not go to who was cancelled.  Nor do
 * they the other way round, if it has not gone on yet (its P may have been taken
 * from us just then); as in Go. */
GO_TEST(a_cancel_beside_the_release_is_a_cancel, "B.3 R133")
{
	const int rounds = (int)test_count(1000);

	leat_procs_set(1);
	for (int i = 0; i < rounds; i++) {
		leat_ctx *ctx = leat_with_cancel(leat_background());
		leat_wg all = { 0 };

		leat_sema_acquire(&sema, 10);
		leat_wg_add(&all, 1);
		leat_go(asks_and_may_be_cancelled, ctx, &all);
		until_waiting(1);
		if (i % 2 == 0)
			leat_sema_release(&sema, 10);
		leat_cancel(ctx);
		if (i % 2 != 0)
			leat_sema_release(&sema, 10);
		leat_wg_wait(&all);
		EXPECT(leat_sema_try_acquire(&sema, 10));
		leat_sema_release(&sema, 10);
		leat_ctx_release(ctx);
	}
	EXPECT(got <= rounds / 4);
}

static void asks_for_more_than_there_is(void)
{
	about_to_wait();
	leat_sema_acquire(&sema, 11);
	EXPECT(!"had");
}

GO_TEST(more_than_there_will_ever_be_holds_up_nobody, "B.3")
{
	leat_go(asks_for_more_than_there_is);
	until_waiting(1);
	for (int i = 0; i < 100; i++) {
		leat_sema_acquire(&sema, 10);
		leat_sema_release(&sema, 10);
		leat_sema_acquire(&sema, 0);
		leat_sema_release(&sema, 0);
	}
}

/* -- what happened before -- */

static long plain;

static void writes(int times)
{
	for (int i = 0; i < times; i++) {
		leat_sema_acquire(&sema, 10);
		plain++;
		leat_sema_release(&sema, 10);
	}
}

GO_TEST(with_all_of_them_one_is_alone, "B.3 R178")
{
	int times = (int)test_count(10000);
	leat_wg all = { 0 };

	for (int i = 0; i < 4; i++)
		leat_wg_go(&all, writes, times);
	leat_wg_wait(&all);
	EXPECT_EQ(plain, 4l * times);
}

/* -- misuse -- */

GO_TEST_DIES(more_than_is_held_is_not_released, "B.3",
	     "panic: semaphore: released more than held")
{
	leat_sema_acquire(&sema, 1);
	leat_sema_release(&sema, 2);
}

#define CALL_DIES(name, call, says)                            \
	TEST_DIES(name, "B.3", "fatal error: leat_sema_" says) \
	{                                                      \
		call;                                          \
	}

CALL_DIES(nil_is_not_acquired, leat_sema_acquire(NULL, 1),
	  "acquire: nil Weighted")
CALL_DIES(nil_is_not_tried, leat_sema_try_acquire(NULL, 1),
	  "try_acquire: nil Weighted")
CALL_DIES(nil_is_not_released, leat_sema_release(NULL, 1),
	  "release: nil Weighted")
CALL_DIES(nil_is_not_begun, leat_sema_init(NULL, 1), "init: nil Weighted")
CALL_DIES(nil_is_not_waited_for, leat_sema_acquire_until(NULL, 1, 0),
	  "acquire_until: nil Weighted")
CALL_DIES(nil_has_no_context, leat_sema_acquire_ctx(leat_background(), NULL, 1),
	  "acquire_ctx: nil Weighted")
CALL_DIES(less_than_none_is_not_acquired, leat_sema_acquire(&sema, -1),
	  "acquire: negative count")
CALL_DIES(less_than_none_is_not_released, leat_sema_release(&sema, -1),
	  "release: negative count")
CALL_DIES(less_than_none_is_not_tried, leat_sema_try_acquire(&sema, -1),
	  "try_acquire: negative count")
CALL_DIES(less_than_none_is_not_waited_for,
	  leat_sema_acquire_until(&sema, -1, LEAT_NEVER),
	  "acquire_until: negative count")
CALL_DIES(less_than_none_has_no_context,
	  leat_sema_acquire_ctx(leat_background(), &sema, -1),
	  "acquire_ctx: negative count")
CALL_DIES(less_than_none_cannot_be_there, leat_sema_init(&sema, -1),
	  "init: negative count")

SUITE("sema")
