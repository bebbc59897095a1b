/*
 * bench_sched.c - from one goroutine to the next: yield, and a ring of
 * batons.
 *
 *	yield   bench <--> other          n yields, half of them in each
 *	ring    0 --> 1 --> ... --> 502   a hop is one Done that wakes, one
 *	        ^--------------------'    Wait that parks and one Add
 */
#include "perf/bench.h"

#include "leat.h"

/* Both run the same code, as workers do. */
static __attribute__((noinline)) void yield_often(uint64_t n)
{
	while (n--)
		leat_yield();
}

static void yield_beside(uint64_t n, leat_wg *done)
{
	yield_often(n);
	leat_wg_done(done);
}

BENCH(yield)
{
	uint64_t half = (b->n + 1) / 2;
	leat_wg done = { 0 };

	leat_wg_add(&done, 1);
	bench_start(b);
	must(leat_go(yield_beside, half, &done));
	yield_often(half);
	leat_wg_wait(&done);
	bench_stop(b);
}

enum { RING = 503 };

struct ring {
	leat_wg baton[RING]; /* at zero: it is your turn */
	leat_wg started, done;
	int64_t left; /* hops; belongs to whoever has the turn */
	struct bench *b;
};

/* After the last hop the turn goes round once more, and everybody ends. */
static void runner(struct ring *r, int i)
{
	bool more;

	leat_wg_done(&r->started);
	do {
		leat_wg_wait(&r->baton[i]);
		leat_wg_add(&r->baton[i], 1);
		if (--r->left == 0)
			bench_stop(r->b);
		more = r->left > 0;
		leat_wg_done(&r->baton[(i + 1) % RING]);
	} while (more);
	leat_wg_done(&r->done);
}

BENCH(ring)
{
	struct ring r = { .left = (int64_t)b->n, .b = b };

	leat_wg_add(&r.started, RING);
	leat_wg_add(&r.done, RING);
	for (int i = 0; i < RING; i++)
		leat_wg_add(&r.baton[i], 1);
	for (int i = 0; i < RING; i++)
		must(leat_go(runner, &r, i));
	leat_wg_wait(&r.started);

	bench_start(b);
	leat_wg_done(&r.baton[0]);
	leat_wg_wait(&r.done);
	if (r.left != 1 - RING)
		bench_fail(b, "%jd hops left", (intmax_t)r.left);
}
