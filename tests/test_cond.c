/*
 * test_cond.c - the rules of Go's sync.Cond, one by one.
 */
#include "leat.h"

#include "measure.h"
#include "test.h"
#include "waits.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#define MS LEAT_MILLISECOND

static leat_mutex mu;
static leat_cond cond;
static int running, awake, order[100];

static void waits_once(leat_wg *all, int me)
{
	leat_mutex_lock(&mu);
	running++;
	leat_cond_wait(&cond, &mu);
	order[awake++] = me;
	leat_mutex_unlock(&mu);
	leat_wg_done(all);
}

/* One more, number i, that waits: it has the mutex until it does. */
static void start_another(leat_wg *all, int i)
{
	leat_wg_add(all, 1);
	leat_go(waits_once, all, i);
	leat_mutex_lock(&mu);
	while (running <= i) {
		leat_mutex_unlock(&mu);
		leat_yield();
		leat_mutex_lock(&mu);
	}
	leat_mutex_unlock(&mu);
}

static void start(leat_wg *all, int n)
{
	for (int i = 0; i < n; i++)
		start_another(all, i);
}

static int awake_now(void)
{
	leat_mutex_lock(&mu);

	int n = awake;

	leat_mutex_unlock(&mu);
	return n;
}

static void until_awake(int n)
{
	while (awake_now() < n)
		leat_yield();
}

GO_TEST(a_signal_tells_one_and_the_one_who_came_first, "R177")
{
	enum { N = 10 };
	leat_wg all = { 0 };

	start(&all, N);
	for (int i = 0; i < N; i++) {
		for (int k = 0; k < 10; k++)
			leat_yield();
		EXPECT_EQ(awake_now(), i);
		leat_cond_signal(&cond);
		until_awake(i + 1);
	}
	leat_wg_wait(&all);
	for (int i = 0; i < N; i++)
		EXPECT_EQ(order[i], i);
}

GO_TEST(a_broadcast_tells_all_who_wait, "R177")
{
	leat_wg all = { 0 };

	start(&all, 100);
	EXPECT_EQ(awake_now(), 0);
	leat_mutex_lock(&mu);
	leat_cond_broadcast(&cond);
	EXPECT_EQ(awake, 0);
	leat_mutex_unlock(&mu);
	leat_wg_wait(&all);
	EXPECT_EQ(awake, 100);
}

GO_TEST(nobody_is_told_in_advance, "R177")
{
	leat_wg all = { 0 };

	leat_cond_signal(&cond);
	leat_cond_broadcast(&cond);
	start(&all, 1);
	for (int i = 0; i < 100; i++)
		leat_yield();
	EXPECT_EQ(awake_now(), 0);
	leat_cond_signal(&cond);
	leat_wg_wait(&all);
}

GO_TEST(two_signals_tell_two, "R177")
{
	leat_wg all = { 0 };

	start(&all, 3);
	leat_mutex_lock(&mu);
	leat_cond_signal(&cond);
	leat_cond_signal(&cond);
	leat_mutex_unlock(&mu);
	until_awake(2);
	for (int i = 0; i < 100; i++)
		leat_yield();
	EXPECT_EQ(awake_now(), 2);
	leat_cond_signal(&cond);
	leat_wg_wait(&all);
}

/* -- a queue, as most use it -- */

static struct {
	leat_mutex mu;
	leat_cond more, room;
	int n, in, out;
	int value[4];
} queue;

static void puts_some(int times, int yields)
{
	for (int i = 1; i <= times; i++) {
		leat_mutex_lock(&queue.mu);
		while (queue.n == 4)
			leat_cond_wait(&queue.room, &queue.mu);
		queue.value[queue.in++ % 4] = i;
		queue.n++;
		if (yields && i % yields == 0)
			leat_yield();
		leat_cond_signal(&queue.more);
		leat_mutex_unlock(&queue.mu);
	}
}

static atomic_long sum;

static void takes_some(int times, bool broadcasts)
{
	for (int i = 0; i < times; i++) {
		leat_mutex_lock(&queue.mu);
		while (queue.n == 0)
			leat_cond_wait(&queue.more, &queue.mu);
		atomic_fetch_add(&sum, queue.value[queue.out++ % 4]);
		queue.n--;
		leat_mutex_unlock(&queue.mu);
		if (broadcasts)
			leat_cond_broadcast(&queue.room);
		else
			leat_cond_signal(&queue.room);
	}
}

static void *puts_on_a_thread(void *times)
{
	puts_some(*(int *)times, 0);
	return NULL;
}

static void *takes_on_a_thread(void *times)
{
	takes_some(*(int *)times, false);
	return NULL;
}

GO_TEST(a_queue_loses_nothing, "R177 R178")
{
	int times = (int)test_count(5000);
	leat_wg all = { 0 };

	for (int i = 0; i < 5; i++) {
		leat_wg_go(&all, puts_some, times, i * 7);
		leat_wg_go(&all, takes_some, times, i == 4);
	}
	leat_wg_wait(&all);
	EXPECT_EQ(atomic_load(&sum), 5l * times * (times + 1) / 2);
}

GO_TEST(threads_and_goroutines_wait_for_each_other, "R177")
{
	int times = (int)test_count(5000);
	pthread_t thread[2];
	leat_wg all = { 0 };

	EXPECT_EQ(pthread_create(&thread[0], NULL, puts_on_a_thread, &times),
		  0);
	EXPECT_EQ(pthread_create(&thread[1], NULL, takes_on_a_thread, &times),
		  0);
	leat_wg_go(&all, puts_some, times, 10);
	leat_wg_go(&all, takes_some, times, false);
	leat_wg_wait(&all);
	leat_block_enter();
	pthread_join(thread[0], NULL);
	pthread_join(thread[1], NULL);
	leat_block_exit();
	EXPECT_EQ(atomic_load(&sum), 2l * times * (times + 1) / 2);
}

/* Two that wait, two signals: both are told. */
static void takes_a_thing(int *things, leat_wg *all)
{
	leat_mutex_lock(&mu);
	while (*things == 0)
		leat_cond_wait(&cond, &mu);
	--*things;
	leat_mutex_unlock(&mu);
	leat_wg_done(all);
}

GO_TEST(a_signal_is_not_stolen, "R177")
{
	for (int i = 0; i < (int)test_count(1000); i++) {
		leat_wg all = { 0 };
		int things = 0;

		leat_wg_add(&all, 2);
		leat_go(takes_a_thing, &things, &all);
		leat_go(takes_a_thing, &things, &all);
		for (int k = 0; k < 2; k++) {
			leat_mutex_lock(&mu);
			things++;
			leat_mutex_unlock(&mu);
			leat_cond_signal(&cond);
			leat_yield();
		}
		leat_wg_wait(&all);
	}
}

/* Go's TestCondSignalGenerations: one more waits each time before one is told. */
GO_TEST(whoever_came_first_is_told_first_while_others_come, "R177")
{
	leat_wg all = { 0 };

	for (int i = 0; i < 100; i++) {
		start_another(&all, i);
		if (i < 50)
			continue;
		leat_mutex_lock(&mu);
		leat_cond_signal(&cond);
		leat_mutex_unlock(&mu);
		until_awake(i - 49);
	}
	leat_cond_broadcast(&cond);
	leat_wg_wait(&all);
	for (int i = 0; i < 50; i++)
		EXPECT_EQ(order[i], i);
}

static atomic_bool first_told;

static void waits_first(leat_chan(bool) waits, leat_wg *done)
{
	leat_mutex_lock(&mu);
	leat_send(waits, true);
	leat_cond_wait(&cond, &mu);
	leat_mutex_unlock(&mu);
	first_told = true;
	leat_wg_done(done);
}

static void waits_as_well(atomic_bool *enough, leat_wg *done)
{
	leat_mutex_lock(&mu);
	while (!*enough)
		leat_cond_wait(&cond, &mu);
	leat_mutex_unlock(&mu);
	leat_wg_done(done);
}

/* Go's TestCondSignalStealing: one waits; then one more comes, beside who tells
 * without the mutex.  The first one must have been told. */
GO_TEST(who_comes_late_does_not_take_the_call_from_who_waits, "R177")
{
	for (size_t i = test_count(1000); i > 0; i--) {
		leat_chan(bool) waits = leat_make(bool, 0);
		leat_wg first = { 0 }, second = { 0 };
		atomic_bool enough = false;
		bool got;

		first_told = false;
		leat_wg_add(&first, 1);
		leat_wg_add(&second, 1);
		leat_go(waits_first, waits, &first);
		leat_recv(waits, &got);
		leat_mutex_lock(&mu); /* free once the first one waits */
		leat_mutex_unlock(&mu);
		leat_go(waits_as_well, &enough, &second);
		leat_cond_broadcast(&cond);
		leat_wg_wait(&first);
		EXPECT(first_told);

		leat_mutex_lock(&mu);
		enough = true;
		leat_cond_broadcast(&cond);
		leat_mutex_unlock(&mu);
		leat_wg_wait(&second);
		leat_release(waits);
	}
}

/* -- waits that have an end -- */

static void signals(void)
{
	leat_mutex_lock(&mu);
	leat_cond_signal(&cond);
	leat_mutex_unlock(&mu);
}

GO_TEST(it_is_waited_for_until_a_moment_and_not_before, "R177 R201")
{
	leat_time when;

	leat_mutex_lock(&mu);
	for (int i = 0; i < 10; i++) {
		when = leat_after_now(MS);
		EXPECT_EQ(leat_cond_wait_until(&cond, &mu, when), -ETIMEDOUT);
		EXPECT(leat_now() >= when);
		EXPECT(!leat_mutex_try_lock(&mu));
	}
	EXPECT_EQ(leat_cond_wait_until(&cond, &mu, 0), -ETIMEDOUT);
	leat_go_after(MS, signals);
	EXPECT_EQ(leat_cond_wait_until(&cond, &mu, LEAT_NEVER), 0);
	leat_go_after(MS, signals);
	EXPECT_EQ(leat_cond_wait_until(&cond, &mu, leat_after_now(LEAT_HOUR)),
		  0);
	EXPECT(!leat_mutex_try_lock(&mu));
	leat_mutex_unlock(&mu);
}

GO_TEST(a_cancel_ends_the_wait_with_the_mutex_locked, "R133 R141 R177")
{
	leat_ctx *ctx = leat_with_timeout(leat_background(), MS);

	leat_mutex_lock(&mu);
	EXPECT_EQ(leat_cond_wait_ctx(ctx, &cond, &mu), -ECANCELED);
	EXPECT(!leat_mutex_try_lock(&mu));
	EXPECT_EQ(leat_cond_wait_ctx(ctx, &cond, &mu), -ECANCELED);
	EXPECT(!leat_mutex_try_lock(&mu));
	leat_go_after(MS, signals);
	EXPECT_EQ(leat_cond_wait_ctx(leat_background(), &cond, &mu), 0);
	leat_mutex_unlock(&mu);
	leat_ctx_release(ctx);
}

static int told, late, given, done;

static void waits_in_time(int times, int64_t us)
{
	for (int i = 0; i < times; i++) {
		leat_mutex_lock(&mu);
		if (leat_cond_wait_until(&cond, &mu,
					 leat_after_now((i % 9) * us)) == 0)
			told++;
		else
			late++;
		leat_mutex_unlock(&mu);
	}
	leat_mutex_lock(&mu);
	done++;
	leat_mutex_unlock(&mu);
}

static void *is_late_on_a_thread(void *times)
{
	waits_in_time(*(int *)times, 10 * LEAT_MICROSECOND);
	return NULL;
}

/* With the mutex locked there is somebody to tell, or nobody. */
GO_TEST(either_it_was_told_or_it_was_too_late, "R177 R201")
{
	int times = (int)test_count(1000), all_done = 0;
	pthread_t thread;
	leat_wg all = { 0 };

	EXPECT_EQ(pthread_create(&thread, NULL, is_late_on_a_thread, &times),
		  0);
	for (int i = 1; i <= 4; i++)
		leat_wg_go(&all, waits_in_time, times, i * 7);
	while (all_done < 5) {
		leat_mutex_lock(&mu);
		leat_cond_signal(&cond);
		given++;
		all_done = done;
		leat_mutex_unlock(&mu);
		leat_yield();
	}
	leat_wg_wait(&all);
	pthread_join(thread, NULL);
	EXPECT_EQ(told + late, 5 * times);
	EXPECT(told <= given);
	EXPECT(!cond.waiters);
}

/* -- misuse -- */

GO_TEST_DIES(who_waits_has_the_mutex_locked, "R160 R177",
	     "fatal error: sync: unlock of unlocked mutex")
{
	leat_cond_wait(&cond, &mu);
}

#define NIL_DIES(name, what, call)                                \
	TEST_DIES(a_nil_##what##_dies_in_##name, "R177",          \
		  "fatal error: leat_cond_" #name ": nil " #what) \
	{                                                         \
		call;                                             \
	}

NIL_DIES(wait, Cond, leat_cond_wait(NULL, &mu))
NIL_DIES(wait, Mutex, leat_cond_wait(&cond, NULL))
NIL_DIES(signal, Cond, leat_cond_signal(NULL))
NIL_DIES(broadcast, Cond, leat_cond_broadcast(NULL))
NIL_DIES(wait_until, Cond, leat_cond_wait_until(NULL, &mu, 0))
NIL_DIES(wait_until, Mutex, leat_cond_wait_until(&cond, NULL, 0))
NIL_DIES(wait_ctx, Cond, leat_cond_wait_ctx(leat_background(), NULL, &mu))
NIL_DIES(wait_ctx, Mutex, leat_cond_wait_ctx(leat_background(), &cond, NULL))

GO_TEST_DIES(a_copy_of_a_used_cond_is_found, "R170 R177",
	     "fatal error: sync.Cond is copied")
{
	leat_wg all = { 0 };
	leat_cond copy[2];

	if (!test_under("debug") && !test_under("asan") && !test_under("tsan"))
		SKIP("built without marks");
	start(&all, 1);
	leat_cond_signal(&cond);
	leat_wg_wait(&all);
	copy[0] = copy[1] = cond;
	/* One of two has another mark; most likely the first. */
	leat_cond_signal(&copy[0]);
	leat_cond_signal(&copy[1]);
}

SUITE("cond")
