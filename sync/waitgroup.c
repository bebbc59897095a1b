/*
 * waitgroup.c - wait until a number of goroutines have finished.
 *
 *	state	| counter : 32 | unused : 30 | WAITERS | LOCK |
 *
 *	        add, done: the counter, by compare-and-swap; to zero with
 *	        WAITERS set: takes LOCK with the same one
 *	        wait: LOCK, puts itself in the list, and the switch
 *	        away stores the word with WAITERS and without LOCK
 *
 * Invariant: the list is touched only under LOCK; WAITERS says that it is not
 * empty; while LOCK is set nobody but its holder changes the word.  The
 * counter and "somebody waits" live in one word, so that they are seen at one
 * instant, and an add and a done cost one locked operation each.
 *
 * Linearization points: the successful compare-and-swap of an add; a wait's
 * load that sees zero.  The nodes are in the waiters' frames: nothing is
 * reclaimed, and the last touch of the group by a done is the store that drops
 * LOCK, before anybody is woken, so it may be freed by whoever waited.
 *
 * The meaning is that of Go's sync.WaitGroup.
 */
#include "leat/waitgroup.h"

#include "core/base.h"
#include "core/go.h"
#include "sync/waiter.h"

enum { LOCK = 1, WAITERS = 2 };

_Static_assert(sizeof(leat_wg) == 16, "a WaitGroup is two words");

static _Atomic uint64_t *word_of(leat_wg *group)
{
	return (_Atomic uint64_t *)&group->state;
}

static int32_t counter(uint64_t state)
{
	return (int32_t)(state >> 32);
}

/* Another holds LOCK, for a few instructions; perhaps it lost its CPU. */
static struct m *let_go_on(struct m *m, int turn)
{
	if (turn < 50) {
		a_spin();
		return m;
	}
	if (m)
		return yield(m);
	a_yield();
	return NULL;
}

/* The counter is zero and LOCK is ours: all go on, first come first. */
static void release(leat_wg *group, struct m *m)
{
	struct waiter *last = group->waiters, *w = last->next;

	group->waiters = NULL;
	/* [wg.unlock] pairs with [wg.lock], [wg.add], [wg.again]. */
	a_store(word_of(group), 0, release);
	for (bool more = true; more;) {
		struct waiter *next = w->next;

		more = w != last;
		waiter_wake(w, m);
		w = next;
	}
}

/* Somebody adds while those who waited are being let go. */
static bool misused(uint64_t state, int delta)
{
	return (state & WAITERS) && counter(state) == 0 && delta > 0;
}

static ALWAYS_INLINE struct m *add(leat_wg *group, struct m *m, int delta)
{
	_Atomic uint64_t *word = word_of(group);
	uint64_t was = a_load(word, relaxed);

	for (int turn = 0;; turn++) {
		if (unlikely(was & LOCK)) {
			if (misused(was, delta))
				fatal("sync: WaitGroup misuse: "
				      "Add called concurrently with Wait");
			m = let_go_on(m, turn);
			was = a_load(word, relaxed);
			continue;
		}
		uint64_t now = was + ((uint64_t)(uint32_t)delta << 32);

		if (unlikely(counter(now) < 0))
			fatal("sync: negative WaitGroup counter");

		bool last = counter(now) == 0 && (was & WAITERS);

		/* [wg.add] pairs with [wg.add], [wg.lock], [wg.wait],
		 * [wg.unlock]: the one who brings it to zero has seen, and
		 * shows the waiters, what all the others did. */
		if (a_cas(word, &was, now | (last ? LOCK : 0), acq_rel)) {
			if (last)
				release(group, m);
			return m;
		}
	}
}

void leat_wg_add(leat_wg *group, int delta)
{
	if (!group)
		fatal("leat_wg_add: nil WaitGroup");

	struct m *m = add(group, m_enter(), delta);

	if (m)
		m_leave(m);
}

void leat_wg_done(leat_wg *group)
{
	leat_wg_add(group, -1);
}

/* The list is a circle, held by its last. */
static void append(leat_wg *group, struct waiter *w)
{
	struct waiter *last = group->waiters;

	w->next = last ? last->next : w;
	if (last)
		last->next = w;
	group->waiters = w;
}

static struct m *wait(leat_wg *group, struct m *m)
{
	_Atomic uint64_t *word = word_of(group);
	struct waiter me;

	for (int turn = 0;; turn++) {
		/* [wg.wait] pairs with [wg.add]. */
		uint64_t was = a_load(word, acquire);

		if (counter(was) == 0 && !(was & LOCK))
			return m;
		/* [wg.lock] pairs with [wg.unlock], [wg.add],
		 * [waiter.unlock], [switch.word]. */
		if (!(was & LOCK) && a_cas(word, &was, was | LOCK, acquire)) {
			waiter_init(&me, m);
			append(group, &me);
			m = waiter_wait(&me, m, G_WAIT_GROUP, word,
					was | WAITERS);
			/* [wg.again] pairs with [wg.unlock]. */
			if (unlikely(counter(a_load(word, acquire)) != 0))
				fatal("sync: WaitGroup is reused before "
				      "previous Wait has returned");
			return m;
		}
		m = let_go_on(m, turn);
	}
}

void leat_wg_wait(leat_wg *group)
{
	if (!group)
		fatal("leat_wg_wait: nil WaitGroup");
	/* [wg.quick] pairs with [wg.add]: nothing to wait for. */
	if (a_load(word_of(group), acquire) == 0)
		return;

	struct m *m = wait(group, m_enter());

	if (m)
		m_leave(m);
}

static struct m *done_at_end(struct m *m, void *group)
{
	return add(group, m, -1);
}

int leat_wg_go_(leat_wg *group, leat_fn_ *fn, int argc, const uintptr_t *argv)
{
	struct go_extra extra = { .at_end = done_at_end, .arg = group };
	int rc;

	leat_wg_add(group, 1);
	rc = go_start(NULL, &extra, fn, argc, argv);
	if (rc != 0)
		leat_wg_add(group, -1);
	return rc;
}
