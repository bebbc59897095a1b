/*
 * rwuntil.c - locks to read and to write, waited for until something else happens.
 *
 *	waits for         its place          is taken out by
 *	to read           the queue          whoever ends a phase of writing
 *	to write          the queue's head   the last reader
 *	  with rows       the column         the last reader by a row
 *
 * Who gives up waiting to write has WRITER still, and `writers_`: it lets in those
 * who came to read meanwhile, as if it had written.
 */
#include "sync/rwmutex.h"

#include "leat/context.h"

#include "core/clock.h"
#include "sync/select.h"

#include <errno.h>

struct beside_rw {
	struct beside beside;
	leat_rwmutex *rw;
	bool writes;
	bool in_column; /* has waited there */
	bool ours;      /* there was no need to queue up */
};

static struct beside_rw *of(struct beside *b)
{
	return container_of(b, struct beside_rw, beside);
}

static bool joins_column(struct beside_rw *b, struct m **m)
{
	struct party *p = &b->beside.party;

	b->in_column = true;
	a_store(&p->queued, true, relaxed);
	if (rw_drain(b->rw, m, p)) {
		a_store(&p->queued, false, relaxed);
		b->ours = true;
		return false;
	}
	rw_column_drop(rw_column(b->rw), COLUMN_DRAIN);
	return true;
}

static bool joins(struct beside *beside, struct m **m)
{
	struct beside_rw *b = of(beside);
	uint64_t flags = b->writes ? RW_WRITER | RW_DRAIN : RW_QUEUED;
	uint64_t was, now;

	do {
		was = rw_look_unlocked(b->rw, m);
		if (b->writes && (was & RW_ROWS))
			return joins_column(b, m);
		b->ours = b->writes ? rw_is_free(was) : !(was & RW_WRITER);
		now = !b->ours    ? was | flags | RW_LOCK
		      : b->writes ? was | RW_WRITER
				  : was + RW_READER;
	} while (!rw_in(b->rw, &was, now));
	if (b->ours)
		return false;
	circle_push(&b->rw->waiters, &beside->party);
	a_store(&beside->party.queued, true, relaxed);
	rw_drop(b->rw, was | flags);
	return true;
}

static void leaves_column(struct beside_rw *b, struct m **m)
{
	struct column *col = rw_column(b->rw);
	uint64_t flags = rw_column_lock(col, m);

	if (a_load(&b->beside.party.queued, relaxed)) {
		a_store(&b->beside.party.queued, false, relaxed);
		col->writer = NULL;
		flags = 0;
	}
	rw_column_drop(col, flags);
}

static void leaves(struct beside *beside, struct m **m)
{
	struct beside_rw *b = of(beside);

	if (b->in_column) {
		leaves_column(b, m);
		return;
	}
	for (int turn = 0;;) {
		/* [rw.left] pairs with [rw.drop]: who took us out has left. */
		uint64_t was = a_load(rw_word(b->rw), acquire);

		if (was & RW_LOCK) {
			*m = waiter_pause(*m, turn++);
			continue;
		}
		if (!beside_is_in(&beside->party))
			return;
		if (!rw_in(b->rw, &was, was | RW_LOCK))
			continue;
		if (a_load(&beside->party.queued, relaxed))
			circle_remove(&b->rw->waiters, &beside->party);
		if (b->writes)
			was &= ~(uint64_t)RW_DRAIN;
		else if (!b->rw->waiters)
			was &= ~(uint64_t)RW_QUEUED;
		rw_drop(b->rw, was);
		return;
	}
}

/* What came of it: 0, it is ours, even if something else came as well. */
static int result(const struct beside_rw *b, int i, int n)
{
	if (b->ours || i == n)
		return 0;
	if (i == -1)
		return -ETIMEDOUT;
	return i < 0 ? i : -ECANCELED;
}

static int read_beside(leat_rwmutex *rw, const struct leat_case *cases, int n,
		       leat_time when)
{
	struct beside_rw b = { { joins, leaves, { 0 } }, rw, .writes = false };

	return result(&b, select_beside(&b.beside, cases, n, when), n);
}

static void shrink(leat_rwmutex *rw)
{
	struct m *m = m_enter();

	rw_shrink(rw, &m);
	if (m)
		m_leave(m);
}

/* With `writers_`. */
static int write_beside(leat_rwmutex *rw, const struct leat_case *cases, int n,
			leat_time when)
{
	struct beside_rw b = { { joins, leaves, { 0 } }, rw, .writes = true };
	int rc = result(&b, select_beside(&b.beside, cases, n, when), n);

	if (rc == 0) {
		if (b.in_column)
			shrink(rw);
	} else {
		rw_let_read(rw);
		leat_mutex_unlock(&rw->writers_);
	}
	return rc;
}

int leat_rwmutex_lock_until(leat_rwmutex *rw, leat_time when)
{
	int rc;

	if (!rw)
		fatal("leat_rwmutex_lock_until: nil RWMutex");
	if (leat_rwmutex_try_lock(rw))
		return 0;
	rc = leat_mutex_lock_until(&rw->writers_, when);
	return rc ? rc : write_beside(rw, NULL, 0, when);
}

int leat_rwmutex_lock_ctx(leat_ctx *ctx, leat_rwmutex *rw)
{
	const struct leat_case over = leat_on_recv(leat_ctx_done(ctx), NULL);
	int rc;

	if (!rw)
		fatal("leat_rwmutex_lock_ctx: nil RWMutex");
	if (leat_rwmutex_try_lock(rw))
		return 0;
	rc = leat_mutex_lock_ctx(ctx, &rw->writers_);
	return rc ? rc : write_beside(rw, &over, 1, LEAT_NEVER);
}

int leat_rwmutex_rlock_until(leat_rwmutex *rw, leat_time when)
{
	if (!rw)
		fatal("leat_rwmutex_rlock_until: nil RWMutex");
	if (leat_rwmutex_try_rlock(rw))
		return 0;
	if (when != LEAT_NEVER && when <= clock_now())
		return -ETIMEDOUT;
	return read_beside(rw, NULL, 0, when);
}

int leat_rwmutex_rlock_ctx(leat_ctx *ctx, leat_rwmutex *rw)
{
	const struct leat_case over = leat_on_recv(leat_ctx_done(ctx), NULL);

	if (!rw)
		fatal("leat_rwmutex_rlock_ctx: nil RWMutex");
	if (leat_rwmutex_try_rlock(rw))
		return 0;
	return read_beside(rw, &over, 1, LEAT_NEVER);
}
