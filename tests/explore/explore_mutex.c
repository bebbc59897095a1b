/*
 * explore_mutex.c - a mutex, and waits for it that have an end.
 *
 *	locks      for as long as it takes
 *	tries      or not at all
 *	in_good_time    or until a moment, which comes at any time
 *	beside     or until channel c is closed
 *
 * What is under the lock is plain: WEAK finds two at once.  A wait has been long
 * enough, or not, by chance.  Whoever is the last to unlock may use the memory for
 * something else: it stays as he left it.
 */
#include "tests/explore/channels.h"

#include "sync/circle.h"

/* The queue is touched by one at a time. */
static int list;
#define touch_list()         d_write(&list, d_read(&list) + 1)
#define circle_push(at, n)   (touch_list(), circle_push(at, n))
#define circle_remove(at, n) (touch_list(), circle_remove(at, n))

/* Time goes by, or does not. */
static int64_t some_time(void)
{
	return 1 + explore_choose(2) * 2 * LEAT_MILLISECOND;
}

static int spins;
#define SPINS    spins
#define os_now() some_time()
#include "sync/mutex.c"
#undef os_now

ASTRAY(void, park_share, struct m *m)

#define LEFT 0x5e5e5e5e5e5e5e00

static leat_mutex mu;
static int inside; /* plain */
static int users, had, results[THREADS];

static void start_with(int n, int turns)
{
	make(0, -1);
	memset(&mu, 0, sizeof(mu));
	memset(results, 0, sizeof(results));
	users = n;
	spins = turns;
	inside = list = had = 0;
	world_moves = true;
	explore_name(&mu, sizeof(mu), "mutex");
	explore_name(&list, sizeof(list), "list");
	explore_name(&inside, sizeof(inside), "inside");
}

/* Who has it, or has given up; the last one that ever will be in there. */
static void uses(int rc)
{
	bool last;

	results[explore_self()] = rc;
	if (rc != 0) {
		users--;
		return;
	}
	d_write(&inside, d_read(&inside) + 1);
	had++;
	last = --users == 0;
	leat_mutex_unlock(&mu);
	if (last)
		a_store(word_of(&mu), LEFT, relaxed);
}

BEGINS(two, start_with(2, 0))
BEGINS(two_spin, start_with(2, 1))
BEGINS(three, start_with(3, 0))
BEGINS(three_spin, start_with(3, 1))

DOES(locks, leat_mutex_lock(&mu); uses(0))
DOES(tries, uses(leat_mutex_try_lock(&mu) ? 0 : -EAGAIN))
DOES(in_good_time, uses(leat_mutex_lock_until(&mu, 9)))
DOES(closes, leat_chan_close_(c))

static void twice(void)
{
	leat_mutex_lock(&mu);
	d_write(&inside, d_read(&inside) + 1);
	leat_mutex_unlock(&mu);
	leat_mutex_lock(&mu);
	uses(0);
}

static void beside(void)
{
	bool here;
	const struct leat_case over = { .chan_ = c, .ok_ = &here };

	uses(leat_mutex_try_lock(&mu)                    ? 0
	     : lock_beside(&mu, &over, 1, OS_NEVER) == 0 ? -ECANCELED
							 : 0);
}

/* Nobody waits any more, and nobody has it. */
static void free_again(void)
{
	ASSERT(users == 0);
	if (mu.state != LEFT)
		ASSERT(!(mu.state & (OWNED | LOCK | QUEUE)));
}

static void all_had_it(void)
{
	free_again();
	for (int t = 0; t < THREADS; t++)
		ASSERT(results[t] == 0);
}

static const struct explore_case cases[] = {
	ENDS(all_had_it, lock_lock, ALL, ANY, two, locks, locks),
	ENDS(all_had_it, lock_lock_spin, ALL, ANY, two_spin, locks, locks),
	ENDS(all_had_it, lock_twice, ALL, 3, two, twice, locks),
	ENDS(all_had_it, three_lock, STRONG, 2, three, locks, locks, locks),
	MANY(all_had_it, three_lock_spin, STRONG, 2, three_spin, locks, locks,
	     locks),
	MANY(free_again, lock_lock_try_weak, WEAK, 1, three, locks, locks,
	     tries),
	ENDS(free_again, lock_try, ALL, ANY, two, locks, tries),
	ENDS(free_again, lock_until, ALL, 3, two, locks, in_good_time),
	ENDS(free_again, until_until, ALL, 2, two, in_good_time, in_good_time),
	ENDS(free_again, lock_beside_close, STRONG, 2, two, locks, beside,
	     closes),
	MANY(free_again, lock_lock_until, STRONG, 2, three, locks, locks,
	     in_good_time),
	MANY(free_again, lock_until_try, STRONG, 2, three, locks, in_good_time,
	     tries),
	MANY(free_again, lock_beside_close_weak, WEAK, 1, two, locks, beside,
	     closes),
};

EXPLORE(cases, "sync/mutex.c",
	{ "mutex.gone", NULL,
	  "who fired our choice has been seen, with all of it" }, )
