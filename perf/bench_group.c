/*
 * bench_group.c - goroutines that belong together.
 *
 *	group_64          start 64, wait for all; the figure is for one of them
 *	group_64_limit    the same, eight at a time
 */
#include "perf/bench.h"

#include "leat.h"

enum { SIZE = 64, LIMIT = 8 };

static const struct leat_error_value odd = LEAT_ERROR("odd");

static leat_error fails_if(bool it)
{
	return it ? &odd : NULL;
}

static void groups(struct bench *b, int limit)
{
	uint64_t failed = 0;

	bench_start(b);
	for (uint64_t i = 0; i < b->n; i++) {
		leat_group all = { 0 };

		if (limit)
			leat_group_set_limit(&all, limit);
		for (int k = 0; k < SIZE; k++)
			must(leat_group_go(&all, fails_if, k == SIZE / 2));
		failed += leat_group_wait(&all) == &odd;
	}
	bench_stop(b);
	bench_each(b, (double)b->ns / ((double)b->n * SIZE));
	if (failed != b->n)
		bench_fail(b, "%lu of %lu", failed, b->n);
}

BENCH(group_64)
{
	groups(b, 0);
}

BENCH(group_64_limit)
{
	groups(b, LIMIT);
}
