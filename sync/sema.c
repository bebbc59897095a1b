/*
 * sema.c - so many at once.
 *
 *	state	| free : 32 | .. | WAITERS | LOCK |
 *
 *	acquire    enough are free and nobody waits: by one compare-and-swap
 *	           else LOCK, waits in the queue
 *	release    nobody waits: by one compare-and-swap
 *	           else LOCK; gives to the first as long as there is enough for it,
 *	           and so on; drops LOCK; wakes them
 *
 * Who waits is given the permits by whoever wakes it, so nobody who comes later can
 * have them.  Whoever gives up waiting at the head of the queue may have been all
 * that the others waited for: it gives, too.
 *
 * Invariant: the queue is touched only under LOCK; WAITERS says that it is not
 * empty; while LOCK is set nobody but its holder changes the word.  Outside LOCK
 * there is not enough for the first who waits.  The nodes are in the waiters'
 * frames: nothing is reclaimed.
 *
 * Linearization points: the steps that change what is free.
 *
 * The meaning is that of semaphore.Weighted of golang.org/x/sync.
 */
#include "leat/sema.h"

#include "leat/context.h"

#include "core/base.h"
#include "core/clock.h"
#include "core/panic.h"
#include "sync/circle.h"
#include "sync/select.h"

#include <errno.h>

enum { LOCK = 1, WAITERS = 2 };

static _Atomic uint64_t *word_of(leat_sema *sema)
{
	return (_Atomic uint64_t *)&sema->state;
}

static uint32_t free_of(uint64_t was)
{
	return (uint32_t)(was >> 32);
}

static uint64_t permits(uint32_t n)
{
	return (uint64_t)n << 32;
}

/* What a party asks for lies where a channel's would have its value. */
static uint32_t wanted(const struct party *n)
{
	return (uint32_t)(uintptr_t)n->elem;
}

static void *wants(int32_t n)
{
	return (void *)(uintptr_t)n;
}

static void check_call(const leat_sema *sema, int32_t n, const char *call)
{
	if (!sema)
		fatal("leat_sema_%s: nil Weighted", call);
	if (n < 0)
		fatal("leat_sema_%s: negative count", call);
}

/* -- the steps -- */

/* Permits are taken, or LOCK is. */
static ALWAYS_INLINE bool take(leat_sema *sema, uint64_t *was, uint64_t now)
{
	/* [sema.take] pairs with [sema.give], [sema.drop], [switch.word],
	 * [waiter.unlock]. */
	return a_cas(word_of(sema), was, now, acquire);
}

/* Permits are given back. */
static ALWAYS_INLINE bool give(leat_sema *sema, uint64_t *was, uint64_t now)
{
	/* [sema.give] pairs with [sema.take]. */
	return a_cas(word_of(sema), was, now, release);
}

/* LOCK is given up. */
static void drop(leat_sema *sema, uint64_t now)
{
	now &= ~(uint64_t)(LOCK | WAITERS);
	/* [sema.drop] pairs with [sema.take], [sema.left]. */
	a_store(word_of(sema), now | (sema->waiters ? WAITERS : 0), release);
}

/* LOCK is ours; the word before. */
static uint64_t lock(leat_sema *sema, struct m **m)
{
	for (int turn = 0;;) {
		uint64_t was = a_load(word_of(sema), relaxed);

		if (was & LOCK)
			*m = waiter_pause(*m, turn++);
		else if (take(sema, &was, was | LOCK))
			return was;
	}
}

/* With LOCK: to those whose turn it is; drops LOCK and wakes them. */
static void serve(leat_sema *sema, uint64_t was, struct m *m)
{
	struct party *first = NULL, **end = &first, *n, *next;

	while (sema->waiters) {
		n = ((struct party *)sema->waiters)->next;
		if (wanted(n) > free_of(was))
			break;
		circle_remove(&sema->waiters, n);
		if (!n->choice || choice_claim(n->choice)) {
			was -= permits(wanted(n));
			if (!n->choice || choice_fire(n->choice, n->index)) {
				*end = n;
				end = &n->next;
			}
		}
		if (n->choice)
			beside_out(n);
	}
	*end = NULL;
	drop(sema, was);
	for (n = first; n; n = next) {
		next = n->next;
		waiter_wake(n->who, m);
	}
}

/* -- acquire -- */

static bool enough(uint64_t was, int32_t n)
{
	return !(was & WAITERS) && free_of(was) >= (uint32_t)n;
}

static __attribute__((noinline)) SANITIZE_SWITCHES void
acquire_slow(leat_sema *sema, int32_t n)
{
	check_call(sema, n, "acquire");
	if ((uint32_t)n > sema->size)
		waiter_never(G_SEMA);

	struct m *m = m_enter();
	uint64_t was = lock(sema, &m);

	if (enough(was, n)) {
		drop(sema, was - permits((uint32_t)n));
	} else {
		struct party p;
		struct waiter me;

		waiter_init(&me, m);
		p.who = &me;
		p.choice = NULL;
		p.elem = wants(n);
		circle_push(&sema->waiters, &p);
		m = waiter_wait(&me, m, G_SEMA, word_of(sema), was | WAITERS);
	}
	if (m)
		m_leave(m);
}

static ALWAYS_INLINE bool acquire_fast(leat_sema *sema, int32_t n)
{
	uint64_t was = a_load(word_of(sema), relaxed);

	return likely(!(was & LOCK)) && likely(enough(was, n)) &&
	       likely(take(sema, &was, was - permits((uint32_t)n)));
}

void leat_sema_acquire(leat_sema *sema, int32_t n)
{
	if (unlikely(!sema || n < 0 || !acquire_fast(sema, n)))
		acquire_slow(sema, n);
}

bool leat_sema_try_acquire(leat_sema *sema, int32_t n)
{
	check_call(sema, n, "try_acquire");
	for (int turn = 1;; turn++) {
		uint64_t was = a_load(word_of(sema), relaxed);

		if (!enough(was, n))
			return false;
		if (was & LOCK) /* for a moment */
			turn % 64 ? a_spin() : a_yield();
		else if (take(sema, &was, was - permits((uint32_t)n)))
			return true;
	}
}

/* -- release -- */

static bool is_too_much(const leat_sema *sema, uint64_t was, int32_t n)
{
	return (uint64_t)free_of(was) + (uint32_t)n > sema->size;
}

static __attribute__((noinline)) void release_slow(leat_sema *sema, int32_t n)
{
	check_call(sema, n, "release");

	struct m *m = m_enter();
	uint64_t was = lock(sema, &m);

	bool too_much = is_too_much(sema, was, n);

	serve(sema, too_much ? was : was + permits((uint32_t)n), m);
	if (m)
		m_leave(m);
	if (too_much)
		panics("semaphore: released more than held");
}

void leat_sema_release(leat_sema *sema, int32_t n)
{
	if (likely(sema) && likely(n >= 0)) {
		uint64_t was = a_load(word_of(sema), relaxed);

		if (likely(!(was & (LOCK | WAITERS))) &&
		    likely(!is_too_much(sema, was, n)) &&
		    likely(give(sema, &was, was + permits((uint32_t)n))))
			return;
	}
	release_slow(sema, n);
}

void leat_sema_init(leat_sema *sema, int32_t n)
{
	check_call(sema, n, "init");
	*sema = (leat_sema)LEAT_SEMA(n);
}

/* -- acquires that are waited for until something else happens -- */

struct beside_sema {
	struct beside beside;
	leat_sema *sema;
	int32_t n;
	bool ours; /* there was no need to queue up */
};

static bool joins(struct beside *beside, struct m **m)
{
	struct beside_sema *b =
		container_of(beside, struct beside_sema, beside);
	uint64_t was;

	/* It will never come, and nobody is to wait behind it. */
	if ((uint32_t)b->n > b->sema->size)
		return true;
	was = lock(b->sema, m);
	b->ours = enough(was, b->n);
	if (b->ours) {
		drop(b->sema, was - permits((uint32_t)b->n));
		return false;
	}
	beside->party.elem = wants(b->n);
	circle_push(&b->sema->waiters, &beside->party);
	a_store(&beside->party.queued, true, relaxed);
	drop(b->sema, was);
	return true;
}

static void leaves(struct beside *beside, struct m **m)
{
	struct beside_sema *b =
		container_of(beside, struct beside_sema, beside);

	for (int turn = 0;;) {
		/* [sema.left] pairs with [sema.drop]: who took us out has
		 * left. */
		uint64_t was = a_load(word_of(b->sema), acquire);

		if (was & LOCK) {
			*m = waiter_pause(*m, turn++);
			continue;
		}
		if (!beside_is_in(&beside->party))
			return;
		if (!take(b->sema, &was, was | LOCK))
			continue;
		if (a_load(&beside->party.queued, relaxed))
			circle_remove(&b->sema->waiters, &beside->party);
		serve(b->sema, was, *m);
		return;
	}
}

static int acquire_beside(leat_sema *sema, int32_t n,
			  const struct leat_case *cases, int k, leat_time when)
{
	struct beside_sema b = { { joins, leaves, { 0 } }, sema, n, false };
	int i = select_beside(&b.beside, cases, k, when);

	if (b.ours || i == k) /* even if something else came as well */
		return 0;
	if (i == -1)
		return -ETIMEDOUT;
	return i < 0 ? i : -ECANCELED;
}

int leat_sema_acquire_until(leat_sema *sema, int32_t n, leat_time when)
{
	check_call(sema, n, "acquire_until");
	if (acquire_fast(sema, n))
		return 0;
	if (when != LEAT_NEVER && when <= clock_now())
		return leat_sema_try_acquire(sema, n) ? 0 : -ETIMEDOUT;
	return acquire_beside(sema, n, NULL, 0, when);
}

int leat_sema_acquire_ctx(leat_ctx *ctx, leat_sema *sema, int32_t n)
{
	const struct leat_case over = leat_on_recv(leat_ctx_done(ctx), NULL);

	check_call(sema, n, "acquire_ctx");
	if (leat_ctx_err(ctx))
		return -ECANCELED;
	if (leat_sema_try_acquire(sema, n))
		return 0;

	int rc = acquire_beside(sema, n, &over, 1, LEAT_NEVER);

	/* What came after the cancel is given back. */
	if (rc == 0 && leat_ctx_err(ctx)) {
		leat_sema_release(sema, n);
		return -ECANCELED;
	}
	return rc;
}
