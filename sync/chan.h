/*
 * chan.h - a channel, from inside.
 *
 *	ring        the buffer; a send or receive that finds room or a value
 *	            there is one compare-and-swap on it and nothing else
 *	word        who waits, and the lock of the queues
 *	recvq,      who waits, first come first; intrusive: a party lies in
 *	sendq       the frame of whoever waits
 *
 *	word	| version : 56 | .. | SHUT | SENDERS | RECEIVERS | LOCK |
 *
 *	sender                              receiver
 *	tail += 1      (seq_cst CAS)        word |= LOCK|RECEIVERS  (seq_cst)
 *	RECEIVERS in word?  (seq_cst)       tail == head?           (seq_cst)
 *	   yes: match                          yes: waits in recvq
 *	   no: nobody waits                    no: there is a value
 *
 * In the one total order of the four either the sender sees the flag or the
 * receiver the new tail.  The same the other way round with head, SENDERS and
 * a full ring.  So no one waits while there is what he waits for.
 *
 * While somebody waits, nobody passes him: an operation that sees a flag takes
 * LOCK, lets those who wait go first (match), and queues up.
 *
 * Invariants, outside LOCK: RECEIVERS, SENDERS say that the queue is not
 * empty; while LOCK is set only its holder changes the word, so it is dropped
 * by a plain store.  LOCK is held for a bounded number of steps, in which
 * nobody parks and no code of a user runs.  The thread that has the channel for
 * itself (bias.h), and marks that it touches it, has LOCK without setting it.
 *
 * Progress: with room, or a value, and nobody waiting, lock-free but for the
 * window of a slot (ring.h); everything else waits for LOCK.  Who loses a race
 * for a line steps back (backoff.h): in turns all are faster than one for one.
 *
 * Reclamation: each user holds a reference; a party's frame is alive while it
 * is in a queue, and after that until it is readied, or, in a select, until
 * its choice is FIRED.
 */
#ifndef SYNC_CHAN_H
#define SYNC_CHAN_H

#include "leat/chan.h"

#include "sync/ring.h"
#include "sync/waiter.h"

enum {
	CHAN_LOCK = 1,
	CHAN_RECEIVERS = 2,
	CHAN_SENDERS = 4,
	CHAN_SHUT = 8,
	CHAN_VERSION = 16, /* one more of it at every unlock */
};

/*
 * What a select has chosen.
 *
 *	          commit                   fire
 *	 AWAKE ----------> ASLEEP ----.
 *	   |  ^              |  ^     |
 *	   v  | unclaim      v  |     v
 *	 CLAIMED           CLAIMED --> FIRED | index
 *	      '-----------------------^
 *
 * A claim is held, under the LOCK of one channel, for a few steps: by a matcher
 * that tries to serve the select, or by the select itself while it registers.
 * Whoever fires an ASLEEP one readies it; an AWAKE one will see it.
 */
enum {
	CHOICE_AWAKE,
	CHOICE_ASLEEP,
	CHOICE_CLAIM, /* in addition to one of those */
	CHOICE_FIRED = 4,
	CHOICE_MASK = 7,
	CHOICE_INDEX = 8, /* times the index of the case */
};

struct choice {
	_Atomic uint32_t state;
};

/* Somebody in a queue. */
struct party {
	struct party *next, *prev;
	struct waiter *who;    /* a select has one for all its parties */
	void *elem;            /* NULL: to be received and dropped */
	struct choice *choice; /* NULL: a plain send or receive */
	uint32_t index;        /* of the case */
	int turn; /* the case that is enlisted i-th, if we are i-th */
	bool ok;  /* sent; received, and not a zero of the end */
	_Atomic bool queued;
};

struct queue {
	struct party *first, *last;
};

/* A channel that is part of something else, and counts the references to that. */
struct chan_owner {
	void (*drop)(struct leat_chan_ *c); /* one reference less */
};

struct leat_chan_ {
	_Atomic uint64_t word;
	struct queue recvq, sendq;
	struct bias bias;
	struct streak lockers;
	_Atomic uint32_t users;         /* references */
	const struct chan_owner *owner; /* NULL: it is nobody's part */
	struct ring ring; /* without a buffer, only what is before `apart` */
};

/* How it begins, in memory for it all: elements of size bytes, cap of them. */
void chan_begin(struct leat_chan_ *c, uint32_t size, uint32_t cap);

/* Those who were served and are to be woken when LOCK is dropped. */
struct served {
	struct party *first, **end;
};

static inline void served_init(struct served *s)
{
	s->first = NULL;
	s->end = &s->first;
}

enum direction { CHAN_SEND, CHAN_RECEIVE };

/* One element through the ring, by whoever has LOCK. */
enum ring_result chan_pass(struct leat_chan_ *c, enum direction d, void *elem);

/* -- queues -- */

static inline void queue_push(struct queue *q, struct party *n)
{
	n->next = NULL;
	n->prev = q->last;
	if (q->last)
		q->last->next = n;
	else
		q->first = n;
	q->last = n;
	a_store(&n->queued, true, relaxed);
}

static inline void queue_remove(struct queue *q, struct party *n)
{
	if (n->prev)
		n->prev->next = n->next;
	else
		q->first = n->next;
	if (n->next)
		n->next->prev = n->prev;
	else
		q->last = n->prev;
	/* [queue.out] pairs with [select.out]: nobody looks at it any more. */
	a_store(&n->queued, false, release);
}

/* -- LOCK -- */

struct m *chan_lock_slow(struct leat_chan_ *c, struct m *m, uint64_t flag);

/* Take LOCK, and set a flag with the same step; where we run then. */
static ALWAYS_INLINE struct m *chan_lock(struct leat_chan_ *c, struct m *m,
					 uint64_t flag)
{
	if (likely(m)) {
		bool alone = bias_enter(&c->bias, m);
		/* [chan.ours] pairs with [chan.unlock], [switch.word]. */
		uint64_t was = a_load(&c->word, acquire);

		if (likely(alone && !(was & CHAN_LOCK))) {
			a_store(&c->word, was | CHAN_LOCK | flag, relaxed);
			bias_leave(m);
			return m;
		}
		bias_leave(m);
	}
	return chan_lock_slow(c, m, flag);
}

/* What drops LOCK when it is stored in the word. */
static ALWAYS_INLINE uint64_t chan_unlocked(struct leat_chan_ *c)
{
	uint64_t word = a_load(&c->word, relaxed) + CHAN_VERSION;

	word &= ~(uint64_t)(CHAN_LOCK | CHAN_RECEIVERS | CHAN_SENDERS);
	if (c->recvq.first)
		word |= CHAN_RECEIVERS;
	if (c->sendq.first)
		word |= CHAN_SENDERS;
	return word;
}

static ALWAYS_INLINE void chan_unlock(struct leat_chan_ *c)
{
	/* [chan.unlock] pairs with [chan.lock], [chan.ours], [chan.ours_too]. */
	a_store(&c->word, chan_unlocked(c), release);
}

/* -- who waits is served -- */

/* With LOCK: serve all who can be served.  NONE: no more can be done; BUSY: not
 * now, but a peer is in its window. */
enum ring_result chan_match(struct leat_chan_ *c, struct served *s);
/* Without LOCK: wake them. */
void chan_wake(struct served *s, struct m *m);

enum claim { CLAIM_OURS, CLAIM_THEIRS, CLAIM_GONE };

/* Claim a choice for a few steps: done, another has it, or it was fired. */
enum claim choice_try_claim(struct choice *c);
/* The same, waiting while another has it; false: it was fired. */
bool choice_claim(struct choice *c);
/* Until nobody has it. */
void choice_await(struct choice *c);
/* The turn-th pause of one who waits for another's claim. */
void choice_rest(int turn);
void choice_unclaim(struct choice *c);
/* What is claimed is chosen; true: it is to be woken. */
bool choice_fire(struct choice *c, uint32_t index);

/* With LOCK: the first of a queue that can be served, claimed if it is a
 * select; NULL if there is none. */
struct party *chan_claim_first(struct queue *q);
/* n, which was removed from its queue, is done. */
void chan_serve(struct party *n, bool ok, struct served *s);

static ALWAYS_INLINE void chan_copy(const struct leat_chan_ *c, void *to,
				    const void *from)
{
	if (unlikely(!to))
		return;
	if (likely(c->ring.size <= WORD))
		copy_small(to, from, c->ring.size);
	else
		memcpy(to, from, c->ring.size);
}

static inline void chan_zero(const struct leat_chan_ *c, void *elem)
{
	if (elem)
		memset(elem, 0, c->ring.size);
}

/* -- operations -- */

/* One that does not wait. */
enum ring_result chan_try(struct leat_chan_ *c, enum direction d, void *elem);

/* Where it takes more than a step on the ring. */
void chan_send_slowly(struct leat_chan_ *c, void *elem);
bool chan_receive_slowly(struct leat_chan_ *c, void *elem);
int chan_offer_slowly(struct leat_chan_ *c, void *elem);
enum ring_result chan_try_slowly(struct leat_chan_ *c, enum direction d,
				 void *elem);

/* Without a buffer, once closed, nothing ever comes again. */
static ALWAYS_INLINE bool chan_over(struct leat_chan_ *c)
{
	/* [chan.over] pairs with [chan.close]: what was done before it. */
	return c->ring.cap == 0 &&
	       unlikely(a_load(&c->word, acquire) & CHAN_SHUT);
}

/* From the scheduler, for a channel of time's: neither ever waits, nor gives way
 * to a goroutine.  It is dropped if there is no room. */
void chan_tick(struct leat_chan_ *c, const void *elem, struct m *m);
/* What is in the buffer is gone; true: there was something. */
bool chan_take_back(struct leat_chan_ *c);

/* A send on it. */
COLD _Noreturn void chan_closed(void);
/* A receive when nothing is left: false. */
COLD bool chan_ended(struct leat_chan_ *c, void *elem);

#endif
