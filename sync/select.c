/*
 * select.c - wait for one of several channels.
 *
 *	look       which cases look ready?  one of those, by chance, is tried
 *	register   a party in the queue of each channel, one after the other:
 *	           only one LOCK is held at a time.  A case that can happen now
 *	           happens
 *	           happens.  Last, in the list of what is beside (select.h)
 *	commit     AWAKE -> ASLEEP, unless one of them has happened
 *	leave      the queues where nobody has taken the party out
 *
 *	select S, registers at A           select T, registers at B
 *	   S lies in B's queue                T lies in A's queue
 *	   claims S; wants T                  claims T; wants S
 *
 * Neither can have the other: so the one whose choice lies at the lower address
 * keeps its claim, and the other gives way and tries again.  A claim is held
 * for a few steps and under one LOCK, in which nobody waits for another LOCK;
 * so all waiting for claims ends.
 *
 * Invariant: a party is in a queue only while its select is not over, so
 * whoever finds it under LOCK may look at the choice.  Linearization point of a
 * case: the operation on the ring, or, from hand to hand, FIRED.
 *
 * Not to choose (leat_try_select) is right only if there was an instant at
 * which no case could happen: words, heads and tails only grow, so if their sum
 * is the same before and after the look, nothing has changed in between.
 *
 * One channel at a time instead of all locks at once (Go), and claims instead
 * of one flag, after Parallel Concurrent ML (Reppy, Russo and Xiao, ICFP 2009);
 * its livelock is what the addresses are for.
 */
#include "sync/select.h"

#include "sync/deadline.h"

#include "core/base.h"
#include "core/clock.h"
#include "core/due.h"
#include "core/panic.h"

#include <errno.h>
#include <stdlib.h>

enum { PARTIES = 8 }; /* more than that are allocated */

struct select {
	const struct leat_case *cases;
	int n;
	unsigned how;
	int64_t until;         /* OS_NEVER: until one can happen */
	struct beside *beside; /* NULL: only channels */
	struct m *m;
	struct choice choice;
	struct waiter who;
	struct party *party;
	bool ok; /* of the case that happened while we registered */
};

static enum direction way(const struct leat_case *k)
{
	return k->send_ ? CHAN_SEND : CHAN_RECEIVE;
}

static struct queue *line(const struct leat_case *k)
{
	return k->send_ ? &k->chan_->sendq : &k->chan_->recvq;
}

static struct queue *others(const struct leat_case *k)
{
	return k->send_ ? &k->chan_->recvq : &k->chan_->sendq;
}

/* -- look -- */

/* Grows with every change of the channel.  Relaxed: the look in between, at the
 * same words, is what acquires. */
static uint64_t age(struct leat_chan_ *c)
{
	uint64_t sum = a_load(&c->word, relaxed);

	if (c->ring.cap > 0)
		sum += a_load(&c->ring.tail, relaxed) +
		       a_load(&c->ring.head, relaxed);
	return sum;
}

static uint64_t age_of_all(const struct leat_case *cases, int n)
{
	uint64_t sum = 0;

	for (int i = 0; i < n; i++)
		if (cases[i].chan_)
			sum += age(cases[i].chan_);
	return sum;
}

/* Of another thread's channel one cannot tell without asking.  In the one order
 * of all that is seq_cst, of two that send, or close, and then look at the
 * other's, one finds it. */
static bool looks_ready(const struct leat_case *k, struct m *m)
{
	struct leat_chan_ *c = k->chan_;
	uint64_t word, head, tail;

	if (!c)
		return false;
	if (bias_elsewhere(&c->bias, m))
		return true;
	/* [select.word] pairs with [chan.close]. */
	word = a_load(&c->word, seq_cst);
	if (word & (CHAN_SHUT | (k->send_ ? CHAN_RECEIVERS : CHAN_SENDERS)))
		return true;
	if (c->ring.cap == 0)
		return false;
	/* [select.see_head] pairs with [ring.received]. */
	head = a_load(&c->ring.head, seq_cst);
	/* [select.see_tail] pairs with [ring.sent]. */
	tail = a_load(&c->ring.tail, seq_cst);
	return k->send_ ? tail != head + c->ring.lap : tail != head;
}

/* One of those that look ready: the first, or any of them with the same chance
 * (Vitter's reservoir of one); -1: there is none. */
static ALWAYS_INLINE int ready_case(const struct leat_case *cases, int n,
				    bool first, struct m *m)
{
	uint32_t found = 0;
	int one = -1;

	for (int i = 0; i < n; i++) {
		if (!looks_ready(&cases[i], m))
			continue;
		if (first)
			return i;
		/* Without a branch: nobody could predict it. */
		if (found++ == 0)
			one = i;
		else
			one ^= (one ^ i) & -(m_below(found) == 0);
	}
	if (likely(m))
		m->choices = found > 1;
	return one;
}

/* Where several were ready the last time: one by chance, if it looks ready; else
 * -1, and all are looked at.  Both ways each that is ready has the same chance,
 * so it has in all. */
static ALWAYS_INLINE int guess(const struct leat_case *cases, int n,
			       struct m *m)
{
	int i;

	if (likely(!m || !m->choices || n == 0))
		return -1;
	i = (int)m_below((uint32_t)n);
	return looks_ready(&cases[i], m) ? i : -1;
}

/* What the caller is to know of a case that happened. */
static ALWAYS_INLINE void tell(const struct leat_case *k, bool ok)
{
	if (unlikely(!ok) && k->send_ && !k->ok_)
		panics("send on closed channel");
	if (k->ok_)
		*k->ok_ = ok;
}

/* The case's operation, without waiting; true if it happened. */
static ALWAYS_INLINE bool happens(const struct leat_case *k)
{
	enum ring_result r = chan_try(k->chan_, way(k), k->elem_);

	if (unlikely(r != RING_OK && r != RING_CLOSED))
		return false;
	tell(k, r == RING_OK);
	return true;
}

/* A case that happened, or -1: for an instant, none could. */
static __attribute__((noinline)) int poll(const struct leat_case *cases, int n,
					  bool first)
{
	for (;;) {
		uint64_t before = age_of_all(cases, n);
		int i = ready_case(cases, n, first, arch_self());

		if (i < 0 && age_of_all(cases, n) == before)
			return -1;
		if (i >= 0 && happens(&cases[i]))
			return i;
	}
}

/* -- register -- */

enum meeting { MET, WE_ARE_GONE, THEY_ARE_GONE };

/* Claim ourselves and another, who may be no select. */
static enum meeting claim_both(struct choice *us, struct choice *them)
{
	if (!choice_claim(us))
		return WE_ARE_GONE;
	while (them) {
		switch (choice_try_claim(them)) {
		case CLAIM_OURS:
			return MET;
		case CLAIM_GONE:
			choice_unclaim(us);
			return THEY_ARE_GONE;
		case CLAIM_THEIRS:
			if (us < them) {
				a_spin();
				break;
			}
			choice_unclaim(us);
			choice_await(them);
			if (!choice_claim(us))
				return WE_ARE_GONE;
		}
	}
	return MET;
}

/* From hand to hand, with LOCK.  NONE: nobody is there.  BUSY: another case
 * of ours has happened. */
static enum ring_result meet(struct select *s, int i, struct served *served)
{
	const struct leat_case *k = &s->cases[i];
	struct queue *q = others(k);
	struct party *n, *next;

	for (n = q->first; n; n = next) {
		next = n->next;
		if (n->choice == &s->choice)
			continue; /* not with ourselves */
		switch (claim_both(&s->choice, n->choice)) {
		case WE_ARE_GONE:
			return RING_BUSY;
		case THEY_ARE_GONE:
			queue_remove(q, n);
			break;
		case MET:
			queue_remove(q, n);
			if (k->send_)
				chan_copy(k->chan_, n->elem, k->elem_);
			else
				chan_copy(k->chan_, k->elem_, n->elem);
			chan_serve(n, true, served);
			choice_fire(&s->choice, (uint32_t)i);
			return RING_OK;
		}
	}
	return RING_NONE;
}

/* The same through the ring. */
static enum ring_result use_ring(struct select *s, int i)
{
	const struct leat_case *k = &s->cases[i];
	enum ring_result r;

	if (!choice_claim(&s->choice))
		return RING_BUSY;
	r = chan_pass(k->chan_, way(k), k->elem_);
	if (r == RING_OK || r == RING_CLOSED)
		choice_fire(&s->choice, (uint32_t)i);
	else
		choice_unclaim(&s->choice);
	return r;
}

/* A case with LOCK: it happens, or NONE: we may wait for it.  BUSY: another has
 * happened, or a peer is in its window. */
static enum ring_result now(struct select *s, int i, struct served *served)
{
	const struct leat_case *k = &s->cases[i];
	struct leat_chan_ *c = k->chan_;
	bool shut = a_load(&c->word, relaxed) & CHAN_SHUT;
	enum ring_result r;

	if (shut && (k->send_ || c->ring.cap == 0)) {
		if (!choice_claim(&s->choice))
			return RING_BUSY;
		choice_fire(&s->choice, (uint32_t)i);
		return RING_CLOSED;
	}
	if (c->ring.cap == 0)
		return meet(s, i, served);
	chan_match(c, served);
	/* Those who wait go first; but a match leaves no receiver while there
	 * is a value, so nobody of the other side is lost by waiting. */
	if (line(k)->first)
		return RING_NONE;
	r = use_ring(s, i);
	if (r == RING_OK)
		chan_match(c, served);
	return r;
}

static bool over(struct select *s)
{
	return (a_load(&s->choice.state, relaxed) & CHOICE_MASK) ==
	       CHOICE_FIRED;
}

static void join(struct select *s, int i)
{
	const struct leat_case *k = &s->cases[i];
	struct party *p = &s->party[i];

	p->who = &s->who;
	p->elem = k->elem_;
	p->choice = &s->choice;
	p->index = (uint32_t)i;
	queue_push(line(k), p);
}

/* In line at one channel; false: a case has happened, this or another. */
static bool enlist(struct select *s, int i)
{
	const struct leat_case *k = &s->cases[i];
	struct leat_chan_ *c = k->chan_;
	uint64_t flag = k->send_ ? CHAN_SENDERS : CHAN_RECEIVERS;

	for (int turn = 0;; turn++) {
		struct served served;
		enum ring_result r;

		served_init(&served);
		s->m = chan_lock(c, s->m, c->ring.cap > 0 ? flag : 0);
		r = now(s, i, &served);
		if (r == RING_NONE)
			join(s, i);
		chan_unlock(c);
		chan_wake(&served, s->m);
		if (r == RING_NONE)
			return true;
		if (r != RING_BUSY) {
			if (r == RING_CLOSED && !k->send_)
				chan_zero(c, k->elem_);
			s->party[i].ok = r == RING_OK;
			return false;
		}
		if (over(s))
			return false;
		s->m = waiter_pause(s->m, turn);
	}
}

/* The order in which cases are enlisted: that of the list if the first is wanted;
 * else one by chance (Fisher and Yates), so that of several that name one
 * channel any may be the first in its queue. */
static void shuffle(struct select *s)
{
	for (int k = 0; k < s->n; k++) {
		int j = k == 0 || s->how & LEAT_FIRST_
				? k
				: (int)m_below((uint32_t)k + 1);

		s->party[k].turn = s->party[j].turn;
		s->party[j].turn = k;
	}
}

static bool enlist_all(struct select *s)
{
	shuffle(s);
	for (int k = 0; k < s->n; k++) {
		int i = s->party[k].turn;

		if (!s->cases[i].chan_)
			continue;
		if (over(s) || !enlist(s, i))
			return false;
	}
	return true;
}

/* Likewise in that list. */
static bool join_beside(struct select *s)
{
	struct party *p = &s->beside->party;

	p->who = &s->who;
	p->choice = &s->choice;
	p->index = (uint32_t)s->n;
	if (over(s))
		return false;
	if (s->beside->join(s->beside, &s->m))
		return true;
	if (choice_claim(&s->choice))
		choice_fire(&s->choice, p->index);
	return false;
}

/* -- wait, and leave -- */

static bool commit(struct choice *c)
{
	for (int turn = 0;; turn++) {
		uint32_t state = a_load(&c->state, relaxed);

		/* [choice.commit] pairs with [choice.claim]. */
		if (state == CHOICE_AWAKE &&
		    a_cas(&c->state, &state, CHOICE_ASLEEP, release))
			return true;
		if ((state & CHOICE_MASK) == CHOICE_FIRED)
			return false;
		choice_rest(turn);
	}
}

static void leave(struct select *s)
{
	for (int i = 0; i < s->n; i++) {
		struct leat_chan_ *c = s->cases[i].chan_;

		/* [select.out] pairs with [queue.out]. */
		if (!c || !a_load(&s->party[i].queued, acquire))
			continue;
		s->m = chan_lock(c, s->m, 0);
		if (a_load(&s->party[i].queued, relaxed))
			queue_remove(line(&s->cases[i]), &s->party[i]);
		chan_unlock(c);
	}
	if (unlikely(s->beside != NULL))
		s->beside->leave(s->beside, &s->m);
}

/* Register, wait, leave: which case it was; -1: none until then; -ENOMEM. */
SANITIZE_SWITCHES static ALWAYS_INLINE int wait(struct select *s)
{
	struct deadline *limit = NULL;
	uint32_t i;

	a_store(&s->choice.state, CHOICE_AWAKE, relaxed);
	waiter_init(&s->who, s->m);
	for (int k = 0; k < s->n; k++)
		a_store(&s->party[k].queued, false, relaxed);
	if (unlikely(s->until != OS_NEVER) && s->m) {
		limit = deadline_arm(s->m, &s->choice, &s->who, s->until);
		if (!limit)
			return -ENOMEM;
	}
	if (enlist_all(s) && (likely(!s->beside) || join_beside(s)) &&
	    commit(&s->choice)) {
		/* Nothing is dropped by the switch; and its last store may
		 * come when this frame is gone. */
		if (unlikely(limit != NULL) && p_waiting(m_p(s->m)) > 0)
			due_tell(s->until); /* others run here, and long */
		if (likely(s->m))
			s->m = park(s->m, G_SELECT, &s->m->scratch, 0);
		else
			deadline_sleep(&s->choice, &s->who, s->until);
	}
	/* [select.fired] pairs with [choice.fire]. */
	i = a_load(&s->choice.state, acquire) / CHOICE_INDEX;
	leave(s);
	if (unlikely(limit != NULL))
		deadline_end(s->m, limit);
	if (i == DEADLINE_INDEX)
		return -1;
	if (likely(i < (uint32_t)s->n))
		s->ok = s->party[i].ok;
	return (int)i;
}

static bool nothing_to_wait_for(const struct leat_case *cases, int n)
{
	for (int i = 0; i < n; i++)
		if (cases[i].chan_)
			return false;
	return true;
}

SANITIZE_SWITCHES RETURNS_ELSEWHERE static int
select_slowly(const struct leat_case *cases, int n, unsigned how, int64_t until,
	      struct beside *beside)
{
	struct select s = { .cases = cases,
			    .n = n,
			    .how = how,
			    .until = until,
			    .beside = beside };
	struct party few[PARTIES], *many = NULL;
	int i;

	if (until == OS_NEVER && !beside && nothing_to_wait_for(cases, n))
		waiter_never(n == 0 ? G_SELECT_NONE : G_SELECT);
	if (n > PARTIES) {
		many = malloc((size_t)n * sizeof(*many));
		if (!many)
			fatal("select: no memory for %d cases", n);
	}
	s.party = many ? many : few;
	s.m = m_enter();
	i = wait(&s);
	if (s.m)
		m_leave(s.m);
	free(many);
	if (likely(i >= 0 && i < n))
		tell(&cases[i], s.ok);
	return i;
}

int select_beside(struct beside *b, const struct leat_case *cases, int n,
		  int64_t when)
{
	return select_slowly(cases, n, 0, when, b);
}

/* Without waiting, or by the order of the list. */
static __attribute__((noinline)) int select_how(const struct leat_case *cases,
						int n, unsigned how)
{
	bool first = how & LEAT_FIRST_;
	int i;

	if (how & LEAT_TRY_)
		return poll(cases, n, first);
	i = ready_case(cases, n, first, arch_self());
	if (i >= 0 && happens(&cases[i]))
		return i;
	return select_slowly(cases, n, how, OS_NEVER, NULL);
}

int leat_select_until_(const struct leat_case *cases, int n, unsigned how,
		       int64_t when)
{
	int i = ready_case(cases, n, how & LEAT_FIRST_, arch_self());

	if (i >= 0 && happens(&cases[i]))
		return i;
	if (when != OS_NEVER && when <= clock_now())
		return poll(cases, n, how & LEAT_FIRST_);
	return select_slowly(cases, n, how, when, NULL);
}

int leat_select_(const struct leat_case *cases, int n, unsigned how)
{
	struct m *m = arch_self();
	int i;

	if (unlikely(how))
		return select_how(cases, n, how);
	i = guess(cases, n, m);
	if (i < 0)
		i = ready_case(cases, n, false, m);
	if (i >= 0 && likely(happens(&cases[i])))
		return i;
	return select_slowly(cases, n, 0, OS_NEVER, NULL);
}
