/*
 * mutex.c - one at a time.
 *
 *	state	| mark : 10 | passed : 6 | last who waits : 44 | . AWAKE LOCK OWNED |
 *
 *	          lock: by one compare-and-swap
 *	 free  -----------------------------------> OWNED
 *	       <-----------------------------------
 *	          unlock: the same, if nobody waits
 *
 *	 OWNED, and somebody waits, at the unlock:
 *
 *	   the first has waited long,   OWNED stays: it is handed over; the one who
 *	   or waits with a deadline     unlocked lets him run at once
 *	   otherwise                    AWAKE: the first is woken, and competes
 *	                                with whoever comes by
 *	   AWAKE was set                nothing: somebody awake competes already
 *
 * A goroutine that locks again what it has just unlocked costs two locked
 * operations, one that is woken first ten times as much.  So those who run pass by
 * those who sleep, and one of these at a time is awake to try.  Whoever has passed
 * by for PASSES times lets others run; and who has waited for a millisecond is
 * handed the lock, and so on while the first has waited that long: the queue is
 * served in its order then, on the CPU where the lock is (which keeps what it
 * protects in that CPU's cache).
 *
 * Invariant: the queue is touched only under LOCK, and while LOCK is set nobody
 * but its holder changes the word, so it is dropped by a plain store.  Who waits
 * while it is free has one who is AWAKE ahead of him.  The nodes are in the
 * waiters' frames: nothing is reclaimed, and the last touch of the mutex by an
 * unlock is the step that lets others have it.
 *
 * Linearization points: of a lock, the compare-and-swap that sets OWNED, or the
 * store of the one who hands it over; of an unlock, the step that clears OWNED, or
 * that store.
 *
 * AWAKE and the change of modes after Go's sync.Mutex, here without a mode: the
 * age of the first decides each time.  To go on with the next critical section
 * where the last one was: "CES locks" (arXiv 2511.09194).
 */
#include "leat/mutex.h"

#include "leat/context.h"

#include "core/base.h"
#include "core/clock.h"
#include "sync/circle.h"
#include "sync/mark.h"
#include "sync/mutex.h"
#include "sync/select.h"

#include <errno.h>

#ifndef SPINS
#define SPINS 12
#endif

enum { OWNED = 1, LOCK = 2, AWAKE = 4, MARK_SHIFT = 54, SPIN_NS = 8000 };

#define PASSED     (UINT64_C(1) << 48)
#define PASSES     (LEAT_MARKS ? 63 : 1023)
#define ALL_PASSES (PASSES * PASSED)
#define SOME       (15 * PASSED)
#define QUEUE      (PASSED - 16)

_Static_assert(sizeof(leat_mutex) == 8, "a mutex is one word");

/* One who waits for as long as it takes. */
struct locker {
	_Alignas(16) struct party party;
	struct waiter who;
	int64_t since;
	bool handed; /* written by who wakes it */
};

static _Atomic uint64_t *word_of(leat_mutex *mu)
{
	return (_Atomic uint64_t *)&mu->state;
}

static uint64_t mark_of(const leat_mutex *mu)
{
	return mark(mu) << MARK_SHIFT;
}

/* The word was used, and lay elsewhere. */
static void check_place(const leat_mutex *mu, uint64_t was)
{
	if (mark_differs(mu, was >> MARK_SHIFT))
		fatal("sync: Mutex is copied");
}

static void *last_of(uint64_t was)
{
	return (void *)(uintptr_t)(was & QUEUE);
}

static uint64_t with_queue(uint64_t was, void *last)
{
	return (was & ~QUEUE) | (uintptr_t)last;
}

/* -- the steps -- */

/* OWNED is ours; false, and *was as it is: it was not as we thought. */
static ALWAYS_INLINE bool own_it(leat_mutex *mu, uint64_t *was, uint64_t now)
{
	/* [mutex.hold] pairs with [mutex.free], [mutex.put]. */
	return a_cas(word_of(mu), was, now, acquire);
}

/* The queue is ours. */
static ALWAYS_INLINE bool lock_queue(leat_mutex *mu, uint64_t *was)
{
	/* [mutex.lock] pairs with [mutex.put], [switch.word], [waiter.unlock]. */
	return a_cas(word_of(mu), was, *was | LOCK, acquire);
}

/* It is not any more; perhaps OWNED is given up, too. */
static ALWAYS_INLINE void unlock_queue(leat_mutex *mu, uint64_t now)
{
	/* [mutex.put] pairs with [mutex.lock], [mutex.hold], [mutex.gone]. */
	a_store(word_of(mu), now, release);
}

static ALWAYS_INLINE bool disown(leat_mutex *mu, uint64_t *was, uint64_t now)
{
	/* [mutex.free] pairs with [mutex.hold]; and who has the queue after
	 * that takes nothing from it that we have put there. */
	return a_cas(word_of(mu), was, now, release);
}

/* -- lock -- */

/* Whoever has it may be done in a moment; where there is nothing else to do, it is
 * not worth while to sleep. */
static bool may_spin(struct m *m)
{
	return !park_alone() && (!m || !park_waits(m));
}

/* With LOCK, OWNED: at the end of the queue, or, if it has waited before, at its
 * head; wait. */
SANITIZE_SWITCHES static ALWAYS_INLINE struct m *
queue_up(struct locker *me, struct m *m, leat_mutex *mu, uint64_t was)
{
	void *last = last_of(was), *old = last;

	waiter_init(&me->who, m);
	me->party.who = &me->who;
	me->party.choice = NULL;
	d_write(&me->handed, false);
	circle_push(&last, &me->party);
	if (me->since && old)
		last = old;
	if (!me->since)
		me->since = os_now();
	return waiter_wait(&me->who, m, G_MUTEX, word_of(mu),
			   with_queue(was, last));
}

static __attribute__((noinline)) SANITIZE_SWITCHES void
lock_slow(leat_mutex *mu)
{
	if (!mu)
		fatal("leat_mutex_lock: nil Mutex");

	_Atomic uint64_t *word = word_of(mu);
	struct m *m = m_enter();
	struct locker me;
	uint64_t awake = 0; /* AWAKE, if that is us, and what has passed by */
	int spun = 0, turn = 0;
	int64_t begun = 0;

	me.since = 0;
	for (;;) {
		uint64_t was = a_load(word, relaxed);

		check_place(mu, was);
		if (was & LOCK) {
			m = waiter_pause(m, turn++);
			continue;
		}
		if (!(was & OWNED)) {
			if (own_it(mu, &was,
				   (was & ~awake) | OWNED | mark_of(mu)))
				break;
			continue;
		}
		if (spun < SPINS && (awake || !(was & (AWAKE | QUEUE))) &&
		    may_spin(m)) {
			/* Nobody else is to be woken meanwhile; so one who
			 * comes when others sleep may not spin, or two of
			 * those could pass it to each other for ever. */
			if (awake || a_cas(word, &was, was | AWAKE, relaxed)) {
				awake = AWAKE | ALL_PASSES;
				if (spun++ == 0)
					begun = os_now();
				else if (os_now() - begun > SPIN_NS)
					spun = SPINS;
				backoff();
			}
			continue;
		}
		if (!lock_queue(mu, &was))
			continue;
		m = queue_up(&me, m, mu, (was & ~awake) | mark_of(mu));
		if (d_read(&me.handed))
			break;
		awake = AWAKE | ALL_PASSES;
		spun = 0;
	}
	if (m)
		m_leave(m);
}

void leat_mutex_lock(leat_mutex *mu)
{
	if (likely(mu)) {
		uint64_t was = a_load(word_of(mu), relaxed);

		check_place(mu, was);
		if (likely(!(was & (OWNED | LOCK))) &&
		    likely(own_it(mu, &was, was | OWNED | mark_of(mu))))
			return;
	}
	lock_slow(mu);
}

/* The header knows OWNED. */
bool leat_mutex_try_lock_(leat_mutex *mu)
{
	if (!mu)
		fatal("leat_mutex_try_lock: nil Mutex");

	_Atomic uint64_t *word = word_of(mu);
	uint64_t was = a_load(word, relaxed);
	int turn = 0;

	check_place(mu, was);
	while (!(was & OWNED)) {
		/* Somebody gives up waiting, and has LOCK for a moment. */
		if (unlikely(was & LOCK)) {
			++turn % 64 ? a_spin() : a_yield();
			was = a_load(word, relaxed);
			continue;
		}
		if (likely(own_it(mu, &was, was | OWNED | mark_of(mu))))
			return true;
	}
	return false;
}

/* -- unlock -- */

/* Out of the queue: is it to have the lock?  Not one that has given up. */
static bool takes(struct party *n)
{
	return !n->choice || choice_claim(n->choice);
}

/* The first of the queue that is still there, out of it; NULL. */
static struct party *pop(void **last)
{
	struct party *n = NULL;
	bool found = false;

	while (!found && *last) {
		n = ((struct party *)*last)->next;
		circle_remove(last, n);
		found = takes(n);
		if (n->choice)
			beside_out(n);
	}
	return found ? n : NULL;
}

static bool is_to_be_handed_it(struct party *n)
{
	struct locker *l;
	bool long_enough;

	if (n->choice)
		return true;
	l = container_of(n, struct locker, party);
	long_enough = os_now() - l->since > LEAT_MUTEX_PATIENCE;
	d_write(&l->handed, long_enough);
	return long_enough;
}

/* With LOCK and OWNED: to the next one, or to nobody. */
SANITIZE_SWITCHES static struct m *unlock_to_next(leat_mutex *mu, struct m *m,
						  uint64_t was)
{
	void *last = last_of(was);
	struct party *n = pop(&last);
	bool handed = n && is_to_be_handed_it(n), asleep = n;
	struct waiter *who = n ? n->who : NULL;
	struct g *g = who ? who->g : NULL;

	was = with_queue(was, last) & ~OWNED;
	if (n && n->choice)
		asleep = choice_fire(n->choice, n->index);
	if (n)
		was |= handed ? OWNED : AWAKE;
	unlock_queue(mu, was);
	if (!asleep)
		return m;
	waiter_wake(who, m);
	return m && g && handed ? yield(m) : m;
}

/* Somebody waits, and nobody is awake to try. */
static bool wakes(uint64_t was)
{
	return (was & QUEUE) && !(was & AWAKE);
}

/* Others have passed by who is awake: some times; long enough. */
static bool is_some(uint64_t was)
{
	return (was & AWAKE) && (was & SOME) == SOME;
}

static bool is_enough(uint64_t was)
{
	return (was & ALL_PASSES) == ALL_PASSES;
}

/* What the word is after an unlock that wakes nobody. */
static uint64_t disowned(uint64_t was)
{
	if (is_enough(was))
		return was & ~(OWNED | ALL_PASSES);
	return (was & ~OWNED) + (was & AWAKE ? PASSED : 0);
}

SANITIZE_SWITCHES struct m *mutex_unlock(leat_mutex *mu, struct m *m)
{
	_Atomic uint64_t *word = word_of(mu);

	for (int turn = 0;;) {
		uint64_t was = a_load(word, relaxed);

		check_place(mu, was);
		if (!(was & OWNED))
			fatal("sync: unlock of unlocked mutex");
		if (was & LOCK) {
			m = waiter_pause(m, turn++);
			continue;
		}
		if (wakes(was)) {
			if (lock_queue(mu, &was))
				return unlock_to_next(mu, m, was);
			continue;
		}
		if (!disown(mu, &was, disowned(was)))
			continue;
		/* Who is awake may wait for this very CPU. */
		if (m && is_enough(was))
			m = yield(m);
		else if (m && is_some(was))
			park_share(m);
		return m;
	}
}

static __attribute__((noinline)) SANITIZE_SWITCHES void
unlock_slow(leat_mutex *mu)
{
	struct m *m;

	if (!mu)
		fatal("leat_mutex_unlock: nil Mutex");
	m = mutex_unlock(mu, m_enter());
	if (m)
		m_leave(m);
}

void leat_mutex_unlock(leat_mutex *mu)
{
	if (likely(mu)) {
		uint64_t was = a_load(word_of(mu), relaxed);

		check_place(mu, was);
		if (likely((was & (OWNED | LOCK)) == OWNED) &&
		    likely(!wakes(was)) && likely(!is_some(was)) &&
		    likely(disown(mu, &was, disowned(was))))
			return;
	}
	unlock_slow(mu);
}

/* -- locks that are waited for until something else happens -- */

struct beside_mutex {
	_Alignas(16) struct beside beside;
	leat_mutex *mu;
	bool ours; /* it was free when we came to queue up */
};

_Static_assert(offsetof(struct beside, party) % 16 == 0,
	       "a party's address has room for the flags");

static bool joins(struct beside *b, struct m **m)
{
	struct beside_mutex *bm = container_of(b, struct beside_mutex, beside);
	leat_mutex *mu = bm->mu;
	_Atomic uint64_t *word = word_of(mu);

	for (int turn = 0;;) {
		uint64_t was = a_load(word, relaxed);
		bool held = was & OWNED;
		void *last = last_of(was);

		if (was & LOCK) {
			*m = waiter_pause(*m, turn++);
			continue;
		}
		if (!(held ? lock_queue(mu, &was)
			   : own_it(mu, &was, was | OWNED | mark_of(mu))))
			continue;
		bm->ours = !held;
		if (!held)
			return false;
		circle_push(&last, &b->party);
		a_store(&b->party.queued, true, relaxed);
		unlock_queue(mu, with_queue(was, last) | mark_of(mu));
		return true;
	}
}

static void leaves(struct beside *b, struct m **m)
{
	leat_mutex *mu = container_of(b, struct beside_mutex, beside)->mu;
	_Atomic uint64_t *word = word_of(mu);

	for (int turn = 0;;) {
		/* [mutex.gone] pairs with [mutex.put]: who took us out has
		 * left. */
		uint64_t was = a_load(word, acquire);
		void *last = last_of(was);

		if (was & LOCK) {
			*m = waiter_pause(*m, turn++);
			continue;
		}
		if (!beside_is_in(&b->party))
			return;
		if (!lock_queue(mu, &was))
			continue;
		if (a_load(&b->party.queued, relaxed))
			circle_remove(&last, &b->party);
		unlock_queue(mu, with_queue(was, last));
		return;
	}
}

static int lock_beside(leat_mutex *mu, const struct leat_case *cases, int n,
		       leat_time when)
{
	struct beside_mutex b = { { joins, leaves, { 0 } }, mu, false };
	int i = select_beside(&b.beside, cases, n, when);

	return b.ours ? n : i; /* even if something else came as well */
}

int leat_mutex_lock_until(leat_mutex *mu, leat_time when)
{
	if (!mu)
		fatal("leat_mutex_lock_until: nil Mutex");
	if (leat_mutex_try_lock(mu))
		return 0;
	if (when != LEAT_NEVER && when <= clock_now())
		return -ETIMEDOUT;

	int i = lock_beside(mu, NULL, 0, when);

	return i == -1 ? -ETIMEDOUT : i;
}

int leat_mutex_lock_ctx(leat_ctx *ctx, leat_mutex *mu)
{
	const struct leat_case over = leat_on_recv(leat_ctx_done(ctx), NULL);
	int i;

	if (!mu)
		fatal("leat_mutex_lock_ctx: nil Mutex");
	if (leat_mutex_try_lock(mu))
		return 0;
	i = lock_beside(mu, &over, 1, LEAT_NEVER);
	return i == 0 ? -ECANCELED : i == 1 ? 0 : i;
}
