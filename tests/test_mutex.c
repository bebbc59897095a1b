/*
 * test_mutex.c - the rules of Go's sync.Mutex, one by one.
 */
#include "leat.h"

#include "measure.h"
#include "test.h"
#include "waits.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#define MS LEAT_MILLISECOND

/* -- one owner -- */

GO_TEST(a_mutex_of_zeros_is_unlocked, "R153 R157")
{
	static leat_mutex still;
	leat_mutex mu = { 0 };

	static_assert(sizeof(mu) == 8, "a mutex is one word");
	leat_mutex_lock(&mu);
	leat_mutex_unlock(&mu);
	leat_mutex_lock(&mu);
	leat_mutex_unlock(&mu);
	leat_mutex_lock(&still);
	leat_mutex_unlock(&still);
}

static leat_mutex mu;
static long count; /* plain: under mu */
static int inside;

static void adds(int times, int by, int yields)
{
	for (int i = 0; i < times; i++) {
		leat_mutex_lock(&mu);
		EXPECT_EQ(inside++, 0);
		count += by;
		if (yields && i % yields == 0)
			leat_yield();
		EXPECT_EQ(--inside, 0);
		leat_mutex_unlock(&mu);
	}
}

GO_TEST(one_more_and_one_less_end_at_zero, "R157 R162")
{
	int times = (int)test_count(100000);
	leat_wg all = { 0 };

	leat_wg_go(&all, adds, times, 1, 0);
	leat_wg_go(&all, adds, times, -1, 0);
	leat_wg_wait(&all);
	EXPECT_EQ(count, 0);
}

GO_TEST(nobody_is_inside_beside_another, "R157")
{
	int times = (int)test_count(10000);
	leat_wg all = { 0 };

	for (int i = 0; i < 20; i++)
		leat_wg_go(&all, adds, times, 1, i % 4 ? 100 : 0);
	leat_wg_wait(&all);
	EXPECT_EQ(count, 20l * times);
}

static void locks_and_tells(int *order, int me)
{
	leat_mutex_lock(&mu);
	*order = me;
	leat_mutex_unlock(&mu);
}

GO_TEST(who_waits_holds_back_no_thread, "R158")
{
	enum { N = 1000 };
	int order = -1;
	leat_wg all = { 0 }, others = { 0 };

	leat_procs_set(1);
	leat_mutex_lock(&mu);
	for (int i = 0; i < N; i++)
		leat_wg_go(&all, locks_and_tells, &order, i);
	for (int i = 0; i < N; i++)
		leat_yield();
	leat_wg_go(&others, leat_yield);
	leat_wg_wait(&others);
	EXPECT_EQ(order, -1);
	leat_mutex_unlock(&mu);
	leat_wg_wait(&all);
	EXPECT(order >= 0);
}

static void unlocks(void)
{
	leat_mutex_unlock(&mu);
}

GO_TEST(another_goroutine_may_unlock_it, "R159")
{
	leat_mutex_lock(&mu);
	leat_go(unlocks);
	leat_mutex_lock(&mu);
	leat_go_after(MS, unlocks);
	leat_mutex_lock(&mu);
	leat_mutex_unlock(&mu);
}

static void *unlocks_on_a_thread(void *unused)
{
	leat_mutex_unlock(&mu);
	return unused;
}

GO_TEST(a_thread_may_unlock_it, "R159")
{
	pthread_t thread;

	leat_mutex_lock(&mu);
	EXPECT_EQ(pthread_create(&thread, NULL, unlocks_on_a_thread, NULL), 0);
	leat_mutex_lock(&mu);
	leat_mutex_unlock(&mu);
	pthread_join(thread, NULL);
}

/* -- owners that wait, block and move -- */

static intptr_t sleeps_in_the_kernel(void *unused)
{
	usleep(20);
	return (intptr_t)unused;
}

static void owns_and(int what)
{
	switch (what % 6) {
	case 0:
		leat_yield();
		break;
	case 1:
		leat_block(sleeps_in_the_kernel, NULL);
		break;
	case 2:
		leat_sleep(10 * LEAT_MICROSECOND);
		break;
	case 3:
		leat_pin();
		leat_yield();
		leat_unpin();
		break;
	case 4:
		leat_thread_lock();
		leat_yield();
		leat_thread_unlock();
		break;
	default:
		break;
	}
}

static void owns_at_length(int times)
{
	for (int i = 0; i < times; i++) {
		leat_mutex_lock(&mu);
		EXPECT_EQ(inside++, 0);
		count++;
		owns_and(i);
		EXPECT_EQ(--inside, 0);
		leat_mutex_unlock(&mu);
		if (i % 5 == 0)
			owns_and(i / 5);
	}
}

GO_TEST(owners_may_wait_block_and_move, "R157 R158 R159")
{
	int times = (int)test_count(300);
	leat_wg all = { 0 };

	for (int i = 0; i < 8; i++)
		leat_wg_go(&all, owns_at_length, times);
	leat_wg_go(&all, adds, times * 10, 1, 0);
	leat_wg_wait(&all);
	EXPECT_EQ(count, 18l * times);
}

/* -- try -- */

GO_TEST(a_try_takes_what_is_free_and_nothing_else, "R157")
{
	for (int i = 0; i < 100; i++) {
		EXPECT(leat_mutex_try_lock(&mu));
		EXPECT(!leat_mutex_try_lock(&mu));
		EXPECT(!leat_mutex_try_lock(&mu));
		leat_mutex_unlock(&mu);
		leat_mutex_lock(&mu);
		EXPECT(!leat_mutex_try_lock(&mu));
		leat_mutex_unlock(&mu);
	}
}

static void tries(int times)
{
	for (int had = 0; had < times;) {
		if (!leat_mutex_try_lock(&mu)) {
			leat_yield();
			continue;
		}
		EXPECT_EQ(inside++, 0);
		count++;
		had++;
		EXPECT_EQ(--inside, 0);
		leat_mutex_unlock(&mu);
	}
}

GO_TEST(who_tries_and_who_waits_share_it, "R157")
{
	int times = (int)test_count(5000);
	leat_wg all = { 0 };

	for (int i = 0; i < 5; i++) {
		leat_wg_go(&all, tries, times);
		leat_wg_go(&all, adds, times, 1, 50);
	}
	leat_wg_wait(&all);
	EXPECT_EQ(count, 10l * times);
}

/* -- fair -- */

static atomic_bool over;

static void hogs(leat_wg *done, int64_t ns)
{
	while (!atomic_load(&over)) {
		leat_mutex_lock(&mu);
		burn(ns);
		leat_mutex_unlock(&mu);
	}
	leat_wg_done(done);
}

/* Go's TestMutexFairness: one who has it nearly always, one who sleeps. */
GO_TEST(who_has_it_all_the_time_leaves_it_to_others, "R157 R169")
{
	leat_wg done = { 0 };

	leat_wg_add(&done, 1);
	leat_go(hogs, &done, 100000ll);
	for (int i = 0; i < 20; i++) {
		leat_sleep(MS / 10);
		leat_mutex_lock(&mu);
		leat_mutex_unlock(&mu);
	}
	atomic_store(&over, true);
	leat_wg_wait(&done);
}

static int order[100], arrived;

static void waits_for_it(leat_wg *all, int me)
{
	about_to_wait();
	leat_mutex_lock(&mu);
	order[arrived++] = me;
	leat_mutex_unlock(&mu);
	leat_wg_done(all);
}

GO_TEST(who_has_waited_long_gets_it_in_turn, "R157 R169")
{
	enum { N = 20 };
	leat_wg all = { 0 };

	leat_procs_set(1);
	leat_mutex_lock(&mu);
	leat_wg_add(&all, N);
	for (int i = 0; i < N; i++) {
		leat_go(waits_for_it, &all, i);
		until_waiting(1);
	}
	leat_sleep(LEAT_MUTEX_PATIENCE * 2);
	leat_mutex_unlock(&mu);
	/* It is handed over: we are last. */
	leat_mutex_lock(&mu);
	EXPECT_EQ(arrived, N);
	leat_mutex_unlock(&mu);
	leat_wg_wait(&all);
	for (int i = 0; i < N; i++)
		EXPECT_EQ(order[i], i);
}

static void *locks_on_a_thread(void *times)
{
	adds(*(int *)times, 1, 0);
	return NULL;
}

GO_TEST(threads_and_goroutines_stand_in_one_queue, "R157")
{
	int times = (int)test_count(20000);
	pthread_t thread[3];
	leat_wg all = { 0 };

	for (int i = 0; i < 3; i++)
		EXPECT_EQ(pthread_create(&thread[i], NULL, locks_on_a_thread,
					 &times),
			  0);
	for (int i = 0; i < 5; i++)
		leat_wg_go(&all, adds, times, 1, 1000);
	leat_wg_wait(&all);
	leat_block_enter();
	for (int i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	leat_block_exit();
	EXPECT_EQ(count, 8l * times);
}

TEST(threads_need_no_runtime, "R157")
{
	int times = (int)test_count(20000);
	pthread_t thread[3];

	for (int i = 0; i < 3; i++)
		EXPECT_EQ(pthread_create(&thread[i], NULL, locks_on_a_thread,
					 &times),
			  0);
	for (int i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	EXPECT_EQ(count, 3l * times);
}

static void *waits_on_a_thread(void *unused)
{
	about_to_wait();
	leat_mutex_lock(&mu);
	leat_mutex_unlock(&mu);
	return unused;
}

GO_TEST(a_thread_that_waits_sleeps, "R158")
{
	pthread_t thread;

	leat_mutex_lock(&mu);
	EXPECT_EQ(pthread_create(&thread, NULL, waits_on_a_thread, NULL), 0);
	until_thread_waits();
	leat_mutex_unlock(&mu);
	pthread_join(thread, NULL);
}

/* -- waits that have an end -- */

GO_TEST(a_lock_is_waited_for_until_a_moment_and_not_before, "R157 R201")
{
	leat_time when;

	EXPECT_EQ(leat_mutex_lock_until(&mu, 0), 0);
	EXPECT_EQ(leat_mutex_lock_until(&mu, 0), -ETIMEDOUT);
	EXPECT_EQ(leat_mutex_lock_until(&mu, leat_now()), -ETIMEDOUT);
	for (int i = 0; i < 10; i++) {
		when = leat_after_now(MS);
		EXPECT_EQ(leat_mutex_lock_until(&mu, when), -ETIMEDOUT);
		EXPECT(leat_now() >= when);
	}
	leat_go_after(MS, unlocks);
	EXPECT_EQ(leat_mutex_lock_until(&mu, LEAT_NEVER), 0);
	leat_go_after(MS, unlocks);
	EXPECT_EQ(leat_mutex_lock_until(&mu, leat_after_now(LEAT_HOUR)), 0);
	EXPECT(!leat_mutex_try_lock(&mu));
	leat_mutex_unlock(&mu);
}

GO_TEST(a_cancel_ends_the_wait_and_leaves_the_lock, "R133 R141")
{
	leat_ctx *ctx = leat_with_timeout(leat_background(), MS);

	EXPECT_EQ(leat_mutex_lock_ctx(ctx, &mu), 0);
	EXPECT_EQ(leat_mutex_lock_ctx(ctx, &mu), -ECANCELED);
	EXPECT_EQ(leat_mutex_lock_ctx(ctx, &mu), -ECANCELED);
	leat_go_after(MS, unlocks);
	EXPECT_EQ(leat_mutex_lock_ctx(leat_background(), &mu), 0);
	leat_mutex_unlock(&mu);
	EXPECT_EQ(leat_mutex_lock_ctx(ctx, &mu), 0);
	leat_mutex_unlock(&mu);
	leat_ctx_release(ctx);
}

static atomic_long late;

static void adds_in_time(int times, int64_t us)
{
	for (int i = 0; i < times; i++) {
		leat_time when = leat_after_now((i % 7) * us);

		if (leat_mutex_lock_until(&mu, when) != 0) {
			atomic_fetch_add(&late, 1);
			continue;
		}
		EXPECT_EQ(inside++, 0);
		count++;
		if (i % 3 == 0)
			leat_yield();
		EXPECT_EQ(--inside, 0);
		leat_mutex_unlock(&mu);
	}
}

static void *is_late_on_a_thread(void *times)
{
	adds_in_time(*(int *)times, 20 * LEAT_MICROSECOND);
	return NULL;
}

GO_TEST(either_it_is_locked_or_it_was_too_late, "R157 R201")
{
	int times = (int)test_count(2000);
	pthread_t thread;
	leat_wg all = { 0 };

	EXPECT_EQ(pthread_create(&thread, NULL, is_late_on_a_thread, &times),
		  0);
	for (int i = 0; i < 6; i++)
		leat_wg_go(&all, adds_in_time, times,
			   (i + 1) * 5 * LEAT_MICROSECOND);
	leat_wg_go(&all, adds, times, 1, 10);
	leat_wg_wait(&all);
	leat_block_enter();
	pthread_join(thread, NULL);
	leat_block_exit();
	EXPECT_EQ(count + atomic_load(&late), 8l * times);
	EXPECT(leat_mutex_try_lock(&mu));
	leat_mutex_unlock(&mu);
}

/* -- what happened before -- */

static struct {
	leat_mutex mu;
	long plain[16];
} shared;

static void writes_all(int times)
{
	for (int i = 0; i < times; i++) {
		leat_mutex_lock(&shared.mu);
		for (int k = 1; k < 16; k++)
			EXPECT_EQ(shared.plain[k], shared.plain[0]);
		for (int k = 0; k < 16; k++)
			shared.plain[k]++;
		leat_mutex_unlock(&shared.mu);
	}
}

GO_TEST(what_was_written_before_unlock_is_seen_after_lock, "R178")
{
	int times = (int)test_count(20000);
	leat_wg all = { 0 };

	for (int i = 0; i < 8; i++)
		leat_wg_go(&all, writes_all, times);
	leat_wg_wait(&all);
	EXPECT_EQ(shared.plain[15], 8l * times);
}

/* -- the memory of a mutex -- */

struct counted {
	leat_mutex mu;
	int users;
};

static void lets_go(struct counted *c)
{
	leat_mutex_lock(&c->mu);

	bool last = --c->users == 0;

	leat_mutex_unlock(&c->mu);
	if (last) {
		memset(c, 0xff, sizeof *c);
		free(c);
	}
}

GO_TEST(the_last_user_may_free_it_once_it_is_unlocked, "R157")
{
	leat_wg all = { 0 };

	for (int round = 0; round < (int)test_count(20000); round++) {
		struct counted *c = calloc(1, sizeof *c);

		c->users = 4;
		for (int i = 0; i < 4; i++)
			leat_wg_go(&all, lets_go, c);
		if (round % 16 == 0)
			leat_wg_wait(&all);
	}
	leat_wg_wait(&all);
}

/* -- misuse -- */

GO_TEST_DIES(an_unlocked_mutex_is_not_unlocked, "R160",
	     "fatal error: sync: unlock of unlocked mutex")
{
	leat_mutex_unlock(&mu);
}

GO_TEST_DIES(nor_is_one_that_was_unlocked_once, "R160",
	     "fatal error: sync: unlock of unlocked mutex")
{
	leat_mutex_lock(&mu);
	leat_mutex_unlock(&mu);
	leat_mutex_unlock(&mu);
}

TEST_DIES(a_nil_mutex_is_not_locked, "R157",
	  "fatal error: leat_mutex_lock: nil Mutex")
{
	leat_mutex_lock(NULL);
}

TEST_DIES(a_nil_mutex_is_not_unlocked, "R157",
	  "fatal error: leat_mutex_unlock: nil Mutex")
{
	leat_mutex_unlock(NULL);
}

TEST_DIES(a_nil_mutex_is_not_tried, "R157",
	  "fatal error: leat_mutex_try_lock: nil Mutex")
{
	leat_mutex_try_lock(NULL);
}

TEST_DIES(a_nil_mutex_is_not_waited_for, "R157",
	  "fatal error: leat_mutex_lock_until: nil Mutex")
{
	leat_mutex_lock_until(NULL, 0);
}

TEST_DIES(a_nil_mutex_has_no_context, "R157",
	  "fatal error: leat_mutex_lock_ctx: nil Mutex")
{
	leat_mutex_lock_ctx(leat_background(), NULL);
}

static bool has_marks(void)
{
	return test_under("debug") || test_under("asan") || test_under("tsan");
}

GO_TEST_DIES(a_copy_of_a_used_mutex_is_found, "R170",
	     "fatal error: sync: Mutex is copied")
{
	leat_mutex copy[2];

	if (!has_marks())
		SKIP("built without marks");
	leat_mutex_lock(&mu);
	copy[0] = copy[1] = mu;
	/* One of two has another mark; most likely the first. */
	leat_mutex_unlock(&copy[0]);
	leat_mutex_unlock(&copy[1]);
}

GO_TEST(a_mutex_that_was_never_used_may_be_copied, "R170")
{
	leat_mutex fresh = { 0 }, copy = fresh;

	leat_mutex_lock(&fresh);
	leat_mutex_lock(&copy);
	leat_mutex_unlock(&copy);
	leat_mutex_unlock(&fresh);
}

SUITE("mutex")
