/*
 * pool.c - stacks that nobody uses, last in first out.
 *
 *	pile:  first --> [ .. 7 ] --> [ 0 .. 31 ] --> [ 0 .. 31 ]
 *	                  ^ put, get
 *
 * The lists do not run through the stacks themselves: to write there would
 * bring back the page that trimming has just returned.  The tops stand in
 * crates instead, made beforehand: a pile of n stacks never holds more than
 * n / 32 crates and one, so there are always enough of them.
 *
 * After Bonwick and Adams, "Magazines and Vmem", 2001.
 */
#include "core/pool.h"

#include "core/base.h"
#include "core/os.h"

#include <errno.h>

enum { CRATE = 32, PILES = 3 };

#define CHUNK_LEAST (64ul << 10)

struct crate {
	struct crate *next;
	uint32_t n;
	char *top[CRATE];
};

/* Crates never used yet: crate[0 .. left). */
struct chunk {
	struct chunk *next;
	size_t left;
	struct crate crate[];
};

static struct {
	struct lock lock;
	struct crate *empty;
	struct chunk *chunk;
	size_t made;   /* crates */
	size_t stacks; /* that they are to hold */
} store;

/* ---- crates ---- */

static bool make_crates(size_t n)
{
	size_t bytes = sizeof(struct chunk) + n * sizeof(struct crate);

	bytes = (bytes + CHUNK_LEAST - 1) & -CHUNK_LEAST;
	struct chunk *c = os_map(bytes, os_page());
	if (!c)
		return false;
	os_name(c, bytes, "leat stack pool");
	c->left = (bytes - sizeof *c) / sizeof(struct crate);
	c->next = store.chunk;
	store.chunk = c;
	store.made += c->left;
	return true;
}

int pool_room(size_t n)
{
	lock_take(&store.lock);
	size_t want = (store.stacks + n) / CRATE + POOLS * PILES;
	bool enough = want <= store.made || make_crates(want - store.made);
	if (enough)
		store.stacks += n;
	lock_drop(&store.lock);
	return enough ? 0 : -ENOMEM;
}

static struct crate *crate_new(void)
{
	while (store.chunk->left == 0) {
		store.chunk = store.chunk->next;
		check(store.chunk);
	}
	return &store.chunk->crate[--store.chunk->left];
}

static struct crate *crate_take(struct crate *next)
{
	lock_take(&store.lock);
	struct crate *c = store.empty;
	if (c)
		store.empty = c->next;
	else
		c = crate_new();
	lock_drop(&store.lock);
	c->next = next;
	c->n = 0;
	return c;
}

static void crate_give(struct crate *c)
{
	lock_take(&store.lock);
	c->next = store.empty;
	store.empty = c;
	lock_drop(&store.lock);
}

/* ---- piles ---- */

static void put(struct pile *p, char *const *top, uint32_t n)
{
	p->n += n;
	for (uint32_t i = 0; i < n; i++) {
		if (!p->first || p->first->n == CRATE)
			p->first = crate_take(p->first);
		p->first->top[p->first->n++] = top[i];
	}
}

static uint32_t get(struct pile *p, char **top, uint32_t n)
{
	n = p->n < n ? (uint32_t)p->n : n;
	p->n -= n;
	for (uint32_t i = n; i > 0; i--) {
		struct crate *c = p->first;

		top[i - 1] = c->top[--c->n];
		if (c->n == 0) {
			p->first = c->next;
			crate_give(c);
		}
	}
	return n;
}

/* ---- pools ---- */

void pool_put(struct pool *p, char *const *top, uint32_t n)
{
	lock_take(&p->lock);
	put(&p->young, top, n);
	lock_drop(&p->lock);
}

void pool_put_cold(struct pool *p, char *const *top, uint32_t n)
{
	lock_take(&p->lock);
	put(&p->cold, top, n);
	lock_drop(&p->lock);
}

uint32_t pool_get(struct pool *p, char **top, uint32_t n)
{
	lock_take(&p->lock);
	struct pile *from = p->young.n ? &p->young
			    : p->old.n ? &p->old
				       : &p->cold;
	n = get(from, top, n);
	lock_drop(&p->lock);
	return n;
}

uint32_t pool_get_old(struct pool *p, char **top, uint32_t n)
{
	lock_take(&p->lock);
	n = get(&p->old, top, n);
	lock_drop(&p->lock);
	return n;
}

void pool_age(struct pool *p)
{
	lock_take(&p->lock);
	if (p->old.n == 0) {
		struct pile empty = p->old;

		p->old = p->young;
		p->young = empty;
	}
	lock_drop(&p->lock);
}

size_t pool_warm(struct pool *p)
{
	lock_take(&p->lock);
	size_t n = p->young.n + p->old.n;
	lock_drop(&p->lock);
	return n;
}
