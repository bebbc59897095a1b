/*
 * rows.h - who reads, counted by each thread for itself.
 *
 *	          lock 1     lock 2     lock 3  ..
 *	thread A  in | out   in | out   in | out     A alone writes here, plainly
 *	thread B  in | out   in | out   in | out     B alone
 *	          -------
 *	          sum of in - sum of out - offset: how many read, together with
 *	          those that the lock counts itself
 *
 * A goroutine may come in on one thread and go out on another, so a row of its own
 * says nothing; the sum does.  Whoever adds up reads all `out` first, and then all
 * `in`: a reader whose `out` was seen has its `in` seen as well, so the sum may be
 * too large for a moment, and is never too small.
 *
 *	reader                         writer
 *	in += 1                        WRITER, in the lock
 *	light fence                    heavy fence
 *	WRITER?                        adds up
 *
 *	out += 1                       DRAIN, here
 *	light fence                    heavy fence
 *	DRAIN?  here: the lock may     adds up; not zero: waits
 *	be freed already
 *
 * In each pair one sees the other (atomic.h, asymmetric fences).
 *
 * A column is given to a lock for good, by its address, since a lock has no end that
 * it tells of: a new lock at the same address has the old one's column.  When all
 * columns are given away, further locks count by themselves.  Rows and columns are
 * never unmapped: a stale look at them is harmless.
 *
 * After the big-reader locks of Linux (brlock, percpu_rw_semaphore).
 */
#ifndef SYNC_ROWS_H
#define SYNC_ROWS_H

#include "core/park.h"
#include "sync/chan.h"

#ifndef ROWS_COLUMNS
#define ROWS_COLUMNS 16384
#endif

struct tally {
	_Atomic uint32_t in, out;
};

struct row {
	struct row *next;
	struct tally tally[ROWS_COLUMNS];
};

/* Of a lock. */
enum { COLUMN_LOCK = 1, COLUMN_DRAIN = 2 };
struct column {
	_Atomic uint64_t word;
	struct party
		*writer; /* who waits under DRAIN; by LOCK, and those below */
	const void *owner;
	uint32_t offset;
};
extern struct column rows_columns[ROWS_COLUMNS];

/* The column of the lock at that address; 0: there is none left. */
uint32_t rows_column(const void *owner);

/* Give this thread a row; false: no memory. */
bool rows_begin(struct m *m);

/* Sum of in - sum of out - offset: after a heavy fence, with the column's LOCK. */
uint32_t rows_sum(uint32_t column);

/* this thread's tally in a column; NULL: it has no row. */
static ALWAYS_INLINE struct tally *rows_tally(struct m *m, uint32_t column)
{
	if (unlikely(!m) || unlikely(!m->row))
		return NULL;
	return &m->row->tally[column];
}

#endif
