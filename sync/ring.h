/*
 * ring.h - the buffer of a channel: many senders, many receivers, first in
 * first out, one compare-and-swap each.
 *
 *	position   | lap | index |      tail: the next to be written; | CLOSED
 *	                                head: the next to be read
 *
 *	slot's stamp       means                           who may touch the value
 *	pos                empty, for the send at pos      who moves tail from pos
 *	pos + 1            full, for the receive at pos    who moves head from pos
 *	pos + lap          empty, for the next lap
 *
 *	sender                                 receiver
 *	stamp == tail?                         stamp == head + 1?
 *	tail: pos -> next  (one CAS)           head: pos -> next  (one CAS)
 *	writes the value                       reads the value
 *	stamp = pos + 1                        stamp = pos + lap
 *
 * A lap is a power of two greater than the capacity, so that "full" of one lap
 * is never "empty" of the next, not even with a capacity of one (where the
 * well-known ring of Vyukov's, whose stamps these are, goes wrong), and any
 * capacity is exact.
 *
 * Between its CAS and its stamp a peer is in its window.  Who then finds
 * neither room nor a value there cannot say that there is none: BUSY.  The
 * peer may already have looked for waiters, so nobody may wait on BUSY; it is
 * tried again.  FULL and EMPTY are definite at the load of the other end.
 *
 * Invariants: head <= tail <= head + capacity, in positions; a slot's value is
 * touched only by who won its position, until the stamp says otherwise.
 * Linearization points: the CAS; for FULL and EMPTY the load of the other
 * end; for CLOSED the load of tail.  No memory is reclaimed while anybody
 * uses the ring: the channel is counted by its users.
 */
#ifndef SYNC_RING_H
#define SYNC_RING_H

#include "core/atomic.h"
#include "core/backoff.h"
#include "core/base.h"
#include "sync/bias.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum ring_result {
	RING_OK,
	RING_NONE,   /* full, or empty */
	RING_BUSY,   /* a peer is in its window */
	RING_CLOSED, /* no sends any more; for a receive: and drained */
};

#define RING_SHUT (1ull << 63)
#define WORD      ((uint32_t)sizeof(uint64_t))

struct slot {
	_Atomic uint64_t stamp;
	uint64_t value[];
};

struct ring {
	uint64_t lap;
	uint32_t cap, size; /* size of an element, in bytes */
	uint32_t stride;    /* of a slot */
	/* Padded, not aligned: what comes before may share its line. */
	char apart[CPU_LINE];
	_Atomic uint64_t tail;
	struct streak senders;
	char further[CPU_LINE - sizeof(uint64_t) - sizeof(struct streak)];
	_Atomic uint64_t head;
	struct streak receivers;
	char away[CPU_LINE - sizeof(uint64_t) - sizeof(struct streak)];
	_Alignas(2 *
		 sizeof(uint64_t)) char slots[]; /* on as few lines as can be */
};

/* What never changes: in registers, where no store to a slot can be taken to
 * change it. */
struct ring_shape {
	uint64_t lap;
	uint32_t cap, size, stride;
	bool small; /* no element is larger than a word */
	char *slots;
};

/* How far it is from slot to slot. */
static ALWAYS_INLINE uint32_t ring_stride(uint32_t size)
{
	uint32_t words = (size + WORD - 1) / WORD;

	return (uint32_t)sizeof(struct slot) + (words ? words : 1) * WORD;
}

/* small: known to the compiler, with the stride; else false. */
static ALWAYS_INLINE struct ring_shape ring_shape(struct ring *r, bool small)
{
	return (struct ring_shape){
		.lap = r->lap,
		.cap = r->cap,
		.size = r->size,
		.stride = small ? ring_stride(WORD) : r->stride,
		.small = small,
		.slots = r->slots,
	};
}

static ALWAYS_INLINE uint64_t ring_index(const struct ring_shape *r,
					 uint64_t pos)
{
	return pos & (r->lap - 1);
}

static ALWAYS_INLINE struct slot *ring_slot(const struct ring_shape *r,
					    uint64_t pos)
{
	return (struct slot *)(r->slots + ring_index(r, pos) * r->stride);
}

/* The position n after pos; n is no more than the capacity. */
static ALWAYS_INLINE uint64_t ring_after(const struct ring_shape *r,
					 uint64_t pos, uint32_t n)
{
	uint64_t index = ring_index(r, pos) + n;

	return index < r->cap ? pos + n : pos + n - r->cap + r->lap;
}

/* How many positions there are from head to tail. */
static inline size_t ring_between(struct ring *ring, uint64_t head,
				  uint64_t tail)
{
	const struct ring_shape shape = ring_shape(ring, false), *r = &shape;
	uint64_t laps = ((tail & ~RING_SHUT) - ring_index(r, tail) - head +
			 ring_index(r, head)) /
			r->lap;

	return laps * r->cap + ring_index(r, tail) - ring_index(r, head);
}

/* From slot to slot. */
struct walk {
	uint64_t pos;
	uint32_t left; /* slots to the end of the lap */
	struct slot *s;
};

static ALWAYS_INLINE struct walk walk_from(const struct ring_shape *r,
					   uint64_t pos)
{
	return (struct walk){ pos, r->cap - (uint32_t)ring_index(r, pos),
			      ring_slot(r, pos) };
}

static ALWAYS_INLINE void walk_on(struct walk *w, const struct ring_shape *r)
{
	w->pos++;
	w->s = (struct slot *)((char *)w->s + r->stride);
	if (unlikely(--w->left == 0)) {
		w->pos += r->lap - r->cap;
		w->left = r->cap;
		w->s = (struct slot *)r->slots;
	}
}

/* Up to a word, without a loop or a call. */
static ALWAYS_INLINE void copy_small(char *to, const char *from, uint32_t n)
{
	/* With -flto the compiler may know the objects, but not n, and warn. */
	__asm__("" : "+r"(to), "+r"(from));
	if (n & 8) {
		memcpy(to, from, 8);
		return;
	}
	if (n & 4) {
		memcpy(to, from, 4);
		to += 4;
		from += 4;
	}
	if (n & 2) {
		memcpy(to, from, 2);
		to += 2;
		from += 2;
	}
	if (n & 1)
		*to = *from;
}

/* Words are the common elements; the explorer watches them. */
static ALWAYS_INLINE void ring_write(const struct ring_shape *r, struct slot *s,
				     const void *elem)
{
	uint64_t word;

	if (likely(r->size == WORD)) {
		memcpy(&word, elem, WORD);
		d_write(s->value, word);
	} else if (r->small) {
		copy_small((char *)s->value, elem, r->size);
	} else {
		memcpy(s->value, elem, r->size);
	}
}

static ALWAYS_INLINE void ring_read(const struct ring_shape *r, struct slot *s,
				    void *elem)
{
	uint64_t word;

	if (unlikely(!elem))
		return;
	if (likely(r->size == WORD)) {
		word = d_read(s->value);
		memcpy(elem, &word, WORD);
	} else if (r->small) {
		copy_small(elem, (const char *)s->value, r->size);
	} else {
		memcpy(elem, s->value, r->size);
	}
}

/* How many positions from pos on, at most n and at least the first, which the
 * caller has looked at, have slots with this stamp. */
static ALWAYS_INLINE uint32_t ring_run(const struct ring_shape *r, uint64_t pos,
				       uint64_t full, uint32_t n)
{
	struct walk w = walk_from(r, pos);
	uint32_t got = 1;

	if (n > r->cap)
		n = r->cap;
	for (; got < n; got++) {
		walk_on(&w, r);
		/* [ring.more] pairs with [ring.written], [ring.read]: as the
		 * first of them. */
		if (a_load(&w.s->stamp, acquire) != w.pos + full)
			break;
	}
	return got;
}

/* How many there are from head to tail, if nobody moves them: the same lap, or
 * one more. */
static ALWAYS_INLINE uint32_t ring_used(const struct ring_shape *r,
					const struct ring *ring)
{
	uint64_t head = a_load(&ring->head, relaxed);
	uint64_t tail = a_load(&ring->tail, relaxed) & ~RING_SHUT;
	uint64_t from = ring_index(r, head), to = ring_index(r, tail);
	bool further = tail - to != head - from;

	return (uint32_t)(to - from) + (further ? r->cap : 0);
}

/* The same as ring_run for those who are alone: the ends say it all. */
static ALWAYS_INLINE uint32_t ring_run_alone(const struct ring_shape *r,
					     const struct ring *ring,
					     uint64_t full, uint32_t n)
{
	uint32_t used, got;

	if (n == 1)
		return 1;
	used = ring_used(r, ring);
	got = full ? used : r->cap - used;
	return got < n ? got : n;
}

static ALWAYS_INLINE void ring_write_n(const struct ring_shape *r, uint64_t pos,
				       const char *elem, uint32_t n)
{
	for (struct walk w = walk_from(r, pos);; walk_on(&w, r)) {
		ring_write(r, w.s, elem);
		/* [ring.written] pairs with [ring.value], [ring.more]. */
		a_store(&w.s->stamp, w.pos + 1, release);
		if (--n == 0)
			break;
		elem += r->size;
	}
}

static ALWAYS_INLINE void ring_read_n(const struct ring_shape *r, uint64_t pos,
				      char *elem, uint32_t n)
{
	for (struct walk w = walk_from(r, pos);; walk_on(&w, r)) {
		ring_read(r, w.s, elem);
		/* [ring.read] pairs with [ring.room], [ring.more]. */
		a_store(&w.s->stamp, w.pos + r->lap, release);
		if (--n == 0)
			break;
		if (elem)
			elem += r->size;
	}
}

/* from -> to: by a plain store if the ring is ours alone (bias.h). */
/* [ring.moved] pairs with [chan.len], [chan.len_tail]: one end is not seen before
 * what came before it at the other. */
#define ring_move(end, from, to, alone, mo)              \
	((alone) ? (a_store((end), (to), release), true) \
		 : a_cas((end), &(from), (to), mo))

/* Send up to *n elements, at least one; *n becomes how many it was.  Once: only
 * one attempt.  BUSY: somebody was faster; NONE: it takes a closer look. */
static ALWAYS_INLINE enum ring_result ring_send(struct ring *ring,
						const struct ring_shape *r,
						const void *elem, uint32_t *n,
						bool alone, bool once)
{
	uint64_t tail = a_load(&ring->tail, relaxed);

	for (;;) {
		if (unlikely(tail & RING_SHUT))
			return RING_CLOSED;

		/* [ring.room] pairs with [ring.read]: the last value was
		 * read. */
		uint64_t stamp = a_load(&ring_slot(r, tail)->stamp, acquire);

		if (likely(stamp == tail)) {
			uint32_t got = alone ? ring_run_alone(r, ring, 0, *n)
					     : ring_run(r, tail, 0, *n);

			/* [ring.sent] pairs with [ring.empty], [chan.len],
			 * [select.see_tail], and comes before
			 * [chan.see_receivers]: who finds the ring empty has
			 * said that it waits. */
			if (unlikely(!ring_move(&ring->tail, tail,
						ring_after(r, tail, got), alone,
						seq_cst))) {
				if (once)
					return RING_BUSY;
				backoff();
				continue;
			}
			ring_write_n(r, tail, elem, got);
			*n = got;
			return RING_OK;
		}
		if (once)
			return RING_NONE;
		if (stamp + r->lap == tail + 1) {
			/* The value of the last lap is still there. */
			/* [ring.full] pairs with [ring.received]. */
			uint64_t head = a_load(&ring->head, seq_cst);

			if (head + r->lap == tail)
				return RING_NONE;

			uint64_t again = a_load(&ring->tail, relaxed);

			if (again == tail)
				return RING_BUSY;
			tail = again;
		} else {
			a_spin();
			tail = a_load(&ring->tail, relaxed);
		}
	}
}

/* The same, received. */
static ALWAYS_INLINE enum ring_result ring_receive(struct ring *ring,
						   const struct ring_shape *r,
						   void *elem, uint32_t *n,
						   bool alone, bool once)
{
	uint64_t head = a_load(&ring->head, relaxed);

	for (;;) {
		/* [ring.value] pairs with [ring.written]. */
		uint64_t stamp = a_load(&ring_slot(r, head)->stamp, acquire);

		if (likely(stamp == head + 1)) {
			uint32_t got = alone ? ring_run_alone(r, ring, 1, *n)
					     : ring_run(r, head, 1, *n);

			/* [ring.received] pairs with [ring.full], [chan.len],
			 * [select.see_head], and comes before
			 * [chan.see_senders]: who finds the ring full has
			 * said that it waits. */
			if (unlikely(!ring_move(&ring->head, head,
						ring_after(r, head, got), alone,
						seq_cst))) {
				if (once)
					return RING_BUSY;
				backoff();
				continue;
			}
			ring_read_n(r, head, elem, got);
			*n = got;
			return RING_OK;
		}
		if (once)
			return RING_NONE;
		if (stamp == head) {
			/* [ring.empty] pairs with [ring.sent],
			 * [chan.shut]. */
			uint64_t tail = a_load(&ring->tail, seq_cst);

			if ((tail & ~RING_SHUT) == head)
				return tail & RING_SHUT ? RING_CLOSED
							: RING_NONE;

			uint64_t again = a_load(&ring->head, relaxed);

			if (again == head)
				return RING_BUSY;
			head = again;
		} else {
			a_spin();
			head = a_load(&ring->head, relaxed);
		}
	}
}

#endif
