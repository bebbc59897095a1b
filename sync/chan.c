/*
 * chan.c - channels: send and receive, one at a time or many.
 *
 *	at_once        one attempt at an element of a word: one compare-and-swap,
 *	               or none where this thread is alone (bias.h)
 *	without_lock   as often as it takes, as many as there are, of any size
 *	slow.c         somebody waits, or we have to
 *
 *	                room, or a value,       otherwise
 *	                and nobody waits
 *	buffered        at once                 LOCK; match; then as below
 *	unbuffered      -                       LOCK, or none: serve the first who
 *	                                        waits on the other side, else
 *	                                        wait, and the switch drops LOCK
 *
 * match serves those who wait from the ring, in both directions, until nobody
 * can be served: a value taken for a receiver makes room for a sender, whose
 * value may be the next receiver's.
 *
 * A public call is the first attempt and nothing else, so that it needs no
 * frame; it ends in a jump to the next, and that in a jump to the slow part.
 *
 * After Go's runtime/chan.go in what it does; the ring, the one word and the
 * order in which the two are looked at are those of chan.h.
 */
#include "sync/chan.h"

#include "core/base.h"

#include <errno.h>

/* A nil channel: nobody will ever come. */
static COLD _Noreturn void never(enum direction d)
{
	waiter_never(d == CHAN_SEND ? G_CHAN_SEND_NIL : G_CHAN_RECEIVE_NIL);
}

/* -- without LOCK -- */

/* There is a ring, and nobody waits. */
static ALWAYS_INLINE bool is_quick(struct leat_chan_ *c)
{
	return c->ring.cap > 0 && likely(!(a_load(&c->word, relaxed) &
					   (CHAN_RECEIVERS | CHAN_SENDERS)));
}

/* Does somebody wait for what we have done on the shared ring? */
static ALWAYS_INLINE bool seen_waiting(struct leat_chan_ *c, enum direction d)
{
	if (d == CHAN_SEND)
		/* [chan.see_receivers] pairs with [chan.lock]: see chan.h. */
		return a_load(&c->word, seq_cst) & CHAN_RECEIVERS;
	/* [chan.see_senders] pairs with [chan.lock]. */
	return a_load(&c->word, seq_cst) & CHAN_SENDERS;
}

/* This thread has been alone here for long. */
static ALWAYS_INLINE bool alone_for_long(struct leat_chan_ *c, enum direction d,
					 struct m *m)
{
	if (d == CHAN_SEND)
		return bias_earned(&c->bias, &c->ring.senders, m);
	bias_earned(&c->bias, &c->ring.receivers, m);
	return false;
}

/* The rare end of a quick operation. */
enum more {
	NOTHING,
	HELP, /* somebody waits for what was done */
	ASK,  /* this thread might have the channel for itself */
};

static COLD int settle(struct leat_chan_ *c, enum more more, int result)
{
	struct m *m = chan_lock(c, m_enter(), 0);
	struct served s;

	served_init(&s);
	chan_match(c, &s);
	if (more == ASK && m && a_load(&c->ring.receivers.who, relaxed) == m)
		bias_ask(&c->bias, m);
	chan_unlock(c);
	chan_wake(&s, m);
	if (m)
		m_leave(m);
	return result;
}

static ALWAYS_INLINE bool is_small(const struct leat_chan_ *c)
{
	return likely(c->ring.size <= WORD);
}

static ALWAYS_INLINE enum ring_result on_ring(struct leat_chan_ *c, bool small,
					      enum direction d, void *elem,
					      uint32_t *n, bool alone,
					      bool once)
{
	const struct ring_shape shape = ring_shape(&c->ring, small);

	return d == CHAN_SEND
		       ? ring_send(&c->ring, &shape, elem, n, alone, once)
		       : ring_receive(&c->ring, &shape, elem, n, alone, once);
}

/* Up to *n of them.  NONE, BUSY: not this way.  With room or a value, and nobody
 * waiting, one attempt is all it takes, unless somebody is faster. */
static ALWAYS_INLINE enum ring_result quickly(struct leat_chan_ *c, bool small,
					      bool once, enum direction d,
					      void *elem, uint32_t *n,
					      enum more *more)
{
	struct m *m = arch_self();
	enum ring_result r;

	*more = NOTHING;
	if (unlikely(!m))
		return RING_NONE;
	switch (bias_touch(&c->bias, m)) {
	case BIAS_OURS:
		r = on_ring(c, small, d, elem, n, true, once);
		bias_leave(m);
		return r;
	case BIAS_SHARED:
		r = on_ring(c, small, d, elem, n, false, once);
		bias_leave(m);
		if (r == RING_OK && unlikely(seen_waiting(c, d)))
			*more = HELP;
		else if (r == RING_OK && unlikely(alone_for_long(c, d, m)))
			*more = ASK;
		return r;
	default:
		bias_leave(m);
		return RING_NONE;
	}
}

/* The same by a thread that is not the runtime's. */
static COLD enum ring_result
from_outside(struct leat_chan_ *c, enum direction d, void *elem, uint32_t *n)
{
	enum ring_result r;

	bias_enter(&c->bias, NULL);
	r = on_ring(c, false, d, elem, n, false, false);
	if (r == RING_OK && seen_waiting(c, d))
		settle(c, HELP, 0);
	return r;
}

/* As often as it takes, by whomever, of any size. */
static __attribute__((noinline)) enum ring_result
without_lock(struct leat_chan_ *c, enum direction d, void *elem, uint32_t *n)
{
	enum ring_result r;
	enum more more;

	if (chan_over(c))
		return RING_CLOSED;
	if (!is_quick(c))
		return RING_NONE;
	r = is_small(c) ? quickly(c, true, false, d, elem, n, &more)
			: quickly(c, false, false, d, elem, n, &more);
	if (unlikely(more))
		settle(c, more, 0);
	if (r == RING_NONE && unlikely(!arch_self()))
		r = from_outside(c, d, elem, n);
	return r;
}

/* The first attempt: BUSY, somebody was faster, or there was none. */

static __attribute__((noinline)) void
send_again(struct leat_chan_ *c, void *elem, enum ring_result first)
{
	enum ring_result r;
	uint32_t one = 1;

	if (unlikely(!c))
		never(CHAN_SEND);
	if (first == RING_BUSY)
		backoff();
	r = without_lock(c, CHAN_SEND, elem, &one);
	if (unlikely(r == RING_CLOSED))
		chan_closed();
	if (r != RING_OK)
		chan_send_slowly(c, elem);
}

static __attribute__((noinline)) int
offer_again(struct leat_chan_ *c, void *elem, enum ring_result first)
{
	enum ring_result r;
	uint32_t one = 1;

	if (unlikely(!c))
		never(CHAN_SEND);
	if (first == RING_BUSY)
		backoff();
	r = without_lock(c, CHAN_SEND, elem, &one);
	if (r == RING_CLOSED)
		return -EPIPE;
	return r == RING_OK ? 0 : chan_offer_slowly(c, elem);
}

static __attribute__((noinline)) bool
receive_again(struct leat_chan_ *c, void *elem, enum ring_result first)
{
	enum ring_result r;
	uint32_t one = 1;

	if (unlikely(!c))
		never(CHAN_RECEIVE);
	if (first == RING_BUSY)
		backoff();
	r = without_lock(c, CHAN_RECEIVE, elem, &one);
	if (r == RING_CLOSED)
		return chan_ended(c, elem);
	return r == RING_OK || chan_receive_slowly(c, elem);
}

/* -- one at a time -- */

/* One attempt at one that is small: OK, or no more than a hint. */
static ALWAYS_INLINE enum ring_result
at_once(struct leat_chan_ *c, enum direction d, void *elem, enum more *more)
{
	uint32_t one = 1;

	if (!is_small(c))
		return RING_NONE;
	return quickly(c, true, true, d, elem, &one, more);
}

void leat_chan_send_(struct leat_chan_ *c, const void *elem)
{
	enum ring_result r;
	enum more more;

	if (unlikely(!c))
		return send_again(c, (void *)elem, RING_NONE);
	if (!is_quick(c))
		return chan_send_slowly(c, (void *)elem);
	r = at_once(c, CHAN_SEND, (void *)elem, &more);
	if (unlikely(r != RING_OK))
		return send_again(c, (void *)elem, r);
	if (unlikely(more))
		settle(c, more, 0);
}

int leat_chan_offer_(struct leat_chan_ *c, const void *elem)
{
	enum ring_result r = RING_NONE;
	enum more more;

	if (likely(c) && is_quick(c))
		r = at_once(c, CHAN_SEND, (void *)elem, &more);
	if (unlikely(r != RING_OK))
		return offer_again(c, (void *)elem, r);
	return unlikely(more) ? settle(c, more, 0) : 0;
}

bool leat_chan_recv_(struct leat_chan_ *c, void *elem)
{
	enum ring_result r;
	enum more more;

	if (unlikely(!c))
		return receive_again(c, elem, RING_NONE);
	if (!is_quick(c))
		return chan_receive_slowly(c, elem);
	r = at_once(c, CHAN_RECEIVE, elem, &more);
	if (unlikely(r != RING_OK))
		return receive_again(c, elem, r);
	return unlikely(more) ? settle(c, more, true) : true;
}

/* Nobody is there, as far as one load can tell.  Of another thread's channel it
 * cannot. */
static ALWAYS_INLINE bool hopeless(struct leat_chan_ *c, enum direction d)
{
	uint64_t flag = d == CHAN_SEND ? CHAN_RECEIVERS : CHAN_SENDERS;

	if (c->ring.cap > 0 || bias_elsewhere(&c->bias, arch_self()))
		return false;
	/* [chan.peek] pairs with [chan.close]: of two that close and then look
	 * at the other's, one finds it closed. */
	return !(a_load(&c->word, seq_cst) & (CHAN_SHUT | flag));
}

static __attribute__((noinline)) enum ring_result
try_again(struct leat_chan_ *c, enum direction d, void *elem,
	  enum ring_result first)
{
	enum ring_result r;
	uint32_t one = 1;

	if (first == RING_BUSY)
		backoff();
	r = without_lock(c, d, elem, &one);
	if (r == RING_CLOSED && d == CHAN_RECEIVE)
		chan_zero(c, elem);
	if (r == RING_OK || r == RING_CLOSED)
		return r;
	return chan_try_slowly(c, d, elem);
}

static ALWAYS_INLINE enum ring_result try(struct leat_chan_ *c,
					  enum direction d, void *elem)
{
	enum ring_result r;
	enum more more;

	if (!is_quick(c))
		return hopeless(c, d) ? RING_NONE : chan_try_slowly(c, d, elem);
	r = at_once(c, d, elem, &more);
	if (unlikely(r != RING_OK))
		return try_again(c, d, elem, r);
	if (unlikely(more))
		settle(c, more, 0);
	return RING_OK;
}

enum ring_result chan_try(struct leat_chan_ *c, enum direction d, void *elem)
{
	return d == CHAN_SEND ? try(c, CHAN_SEND, elem)
			      : try(c, CHAN_RECEIVE, elem);
}

static int outcome(enum ring_result r)
{
	return r == RING_OK ? 0 : r == RING_CLOSED ? -EPIPE : -EAGAIN;
}

int leat_chan_try_send_(struct leat_chan_ *c, const void *elem)
{
	return c ? outcome(try(c, CHAN_SEND, (void *)elem)) : -EAGAIN;
}

int leat_chan_try_recv_(struct leat_chan_ *c, void *elem)
{
	return c ? outcome(try(c, CHAN_RECEIVE, elem)) : -EAGAIN;
}

/* -- many at once -- */

static uint32_t at_most(size_t n)
{
	return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

/* As many more as fit, or are there. */
static size_t go_on(struct leat_chan_ *c, enum direction d, char *elems,
		    size_t done, size_t n)
{
	while (done < n) {
		char *next = elems ? elems + done * c->ring.size : NULL;
		uint32_t some = at_most(n - done);
		enum ring_result r = without_lock(c, d, next, &some);

		if (r == RING_OK)
			done += some;
		else if (r != RING_CLOSED && chan_try(c, d, next) == RING_OK)
			done++;
		else
			break;
	}
	return done;
}

size_t leat_chan_send_n_(struct leat_chan_ *c, const void *elems, size_t n)
{
	uint32_t sent = at_most(n);

	if (n == 0)
		return 0;
	if (likely(c) &&
	    without_lock(c, CHAN_SEND, (void *)elems, &sent) == RING_OK)
		return sent;
	send_again(c, (void *)elems, RING_NONE);
	return go_on(c, CHAN_SEND, (char *)elems, 1, n);
}

size_t leat_chan_recv_n_(struct leat_chan_ *c, void *elems, size_t n)
{
	uint32_t got = at_most(n);

	if (n == 0)
		return 0;
	if (likely(c) && without_lock(c, CHAN_RECEIVE, elems, &got) == RING_OK)
		return got;
	return receive_again(c, elems, RING_NONE)
		       ? go_on(c, CHAN_RECEIVE, elems, 1, n)
		       : 0;
}
