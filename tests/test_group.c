/*
 * test_group.c - the rules of x/sync's errgroup, one by one.
 */
#include "leat.h"

#include "test.h"
#include "waits.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>

#define MS LEAT_MILLISECOND

static const struct leat_error_value one = LEAT_ERROR("one"),
				     two = LEAT_ERROR("two");

static atomic_int ran;

static leat_error returns(leat_error e)
{
	atomic_fetch_add(&ran, 1);
	return e;
}

static leat_error returns_late(leat_error e, int yields)
{
	for (int i = 0; i < yields; i++)
		leat_yield();
	return returns(e);
}

/* -- the first error -- */

GO_TEST(a_group_of_zeros_is_ready, "R153 errgroup")
{
	static leat_group still;
	leat_group all = { 0 };

	EXPECT(leat_group_wait(&all) == NULL);
	EXPECT_EQ(leat_group_go(&all, returns, NULL), 0);
	EXPECT(leat_group_wait(&all) == NULL);
	EXPECT_EQ(leat_group_go(&still, returns, &one), 0);
	EXPECT(leat_group_wait(&still) == &one);
	EXPECT_EQ(atomic_load(&ran), 2);
}

GO_TEST(the_first_error_of_some_is_the_groups, "errgroup")
{
	const leat_error bring[][4] = {
		{ NULL, NULL, NULL, NULL }, { &one, NULL, NULL, NULL },
		{ NULL, NULL, &two, NULL }, { NULL, &one, NULL, &two },
		{ &two, &one, &one, NULL },
	};
	const leat_error first[] = { NULL, &one, &two, &one, &two };

	for (int row = 0; row < 5; row++) {
		leat_group all = { 0 };

		/* One at a time, so in this order. */
		leat_group_set_limit(&all, 1);
		for (int i = 0; i < 4; i++)
			leat_group_go(&all, returns, bring[row][i]);
		EXPECT(leat_group_wait(&all) == first[row]);
	}
	EXPECT_EQ(atomic_load(&ran), 20);
}

GO_TEST(after_the_wait_a_group_is_as_new, "errgroup")
{
	leat_group all = { 0 };

	leat_group_go(&all, returns, &one);
	EXPECT(leat_group_wait(&all) == &one);
	EXPECT(leat_group_wait(&all) == NULL);
	leat_group_go(&all, returns, &two);
	EXPECT(leat_group_wait(&all) == &two);
	EXPECT(leat_group_with_ctx(&all, leat_background()) != NULL);
	leat_group_go(&all, returns, NULL);
	EXPECT(leat_group_wait(&all) == NULL);
	EXPECT(leat_group_with_ctx(&all, leat_background()) != NULL);
	EXPECT(leat_group_wait(&all) == NULL);
}

static leat_error makes_one(int i)
{
	return leat_errorf("number %d", i);
}

/* Under ASan the others are found if they leak. */
GO_TEST(the_first_error_is_the_callers_and_the_others_are_let_go, "errgroup")
{
	leat_group all = { 0 };
	leat_ctx *ctx = leat_group_with_ctx(&all, leat_background());
	leat_error e, cause;

	leat_ctx_retain(ctx);
	for (int i = 0; i < 100; i++)
		leat_group_go(&all, makes_one, i);
	e = leat_group_wait(&all);
	cause = leat_error_retain(leat_ctx_cause(ctx));
	leat_ctx_release(ctx);
	EXPECT(e == cause);
	EXPECT(strncmp(leat_error_text(e), "number ", 7) == 0);
	leat_error_release(e);
	EXPECT(strncmp(leat_error_text(cause), "number ", 7) == 0);
	leat_error_release(cause);
}

static leat_error six(signed char a, bool b, int *c, const char *d, uint64_t e,
		      leat_error f)
{
	EXPECT_EQ(a, -1);
	EXPECT(b);
	EXPECT_STR(d, "four");
	EXPECT(e == UINT64_MAX);
	++*c;
	return f;
}

GO_TEST(six_arguments_arrive_in_a_group, "errgroup")
{
	leat_group all = { 0 };
	int c = 0;

	leat_group_go(&all, six, -1, true, &c, "four", UINT64_MAX, &two);
	EXPECT(leat_group_wait(&all) == &two);
	EXPECT_EQ(c, 1);
}

static leat_error ends_early(leat_error e)
{
	if (e)
		leat_goexit();
	return e;
}

GO_TEST(who_ends_by_goexit_is_counted_and_brings_no_error, "errgroup")
{
	leat_group all = { 0 };

	leat_group_set_limit(&all, 2);
	for (int i = 0; i < 20; i++)
		leat_group_go(&all, ends_early, i % 2 ? &one : NULL);
	EXPECT(leat_group_wait(&all) == NULL);
}

static leat_error has_a_group(int depth)
{
	leat_group mine = { 0 };

	atomic_fetch_add(&ran, 1);
	if (depth == 0)
		return &one;
	for (int i = 0; i < 3; i++)
		leat_group_go(&mine, has_a_group, depth - 1);
	return leat_group_wait(&mine);
}

GO_TEST(an_error_comes_up_through_groups_of_groups, "errgroup")
{
	EXPECT(has_a_group(5) == &one);
	EXPECT_EQ(atomic_load(&ran), 1 + 3 + 9 + 27 + 81 + 243);
}

static leat_error starts_more(leat_group *all, int more)
{
	atomic_fetch_add(&ran, 1);
	if (more > 0)
		leat_group_go(all, starts_more, all, more - 1);
	return NULL;
}

GO_TEST(a_function_of_the_group_may_start_more, "errgroup")
{
	leat_group all = { 0 };

	leat_group_go(&all, starts_more, &all, 99);
	EXPECT(leat_group_wait(&all) == NULL);
	EXPECT_EQ(atomic_load(&ran), 100);
}

/* -- its context -- */

static leat_error waits_for_the_end(leat_ctx *ctx)
{
	leat_recv(leat_ctx_done(ctx), NULL);
	atomic_fetch_add(&ran, 1);
	return leat_ctx_err(ctx);
}

GO_TEST(the_first_error_cancels_the_context_with_its_cause, "errgroup")
{
	leat_group all = { 0 };
	leat_ctx *parent = leat_with_cancel(leat_background());
	leat_ctx *ctx = leat_ctx_retain(leat_group_with_ctx(&all, parent));

	for (int i = 0; i < 10; i++)
		leat_group_go(&all, waits_for_the_end, ctx);
	leat_group_go(&all, returns_late, NULL, 5);
	EXPECT(leat_ctx_err(ctx) == NULL);
	leat_group_go(&all, returns_late, &two, 5);
	EXPECT(leat_group_wait(&all) == &two);
	EXPECT_EQ(atomic_load(&ran), 12);
	EXPECT(leat_ctx_err(ctx) == LEAT_CANCELED);
	EXPECT(leat_ctx_cause(ctx) == &two);
	EXPECT(leat_ctx_err(parent) == NULL);
	leat_ctx_release(ctx);
	leat_ctx_release(parent);
}

GO_TEST(without_an_error_the_wait_cancels_the_context, "errgroup")
{
	leat_group all = { 0 };
	leat_ctx *ctx =
		leat_ctx_retain(leat_group_with_ctx(&all, leat_background()));

	leat_group_go(&all, returns, NULL);
	while (atomic_load(&ran) < 1)
		leat_yield();
	EXPECT(leat_ctx_err(ctx) == NULL);
	EXPECT(leat_group_wait(&all) == NULL);
	EXPECT(leat_ctx_err(ctx) == LEAT_CANCELED);
	EXPECT(leat_ctx_cause(ctx) == LEAT_CANCELED);
	leat_ctx_release(ctx);
}

GO_TEST(the_parents_end_is_the_contexts, "errgroup")
{
	leat_group all = { 0 };
	leat_ctx *parent = leat_with_cancel(leat_background());
	leat_ctx *ctx = leat_group_with_ctx(&all, parent);

	leat_group_go(&all, waits_for_the_end, ctx);
	leat_cancel_cause(parent, &one);
	EXPECT(leat_group_wait(&all) == LEAT_CANCELED);
	leat_ctx_release(parent);
}

/* -- its limit -- */

static atomic_int active, most;

static leat_error is_one_of_few(int limit)
{
	int now = atomic_fetch_add(&active, 1) + 1, was = atomic_load(&most);

	EXPECT(now <= limit);
	while (was < now && !atomic_compare_exchange_weak(&most, &was, now))
		;
	leat_yield();
	atomic_fetch_sub(&active, 1);
	return NULL;
}

GO_TEST(no_more_than_the_limit_run_at_a_time, "errgroup")
{
	for (int limit = 1; limit <= 10; limit += 3) {
		leat_group all = { 0 };

		atomic_store(&most, 0);
		leat_group_set_limit(&all, limit);
		for (int i = 0; i < (int)test_count(2000); i++)
			leat_group_go(&all, is_one_of_few, limit);
		EXPECT(leat_group_wait(&all) == NULL);
		EXPECT(atomic_load(&most) >= 1);
	}
}

static leat_wg gate;

static leat_error waits_at_the_gate(void)
{
	leat_wg_wait(&gate);
	return returns(NULL);
}

GO_TEST(as_many_as_the_limit_do_run_at_a_time, "errgroup")
{
	enum { N = 42 };
	leat_group all = { 0 };

	leat_group_set_limit(&all, N);
	leat_wg_add(&gate, 1);
	for (int i = 0; i < N; i++)
		EXPECT_EQ(leat_group_try_go(&all, waits_at_the_gate), 0);
	EXPECT_EQ(leat_group_try_go(&all, waits_at_the_gate), -EAGAIN);
	EXPECT_EQ(leat_group_try_go(&all, waits_at_the_gate), -EAGAIN);
	EXPECT_EQ(atomic_load(&ran), 0);
	leat_wg_done(&gate);
	EXPECT(leat_group_wait(&all) == NULL);
	EXPECT_EQ(atomic_load(&ran), N);
	/* The limit stays, and all of it is there again. */
	leat_wg_add(&gate, 1);
	for (int i = 0; i < N; i++)
		EXPECT_EQ(leat_group_try_go(&all, waits_at_the_gate), 0);
	EXPECT_EQ(leat_group_try_go(&all, waits_at_the_gate), -EAGAIN);
	leat_wg_done(&gate);
	EXPECT(leat_group_wait(&all) == NULL);
	/* It can be lifted. */
	leat_group_set_limit(&all, -1);
	leat_wg_add(&gate, 1);
	for (int i = 0; i < 2 * N; i++)
		EXPECT_EQ(leat_group_try_go(&all, waits_at_the_gate), 0);
	leat_wg_done(&gate);
	EXPECT(leat_group_wait(&all) == NULL);
	EXPECT_EQ(atomic_load(&ran), 4 * N);
}

GO_TEST(without_a_limit_a_try_always_starts, "errgroup")
{
	leat_group all = { 0 };

	leat_wg_add(&gate, 1);
	for (int i = 0; i < 1000; i++)
		EXPECT_EQ(leat_group_try_go(&all, waits_at_the_gate), 0);
	leat_wg_done(&gate);
	EXPECT(leat_group_wait(&all) == NULL);
	EXPECT_EQ(atomic_load(&ran), 1000);
}

GO_TEST(at_a_limit_of_zero_none_may_start, "errgroup")
{
	leat_group all = { 0 };
	leat_ctx *ctx = leat_with_timeout(leat_background(), MS);

	leat_group_set_limit(&all, 0);
	EXPECT_EQ(leat_group_try_go(&all, returns, &one), -EAGAIN);
	EXPECT_EQ(leat_group_go_ctx(ctx, &all, returns, &one), -ECANCELED);
	EXPECT(leat_group_wait(&all) == NULL);
	EXPECT_EQ(atomic_load(&ran), 0);
	leat_ctx_release(ctx);
}

static int order[20], arrived;

static leat_error arrives(int me)
{
	order[arrived++] = me;
	return NULL;
}

static void starts_one(leat_group *all, leat_wg *starters, int me)
{
	about_to_wait();
	leat_group_go(all, arrives, me);
	leat_wg_done(starters);
}

GO_TEST(who_waits_for_room_starts_in_the_order_of_coming, "errgroup")
{
	enum { N = 20 };
	leat_group all = { 0 };
	leat_wg starters = { 0 };

	leat_procs_set(1);
	leat_group_set_limit(&all, 1);
	leat_wg_add(&gate, 1);
	leat_group_go(&all, waits_at_the_gate);
	leat_wg_add(&starters, N);
	for (int i = 0; i < N; i++) {
		leat_go(starts_one, &all, &starters, i);
		until_waiting(1);
	}
	EXPECT_EQ(arrived, 0);
	leat_wg_done(&gate);
	leat_wg_wait(&starters);
	EXPECT(leat_group_wait(&all) == NULL);
	for (int i = 0; i < N; i++)
		EXPECT_EQ(order[i], i);
}

/* -- waits that have an end -- */

GO_TEST(a_wait_for_room_ends_with_a_context, "errgroup R133")
{
	leat_group all = { 0 };
	leat_ctx *ctx = leat_with_timeout(leat_background(), MS);

	leat_group_set_limit(&all, 1);
	leat_wg_add(&gate, 1);
	EXPECT_EQ(leat_group_go_ctx(ctx, &all, waits_at_the_gate), 0);
	EXPECT_EQ(leat_group_go_ctx(ctx, &all, returns, &one), -ECANCELED);
	EXPECT(leat_ctx_err(ctx) == LEAT_DEADLINE_EXCEEDED);
	leat_wg_done(&gate);
	EXPECT_EQ(leat_group_go_ctx(leat_background(), &all, returns, &two), 0);
	EXPECT(leat_group_wait(&all) == &two);
	EXPECT_EQ(atomic_load(&ran), 2);
	leat_ctx_release(ctx);
}

GO_TEST(a_wait_that_has_given_up_is_done_again, "errgroup R141 R201")
{
	leat_group all = { 0 };
	leat_ctx *ctx =
		leat_ctx_retain(leat_group_with_ctx(&all, leat_background()));
	leat_ctx *short_one = leat_with_timeout(leat_background(), MS);
	leat_error e = &two;

	leat_wg_add(&gate, 1);
	leat_group_go(&all, waits_at_the_gate);
	leat_group_go(&all, returns, &one);
	EXPECT_EQ(leat_group_wait_ctx(short_one, &all, &e), -ECANCELED);
	EXPECT_EQ(leat_group_wait_until(&all, &e, leat_now()), -ETIMEDOUT);
	EXPECT_EQ(leat_group_wait_until(&all, &e, leat_after_now(MS)),
		  -ETIMEDOUT);
	EXPECT(e == &two); /* not touched */
	leat_wg_done(&gate);
	EXPECT_EQ(leat_group_wait_until(&all, &e, leat_after_now(LEAT_HOUR)),
		  0);
	EXPECT(e == &one);
	EXPECT(leat_ctx_cause(ctx) == &one);
	EXPECT_EQ(leat_group_wait_ctx(leat_background(), &all, &e), 0);
	EXPECT(e == NULL);
	leat_ctx_release(short_one);
	leat_ctx_release(ctx);
}

/* -- no memory -- */

enum { MANY = 5000 };

static int starts_too_many(void)
{
	leat_group all = { 0 };
	leat_ctx *ctx = leat_group_with_ctx(&all, leat_background());
	int n = 0;

	leat_group_set_limit(&all, MANY);
	while (n < MANY && leat_group_go(&all, waits_for_the_end, ctx) == 0)
		n++;
	EXPECT(n < MANY);
	EXPECT(leat_ctx_cause(ctx) == LEAT_NO_MEMORY);
	EXPECT(leat_group_wait(&all) == LEAT_NO_MEMORY);
	EXPECT_EQ(atomic_load(&ran), n);
	return 0;
}

/* Room for some stacks as large as can be, and for all that is smaller. */
TEST(who_cannot_start_is_an_error_of_the_groups, "errgroup")
{
	const struct rlimit some = { 4ul << 40, 4ul << 40 };
	struct leat_options options = { .stack = 1 << 30 };

	if (test_under("asan") || test_under("tsan") || test_under("qemu"))
		SKIP("address space is not limited there");
	EXPECT_EQ(setrlimit(RLIMIT_AS, &some), 0);
	EXPECT_EQ(leat_run_with(&options, starts_too_many), 0);
}

/* -- its memory, and what happened before -- */

static leat_error writes(int *at, int n)
{
	*at = n;
	return n % 7 == 0 ? leat_errorf("%d", n) : NULL;
}

GO_TEST(a_group_is_freed_after_the_wait_and_all_is_seen, "errgroup R178")
{
	for (int round = 0; round < (int)test_count(10000); round++) {
		leat_group *all = calloc(1, sizeof *all);
		int plain[4];

		leat_group_set_limit(all, 1 + round % 4);
		if (round % 2)
			leat_group_with_ctx(all, leat_background());
		for (int i = 0; i < 4; i++)
			leat_group_go(all, writes, &plain[i], round + i);
		leat_error_release(leat_group_wait(all));
		memset(all, 0xff, sizeof *all);
		free(all);
		for (int i = 0; i < 4; i++)
			EXPECT_EQ(plain[i], round + i);
	}
}

static void *has_one_on_a_thread(void *unused)
{
	leat_group all = { 0 };
	leat_ctx *ctx = leat_group_with_ctx(&all, leat_background());

	leat_group_set_limit(&all, 2);
	for (int i = 0; i < 100; i++)
		leat_group_go(&all, returns_late, NULL, i % 3);
	leat_group_go_ctx(ctx, &all, returns, &one);
	EXPECT(leat_group_wait(&all) == &one);
	return unused;
}

GO_TEST(a_thread_may_have_a_group, "errgroup")
{
	pthread_t thread;

	EXPECT_EQ(pthread_create(&thread, NULL, has_one_on_a_thread, NULL), 0);
	leat_block_enter();
	pthread_join(thread, NULL);
	leat_block_exit();
	EXPECT_EQ(atomic_load(&ran), 101);
}

/* -- misuse -- */

GO_TEST_DIES(the_limit_stays_while_some_are_active, "errgroup",
	     "panic: errgroup: modify limit while 3 goroutines in the "
	     "group are still active")
{
	leat_group all = { 0 };

	leat_wg_add(&gate, 1);
	for (int i = 0; i < 3; i++)
		leat_group_go(&all, waits_at_the_gate);
	leat_group_set_limit(&all, 5);
}

GO_TEST_DIES(a_context_is_made_before_they_start, "errgroup",
	     "fatal error: leat_group_with_ctx: goroutines in the group are")
{
	leat_group all = { 0 };

	leat_wg_add(&gate, 1);
	leat_group_go(&all, waits_at_the_gate);
	leat_group_with_ctx(&all, leat_background());
}

GO_TEST_DIES(a_group_has_one_context, "errgroup",
	     "fatal error: leat_group_with_ctx: the group has a context")
{
	leat_group all = { 0 };

	leat_group_with_ctx(&all, leat_background());
	leat_group_with_ctx(&all, leat_background());
}

static leat_error (*const no_function)(void);

GO_TEST_DIES(a_nil_function_is_not_started, "errgroup",
	     "fatal error: leat_group_go: nil func value")
{
	leat_group all = { 0 };

	leat_group_set_limit(&all, 0);
	leat_group_go(&all, no_function);
}

GO_TEST_DIES(a_nil_context_ends_no_wait, "errgroup",
	     "fatal error: leat_group_go_ctx: nil context")
{
	leat_group all = { 0 };

	leat_group_go_ctx(NULL, &all, returns, NULL);
}

#define NIL_DIES(name, call)        \
	TEST_DIES(name, "errgroup", \
		  "fatal error: leat_group_" #call ": nil Group")

NIL_DIES(a_nil_group_is_not_waited_for, wait)
{
	leat_group_wait(NULL);
}

NIL_DIES(a_nil_group_has_no_end, wait_until)
{
	leat_error e;

	leat_group_wait_until(NULL, &e, 0);
}

NIL_DIES(a_nil_group_ends_with_nothing, wait_ctx)
{
	leat_error e;

	leat_group_wait_ctx(leat_background(), NULL, &e);
}

NIL_DIES(a_nil_group_has_no_limit, set_limit)
{
	leat_group_set_limit(NULL, 1);
}

NIL_DIES(a_nil_group_has_no_context, with_ctx)
{
	leat_group_with_ctx(NULL, leat_background());
}

NIL_DIES(a_nil_group_starts_nothing, go)
{
	leat_group_go(NULL, returns, NULL);
}

SUITE("group")
