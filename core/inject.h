/*
 * inject.h - the queue of a NUMA node: goroutines that belong to no P.
 *
 *	comes here                               goes from here
 *	what a P's queues have no room for       to a P, every 61st dispatch
 *	what other threads start or wake         to a P that has nothing else
 *	what a thread that lost its P carries
 *
 * First in, first out, under one lock: it is rare, and a batch costs as little
 * as a single one.
 */
#ifndef CORE_INJECT_H
#define CORE_INJECT_H

#include "core/atomic.h"
#include "core/g.h"
#include "core/lock.h"

struct inject {
	_Alignas(CPU_LINE) struct lock lock;
	_Atomic uint32_t len;
	struct g *first, **end;
};

/* A list linked through next, of n. */
void inject_push(struct inject *q, struct g *first, struct g *last, uint32_t n);
/* At most n, linked through next and ended by NULL; *got says how many. */
struct g *inject_take(struct inject *q, uint32_t n, uint32_t *got);

static ALWAYS_INLINE uint32_t inject_len(struct inject *q)
{
	return a_load(&q->len, relaxed);
}

#endif
