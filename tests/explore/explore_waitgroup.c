/*
 * explore_waitgroup.c - wait groups, and waits for them that have an end.
 *
 *	waits      for as long as it takes
 *	until      or until a moment, which comes at any time
 *	beside     or until channel c is closed
 *	counts     or not at all
 *
 * Who has waited sees what was done before, and may then use the memory of the
 * group for something else: it stays as the last of them left it.
 */
#include "tests/explore/channels.h"

#include "sync/circle.h"

/* The list of a group is touched by one at a time. */
static int list;
#define touch_list()         d_write(&list, d_read(&list) + 1)
#define circle_push(at, n)   (touch_list(), circle_push(at, n))
#define circle_remove(at, n) (touch_list(), circle_remove(at, n))
#define circle_take(at)      (touch_list(), circle_take(at))
#include "sync/waitgroup.c"

ASTRAY(int, go_start, const struct leat_attr *a, const struct go_extra *extra,
       leat_fn_ *fn, int argc, const uintptr_t *argv)

#define LEFT 0x5e5e5e5e00000000

static leat_wg group;
static int work;    /* plain: done before the done */
static int waiters; /* who are to return */
static int results[THREADS];

static void start_with(int doers, int n)
{
	make(0, -1);
	memset(&group, 0, sizeof(group));
	memset(results, 0, sizeof(results));
	group.state = sum(&group, 0, doers);
	waiters = n;
	work = list = 0;
	world_moves = true;
	explore_name(&group, sizeof(group), "group");
	explore_name(&list, sizeof(list), "list");
	explore_name(&work, sizeof(work), "work");
}

static void returned(int rc)
{
	results[explore_self()] = rc;
	if (rc == 0)
		ASSERT(d_read(&work) > 0);
	if (--waiters == 0 && rc == 0)
		a_store(word_of(&group), LEFT, relaxed);
}

static void works(void)
{
	d_write(&work, d_read(&work) + 1);
	leat_wg_done(&group);
}

BEGINS(none, start_with(1, 0))
BEGINS(one, start_with(1, 1))
BEGINS(two, start_with(1, 2))
BEGINS(three, start_with(1, 3))

DOES(waits_on, leat_wg_wait(&group); returned(0))
DOES(waits_until, returned(leat_wg_wait_until(&group, 9)))
DOES(closes, leat_chan_close_(c))
DOES(counts, if (wg_count(&group) == 0) ASSERT(d_read(&work) > 0))

static void waits_beside(void)
{
	const struct leat_case over = { .chan_ = c };
	bool here;
	struct leat_case k = over;

	k.ok_ = &here;
	returned(wait_beside(&group, &k, 1, OS_NEVER) == 0 ? -ECANCELED : 0);
}

/* All have returned, and what the last one left is as he left it. */
static void quiet(void)
{
	ASSERT(waiters == 0);
	if (group.state != LEFT) {
		ASSERT(counter(group.state) == 0 && !(group.state & LOCK));
		ASSERT(!(group.state & WAITERS) && !group.waiters);
	}
}

static void released(void)
{
	quiet();
	for (int t = 0; t < THREADS; t++)
		ASSERT(results[t] == 0);
}

static const struct explore_case cases[] = {
	ENDS(quiet, count_done, ALL, ANY, none, counts, works),
	ENDS(released, wait_done, ALL, ANY, one, waits_on, works),
	ENDS(quiet, until_done, ALL, ANY, one, waits_until, works),
	ENDS(released, beside_done, ALL, ANY, one, waits_beside, works),
	ENDS(quiet, beside_close, STRONG, 2, one, waits_beside, works, closes),
	ENDS(quiet, wait_until_done, STRONG, 2, two, waits_on, waits_until,
	     works),
	MANY(quiet, beside_close_weak, WEAK, 2, one, waits_beside, works,
	     closes),
	ENDS(quiet, wait_until_done_weak, WEAK, 1, two, waits_on, waits_until,
	     works),
	MANY(quiet, until_until_done, STRONG, 2, two, waits_until, waits_until,
	     works),
	MANY(quiet, wait_beside_close, SC, 2, two, waits_on, waits_beside,
	     works, closes),
};

EXPLORE(cases, "sync/waitgroup.c",
	{ "wg.behind", NULL, "the threads here are not the runtime's" },
	{ "wg.again", NULL, "whoever woke us has been seen already" },
	{ "wg.lock", NULL,
	  "the load before acquires, if nothing came between" },
	{ "wg.left", NULL,
	  "who fired our choice has been seen, with all of it" }, )
