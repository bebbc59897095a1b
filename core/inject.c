/*
 * inject.c - the queue of a NUMA node.
 *
 *	         head           head + len - listed
 *	          v              v
 *	ring  .  [ A  B  C  D  E ]  .  .     then   first --> F --> G
 *
 * The ring doubles when it is full.  Where there is no memory for that, what
 * comes is linked through the goroutines, so that nothing is refused; the ring
 * takes no more then until the list is empty again.
 */
#include "core/inject.h"

#include "core/g.h"
#include "core/os.h"

enum { FIRST_CAP = 512 };

static uint32_t ring_len(struct inject *q)
{
	return inject_len(q) - q->listed;
}

static bool grow(struct inject *q)
{
	uint32_t cap = q->cap ? 2 * q->cap : FIRST_CAP;
	uint32_t n = ring_len(q);
	struct g **ring = os_map(cap * sizeof(*ring), os_page());

	if (!ring)
		return false;
	for (uint32_t i = 0; i < n; i++)
		ring[i] = q->ring[(q->head + i) % q->cap];
	if (q->ring)
		os_unmap(q->ring, q->cap * sizeof(*ring));
	q->ring = ring;
	q->cap = cap;
	q->head = 0;
	return true;
}

static void push_locked(struct inject *q, struct g *g)
{
	uint32_t len = inject_len(q);

	if (q->listed == 0 && (len < q->cap || grow(q))) {
		q->ring[(q->head + len) % q->cap] = g;
	} else {
		if (q->listed++ == 0)
			q->end = &q->first;
		g->next = NULL;
		*q->end = g;
		q->end = &g->next;
	}
	a_store(&q->len, len + 1, relaxed);
}

static struct g *take_locked(struct inject *q)
{
	struct g *g;

	if (ring_len(q) > 0) {
		g = q->ring[q->head++ % q->cap];
	} else {
		g = q->first;
		q->first = g->next;
		q->listed--;
	}
	a_store(&q->len, inject_len(q) - 1, relaxed);
	return g;
}

void inject_push(struct inject *q, struct g *const *g, uint32_t n)
{
	lock_take(&q->lock);
	for (uint32_t i = 0; i < n; i++)
		push_locked(q, g[i]);
	lock_drop(&q->lock);
}

uint32_t inject_take(struct inject *q, struct g **g, uint32_t n)
{
	uint32_t got = 0;

	lock_take(&q->lock);
	while (got < n && inject_len(q) > 0)
		g[got++] = take_locked(q);
	lock_drop(&q->lock);
	return got;
}
