/*
 * rwmutex.c - one who writes, or any number who read.
 *
 *	state	| readers : 32 | .. | mark : 10 | .. QUEUED DRAIN WRITER LOCK |
 *
 *	to read     no WRITER: one reader more, by compare-and-swap
 *	            else LOCK, queues up; whoever ends the writer's phase counts
 *	            it in and wakes it
 *	to write    has `writers` first: there is one of them at a time
 *	            nobody reads: WRITER, by compare-and-swap
 *	            else WRITER, DRAIN and LOCK at once, waits at the head of the
 *	            queue; the last reader wakes it
 *
 *	 phase     read        | drain        | write     | read
 *	 WRITER    .           | set          | set       | .
 *	 readers   n           | n .. 1       | 0         | all who have queued up
 *	 comes in  who comes   | nobody       | nobody    | who comes
 *
 * Phase-fair: a phase of reading ends when a writer comes, and a phase of writing
 * lets in all who have come to read by its end.
 *
 * Invariant: the queue is touched only under LOCK, and while LOCK is set nobody but
 * its holder changes the word; QUEUED says that readers are in it, DRAIN that a
 * writer is, ahead of them; both only while WRITER is set.  The nodes are in the
 * waiters' frames: nothing is reclaimed.
 *
 * Linearization points: the steps that count a reader in and out, that set WRITER
 * while there are none, that of the last reader under DRAIN, and the one that
 * clears WRITER.
 *
 * Phase-fair locks after Brandenburg and Anderson (Spin-based reader-writer
 * synchronization for multiprocessor real-time systems, 2010); the meaning is that
 * of Go's sync.RWMutex.
 */
#include "leat/rwmutex.h"

#include "leat/context.h"

#include "core/base.h"
#include "core/clock.h"
#include "sync/circle.h"
#include "sync/mark.h"
#include "sync/select.h"

#include <errno.h>

enum { LOCK = 1, WRITER = 2, DRAIN = 4, QUEUED = 8, MARK_SHIFT = 8 };

#define READER (UINT64_C(1) << 32)

static _Atomic uint64_t *word_of(leat_rwmutex *rw)
{
	return (_Atomic uint64_t *)&rw->state;
}

static uint32_t readers(uint64_t was)
{
	return (uint32_t)(was >> 32);
}

static uint64_t mark_of(const leat_rwmutex *rw)
{
	return mark(rw) << MARK_SHIFT;
}

/* The word was used, and lay elsewhere. */
static void check_place(const leat_rwmutex *rw, uint64_t was)
{
	if (mark_differs(rw, was >> MARK_SHIFT & ((1u << MARK_BITS) - 1)))
		fatal("sync: RWMutex is copied");
}

/* -- the steps -- */

static ALWAYS_INLINE uint64_t look(leat_rwmutex *rw)
{
	uint64_t was = a_load(word_of(rw), relaxed);

	check_place(rw, was);
	return was;
}

/* In, to read or to write, or LOCK. */
static ALWAYS_INLINE bool go_in(leat_rwmutex *rw, uint64_t *was, uint64_t now)
{
	/* [rw.in] pairs with [rw.out], [rw.drop], [switch.word],
	 * [waiter.unlock]. */
	return a_cas(word_of(rw), was, now | mark_of(rw), acquire);
}

/* Out; the last reader takes LOCK on its way, and with it what the others did. */
static ALWAYS_INLINE bool go_out(leat_rwmutex *rw, uint64_t *was, uint64_t now)
{
	/* [rw.out] pairs with [rw.in], [rw.out], [rw.drop]. */
	return a_cas(word_of(rw), was, now, acq_rel);
}

/* LOCK is given up. */
static ALWAYS_INLINE void drop(leat_rwmutex *rw, uint64_t now)
{
	/* [rw.drop] pairs with [rw.in], [rw.out], [rw.left]. */
	a_store(word_of(rw), now | mark_of(rw), release);
}

/* The word, when LOCK is not another's. */
static uint64_t look_unlocked(leat_rwmutex *rw, struct m **m)
{
	for (int turn = 0;; turn++) {
		uint64_t was = look(rw);

		if (!(was & LOCK))
			return was;
		*m = waiter_pause(*m, turn);
	}
}

/* -- to read -- */

static __attribute__((noinline)) SANITIZE_SWITCHES void
rlock_slow(leat_rwmutex *rw)
{
	if (!rw)
		fatal("leat_rwmutex_rlock: nil RWMutex");

	struct m *m = m_enter();

	for (;;) {
		uint64_t was = look_unlocked(rw, &m);
		struct party p;
		struct waiter me;

		if (!(was & WRITER)) {
			if (go_in(rw, &was, was + READER))
				break;
			continue;
		}
		if (!go_in(rw, &was, was | LOCK))
			continue;
		waiter_init(&me, m);
		p.who = &me;
		p.choice = NULL;
		circle_push(&rw->waiters, &p);
		m = waiter_wait(&me, m, G_RWMUTEX_READ, word_of(rw),
				was | QUEUED | mark_of(rw));
		break;
	}
	if (m)
		m_leave(m);
}

void leat_rwmutex_rlock(leat_rwmutex *rw)
{
	if (likely(rw)) {
		uint64_t was = look(rw);

		if (likely(!(was & (WRITER | LOCK))) &&
		    likely(go_in(rw, &was, was + READER)))
			return;
	}
	rlock_slow(rw);
}

bool leat_rwmutex_try_rlock(leat_rwmutex *rw)
{
	if (!rw)
		fatal("leat_rwmutex_try_rlock: nil RWMutex");

	for (int turn = 1;; turn++) {
		uint64_t was = look(rw);

		if (was & WRITER)
			return false;
		if (was & LOCK)
			turn % 64 ? a_spin() : a_yield();
		else if (go_in(rw, &was, was + READER))
			return true;
	}
}

/* With LOCK: the writer, who is out of the queue, if it has not given up. */
static struct party *take_writer(leat_rwmutex *rw)
{
	struct party *n = ((struct party *)rw->waiters)->next;
	bool waits = !n->choice || choice_claim(n->choice);

	circle_remove(&rw->waiters, n);
	if (n->choice)
		a_store(&n->queued, false, relaxed);
	return waits ? n : NULL;
}

/* The last who read, with LOCK: the writer is next. */
static void let_write(leat_rwmutex *rw, struct m *m, uint64_t now)
{
	struct party *n = take_writer(rw);
	struct waiter *who = n ? n->who : NULL;

	if (n && n->choice && !choice_fire(n->choice, n->index))
		who = NULL;
	drop(rw, now & ~(uint64_t)(LOCK | DRAIN));
	if (who)
		waiter_wake(who, m);
}

static __attribute__((noinline)) void runlock_slow(leat_rwmutex *rw)
{
	if (!rw)
		fatal("leat_rwmutex_runlock: nil RWMutex");

	struct m *m = m_enter();

	for (;;) {
		uint64_t was = look_unlocked(rw, &m), now = was - READER;
		bool last = (was & DRAIN) && readers(was) == 1;

		if (readers(was) == 0)
			fatal("sync: RUnlock of unlocked RWMutex");
		if (!go_out(rw, &was, now | (last ? LOCK : 0)))
			continue;
		if (last)
			let_write(rw, m, now);
		break;
	}
	if (m)
		m_leave(m);
}

void leat_rwmutex_runlock(leat_rwmutex *rw)
{
	if (likely(rw)) {
		uint64_t was = look(rw);

		if (likely(!(was & (DRAIN | LOCK))) && likely(readers(was)) &&
		    likely(go_out(rw, &was, was - READER)))
			return;
	}
	runlock_slow(rw);
}

/* -- to write, with `writers` -- */

static __attribute__((noinline)) SANITIZE_SWITCHES void drain(leat_rwmutex *rw)
{
	struct m *m = m_enter();

	for (;;) {
		uint64_t was = look_unlocked(rw, &m);
		struct party p;
		struct waiter me;

		if (readers(was) == 0) {
			if (go_in(rw, &was, was | WRITER))
				break;
			continue;
		}
		if (!go_in(rw, &was, was | WRITER | DRAIN | LOCK))
			continue;
		waiter_init(&me, m);
		p.who = &me;
		p.choice = NULL;
		circle_push(&rw->waiters, &p);
		m = waiter_wait(&me, m, G_RWMUTEX, word_of(rw),
				was | WRITER | DRAIN | mark_of(rw));
		break;
	}
	if (m)
		m_leave(m);
}

static bool try_write(leat_rwmutex *rw)
{
	uint64_t was = look(rw);

	return !(was & LOCK) && readers(was) == 0 &&
	       go_in(rw, &was, was | WRITER);
}

void leat_rwmutex_lock(leat_rwmutex *rw)
{
	if (!rw)
		fatal("leat_rwmutex_lock: nil RWMutex");
	leat_mutex_lock(&rw->writers_);
	if (unlikely(!try_write(rw)))
		drain(rw);
}

bool leat_rwmutex_try_lock(leat_rwmutex *rw)
{
	if (!rw)
		fatal("leat_rwmutex_try_lock: nil RWMutex");
	if (!leat_mutex_try_lock(&rw->writers_))
		return false;
	if (try_write(rw))
		return true;
	leat_mutex_unlock(&rw->writers_);
	return false;
}

/* With LOCK: those who came to read, out of the queue; how many of them are still
 * there, and which are to be woken. */
static uint32_t take_readers(leat_rwmutex *rw, struct party **asleep)
{
	struct party *n = circle_take(&rw->waiters), *next;
	uint32_t in = 0;

	for (; n; n = next) {
		bool waits = !n->choice || choice_claim(n->choice);
		bool sleeps = waits;

		next = n->next;
		if (waits && n->choice)
			sleeps = choice_fire(n->choice, n->index);
		if (n->choice)
			a_store(&n->queued, false, relaxed);
		in += waits;
		if (sleeps) {
			*asleep = n;
			asleep = &n->next;
		}
	}
	*asleep = NULL;
	return in;
}

/* It was locked to write, or somebody has waited for that in vain. */
static __attribute__((noinline)) void let_read(leat_rwmutex *rw)
{
	struct m *m = m_enter();
	struct party *n, *next;
	uint64_t was;
	uint32_t in;

	do
		was = look_unlocked(rw, &m);
	while (!go_out(rw, &was, was | LOCK));
	in = take_readers(rw, &n);
	drop(rw, (was & ~(uint64_t)(WRITER | DRAIN | QUEUED)) + in * READER);
	for (; n; n = next) {
		next = n->next;
		waiter_wake(n->who, m);
	}
	if (m)
		m_leave(m);
}

void leat_rwmutex_unlock(leat_rwmutex *rw)
{
	if (!rw)
		fatal("leat_rwmutex_unlock: nil RWMutex");

	uint64_t was = look(rw);

	if (!(was & WRITER) || (was & DRAIN))
		fatal("sync: Unlock of unlocked RWMutex");
	if ((was & (QUEUED | LOCK)) || !go_out(rw, &was, was & ~WRITER))
		let_read(rw);
	leat_mutex_unlock(&rw->writers_);
}

/* -- locks that are waited for until something else happens -- */

struct beside_rw {
	struct beside beside;
	leat_rwmutex *rw;
	bool writes;
	bool ours; /* there was no need to queue up */
};

static struct beside_rw *of(struct beside *b)
{
	return container_of(b, struct beside_rw, beside);
}

/* May it go in at once? */
static bool is_open(const struct beside_rw *b, uint64_t was)
{
	return b->writes ? readers(was) == 0 : !(was & WRITER);
}

static bool joins(struct beside *beside, struct m **m)
{
	struct beside_rw *b = of(beside);
	uint64_t flag = b->writes ? WRITER | DRAIN : QUEUED, was;
	bool open;

	do {
		was = look_unlocked(b->rw, m);
		open = is_open(b, was);
	} while (!go_in(b->rw, &was,
			!open       ? was | flag | LOCK
			: b->writes ? was | WRITER
				    : was + READER));
	b->ours = open;
	if (open)
		return false;
	circle_push(&b->rw->waiters, &beside->party);
	a_store(&beside->party.queued, true, relaxed);
	drop(b->rw, was | flag);
	return true;
}

static void leaves(struct beside *beside, struct m **m)
{
	struct beside_rw *b = of(beside);

	for (int turn = 0;;) {
		/* [rw.left] pairs with [rw.drop]: who took us out has left. */
		uint64_t was = a_load(word_of(b->rw), acquire);

		if (was & LOCK) {
			*m = waiter_pause(*m, turn++);
			continue;
		}
		if (!a_load(&beside->party.queued, relaxed))
			return;
		if (!go_in(b->rw, &was, was | LOCK))
			continue;
		if (a_load(&beside->party.queued, relaxed))
			circle_remove(&b->rw->waiters, &beside->party);
		/* Who waited to write still has WRITER, and lets others in. */
		if (b->writes)
			was &= ~(uint64_t)DRAIN;
		else if (!b->rw->waiters)
			was &= ~(uint64_t)QUEUED;
		drop(b->rw, was);
		return;
	}
}

static int wait_beside(leat_rwmutex *rw, bool writes,
		       const struct leat_case *cases, int n, leat_time when)
{
	struct beside_rw b = { { joins, leaves, { 0 } }, rw, writes, false };
	int i = select_beside(&b.beside, cases, n, when);

	return b.ours ? n : i; /* even if something else came as well */
}

static int result(int i, int n)
{
	if (i == n)
		return 0;
	if (i == -1)
		return -ETIMEDOUT;
	return i < 0 ? i : -ECANCELED;
}

/* With `writers`. */
static int drain_beside(leat_rwmutex *rw, const struct leat_case *cases, int n,
			leat_time when)
{
	int rc = 0;

	if (!try_write(rw)) {
		rc = result(wait_beside(rw, true, cases, n, when), n);
		if (rc != 0) {
			let_read(rw);
			leat_mutex_unlock(&rw->writers_);
		}
	}
	return rc;
}

int leat_rwmutex_lock_until(leat_rwmutex *rw, leat_time when)
{
	int rc;

	if (!rw)
		fatal("leat_rwmutex_lock_until: nil RWMutex");
	rc = leat_mutex_lock_until(&rw->writers_, when);
	return rc ? rc : drain_beside(rw, NULL, 0, when);
}

int leat_rwmutex_lock_ctx(leat_ctx *ctx, leat_rwmutex *rw)
{
	const struct leat_case over = leat_on_recv(leat_ctx_done(ctx), NULL);
	int rc;

	if (!rw)
		fatal("leat_rwmutex_lock_ctx: nil RWMutex");
	rc = leat_mutex_lock_ctx(ctx, &rw->writers_);
	return rc ? rc : drain_beside(rw, &over, 1, LEAT_NEVER);
}

int leat_rwmutex_rlock_until(leat_rwmutex *rw, leat_time when)
{
	if (!rw)
		fatal("leat_rwmutex_rlock_until: nil RWMutex");
	if (leat_rwmutex_try_rlock(rw))
		return 0;
	if (when != LEAT_NEVER && when <= clock_now())
		return -ETIMEDOUT;
	return result(wait_beside(rw, false, NULL, 0, when), 0);
}

int leat_rwmutex_rlock_ctx(leat_ctx *ctx, leat_rwmutex *rw)
{
	const struct leat_case over = leat_on_recv(leat_ctx_done(ctx), NULL);

	if (!rw)
		fatal("leat_rwmutex_rlock_ctx: nil RWMutex");
	if (leat_rwmutex_try_rlock(rw))
		return 0;
	return result(wait_beside(rw, false, &over, 1, LEAT_NEVER), 1);
}
