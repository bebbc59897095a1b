/*
 * unit_faults.c - faults that begin while the program runs.
 */
#include "core/os.h"

#include "leat.h"
#include "measure.h"
#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#define MS 1000000ll

static atomic_long ran;
static atomic_bool enough;

static void adds(leat_wg *group)
{
	atomic_fetch_add(&ran, 1);
	leat_wg_done(group);
}

/* -- memory -- */

static size_t refused;

static void start_until_refused(leat_wg *group, const struct leat_attr *attr)
{
	for (refused = 0; refused < 100;) {
		int rc;

		leat_wg_add(group, 1);
		rc = leat_go_with(attr, adds, group);
		EXPECT(rc == 0 || rc == -ENOMEM);
		if (rc == 0)
			continue;
		leat_wg_done(group);
		refused++;
	}
}

static void memory_ends(const struct leat_attr *attr)
{
	leat_wg group = { 0 };

	EXPECT(os_fail("map", 1, true));
	start_until_refused(&group, attr);
	leat_wg_wait(&group);
	while (leat_goroutine_count() > 1)
		leat_yield();

	/* And what has ended can be used again, without any memory. */
	for (int i = 0; i < 1000; i++) {
		leat_wg_add(&group, 1);
		EXPECT_EQ(leat_go_with(attr, adds, &group), 0);
		leat_wg_wait(&group);
	}

	EXPECT(os_fail("map", 0, true));
	for (size_t i = 0; i < test_count(20000); i++) {
		leat_wg_add(&group, 1);
		EXPECT_EQ(leat_go_with(attr, adds, &group), 0);
	}
	leat_wg_wait(&group);
}

static void waits(leat_wg *gate, leat_wg *group)
{
	leat_wg_wait(gate);
	leat_wg_done(group);
}

/* Those that live hold on to what there is. */
GO_TEST(without_memory_a_spawn_is_refused_and_later_works, "R7 R30")
{
	leat_wg gate = { 0 }, group = { 0 };
	long started = 0;
	int rc = 0;

	leat_procs_set(1);
	leat_wg_add(&gate, 1);
	EXPECT(os_fail("map", 1, true));
	while (rc == 0 && started < 1000000) {
		leat_wg_add(&group, 1);
		rc = leat_go(waits, &gate, &group);
		started += rc == 0;
	}
	EXPECT_EQ(rc, -ENOMEM);
	EXPECT_EQ(leat_goroutine_count(), (size_t)started + 1);
	leat_wg_done(&group);
	EXPECT(os_fail("map", 0, true));
	leat_wg_add(&group, 1);
	EXPECT_EQ(leat_go(waits, &gate, &group), 0);
	leat_wg_done(&gate);
	leat_wg_wait(&group);
}

enum { LATER = 200 };

static atomic_int came;

static void comes(void)
{
	atomic_fetch_add(&came, 1);
}

/* Their time comes while no goroutine can be had; none is lost, and none comes
 * twice. */
GO_TEST(what_time_starts_waits_for_memory, "R30 R127 R189")
{
	leat_wg gate = { 0 }, group = { 0 };
	leat_ctx *ctx[LATER];
	leat_timer *t;

	for (int i = 0; i < LATER; i++) {
		EXPECT_EQ(leat_go_after(50 * MS, comes), 0);
		ctx[i] = leat_with_timeout(leat_background(), 50 * MS);
		EXPECT(ctx[i] != NULL);
		leat_ctx_func_release(leat_ctx_after_func(ctx[i], comes));
	}
	t = leat_after_func(50 * MS, comes);
	leat_wg_add(&gate, 1);
	EXPECT(os_fail("map", 1, true));
	do
		leat_wg_add(&group, 1);
	while (leat_go(waits, &gate, &group) == 0);
	leat_wg_done(&group);
	leat_sleep(70 * MS);
	/* Another P may still have some credit. */
	EXPECT(atomic_load(&came) < LATER);
	/* Some of the contexts go while their timers try again. */
	for (int i = 0; i < LATER; i += 4)
		leat_ctx_release(ctx[i]);
	EXPECT(leat_timer_stop(t));
	leat_timer_release(t);
	/* Another P's credit of stacks might be all there is. */
	EXPECT(os_fail("map", 0, true));
	leat_wg_done(&gate);
	leat_wg_wait(&group);
	for (int i = 0; i < LATER; i++) {
		if (i % 4 == 0)
			continue;
		leat_recv(leat_ctx_done(ctx[i]), NULL);
		EXPECT(leat_ctx_err(ctx[i]) == LEAT_DEADLINE_EXCEEDED);
		leat_ctx_release(ctx[i]);
	}
	while (leat_goroutine_count() > 1)
		leat_sleep(MS);
	leat_sleep(5 * MS);
	EXPECT(atomic_load(&came) >= 2 * LATER - LATER / 4);
	EXPECT(atomic_load(&came) <= 2 * LATER);
}

/* Cancelled, or stopped, while the timer holds a reference of its own. */
GO_TEST(a_cancel_takes_back_what_waits_for_memory, "R30 R138")
{
	leat_wg gate = { 0 }, group = { 0 };
	leat_time when = leat_after_now(50 * MS * test_slow());
	leat_ctx *ctx[LATER];
	int canceled = 0;

	for (int i = 0; i < LATER; i++)
		ctx[i] = leat_with_deadline(leat_background(), when);
	leat_wg_add(&gate, 1);
	EXPECT(os_fail("map", 1, true));
	do
		leat_wg_add(&group, 1);
	while (leat_go(waits, &gate, &group) == 0);
	leat_wg_done(&group);
	leat_sleep_until(when + 10 * MS);
	for (int i = 0; i < LATER; i++) {
		leat_cancel(ctx[i]);
		canceled += leat_ctx_err(ctx[i]) == LEAT_CANCELED;
		leat_ctx_release(ctx[i]);
	}
	/* A P's credit of stacks is enough for some, not for all. */
	EXPECT(canceled > 0);
	EXPECT(os_fail("map", 0, true));
	leat_wg_done(&gate);
	leat_wg_wait(&group);
	while (leat_goroutine_count() > 1)
		leat_sleep(MS);
}

GO_TEST(leat_wg_go_that_is_refused_leaves_the_count, "R30 R147")
{
	leat_wg gate = { 0 }, group = { 0 }, mine = { 0 };

	leat_wg_add(&gate, 1);
	EXPECT(os_fail("map", 1, true));
	while (leat_wg_go(&group, waits, &gate, &mine) == 0)
		leat_wg_add(&mine, 1);
	leat_wg_done(&gate);
	leat_wg_wait(&group); /* would hang with one too many */
}

GO_TEST(sized_stacks_are_refused_and_used_again, "R11 R30")
{
	struct leat_attr attr = { .stack = 1 << 20 };
	leat_wg group = { 0 };

	leat_wg_add(&group, 1);
	EXPECT_EQ(leat_go_with(&attr, adds, &group), 0);
	leat_wg_wait(&group);
	memory_ends(&attr);
}

GO_TEST(more_Ps_without_memory_are_not_made, "R30")
{
	int n;

	leat_procs_set(2);
	EXPECT(os_fail("map", 1, true));
	EXPECT_EQ(leat_procs_set(500), 2);
	EXPECT_EQ(leat_procs_get(), 2);
	EXPECT(os_fail("map", 0, true));
	n = leat_procs_set(500);
	EXPECT_EQ(n, 2);
	EXPECT_EQ(leat_procs_get(), 500);
}

GO_TEST(some_Ps_more_without_memory_are_not_made, "R30")
{
	leat_procs_set(2);
	for (unsigned n = 1; n < 30; n++) {
		EXPECT(os_fail("map", n, false));
		leat_procs_set(2 + (int)n * 3);
		leat_yield();
		leat_procs_set(2);
	}
	EXPECT_EQ(leat_procs_get(), 2);
}

/* -- threads -- */

static void no_more_threads(void)
{
	leat_procs_set(1);
	os_sleep(20 * MS); /* the watch is the last to start */
	EXPECT(os_fail("thread", 1, true));
}

static void hogs(leat_wg *group)
{
	int64_t end = now_ns() + 300 * MS;

	while (!atomic_load(&enough) && now_ns() < end)
		;
	leat_wg_done(group);
}

static void run_others(void (*held)(leat_wg *), int n)
{
	leat_wg group = { 0 };

	leat_wg_add(&group, n + 100);
	for (int i = 0; i < n; i++)
		leat_go(held, &group);
	for (int i = 0; i < 100; i++)
		leat_go(adds, &group);
	leat_wg_wait(&group);
	EXPECT_EQ(atomic_load(&ran), 100);
}

/* One P, its thread, and never another: all still run, in turn. */
GO_TEST(without_more_threads_hogs_delay_but_lose_nothing, "R18 R27 R30")
{
	no_more_threads();
	run_others(hogs, 2);
}

static intptr_t naps(void *ns)
{
	struct timespec t = { .tv_nsec = (intptr_t)ns };

	return nanosleep(&t, NULL);
}

static void blocks(leat_wg *group)
{
	leat_block(naps, (void *)(20 * MS));
	leat_block_enter();
	naps((void *)(20 * MS));
	leat_block_exit();
	leat_wg_done(group);
}

GO_TEST(without_more_threads_blocking_delays_but_loses_nothing, "R25 R30")
{
	no_more_threads();
	run_others(blocks, 5);
}

static void locks(leat_wg *group)
{
	leat_thread_lock();
	for (int i = 0; i < 10; i++)
		leat_yield();
	leat_thread_unlock();
	leat_wg_done(group);
}

GO_TEST(without_more_threads_a_lock_delays_but_loses_nothing, "R18 R30")
{
	no_more_threads();
	run_others(locks, 3);
}

GO_TEST(without_threads_more_Ps_are_of_no_use_but_do_no_harm, "R18 R30")
{
	no_more_threads();
	leat_procs_set(16);
	run_others(blocks, 5);
	leat_procs_set(1);
	leat_procs_set(4);
}

/* Long enough for the watch to fall asleep, were it to think that all is
 * idle. */
static void hogs_long(leat_wg *group)
{
	burn(4000 * MS);
	leat_wg_done(group);
}

GO_TEST(a_long_hog_without_threads_does_not_strand_the_others, "R27 R30")
{
	no_more_threads();
	run_others(hogs_long, 1);
}

static void *gives_back(void *unused)
{
	os_sleep(200 * MS);
	EXPECT(os_fail("thread", 0, false));
	return unused;
}

/* As soon as there are threads again, the hog is passed by. */
GO_TEST(threads_that_come_back_are_used, "R18 R27 R30")
{
	leat_wg group = { 0 }, hog = { 0 };
	int64_t start;
	pthread_t id;

	pthread_create(&id, NULL, gives_back, NULL);
	no_more_threads();
	start = now_ns();
	leat_wg_add(&hog, 1);
	leat_go(hogs_long, &hog);
	leat_yield();
	leat_wg_add(&group, 100);
	for (int i = 0; i < 100; i++)
		leat_go(adds, &group);
	leat_wg_wait(&group);
	EXPECT(now_ns() - start < 2000 * MS * test_slow());
	leat_wg_wait(&hog);
	pthread_join(id, NULL);
}

/* -- deadlines -- */

GO_TEST(without_memory_a_deadline_is_refused_and_sleep_is_not, "R30 R107")
{
	leat_chan(int) c = leat_make(int, 1);
	int got = 7;

	EXPECT(os_fail("map", 1, true));
	EXPECT_EQ(leat_recv_until(c, &got, leat_after_now(MS)), -ENOMEM);
	EXPECT_EQ(leat_select_until(leat_after_now(MS), leat_on_recv(c, &got)),
		  -ENOMEM);
	EXPECT_EQ(got, 7);
	leat_sleep(MS);
	/* Where it need not wait it needs no memory either. */
	EXPECT_EQ(leat_send_until(c, 8, leat_after_now(MS)), 0);
	EXPECT_EQ(leat_recv_until(c, &got, leat_after_now(MS)), 0);
	EXPECT_EQ(got, 8);
	EXPECT(os_fail("map", 0, false));
	EXPECT_EQ(leat_recv_until(c, &got, leat_after_now(MS)), -ETIMEDOUT);
	leat_release(c);
}

/* -- sleep -- */

GO_TEST(waits_that_all_end_early_wait_all_the_same, "R30")
{
	leat_wg group = { 0 };

	EXPECT(os_fail("futex", 1, true));
	for (int i = 0; i < 20; i++) {
		leat_wg_add(&group, 2);
		leat_go(blocks, &group);
		leat_go(adds, &group);
		leat_wg_wait(&group);
	}
	leat_procs_set(4);
	leat_procs_set(1);
}

static int told;

static void tells(void *item)
{
	EXPECT(item == &told);
	told++;
}

TEST(without_a_thread_a_pool_keeps_nothing, "pool R30")
{
	leat_pool pool = LEAT_POOL(NULL, tells);

	EXPECT(os_fail("thread", 1, true));
	leat_pool_put(&pool, &told);
	EXPECT_EQ(told, 1);
	EXPECT(leat_pool_get(&pool) == NULL);
	EXPECT(os_fail("thread", 0, false));
	leat_pool_put(&pool, &told);
	EXPECT(leat_pool_get(&pool) == &told);
	EXPECT_EQ(told, 1);
	leat_pool_free(&pool);
}

SUITE("faults inside")
