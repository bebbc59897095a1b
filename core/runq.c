/*
 * runq.c - the ring that thieves rob.
 *
 * The owner pushes at the tail and pops at the head; thieves take half from
 * the head.  The counters run freely and wrap; slot i lives at i % RUNQ_CAP.
 *
 *	         head                    tail
 *	          v                       v
 *	 .   .  [ A   B   C   D   E   F ]   .   .
 *	          '- grab -'              '- push
 *	          '- pop
 *
 *	word    written by       what it promises
 *	head    anyone, by CAS   slots below it are free to fill
 *	tail    the owner        slots below it are filled
 *	slot    the owner        nothing: a thief reads first and claims after
 *
 * Linearization points: push at the store of tail; pop and grab at their
 * successful compare-and-swap of head; an empty answer at the load of tail.
 * Only moving head claims a goroutine, so slots are atomics, if relaxed ones:
 * the loser of a race has read one that is being overwritten, and drops it
 * unread.  A goroutine may come back to the same slot only 2^32 pushes later,
 * so a compare-and-swap cannot succeed on an old head (no ABA), and nothing is
 * reclaimed: the ring lives as long as its P.
 *
 * After runqput, runqget and runqgrab of Go's scheduler (Vyukov, Go 1.1).
 */
#include "core/runq.h"

static _Atomic(struct g *) *slot(struct runq *q, uint32_t i)
{
	return &q->slot[i % RUNQ_CAP];
}

bool runq_push(struct runq *q, struct g *g)
{
	uint32_t tail = a_load(&q->tail, relaxed); /* only the owner writes */

	/* [push.head] pairs with [grab.head], [pop.head]: whoever freed the
	 * slot had finished reading it. */
	uint32_t head = a_load(&q->head, acquire);

	if (tail - head == RUNQ_CAP)
		return false;
	a_store(slot(q, tail), g, relaxed);

	/* [push.tail] pairs with [grab.tail]: the goroutine and its slot are
	 * visible before the tail that covers them. */
	a_store(&q->tail, tail + 1, release);
	return true;
}

struct g *runq_pop(struct runq *q)
{
	uint32_t tail = a_load(&q->tail, relaxed);
	uint32_t head = a_load(&q->head, relaxed);

	while (head != tail) {
		struct g *g = a_load(slot(q, head), relaxed);

		/* [pop.head] pairs with [grab.seen], [push.head]. */
		if (a_cas(&q->head, &head, head + 1, release))
			return g;
	}
	return NULL;
}

uint32_t runq_grab(struct runq *q, struct g **out)
{
	for (;;) {
		/* [grab.seen] pairs with [grab.head], [pop.head]: the tail
		 * read next is no older than this head. */
		uint32_t head = a_load(&q->head, acquire);

		/* [grab.tail] pairs with [push.tail]. */
		uint32_t n = a_load(&q->tail, acquire) - head;

		n -= n / 2;
		if (n == 0)
			return 0;
		if (n > RUNQ_CAP / 2)
			continue; /* head moved between the two loads */
		for (uint32_t i = 0; i < n; i++)
			out[i] = a_load(slot(q, head + i), relaxed);

		/* [grab.head] pairs with [push.head], [grab.seen]: our reads
		 * end before the owner may fill the slots again. */
		if (a_cas(&q->head, &head, head + n, release))
			return n;
	}
}
