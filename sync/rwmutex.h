/*
 * rwmutex.h - one who writes, or any number who read: the word, and its steps.
 *
 *	state	| readers : 32 | .. | mark : 10 | .. ROWS QUEUED DRAIN WRITER LOCK |
 *
 *	rwmutex.c    in and out, by the word, or by a row
 *	rwrows.c     how a lock gets rows, and what a writer does with them
 *	rwuntil.c    locks that are waited for until something else happens
 *
 * Invariant: the queue is touched only under LOCK, and while LOCK is set nobody but
 * its holder changes the word; QUEUED says that readers are in it, DRAIN that a
 * writer is, ahead of them; both only while WRITER is set.  Without ROWS `readers`
 * is how many read.  The nodes are in the waiters' frames, rows and columns are never
 * unmapped: nothing is reclaimed.
 */
#ifndef SYNC_RWMUTEX_H
#define SYNC_RWMUTEX_H

#include "leat/rwmutex.h"

#include "core/base.h"
#include "sync/circle.h"
#include "sync/mark.h"
#include "sync/rows.h"

#ifndef STREAK
#define STREAK LEAT_RWMUTEX_STREAK
#endif

enum {
	RW_LOCK = 1,
	RW_WRITER = 2,
	RW_DRAIN = 4,
	RW_QUEUED = 8,
	RW_ROWS = 16,
	RW_MARK_SHIFT = 8,
};
#define RW_READER (UINT64_C(1) << 32)

static inline _Atomic uint64_t *rw_word(leat_rwmutex *rw)
{
	return (_Atomic uint64_t *)&rw->state;
}

static inline _Atomic uint32_t *rw_streak(leat_rwmutex *rw)
{
	return (_Atomic uint32_t *)&rw->streak_;
}

static inline uint32_t rw_readers(uint64_t was)
{
	return (uint32_t)(was >> 32);
}

static inline uint64_t rw_mark(const leat_rwmutex *rw)
{
	return mark(rw) << RW_MARK_SHIFT;
}

/* Nobody reads, and that is known. */
static inline bool rw_is_free(uint64_t was)
{
	return rw_readers(was) == 0 && !(was & RW_ROWS);
}

static ALWAYS_INLINE uint64_t rw_look(leat_rwmutex *rw)
{
	/* [rw.look] pairs with [rw.drop]: one that has ROWS has a column. */
	uint64_t was = a_load(rw_word(rw), acquire);

	if (mark_differs(rw, was >> RW_MARK_SHIFT & ((1u << MARK_BITS) - 1)))
		fatal("sync: RWMutex is copied");
	return was;
}

/* In, to read or to write, or LOCK. */
static ALWAYS_INLINE bool rw_in(leat_rwmutex *rw, uint64_t *was, uint64_t now)
{
	/* [rw.in] pairs with [rw.out], [rw.drop], [switch.word],
	 * [waiter.unlock]. */
	return a_cas(rw_word(rw), was, now | rw_mark(rw), acquire);
}

/* Out; the last reader takes LOCK on its way, and with it what the others did. */
static ALWAYS_INLINE bool rw_out(leat_rwmutex *rw, uint64_t *was, uint64_t now)
{
	/* [rw.out] pairs with [rw.in], [rw.out], [rw.drop], [rw.row_in]. */
	return a_cas(rw_word(rw), was, now, acq_rel);
}

/* LOCK is given up. */
static ALWAYS_INLINE void rw_drop(leat_rwmutex *rw, uint64_t now)
{
	/* [rw.drop] pairs with [rw.in], [rw.out], [rw.left], [rw.look],
	 * [rw.row_in]. */
	a_store(rw_word(rw), now | rw_mark(rw), release);
}

/* The word, when LOCK is not another's. */
static inline uint64_t rw_look_unlocked(leat_rwmutex *rw, struct m **m)
{
	for (int turn = 0;; turn++) {
		uint64_t was = rw_look(rw);

		if (!(was & RW_LOCK))
			return was;
		*m = waiter_pause(*m, turn);
	}
}

/* It was locked to write, or somebody has waited for that in vain: those who came
 * to read are let in. */
void rw_let_read(leat_rwmutex *rw);

/* -- rows -- */

static inline struct column *rw_column(leat_rwmutex *rw)
{
	return &rows_columns[d_read(&rw->column_)];
}

/* Where the thread that we run on counts; NULL: it has no row. */
static ALWAYS_INLINE struct tally *rw_tally(leat_rwmutex *rw)
{
	return rows_tally(arch_self(), d_read(&rw->column_));
}

/* Somebody went out under the column's DRAIN; perhaps it was the last. */
void rw_column_left(struct column *col);

/* The column's LOCK is ours; the flags that it has.  It is given up. */
uint64_t rw_column_lock(struct column *col, struct m **m);
void rw_column_drop(struct column *col, uint64_t flags);

static ALWAYS_INLINE void rw_out_by_row(struct tally *at, struct column *col)
{
	/* [rw.row_out] pairs with [rows.sum]. */
	a_store(&at->out, a_load(&at->out, relaxed) + 1, release);
	a_light();
	if (unlikely(a_load(&col->word, relaxed) & COLUMN_DRAIN))
		rw_column_left(col);
}

/* False: it is as if we had never come. */
static ALWAYS_INLINE bool rw_in_by_row(leat_rwmutex *rw, struct tally *at)
{
	uint64_t was;

	a_store(&at->in, a_load(&at->in, relaxed) + 1, relaxed);
	a_light();
	/* [rw.row_in] pairs with [rw.out], [rw.drop]. */
	was = a_load(rw_word(rw), acquire);
	if (likely((was & (RW_ROWS | RW_WRITER)) == RW_ROWS))
		return true;
	rw_out_by_row(at, rw_column(rw));
	return false;
}

/* It is read again and again: it has ROWS now, if there is a column for it. */
void rw_grow(leat_rwmutex *rw, uint64_t was);

/* With `writers_`: WRITER, and nobody reads: true.  False: n, if there is one, is
 * told when that is so, once the column's LOCK is dropped, which is ours. */
bool rw_drain(leat_rwmutex *rw, struct m **m, struct party *n);

/* Nobody reads any more: the lock counts by itself again. */
void rw_shrink(leat_rwmutex *rw, struct m **m);

#endif
