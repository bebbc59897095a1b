/*
 * bench_waitgroup.c - a group that is counted, and waited for.
 *
 *	wg_count     add one and count it done; by as many as there are Ps, each
 *	             with a group of its own, or (wg_count_one) with one for all
 *	wg_nothing   wait for nothing
 */
#include "perf/bench.h"

#include "leat.h"

struct work {
	_Alignas(128) leat_wg own;
	leat_wg *counts, *done;
	uint64_t n;
};

static void count(struct work *w)
{
	for (uint64_t i = 0; i < w->n; i++) {
		leat_wg_add(w->counts, 1);
		leat_wg_done(w->counts);
	}
	leat_wg_done(w->done);
}

static void share(struct bench *b, bool one)
{
	enum { MOST = 64 };
	static struct work w[MOST];
	leat_wg all = { 0 }, done = { 0 };
	unsigned n = (unsigned)leat_procs_get();

	n = n < MOST ? n : MOST;
	leat_wg_add(&done, (int)n);
	bench_start(b);
	for (unsigned i = 0; i < n; i++) {
		w[i] = (struct work){ .counts = one ? &all : &w[i].own,
				      .done = &done,
				      .n = b->n / n + 1 };
		must(leat_go(count, &w[i]));
	}
	leat_wg_wait(&done);
	bench_stop(b);
	leat_wg_wait(&all);
}

BENCH(wg_count)
{
	share(b, false);
}

BENCH(wg_count_one)
{
	share(b, true);
}

BENCH(wg_nothing)
{
	leat_wg none = { 0 };

	bench_start(b);
	for (uint64_t i = 0; i < b->n; i++)
		leat_wg_wait(&none);
	bench_stop(b);
}
