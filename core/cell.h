/*
 * cell.h - small pieces of memory of one kind, for what may outlive the frame
 * it was made in.
 *
 *	P's cells  <-- half of them at a time -->  pool  <-- new chunks
 *
 * They are type-stable: never unmapped, nor used for another kind; so a stale
 * pointer reads a cell of that kind.  The first use of one finds zeroes, any
 * later one what the last left.
 */
#ifndef CORE_CELL_H
#define CORE_CELL_H

#include "core/base.h"
#include "core/pool.h"

#include <stdint.h>

enum { CELLS = 64 };

struct cell_kind {
	const char *name;
	size_t size;
	struct pool free;
	struct lock lock; /* of the two below */
	char *fresh;      /* never handed out yet */
	size_t left;
};

/* The free ones of one P. */
struct cells {
	uint32_t n;
	char *cell[CELLS];
};

/* More of them, half of them away: the rare cases of the two below. */
bool cell_refill(struct cell_kind *k, struct cells *c);
void cell_spill(struct cell_kind *k, struct cells *c, uint32_t n);

/* One, or NULL if there is no memory. */
static ALWAYS_INLINE void *cell_take(struct cell_kind *k, struct cells *c)
{
	if (unlikely(c->n == 0) && !cell_refill(k, c))
		return NULL;
	return c->cell[--c->n];
}

static ALWAYS_INLINE void cell_give(struct cell_kind *k, struct cells *c,
				    void *cell)
{
	if (unlikely(c->n == CELLS))
		cell_spill(k, c, CELLS / 2);
	c->cell[c->n++] = cell;
}

/* Without a P. */
void *cell_take_shared(struct cell_kind *k);
void cell_give_shared(struct cell_kind *k, void *cell);

#endif
