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
 * beside another.  Whoever is the last to write may use the memory for something
 * else: it stays as he left it.
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
#define result rw_result
#define drop   rw_drop
#define look   rw_look
#include "sync/rwmutex.c"

ASTRAY(void, park_share, struct m *m)

static leat_rwmutex rw;
static int inside; /* plain */
static int reading, writing, results[THREADS];

static void start(void)
{
	make(0, -1);
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

DOES(reads, leat_rwmutex_rlock(&rw); has_read(0))
DOES(writes, leat_rwmutex_lock(&rw); has_written(0))
DOES(tries_to_read, has_read(leat_rwmutex_try_rlock(&rw) ? 0 : -EAGAIN))
DOES(tries_to_write, has_written(leat_rwmutex_try_lock(&rw) ? 0 : -EAGAIN))
DOES(reads_until, has_read(leat_rwmutex_rlock_until(&rw, 9)))
DOES(writes_until, has_written(leat_rwmutex_lock_until(&rw, 9)))
DOES(closes, leat_chan_close_(c))

static void writes_beside(void)
{
	bool here;
	const struct leat_case over = { .chan_ = c, .ok_ = &here };

	leat_mutex_lock(&rw.writers_);
	has_written(drain_beside(&rw, &over, 1, OS_NEVER));
}

static void reads_beside(void)
{
	bool here;
	const struct leat_case over = { .chan_ = c, .ok_ = &here };

	has_read(rw_result(wait_beside(&rw, false, &over, 1, OS_NEVER), 1));
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
	ASSERT(rw.state == 0 && !rw.waiters && rw.writers_.state == 0);
}

static void all_had_it(void)
{
	free_again();
	for (int t = 0; t < THREADS; t++)
		ASSERT(results[t] == 0);
}

/* Too many for the mutants. */
#define MANY(end, ...)                                        \
	{                                                     \
		ROW(__VA_ARGS__), .check = end, .large = true \
	}

static const struct explore_case cases[] = {
	ENDS(all_had_it, read_write, ALL, ANY, start, reads, writes),
	ENDS(all_had_it, write_write, ALL, 3, start, writes, writes),
	ENDS(all_had_it, read_read_write, STRONG, 3, start, reads, reads,
	     writes),
	MANY(all_had_it, read_read_write_weak, WEAK, 1, start, reads, reads,
	     writes),
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
};

EXPLORE(cases, "sync/rwmutex.c",
	{ "rw.left", NULL,
	  "who fired our choice has been seen, with all of it" }, )
