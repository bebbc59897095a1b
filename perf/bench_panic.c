/*
 * bench_panic.c - what is done at the end.
 *
 *	defer               a function with one deferred call of another
 *	defer_args          the same, of one with three arguments
 *	defer_3             with three deferred calls
 *	defer_recover       one that may recover, and there is nothing to recover
 *	panic_recover_1     a panic, recovered by who called the function that raised it
 *	panic_recover_10    ten calls further out, each with a deferred call
 */
#include "perf/bench.h"

#include "leat.h"

static uint64_t runs, bodies; /* apart, so that neither waits for the other */

static void counts(void)
{
	runs++;
}

static void adds(uint64_t *sum, int a, int b)
{
	*sum += (uint64_t)(a + b);
}

static __attribute__((noinline)) void defers(void)
{
	leat_defer(counts);
	bodies++;
}

static __attribute__((noinline)) void defers_args(uint64_t *sum, int a)
{
	leat_defer(adds, sum, a, 1);
	bodies++;
}

static __attribute__((noinline)) void defers_3(void)
{
	leat_defer(counts);
	leat_defer(counts);
	leat_defer(counts);
	bodies++;
}

static void recovers(void)
{
	if (leat_recover(NULL))
		runs++;
}

static __attribute__((noinline)) void may_recover(void)
{
	leat_recoverable();
	leat_defer(recovers);
	bodies++;
}

/* It never comes back, and gcc sees that. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winfinite-recursion"
static __attribute__((noinline)) void raises(int depth)
{
	leat_defer(counts);
	if (depth > 1)
		raises(depth - 1);
	else
		leat_panic("stop");
	runs += 1000;
}

#pragma GCC diagnostic pop

static __attribute__((noinline)) void raises_one(void)
{
	leat_panic("stop");
}

static __attribute__((noinline)) void recover_1(void)
{
	leat_recoverable();
	leat_defer(recovers);
	raises_one();
}

static __attribute__((noinline)) void recover_10(void)
{
	leat_recoverable();
	leat_defer(recovers);
	raises(10);
}

static void expect(struct bench *b, uint64_t each)
{
	if (runs != each * b->n)
		bench_fail(b, "%lu of %lu", runs, each * b->n);
	bodies = 0;
}

#define EACH(what)                                  \
	do {                                        \
		runs = 0;                           \
		bench_start(b);                     \
		for (uint64_t i = 0; i < b->n; i++) \
			what;                       \
		bench_stop(b);                      \
	} while (0)

BENCH(defer)
{
	EACH(defers());
	expect(b, 1);
}

BENCH(defer_args)
{
	uint64_t sum = 0;

	EACH(defers_args(&sum, 1));
	if (sum != 2 * b->n)
		bench_fail(b, "%lu", sum);
}

BENCH(defer_3)
{
	EACH(defers_3());
	expect(b, 3);
}

BENCH(defer_recover)
{
	EACH(may_recover());
	expect(b, 0);
}

BENCH(panic_recover_1)
{
	EACH(recover_1());
	expect(b, 1);
}

BENCH(panic_recover_10)
{
	EACH(recover_10());
	expect(b, 11);
}
