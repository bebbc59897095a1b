/*
 * bench_mutex.c - one lock: alone, and with others who want it.
 *
 *	mutex           lock and unlock, by one goroutine
 *	mutex_try       try_lock and unlock
 *	mutex_try_held  try_lock of one that is held
 *	mutex_n         n goroutines share the work; a counter under the lock
 *	mutex_n_work    the same, with 100 ns inside and 100 ns outside
 */
#include "perf/bench.h"

#include "leat.h"

static struct {
	_Alignas(64) leat_mutex mu;
	uint64_t count;
} shared;

BENCH(mutex)
{
	leat_mutex mu = { 0 };

	bench_start(b);
	for (uint64_t i = 0; i < b->n; i++) {
		leat_mutex_lock(&mu);
		leat_mutex_unlock(&mu);
	}
	bench_stop(b);
}

BENCH(mutex_try)
{
	leat_mutex mu = { 0 };
	uint64_t had = 0;

	bench_start(b);
	for (uint64_t i = 0; i < b->n; i++) {
		had += leat_mutex_try_lock(&mu);
		leat_mutex_unlock(&mu);
	}
	bench_stop(b);
	if (had != b->n)
		bench_fail(b, "%lu of %lu", had, b->n);
}

BENCH(mutex_try_held)
{
	leat_mutex mu = { 0 };
	uint64_t had = 0;

	leat_mutex_lock(&mu);
	bench_start(b);
	for (uint64_t i = 0; i < b->n; i++)
		had += leat_mutex_try_lock(&mu);
	bench_stop(b);
	leat_mutex_unlock(&mu);
	if (had != 0)
		bench_fail(b, "%lu", had);
}

/* About 100 ns, which the compiler cannot shorten. */
static uint64_t work(uint64_t x)
{
	for (int i = 0; i < 80; i++)
		x = x * UINT64_C(6364136223846793005) + 1;
	return x;
}

static void counts(leat_wg *done, uint64_t n, bool works)
{
	uint64_t x = n;

	for (uint64_t i = 0; i < n; i++) {
		leat_mutex_lock(&shared.mu);
		shared.count++;
		if (works)
			x = work(x);
		leat_mutex_unlock(&shared.mu);
		if (works)
			x = work(x);
	}
	__asm__ volatile("" : : "r"(x));
	leat_wg_done(done);
}

static void contend(struct bench *b, unsigned n, bool works)
{
	leat_wg done = { 0 };
	uint64_t all = 0;

	shared.count = 0;
	bench_start(b);
	for (unsigned i = 0; i < n; i++) {
		uint64_t each = b->n / n + (i < b->n % n);

		all += each;
		leat_wg_add(&done, 1);
		must(leat_go(counts, &done, each, works));
	}
	leat_wg_wait(&done);
	bench_stop(b);
	if (shared.count != all)
		bench_fail(b, "%lu of %lu", shared.count, all);
}

BENCH(mutex_2)
{
	contend(b, 2, false);
}

BENCH(mutex_8)
{
	contend(b, 8, false);
}

BENCH(mutex_64)
{
	contend(b, 64, false);
}

BENCH(mutex_2_work)
{
	contend(b, 2, true);
}

BENCH(mutex_8_work)
{
	contend(b, 8, true);
}

BENCH(mutex_64_work)
{
	contend(b, 64, true);
}
