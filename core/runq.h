/*
 * runq.h - the part of a P's work that other Ps may steal.
 *
 *	call            who may run it at the same time
 *	                push    pop     grab    len
 *	push (owner)    X       X       -       -       X: the caller excludes
 *	pop  (owner)    X       X       -       -       -: at the same time is
 *	grab (anybody)  -       -       -       -          fine
 */
#ifndef CORE_RUNQ_H
#define CORE_RUNQ_H

#include "core/atomic.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef RUNQ_CAP
#define RUNQ_CAP 256u /* a power of two */
#endif

struct g;

struct runq {
	/* Written by anybody, by compare-and-swap. */
	_Alignas(CPU_LINE) _Atomic uint32_t head;
	/* Written by the owner. */
	_Alignas(CPU_LINE) _Atomic uint32_t tail;
	_Atomic(struct g *) slot[RUNQ_CAP];
};

/* False if it is full. */
bool runq_push(struct runq *q, struct g *g);
/* The oldest, or NULL. */
struct g *runq_pop(struct runq *q);
/* Take the older half, rounded up, into out (room for RUNQ_CAP / 2, at least
 * one); returns how many. */
uint32_t runq_grab(struct runq *q, struct g **out);

/* A hint for everybody but the owner. */
static inline uint32_t runq_len(const struct runq *q)
{
	return a_load(&q->tail, relaxed) - a_load(&q->head, relaxed);
}

#endif
