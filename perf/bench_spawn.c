/*
 * bench_spawn.c - goroutines that end at once, and such that stay.
 *
 *	spawn_join    start one, wait for it, and again
 *	spawn_batch   start 10^5, wait for all; the figure is for one of them
 *	parked_1m     10^6 that wait: bytes for each, page tables included
 *
 * The count of goroutines says that 10^6 were really there.
 */
#include "perf/bench.h"

#include "leat.h"

static void nothing(leat_wg *done)
{
	leat_wg_done(done);
}

BENCH(spawn_join)
{
	bench_start(b);
	for (uint64_t i = 0; i < b->n; i++) {
		leat_wg done = { 0 };

		leat_wg_add(&done, 1);
		must(leat_go(nothing, &done));
		leat_wg_wait(&done);
	}
	bench_stop(b);
}

enum { BATCH = 100000 };

static void batch(void)
{
	leat_wg done = { 0 };

	leat_wg_add(&done, BATCH);
	for (int i = 0; i < BATCH; i++)
		must(leat_go(nothing, &done));
	leat_wg_wait(&done);
}

BENCH(spawn_batch)
{
	batch();
	bench_start(b);
	for (uint64_t i = 0; i < b->n; i++)
		batch();
	bench_stop(b);
	bench_each(b, (double)b->ns / ((double)b->n * BATCH));
}

enum { MANY = 1000000 };

static void stay(leat_wg *here, leat_wg *gate, leat_wg *gone)
{
	leat_wg_done(here);
	leat_wg_wait(gate);
	leat_wg_done(gone);
}

static void park_many(struct bench *b)
{
	leat_wg here = { 0 }, gate = { 0 }, gone = { 0 };
	double before = bench_resident();

	leat_wg_add(&here, MANY);
	leat_wg_add(&gate, 1);
	leat_wg_add(&gone, MANY);
	bench_start(b);
	for (int i = 0; i < MANY; i++)
		must(leat_go(stay, &here, &gate, &gone));
	leat_wg_wait(&here);
	bench_stop(b);
	bench_each(b, (bench_resident() - before) / MANY);
	if (leat_goroutine_count() < MANY)
		bench_fail(b, "%zu goroutines", leat_goroutine_count());
	leat_wg_done(&gate);
	leat_wg_wait(&gone);
}

BENCH_ONCE(parked_1m)
{
	park_many(b);
}

/* The same under LEAT_STACK=64K, which the report sets. */
BENCH_ONCE(parked_1m_64k)
{
	park_many(b);
}
