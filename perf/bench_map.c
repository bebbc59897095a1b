/*
 * bench_map.c - a map that all use at once.
 *
 *	map_load     10^4 keys, all loads
 *	map_90_10    10^4 keys, nine loads and a store
 *	map_50_50    the same, half and half
 *	map_churn    a key is inserted and deleted again; 10^4 others stay
 *	map_load_1m  10^6 keys, all loads
 *
 * As many goroutines as Ps share the operations and take keys by chance, each
 * its own row of them; the figure is for one operation, all together.
 */
#include "perf/bench.h"

#include "leat.h"

#include <stdlib.h>

enum { KEYS = 10000, MILLION = 1000000, LOADS_90 = 90, LOADS_50 = 50 };

struct work {
	leat_map *map;
	uint64_t first, n, keys;
	unsigned loads; /* percent */
	leat_wg *done;
	uint64_t missed;
};

/* A key below n, and what to do, from one number (Knuth's MMIX row). */
static inline uint64_t next(uint64_t *x)
{
	*x = *x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *x >> 32;
}

static void look(struct work *w)
{
	uint64_t x = w->first, missed = 0;

	for (uint64_t i = 0; i < w->n; i++) {
		uint64_t key = next(&x) * w->keys >> 32, value;

		if (i % 100 < w->loads)
			missed += !leat_map_load(w->map, key, &value) ||
				  value != key;
		else
			must(leat_map_store(w->map, key, key));
	}
	w->missed = missed;
	leat_wg_done(w->done);
}

static void churn(struct work *w)
{
	uint64_t x = w->first, missed = 0;

	for (uint64_t i = 0; i < w->n; i++) {
		uint64_t key = w->keys * ((w->first >> 32) + 1) +
			       (next(&x) * w->keys >> 32);

		must(leat_map_store(w->map, key, key));
		missed += !leat_map_delete(w->map, key);
	}
	w->missed = missed;
	leat_wg_done(w->done);
}

static void share(struct bench *b, void (*what)(struct work *), uint64_t keys,
		  unsigned loads)
{
	enum { MOST = 64 };
	struct work w[MOST];
	leat_map map = { 0 };
	leat_wg done = { 0 };
	unsigned n = (unsigned)leat_procs_get();

	n = n < MOST ? n : MOST;
	for (uint64_t key = 0; key < keys; key++)
		must(leat_map_store(&map, key, key));
	leat_wg_add(&done, (int)n);
	bench_start(b);
	for (unsigned i = 0; i < n; i++) {
		w[i] = (struct work){ &map,
				      (uint64_t)i << 32,
				      b->n / n + 1,
				      keys,
				      loads,
				      &done,
				      0 };
		must(leat_go(what, &w[i]));
	}
	leat_wg_wait(&done);
	bench_stop(b);
	for (unsigned i = 0; i < n; i++)
		if (w[i].missed)
			bench_fail(b, "%lu missed", (unsigned long)w[i].missed);
	if (leat_map_len(&map) != keys)
		bench_fail(b, "%zu keys", leat_map_len(&map));
	leat_map_free(&map);
}

BENCH(map_load)
{
	share(b, look, KEYS, 100);
}

BENCH(map_load_1m)
{
	share(b, look, MILLION, 100);
}

BENCH(map_90_10)
{
	share(b, look, KEYS, LOADS_90);
}

BENCH(map_50_50)
{
	share(b, look, KEYS, LOADS_50);
}

BENCH(map_churn)
{
	share(b, churn, KEYS, 0);
}
