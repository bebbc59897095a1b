/*
 * cell.c - where cells come from.
 */
#include "core/cell.h"

#include "core/os.h"

enum { CHUNK = 4096 }; /* cells */

static void grow(struct cell_kind *k)
{
	size_t bytes = CHUNK * k->size;

	k->fresh = os_map(bytes, os_page());
	if (!k->fresh)
		return;
	if (pool_room(CHUNK) != 0) {
		os_unmap(k->fresh, bytes);
		return;
	}
	os_name(k->fresh, bytes, k->name);
	k->left = CHUNK;
}

static uint32_t take_fresh(struct cell_kind *k, char **cell, uint32_t n)
{
	uint32_t got = 0;

	lock_take(&k->lock);
	if (k->left == 0)
		grow(k);
	for (; got < n && k->left > 0; k->left--) {
		cell[got++] = k->fresh;
		k->fresh += k->size;
	}
	lock_drop(&k->lock);
	return got;
}

static uint32_t take_some(struct cell_kind *k, char **cell, uint32_t n)
{
	uint32_t got = pool_get(&k->free, cell, n);

	return got ? got : take_fresh(k, cell, n);
}

COLD bool cell_refill(struct cell_kind *k, struct cells *c)
{
	c->n = take_some(k, c->cell, CELLS / 2);
	return c->n > 0;
}

/* The n that have lain longest go; the newest, whose lines are warm, stay. */
COLD void cell_spill(struct cell_kind *k, struct cells *c, uint32_t n)
{
	pool_put(&k->free, c->cell, n);
	c->n -= n;
	for (uint32_t i = 0; i < c->n; i++)
		c->cell[i] = c->cell[n + i];
}

void *cell_take_shared(struct cell_kind *k)
{
	char *cell;

	return take_some(k, &cell, 1) ? cell : NULL;
}

void cell_give_shared(struct cell_kind *k, void *cell)
{
	char *one = cell;

	pool_put(&k->free, &one, 1);
}
