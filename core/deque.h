/*
 * deque.h - a queue of goroutines that only one thread at a time touches.
 *
 *	      head                     tail
 *	       v                        v
 *	 .   [ A   B   C   D   E   F ]   .   .
 *	       '- pop_front   push_back -'
 *	                       pop_back -'
 *
 * The owner of the P (own.h) is the only one who calls these, so there is no
 * ordered access.  The counters are atomics because others peek at them, as a
 * hint: deque_len may be called by anybody and may be wrong by then.
 */
#ifndef CORE_DEQUE_H
#define CORE_DEQUE_H

#include "core/atomic.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef DEQUE_CAP
#define DEQUE_CAP 256u /* a power of two */
#endif

struct g;

struct deque {
	_Atomic uint32_t head, tail; /* run freely and wrap */
	struct g *slot[DEQUE_CAP];
};

static inline uint32_t deque_len(const struct deque *q)
{
	return a_load(&q->tail, relaxed) - a_load(&q->head, relaxed);
}

static ALWAYS_INLINE bool deque_push_back(struct deque *q, struct g *g)
{
	uint32_t tail = a_load(&q->tail, relaxed);

	if (unlikely(tail - a_load(&q->head, relaxed) == DEQUE_CAP))
		return false;
	q->slot[tail % DEQUE_CAP] = g;
	a_store(&q->tail, tail + 1, relaxed);
	return true;
}

static ALWAYS_INLINE struct g *deque_pop_front(struct deque *q)
{
	uint32_t head = a_load(&q->head, relaxed);

	if (head == a_load(&q->tail, relaxed))
		return NULL;
	a_store(&q->head, head + 1, relaxed);
	return q->slot[head % DEQUE_CAP];
}

/* The one that is to be popped from the front some pops from now, or one that
 * was in its place: an address to fetch ahead, nothing more. */
static ALWAYS_INLINE const struct g *deque_ahead(const struct deque *q)
{
	return q->slot[(a_load(&q->head, relaxed) + 3) % DEQUE_CAP];
}

static ALWAYS_INLINE struct g *deque_pop_back(struct deque *q)
{
	uint32_t tail = a_load(&q->tail, relaxed);

	if (tail == a_load(&q->head, relaxed))
		return NULL;
	a_store(&q->tail, tail - 1, relaxed);
	return q->slot[(tail - 1) % DEQUE_CAP];
}

#endif
