/*
 * circle.h - a list of parties that takes one pointer: to the last of them.
 *
 *	last --> c --> a --> b --.      a came first
 *	         ^---------------'
 *
 * Guarded by whatever lock its owner has.
 */
#ifndef SYNC_CIRCLE_H
#define SYNC_CIRCLE_H

#include "sync/chan.h"

static inline void circle_push(void **at, struct party *n)
{
	struct party *last = *at;

	n->next = last ? last->next : n;
	n->prev = last ? last : n;
	n->next->prev = n;
	n->prev->next = n;
	*at = n;
}

static inline void circle_remove(void **at, struct party *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	if (*at == n)
		*at = n->prev == n ? NULL : n->prev;
}

/* All of them, which are in the circle no more: the first, and so on by next up
 * to NULL. */
static inline struct party *circle_take(void **at)
{
	struct party *last = *at, *first = NULL;

	if (last) {
		first = last->next;
		last->next = NULL;
	}
	*at = NULL;
	return first;
}

#endif
