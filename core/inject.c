/*
 * inject.c - the queue of a NUMA node.
 */
#include "core/inject.h"

void inject_push(struct inject *q, struct g *first, struct g *last, uint32_t n)
{
	last->next = NULL;
	lock_take(&q->lock);
	if (!q->first)
		q->end = &q->first;
	*q->end = first;
	q->end = &last->next;
	a_store(&q->len, a_load(&q->len, relaxed) + n, relaxed);
	lock_drop(&q->lock);
}

struct g *inject_take(struct inject *q, uint32_t n, uint32_t *got)
{
	struct g *list;
	uint32_t taken = 0;

	lock_take(&q->lock);
	list = q->first;
	struct g **end = &list;

	while (taken < n && *end) {
		end = &(*end)->next;
		taken++;
	}
	q->first = *end;
	*end = NULL;
	a_store(&q->len, a_load(&q->len, relaxed) - taken, relaxed);
	lock_drop(&q->lock);
	*got = taken;
	return list;
}
