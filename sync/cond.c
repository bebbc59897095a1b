/*
 * cond.c - wait until something that a mutex protects has changed.
 *
 *	who waits                        who tells
 *
 *	LOCK, into the list
 *	unlocks the mutex                locks the mutex, changes things
 *	LOCK, still in the list?         LOCK, takes the first out of the list
 *	   yes: sleeps, which drops LOCK    asleep: wakes it
 *	   no: has been told                not yet: it will see that it is out
 *	locks the mutex
 *
 *	state	| mark : 10 | .. | WAITERS | LOCK |
 *
 * To unlock a mutex may let another run, so it is not done under LOCK: who waits is
 * in the list before that, and looks again afterwards.
 *
 * Invariant: the list is touched only under LOCK; WAITERS says that it is not empty;
 * while LOCK is set nobody but its holder changes the word.  The nodes are in the
 * waiters' frames: who tells touches one that was not asleep no more once LOCK is
 * dropped, and the cond itself neither.
 *
 * Linearization points: of a wait, the drop of the first LOCK; of a signal, the load
 * that sees no WAITERS, or the drop of its LOCK.
 *
 * The meaning is that of Go's sync.Cond, first come first told.
 */
#include "leat/cond.h"

#include "leat/context.h"

#include "core/base.h"
#include "core/clock.h"
#include "sync/circle.h"
#include "sync/mark.h"
#include "sync/mutex.h"
#include "sync/select.h"

#include <errno.h>

enum { LOCK = 1, WAITERS = 2, MARK_SHIFT = 54 };

struct sleeper {
	struct party party;
	struct waiter who;
	bool told, asleep; /* under LOCK */
};

static _Atomic uint64_t *word_of(leat_cond *cond)
{
	return (_Atomic uint64_t *)&cond->state;
}

static uint64_t look(leat_cond *cond)
{
	uint64_t was = a_load(word_of(cond), relaxed);

	if (mark_differs(cond, was >> MARK_SHIFT))
		fatal("sync.Cond is copied");
	return was;
}

/* What the word is without LOCK. */
static uint64_t unlocked(leat_cond *cond)
{
	return mark(cond) << MARK_SHIFT | (cond->waiters ? WAITERS : 0);
}

static void drop(leat_cond *cond)
{
	/* [cond.drop] pairs with [cond.lock]. */
	a_store(word_of(cond), unlocked(cond), release);
}

/* LOCK is ours; where we run then. */
static struct m *take(leat_cond *cond, struct m *m)
{
	for (int turn = 0;;) {
		uint64_t was = look(cond);

		if (was & LOCK)
			m = waiter_pause(m, turn++);
		/* [cond.lock] pairs with [cond.drop], [switch.word],
		 * [waiter.unlock]. */
		else if (a_cas(word_of(cond), &was, was | LOCK, acquire))
			return m;
	}
}

/* -- to wait -- */

SANITIZE_SWITCHES void leat_cond_wait(leat_cond *cond, leat_mutex *mu)
{
	struct sleeper me;
	struct m *m;

	if (!cond)
		fatal("leat_cond_wait: nil Cond");
	if (!mu)
		fatal("leat_cond_wait: nil Mutex");
	m = take(cond, m_enter());
	me.party.who = &me.who;
	me.party.choice = NULL;
	me.told = me.asleep = false;
	circle_push(&cond->waiters, &me.party);
	drop(cond);

	m = mutex_unlock(mu, m);
	m = take(cond, m);
	if (me.told) {
		drop(cond);
	} else {
		waiter_init(&me.who, m);
		me.asleep = true;
		m = waiter_wait(&me.who, m, G_COND, word_of(cond),
				unlocked(cond));
	}
	if (m)
		m_leave(m);
	leat_mutex_lock(mu);
}

/* -- to tell -- */

/* With LOCK, out of the list: true: it goes on; *asleep: it is to be woken. */
static bool goes_on(struct party *n, bool *asleep)
{
	struct sleeper *s;
	bool waits;

	if (n->choice) {
		waits = choice_claim(n->choice);
		*asleep = waits && choice_fire(n->choice, n->index);
		a_store(&n->queued, false, relaxed);
		return waits;
	}
	s = container_of(n, struct sleeper, party);
	s->told = true;
	*asleep = s->asleep;
	return true;
}

void leat_cond_signal(leat_cond *cond)
{
	if (!cond)
		fatal("leat_cond_signal: nil Cond");
	if (!(look(cond) & (WAITERS | LOCK)))
		return;

	struct m *m = take(cond, m_enter());
	struct waiter *who = NULL;
	bool told = false, asleep = false;

	while (!told && cond->waiters) {
		struct party *n = ((struct party *)cond->waiters)->next;

		circle_remove(&cond->waiters, n);
		told = goes_on(n, &asleep);
		who = n->who;
	}
	drop(cond);
	if (asleep)
		waiter_wake(who, m);
	if (m)
		m_leave(m);
}

void leat_cond_broadcast(leat_cond *cond)
{
	if (!cond)
		fatal("leat_cond_broadcast: nil Cond");
	if (!(look(cond) & (WAITERS | LOCK)))
		return;

	struct m *m = take(cond, m_enter());
	struct party *n = circle_take(&cond->waiters), *next, *first = NULL;
	struct party **end = &first;

	for (; n; n = next) {
		bool asleep;

		next = n->next;
		goes_on(n, &asleep);
		if (asleep) {
			*end = n;
			end = &n->next;
		}
	}
	*end = NULL;
	drop(cond);
	for (n = first; n; n = next) {
		next = n->next;
		waiter_wake(n->who, m);
	}
	if (m)
		m_leave(m);
}

/* -- waits that have an end -- */

struct beside_cond {
	struct beside beside;
	leat_cond *cond;
	leat_mutex *mu;
	bool unlocked;
};

static bool joins(struct beside *beside, struct m **m)
{
	struct beside_cond *b =
		container_of(beside, struct beside_cond, beside);

	*m = take(b->cond, *m);
	circle_push(&b->cond->waiters, &beside->party);
	a_store(&beside->party.queued, true, relaxed);
	drop(b->cond);
	b->unlocked = true;
	*m = mutex_unlock(b->mu, *m);
	return true;
}

static void leaves(struct beside *beside, struct m **m)
{
	struct beside_cond *b =
		container_of(beside, struct beside_cond, beside);

	if (!b->unlocked)
		return;
	*m = take(b->cond, *m);
	if (a_load(&beside->party.queued, relaxed))
		circle_remove(&b->cond->waiters, &beside->party);
	drop(b->cond);
}

static int wait_beside(leat_cond *cond, leat_mutex *mu,
		       const struct leat_case *cases, int n, leat_time when)
{
	struct beside_cond b = { { joins, leaves, { 0 } }, cond, mu, false };
	int i = select_beside(&b.beside, cases, n, when);

	if (b.unlocked)
		leat_mutex_lock(mu);
	return i;
}

int leat_cond_wait_until(leat_cond *cond, leat_mutex *mu, leat_time when)
{
	int i;

	if (!cond)
		fatal("leat_cond_wait_until: nil Cond");
	if (!mu)
		fatal("leat_cond_wait_until: nil Mutex");
	i = wait_beside(cond, mu, NULL, 0, when);
	return i == -1 ? -ETIMEDOUT : i;
}

int leat_cond_wait_ctx(leat_ctx *ctx, leat_cond *cond, leat_mutex *mu)
{
	const struct leat_case over = leat_on_recv(leat_ctx_done(ctx), NULL);
	int i;

	if (!cond)
		fatal("leat_cond_wait_ctx: nil Cond");
	if (!mu)
		fatal("leat_cond_wait_ctx: nil Mutex");
	i = wait_beside(cond, mu, &over, 1, LEAT_NEVER);
	return i == 1 ? 0 : i == 0 ? -ECANCELED : i;
}
