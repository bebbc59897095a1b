/*
 * bench_pool.c - a pool of things that are used again.
 *
 *	pool_pair     get one and put it back
 *	pool_100      put 100 and get them back
 *	pool_starved  put 67 and try to get 100
 *
 * As many goroutines as Ps share the operations; the figure is for a get and a
 * put (pool_starved: for one of the 100), all together.
 */
#include "perf/bench.h"

#include "leat.h"

enum { MANY = 100, STARVED = 67 };

struct work {
	leat_pool *pool;
	uint64_t n, lost;
	leat_wg *done;
};

static void pair(struct work *w)
{
	for (uint64_t i = 0; i < w->n; i++) {
		void *item = leat_pool_get(w->pool);

		if (!item)
			item = w;
		leat_pool_put(w->pool, item);
	}
	leat_wg_done(w->done);
}

static void some(struct work *w, int puts)
{
	uint64_t lost = 0;

	for (uint64_t i = 0; i < w->n; i += MANY) {
		for (int k = 0; k < puts; k++)
			leat_pool_put(w->pool, w);
		for (int k = 0; k < MANY; k++)
			lost += !leat_pool_get(w->pool);
	}
	w->lost = lost;
	leat_wg_done(w->done);
}

static void hundred(struct work *w)
{
	some(w, MANY);
}

static void starved(struct work *w)
{
	some(w, STARVED);
}

static void share(struct bench *b, void (*what)(struct work *))
{
	enum { MOST = 64 };
	struct work w[MOST];
	leat_pool pool = { 0 };
	leat_wg done = { 0 };
	unsigned n = (unsigned)leat_procs_get();

	n = n < MOST ? n : MOST;
	leat_wg_add(&done, (int)n);
	bench_start(b);
	for (unsigned i = 0; i < n; i++) {
		w[i] = (struct work){ &pool, b->n / n + 1, 0, &done };
		must(leat_go(what, &w[i]));
	}
	leat_wg_wait(&done);
	bench_stop(b);
	if (n == 1 && what == hundred && w[0].lost > 0)
		bench_fail(b, "%lu lost", (unsigned long)w[0].lost);
	leat_pool_free(&pool);
}

BENCH(pool_pair)
{
	share(b, pair);
}

BENCH(pool_100)
{
	share(b, hundred);
}

BENCH(pool_starved)
{
	share(b, starved);
}
