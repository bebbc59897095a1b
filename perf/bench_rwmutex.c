/*
 * bench_rwmutex.c - one lock to read and to write.
 *
 *	rwmutex_read     lock to read and unlock, by one goroutine
 *	rwmutex_write    lock to write and unlock, by one goroutine
 *	rwmutex_reads    by as many goroutines as there are Ps; the figure is what
 *	                 each of them waits for one: it should not grow
 *	rwmutex_reads_64 64 goroutines share the work
 *	rwmutex_1, _10   the same, of which so many in a hundred write
 */
#include "perf/bench.h"

#include "leat.h"

static struct {
	_Alignas(64) leat_rwmutex rw;
	_Alignas(64) uint64_t count;
} shared;

BENCH(rwmutex_read)
{
	leat_rwmutex rw = { 0 };

	bench_start(b);
	for (uint64_t i = 0; i < b->n; i++) {
		leat_rwmutex_rlock(&rw);
		leat_rwmutex_runlock(&rw);
	}
	bench_stop(b);
}

BENCH(rwmutex_write)
{
	leat_rwmutex rw = { 0 };

	bench_start(b);
	for (uint64_t i = 0; i < b->n; i++) {
		leat_rwmutex_lock(&rw);
		leat_rwmutex_unlock(&rw);
	}
	bench_stop(b);
}

/* every: how many of them to one that writes; 0: none does. */
static void uses(leat_wg *done, uint64_t n, uint64_t every, uint64_t *wrote)
{
	uint64_t sum = 0;

	for (uint64_t i = 1; i <= n; i++) {
		if (every && i % every == 0) {
			leat_rwmutex_lock(&shared.rw);
			shared.count++;
			leat_rwmutex_unlock(&shared.rw);
		} else {
			leat_rwmutex_rlock(&shared.rw);
			sum += shared.count;
			leat_rwmutex_runlock(&shared.rw);
		}
	}
	__asm__ volatile("" : : "r"(sum));
	*wrote = every ? n / every : 0;
	leat_wg_done(done);
}

static void use(struct bench *b, unsigned n, uint64_t every, bool together)
{
	uint64_t wrote[64], all = 0;
	leat_wg done = { 0 };

	shared.count = 0;
	bench_start(b);
	leat_wg_add(&done, (int)n);
	for (unsigned i = 0; i < n; i++)
		must(leat_go(uses, &done, together ? b->n : b->n / n + 1, every,
			     &wrote[i]));
	leat_wg_wait(&done);
	bench_stop(b);
	for (unsigned i = 0; i < n; i++)
		all += wrote[i];
	if (shared.count != all)
		bench_fail(b, "%lu of %lu", shared.count, all);
}

BENCH(rwmutex_reads)
{
	use(b, (unsigned)leat_procs_get(), 0, true);
}

BENCH(rwmutex_reads_64)
{
	use(b, 64, 0, false);
}

BENCH(rwmutex_1)
{
	use(b, 64, 100, false);
}

BENCH(rwmutex_10)
{
	use(b, 64, 10, false);
}
