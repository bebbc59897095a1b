/*
 * explore_cond.c - a cond, and waits for it that have an end.
 *
 *	waits      until there is something; takes it
 *	until      or until a moment, which comes at any time
 *	beside     or until channel c is closed
 *	gives      something, and tells one; or, gives_all, tells all
 *
 * What there is is plain, under the mutex.
 */
#include "tests/explore/channels.h"

#include "sync/circle.h"

static int64_t no_time(void)
{
	return 1;
}

/* Two files in one, with names of their own. */
#define LOCK       MUTEX_LOCK
#define word_of    mutex_word_of
#define joins      mutex_joins
#define leaves     mutex_leaves
#define MARK_SHIFT MUTEX_MARK_SHIFT
#define SPINS      0
#define os_now()   no_time()
#include "sync/mutex.c"
#undef LOCK
#undef word_of
#undef joins
#undef leaves
#undef MARK_SHIFT
#undef os_now

static int list;
#define touch_list()         d_write(&list, d_read(&list) + 1)
#define circle_push(at, n)   (touch_list(), circle_push(at, n))
#define circle_remove(at, n) (touch_list(), circle_remove(at, n))
#define circle_take(at)      (touch_list(), circle_take(at))

#undef take
#define look        cond_look
#define drop        cond_drop
#define take        cond_take
#define unlocked    cond_unlocked
#define wait_beside cond_wait_beside
#include "sync/cond.c"

ASTRAY(void, park_share, struct m *m)

static leat_mutex mu;
static leat_cond cond;
static int things; /* plain */
static int results[THREADS], left;

static void start(void)
{
	make(0, -1);
	memset(&mu, 0, sizeof(mu));
	memset(&cond, 0, sizeof(cond));
	memset(results, 0, sizeof(results));
	things = list = left = 0;
	world_moves = true;
	explore_name(&mu, sizeof(mu), "mutex");
	explore_name(&cond, sizeof(cond), "cond");
	explore_name(&list, sizeof(list), "list");
	explore_name(&things, sizeof(things), "things");
}

static void takes_one(int rc)
{
	results[explore_self()] = rc;
	if (d_read(&things) > 0) {
		d_write(&things, d_read(&things) - 1);
		left++;
	}
	leat_mutex_unlock(&mu);
}

static void waits(void)
{
	leat_mutex_lock(&mu);
	while (d_read(&things) == 0)
		leat_cond_wait(&cond, &mu);
	takes_one(0);
}

static void waits_until(void)
{
	int rc = 0;

	leat_mutex_lock(&mu);
	while (d_read(&things) == 0 && rc == 0)
		rc = leat_cond_wait_until(&cond, &mu, 9);
	takes_one(rc);
}

/* Out of time it wants nothing any more. */
static void wants_until(void)
{
	int rc = 0;

	leat_mutex_lock(&mu);
	while (d_read(&things) == 0 && rc == 0)
		rc = leat_cond_wait_until(&cond, &mu, 9);
	if (rc == 0)
		takes_one(rc);
	else
		leat_mutex_unlock(&mu);
}

static void waits_beside(void)
{
	bool here;
	const struct leat_case over = { .chan_ = c, .ok_ = &here };
	int i = 1;

	leat_mutex_lock(&mu);
	while (d_read(&things) == 0 && i == 1)
		i = wait_beside(&cond, &mu, &over, 1, OS_NEVER);
	takes_one(i == 1 ? 0 : -ECANCELED);
}

static void gives(void)
{
	leat_mutex_lock(&mu);
	d_write(&things, d_read(&things) + 1);
	leat_cond_signal(&cond);
	leat_mutex_unlock(&mu);
}

static void gives_outside(void)
{
	leat_mutex_lock(&mu);
	d_write(&things, d_read(&things) + 1);
	leat_mutex_unlock(&mu);
	leat_cond_signal(&cond);
}

static void gives_to_all(int n)
{
	leat_mutex_lock(&mu);
	d_write(&things, d_read(&things) + n);
	leat_cond_broadcast(&cond);
	leat_mutex_unlock(&mu);
}

DOES(gives_all, gives_to_all(2))
DOES(gives_one_to_all, gives_to_all(1))

DOES(closes, leat_chan_close_(c))

/* Who had to take something has; and nobody is left. */
static void quiet(void)
{
	ASSERT(mu.state == 0);
	ASSERT(cond.state == 0 && !cond.waiters);
	ASSERT(!things || results[0] || results[1]);
}

static void all_taken(void)
{
	quiet();
	ASSERT(things == 0);
}

/* Whoever of two it was. */
static void one_taken(void)
{
	ASSERT(mu.state == 0);
	ASSERT(things == 0 && left == 1);
}

static const struct explore_case cases[] = {
	ENDS(all_taken, wait_give, ALL, 3, start, waits, gives),
	ENDS(all_taken, wait_give_outside, ALL, 3, start, waits, gives_outside),
	ENDS(quiet, until_give, ALL, 2, start, waits_until, gives),
	ENDS(all_taken, wait_wait_all, STRONG, 2, start, waits, waits,
	     gives_all),
	MANY(all_taken, wait_wait_give_give, STRONG, 1, start, waits, waits,
	     gives, gives_outside),
	/* One signal for two: if one of them is too late, the other has it. */
	MANY(quiet, until_wait_give_give, STRONG, 1, start, waits_until, waits,
	     gives, gives),
	/* Nor is it lost to one that is out of time. */
	MANY(one_taken, until_or_wait, STRONG, 1, start, wants_until, waits,
	     gives),
	ENDS(quiet, beside_give_close, STRONG, 1, start, waits_beside, gives,
	     closes),
	ENDS(quiet, until_all, ALL, 2, start, waits_until, gives_one_to_all),
	MANY(quiet, until_wait_all, STRONG, 1, start, waits_until, waits,
	     gives_all),
	MANY(quiet, beside_all_close, STRONG, 1, start, waits_beside,
	     gives_one_to_all, closes),
};

EXPLORE(cases, "sync/cond.c", )
