/*
 * bench_cond.c - conditions and semaphores.
 *
 *	cond_pingpong   two goroutines signal each other in turn; the figure is a
 *	                round trip
 *	sema            acquire and release one permit, by one goroutine
 *	sema_8          eight goroutines share four permits (Go: a channel of four,
 *	                as x/sync is not part of Go)
 */
#include "perf/bench.h"

#include "leat.h"

struct game {
	leat_mutex mu;
	leat_cond cond[2];
	int turn;
};

static void plays(struct game *g, int me, uint64_t n, leat_wg *done)
{
	leat_mutex_lock(&g->mu);
	for (uint64_t i = 0; i < n; i++) {
		while (g->turn != me)
			leat_cond_wait(&g->cond[me], &g->mu);
		g->turn = !me;
		leat_cond_signal(&g->cond[!me]);
	}
	leat_mutex_unlock(&g->mu);
	leat_wg_done(done);
}

BENCH(cond_pingpong)
{
	struct game g = { 0 };
	leat_wg done = { 0 };

	bench_start(b);
	leat_wg_add(&done, 2);
	must(leat_go(plays, &g, 0, b->n, &done));
	must(leat_go(plays, &g, 1, b->n, &done));
	leat_wg_wait(&done);
	bench_stop(b);
}

BENCH(sema)
{
	leat_sema sema = LEAT_SEMA(4);

	bench_start(b);
	for (uint64_t i = 0; i < b->n; i++) {
		leat_sema_acquire(&sema, 1);
		leat_sema_release(&sema, 1);
	}
	bench_stop(b);
}

static void takes(leat_sema *sema, uint64_t n, leat_wg *done)
{
	for (uint64_t i = 0; i < n; i++) {
		leat_sema_acquire(sema, 1);
		leat_sema_release(sema, 1);
	}
	leat_wg_done(done);
}

BENCH(sema_8)
{
	leat_sema sema = LEAT_SEMA(4);
	leat_wg done = { 0 };

	bench_start(b);
	leat_wg_add(&done, 8);
	for (int i = 0; i < 8; i++)
		must(leat_go(takes, &sema, b->n / 8 + 1, &done));
	leat_wg_wait(&done);
	bench_stop(b);
}
