/*
 * match.c - who waits on a channel is served.
 *
 *	match        in both directions, until nobody can be served: a value
 *	             taken for a receiver makes room for a sender, whose value
 *	             may be the next receiver's.  Once round would strand the
 *	             last of them
 *	serve        the party is out of its queue and has what it came for:
 *	             it is kept until LOCK is dropped, then woken
 *	claim        of a select, which waits elsewhere too: nobody else can
 *	             serve it meanwhile, so that one case happens, not two
 *
 * All of it with the channel's LOCK, but for the waking.
 */
#include "sync/chan.h"

#include "core/base.h"

/* -- LOCK -- */

struct m *chan_lock_slow(struct leat_chan_ *c, struct m *m, uint64_t flag)
{
	for (int turn = 0;; turn++) {
		bool alone = bias_enter(&c->bias, m), got = false;
		/* [chan.ours_too] pairs with [chan.unlock], [switch.word]. */
		uint64_t was = a_load(&c->word, acquire);

		if (likely(!(was & CHAN_LOCK)) && alone) {
			a_store(&c->word, was | CHAN_LOCK | flag, relaxed);
			got = true;
		} else if (!(was & CHAN_LOCK)) {
			/* [chan.lock] pairs with [chan.unlock], [switch.word],
			 * [waiter.unlock], [chan.see_receivers],
			 * [chan.see_senders]: a flag is set before the ring is
			 * found full or empty. */
			got = a_cas(&c->word, &was, was | CHAN_LOCK | flag,
				    seq_cst);
		}
		bias_leave(m);
		if (likely(got)) {
			if (!alone && m && c->ring.cap == 0 &&
			    bias_earned(&c->bias, &c->lockers, m))
				bias_ask(&c->bias, m);
			return m;
		}
		if (was & CHAN_LOCK)
			m = waiter_pause(m, turn);
		else
			backoff();
	}
}

/* -- who waits is served -- */

void choice_rest(int turn)
{
	/* It takes a few steps, unless they have lost their CPU. */
	if (turn < 100)
		a_spin();
	else
		a_yield();
}

enum claim choice_try_claim(struct choice *c)
{
	uint32_t state = a_load(&c->state, relaxed);

	/* Again if it fell asleep meanwhile, or another's claim has ended. */
	while (state <= CHOICE_ASLEEP)
		/* [choice.claim] pairs with [choice.commit],
		 * [choice.unclaim]: its party came with LOCK; but if it paused
		 * after that, before it registered elsewhere, its thread has
		 * had the goroutine in a list, and who wakes it writes there.
		 */
		if (a_cas(&c->state, &state, state + CHOICE_CLAIM, acquire))
			return CLAIM_OURS;
	return (state & CHOICE_MASK) == CHOICE_FIRED ? CLAIM_GONE
						     : CLAIM_THEIRS;
}

bool choice_claim(struct choice *c)
{
	for (int turn = 0;; turn++) {
		enum claim claim = choice_try_claim(c);

		if (claim != CLAIM_THEIRS)
			return claim == CLAIM_OURS;
		choice_rest(turn);
	}
}

void choice_await(struct choice *c)
{
	for (int turn = 0;; turn++) {
		uint32_t state = a_load(&c->state, relaxed);

		if (state <= CHOICE_ASLEEP ||
		    (state & CHOICE_MASK) == CHOICE_FIRED)
			return;
		choice_rest(turn);
	}
}

void choice_unclaim(struct choice *c)
{
	/* [choice.unclaim] pairs with [choice.claim]. */
	a_store(&c->state, a_load(&c->state, relaxed) - CHOICE_CLAIM, release);
}

bool choice_fire(struct choice *c, uint32_t index)
{
	bool asleep =
		a_load(&c->state, relaxed) == CHOICE_ASLEEP + CHOICE_CLAIM;

	/* [choice.fire] pairs with [select.fired]: what was received. */
	a_store(&c->state, CHOICE_FIRED + index * CHOICE_INDEX, release);
	return asleep;
}

void chan_serve(struct party *n, bool ok, struct served *s)
{
	n->ok = ok;
	if (n->choice && !choice_fire(n->choice, n->index))
		return; /* awake, and perhaps gone */
	n->next = NULL;
	*s->end = n;
	s->end = &n->next;
}

struct party *chan_claim_first(struct queue *q)
{
	struct party *n;

	while ((n = q->first) && n->choice && !choice_claim(n->choice))
		queue_remove(q, n);
	return n;
}

enum ring_result chan_pass(struct leat_chan_ *c, enum direction d, void *elem)
{
	const struct ring_shape shape = ring_shape(&c->ring, false);
	uint32_t one = 1;

	return d == CHAN_SEND
		       ? ring_send(&c->ring, &shape, elem, &one, false, false)
		       : ring_receive(&c->ring, &shape, elem, &one, false,
				      false);
}

/* OK: served; NONE: nobody, or not now; BUSY: a peer is in its window. */
static enum ring_result serve_first(struct leat_chan_ *c, struct queue *q,
				    enum direction d, struct served *s)
{
	struct party *n = chan_claim_first(q);
	enum ring_result r;

	if (!n)
		return RING_NONE;
	r = chan_pass(c, d, n->elem);
	if (r == RING_NONE || r == RING_BUSY) {
		if (n->choice)
			choice_unclaim(n->choice);
		return r;
	}
	queue_remove(q, n);
	if (r == RING_CLOSED && d == CHAN_RECEIVE)
		chan_zero(c, n->elem);
	chan_serve(n, r == RING_OK, s);
	return RING_OK;
}

enum ring_result chan_match(struct leat_chan_ *c, struct served *s)
{
	enum ring_result in, out;
	bool more;

	do {
		more = false;
		while ((in = serve_first(c, &c->recvq, CHAN_RECEIVE, s)) ==
		       RING_OK)
			more = true;
		while ((out = serve_first(c, &c->sendq, CHAN_SEND, s)) ==
		       RING_OK)
			more = true;
	} while (more);
	return in == RING_BUSY ? in : out;
}

void chan_wake(struct served *s, struct m *m)
{
	for (struct party *n = s->first, *next; n; n = next) {
		next = n->next;
		waiter_wake(n->who, m);
	}
}
