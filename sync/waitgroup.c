/*
 * waitgroup.c - wait until a number of goroutines have finished.
 *
 *	state	| counter : 32 | .. | mark : 10 | WAITERS | LOCK |
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
 * The mark (sync/mark.h) is there while the counter is not zero: a copy made
 * then is found when somebody uses it.
 *
 * The meaning is that of Go's sync.WaitGroup.
 */
#include "leat/waitgroup.h"

#include "leat/context.h"
#include "leat/time.h"

#include "core/base.h"
#include "core/clock.h"
#include "core/go.h"
#include "core/panic.h"
#include "sync/circle.h"
#include "sync/mark.h"
#include "sync/select.h"
#include "sync/waitgroup.h"

#include <errno.h>

enum { LOCK = 1, WAITERS = 2, MARK_SHIFT = 2 };

_Static_assert(sizeof(leat_wg) == 16, "a WaitGroup is two words");

static _Atomic uint64_t *word_of(leat_wg *group)
{
	return (_Atomic uint64_t *)&group->state;
}

static int32_t counter(uint64_t state)
{
	return (int32_t)(state >> 32);
}

/* n is out of the list: is it to be woken?  One that is awake goes when LOCK is
 * dropped. */
static bool serve(struct party *n)
{
	bool asleep;

	if (likely(!n->choice))
		return true;
	asleep = choice_claim(n->choice) && choice_fire(n->choice, n->index);
	beside_out(n);
	return asleep;
}

/* Those of a list who are to be woken. */
static struct party *serve_all(struct party *n)
{
	struct party *first = NULL, **end = &first, *next;

	for (; n; n = next) {
		next = n->next;
		if (serve(n)) {
			*end = n;
			end = &n->next;
		}
	}
	*end = NULL;
	return first;
}

/* The counter is zero and LOCK is ours: all go on, first come first. */
static void release(leat_wg *group, struct m *m)
{
	struct party *n = serve_all(circle_take(&group->waiters)), *next;

	/* [wg.unlock] pairs with [wg.lock], [wg.first], [wg.again],
	 * [wg.left], [wg.leave], [wg.done], [wg.count]. */
	a_store(word_of(group), 0, release);
	for (; n; n = next) {
		next = n->next;
		waiter_wake(n->who, m);
	}
}

static uint64_t mark_of(const leat_wg *group)
{
	return mark(group) << MARK_SHIFT;
}

static ALWAYS_INLINE void check_place(const leat_wg *group, uint64_t was)
{
	const uint64_t all = (1 << MARK_BITS) - 1;

	if (mark_differs(group, was >> MARK_SHIFT & all))
		fatal("sync: WaitGroup is copied");
}

static uint64_t sum(const leat_wg *group, uint64_t state, int delta)
{
	uint64_t now = state + ((uint64_t)(uint32_t)delta << 32);

	return counter(now) ? now | mark_of(group) : now & ~mark_of(group);
}

/* Somebody adds while those who waited are being let go. */
static bool misused(uint64_t state, int delta)
{
	return (state & WAITERS) && counter(state) == 0 && delta > 0;
}

COLD static void negative(struct m *m)
{
	if (m)
		m_leave(m);
	panics("sync: negative WaitGroup counter");
}

COLD static void misuse(struct m *m)
{
	if (m)
		m_leave(m);
	panics("sync: WaitGroup misuse: Add called concurrently with Wait");
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
				misuse(m);
			m = waiter_pause(m, turn);
			was = a_load(word, relaxed);
			continue;
		}
		uint64_t now = sum(group, was, delta);

		check_place(group, was);
		if (counter(now) < 0)
			negative(m);

		bool last = counter(now) == 0 && (was & WAITERS);

		/* [wg.last] pairs with [wg.add], [wg.last], [wg.lock],
		 * [wg.wait], [wg.quick], [wg.leave], [wg.done],
		 * [wg.count]: the one who brings it to zero has seen, and
		 * shows the waiters, what all the others did. */
		if (a_cas(word, &was, now | (last ? LOCK : 0), acq_rel)) {
			if (last)
				release(group, m);
			return m;
		}
		/* One loss is bad luck; where goroutines end it mostly is. */
		if (turn > 0)
			backoff();
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
		uint64_t was = a_load(word, relaxed);
		uint64_t now = sum(group, was, delta);

		check_place(group, was);
		/* [wg.add] pairs with [wg.last], [wg.lock], [wg.wait],
		 * [wg.quick], [wg.behind], [wg.done], [wg.count], [wg.leave]; what
		 * others did, those see as well, for all go on from one
		 * another's words. */
		if (likely(!(was & LOCK)) &&
		    (counter(now) > 0 ||
		     (counter(now) == 0 && !(was & WAITERS))) &&
		    likely(a_cas(word, &was, now, release)))
			return;
	}
	add_slow(group, delta);
}

void leat_wg_done(leat_wg *group)
{
	leat_wg_add(group, -1);
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
		 * [wg.joined], [wg.drop],
		 * [waiter.unlock], [switch.word]. */
		if (was & LOCK)
			*m = waiter_pause(*m, turn);
		else if (a_cas(word, &was, was | LOCK, acquire))
			return was;
	}
}

COLD static void reused(void)
{
	panics("sync: WaitGroup is reused before previous Wait has returned");
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
	check_place(group, was);

	struct m *m = m_enter();
	bool again = false;

	/* One goroutine is left: if it is the one we have just started, let it
	 * run, and there will be nothing to wait for. */
	if (likely(m) && was == sum(group, 0, 1)) {
		m = park_behind(m);
		/* [wg.behind] pairs with [wg.add]. */
		was = a_load(word, acquire);
		if (likely(was == 0)) {
			m_leave(m);
			return;
		}
	}
	/* [wg.first] pairs with [wg.unlock], [wg.joined], [wg.drop]: as [wg.lock]. */
	if (unlikely(was & LOCK) || unlikely(counter(was) == 0) ||
	    unlikely(!a_cas(word, &was, was | LOCK, acquire)))
		was = lock_slow(group, &m);
	if (likely(was)) {
		struct waiter me;
		struct party p;

		waiter_init(&me, m);
		p.who = &me;
		p.choice = NULL;
		circle_push(&group->waiters, &p);
		m = waiter_wait(&me, m, G_WAIT_GROUP, word, was | WAITERS);
		/* [wg.again] pairs with [wg.unlock]. */
		again = counter(a_load(word, acquire)) != 0;
	}
	if (likely(m))
		m_leave(m);
	if (unlikely(again))
		reused();
}

/* -- waits that have an end -- */

struct beside_group {
	struct beside beside;
	leat_wg *group;
};

static bool joins(struct beside *b, struct m **m)
{
	leat_wg *group = container_of(b, struct beside_group, beside)->group;
	uint64_t was = lock_slow(group, m);

	if (!was)
		return false;
	circle_push(&group->waiters, &b->party);
	a_store(&b->party.queued, true, relaxed);
	/* [wg.joined] pairs with [wg.lock], [wg.first], [wg.leave]. */
	a_store(word_of(group), was | WAITERS, release);
	return true;
}

static void leaves(struct beside *b, struct m **m)
{
	leat_wg *group = container_of(b, struct beside_group, beside)->group;
	_Atomic uint64_t *word = word_of(group);

	for (int turn = 0;; turn++) {
		/* [wg.left] pairs with [wg.unlock], [wg.drop]: the group may
		 * be freed. */
		uint64_t was = a_load(word, acquire);

		if (was & LOCK) {
			*m = waiter_pause(*m, turn);
			continue;
		}
		if (!beside_is_in(&b->party))
			return;
		/* [wg.leave] pairs with [wg.unlock], [wg.add], [wg.last],
		 * [wg.joined], [wg.drop], [waiter.unlock], [switch.word]. */
		if (!a_cas(word, &was, was | LOCK, acquire))
			continue;
		if (a_load(&b->party.queued, relaxed))
			circle_remove(&group->waiters, &b->party);
		if (!group->waiters)
			was &= ~(uint64_t)WAITERS;
		/* [wg.drop] pairs with [wg.lock], [wg.first], [wg.leave],
		 * [wg.left]. */
		a_store(word, was, release);
		return;
	}
}

/* Nothing to wait for, and nobody is about to let others go. */
static bool is_done(leat_wg *group)
{
	/* [wg.done] pairs with [wg.add], [wg.last], [wg.unlock]. */
	uint64_t was = a_load(word_of(group), acquire);

	return counter(was) == 0 && !(was & LOCK);
}

int wg_count(const leat_wg *group)
{
	/* [wg.count] pairs with [wg.add], [wg.last], [wg.unlock]. */
	return counter(
		a_load((const _Atomic uint64_t *)&group->state, acquire));
}

static int wait_beside(leat_wg *group, const struct leat_case *cases, int n,
		       leat_time when)
{
	struct beside_group b = { { joins, leaves, { 0 } }, group };
	int i = select_beside(&b.beside, cases, n, when);

	if (i == n && counter(a_load(word_of(group), relaxed)) != 0)
		reused();
	return i;
}

int leat_wg_wait_until(leat_wg *group, leat_time when)
{
	if (!group)
		fatal("leat_wg_wait_until: nil WaitGroup");
	if (is_done(group))
		return 0;
	if (when != LEAT_NEVER && when <= clock_now())
		return -ETIMEDOUT;

	int i = wait_beside(group, NULL, 0, when);

	return i == -1 ? -ETIMEDOUT : i;
}

int leat_wg_wait_ctx(leat_ctx *ctx, leat_wg *group)
{
	const struct leat_case over = leat_on_recv(leat_ctx_done(ctx), NULL);

	if (!group)
		fatal("leat_wg_wait_ctx: nil WaitGroup");
	if (is_done(group))
		return 0;
	return wait_beside(group, &over, 1, LEAT_NEVER) == 0 ? -ECANCELED : 0;
}

static struct m *done_at_end(struct m *m, void *group, uintptr_t result)
{
	(void)result;
	return add_inside(group, m, -1);
}

NOT_INLINE int leat_wg_go_(leat_wg *group, leat_fn_ *fn, int argc,
			   const uintptr_t *argv)
{
	struct go_extra extra = {
		.end = { done_at_end, group },
		.site = __builtin_return_address(0),
	};
	int rc;

	leat_wg_add(group, 1);
	rc = go_start(NULL, &extra, fn, argc, argv);
	if (rc != 0)
		leat_wg_add(group, -1);
	return rc;
}
