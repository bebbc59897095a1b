/*
 * g.c - where Gs come from.
 *
 *	chunk 0  | G G G ... |      mapped once, walked by g_at, never unmapped
 *	chunk 1  | G G G ... |
 *
 *	P's cache  <-- batches of 64 -->  pool (one lock)  <-- new chunks
 *
 * Taking and giving touch only the cache but once in 64 times.  Numbers are
 * dealt out in the same batches, so they say nothing about time.
 */
#include "core/g.h"

#include "core/atomic.h"
#include "core/base.h"
#include "core/os.h"

enum { BATCH = 64, CHUNK = 4096, CHUNKS = 65536 };

static struct {
	struct lock lock;
	struct g *free;
	size_t fresh; /* of the newest chunk, not handed out yet */
	_Atomic uint64_t id;
	_Atomic size_t chunks;
	_Atomic(struct g *) chunk[CHUNKS];
} pool;

_Static_assert(sizeof(struct g) == 2 * CPU_LINE, "a G is two pairs of lines");

static bool grow(void)
{
	size_t n = a_load(&pool.chunks, relaxed);
	struct g *chunk;

	if (n == CHUNKS)
		return false;
	chunk = os_map(CHUNK * sizeof(struct g), os_page());
	if (!chunk)
		return false;
	os_name(chunk, CHUNK * sizeof(struct g), "leat goroutines");
	a_store(&pool.chunk[n], chunk, relaxed);
	pool.fresh = CHUNK;

	/* [g.chunk] pairs with [g.walk]: the chunk before its count. */
	a_store(&pool.chunks, n + 1, release);
	return true;
}

/* One G, with the lock held. */
static struct g *take_locked(void)
{
	struct g *g = pool.free;

	if (g) {
		pool.free = g->next;
		return g;
	}
	if (pool.fresh == 0 && !grow())
		return NULL;
	size_t last = a_load(&pool.chunks, relaxed) - 1;

	return a_load(&pool.chunk[last], relaxed) + (CHUNK - pool.fresh--);
}

static COLD bool refill(struct g_cache *c)
{
	struct g **end = &c->free;

	lock_take(&pool.lock);
	for (struct g *g; c->n < BATCH && (g = take_locked()); c->n++) {
		*end = g;
		end = &g->next;
	}
	*end = NULL;
	lock_drop(&pool.lock);
	return c->n > 0;
}

static void give_batch(struct g *first, struct g *last)
{
	lock_take(&pool.lock);
	last->next = pool.free;
	pool.free = first;
	lock_drop(&pool.lock);
}

static COLD void new_ids(struct g_cache *c)
{
	c->id = a_add(&pool.id, BATCH, relaxed) + 1;
	c->id_end = c->id + BATCH;
}

struct g *g_take(struct g_cache *c)
{
	if (unlikely(c->n == 0) && !refill(c))
		return NULL;
	if (unlikely(c->id == c->id_end))
		new_ids(c);

	struct g *g = c->free;

	c->free = g->next;
	c->n--;
	g->id = c->id++;
	return g;
}

struct g *g_take_shared(void)
{
	lock_take(&pool.lock);
	struct g *g = take_locked();

	lock_drop(&pool.lock);
	if (g)
		g->id = a_add(&pool.id, 1, relaxed) + 1;
	return g;
}

/* The older half of a full cache goes back, so that the newest, whose lines
 * are warm, stay. */
static COLD void spill(struct g_cache *c)
{
	struct g *keep = c->free;

	for (int i = 1; i < BATCH; i++)
		keep = keep->next;

	struct g *first = keep->next, *last = first;

	while (last->next)
		last = last->next;
	keep->next = NULL;
	c->n = BATCH;
	give_batch(first, last);
}

void g_give(struct g_cache *c, struct g *g)
{
	g->next = c->free;
	c->free = g;
	if (unlikely(++c->n == 2 * BATCH))
		spill(c);
}

void g_give_shared(struct g *g)
{
	give_batch(g, g);
}

void g_cache_drain(struct g_cache *c)
{
	struct g *last = c->free;

	if (!last)
		return;
	while (last->next)
		last = last->next;
	give_batch(c->free, last);
	c->free = NULL;
	c->n = 0;
}

struct g *g_at(size_t i)
{
	/* [g.walk] pairs with [g.chunk]. */
	size_t chunks = a_load(&pool.chunks, acquire);

	if (i / CHUNK >= chunks)
		return NULL;
	return a_load(&pool.chunk[i / CHUNK], relaxed) + i % CHUNK;
}
