/*
 * rwrows.c - a lock that is often read has rows.
 *
 *	by itself    STREAK locks to read, none to write      rows
 *	             ----------------------------------->
 *	             <-----------------------------------
 *	                  the first one to write
 *
 * What was counted in the word when the rows came goes on counting: readers, the
 * rows and the column's offset together are how many read.  When they are none, the
 * offset makes up for what the word had, which is zero from then on.
 *
 *	who writes, with `writers_`      who leaves by a row
 *
 *	WRITER
 *	column: DRAIN                    out += 1
 *	heavy fence                      light fence
 *	column: LOCK                     no DRAIN: goes, and touches nothing more
 *	adds up: zero? goes on           DRAIN: column: LOCK
 *	else waits in the column         adds up: zero? wakes the writer
 *
 * A lock may be freed by whoever locks it to write after us, so who has counted
 * itself out looks only at the column, unless a writer waits there: then the lock is
 * there, as long as the column's LOCK keeps him waiting.
 */
#include "sync/rwmutex.h"

uint64_t rw_column_lock(struct column *col, struct m **m)
{
	for (int turn = 0;;) {
		uint64_t was = a_load(&col->word, relaxed);

		if (was & COLUMN_LOCK)
			*m = waiter_pause(*m, turn++);
		/* [rw.column] pairs with [rw.column_drop], [switch.word],
		 * [waiter.unlock]. */
		else if (a_cas(&col->word, &was, was | COLUMN_LOCK, acquire))
			return was;
	}
}

void rw_column_drop(struct column *col, uint64_t flags)
{
	/* [rw.column_drop] pairs with [rw.column]. */
	a_store(&col->word, flags, release);
}

/* With the column's LOCK, after a heavy fence that came after WRITER. */
static uint32_t sum(leat_rwmutex *rw)
{
	/* What those did who count in the word is seen by the step that ends the
	 * rows. */
	uint32_t n = rw_readers(a_load(rw_word(rw), relaxed)) +
		     rows_sum(d_read(&rw->column_));

	if ((int32_t)n < 0)
		fatal("sync: RUnlock of unlocked RWMutex");
	return n;
}

void rw_column_left(struct column *col)
{
	struct m *m = m_enter();
	struct waiter *who = NULL;
	uint64_t flags = rw_column_lock(col, &m);
	struct party *n = col->writer;

	if (n && sum((leat_rwmutex *)(uintptr_t)col->owner) == 0) {
		col->writer = NULL;
		flags = 0;
		if (!n->choice || (choice_claim(n->choice) &&
				   choice_fire(n->choice, n->index)))
			who = n->who;
		if (n->choice)
			a_store(&n->queued, false, relaxed);
	}
	rw_column_drop(col, flags);
	if (who)
		waiter_wake(who, m);
	if (m)
		m_leave(m);
}

void rw_grow(leat_rwmutex *rw, uint64_t was)
{
	a_store(rw_streak(rw), 0, relaxed);
	if (!rw_in(rw, &was, was | RW_LOCK))
		return;
	if (!d_read(&rw->column_))
		d_write(&rw->column_, rows_column(rw));
	rw_drop(rw, was | (d_read(&rw->column_) ? RW_ROWS : 0));
}

void rw_shrink(leat_rwmutex *rw, struct m **m)
{
	uint64_t was, now;

	do {
		was = rw_look_unlocked(rw, m);
		now = was & ~(uint64_t)RW_ROWS & (RW_READER - 1);
	} while (!rw_in(rw, &was, now));
	rw_column(rw)->offset -= rw_readers(was);
}

bool rw_drain(leat_rwmutex *rw, struct m **m, struct party *n)
{
	struct column *col = rw_column(rw);
	uint64_t was;

	do
		was = rw_look_unlocked(rw, m);
	while (!rw_in(rw, &was, was | RW_WRITER));
	rw_column_drop(col, rw_column_lock(col, m) | (n ? COLUMN_DRAIN : 0));
	a_heavy();
	rw_column_lock(col, m);
	if (sum(rw) == 0) {
		rw_column_drop(col, 0);
		return true;
	}
	col->writer = n;
	return false;
}
