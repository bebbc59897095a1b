/*
 * bench_once.c - what is done once.
 *
 *	once_done     a call, of one that is done
 *	once_value    its value
 *	once_first    the first call, and so one of each
 */
#include "perf/bench.h"

#include "leat.h"

static uint64_t runs;

static void counts(void)
{
	runs++;
}

BENCH(once_done)
{
	leat_once once = { 0 };

	leat_once_do(&once, counts);
	runs = 0;
	bench_start(b);
	for (uint64_t i = 0; i < b->n; i++)
		leat_once_do(&once, counts);
	bench_stop(b);
	if (runs != 0)
		bench_fail(b, "%lu", runs);
}

static uint64_t make(void)
{
	return 7;
}

BENCH(once_value)
{
	static leat_once_value(uint64_t) value = LEAT_ONCE_VALUE(make);
	uint64_t sum = 0;

	bench_start(b);
	for (uint64_t i = 0; i < b->n; i++)
		sum += leat_once_get(&value);
	bench_stop(b);
	if (sum != 7 * b->n)
		bench_fail(b, "%lu", sum);
}

BENCH(once_first)
{
	leat_once once;

	runs = 0;
	bench_start(b);
	for (uint64_t i = 0; i < b->n; i++) {
		once = (leat_once){ 0 };
		leat_once_do(&once, counts);
	}
	bench_stop(b);
	if (runs != b->n)
		bench_fail(b, "%lu of %lu", runs, b->n);
}
