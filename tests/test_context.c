/*
 * test_context.c - contexts: cancellation, deadlines and values.
 *
 * Go's src/context/context_test.go and x_test.go retold.
 */
#include "leat.h"

#include "test.h"

#include <stdatomic.h>

#define MS LEAT_MILLISECOND

static bool is_done(leat_ctx *ctx)
{
	return leat_try_recv(leat_ctx_done(ctx), NULL) == -EPIPE;
}

static void expect_open(leat_ctx *ctx)
{
	EXPECT_EQ(leat_try_recv(leat_ctx_done(ctx), NULL), -EAGAIN);
	EXPECT(leat_ctx_err(ctx) == NULL);
	EXPECT(leat_ctx_cause(ctx) == NULL);
}

static void expect_over(leat_ctx *ctx, leat_error err, leat_error cause)
{
	EXPECT_STR(leat_error_text(leat_ctx_err(ctx)), leat_error_text(err));
	EXPECT(leat_ctx_err(ctx) == err);
	EXPECT(leat_ctx_cause(ctx) == cause);
	EXPECT(is_done(ctx));
}

static void expect_canceled(leat_ctx *ctx)
{
	expect_over(ctx, LEAT_CANCELED, LEAT_CANCELED);
}

static void until_done(leat_ctx *ctx)
{
	leat_time limit = leat_after_now(10 * LEAT_SECOND * test_slow());

	EXPECT_EQ(leat_recv_until(leat_ctx_done(ctx), NULL, limit), -EPIPE);
}

/* -- roots -- */

GO_TEST(the_roots_are_never_cancelled, "R112 R120 R124 R125")
{
	leat_ctx *roots[] = { leat_background(), leat_todo() };
	leat_time when;

	EXPECT(roots[0] != roots[1]);
	for (int i = 0; i < 2; i++) {
		EXPECT(leat_ctx_done(roots[i]) == NULL);
		EXPECT(leat_ctx_err(roots[i]) == NULL);
		EXPECT(leat_ctx_cause(roots[i]) == NULL);
		EXPECT(!leat_ctx_deadline(roots[i], &when));
		EXPECT(when == LEAT_NEVER);
		EXPECT(leat_ctx_value(roots[i], roots) == NULL);
		EXPECT(leat_ctx_retain(roots[i]) == roots[i]);
		leat_ctx_release(roots[i]);
		leat_ctx_release(roots[i]);
	}
	leat_ctx_release(NULL);
	EXPECT(leat_ctx_retain(NULL) == NULL);
}

/* -- cancel -- */

GO_TEST(a_cancel_closes_done_and_sets_err, "R114 R115 R116 R117 R126 R130")
{
	leat_ctx *ctx = leat_with_cancel(leat_background());
	leat_done done = leat_ctx_done(ctx);
	leat_time when;

	EXPECT(done != NULL && leat_ctx_done(ctx) == done);
	expect_open(ctx);
	EXPECT(!leat_ctx_deadline(ctx, &when));
	for (int i = 0; i < 3; i++) {
		leat_cancel(ctx);
		expect_canceled(ctx);
		EXPECT(leat_ctx_done(ctx) == done);
	}
	EXPECT_STR(leat_error_text(leat_ctx_err(ctx)), "context canceled");
	leat_ctx_release(ctx);
}

GO_TEST(done_that_nobody_asked_for_is_closed_too, "R114 R115")
{
	leat_ctx *ctx = leat_with_cancel(leat_background());

	leat_cancel(ctx);
	expect_canceled(ctx);
	leat_ctx_release(ctx);
}

GO_TEST(a_parent_cancels_all_below_it, "R133 R141 X10")
{
	static const char key;
	leat_ctx *parent = leat_with_cancel(leat_background());
	leat_ctx *child = leat_with_cancel(parent);
	leat_ctx *value = leat_with_value(parent, &key, &parent);
	leat_ctx *timed = leat_with_timeout(value, LEAT_HOUR);
	leat_ctx *deep = leat_with_cancel(timed);
	leat_ctx *all[] = { parent, child, value, timed, deep };

	for (int i = 0; i < 5; i++)
		expect_open(all[i]);
	leat_cancel(parent);
	for (int i = 0; i < 5; i++) {
		expect_canceled(all[i]);
		leat_ctx_release(all[i]);
	}
}

GO_TEST(a_child_cancels_nothing_above_or_beside_it, "R134 R138")
{
	leat_ctx *parent = leat_with_cancel(leat_background());
	leat_ctx *child = leat_with_cancel(parent);
	leat_ctx *other = leat_with_cancel(parent);

	leat_cancel(child);
	expect_canceled(child);
	expect_open(parent);
	expect_open(other);
	leat_cancel(parent);
	expect_canceled(other);
	leat_ctx_release(child);
	leat_ctx_release(other);
	leat_ctx_release(parent);
}

GO_TEST(below_a_cancelled_one_all_are_born_so, "R136")
{
	leat_ctx *parent = leat_with_cancel(leat_background()), *child;

	leat_cancel(parent);
	child = leat_with_cancel(parent);
	expect_canceled(child);
	leat_ctx_release(child);
	child = leat_with_timeout(parent, LEAT_HOUR);
	expect_canceled(child);
	leat_ctx_release(child);
	leat_ctx_release(parent);
}

static void cancels_when_done(leat_ctx *parent, leat_ctx *child)
{
	leat_recv(leat_ctx_done(parent), NULL);
	leat_cancel(child);
	leat_ctx_release(child);
	leat_ctx_release(parent);
}

GO_TEST(two_cancels_may_meet, "R113 R130")
{
	for (size_t i = 0; i < test_count(1000); i++) {
		leat_ctx *parent = leat_with_cancel(leat_background());
		leat_ctx *child = leat_with_cancel(parent);

		EXPECT_EQ(leat_go(cancels_when_done, leat_ctx_retain(parent),
				  leat_ctx_retain(child)),
			  0);
		if (i % 2)
			leat_yield();
		leat_cancel(parent);
		until_done(child);
		leat_ctx_release(child);
		leat_ctx_release(parent);
	}
}

static void cancels(leat_ctx *ctx)
{
	leat_cancel(ctx);
	leat_ctx_release(ctx);
}

GO_TEST(who_sees_the_error_sees_done_closed, "R113 R115 R116")
{
	for (size_t i = 0; i < test_count(1000); i++) {
		leat_ctx *ctx = leat_with_cancel(leat_background());
		leat_done done = leat_ctx_done(ctx);

		EXPECT_EQ(leat_go(cancels, leat_ctx_retain(ctx)), 0);
		while (!leat_ctx_err(ctx))
			leat_yield();
		EXPECT_EQ(leat_try_recv(done, NULL), -EPIPE);
		leat_ctx_release(ctx);
	}
}

/* A goroutine that polls, as the listings do. */
static void watches(leat_ctx *ctx, leat_wg *done)
{
	while (leat_try_select(leat_on_recv(leat_ctx_done(ctx), NULL)) < 0) {
		leat_error e = leat_ctx_sleep(ctx, MS);

		EXPECT(!e || e == LEAT_CANCELED);
	}
	leat_wg_done(done);
}

GO_TEST(watchers_end_after_a_cancel, "R140 R141 R145 E8")
{
	leat_ctx *ctx = leat_with_cancel(leat_background());
	leat_wg done = { 0 };

	for (int i = 0; i < 10; i++) {
		leat_wg_add(&done, 1);
		EXPECT_EQ(leat_go(watches, ctx, &done), 0);
	}
	leat_sleep(5 * MS);
	leat_cancel(ctx);
	leat_wg_wait(&done);
	leat_ctx_release(ctx);
}

/* -- deadlines -- */

static void expect_in_time(leat_ctx *ctx, leat_time when)
{
	leat_time told;

	EXPECT(leat_ctx_deadline(ctx, &told));
	EXPECT_EQ(told, when);
	until_done(ctx);
	EXPECT(leat_now() >= when);
	EXPECT_EQ(leat_ctx_err(ctx) == LEAT_DEADLINE_EXCEEDED, 1);
}

GO_TEST(a_deadline_cancels_in_time, "R118 R120 R127 R128 R132 R201 E9")
{
	leat_time when = leat_after_now(5 * MS);
	leat_ctx *ctx = leat_with_deadline(leat_background(), when);
	leat_ctx *below = leat_with_cancel(ctx);

	expect_open(ctx);
	expect_in_time(ctx, when);
	expect_over(ctx, LEAT_DEADLINE_EXCEEDED, LEAT_DEADLINE_EXCEEDED);
	expect_over(below, LEAT_DEADLINE_EXCEEDED, LEAT_DEADLINE_EXCEEDED);
	EXPECT_STR(leat_error_text(leat_ctx_err(ctx)),
		   "context deadline exceeded");
	leat_cancel(ctx);
	expect_over(ctx, LEAT_DEADLINE_EXCEEDED, LEAT_DEADLINE_EXCEEDED);
	leat_ctx_release(below);
	leat_ctx_release(ctx);
}

GO_TEST(a_cancel_comes_before_the_deadline, "R119 R131")
{
	leat_ctx *ctx = leat_with_timeout(leat_background(), 5 * MS);

	leat_cancel(ctx);
	expect_canceled(ctx);
	leat_sleep(10 * MS);
	expect_canceled(ctx);
	leat_ctx_release(ctx);
}

GO_TEST(the_earlier_deadline_counts, "R135")
{
	leat_time soon = leat_after_now(4 * MS), late = soon + LEAT_HOUR, when;
	leat_ctx *parent = leat_with_deadline(leat_background(), soon);
	leat_ctx *later = leat_with_deadline(parent, late);
	leat_ctx *other = leat_with_deadline(leat_background(), late);
	leat_ctx *sooner = leat_with_deadline(other, soon);

	EXPECT(leat_ctx_deadline(later, &when) && when == soon);
	expect_in_time(later, soon);
	expect_in_time(sooner, soon);
	expect_open(other);
	leat_ctx_release(sooner);
	leat_ctx_release(other);
	leat_ctx_release(later);
	leat_ctx_release(parent);
}

GO_TEST(a_deadline_that_is_past_cancels_at_once, "R137")
{
	static const leat_time past[] = { 0, 1, -5, INT64_MIN };

	for (int i = 0; i < 4; i++) {
		leat_ctx *ctx = leat_with_deadline(leat_background(), past[i]);

		expect_over(ctx, LEAT_DEADLINE_EXCEEDED,
			    LEAT_DEADLINE_EXCEEDED);
		leat_ctx_release(ctx);
	}
	for (int i = 0; i < 2; i++) {
		leat_ctx *ctx = leat_with_timeout(leat_background(), -i);

		expect_over(ctx, LEAT_DEADLINE_EXCEEDED,
			    LEAT_DEADLINE_EXCEEDED);
		leat_ctx_release(ctx);
	}
}

GO_TEST(a_deadline_at_the_end_of_time_never_comes, "R202")
{
	leat_ctx *ctx = leat_with_timeout(leat_background(), LEAT_NEVER);
	leat_time when;

	EXPECT(!leat_ctx_deadline(ctx, &when));
	leat_sleep(2 * MS);
	expect_open(ctx);
	leat_cancel(ctx);
	expect_canceled(ctx);
	leat_ctx_release(ctx);
}

/* -- causes -- */

static const struct leat_error_value because = LEAT_ERROR("because"),
				     too_late = LEAT_ERROR("too late");

GO_TEST(a_cause_goes_down_and_the_first_counts, "R119 X10")
{
	leat_ctx *parent = leat_with_cancel(leat_background());
	leat_ctx *child = leat_with_cancel(parent);
	leat_ctx *grand = leat_with_cancel(child);

	leat_cancel_cause(child, &because);
	leat_cancel_cause(parent, &too_late);
	leat_cancel_cause(grand, &too_late);
	expect_over(parent, LEAT_CANCELED, &too_late);
	expect_over(child, LEAT_CANCELED, &because);
	expect_over(grand, LEAT_CANCELED, &because);
	leat_ctx_release(grand);
	leat_ctx_release(child);
	leat_ctx_release(parent);
	parent = leat_with_cancel(leat_background());
	leat_cancel_cause(parent, NULL);
	expect_canceled(parent);
	leat_ctx_release(parent);
}

GO_TEST(the_cause_of_a_deadline_is_that_of_a_deadline, "R118")
{
	leat_ctx *ctx =
		leat_with_timeout_cause(leat_background(), MS, &too_late);

	until_done(ctx);
	expect_over(ctx, LEAT_DEADLINE_EXCEEDED, &too_late);
	leat_ctx_release(ctx);
	ctx = leat_with_timeout_cause(leat_background(), LEAT_HOUR, &too_late);
	leat_cancel(ctx);
	expect_canceled(ctx);
	leat_ctx_release(ctx);
	ctx = leat_with_deadline_cause(leat_background(), 0, &too_late);
	expect_over(ctx, LEAT_DEADLINE_EXCEEDED, &too_late);
	leat_ctx_release(ctx);
}

GO_TEST(a_cause_made_at_run_time_lives_as_long_as_it_is_asked_for, "X14")
{
	leat_ctx *ctx = leat_with_cancel(leat_background());
	leat_ctx *child = leat_with_cancel(ctx);
	leat_error cause = leat_error_wrap(&because, "try %d", 3);

	leat_cancel_cause(ctx, cause);
	leat_error_release(cause);
	leat_ctx_release(ctx);
	EXPECT_STR(leat_error_text(leat_ctx_cause(child)), "try 3: because");
	EXPECT(leat_error_is(leat_ctx_cause(child), &because));
	leat_ctx_release(child);
}

/* -- values -- */

static const char k1, k2, k3;

GO_TEST(values_are_those_of_the_nearest, "R122 R123 R129 R139 R143 R144")
{
	leat_ctx *a = leat_with_value(leat_background(), &k1, "a1");
	leat_ctx *b = leat_with_cancel(a);
	leat_ctx *c = leat_with_value(b, &k2, "c2");
	leat_ctx *d = leat_with_value(c, &k1, "d1");
	leat_ctx *e = leat_with_value(d, &k2, NULL);

	EXPECT_STR(leat_ctx_value(c, &k1), "a1");
	EXPECT_STR(leat_ctx_value(d, &k1), "d1");
	EXPECT_STR(leat_ctx_value(d, &k2), "c2");
	EXPECT(leat_ctx_value(e, &k2) == NULL);
	EXPECT(leat_ctx_value(e, &k3) == NULL);
	EXPECT(leat_ctx_value(a, &k2) == NULL);
	EXPECT(leat_ctx_done(d) == leat_ctx_done(b));
	leat_cancel(b);
	expect_canceled(e);
	leat_ctx_release(a);
	leat_ctx_release(b);
	leat_ctx_release(c);
	leat_ctx_release(d);
	EXPECT_STR(leat_ctx_value(e, &k1), "d1");
	leat_ctx_release(e);
}

static int dropped;

static void drops(void *value)
{
	dropped += *(int *)value;
}

GO_TEST(an_owned_value_is_dropped_with_its_context, "X14")
{
	int three = 3;
	leat_ctx *ctx =
		leat_with_value_owned(leat_background(), &k1, &three, drops);
	leat_ctx *child = leat_with_cancel(ctx);

	leat_ctx_release(ctx);
	EXPECT_EQ(dropped, 0);
	leat_ctx_release(child);
	EXPECT_EQ(dropped, 3);
}

GO_TEST(without_cancel_keeps_the_values_only, "R139")
{
	leat_ctx *a = leat_with_value(leat_background(), &k1, "a");
	leat_ctx *b = leat_with_timeout(a, LEAT_HOUR);
	leat_ctx *free_one = leat_without_cancel(b);
	leat_ctx *below = leat_with_cancel(free_one);
	leat_time when;

	leat_cancel(b);
	EXPECT(leat_ctx_done(free_one) == NULL);
	EXPECT(leat_ctx_err(free_one) == NULL);
	EXPECT(!leat_ctx_deadline(free_one, &when));
	EXPECT_STR(leat_ctx_value(below, &k1), "a");
	expect_open(below);
	leat_cancel(below);
	expect_canceled(below);
	leat_ctx_release(below);
	leat_ctx_release(free_one);
	leat_ctx_release(b);
	leat_ctx_release(a);
}

/* -- waits -- */

static void sends_when_told(leat_receiver(int) start, leat_sender(int) c)
{
	leat_recv(start, NULL);
	leat_send(c, 5);
}

GO_TEST(a_wait_ends_when_it_is_cancelled, "R107 R121 R146")
{
	leat_ctx *ctx = leat_with_timeout(leat_background(), 3 * MS);
	leat_chan(int) c = leat_make(int, 0), start = leat_make(int, 1);
	int got = 0;

	EXPECT_EQ(leat_go(sends_when_told, leat_recv_end(start),
			  leat_send_end(c)),
		  0);
	EXPECT_EQ(leat_recv_ctx(ctx, c, &got), -ECANCELED);
	EXPECT(leat_ctx_err(ctx) == LEAT_DEADLINE_EXCEEDED);
	EXPECT_EQ(leat_send_ctx(ctx, c, 1), -ECANCELED);
	EXPECT(leat_ctx_sleep(ctx, LEAT_HOUR) == LEAT_DEADLINE_EXCEEDED);
	leat_send(start, 1);
	EXPECT_EQ(leat_recv_ctx(leat_background(), c, &got), 0);
	EXPECT_EQ(got, 5);
	EXPECT(leat_ctx_sleep(leat_background(), MS) == NULL);
	leat_close(c);
	EXPECT_EQ(leat_recv_ctx(leat_todo(), c, &got), -EPIPE);
	EXPECT_EQ(leat_send_ctx(leat_todo(), c, got), -EPIPE);
	leat_ctx_release(ctx);
	leat_release(start);
	leat_release(c);
}

/* -- errors -- */

TEST(errors_are_values, "X14")
{
	leat_error e = leat_error_wrap(&because, "job %d", 7), f;

	EXPECT_STR(leat_error_text(NULL), "<nil>");
	EXPECT_STR(leat_error_text(LEAT_CANCELED), "context canceled");
	EXPECT_STR(leat_error_text(e), "job 7: because");
	EXPECT(leat_error_is(e, &because) && leat_error_is(e, e));
	EXPECT(!leat_error_is(e, &too_late) && !leat_error_is(NULL, e));
	EXPECT(leat_error_is(NULL, NULL));
	EXPECT(!leat_error_is(e, NULL));
	EXPECT(leat_error_unwrap(e) == &because);
	f = leat_error_wrap(e, "%s", "");
	leat_error_release(e);
	EXPECT_STR(leat_error_text(f), ": job 7: because");
	EXPECT(leat_error_is(f, &because));
	EXPECT(leat_error_retain(f) == f);
	leat_error_release(f);
	leat_error_release(f);
	f = leat_errorf("%d and %s", 1, "two");
	EXPECT_STR(leat_error_text(f), "1 and two");
	EXPECT(leat_error_unwrap(f) == NULL);
	leat_error_release(f);
	leat_error_release(LEAT_CANCELED);
	leat_error_release(NULL);
	EXPECT(leat_error_retain(NULL) == NULL);
	f = leat_error_wrap(NULL, "alone");
	EXPECT_STR(leat_error_text(f), "alone");
	leat_error_release(f);
}

/* -- misuse, in Go's words -- */

GO_TEST_DIES(a_context_of_nothing, "R142",
	     "panic: cannot create context from nil parent")
{
	leat_with_cancel(NULL);
}

GO_TEST_DIES(a_deadline_of_nothing, "R142",
	     "panic: cannot create context from nil parent")
{
	leat_with_timeout(NULL, 1);
}

GO_TEST_DIES(a_value_of_nothing, "R142",
	     "panic: cannot create context from nil parent")
{
	leat_with_value(NULL, &k1, NULL);
}

GO_TEST_DIES(a_value_without_a_key, "R143", "panic: nil key")
{
	leat_with_value(leat_background(), NULL, NULL);
}

GO_TEST_DIES(the_background_cannot_be_cancelled, "R124",
	     "fatal error: leat_cancel of no cancellable context")
{
	leat_cancel(leat_background());
}

GO_TEST_DIES(nothing_cannot_be_cancelled, "R142",
	     "fatal error: leat_cancel of a nil context")
{
	leat_cancel(NULL);
}

GO_TEST_DIES(nothing_has_no_error, "R142",
	     "fatal error: leat_ctx_err: nil context")
{
	leat_ctx_err(NULL);
}

SUITE("context")
