/*
 * inject.h - the queue of a NUMA node: goroutines that belong to no P.
 *
 *	comes here                               goes from here
 *	what a P's queues have no room for       to a P, every 61st dispatch
 *	what other threads start or wake         to a P that has nothing else
 *	what a thread that lost its P carries
 *
 * First in, first out, under one lock: it is rare, and a batch costs little
 * more than a single one, for the goroutines themselves are not touched.
 */
#ifndef CORE_INJECT_H
#define CORE_INJECT_H

#include "core/atomic.h"
#include "core/lock.h"

struct g;

struct inject {
	_Alignas(CPU_LINE) struct lock lock;
	_Atomic uint32_t len;
	uint32_t head, cap; /* of the ring: a power of two, or 0 */
	struct g **ring;
	struct g *first, **end; /* what came when the ring could not grow */
	uint32_t listed;
};

void inject_push(struct inject *q, struct g *const *g, uint32_t n);
/* At most n of the oldest; how many. */
uint32_t inject_take(struct inject *q, struct g **g, uint32_t n);

static ALWAYS_INLINE uint32_t inject_len(struct inject *q)
{
	return a_load(&q->len, relaxed);
}

#endif
