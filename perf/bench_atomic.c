/*
 * bench_atomic.c - one counter, of one goroutine and of eight.
 *
 *	atomic_add      one adds, and nobody else
 *	atomic_add_8    eight add to the same, n in all
 *
 * Neither program can be far from floor_locked, or from how fast the line goes
 * from CPU to CPU: the rows show that nothing is lost on the way there.
 */
#include "perf/bench.h"

#include "leat.h"

static leat_atomic_i64 hits;

static void check(struct bench *b, uint64_t n)
{
	uint64_t counted = (uint64_t)leat_atomic_load(&hits);

	if (counted != n)
		bench_fail(b, "%zu of %zu", (size_t)counted, (size_t)n);
}

BENCH(atomic_add)
{
	leat_atomic_store(&hits, 0);
	bench_start(b);
	for (uint64_t i = 0; i < b->n; i++)
		leat_atomic_add(&hits, 1);
	bench_stop(b);
	check(b, b->n);
}

enum { ADDERS = 8 };

static void adds_up(uint64_t n, leat_wg *done)
{
	while (n--)
		leat_atomic_add(&hits, 1);
	leat_wg_done(done);
}

BENCH(atomic_add_8)
{
	uint64_t each = (b->n + ADDERS - 1) / ADDERS;
	leat_wg done = { 0 };

	leat_atomic_store(&hits, 0);
	leat_wg_add(&done, ADDERS);
	bench_start(b);
	for (int i = 0; i < ADDERS; i++)
		must(leat_go(adds_up, each, &done));
	leat_wg_wait(&done);
	bench_stop(b);
	check(b, each * ADDERS);
}
