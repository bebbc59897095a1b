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

/* The counter is zero and LOCK is ours: all go on, first come first. */
static void release(leat_wg *group, struct m *m)
{
	struct waiter *last = group->waiters, *w = last->next;

	group->waiters = NULL;
	/* [wg.unlock] pairs with [wg.lock], [wg.first], [wg.again]. */
	a_store(word_of(group), 0, release);
	for (bool more = true; more;) {
		struct waiter *next = w->next;

		more = w != last;
		waiter_wake(w, m);
		w = next;
	}
}

static uint64_t sum(uint64_t state, int delta)
{
	return state + ((uint64_t)(uint32_t)delta << 32);
}

/* Somebody adds while those who waited are being let go. */
static bool misused(uint64_t state, int delta)
{
	return (state & WAITERS) && counter(state) == 0 && delta > 0;
}

/* One that lets others go, or meets a lock: inside the runtime, so that the
 * P cannot be taken while LOCK is ours. */
static struct m *add_inside(leat_wg *group, struct m *m, int delta)
{
	_Atomic uint64_t *word = word_of(group);
	uint64_t was = a_load(word, relaxed);

	for (int turn = 0;; turn++) {
		if (unlikely(was & LOCK)) {
			if (misused(was, delta))
				fatal("sync: WaitGroup misuse: "
				      "Add called concurrently with Wait");
			m = waiter_pause(m, turn);
			was = a_load(word, relaxed);
			continue;
		}
		uint64_t now = sum(was, delta);

		if (counter(now) < 0)
			fatal("sync: negative WaitGroup counter");

		bool last = counter(now) == 0 && (was & WAITERS);

		/* [wg.last] pairs with [wg.add], [wg.last], [wg.lock],
		 * [wg.wait], [wg.quick]: the one who brings it to zero has seen, and
		 * shows the waiters, what all the others did. */
		if (a_cas(word, &was, now | (last ? LOCK : 0), acq_rel)) {
			if (last)
				release(group, m);
			return m;
		}
	}
}

/* What is not a mere count: slow, or wrong. */
static __attribute__((noinline)) void add_slow(leat_wg *group, int delta)
{
	if (!group)
		fatal("leat_wg_add: nil WaitGroup");

	struct m *m = add_inside(group, m_enter(), delta);

	if (m)
		m_leave(m);
}

/* One that only counts touches nothing but the word. */
void leat_wg_add(leat_wg *group, int delta)
{
	if (likely(group)) {
		_Atomic uint64_t *word = word_of(group);
		uint64_t was = a_load(word, relaxed), now = sum(was, delta);

		/* [wg.add] pairs with [wg.last], [wg.lock], [wg.wait],
		 * [wg.quick], [wg.behind]. */
		if (likely(!(was & LOCK)) &&
		    (counter(now) > 0 ||
		     (counter(now) == 0 && !(was & WAITERS))) &&
		    likely(a_cas(word, &was, now, acq_rel)))
			return;
	}
	add_slow(group, delta);
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

/* Take LOCK while the counter is not zero: the word before; 0: it is zero. */
static __attribute__((noinline)) uint64_t lock_slow(leat_wg *group,
						    struct m **m)
{
	_Atomic uint64_t *word = word_of(group);

	for (int turn = 0;; turn++) {
		/* [wg.wait] pairs with [wg.add], [wg.last]. */
		uint64_t was = a_load(word, acquire);

		if (counter(was) == 0 && !(was & LOCK))
			return 0;
		/* [wg.lock] pairs with [wg.unlock], [wg.add], [wg.last],
		 * [waiter.unlock], [switch.word]. */
		if (!(was & LOCK) && a_cas(word, &was, was | LOCK, acquire))
			return was;
		*m = waiter_pause(*m, turn);
	}
}

COLD static void reused(void)
{
	fatal("sync: WaitGroup is reused before previous Wait has returned");
}

/* One turn: wait with the list locked, or find that there is no need. */
SANITIZE_SWITCHES void leat_wg_wait(leat_wg *group)
{
	if (unlikely(!group))
		fatal("leat_wg_wait: nil WaitGroup");

	_Atomic uint64_t *word = word_of(group);
	/* [wg.quick] pairs with [wg.add], [wg.last]: nothing to wait for. */
	uint64_t was = a_load(word, acquire);

	if (was == 0)
		return;

	struct m *m = m_enter();

	/* One goroutine is left: if it is the one we have just started, let it
	 * run, and there will be nothing to wait for. */
	if (likely(m) && was == sum(0, 1)) {
		m = park_behind(m);
		/* [wg.behind] pairs with [wg.add]. */
		was = a_load(word, acquire);
		if (likely(was == 0)) {
			m_leave(m);
			return;
		}
	}
	/* [wg.first] pairs with [wg.unlock]: as [wg.lock]. */
	if (unlikely(was & LOCK) || unlikely(counter(was) == 0) ||
	    unlikely(!a_cas(word, &was, was | LOCK, acquire)))
		was = lock_slow(group, &m);
	if (likely(was)) {
		struct waiter me;

		waiter_init(&me, m);
		append(group, &me);
		m = waiter_wait(&me, m, G_WAIT_GROUP, word, was | WAITERS);
		/* [wg.again] pairs with [wg.unlock]. */
		if (unlikely(counter(a_load(word, acquire)) != 0))
			reused();
	}
	if (likely(m))
		m_leave(m);
}

static struct m *done_at_end(struct m *m, void *group)
{
	return add_inside(group, m, -1);
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
