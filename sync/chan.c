/*
 * chan.c - channels: send and receive, one at a time or many.
 *
 *	                room, or a value,       otherwise
 *	                and nobody waits
 *	buffered        quickly: one compare-   slowly: LOCK; match; then as below
 *	                and-swap, or none
 *	unbuffered      -                       LOCK, or none: serve the first who
 *	                                        waits on the other side, else
 *	                                        wait, and the switch drops LOCK
 *
 * match serves those who wait from the ring, in both directions, until nobody
 * can be served: a value taken for a receiver makes room for a sender, whose
 * value may be the next receiver's.
 *
 * A public call is the quick part and nothing else, so that it needs no frame;
 * it ends in a jump to the slow part, and that in a jump to the wait, whose
 * return is RETURNS_ELSEWHERE (core/dispatch.h).
 *
 * After Go's runtime/chan.go in what it does; the ring, the one word and the
 * order in which the two are looked at are those of chan.h.
 */
#include "sync/chan.h"

#include "core/base.h"
#include "core/os.h"

#include <errno.h>

/* -- with LOCK -- */

static enum ring_result send_locked(struct leat_chan_ *c, const void *elem,
				    struct served *s)
{
	enum ring_result r;
	struct party *n;
	uint32_t one = 1;

	if (a_load(&c->word, relaxed) & CHAN_SHUT)
		return RING_CLOSED;
	/* From hand to hand.  A value that is in the ring while a receiver
	 * waits is of a send that is still on its way to help, and may be
	 * passed.  (Without a buffer both queues may be in use: by one select.)
	 */
	if ((c->ring.cap == 0 || !c->sendq.first) &&
	    (n = chan_claim_first(&c->recvq))) {
		queue_remove(&c->recvq, n);
		chan_copy(c, n->elem, elem);
		chan_serve(n, true, s);
		return RING_OK;
	}
	if (c->ring.cap == 0)
		return RING_NONE;
	/* Not before those who wait; but if they wait for a peer's window
	 * only, there may be room for them and for us. */
	r = chan_match(c, s);
	if (c->sendq.first)
		return r;
	r = ring_send(&c->ring, elem, &one, false);
	if (r == RING_OK)
		chan_match(c, s);
	return r;
}

static enum ring_result receive_locked(struct leat_chan_ *c, void *elem,
				       struct served *s)
{
	enum ring_result r;
	struct party *n;
	uint32_t one = 1;

	if (c->ring.cap == 0) {
		n = chan_claim_first(&c->sendq);
		if (!n)
			return a_load(&c->word, relaxed) & CHAN_SHUT
				       ? RING_CLOSED
				       : RING_NONE;
		queue_remove(&c->sendq, n);
		chan_copy(c, elem, n->elem);
		chan_serve(n, true, s);
		return RING_OK;
	}
	r = chan_match(c, s);
	if (c->recvq.first)
		return r;
	r = ring_receive(&c->ring, elem, &one, false);
	if (r == RING_OK)
		chan_match(c, s);
	return r;
}

/* One turn under LOCK, which may be held already, and as many more as it takes a
 * peer in its window to leave it.  NONE: nothing was done, and LOCK is held if
 * the caller wants to wait. */
static enum ring_result attempt(struct leat_chan_ *c, enum direction d,
				void *elem, bool wait, bool held, struct m **m)
{
	uint64_t flag = d == CHAN_SEND ? CHAN_SENDERS : CHAN_RECEIVERS;

	if (!wait || c->ring.cap == 0)
		flag = 0; /* nobody looks for it before we are queued */
	for (int turn = 0;; turn++) {
		enum ring_result r;
		struct served s;

		served_init(&s);
		if (!held)
			*m = chan_lock(c, *m, flag);
		held = false;
		r = d == CHAN_SEND ? send_locked(c, elem, &s)
				   : receive_locked(c, elem, &s);
		if (r == RING_NONE && wait) {
			if (unlikely(s.first))
				chan_wake(&s, *m);
			return r;
		}
		chan_unlock(c);
		chan_wake(&s, *m);
		if (r != RING_BUSY)
			return r;
		*m = waiter_pause(*m, turn);
	}
}

/* -- who waits -- */

static COLD _Noreturn void closed(void)
{
	panics("send on closed channel");
}

/* A nil channel: nobody will ever come. */
static COLD _Noreturn void never(enum direction d)
{
	waiter_never(d == CHAN_SEND ? G_CHAN_SEND_NIL : G_CHAN_RECEIVE_NIL);
}

/* In line, and to sleep; the switch drops what we have: LOCK, or, if we are
 * alone, the mark that we touch it.  False: closed. */
SANITIZE_SWITCHES static ALWAYS_INLINE bool
wait_in_line(struct leat_chan_ *c, enum direction d, void *elem, struct m *m,
	     bool alone)
{
	struct waiter who;
	struct party me = { .who = &who, .elem = elem };
	uint64_t word;

	waiter_init(&who, m);
	queue_push(d == CHAN_SEND ? &c->sendq : &c->recvq, &me);
	word = chan_unlocked(c);
	if (alone) {
		a_store(&c->word, word, relaxed);
		m = park(m, d == CHAN_SEND ? G_CHAN_SEND : G_CHAN_RECEIVE,
			 bias_mark(m), 0);
	} else {
		m = waiter_wait(&who, m,
				d == CHAN_SEND ? G_CHAN_SEND : G_CHAN_RECEIVE,
				&c->word, word);
	}
	if (likely(m))
		m_leave(m);
	return me.ok;
}

SANITIZE_SWITCHES RETURNS_ELSEWHERE static void
wait_to_send(struct leat_chan_ *c, void *elem, struct m *m, bool alone)
{
	bool ok = alone ? wait_in_line(c, CHAN_SEND, elem, m, true)
			: wait_in_line(c, CHAN_SEND, elem, m, false);

	if (unlikely(!ok))
		closed();
}

SANITIZE_SWITCHES RETURNS_ELSEWHERE static bool
wait_to_offer(struct leat_chan_ *c, void *elem, struct m *m)
{
	return wait_in_line(c, CHAN_SEND, elem, m, false);
}

SANITIZE_SWITCHES RETURNS_ELSEWHERE static bool
wait_to_receive(struct leat_chan_ *c, void *elem, struct m *m, bool alone)
{
	return alone ? wait_in_line(c, CHAN_RECEIVE, elem, m, true)
		     : wait_in_line(c, CHAN_RECEIVE, elem, m, false);
}

/* -- without LOCK -- */

static ALWAYS_INLINE bool nobody_waits(struct leat_chan_ *c)
{
	return likely(
		!(a_load(&c->word, relaxed) & (CHAN_RECEIVERS | CHAN_SENDERS)));
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

static ALWAYS_INLINE enum ring_result on_ring(struct leat_chan_ *c,
					      enum direction d, void *elem,
					      uint32_t *n, bool alone)
{
	return d == CHAN_SEND ? ring_send(&c->ring, elem, n, alone)
			      : ring_receive(&c->ring, elem, n, alone);
}

/* Up to *n of them.  NONE also stands for "not without LOCK". */
static ALWAYS_INLINE enum ring_result quickly(struct leat_chan_ *c,
					      enum direction d, void *elem,
					      uint32_t *n, enum more *more)
{
	enum ring_result r;
	struct m *m;

	*more = NOTHING;
	if (c->ring.cap == 0 || !nobody_waits(c))
		return RING_NONE;
	m = arch_self();
	if (unlikely(!m))
		return RING_NONE;
	switch (bias_touch(&c->bias, m)) {
	case BIAS_OURS:
		r = on_ring(c, d, elem, n, true);
		bias_leave(m);
		return r;
	case BIAS_SHARED:
		r = on_ring(c, d, elem, n, false);
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

	if (c->ring.cap == 0 || !nobody_waits(c))
		return RING_NONE;
	bias_enter(&c->bias, NULL);
	r = on_ring(c, d, elem, n, false);
	if (r == RING_OK && seen_waiting(c, d))
		settle(c, HELP, 0);
	return r;
}

/* The same by whomever. */
static ALWAYS_INLINE enum ring_result
without_lock(struct leat_chan_ *c, enum direction d, void *elem, uint32_t *n)
{
	enum more more;
	enum ring_result r = quickly(c, d, elem, n, &more);

	if (unlikely(more))
		settle(c, more, 0);
	if (r == RING_NONE && unlikely(!arch_self()))
		r = from_outside(c, d, elem, n);
	return r;
}

/* -- the slow part -- */

/* How far it came from hand to hand. */
enum handing {
	HANDED, /* with the first who waited */
	ALONE,  /* nobody is there; the channel is ours, and marked touched */
	LOCKED, /* nobody is there; LOCK is held */
	HELD,   /* LOCK is held, and it is another case */
	OTHER,  /* another case */
};

/* The two that have to be fast: nobody is there; the first who waits is no
 * select. */
static ALWAYS_INLINE enum handing
hand_over(struct leat_chan_ *c, enum direction d, void *elem, struct m **m)
{
	struct queue *q = d == CHAN_SEND ? &c->recvq : &c->sendq;
	struct waiter *who;
	struct party *n;
	bool alone;

	if (unlikely(!*m) || c->ring.cap > 0)
		return OTHER;
	alone = likely(bias_touch(&c->bias, *m) == BIAS_OURS);
	if (!alone)
		*m = chan_lock_slow(c, *m, 0);
	n = q->first;
	if (!n && !(a_load(&c->word, relaxed) & CHAN_SHUT))
		return alone ? ALONE : LOCKED;
	if (unlikely(!n) || unlikely(n->choice)) {
		if (alone)
			bias_leave(*m);
		return alone ? OTHER : HELD;
	}
	queue_remove(q, n);
	if (d == CHAN_SEND)
		chan_copy(c, n->elem, elem);
	else
		chan_copy(c, elem, n->elem);
	n->ok = true;
	who = n->who;
	if (alone) {
		a_store(&c->word, chan_unlocked(c), relaxed);
		bias_leave(*m);
	} else {
		chan_unlock(c);
	}
	waiter_wake(who, *m);
	return HANDED;
}

/* NONE: nothing was done; LOCK is held if the caller wants to wait. */
static enum ring_result under_lock(struct leat_chan_ *c, enum direction d,
				   void *elem, bool wait, bool held,
				   struct m **m)
{
	enum ring_result r = RING_NONE;
	uint32_t one = 1;

	if (unlikely(!*m))
		r = from_outside(c, d, elem, &one);
	if (r == RING_NONE || r == RING_BUSY)
		r = attempt(c, d, elem, wait, held, m);
	if (r == RING_CLOSED && d == CHAN_RECEIVE)
		chan_zero(c, elem);
	return r;
}

static __attribute__((noinline)) void send_slowly(struct leat_chan_ *c,
						  void *elem)
{
	enum ring_result r = RING_OK;
	enum handing how;
	struct m *m;

	if (unlikely(!c))
		never(CHAN_SEND);
	m = m_enter();
	how = hand_over(c, CHAN_SEND, elem, &m);
	if (how >= HELD)
		r = under_lock(c, CHAN_SEND, elem, true, how == HELD, &m);
	if (r == RING_NONE || how == ALONE || how == LOCKED)
		return wait_to_send(c, elem, m, how == ALONE);
	if (likely(m))
		m_leave(m);
	if (unlikely(r == RING_CLOSED))
		closed();
}

static __attribute__((noinline)) bool receive_slowly(struct leat_chan_ *c,
						     void *elem)
{
	enum ring_result r = RING_OK;
	enum handing how;
	struct m *m;

	if (unlikely(!c))
		never(CHAN_RECEIVE);
	m = m_enter();
	how = hand_over(c, CHAN_RECEIVE, elem, &m);
	if (how >= HELD)
		r = under_lock(c, CHAN_RECEIVE, elem, true, how == HELD, &m);
	if (r == RING_NONE || how == ALONE || how == LOCKED)
		return wait_to_receive(c, elem, m, how == ALONE);
	if (likely(m))
		m_leave(m);
	return r == RING_OK;
}

static __attribute__((noinline)) int offer_slowly(struct leat_chan_ *c,
						  void *elem)
{
	enum ring_result r;
	struct m *m;

	if (unlikely(!c))
		never(CHAN_SEND);
	m = m_enter();
	r = under_lock(c, CHAN_SEND, elem, true, false, &m);
	if (r == RING_NONE)
		return wait_to_offer(c, elem, m) ? 0 : -EPIPE;
	if (likely(m))
		m_leave(m);
	return r == RING_OK ? 0 : -EPIPE;
}

/* -- one at a time -- */

void leat_chan_send_(struct leat_chan_ *c, const void *elem)
{
	uint32_t one = 1;
	enum more more;

	if (likely(c) &&
	    quickly(c, CHAN_SEND, (void *)elem, &one, &more) == RING_OK) {
		if (unlikely(more))
			settle(c, more, 0);
		return;
	}
	send_slowly(c, (void *)elem);
}

int leat_chan_offer_(struct leat_chan_ *c, const void *elem)
{
	uint32_t one = 1;
	enum more more;

	if (likely(c) &&
	    quickly(c, CHAN_SEND, (void *)elem, &one, &more) == RING_OK)
		return unlikely(more) ? settle(c, more, 0) : 0;
	return offer_slowly(c, (void *)elem);
}

bool leat_chan_recv_(struct leat_chan_ *c, void *elem)
{
	uint32_t one = 1;
	enum more more;

	if (likely(c) && quickly(c, CHAN_RECEIVE, elem, &one, &more) == RING_OK)
		return unlikely(more) ? settle(c, more, true) : true;
	return receive_slowly(c, elem);
}

/* Nobody is there, as far as one load can tell.  Of another thread's channel it
 * cannot. */
static bool hopeless(struct leat_chan_ *c, enum direction d)
{
	uint64_t flag = d == CHAN_SEND ? CHAN_RECEIVERS : CHAN_SENDERS;

	if (c->ring.cap > 0 || bias_elsewhere(&c->bias, arch_self()))
		return false;
	/* [chan.peek] pairs with [chan.close]: of two that close and then look
	 * at the other's, one finds it closed. */
	return !(a_load(&c->word, seq_cst) & (CHAN_SHUT | flag));
}

enum ring_result chan_try(struct leat_chan_ *c, enum direction d, void *elem)
{
	enum ring_result r;
	enum handing how;
	uint32_t one = 1;
	struct m *m;

	if (hopeless(c, d))
		return RING_NONE;
	r = without_lock(c, d, elem, &one);
	if (r == RING_CLOSED && d == CHAN_RECEIVE)
		chan_zero(c, elem);
	if (r == RING_OK || r == RING_CLOSED)
		return r;
	m = m_enter();
	how = hand_over(c, d, elem, &m);
	r = how == HANDED ? RING_OK : RING_NONE;
	if (how == ALONE)
		bias_leave(m);
	else if (how == LOCKED)
		chan_unlock(c);
	else if (how >= HELD)
		r = under_lock(c, d, elem, false, how == HELD, &m);
	if (m)
		m_leave(m);
	return r;
}

static int outcome(enum ring_result r)
{
	return r == RING_OK ? 0 : r == RING_CLOSED ? -EPIPE : -EAGAIN;
}

int leat_chan_try_send_(struct leat_chan_ *c, const void *elem)
{
	return c ? outcome(chan_try(c, CHAN_SEND, (void *)elem)) : -EAGAIN;
}

int leat_chan_try_recv_(struct leat_chan_ *c, void *elem)
{
	return c ? outcome(chan_try(c, CHAN_RECEIVE, elem)) : -EAGAIN;
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
	send_slowly(c, (void *)elems);
	return go_on(c, CHAN_SEND, (char *)elems, 1, n);
}

size_t leat_chan_recv_n_(struct leat_chan_ *c, void *elems, size_t n)
{
	uint32_t got = at_most(n);

	if (n == 0)
		return 0;
	if (likely(c) && without_lock(c, CHAN_RECEIVE, elems, &got) == RING_OK)
		return got;
	return receive_slowly(c, elems) ? go_on(c, CHAN_RECEIVE, elems, 1, n)
					: 0;
}
