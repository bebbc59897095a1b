/*
 * bench_workers.c - the pool of goroutines.
 *
 *	workers_8          tasks into a pool of eight, a queue of 128: each
 *	workers_8_spawn    the same work, a goroutine for each task
 *	workers_8_wait     put one, and wait for its end
 */
#include "perf/bench.h"

#include "leat.h"

enum { WORKERS = 8, QUEUE = 128, BATCH = 10000 };

static leat_error adds(leat_atomic_u64 *sum)
{
	leat_atomic_add(sum, 1);
	return NULL;
}

BENCH(workers_8)
{
	leat_atomic_u64 sum = { 0 };
	leat_workers pool;

	must(leat_workers_init(&pool, WORKERS, QUEUE));
	must(leat_workers_start(&pool));
	bench_start(b);
	for (uint64_t i = 0; i < b->n; i++)
		leat_workers_add(&pool, adds, &sum);
	leat_workers_close(&pool);
	leat_workers_wait(&pool);
	bench_stop(b);
	leat_workers_free(&pool);
	if (leat_atomic_load(&sum) != b->n)
		bench_fail(b, "%lu of %lu", leat_atomic_load(&sum), b->n);
}

static void adds_alone(leat_atomic_u64 *sum)
{
	leat_atomic_add(sum, 1);
}

BENCH(workers_8_spawn)
{
	leat_atomic_u64 sum = { 0 };
	leat_wg all = { 0 };

	bench_start(b);
	for (uint64_t i = 0; i < b->n; i++) {
		leat_wg_go(&all, adds_alone, &sum);
		if (i % BATCH == BATCH - 1)
			leat_wg_wait(&all);
	}
	leat_wg_wait(&all);
	bench_stop(b);
	if (leat_atomic_load(&sum) != b->n)
		bench_fail(b, "%lu of %lu", leat_atomic_load(&sum), b->n);
}

static leat_error adds_for_a_task(void *sum)
{
	return adds(sum);
}

BENCH(workers_8_wait)
{
	leat_atomic_u64 sum = { 0 };
	leat_task task = { .fn = adds_for_a_task, .arg = &sum };
	leat_workers pool;

	must(leat_workers_init(&pool, WORKERS, QUEUE));
	must(leat_workers_start(&pool));
	bench_start(b);
	for (uint64_t i = 0; i < b->n; i++) {
		leat_workers_put(&pool, &task);
		leat_task_wait(&task);
	}
	bench_stop(b);
	leat_workers_close(&pool);
	leat_workers_wait(&pool);
	leat_workers_free(&pool);
	if (leat_atomic_load(&sum) != b->n)
		bench_fail(b, "%lu of %lu", leat_atomic_load(&sum), b->n);
}
