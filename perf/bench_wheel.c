/*
 * bench_wheel.c - the wheel that timers lie in, by itself.
 *
 *	wheel_1m        10^6 deadlines, each in a piece of memory of its own, by
 *	                chance within one second, which comes later: moved down and
 *	                taken out, in steps of a millisecond; for each of them
 *	wheel_1m_worst  the longest of these steps
 *
 * Go has no such thing by itself.
 */
#include "perf/bench.h"

#include "core/wheel.h"

#include <stdlib.h>

enum { MANY = 1000000, APART = 160, MS = 1000000, SECOND = 1000000000 };

static struct spoke *spoke(char *memory, uint64_t i)
{
	return (struct spoke *)(memory + i * APART);
}

/* How many of them, and how long the longest step took. */
static uint64_t expire_all(struct wheel *w, int64_t from, int64_t *worst)
{
	uint64_t expired = 0;

	for (int64_t at = from; at <= from + 2ll * SECOND; at += MS) {
		int64_t took = bench_now();

		while (wheel_expire(w, at))
			expired++;
		took = bench_now() - took;
		*worst = took > *worst ? took : *worst;
	}
	return expired;
}

static int64_t go_through(struct bench *b, int64_t from)
{
	static struct wheel w;
	char *memory = calloc(MANY, APART);
	int64_t worst = 0;
	uint64_t expired;

	must(memory == NULL);
	wheel_expire(&w, from);
	for (uint64_t i = 0; i < MANY; i++)
		wheel_add(&w, spoke(memory, i),
			  from + SECOND + bench_chance(i) % SECOND);
	wheel_settle(&w);
	bench_start(b);
	expired = expire_all(&w, from, &worst);
	bench_stop(b);
	if (expired != MANY)
		bench_fail(b, "%lu expired", (unsigned long)expired);
	free(memory);
	return worst;
}

BENCH_ONCE(wheel_1m)
{
	go_through(b, 1ll << 40);
	bench_each(b, (double)b->ns / MANY);
}

BENCH_ONCE(wheel_1m_worst)
{
	bench_each(b, (double)go_through(b, 1ll << 41));
}
