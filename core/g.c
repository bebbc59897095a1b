/*
 * g.c - where Gs come from.
 *
 *	chunk 0  | G G G ... |      mapped once, walked by g_at, never unmapped
 *	chunk 1  | G G G ... |
 *
 *	P's cache  <-- 64 at a time -->  pool  <-- new chunks
 *
 * Taking and giving touch only the cache but once in 64 times.  Numbers are
 * dealt out in the same batches, so they say nothing about time.  The free
 * ones are not linked through each other: a list of cold Gs would be read at
 * the speed of memory, one after the other.
 */
#include "core/g.h"

#include "core/atomic.h"
#include "core/os.h"
#include "core/pool.h"

enum { BATCH = G_CACHE / 2, CHUNK = 4096, CHUNKS = 65536 };

static struct {
	struct pool free;
	struct lock lock; /* of the two below */
	size_t fresh;     /* of the newest chunk, not handed out yet */
	_Atomic size_t chunks;
	_Atomic(struct g *) chunk[CHUNKS];
	_Atomic uint64_t id;
} all = { .id = 1 }; /* 1 is main's */

_Static_assert(sizeof(struct g) == 2 * CPU_LINE, "a G is two pairs of lines");

static bool grow(void)
{
	size_t n = a_load(&all.chunks, relaxed);
	struct g *chunk;

	if (n == CHUNKS)
		return false;
	chunk = os_map(CHUNK * sizeof(struct g), os_page());
	if (!chunk)
		return false;
	if (pool_room(CHUNK) != 0) {
		os_unmap(chunk, CHUNK * sizeof(struct g));
		return false;
	}
	os_name(chunk, CHUNK * sizeof(struct g), "leat goroutines");
	a_store(&all.chunk[n], chunk, relaxed);
	all.fresh = CHUNK;

	/* [g.chunk] pairs with [g.walk]: the chunk before its count. */
	a_store(&all.chunks, n + 1, release);
	return true;
}

/* Some that were never used. */
static uint32_t take_fresh(struct g **g, uint32_t n)
{
	uint32_t got = 0;

	lock_take(&all.lock);
	if (all.fresh > 0 || grow()) {
		struct g *chunk = a_load(
			&all.chunk[a_load(&all.chunks, relaxed) - 1], relaxed);

		while (got < n && all.fresh > 0)
			g[got++] = chunk + (CHUNK - all.fresh--);
	}
	lock_drop(&all.lock);
	return got;
}

static uint32_t take_some(struct g **g, uint32_t n)
{
	uint32_t got = pool_get(&all.free, (char **)g, n);

	return got ? got : take_fresh(g, n);
}

COLD bool g_refill(struct g_cache *c)
{
	c->n = take_some(c->g, BATCH);
	return c->n > 0;
}

COLD void g_new_ids(struct g_cache *c)
{
	c->id = a_add(&all.id, BATCH, relaxed) + 1;
	c->id_end = c->id + BATCH;
}

/* The n that have lain longest go; the newest, whose lines are warm, stay. */
COLD void g_spill(struct g_cache *c, uint32_t n)
{
	pool_put(&all.free, (char **)c->g, n);
	c->n -= n;
	for (uint32_t i = 0; i < c->n; i++)
		c->g[i] = c->g[n + i];
}

struct g *g_take_shared(void)
{
	struct g *g;

	if (take_some(&g, 1) == 0)
		return NULL;
	a_store(&g->id, a_add(&all.id, 1, relaxed) + 1, relaxed);
	return g;
}

void g_give_shared(struct g *g)
{
	pool_put(&all.free, (char **)&g, 1);
}

void g_cache_drain(struct g_cache *c)
{
	g_spill(c, c->n);
}

struct g *g_at(size_t i)
{
	/* [g.walk] pairs with [g.chunk]. */
	size_t chunks = a_load(&all.chunks, acquire);

	if (i / CHUNK >= CHUNKS || i / CHUNK >= chunks)
		return NULL;
	return a_load(&all.chunk[i / CHUNK], relaxed) + i % CHUNK;
}
