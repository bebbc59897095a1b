/*
 * explore_sema.c - a semaphore, and waits for it that have an end.
 *
 *	one, two     acquires so many, for as long as it takes, and gives them back
 *	until        or until a moment, which comes at any time
 *	beside       or until channel c is closed
 *	tries        or not at all
 *
 * There are two permits.  How many are held is plain; with two, WEAK finds what is
 * not ordered.
 */
#include "tests/explore/channels.h"

#include "sync/circle.h"

static int list;
#define touch_list()         d_write(&list, d_read(&list) + 1)
#define circle_push(at, n)   (touch_list(), circle_push(at, n))
#define circle_remove(at, n) (touch_list(), circle_remove(at, n))
#undef take
#define take sema_take
#define give sema_give
#define lock sema_lock
#include "sync/sema.c"

static leat_sema sema;
static int inside; /* plain, by who has both */
static int held, results[THREADS];

static void start(void)
{
	make(0, -1);
	sema = (leat_sema)LEAT_SEMA(2);
	memset(results, 0, sizeof(results));
	inside = list = held = 0;
	world_moves = true;
	explore_name(&sema, sizeof(sema), "sema");
	explore_name(&list, sizeof(list), "list");
	explore_name(&inside, sizeof(inside), "inside");
}

static void has(int n, int rc)
{
	results[explore_self()] = rc;
	if (rc != 0)
		return;
	held += n;
	ASSERT(held <= 2);
	if (n == 2)
		d_write(&inside, d_read(&inside) + 1);
	else
		(void)d_read(&inside);
	ASSERT(held <= 2);
	held -= n;
	leat_sema_release(&sema, n);
}

DOES(one, leat_sema_acquire(&sema, 1); has(1, 0))
DOES(two, leat_sema_acquire(&sema, 2); has(2, 0))
DOES(two_until, has(2, OP(leat_sema_acquire_until(&sema, 2, 9))))
DOES(one_until, has(1, OP(leat_sema_acquire_until(&sema, 1, 9))))
DOES(tries_two, has(2, leat_sema_try_acquire(&sema, 2) ? 0 : -EAGAIN))
DOES(closes, leat_chan_close_(c))

static void two_beside(void)
{
	bool here;
	const struct leat_case over = { .chan_ = c, .ok_ = &here };

	has(2, OP(acquire_beside(&sema, 2, &over, 1, OS_NEVER)));
}

static void free_again(void)
{
	ASSERT(sema.state == permits(2) && !sema.waiters);
}

static void all_had_it(void)
{
	free_again();
	for (int t = 0; t < THREADS; t++)
		ASSERT(results[t] == 0);
}

static const struct explore_case cases[] = {
	ENDS(all_had_it, one_two, ALL, ANY, start, one, two),
	ENDS(all_had_it, two_two, ALL, 3, start, two, two),
	ENDS(all_had_it, one_one_two, STRONG, 2, start, one, one, two),
	MANY(all_had_it, one_two_two, STRONG, 2, start, one, two, two),
	MANY(all_had_it, one_one_two_weak, WEAK, 1, start, one, one, two),
	ENDS(free_again, one_try, ALL, 3, start, one, tries_two),
	ENDS(free_again, one_until, ALL, 3, start, one, two_until),
	/* Who gives up at the head lets the one behind it go on. */
	ENDS(free_again, one_until_one, STRONG, 2, start, one, two_until, one),
	MANY(free_again, two_until_until, STRONG, 2, start, two, two_until,
	     one_until),
	ENDS(free_again, one_beside_close, STRONG, 2, start, one, two_beside,
	     closes),
};

EXPLORE(cases, "sync/sema.c",
	{ "sema.left", NULL,
	  "who fired our choice has been seen, with all of it" }, )
