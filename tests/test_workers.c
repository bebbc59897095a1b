/*
 * test_workers.c - the pool of goroutines.
 */
#include "leat.h"

#include "measure.h"
#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#define MS LEAT_MILLISECOND

static atomic_int ran, running, most;
static const struct leat_error_value bad = LEAT_ERROR("bad");
static const struct leat_error_value worse = LEAT_ERROR("worse");

static leat_error counts(void)
{
	atomic_fetch_add(&ran, 1);
	return NULL;
}

static leat_error ends(leat_workers *pool)
{
	leat_error e;

	leat_workers_close(pool);
	e = leat_workers_wait(pool);
	leat_workers_free(pool);
	return e;
}

/* -- every task, once, by so many -- */

GO_TEST(each_task_runs_once, "R203 R204 R205 R207 R213")
{
	leat_workers pool;
	int n = (int)test_count(10000);

	EXPECT_EQ(leat_workers_init(&pool, 4, 16), 0);
	EXPECT_EQ(leat_workers_start(&pool), 0);
	for (int i = 0; i < n; i++)
		EXPECT_EQ(leat_workers_add(&pool, counts), 0);
	EXPECT_EQ(leat_workers_start(&pool), 0); /* as if not */
	leat_workers_close(&pool);
	EXPECT(!leat_workers_wait(&pool));
	EXPECT_EQ(atomic_load(&ran), n);
	EXPECT_EQ(leat_workers_ran(&pool), n);
	leat_workers_free(&pool);
}

static leat_error takes_some_time(void)
{
	int now = atomic_fetch_add(&running, 1) + 1, was = atomic_load(&most);

	while (now > was && !atomic_compare_exchange_weak(&most, &was, now))
		;
	leat_sleep(MS);
	atomic_fetch_sub(&running, 1);
	return counts();
}

GO_TEST(never_more_run_than_there_are_workers, "R208 R209")
{
	leat_workers pool;

	EXPECT_EQ(leat_workers_init(&pool, 5, 100), 0);
	for (int i = 0; i < 100; i++)
		EXPECT_EQ(leat_workers_add(&pool, takes_some_time), 0);
	EXPECT_EQ(leat_workers_start(&pool), 0);
	EXPECT_EQ(leat_goroutine_count(), 1 + 5);
	EXPECT(!ends(&pool));
	EXPECT_EQ(atomic_load(&ran), 100);
	EXPECT_EQ(atomic_load(&most), 5);
}

static leat_error notes_who(uint64_t *to)
{
	*to = leat_goid();
	leat_yield();
	return NULL;
}

GO_TEST(a_worker_is_one_goroutine_for_all_its_tasks, "R212")
{
	leat_workers pool;
	uint64_t who[100];

	EXPECT_EQ(leat_workers_init(&pool, 1, 100), 0);
	for (int i = 0; i < 100; i++)
		leat_workers_add(&pool, notes_who, &who[i]);
	EXPECT(!ends(&pool));
	for (int i = 0; i < 100; i++)
		EXPECT_EQ(who[i], who[0]);
}

static int order[100], ordered;

static leat_error notes_its_turn(int i)
{
	order[ordered++] = i;
	return NULL;
}

GO_TEST(tasks_begin_in_the_order_in_which_they_came, "R209")
{
	leat_workers pool;

	EXPECT_EQ(leat_workers_init(&pool, 1, 10), 0);
	EXPECT_EQ(leat_workers_start(&pool), 0);
	for (int i = 0; i < 100; i++)
		leat_workers_add(&pool, notes_its_turn, i);
	EXPECT(!ends(&pool));
	for (int i = 0; i < 100; i++)
		EXPECT_EQ(order[i], i);
}

static leat_error adds_up(int *to, int a, int b, int c, int d, int e)
{
	*to = a + b + c + d + e;
	return NULL;
}

GO_TEST(arguments_are_those_of_the_call, "R2 R203")
{
	leat_workers pool;
	int sum = 0;

	EXPECT_EQ(leat_workers_init(&pool, 1, 1), 0);
	leat_workers_add(&pool, adds_up, &sum, 1, 20, 300, 4000, -50000);
	EXPECT(!ends(&pool));
	EXPECT_EQ(sum, -45679);
}

/* -- a full queue -- */

static leat_chan(int) gate;

static leat_error waits_at_the_gate(void *unused)
{
	int got;

	(void)unused;
	leat_recv(gate, &got);
	return counts();
}

/* One runs, and two wait. */
static void fill(leat_workers *pool)
{
	gate = leat_make(int, 0);
	EXPECT_EQ(leat_workers_init(pool, 1, 2), 0);
	EXPECT_EQ(leat_workers_start(pool), 0);
	EXPECT_EQ(leat_workers_add(pool, waits_at_the_gate, NULL), 0);
	while (leat_len((leat_chan(int))pool->queue) > 0)
		leat_yield();
	EXPECT_EQ(leat_workers_add(pool, waits_at_the_gate, NULL), 0);
	EXPECT_EQ(leat_workers_add(pool, waits_at_the_gate, NULL), 0);
}

static void open_gate(void)
{
	leat_close(gate);
}

static void opens_later(void)
{
	leat_sleep(20 * MS);
	open_gate();
}

GO_TEST(to_add_waits_while_the_queue_is_full, "R206")
{
	leat_workers pool;
	leat_time before = leat_now();

	fill(&pool);
	leat_go(opens_later);
	EXPECT_EQ(leat_workers_add(&pool, counts), 0);
	EXPECT(leat_now() - before >= 20 * MS);
	EXPECT(!ends(&pool));
	EXPECT_EQ(atomic_load(&ran), 4);
}

GO_TEST(to_try_does_not_wait, "R216")
{
	leat_workers pool;
	leat_task task = { .fn = NULL };

	fill(&pool);
	EXPECT_EQ(leat_workers_try_add(&pool, counts), -EAGAIN);
	task.fn = waits_at_the_gate;
	EXPECT_EQ(leat_workers_try_put(&pool, &task), -EAGAIN);
	EXPECT(!leat_task_wait(&task)); /* as if it never was */
	open_gate();
	EXPECT(!ends(&pool));
	EXPECT_EQ(atomic_load(&ran), 3);
}

GO_TEST(to_add_may_be_given_up, "R216")
{
	leat_workers pool;
	leat_ctx *ctx = leat_with_timeout(leat_background(), 5 * MS);
	leat_task task = { .fn = waits_at_the_gate };

	fill(&pool);
	EXPECT_EQ(leat_workers_add_until(leat_now() + 5 * MS, &pool, counts),
		  -ETIMEDOUT);
	EXPECT_EQ(leat_workers_put_until(leat_now() + 5 * MS, &pool, &task),
		  -ETIMEDOUT);
	EXPECT_EQ(leat_workers_add_ctx(ctx, &pool, counts), -ECANCELED);
	EXPECT_EQ(leat_workers_put_ctx(ctx, &pool, &task), -ECANCELED);
	leat_ctx_release(ctx);
	open_gate();
	EXPECT(!ends(&pool));
	EXPECT_EQ(atomic_load(&ran), 3);
}

/* -- ends -- */

GO_TEST(what_was_accepted_is_run_after_the_close, "R213 R217")
{
	leat_workers pool;
	leat_task task = { .fn = waits_at_the_gate };

	fill(&pool);
	leat_workers_close(&pool);
	leat_workers_close(&pool);
	EXPECT_EQ(leat_workers_add(&pool, counts), -EPIPE);
	EXPECT_EQ(leat_workers_try_add(&pool, counts), -EPIPE);
	EXPECT_EQ(leat_workers_put(&pool, &task), -EPIPE);
	open_gate();
	EXPECT(!leat_workers_wait(&pool));
	EXPECT_EQ(atomic_load(&ran), 3);
	EXPECT_EQ(leat_workers_ran(&pool), 3);
	leat_workers_free(&pool);
}

static void adds_to_the_full_one(leat_workers *pool, atomic_int *rc)
{
	atomic_store(rc, leat_workers_add(pool, counts));
}

GO_TEST(who_waits_to_add_is_sent_away_by_the_close, "R217")
{
	leat_workers pool;
	atomic_int rc = 1;

	fill(&pool);
	leat_go(adds_to_the_full_one, &pool, &rc);
	leat_sleep(5 * MS);
	leat_workers_close(&pool);
	while (atomic_load(&rc) == 1)
		leat_yield();
	EXPECT_EQ(atomic_load(&rc), -EPIPE);
	open_gate();
	EXPECT(!ends(&pool));
}

GO_TEST(what_has_not_begun_is_not_run_after_cancel, "R213")
{
	leat_workers pool;
	leat_task task = { .fn = waits_at_the_gate };

	gate = leat_make(int, 0);
	EXPECT_EQ(leat_workers_init(&pool, 1, 10), 0);
	leat_workers_add(&pool, waits_at_the_gate, NULL);
	EXPECT_EQ(leat_workers_start(&pool), 0);
	while (leat_len((leat_chan(int))pool.queue) > 0)
		leat_yield();
	for (int i = 0; i < 5; i++)
		leat_workers_add(&pool, counts);
	EXPECT_EQ(leat_workers_put(&pool, &task), 0);
	leat_workers_cancel(&pool);
	EXPECT_EQ(leat_workers_add(&pool, counts), -EPIPE);
	open_gate();
	EXPECT(!leat_workers_wait(&pool)); /* that is no failure */
	EXPECT(leat_task_wait(&task) == LEAT_CANCELED);
	EXPECT_EQ(atomic_load(&ran), 1);
	EXPECT_EQ(leat_workers_ran(&pool), 1);
	leat_workers_free(&pool);
}

static void closes_later(leat_workers *pool)
{
	leat_sleep(5 * MS);
	leat_workers_close(pool);
}

GO_TEST(run_returns_when_it_is_closed_and_done, "X8 R207")
{
	leat_workers pool;

	EXPECT_EQ(leat_workers_init(&pool, 3, 8), 0);
	for (int i = 0; i < 8; i++)
		leat_workers_add(&pool, counts);
	leat_go(closes_later, &pool);
	EXPECT(!leat_workers_run(&pool));
	EXPECT_EQ(atomic_load(&ran), 8);
	leat_workers_free(&pool);
}

/* -- errors -- */

static leat_error fails(int i)
{
	return i == 3 ? &bad : i > 3 ? &worse : NULL;
}

GO_TEST(the_first_error_is_kept, "R210")
{
	leat_workers pool;

	EXPECT_EQ(leat_workers_init(&pool, 1, 10), 0);
	for (int i = 0; i < 10; i++)
		leat_workers_add(&pool, fails, i);
	EXPECT(ends(&pool) == &bad);
}

static leat_error fails_with(void *number)
{
	return leat_errorf("task %d", *(int *)number);
}

GO_TEST(each_task_has_its_own_error, "R203 R210 R211")
{
	enum { N = 20 };
	leat_workers pool;
	leat_task task[N] = { 0 };
	int number[N];
	char text[20];

	EXPECT_EQ(leat_workers_init(&pool, 3, 4), 0);
	EXPECT_EQ(leat_workers_start(&pool), 0);
	for (int i = 0; i < N; i++) {
		number[i] = i;
		task[i].fn = fails_with;
		task[i].arg = &number[i];
		EXPECT_EQ(leat_workers_put(&pool, &task[i]), 0);
	}
	for (int i = 0; i < N; i++) {
		leat_error e = leat_task_wait(&task[i]);

		snprintf(text, sizeof(text), "task %d", i);
		EXPECT_STR(leat_error_text(e), text);
		leat_error_release(e);
		EXPECT(!leat_task_wait(&task[i])); /* it is taken */
	}
	EXPECT_EQ(leat_workers_put(&pool, &task[0]), 0); /* again */
	leat_error_release(ends(&pool));
	leat_error_release(leat_task_wait(&task[0]));
}

GO_TEST(the_wait_for_a_task_may_be_given_up, "R210 R216")
{
	leat_workers pool;
	leat_ctx *ctx = leat_with_timeout(leat_background(), 5 * MS);
	leat_task task = { .fn = waits_at_the_gate };
	leat_error e = &bad;

	gate = leat_make(int, 0);
	EXPECT_EQ(leat_workers_init(&pool, 1, 1), 0);
	EXPECT_EQ(leat_workers_start(&pool), 0);
	EXPECT_EQ(leat_workers_put(&pool, &task), 0);
	EXPECT_EQ(leat_task_wait_until(&task, &e, leat_now() + 5 * MS),
		  -ETIMEDOUT);
	EXPECT_EQ(leat_task_wait_ctx(ctx, &task, &e), -ECANCELED);
	EXPECT(e == &bad);
	open_gate();
	EXPECT_EQ(leat_task_wait_until(&task, &e, LEAT_NEVER), 0);
	EXPECT(!e);
	EXPECT_EQ(leat_task_wait_ctx(leat_background(), &task, NULL), 0);
	leat_ctx_release(ctx);
	EXPECT(!ends(&pool));
}

/* -- from anywhere, by many, for long -- */

static void *adds_from_a_thread(void *pool)
{
	for (int i = 0; i < 1000; i++)
		EXPECT_EQ(leat_workers_add((leat_workers *)pool, counts), 0);
	return NULL;
}

static intptr_t joins(void *thread)
{
	return pthread_join(*(pthread_t *)thread, NULL);
}

GO_TEST(threads_that_are_not_the_runtimes_may_add, "R220")
{
	leat_workers pool;
	pthread_t thread[4];

	EXPECT_EQ(leat_workers_init(&pool, 4, 8), 0);
	EXPECT_EQ(leat_workers_start(&pool), 0);
	for (int i = 0; i < 4; i++)
		pthread_create(&thread[i], NULL, adds_from_a_thread, &pool);
	for (int i = 0; i < 4; i++)
		leat_block(joins, &thread[i]);
	EXPECT(!ends(&pool));
	EXPECT_EQ(atomic_load(&ran), 4000);
}

static leat_error adds_another(leat_workers *pool, int left)
{
	counts();
	if (left > 0)
		EXPECT_EQ(leat_workers_try_add(pool, adds_another, pool,
					       left - 1),
			  0);
	else
		leat_workers_close(pool);
	return NULL;
}

GO_TEST(a_task_may_add_a_task, "R205")
{
	leat_workers pool;

	EXPECT_EQ(leat_workers_init(&pool, 1, 2), 0);
	leat_workers_add(&pool, adds_another, &pool, 1000);
	EXPECT(!leat_workers_run(&pool));
	EXPECT_EQ(atomic_load(&ran), 1001);
	leat_workers_free(&pool);
}

static void adds_many(leat_workers *pool, long n, leat_wg *all)
{
	for (long i = 0; i < n; i++)
		leat_workers_add(pool, counts);
	leat_wg_done(all);
}

GO_TEST(ten_million_tasks_take_no_more_memory, "R218")
{
	leat_workers pool;
	leat_wg all = { 0 };
	long n = (long)test_count(10000000) / 8, before;

	if (test_under("tsan"))
		n = 5000;
	EXPECT_EQ(leat_workers_init(&pool, 8, 128), 0);
	EXPECT_EQ(leat_workers_start(&pool), 0);
	leat_wg_add(&all, 4);
	for (int i = 0; i < 4; i++)
		leat_go(adds_many, &pool, n, &all);
	leat_wg_wait(&all);
	before = resident_kb();
	leat_wg_add(&all, 4);
	for (int i = 0; i < 4; i++)
		leat_go(adds_many, &pool, n, &all);
	leat_wg_wait(&all);
	EXPECT(test_under("tsan") || resident_kb() - before < 4096);
	EXPECT(!ends(&pool));
	EXPECT_EQ(atomic_load(&ran), 8 * n);
}

SUITE("workers")
