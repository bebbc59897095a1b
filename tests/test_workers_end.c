/*
 * test_workers_end.c - the pool of goroutines, when things go wrong.
 */
#include "leat.h"

#include "test.h"

#include <errno.h>
#include <stdatomic.h>

static atomic_int ran;

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

static leat_error fails_with(void *number)
{
	return leat_errorf("task %d", *(int *)number);
}

/* -- panics, and goroutines that end -- */

static leat_error panics(int how)
{
	if (how == 0)
		leat_panic("boom");
	leat_panicf("boom %d", how);
}

static atomic_int panicked;

static void notes_a_panic(struct leat_value v, void *arg)
{
	char text[40];

	leat_value_text(&v, text, sizeof(text));
	EXPECT(strncmp(text, "boom", 4) == 0);
	EXPECT(arg == &panicked);
	atomic_fetch_add(&panicked, 1);
}

GO_TEST(a_panic_does_not_end_a_pool_with_a_handler, "R214")
{
	leat_workers pool;
	leat_error e;

	EXPECT_EQ(leat_workers_init(&pool, 2, 4), 0);
	leat_workers_on_panic(&pool, notes_a_panic, &panicked);
	EXPECT_EQ(leat_workers_start(&pool), 0);
	for (int i = 0; i < 100; i++) {
		leat_workers_add(&pool, panics, 0);
		leat_workers_add(&pool, counts);
	}
	e = ends(&pool);
	EXPECT_STR(leat_error_text(e), "panic: boom");
	leat_error_release(e);
	EXPECT_EQ(atomic_load(&panicked), 100);
	EXPECT_EQ(atomic_load(&ran), 100);
}

static leat_error panics_with_seven(void *unused)
{
	(void)unused;
	return panics(7);
}

GO_TEST(the_panic_is_the_error_of_its_task, "R210 R214")
{
	leat_workers pool;
	leat_task task = { .fn = panics_with_seven };
	leat_error e;

	EXPECT_EQ(leat_workers_init(&pool, 1, 1), 0);
	leat_workers_on_panic(&pool, notes_a_panic, &panicked);
	EXPECT_EQ(leat_workers_start(&pool), 0);
	EXPECT_EQ(leat_workers_put(&pool, &task), 0);
	e = leat_task_wait(&task);
	EXPECT_STR(leat_error_text(e), "panic: boom 7");
	leat_error_release(e);
	leat_error_release(ends(&pool));
}

GO_TEST_DIES(without_a_handler_a_panic_ends_the_process, "R214",
	     "panic: boom\n\ngoroutine ")
{
	leat_workers pool;

	EXPECT_EQ(leat_workers_init(&pool, 1, 1), 0);
	leat_workers_add(&pool, panics, 0);
	leat_workers_run(&pool);
}

static leat_error ends_its_goroutine(void)
{
	counts();
	leat_goexit();
}

GO_TEST(a_task_that_ends_its_goroutine_costs_no_worker, "R212 R213")
{
	leat_workers pool;

	EXPECT_EQ(leat_workers_init(&pool, 2, 4), 0);
	EXPECT_EQ(leat_workers_start(&pool), 0);
	for (int i = 0; i < 100; i++) {
		leat_workers_add(&pool, ends_its_goroutine);
		leat_workers_add(&pool, counts);
	}
	leat_workers_close(&pool);
	EXPECT(!leat_workers_wait(&pool));
	EXPECT_EQ(atomic_load(&ran), 200);
	EXPECT_EQ(leat_workers_ran(&pool), 200);
	leat_workers_free(&pool);
}

static void panics_at_the_end(void)
{
	leat_panic("boom");
}

static leat_error ends_in_a_panic(void)
{
	leat_defer(panics_at_the_end);
	counts();
	leat_goexit();
}

GO_TEST(a_panic_at_such_an_end_costs_none_either, "R212 R214")
{
	leat_workers pool;

	EXPECT_EQ(leat_workers_init(&pool, 1, 4), 0);
	leat_workers_on_panic(&pool, notes_a_panic, &panicked);
	EXPECT_EQ(leat_workers_start(&pool), 0);
	for (int i = 0; i < 20; i++) {
		leat_workers_add(&pool, ends_in_a_panic);
		leat_workers_add(&pool, counts);
	}
	leat_error_release(ends(&pool));
	EXPECT_EQ(atomic_load(&ran), 40);
	EXPECT_EQ(atomic_load(&panicked), 20);
}

static void ends_at_a_panic(struct leat_value v, void *arg)
{
	notes_a_panic(v, arg);
	leat_goexit();
}

GO_TEST(a_handler_may_end_the_goroutine, "R212 R214")
{
	leat_workers pool;

	EXPECT_EQ(leat_workers_init(&pool, 2, 4), 0);
	leat_workers_on_panic(&pool, ends_at_a_panic, &panicked);
	EXPECT_EQ(leat_workers_start(&pool), 0);
	for (int i = 0; i < 20; i++)
		leat_workers_add(&pool, panics, 0);
	leat_error_release(ends(&pool));
	EXPECT_EQ(atomic_load(&panicked), 20);
}

static leat_error is_canceled(void)
{
	return LEAT_CANCELED;
}

GO_TEST(to_be_cancelled_is_an_error_of_a_task_that_ran, "R210")
{
	leat_workers pool;

	EXPECT_EQ(leat_workers_init(&pool, 1, 4), 0);
	leat_workers_add(&pool, is_canceled);
	EXPECT(ends(&pool) == LEAT_CANCELED);
}

static void waits_for(leat_workers *pool, atomic_int *failed)
{
	leat_error e = leat_workers_wait(pool);

	if (e)
		atomic_fetch_add(failed, 1);
	leat_error_release(e);
}

static leat_error fails_counted(void)
{
	return leat_errorf("counted");
}

GO_TEST(all_who_wait_get_the_error, "R210")
{
	leat_workers pool;
	leat_wg all = { 0 };
	atomic_int failed = 0;

	EXPECT_EQ(leat_workers_init(&pool, 2, 4), 0);
	leat_workers_add(&pool, fails_counted);
	for (int i = 0; i < 10; i++)
		leat_wg_go(&all, waits_for, &pool, &failed);
	leat_workers_close(&pool);
	leat_wg_wait(&all);
	leat_workers_free(&pool);
	EXPECT_EQ(atomic_load(&failed), 10);
}

/* -- what makes no sense -- */

GO_TEST(a_pool_without_workers_or_a_queue_is_an_error, "R215")
{
	leat_workers pool;

	EXPECT_EQ(leat_workers_init(&pool, 0, 1), -EINVAL);
	EXPECT_EQ(leat_workers_init(&pool, -1, 1), -EINVAL);
	EXPECT_EQ(leat_workers_init(&pool, 1, 0), -EINVAL);
	EXPECT_EQ(leat_workers_init(&pool, 1, -5), -EINVAL);
	leat_workers_free(&pool);
}

GO_TEST_DIES(a_pool_that_never_began_is_refused, "R215",
	     "fatal error: leat_workers_add: nil pool\n")
{
	leat_workers pool = { 0 };

	leat_workers_add(&pool, counts);
}

GO_TEST_DIES(a_function_that_is_nil_is_refused, "R215",
	     "fatal error: leat_workers_add: nil func value\n")
{
	leat_workers pool;
	leat_error (*none)(void) = NULL;

	leat_workers_init(&pool, 1, 1);
	leat_workers_add(&pool, none);
}

GO_TEST_DIES(a_task_without_a_function_is_refused, "R215",
	     "fatal error: leat_workers_put: nil func value\n")
{
	leat_workers pool;
	leat_task task = { 0 };

	leat_workers_init(&pool, 1, 1);
	leat_workers_put(&pool, &task);
}

GO_TEST_DIES(a_task_is_put_once, "R213",
	     "fatal error: leat_workers_put: the task has not ended\n")
{
	leat_workers pool;
	leat_task task = { .fn = fails_with };

	leat_workers_init(&pool, 1, 5);
	leat_workers_put(&pool, &task);
	leat_workers_put(&pool, &task);
}

#define NIL(name, words, call)                                 \
	GO_TEST_DIES(name, "R215", "fatal error: " words "\n") \
	{                                                      \
		call;                                          \
	}

NIL(no_pool_to_begin, "leat_workers_init: nil pool",
    leat_workers_init(NULL, 1, 1))
NIL(no_pool_to_start, "leat_workers_start: nil pool", leat_workers_start(NULL))
NIL(no_pool_to_close, "leat_workers_close: nil pool", leat_workers_close(NULL))
NIL(no_pool_to_cancel, "leat_workers_cancel: nil pool",
    leat_workers_cancel(NULL))
NIL(no_pool_to_wait_for, "leat_workers_wait: nil pool", leat_workers_wait(NULL))
NIL(no_pool_to_ask, "leat_workers_ran: nil pool", leat_workers_ran(NULL))
NIL(no_pool_to_free, "leat_workers_free: nil pool", leat_workers_free(NULL))
NIL(no_pool_to_panic_in, "leat_workers_on_panic: nil pool",
    leat_workers_on_panic(NULL, notes_a_panic, NULL))
NIL(no_pool_to_put_into, "leat_workers_put: nil pool",
    leat_workers_put(NULL, NULL))
NIL(no_task_to_wait_for, "leat_task_wait: nil task", leat_task_wait(NULL))
NIL(no_task_to_wait_for_until, "leat_task_wait_until: nil task",
    leat_task_wait_until(NULL, NULL, 0))
NIL(no_task_to_wait_for_in, "leat_task_wait_ctx: nil task",
    leat_task_wait_ctx(leat_background(), NULL, NULL))

static void begin(leat_workers *pool)
{
	EXPECT_EQ(leat_workers_init(pool, 1, 1), 0);
}

GO_TEST_DIES(no_task_to_put, "R215", "leat_workers_put: nil task\n")
{
	leat_workers pool;

	begin(&pool);
	leat_workers_put(&pool, NULL);
}

GO_TEST_DIES(no_context_to_add_in, "R215", "leat_workers_add_ctx: nil context")
{
	leat_workers pool;

	begin(&pool);
	leat_workers_add_ctx(NULL, &pool, counts);
}

GO_TEST_DIES(no_context_to_put_in, "R215", "leat_workers_put_ctx: nil context")
{
	leat_workers pool;
	leat_task task = { .fn = fails_with };

	begin(&pool);
	leat_workers_put_ctx(NULL, &pool, &task);
}

SUITE("workers_end")
