/*
 * test_context_use.c - contexts: functions that follow them, those of the user's
 * own making, large trees, many hands, and no memory left behind.
 */
#include "leat.h"

#include "measure.h"
#include "test.h"
#include "ticks.h"

#include <pthread.h>
#include <stdatomic.h>

static void adds(int by)
{
	atomic_fetch_add(&ran, by);
}

/* Exactly. */
static void until_added(int n)
{
	until_ran(n);
	EXPECT_EQ(atomic_load(&ran), n);
}

/* -- functions -- */

GO_TEST(a_function_runs_after_a_cancel, "R126 B.2")
{
	leat_ctx *ctx = leat_with_cancel(leat_background());
	leat_ctx *value = leat_with_value(ctx, &ran, NULL);
	leat_ctx_func *f = leat_ctx_after_func(ctx, adds, 1);
	leat_ctx_func *g = leat_ctx_after_func(value, adds, 2);

	leat_sleep(MS);
	EXPECT_EQ(atomic_load(&ran), 0);
	leat_cancel(ctx);
	until_added(3);
	EXPECT(!leat_ctx_func_stop(f));
	leat_ctx_func_release(f);
	leat_ctx_func_release(g);
	leat_ctx_release(value);
	leat_ctx_release(ctx);
}

GO_TEST(a_function_runs_after_a_deadline, "R127 B.2")
{
	leat_ctx *ctx = leat_with_timeout(leat_background(), 2 * MS);

	leat_ctx_func_release(leat_ctx_after_func(ctx, adds, 1));
	until_added(1);
	EXPECT(leat_ctx_err(ctx) == LEAT_DEADLINE_EXCEEDED);
	leat_ctx_release(ctx);
}

GO_TEST(a_function_of_a_cancelled_one_runs_at_once, "B.2")
{
	leat_ctx *ctx = leat_with_cancel(leat_background());
	leat_ctx_func *f;

	leat_cancel(ctx);
	f = leat_ctx_after_func(ctx, adds, 1);
	until_added(1);
	EXPECT(!leat_ctx_func_stop(f));
	leat_ctx_func_release(f);
	leat_ctx_release(ctx);
}

GO_TEST(a_stopped_function_does_not_run, "B.2")
{
	leat_ctx *ctx = leat_with_cancel(leat_background());
	leat_ctx_func *f = leat_ctx_after_func(ctx, adds, 1);
	leat_ctx_func *g = leat_ctx_after_func(ctx, adds, 10);

	EXPECT(leat_ctx_func_stop(f));
	EXPECT(!leat_ctx_func_stop(f));
	leat_cancel(ctx);
	until_added(10);
	leat_ctx_func_release(f);
	leat_ctx_func_release(g);
	leat_ctx_release(ctx);
	until_alone();
	EXPECT_EQ(atomic_load(&ran), 10);
}

GO_TEST(a_function_of_what_never_ends_can_be_stopped, "B.2")
{
	leat_ctx_func *f = leat_ctx_after_func(leat_background(), adds, 1);

	EXPECT(leat_ctx_func_stop(f));
	EXPECT(!leat_ctx_func_stop(f));
	leat_ctx_func_release(f);
	leat_ctx_func_release(leat_ctx_after_func(leat_todo(), adds, 1));
	leat_ctx_func_release(NULL);
	until_alone();
	EXPECT_EQ(atomic_load(&ran), 0);
}

static void blocks(leat_receiver(int) c)
{
	leat_recv(c, NULL);
	atomic_fetch_add(&ran, 1);
}

GO_TEST(a_cancel_does_not_wait_for_functions, "R140 B.2")
{
	leat_chan(int) c = leat_make(int, 0);
	leat_ctx *ctx = leat_with_cancel(leat_background());
	leat_ctx_func *f = leat_ctx_after_func(ctx, blocks, leat_recv_end(c));

	leat_cancel(ctx);
	EXPECT_EQ(atomic_load(&ran), 0);
	leat_send(c, 1);
	until_added(1);
	leat_ctx_func_release(f);
	leat_ctx_release(ctx);
	until_alone();
	leat_release(c);
}

/* -- of the user's own making -- */

struct own {
	leat_ctx *inner;
	atomic_int asked;
};

static bool own_deadline(void *self, leat_time *when)
{
	struct own *o = self;

	return leat_ctx_deadline(o->inner, when);
}

static leat_done own_done(void *self)
{
	struct own *o = self;

	atomic_fetch_add(&o->asked, 1);
	return leat_ctx_done(o->inner);
}

static leat_error own_err(void *self)
{
	struct own *o = self;

	return leat_ctx_err(o->inner);
}

static void *own_value(void *self, const void *key)
{
	return key == &ran ? self : NULL;
}

static void own_drop(void *self)
{
	struct own *o = self;

	leat_ctx_release(o->inner);
	o->inner = NULL;
}

static const struct leat_ctx_ops own_ops = {
	.deadline = own_deadline,
	.done = own_done,
	.err = own_err,
	.value = own_value,
	.drop = own_drop,
};

GO_TEST(a_context_may_be_of_ones_own_making, "R112 R133 R139")
{
	struct own o = { .inner = leat_with_cancel(leat_background()) };
	leat_ctx *own = leat_ctx_custom(&own_ops, &o);
	leat_ctx *value = leat_with_value(own, &o, &o);
	leat_ctx *child = leat_with_cancel(value);
	leat_ctx *grand = leat_with_timeout(child, LEAT_HOUR);
	leat_time when;

	EXPECT(!leat_ctx_deadline(own, &when));
	EXPECT(leat_ctx_done(value) == leat_ctx_done(o.inner));
	EXPECT(leat_ctx_err(grand) == NULL);
	EXPECT(leat_ctx_value(grand, &ran) == &o);
	EXPECT(leat_ctx_value(grand, &o) == &o);
	EXPECT(leat_ctx_value(grand, &own) == NULL);
	leat_cancel(o.inner);
	EXPECT(leat_ctx_err(value) == LEAT_CANCELED);
	leat_recv(leat_ctx_done(grand), NULL);
	EXPECT(leat_ctx_err(grand) == LEAT_CANCELED);
	EXPECT(leat_ctx_cause(grand) == LEAT_CANCELED);
	leat_ctx_release(grand);
	leat_ctx_release(child);
	child = leat_with_cancel(value);
	EXPECT(leat_ctx_err(child) == LEAT_CANCELED);
	leat_ctx_release(child);
	leat_ctx_release(value);
	leat_ctx_release(own);
	until_alone();
	EXPECT(o.inner == NULL);
	EXPECT(atomic_load(&o.asked) > 0);
}

GO_TEST(below_a_custom_one_a_cancel_ends_the_watch, "R138")
{
	struct own o = { .inner = leat_with_cancel(leat_background()) };
	leat_ctx *own = leat_ctx_custom(&own_ops, &o);
	leat_ctx *child = leat_with_cancel(own);
	leat_ctx_func *f = leat_ctx_after_func(own, adds, 1);
	leat_ctx_func *g = leat_ctx_after_func(own, adds, 1);

	EXPECT(leat_ctx_func_stop(f));
	leat_ctx_func_release(f);
	leat_cancel(child);
	leat_ctx_release(child);
	leat_cancel(o.inner);
	until_added(1);
	leat_ctx_func_release(g);
	leat_ctx_release(own);
	until_alone();
	EXPECT(o.inner == NULL);
}

GO_TEST(one_that_answers_nothing_is_a_background, "R112")
{
	static const struct leat_ctx_ops none;
	leat_ctx *own = leat_ctx_custom(&none, NULL);
	leat_ctx *child = leat_with_timeout(own, MS);
	leat_time when;

	EXPECT(leat_ctx_done(own) == NULL && leat_ctx_err(own) == NULL);
	EXPECT(leat_ctx_cause(own) == NULL);
	EXPECT(!leat_ctx_deadline(own, &when));
	EXPECT(leat_ctx_value(own, &ran) == NULL);
	leat_recv(leat_ctx_done(child), NULL);
	EXPECT(leat_ctx_err(child) == LEAT_DEADLINE_EXCEEDED);
	leat_ctx_release(child);
	leat_ctx_release(own);
}

/* -- large trees -- */

GO_TEST(a_tree_may_be_as_deep_as_memory, "R133 R138")
{
	size_t n = test_count(300000);
	leat_ctx **all = malloc((n + 1) * sizeof(leat_ctx *));

	all[0] = leat_with_cancel(leat_background());
	for (size_t i = 1; i <= n; i++) {
		all[i] = leat_with_cancel(all[i - 1]);
		EXPECT(all[i] != NULL);
	}
	leat_cancel_cause(all[0], LEAT_NO_MEMORY);
	for (size_t i = 0; i <= n; i++)
		EXPECT(leat_ctx_cause(all[i]) == LEAT_NO_MEMORY);
	/* The last release takes all the others with it, without recursion. */
	for (size_t i = 0; i < n; i++)
		leat_ctx_release(all[i]);
	leat_ctx_release(all[n]);
	free(all);
}

GO_TEST(a_tree_may_be_as_wide_as_memory, "R133")
{
	size_t n = test_count(300000);
	leat_ctx **all = malloc(n * sizeof(leat_ctx *));
	leat_ctx *root = leat_with_cancel(leat_background());

	for (size_t i = 0; i < n; i++)
		all[i] = leat_with_cancel(root);
	for (size_t i = 0; i < n; i += 3)
		leat_ctx_release(all[i]);
	leat_cancel(root);
	for (size_t i = 0; i < n; i++) {
		if (i % 3 == 0)
			continue;
		EXPECT(leat_ctx_err(all[i]) == LEAT_CANCELED);
		leat_ctx_release(all[i]);
	}
	leat_ctx_release(root);
	free(all);
}

/* Layers of all kinds, one above the other, by chance. */
static void layers(unsigned x, bool in_time)
{
	enum { LAYERS = 30 };
	leat_ctx *all[LAYERS], *ctx = leat_background();
	int kind[LAYERS], limits = 0;

	for (int i = 0; i < LAYERS; i++) {
		x = x * 1664525 + 1013904223;
		kind[i] = i == 0 ? 2 : (int)(x >> 16) % 3;
		if (kind[i] == 0)
			ctx = leat_with_value(ctx, &kind[i], &kind[i]);
		else if (kind[i] == 1)
			ctx = leat_with_cancel(ctx);
		else
			ctx = leat_with_timeout(ctx, in_time ? MS : LEAT_HOUR);
		limits += kind[i] == 2;
		all[i] = ctx;
	}
	EXPECT(limits > 0);
	EXPECT(in_time || leat_ctx_err(ctx) == NULL);
	if (in_time) {
		leat_recv(leat_ctx_done(ctx), NULL);
	} else {
		int i = (int)(x >> 8) % LAYERS;

		while (kind[i] == 0)
			i--;
		leat_cancel(all[i]);
	}
	EXPECT(leat_ctx_err(ctx) ==
	       (in_time ? LEAT_DEADLINE_EXCEEDED : LEAT_CANCELED));
	for (int i = 0; i < LAYERS; i++)
		EXPECT(leat_ctx_value(ctx, &kind[i]) ==
		       (kind[i] == 0 ? &kind[i] : NULL));
	for (int i = 0; i < LAYERS; i++)
		leat_ctx_release(all[i]);
}

GO_TEST(layers_of_all_kinds, "R122 R123 R133 R135")
{
	for (unsigned i = 0; i < test_count(300); i++)
		layers(i, false);
	for (unsigned i = 0; i < test_count(50); i++)
		layers(i, true);
}

/* -- many hands -- */

static void derives(leat_ctx *root, leat_wg *done)
{
	for (size_t i = 0; i < test_count(3000); i++) {
		leat_ctx *a = leat_with_cancel(root);
		leat_ctx *b = leat_with_timeout(a, LEAT_HOUR);
		leat_ctx_func *f = leat_ctx_after_func(b, adds, 0);

		if (i % 3 == 0)
			leat_cancel(i % 2 ? a : b);
		if (i % 3 == 1)
			leat_ctx_func_stop(f);
		leat_ctx_release(a);
		leat_ctx_func_release(f);
		leat_ctx_release(b);
		if (i % 64 == 0)
			leat_yield();
	}
	leat_wg_done(done);
}

GO_TEST(a_cancel_meets_those_who_come_and_go, "R113 R133 R138")
{
	for (int round = 0; round < 10; round++) {
		leat_ctx *root = leat_with_cancel(leat_background());
		leat_wg done = { 0 };

		for (int i = 0; i < 8; i++) {
			leat_wg_add(&done, 1);
			EXPECT_EQ(leat_go(derives, root, &done), 0);
		}
		leat_sleep(round * MS / 4);
		leat_cancel(root);
		leat_wg_wait(&done);
		leat_ctx_release(root);
	}
	until_alone();
}

/* One that is due while its last reference is given back. */
static void lets_go(leat_ctx *ctx, leat_wg *done)
{
	leat_sleep(50 * LEAT_MICROSECOND);
	leat_ctx_release(ctx);
	leat_wg_done(done);
}

GO_TEST(a_deadline_meets_the_last_release, "R138")
{
	leat_wg done = { 0 };

	for (size_t i = 0; i < test_count(20000); i++) {
		leat_ctx *ctx = leat_with_timeout(leat_background(),
						  50 * LEAT_MICROSECOND);

		leat_wg_add(&done, 1);
		EXPECT_EQ(leat_go(lets_go, ctx, &done), 0);
		if (i % 50 == 0)
			leat_sleep(LEAT_MICROSECOND);
	}
	leat_wg_wait(&done);
	until_alone();
}

GO_TEST(a_million_that_come_and_go_leave_nothing, "R138 B.2")
{
	leat_ctx *root = leat_with_cancel(leat_background());
	size_t n = test_count(1000000);
	long before = 0;

	for (size_t i = 0; i < n; i++) {
		leat_ctx *ctx = i % 2 ? leat_with_cancel(root)
				      : leat_with_timeout(root, LEAT_HOUR);

		if (i == n / 4)
			before = resident_kb();
		if (i % 3)
			leat_cancel(ctx);
		leat_ctx_release(ctx);
	}
	if (!test_under("asan") && !test_under("tsan"))
		EXPECT(resident_kb() - before < 2 << 10);
	leat_ctx_release(root);
}

/* -- threads that are not the runtime's -- */

static void *on_a_thread(void *root)
{
	leat_ctx *ctx = leat_with_timeout(root, 3 * MS);
	leat_ctx *child = leat_with_cancel(ctx);
	leat_ctx_func *f = leat_ctx_after_func(child, adds, 1);

	EXPECT_EQ(leat_recv(leat_ctx_done(child), NULL), false);
	EXPECT(leat_ctx_err(child) == LEAT_DEADLINE_EXCEEDED);
	leat_ctx_func_release(f);
	leat_ctx_release(child);
	leat_ctx_release(ctx);
	leat_recv(leat_ctx_done(root), NULL);
	EXPECT(leat_ctx_err(root) == LEAT_CANCELED);
	leat_ctx_release(root);
	atomic_fetch_add(&ran, 10);
	return NULL;
}

GO_TEST(threads_may_have_contexts, "R113")
{
	leat_ctx *root = leat_with_cancel(leat_background());
	pthread_t thread;

	EXPECT_EQ(pthread_create(&thread, NULL, on_a_thread,
				 leat_ctx_retain(root)),
		  0);
	until_added(1);
	leat_cancel(root);
	leat_ctx_release(root);
	until_added(11);
	pthread_join(thread, NULL);
}

GO_TEST_DIES(a_release_too_many, "X14",
	     "leat_ctx_release of a context that was released before")
{
	leat_ctx *ctx = leat_with_cancel(leat_background());

	leat_ctx_release(ctx);
	leat_ctx_release(ctx);
}

static leat_error no_err(void *self)
{
	(void)self;
	return NULL;
}

GO_TEST_DIES(a_context_that_is_over_without_an_error, "R116",
	     "panic: context: internal error: missing cancel error")
{
	static const struct leat_ctx_ops wrong = { .done = own_done,
						   .err = no_err };
	struct own o = { .inner = leat_with_cancel(leat_background()) };
	leat_ctx *child = leat_with_cancel(leat_ctx_custom(&wrong, &o));

	leat_cancel(o.inner);
	leat_recv(leat_ctx_done(child), NULL);
}

GO_TEST_DIES(a_function_that_is_not_there, "B.2",
	     "fatal error: leat_ctx_after_func of nil func value")
{
	void (*nothing)(void) = NULL;

	leat_ctx_after_func(leat_background(), nothing);
}

SUITE("context use")
