/*
 * bench_context.c - contexts.
 *
 *	ctx_cancel       one derived from the background, cancelled, let go
 *	ctx_child        the same from one that can be cancelled
 *	ctx_timeout      the same with a deadline in an hour
 *	ctx_done         the same as ctx_cancel, and its channel is asked for
 *	ctx_err          not cancelled: is it?
 *	ctx_value_10     a value ten contexts up
 *	ctx_deep_1000,   a tree of a thousand is made, cancelled and let go: each
 *	ctx_wide_1000    in turn, each below the one before, or all below one
 */
#include "perf/bench.h"

#include "leat.h"

enum { TREE = 1000, DEPTH = 10 };

static void come_and_go(struct bench *b, leat_ctx *parent)
{
	bench_start(b);
	for (uint64_t i = 0; i < b->n; i++) {
		leat_ctx *ctx = leat_with_cancel(parent);

		leat_cancel(ctx);
		leat_ctx_release(ctx);
	}
	bench_stop(b);
}

BENCH(ctx_cancel)
{
	come_and_go(b, leat_background());
}

BENCH(ctx_child)
{
	leat_ctx *parent = leat_with_cancel(leat_background());

	come_and_go(b, parent);
	leat_ctx_release(parent);
}

BENCH(ctx_timeout)
{
	bench_start(b);
	for (uint64_t i = 0; i < b->n; i++) {
		leat_ctx *ctx = leat_with_timeout(leat_background(), LEAT_HOUR);

		leat_cancel(ctx);
		leat_ctx_release(ctx);
	}
	bench_stop(b);
}

BENCH(ctx_done)
{
	bench_start(b);
	for (uint64_t i = 0; i < b->n; i++) {
		leat_ctx *ctx = leat_with_cancel(leat_background());
		leat_done done = leat_ctx_done(ctx);

		leat_cancel(ctx);
		leat_recv(done, NULL);
		leat_ctx_release(ctx);
	}
	bench_stop(b);
}

BENCH(ctx_err)
{
	leat_ctx *ctx = leat_with_cancel(leat_background());
	uint64_t over = 0;

	bench_start(b);
	for (uint64_t i = 0; i < b->n; i++)
		over += leat_ctx_err(ctx) != NULL;
	bench_stop(b);
	if (over)
		bench_fail(b, "cancelled");
	leat_ctx_release(ctx);
}

BENCH(ctx_value_10)
{
	static const char key[DEPTH];
	leat_ctx *ctx = leat_background(), *up;
	uint64_t right = 0;

	for (int i = 0; i < DEPTH; i++) {
		up = ctx;
		ctx = leat_with_value(up, &key[i], (void *)(uintptr_t)&key[i]);
		leat_ctx_release(up);
	}
	bench_start(b);
	for (uint64_t i = 0; i < b->n; i++)
		right += leat_ctx_value(ctx, &key[0]) == &key[0];
	bench_stop(b);
	if (right != b->n)
		bench_fail(b, "wrong value");
	leat_ctx_release(ctx);
}

static void tree(struct bench *b, bool deep)
{
	static leat_ctx *all[TREE];

	bench_start(b);
	for (uint64_t i = 0; i < b->n; i++) {
		all[0] = leat_with_cancel(leat_background());
		for (int k = 1; k < TREE; k++)
			all[k] = leat_with_cancel(all[deep ? k - 1 : 0]);
		leat_cancel(all[0]);
		for (int k = 0; k < TREE; k++)
			leat_ctx_release(all[k]);
	}
	bench_stop(b);
	bench_each(b, (double)b->ns / (double)b->n / TREE);
}

BENCH(ctx_deep_1000)
{
	tree(b, true);
}

BENCH(ctx_wide_1000)
{
	tree(b, false);
}
