/*
 * explore_rwmutex.c - a lock to read and to write, and waits for it that have an
 * end.
 *
 *	reads, writes              for as long as it takes
 *	tries_to_read, _to_write   or not at all
 *	reads_until, writes_until  or until a moment, which comes at any time
 *	writes_beside              or until channel c is closed
 *
 * What is under the lock is plain, read by who reads: WEAK finds one who writes
 * beside another.  In the cases with rows the first threads are the runtime's and
 * count in theirs; they only try, and unlock what was locked before, since they must
 * not wait.
 */
#include "tests/explore/channels.h"

#include "sync/circle.h"

static int list;
#define touch_list()         d_write(&list, d_read(&list) + 1)
#define circle_push(at, n)   (touch_list(), circle_push(at, n))
#define circle_remove(at, n) (touch_list(), circle_remove(at, n))
#define circle_take(at)      (touch_list(), circle_take(at))

static int64_t no_time(void)
{
	return 1;
}

/* Two files in one, with names of their own. */
#define LOCK        MUTEX_LOCK
#define word_of     mutex_word_of
#define mark_of     mutex_mark_of
#define check_place mutex_check_place
#define joins       mutex_joins
#define leaves      mutex_leaves
#define MARK_SHIFT  MUTEX_MARK_SHIFT
#define SPINS       0
#define os_now()    no_time()
#include "sync/mutex.c"
#undef LOCK
#undef word_of
#undef mark_of
#undef check_place
#undef joins
#undef leaves
#undef MARK_SHIFT
#undef os_now
#define ROWS_COLUMNS 2
#define STREAK       streak_is
static uint32_t streak_is;
static void *more(void);
#define os_map(n, align) more()
#include "sync/rows.c"
#undef os_map
#include "sync/rwrows.c"
#undef SPINS
#define SPINS     0
#define try_write rw_try_write
#include "sync/rwmutex.c"
#define of     rw_of
#define result rw_result
#include "sync/rwuntil.c"

ASTRAY(void, park_share, struct m *m)

/* There is one lock here, and it asks for its column under its LOCK. */
void lock_take(struct lock *l)
{
	ASSERT(l->word++ == 0);
}

void lock_drop(struct lock *l)
{
	ASSERT(--l->word == 0);
}

static leat_rwmutex rw;
static int inside; /* plain */
static int reading, writing, results[THREADS];

static struct row row[2];
static int rows_made;

static void *more(void)
{
	ASSERT(rows_made < 2);
	return &row[rows_made++];
}

static void start(void)
{
	make(0, -1);
	streak_is = 1000;
	memset(row, 0, sizeof(row));
	memset(rows_columns, 0, sizeof(rows_columns));
	memset(&columns, 0, sizeof(columns));
	rows = NULL;
	rows_made = 0;
	memset(&rw, 0, sizeof(rw));
	memset(results, 0, sizeof(results));
	inside = list = reading = writing = 0;
	world_moves = true;
	explore_name(&rw, sizeof(rw), "rwmutex");
	explore_name(&list, sizeof(list), "list");
	explore_name(&inside, sizeof(inside), "inside");
}

static void has_read(int rc)
{
	results[explore_self()] = rc;
	if (rc != 0)
		return;
	reading++;
	ASSERT(writing == 0);
	(void)d_read(&inside);
	ASSERT(writing == 0);
	reading--;
	leat_rwmutex_runlock(&rw);
}

static void has_written(int rc)
{
	results[explore_self()] = rc;
	if (rc != 0)
		return;
	ASSERT(reading == 0 && writing++ == 0);
	d_write(&inside, d_read(&inside) + 1);
	ASSERT(reading == 0 && --writing == 0);
	leat_rwmutex_unlock(&rw);
}

/* With rows: `workers` have one each; so many have come in there, and in the word. */
static void start_rows(int n, uint32_t in, uint32_t beside)
{
	start();
	workers = n;
	rw.column_ = 1;
	rw.state = RW_ROWS + beside * RW_READER;
	rows_columns[1].owner = &rw;
	rows = row;
	row[0].next = &row[1];
	row[0].tally[1].in = in;
	for (int i = 0; i < n; i++)
		ms[i].row = &row[i];
	explore_name(row, sizeof(row), "row");
	explore_name(rows_columns, sizeof(rows_columns), "column");
	explore_name(ms, sizeof(ms), "M");
}

static void no_rows_yet(void)
{
	start_rows(1, 0, 0);
	ms[0].row = NULL;
	rows = NULL;
}

BEGINS(rows_0, start_rows(0, 0, 0))
BEGINS(rows_1, start_rows(1, 0, 0))
BEGINS(rows_2, start_rows(2, 0, 0))
BEGINS(rows_1_in, start_rows(1, 1, 0))
BEGINS(rows_2_in, start_rows(2, 1, 0))
BEGINS(rows_2_in_2, start_rows(2, 2, 0))
BEGINS(rows_1_in_beside, start_rows(1, 1, 1))

static void start_growing(void)
{
	start();
	workers = 1;
	streak_is = 1;
	explore_name(row, sizeof(row), "row");
	explore_name(rows_columns, sizeof(rows_columns), "column");
	explore_name(&columns, sizeof(columns), "columns");
	explore_name(ms, sizeof(ms), "M");
}

static void ends_to_read(void)
{
	(void)d_read(&inside);
	leat_rwmutex_runlock(&rw);
}

DOES(reads, leat_rwmutex_rlock(&rw); has_read(0))
DOES(writes, leat_rwmutex_lock(&rw); has_written(0))
DOES(tries_to_read, has_read(leat_rwmutex_try_rlock(&rw) ? 0 : -EAGAIN))
DOES(tries_to_write, has_written(leat_rwmutex_try_lock(&rw) ? 0 : -EAGAIN))
DOES(reads_until, has_read(OP(leat_rwmutex_rlock_until(&rw, 9))))
DOES(writes_until, has_written(OP(leat_rwmutex_lock_until(&rw, 9))))
DOES(closes, leat_chan_close_(c))

static void writes_beside(void)
{
	bool here;
	const struct leat_case over = { .chan_ = c, .ok_ = &here };

	leat_mutex_lock(&rw.writers_);
	has_written(OP(write_beside(&rw, &over, 1, OS_NEVER)));
}

static void reads_beside(void)
{
	bool here;
	const struct leat_case over = { .chan_ = c, .ok_ = &here };

	has_read(OP(read_beside(&rw, &over, 1, OS_NEVER)));
}

/* One hands what it has locked to read to another, who unlocks it. */
static _Atomic uint32_t lent;

static void lends(void)
{
	leat_rwmutex_rlock(&rw);
	(void)d_read(&inside);
	a_store(&lent, 1, release);
}

static void gives_back(void)
{
	while (!a_load(&lent, acquire))
		a_spin();
	leat_rwmutex_runlock(&rw);
}

static void start_lent(void)
{
	start();
	lent = 0;
	explore_name((void *)&lent, sizeof(lent), "lent");
}

static void free_again(void)
{
	uint32_t n = rw_readers(rw.state) - rows_columns[1].offset;

	for (int i = 0; i < 2; i++)
		n += row[i].tally[1].in - row[i].tally[1].out;
	ASSERT(n == 0 && !rows_columns[1].word && !rows_columns[1].writer);
	ASSERT(!(rw.state & (RW_READER - 1) & ~(uint64_t)RW_ROWS));
	ASSERT(!rw.waiters && rw.writers_.state == 0);
}

static void all_had_it(void)
{
	free_again();
	for (int t = 0; t < THREADS; t++)
		ASSERT(results[t] == 0);
}

static const struct explore_case cases[] = {
	ENDS(all_had_it, read_write, ALL, ANY, start, reads, writes),
	ENDS(all_had_it, write_write, ALL, 3, start, writes, writes),
	ENDS(all_had_it, read_read_write, STRONG, 3, start, reads, reads,
	     writes),
	MANY(free_again, read_read_try_write_weak, WEAK, 1, start, reads, reads,
	     tries_to_write),
	MANY(all_had_it, read_write_write, STRONG, 2, start, reads, writes,
	     writes),
	ENDS(all_had_it, lent_write, ALL, 3, start_lent, lends, gives_back,
	     writes),
	ENDS(free_again, try_read_write, ALL, 3, start, tries_to_read, writes),
	ENDS(free_again, read_try_write, ALL, 3, start, reads, tries_to_write),
	ENDS(free_again, until_read_write, ALL, 3, start, reads_until, writes),
	ENDS(free_again, read_until_write, ALL, 3, start, reads, writes_until),
	MANY(free_again, read_read_until_write, STRONG, 2, start, reads,
	     reads_until, writes_until),
	ENDS(free_again, read_beside_write_close, STRONG, 1, start, reads,
	     writes_beside, closes),
	MANY(free_again, beside_read_write_close, STRONG, 2, start,
	     reads_beside, writes, closes),
	ENDS(all_had_it, rows_read_write, ALL, 3, rows_0, reads, writes),
	ENDS(free_again, rows_try_write, ALL, ANY, rows_1, tries_to_read,
	     writes),
	ENDS(free_again, rows_try_try_write, STRONG, 2, rows_2, tries_to_read,
	     tries_to_read, writes),
	ENDS(all_had_it, rows_end_write, ALL, ANY, rows_1_in, ends_to_read,
	     writes),
	/* It came in on one thread and goes out on another. */
	ENDS(free_again, rows_moved_write, STRONG, 3, rows_2_in, tries_to_read,
	     ends_to_read, writes),
	MANY(free_again, rows_moved_write_weak, WEAK, 1, rows_2_in,
	     tries_to_read, ends_to_read, writes),
	ENDS(all_had_it, rows_end_end_write, STRONG, 3, rows_2_in_2,
	     ends_to_read, ends_to_read, writes),
	ENDS(all_had_it, rows_end_beside_write, STRONG, 2, rows_1_in_beside,
	     ends_to_read, ends_to_read, writes),
	MANY(all_had_it, rows_end_read_write, STRONG, 2, rows_1_in,
	     ends_to_read, reads, writes),
	ENDS(free_again, rows_new_write, ALL, 3, no_rows_yet, tries_to_read,
	     writes),
	ENDS(free_again, rows_try_try, ALL, 3, rows_1, tries_to_read,
	     tries_to_write),
	ENDS(free_again, rows_end_until, ALL, 2, rows_1_in, ends_to_read,
	     writes_until),
	MANY(free_again, rows_try_end_until, STRONG, 2, rows_2_in,
	     tries_to_read, ends_to_read, writes_until),
	MANY(free_again, rows_try_write_write, STRONG, 2, rows_1, tries_to_read,
	     writes, writes),
	ENDS(free_again, grow_try_write, ALL, 3, start_growing, tries_to_read,
	     writes),
	ENDS(free_again, grow_try_read_write, STRONG, 2, start_growing,
	     tries_to_read, reads, writes),
};

EXPLORE(cases,
	"sync/rwmutex.c sync/rwmutex.h sync/rwrows.c sync/rwuntil.c sync/rows.c",
	{ "rw.row_in", NULL,
	  "matters if the lock lost its rows between two looks, and got new "
	  "ones" },
	{ "rw.out", "release",
	  "the look before acquires, if nothing came between" },
	{ "rw.left", NULL,
	  "who fired our choice has been seen, with all of it" }, )
