/*
 * test_waitgroup_until.c - waits for a group that have an end: a moment, or a
 * context.
 */
#include "leat.h"

#include "measure.h"
#include "test.h"
#include "waits.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#define MS LEAT_MILLISECOND

/* -- a moment -- */

GO_TEST(a_group_at_zero_is_not_waited_for, "R150")
{
	leat_wg group = { 0 };

	EXPECT_EQ(leat_wg_wait_until(&group, 0), 0);
	EXPECT_EQ(leat_wg_wait_until(&group, LEAT_NEVER), 0);
	leat_wg_add(&group, 1);
	EXPECT_EQ(leat_wg_wait_until(&group, 0), -ETIMEDOUT);
	EXPECT_EQ(leat_wg_wait_until(&group, leat_now()), -ETIMEDOUT);
	leat_wg_done(&group);
	EXPECT_EQ(leat_wg_wait_until(&group, 0), 0);
}

GO_TEST(who_waits_gives_up_at_that_moment_and_not_before, "R150 R201")
{
	leat_wg group = { 0 };
	leat_time when;

	leat_wg_add(&group, 1);
	for (int i = 0; i < 10; i++) {
		when = leat_after_now(MS);
		EXPECT_EQ(leat_wg_wait_until(&group, when), -ETIMEDOUT);
		EXPECT(leat_now() >= when);
	}
	leat_wg_done(&group);
	EXPECT_EQ(leat_wg_wait_until(&group, when), 0);
}

static void ends_it(leat_wg *group)
{
	leat_wg_done(group);
}

GO_TEST(who_waits_goes_on_when_it_is_zero, "R150")
{
	leat_wg group = { 0 };
	leat_time start = leat_now();

	leat_wg_add(&group, 2);
	leat_go(ends_it, &group);
	leat_go_after(MS, ends_it, &group);
	EXPECT_EQ(leat_wg_wait_until(&group, start + LEAT_HOUR), 0);
	EXPECT(leat_since(start) < LEAT_HOUR / 60);
}

TEST_DIES(a_nil_group_is_not_waited_for, "R150",
	  "fatal error: leat_wg_wait_until: nil WaitGroup")
{
	leat_wg_wait_until(NULL, 0);
}

/* -- a context -- */

GO_TEST(a_cancel_ends_the_wait_but_not_the_group, "R133 R141 R150")
{
	leat_ctx *ctx = leat_with_timeout(leat_background(), MS);
	leat_wg group = { 0 };

	EXPECT_EQ(leat_wg_wait_ctx(ctx, &group), 0);
	leat_wg_add(&group, 1);
	EXPECT_EQ(leat_wg_wait_ctx(ctx, &group), -ECANCELED);
	EXPECT(leat_ctx_err(ctx) == LEAT_DEADLINE_EXCEEDED);
	EXPECT_EQ(leat_wg_wait_ctx(ctx, &group), -ECANCELED);
	leat_go_after(MS, ends_it, &group);
	EXPECT_EQ(leat_wg_wait_ctx(leat_background(), &group), 0);
	EXPECT_EQ(leat_wg_wait_ctx(ctx, &group), 0);
	leat_ctx_release(ctx);
}

TEST_DIES(a_nil_group_has_no_context, "R150",
	  "fatal error: leat_wg_wait_ctx: nil WaitGroup")
{
	leat_wg_wait_ctx(leat_background(), NULL);
}

/* -- all at once -- */

enum { WAITERS = 12 };

static atomic_int outcomes[2]; /* zero, gave up */

static void one_waits(int i, leat_wg *group, leat_time when, leat_ctx *ctx,
		      leat_wg *all)
{
	int rc = 0;

	switch (i % 3) {
	case 0:
		leat_wg_wait(group);
		break;
	case 1:
		rc = leat_wg_wait_until(group, when);
		EXPECT(rc == 0 || (rc == -ETIMEDOUT && leat_now() >= when));
		break;
	case 2:
		rc = leat_wg_wait_ctx(ctx, group);
		EXPECT(rc == 0 ||
		       (rc == -ECANCELED && leat_ctx_err(ctx) != NULL));
	}
	atomic_fetch_add(&outcomes[rc != 0], 1);
	leat_wg_done(all);
}

static void *thread_waits(void *at)
{
	leat_wg *group = at;

	while (leat_wg_wait_until(group, leat_now() + MS / 20) != 0)
		;
	return NULL;
}

/* A group of its own for each round, so that who touches it too late touches
 * what is freed. */
static void round_of(unsigned seed)
{
	leat_duration soon = seed % 200 * LEAT_MICROSECOND;
	leat_ctx *ctx = leat_with_timeout(leat_background(),
					  seed / 7 % 200 * LEAT_MICROSECOND);
	leat_wg *group = calloc(1, sizeof(*group)), all = { 0 };
	bool threads = seed % 16 == 0;
	pthread_t thread;

	leat_wg_add(group, 1);
	leat_wg_add(&all, WAITERS);
	if (threads)
		pthread_create(&thread, NULL, thread_waits, group);
	for (int i = 0; i < WAITERS; i++)
		leat_go(one_waits, i, group,
			leat_after_now(seed / 3 % 200 * LEAT_MICROSECOND), ctx,
			&all);
	leat_go_after(soon, ends_it, group);
	leat_wg_wait(&all);
	EXPECT_EQ(leat_wg_wait_until(group, LEAT_NEVER), 0);
	if (threads)
		pthread_join(thread, NULL);
	free(group);
	leat_ctx_release(ctx);
}

GO_TEST(all_who_wait_return_whatever_comes_first, "R133 R150 R201")
{
	int rounds = (int)test_count(2000);

	for (int i = 0; i < rounds; i++)
		round_of((unsigned)i * 2654435761u);
	EXPECT_EQ(atomic_load(&outcomes[0]) + atomic_load(&outcomes[1]),
		  rounds * WAITERS);
	/* A third waits for as long as it takes. */
	EXPECT(atomic_load(&outcomes[0]) >= rounds * WAITERS / 3);
	EXPECT(atomic_load(&outcomes[1]) > 0);
}

/* Those who give up are taken out of the middle, in no time. */
static void gives_up(leat_wg *group, leat_time when, leat_wg *all)
{
	EXPECT_EQ(leat_wg_wait_until(group, when), -ETIMEDOUT);
	leat_wg_done(all);
}

GO_TEST(ten_thousand_give_up_and_two_stay, "R150")
{
	leat_wg group = { 0 }, all = { 0 }, stay = { 0 };
	int n = (int)test_count(10000);
	leat_time soon = leat_after_now(50 * MS);

	leat_wg_add(&group, 1);
	leat_wg_add(&all, n);
	leat_wg_add(&stay, 2);
	leat_go(one_waits, 0, &group, soon, (leat_ctx *)NULL, &stay);
	for (int i = 0; i < n; i++)
		leat_go(gives_up, &group, soon, &all);
	leat_go(one_waits, 0, &group, soon, (leat_ctx *)NULL, &stay);
	leat_wg_wait(&all);
	leat_wg_done(&group);
	leat_wg_wait(&stay);
}

SUITE("waits for a group that have an end")
