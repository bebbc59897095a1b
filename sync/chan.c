/*
 * chan.c - channels: send, receive, close, and who waits.
 *
 *	                room, or a value,        otherwise
 *	                and nobody waits
 *	buffered        one compare-and-swap     LOCK; match; then as below
 *	unbuffered      -                        LOCK; serve the first one who
 *	                                         waits on the other side, else
 *	                                         wait, and the switch drops LOCK
 *
 * match serves those who wait from the ring, in both directions, until nobody
 * can be served: a value taken for a receiver makes room for a sender, whose
 * value may be the next receiver's.
 *
 * After Go's runtime/chan.go in what it does; the ring, the one word and the
 * order in which the two are looked at are those of chan.h.
 */
#include "sync/chan.h"

#include "core/base.h"
#include "core/os.h"

#include <errno.h>
#include <stdlib.h>

/* Somebody waits for what we have just done. */
static COLD void help(struct leat_chan_ *c)
{
	struct m *m = chan_lock(c, m_enter(), 0);
	struct served s;

	served_init(&s);
	chan_match(c, &s);
	chan_unlock(c);
	chan_wake(&s, m);
	if (m)
		m_leave(m);
}

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

/* Without a buffer, the two cases that have to be fast: nobody is there (NONE,
 * LOCK is kept); the first who waits is no select (OK, LOCK is dropped).  BUSY:
 * neither. */
static ALWAYS_INLINE enum ring_result
meet_first(struct leat_chan_ *c, enum direction d, void *elem, struct m *m)
{
	struct queue *q = d == CHAN_SEND ? &c->recvq : &c->sendq;
	struct party *n = q->first;
	struct waiter *who;

	if (!n && !(a_load(&c->word, relaxed) & CHAN_SHUT))
		return RING_NONE;
	if (!n || n->choice)
		return RING_BUSY;
	queue_remove(q, n);
	if (d == CHAN_SEND)
		chan_copy(c, n->elem, elem);
	else
		chan_copy(c, elem, n->elem);
	n->ok = true;
	who = n->who;
	chan_unlock(c);
	waiter_wake(who, m);
	return RING_OK;
}

/* One turn under LOCK, and as many more as it takes a peer in its window to
 * leave it.  NONE: nothing was done, and LOCK is held if the caller wants to
 * wait. */
SANITIZE_SWITCHES static ALWAYS_INLINE enum ring_result
attempt(struct leat_chan_ *c, enum direction d, void *elem, bool wait,
	struct m **m)
{
	uint64_t flag = d == CHAN_SEND ? CHAN_SENDERS : CHAN_RECEIVERS;

	if (!wait || c->ring.cap == 0)
		flag = 0; /* nobody looks for it before we are queued */
	for (int turn = 0;; turn++) {
		enum ring_result r;
		struct served s;

		*m = chan_lock(c, *m, flag);
		if (wait && c->ring.cap == 0) {
			r = meet_first(c, d, elem, *m);
			if (likely(r != RING_BUSY))
				return r;
		}
		served_init(&s);
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

/* In line, and to sleep; the switch drops LOCK. */
SANITIZE_SWITCHES static ALWAYS_INLINE struct m *
wait_in_line(struct leat_chan_ *c, enum direction d, struct party *me,
	     struct m *m)
{
	waiter_init(me->who, m);
	queue_push(d == CHAN_SEND ? &c->sendq : &c->recvq, me);
	return waiter_wait(me->who, m,
			   d == CHAN_SEND ? G_CHAN_SEND : G_CHAN_RECEIVE,
			   &c->word, chan_unlocked(c));
}

/* Inline for the sake of the returns (core/dispatch.h). */
SANITIZE_SWITCHES static ALWAYS_INLINE enum ring_result
slowly(struct leat_chan_ *c, enum direction d, void *elem, bool wait)
{
	struct m *m = m_enter();
	enum ring_result r = attempt(c, d, elem, wait, &m);

	if (r == RING_NONE && wait) {
		struct waiter who;
		struct party me = { .who = &who, .elem = elem };

		m = wait_in_line(c, d, &me, m);
		r = me.ok ? RING_OK : RING_CLOSED;
	} else if (r == RING_CLOSED && d == CHAN_RECEIVE) {
		chan_zero(c, elem);
	}
	if (likely(m))
		m_leave(m);
	return r;
}

/* -- the operations -- */

static ALWAYS_INLINE bool nobody_waits(struct leat_chan_ *c)
{
	return likely(
		!(a_load(&c->word, relaxed) & (CHAN_RECEIVERS | CHAN_SENDERS)));
}

/* This thread has been alone here for long. */
static COLD void ask(struct leat_chan_ *c)
{
	struct m *m = chan_lock(c, m_enter(), 0);

	if (m && a_load(&c->ring.receivers.who, relaxed) == m)
		bias_ask(&c->bias, m);
	chan_unlock(c);
	if (m)
		m_leave(m);
}

/* On the shared ring, by locked operations. */
static ALWAYS_INLINE enum ring_result among_others(struct leat_chan_ *c,
						   enum direction d, void *elem,
						   uint32_t *n, struct m *m)
{
	enum ring_result r;
	uint64_t word;

	r = d == CHAN_SEND ? ring_send(&c->ring, elem, n, false)
			   : ring_receive(&c->ring, elem, n, false);
	bias_leave(m);
	if (r != RING_OK)
		return r;
	if (d == CHAN_SEND)
		/* [chan.see_receivers] pairs with [chan.lock]: see chan.h. */
		word = a_load(&c->word, seq_cst) & CHAN_RECEIVERS;
	else
		/* [chan.see_senders] pairs with [chan.lock]. */
		word = a_load(&c->word, seq_cst) & CHAN_SENDERS;
	if (unlikely(word))
		help(c);
	if (!m)
		return r;
	if (d == CHAN_RECEIVE)
		bias_earned(&c->bias, &c->ring.receivers, m);
	else if (bias_earned(&c->bias, &c->ring.senders, m))
		ask(c);
	return r;
}

/* Without LOCK: up to *n of them.  NONE also stands for "somebody waits". */
static ALWAYS_INLINE enum ring_result
quickly(struct leat_chan_ *c, enum direction d, void *elem, uint32_t *n)
{
	enum ring_result r;
	struct m *m;

	if (c->ring.cap == 0 || !nobody_waits(c))
		return RING_NONE;
	m = arch_self();
	if (unlikely(!bias_enter(&c->bias, m)))
		return among_others(c, d, elem, n, m);
	r = d == CHAN_SEND ? ring_send(&c->ring, elem, n, true)
			   : ring_receive(&c->ring, elem, n, true);
	bias_leave(m);
	return r;
}

static COLD _Noreturn void closed(void)
{
	panics("send on closed channel");
}

/* A nil channel: nobody will ever come. */
static COLD _Noreturn void never(enum direction d)
{
	waiter_never(d == CHAN_SEND ? G_CHAN_SEND_NIL : G_CHAN_RECEIVE_NIL);
}

SANITIZE_SWITCHES static ALWAYS_INLINE enum ring_result
send(struct leat_chan_ *c, const void *elem)
{
	enum ring_result r;
	uint32_t one = 1;

	if (unlikely(!c))
		never(CHAN_SEND);
	r = quickly(c, CHAN_SEND, (void *)elem, &one);
	return r == RING_OK || r == RING_CLOSED
		       ? r
		       : slowly(c, CHAN_SEND, (void *)elem, true);
}

SANITIZE_SWITCHES void leat_chan_send_(struct leat_chan_ *c, const void *elem)
{
	if (unlikely(send(c, elem) == RING_CLOSED))
		closed();
}

SANITIZE_SWITCHES int leat_chan_offer_(struct leat_chan_ *c, const void *elem)
{
	return send(c, elem) == RING_OK ? 0 : -EPIPE;
}

SANITIZE_SWITCHES bool leat_chan_recv_(struct leat_chan_ *c, void *elem)
{
	enum ring_result r;
	uint32_t one = 1;

	if (unlikely(!c))
		never(CHAN_RECEIVE);
	r = quickly(c, CHAN_RECEIVE, elem, &one);
	if (r == RING_CLOSED)
		chan_zero(c, elem);
	else if (r != RING_OK)
		r = slowly(c, CHAN_RECEIVE, elem, true);
	return r == RING_OK;
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
	enum ring_result r = RING_NONE;
	uint32_t one = 1;

	if (hopeless(c, d))
		return RING_NONE;
	if (c->ring.cap > 0 && nobody_waits(c)) {
		r = quickly(c, d, elem, &one);
		if (r == RING_CLOSED && d == CHAN_RECEIVE)
			chan_zero(c, elem);
		if (r == RING_OK || r == RING_CLOSED)
			return r;
	}
	return slowly(c, d, elem, false);
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
		char *next = elems + done * c->ring.size;
		uint32_t some = at_most(n - done);
		enum ring_result r = quickly(c, d, next, &some);

		if (r == RING_OK)
			done += some;
		else if (r != RING_CLOSED && chan_try(c, d, next) == RING_OK)
			done++;
		else
			break;
	}
	return done;
}

SANITIZE_SWITCHES size_t leat_chan_send_n_(struct leat_chan_ *c,
					   const void *elems, size_t n)
{
	uint32_t sent = at_most(n);
	enum ring_result r;

	if (n == 0)
		return 0;
	if (unlikely(!c))
		never(CHAN_SEND);
	r = quickly(c, CHAN_SEND, (void *)elems, &sent);
	if (r == RING_OK)
		return sent;
	if (r != RING_CLOSED)
		r = slowly(c, CHAN_SEND, (void *)elems, true);
	if (r == RING_CLOSED)
		closed();
	return go_on(c, CHAN_SEND, (char *)elems, 1, n);
}

SANITIZE_SWITCHES size_t leat_chan_recv_n_(struct leat_chan_ *c, void *elems,
					   size_t n)
{
	uint32_t got = at_most(n);
	enum ring_result r;

	if (n == 0)
		return 0;
	if (unlikely(!c))
		never(CHAN_RECEIVE);
	r = quickly(c, CHAN_RECEIVE, elems, &got);
	if (r == RING_OK)
		return got;
	if (r != RING_CLOSED)
		r = slowly(c, CHAN_RECEIVE, elems, true);
	if (r == RING_CLOSED) {
		chan_zero(c, elems);
		return 0;
	}
	return go_on(c, CHAN_RECEIVE, elems, 1, n);
}

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
		/* [chan.close] pairs with [chan.peek], [select.word]. */
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

struct leat_chan_ *leat_chan_make_(size_t size, ptrdiff_t cap)
{
	size_t stride = sizeof(struct slot) + (size + 7) / 8 * 8;
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
	memset(c, 0, cap ? sizeof(*c) : need);
	a_store(&c->users, 1, relaxed);
	bias_born(&c->bias);
	c->ring.lap = lap_of((size_t)cap);
	c->ring.cap = (uint32_t)cap;
	c->ring.size = (uint32_t)size;
	c->ring.stride = (uint32_t)stride;
	c->ring.slots = (char *)(c + 1);
	for (uint64_t i = 0; i < (uint64_t)cap; i++)
		a_store(&ring_slot(&c->ring, i)->stamp, i, relaxed);
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
	return c ? c->ring.cap : 0;
}

size_t leat_chan_len_(struct leat_chan_ *c)
{
	uint64_t head, tail;
	size_t n;

	if (!c || c->ring.cap == 0)
		return 0;
	/* head first: it can only grow meanwhile. */
	/* [chan.len] pairs with [ring.sent], [ring.received]. */
	head = a_load(&c->ring.head, acquire);
	tail = a_load(&c->ring.tail, relaxed);
	n = ring_between(&c->ring, head, tail);
	return n < c->ring.cap ? n : c->ring.cap;
}
