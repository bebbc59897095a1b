/*
 * rows.c - rows and columns: how they are given.
 *
 *	row       a thread of the runtime, at its first use; stays with its M
 *	column    a lock, the first time that it is worth while, by its address
 */
#include "sync/rows.h"

#include "core/lock.h"
#include "core/os.h"

enum { BUCKETS = 2 * ROWS_COLUMNS };

struct column rows_columns[ROWS_COLUMNS];

static _Atomic(struct row *) rows;

static struct {
	struct lock lock;
	uint32_t given; /* 0 is nobody's */
	uint32_t bucket[BUCKETS];
} columns;

bool rows_begin(struct m *m)
{
	struct row *r = m->row, *first = a_load(&rows, relaxed);

	if (r)
		return true;
	r = os_map(sizeof(*r), os_page());
	if (!r)
		return false;
	do
		d_write(&r->next, first);
	/* [rows.new] pairs with [rows.all]. */
	while (!a_cas(&rows, &first, r, release));
	m->row = r;
	return true;
}

uint32_t rows_sum(uint32_t column)
{
	/* [rows.all] pairs with [rows.new]: whoever has come in by a row that is
	 * not there yet comes after the heavy fence. */
	struct row *all = a_load(&rows, acquire);
	uint32_t sum = 0;

	for (struct row *r = all; r; r = d_read(&r->next))
		/* [rows.sum] pairs with [rw.row_out]: what was read, and its in. */
		sum -= a_load(&r->tally[column].out, acquire);
	for (struct row *r = all; r; r = d_read(&r->next))
		sum += a_load(&r->tally[column].in, relaxed);
	return sum - rows_columns[column].offset;
}

/* With the lock: where that address is, or would be. */
static uint32_t *bucket_of(const void *owner)
{
	uint64_t hash = (uintptr_t)owner * UINT64_C(0x9e3779b97f4a7c15) >> 32;

	for (;; hash++) {
		uint32_t *at = &columns.bucket[hash % BUCKETS];

		if (*at == 0 || rows_columns[*at].owner == owner)
			return at;
	}
}

uint32_t rows_column(const void *owner)
{
	uint32_t *at, column;

	lock_take(&columns.lock);
	at = bucket_of(owner);
	if (*at)
		/* Of a lock that is gone; nobody reads. */
		rows_columns[*at].offset += rows_sum(*at);
	else if (columns.given + 1 < ROWS_COLUMNS)
		rows_columns[ *at = ++columns.given].owner = owner;
	column = *at;
	lock_drop(&columns.lock);
	return column;
}
