/*
 * slow.c - channels: a send or receive that is not done by one step on the ring.
 *
 *	hand_over     nobody is there, or the first who waits is no select: from
 *	              hand to hand, with LOCK, or without it where this thread has
 *	              the channel for itself
 *	under_lock    all else: those who wait are served, then we are
 *	wait          in line, and to sleep; the switch drops LOCK
 *
 * A function that waits is the last thing its callers do, and they jump to it:
 * its return is RETURNS_ELSEWHERE (core/dispatch.h).
 */
#include "sync/chan.h"

#include "core/base.h"

#include <errno.h>

/* -- with LOCK -- */

/*
 * Nothing is in the ring, or nothing that has to go first.
 *
 *	receiver R waits       sender B in its window       sender A
 *	                       tail += 1                    sends 1: tail += 1
 *	                                                    helps: BUSY, for B
 *	                                                    sends 2: R waits, but 1
 *	                                                    is in the ring
 *
 * Relaxed: what was sent before, by us or by whomever we know of, is seen; the
 * value of a send that we know nothing of may be passed.
 */
static bool drained(struct leat_chan_ *c)
{
	uint64_t head = a_load(&c->ring.head, relaxed);

	return a_load(&c->ring.tail, relaxed) == head;
}

/* Through the ring, not before those who wait; but if they wait for a peer's
 * window only, there may be room, or a value, for them and for us. */
static enum ring_result in_turn(struct leat_chan_ *c, enum direction d,
				void *elem, struct served *s)
{
	struct queue *line = d == CHAN_SEND ? &c->sendq : &c->recvq;
	enum ring_result r = chan_match(c, s);

	if (line->first)
		return r;
	r = chan_pass(c, d, elem);
	if (r == RING_OK)
		chan_match(c, s);
	return r;
}

static enum ring_result send_locked(struct leat_chan_ *c, void *elem,
				    struct served *s)
{
	struct party *n;

	if (a_load(&c->word, relaxed) & CHAN_SHUT)
		return RING_CLOSED;
	/* From hand to hand, if nothing is in between.  (Without a buffer both
	 * queues may be in use: by one select.) */
	if (c->recvq.first &&
	    (c->ring.cap == 0 || (!c->sendq.first && drained(c))) &&
	    (n = chan_claim_first(&c->recvq))) {
		queue_remove(&c->recvq, n);
		chan_copy(c, n->elem, elem);
		chan_serve(n, true, s);
		return RING_OK;
	}
	return c->ring.cap == 0 ? RING_NONE : in_turn(c, CHAN_SEND, elem, s);
}

static enum ring_result receive_locked(struct leat_chan_ *c, void *elem,
				       struct served *s)
{
	struct party *n;

	if (c->ring.cap > 0)
		return in_turn(c, CHAN_RECEIVE, elem, s);
	n = chan_claim_first(&c->sendq);
	if (!n)
		return a_load(&c->word, relaxed) & CHAN_SHUT ? RING_CLOSED
							     : RING_NONE;
	queue_remove(&c->sendq, n);
	chan_copy(c, elem, n->elem);
	chan_serve(n, true, s);
	return RING_OK;
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

/* NONE: nothing was done; LOCK is held if the caller wants to wait. */
static enum ring_result under_lock(struct leat_chan_ *c, enum direction d,
				   void *elem, bool wait, bool held,
				   struct m **m)
{
	enum ring_result r = attempt(c, d, elem, wait, held, m);

	if (r == RING_CLOSED && d == CHAN_RECEIVE)
		chan_zero(c, elem);
	return r;
}

/* -- from hand to hand -- */

/* How far it came. */
enum handing {
	HANDED, /* with the first who waited */
	ALONE,  /* nobody is there; the channel is ours, and marked touched */
	LOCKED, /* nobody is there; LOCK is held */
	HELD,   /* LOCK is held, and it is another case */
	OTHER,  /* another case */
};

static ALWAYS_INLINE struct queue *opposite(struct leat_chan_ *c,
					    enum direction d)
{
	return d == CHAN_SEND ? &c->recvq : &c->sendq;
}

/* n is served, and LOCK dropped, or the mark. */
static ALWAYS_INLINE void let_go(struct leat_chan_ *c, enum direction d,
				 struct party *n, struct m *m, bool alone)
{
	struct waiter *who = n->who;

	queue_remove(opposite(c, d), n);
	n->ok = true;
	if (alone) {
		a_store(&c->word, chan_unlocked(c), relaxed);
		bias_leave(m);
	} else {
		chan_unlock(c);
	}
	waiter_wake(who, m);
}

/* Without a buffer. */
static ALWAYS_INLINE enum handing
face_to_face(struct leat_chan_ *c, enum direction d, void *elem, struct m **m)
{
	bool alone = likely(bias_touch(&c->bias, *m) == BIAS_OURS);
	struct party *n;

	if (!alone)
		*m = chan_lock_slow(c, *m, 0);
	n = opposite(c, d)->first;
	if (!n && !(a_load(&c->word, relaxed) & CHAN_SHUT))
		return alone ? ALONE : LOCKED;
	if (unlikely(!n) || unlikely(n->choice)) {
		if (alone)
			bias_leave(*m);
		return alone ? OTHER : HELD;
	}
	if (d == CHAN_SEND)
		chan_copy(c, n->elem, elem);
	else
		chan_copy(c, elem, n->elem);
	let_go(c, d, n, *m, alone);
	return HANDED;
}

/* With a buffer, where we are alone.  (Somebody else may have left a value, or
 * room, and be on his way to serve those who wait for it: another case.) */
static enum handing pass_on(struct leat_chan_ *c, enum direction d, void *elem,
			    struct m *m)
{
	const struct ring_shape shape = ring_shape(&c->ring, false);
	uint32_t wanted, one = 1;
	struct party *n;

	if (bias_touch(&c->bias, m) != BIAS_OURS) {
		bias_leave(m);
		return OTHER;
	}
	n = opposite(c, d)->first;
	/* A sender waits for a full ring, and a receiver for an empty one. */
	wanted = (d == CHAN_SEND) == !n ? c->ring.cap : 0;
	if (ring_used(&shape, &c->ring) != wanted || (n && n->choice) ||
	    (a_load(&c->word, relaxed) & CHAN_SHUT)) {
		bias_leave(m);
		return OTHER;
	}
	if (!n)
		return ALONE;
	if (d == CHAN_SEND) {
		chan_copy(c, n->elem, elem);
	} else {
		check(ring_receive(&c->ring, &shape, elem, &one, true, false) ==
		      RING_OK);
		check(ring_send(&c->ring, &shape, n->elem, &one, true, false) ==
		      RING_OK);
	}
	let_go(c, d, n, m, true);
	return HANDED;
}

/* The cases that have to be fast. */
static ALWAYS_INLINE enum handing
hand_over(struct leat_chan_ *c, enum direction d, void *elem, struct m **m)
{
	if (unlikely(!*m))
		return OTHER;
	return c->ring.cap == 0 ? face_to_face(c, d, elem, m)
				: pass_on(c, d, elem, *m);
}

/* -- wait -- */

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
		m = park_at(m, d == CHAN_SEND ? G_CHAN_SEND : G_CHAN_RECEIVE, c,
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
		chan_closed();
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

/* -- all of it -- */

/* From hand to hand, or with LOCK, or a wait. */
void chan_send_slowly(struct leat_chan_ *c, void *elem)
{
	enum ring_result r = RING_OK;
	enum handing how;
	struct m *m;

	if (chan_over(c))
		chan_closed();
	m = m_enter();
	how = hand_over(c, CHAN_SEND, elem, &m);
	if (how >= HELD)
		r = under_lock(c, CHAN_SEND, elem, true, how == HELD, &m);
	if (r == RING_NONE || how == ALONE || how == LOCKED)
		return wait_to_send(c, elem, m, how == ALONE);
	if (likely(m))
		m_leave(m);
	if (unlikely(r == RING_CLOSED))
		chan_closed();
}

bool chan_receive_slowly(struct leat_chan_ *c, void *elem)
{
	enum ring_result r = RING_OK;
	enum handing how;
	struct m *m;

	if (chan_over(c))
		return chan_ended(c, elem);
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

int chan_offer_slowly(struct leat_chan_ *c, void *elem)
{
	enum ring_result r;
	struct m *m;

	if (chan_over(c))
		return -EPIPE;
	m = m_enter();
	r = under_lock(c, CHAN_SEND, elem, true, false, &m);
	if (r == RING_NONE)
		return wait_to_offer(c, elem, m) ? 0 : -EPIPE;
	if (likely(m))
		m_leave(m);
	return r == RING_OK ? 0 : -EPIPE;
}

enum ring_result chan_try_slowly(struct leat_chan_ *c, enum direction d,
				 void *elem)
{
	enum ring_result r = RING_CLOSED;
	enum handing how;
	struct m *m;

	if (chan_over(c)) {
		if (d == CHAN_RECEIVE)
			chan_zero(c, elem);
		return r;
	}
	m = m_enter();
	how = hand_over(c, d, elem, &m);
	if (how >= HELD) {
		r = under_lock(c, d, elem, false, how == HELD, &m);
	} else {
		r = how == HANDED ? RING_OK : RING_NONE;
		if (how == ALONE)
			bias_leave(m);
		else if (how == LOCKED)
			chan_unlock(c);
	}
	if (m)
		m_leave(m);
	return r;
}

/* -- by time itself -- */

void chan_tick(struct leat_chan_ *c, const void *elem, struct m *m)
{
	struct served s;

	served_init(&s);
	chan_lock_slow(c, NULL, 0);
	/* BUSY: for who has taken the last one, and is about to say so. */
	for (int turn = 0;
	     send_locked(c, (void *)(uintptr_t)elem, &s) == RING_BUSY; turn++)
		choice_rest(turn);
	chan_unlock(c);
	chan_wake(&s, m);
}

bool chan_take_back(struct leat_chan_ *c)
{
	enum ring_result r;

	chan_lock_slow(c, NULL, 0);
	for (int turn = 0; (r = chan_pass(c, CHAN_RECEIVE, NULL)) == RING_BUSY;
	     turn++)
		choice_rest(turn);
	chan_unlock(c);
	return r == RING_OK;
}
