/*
 * life.c - how a channel begins, is closed, and ends.
 *
 *	make ----> open ----> closed          shut, under LOCK, once
 *	              '---------'---> freed   by who gives the last reference back
 *
 * A close first marks the word and the end of the ring, so that no send comes
 * after it; then whoever waits to receive takes what is left, and the rest, and
 * all who wait to send, are turned away.
 *
 * After Go's runtime/chan.go in what it does.
 */
#include "sync/chan.h"

#include "core/base.h"
#include "core/panic.h"
#include "core/say.h"

#include <errno.h>
#include <stdlib.h>

/* -- close -- */

static void turn_away(struct leat_chan_ *c, struct queue *q, struct served *s)
{
	struct party *n;

	while ((n = chan_claim_first(q))) {
		queue_remove(q, n);
		if (q == &c->recvq)
			chan_zero(c, n->elem);
		chan_serve(n, false, s);
	}
}

int leat_chan_shut_(struct leat_chan_ *c)
{
	struct served s;
	struct m *m;
	bool shut;

	if (unlikely(!c))
		return -EINVAL;
	served_init(&s);
	m = chan_lock(c, m_enter(), 0);
	shut = a_load(&c->word, relaxed) & CHAN_SHUT;
	if (!shut) {
		/* [chan.close] pairs with [chan.peek], [chan.over],
		 * [select.word], [ctx.shown]. */
		a_or(&c->word, CHAN_SHUT, seq_cst);
		if (c->ring.cap > 0) {
			/* [chan.shut] pairs with [ring.empty]: what is in the
			 * ring by now is all there will be; who sees it sees
			 * what was done before. */
			a_or(&c->ring.tail, RING_SHUT, release);
			chan_match(c, &s);
		} else {
			turn_away(c, &c->recvq, &s);
		}
		turn_away(c, &c->sendq, &s);
	}
	chan_unlock(c);
	chan_wake(&s, m);
	if (m)
		m_leave(m);
	return shut ? -EPIPE : 0;
}

void leat_chan_close_(struct leat_chan_ *c)
{
	int rc = leat_chan_shut_(c);

	if (rc == -EINVAL)
		panics("close of nil channel");
	if (rc == -EPIPE)
		panics("close of closed channel");
}

void chan_closed(void)
{
	panics("send on closed channel");
}

bool chan_ended(struct leat_chan_ *c, void *elem)
{
	chan_zero(c, elem);
	return false;
}

/* -- its life -- */

static uint64_t lap_of(size_t cap)
{
	uint64_t lap = 1;

	while (lap <= cap)
		lap *= 2;
	return lap;
}

/* Beyond this Go says so, too; far more than there is memory. */
#define BYTES_MAX (1ull << 47)

static void begin_streak(struct streak *s)
{
	a_store(&s->who, NULL, relaxed);
	a_store(&s->run, 0, relaxed);
}

void chan_begin(struct leat_chan_ *c, uint32_t size, uint32_t cap)
{
	struct ring_shape shape;

	/* One by one: a string instruction would take longer than all else. */
	a_store(&c->word, 0, relaxed);
	c->recvq = (struct queue){ NULL, NULL };
	c->sendq = (struct queue){ NULL, NULL };
	a_store(&c->bias.home, 0, relaxed);
	a_store(&c->bias.patience, BIAS_PATIENCE, relaxed);
	a_store(&c->bias.foreign, false, relaxed);
	begin_streak(&c->lockers);
	a_store(&c->users, 1, relaxed);
	c->owner = NULL;
	if (cap > 0) {
		a_store(&c->ring.tail, 0, relaxed);
		a_store(&c->ring.head, 0, relaxed);
		begin_streak(&c->ring.senders);
		begin_streak(&c->ring.receivers);
	}
	c->ring.lap = lap_of(cap);
	c->ring.cap = cap;
	c->ring.size = size;
	c->ring.stride = ring_stride(size);
	shape = ring_shape(&c->ring, false);
	for (uint64_t i = 0; i < cap; i++)
		a_store(&ring_slot(&shape, i)->stamp, i, relaxed);
}

struct leat_chan_ *leat_chan_make_(size_t size, ptrdiff_t cap)
{
	uint32_t stride = size <= UINT32_MAX - 16 ? ring_stride((uint32_t)size)
						  : UINT32_MAX;
	size_t need = cap ? sizeof(struct leat_chan_)
			  : offsetof(struct leat_chan_, ring.apart);
	struct leat_chan_ *c;

	if (cap < 0 || cap > UINT32_MAX || size > UINT32_MAX - 16 ||
	    (uint64_t)cap > BYTES_MAX / stride)
		panics("makechan: size out of range");
	need += stride * (size_t)cap;
	c = aligned_alloc(CPU_LINE,
			  (need + CPU_LINE - 1) / CPU_LINE * CPU_LINE);
	if (!c)
		return NULL;
	chan_begin(c, (uint32_t)size, (uint32_t)cap);
	bias_born(&c->bias);
	return c;
}

struct leat_chan_ *leat_chan_retain_(struct leat_chan_ *c)
{
	if (c)
		a_add(&c->users, 1, relaxed);
	return c;
}

void leat_chan_release_(struct leat_chan_ *c)
{
	uint32_t was;

	if (!c)
		return;
	if (c->owner) {
		c->owner->drop(c);
		return;
	}
	/* [chan.release] pairs with [chan.release]: the last one sees all
	 * that the others did. */
	was = a_sub(&c->users, 1, acq_rel);
	if (was == 0)
		fatal("leat_release of a channel that was released before");
	if (was > 1)
		return;
	check(!c->recvq.first && !c->sendq.first);
	bias_gone(&c->bias);
	free(c);
}

size_t leat_chan_cap_(const struct leat_chan_ *c)
{
	return c && !c->owner ? c->ring.cap : 0;
}

/* How many there were at one instant: head did not move while tail was read. */
void say_chan_look(const void *chan, struct say_chan *to)
{
	struct leat_chan_ *c = (struct leat_chan_ *)(uintptr_t)chan; // NOLINT
	uint64_t tail;

	*to = (struct say_chan){
		.cap = c->ring.cap,
		.len = leat_chan_len_(c),
		.closed = a_load(&c->word, relaxed) & CHAN_SHUT,
	};
	if (c->ring.cap == 0)
		return;
	tail = a_load(&c->ring.tail, relaxed);
	to->sendx = tail & (c->ring.lap - 1);
	to->recvx = a_load(&c->ring.head, relaxed) & (c->ring.lap - 1);
}

size_t leat_chan_len_(struct leat_chan_ *c)
{
	uint64_t head, tail;

	if (!c || c->ring.cap == 0 || c->owner)
		return 0;
	do {
		/* [chan.len] pairs with [ring.sent], [ring.received],
		 * [ring.moved]. */
		head = a_load(&c->ring.head, acquire);
		/* [chan.len_tail] pairs with [ring.moved], and comes before
		 * the second look at head. */
		tail = a_load(&c->ring.tail, acquire);
	} while (unlikely(a_load(&c->ring.head, relaxed) != head));
	return ring_between(&c->ring, head, tail);
}
