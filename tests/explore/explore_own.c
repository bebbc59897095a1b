/*
 * explore_own.c - core/own.h: a P has one owner at a time.
 *
 *	hot        enter, touch, leave; twice
 *	claimer    claim; if it got it: touch, then release or take
 *
 * What is touched is plain, and counted: a lost count is two owners at once.
 */
#define OWN_SPINS 1
#include "core/base.h"
#include "core/own.h"

static struct own own;
static int plain;         /* what the P owns */
static int touched;       /* how often that was */
static int taken, claims; /* by claimers */

static void init(void)
{
	own = (struct own){ 0 };
	plain = touched = taken = claims = 0;
	explore_name(&own.inside, sizeof(own.inside), "inside");
	explore_name(&own.claim, sizeof(own.claim), "claim");
	explore_name(&plain, sizeof(plain), "plain");
}

static void touch(void)
{
	d_write(&plain, d_read(&plain) + 1);
	touched++;
}

static void counted(void)
{
	ASSERT(plain == touched);
	ASSERT(a_load(&own.claim, relaxed) == (taken ? OWN_TAKEN : OWN_FREE));
}

static bool hot_once(void)
{
	bool mine = own_enter(&own);

	if (mine)
		touch();
	own_leave(&own);
	return mine;
}

static void hot(void)
{
	hot_once();
}

static void hot_twice(void)
{
	if (hot_once())
		hot_once();
}

static void claimer(void)
{
	if (!own_claim(&own))
		return;
	claims++;
	touch();
	own_release(&own);
}

static void claimer_twice(void)
{
	claimer();
	claimer();
}

static void taker(void)
{
	if (!own_claim(&own))
		return;
	touch();
	taken = 1;
	own_take(&own);
}

/* Without a P the thread looks at what the taker wrote about it. */
static void hot_finds_out(void)
{
	if (!hot_once())
		ASSERT(d_read(&plain) == 1);
}

/* Nobody is inside, so a claim must succeed. */
static void hot_never(void)
{
}

static void claimed(void)
{
	counted();
	ASSERT(claims == 1);
}

/* The thread has lost its P, waits for a P and gets this one again. */
static _Atomic int given;

static void init_given(void)
{
	init();
	given = 0;
}

static void hot_again(void)
{
	if (hot_once())
		return;
	while (!a_load(&given, acquire))
		a_spin();
	hot_once();
}

static void taker_gives(void)
{
	taker();
	if (!taken)
		return;
	taken = 0;
	a_store(&own.claim, OWN_FREE, release);
	a_store(&given, 1, release);
}

#define CASE(n, ...)                                                  \
	{                                                             \
		.name = #n, .init = init, .check = counted,           \
		.passes = EXPLORE_SC | EXPLORE_TSO | EXPLORE_WEAK,    \
		.thread = { __VA_ARGS__ }, .preemptions = EXPLORE_ANY \
	}

static const struct explore_case cases[] = {
	{ .name = "nobody_inside",
	  .init = init,
	  .check = claimed,
	  .passes = EXPLORE_SC | EXPLORE_TSO | EXPLORE_WEAK,
	  .thread = { hot_never, claimer },
	  .preemptions = EXPLORE_ANY },
	CASE(enter_against_claim, hot, claimer),
	CASE(enter_twice, hot_twice, claimer),
	CASE(claim_twice, hot, claimer_twice),
	CASE(both_twice, hot_twice, claimer_twice),
	CASE(two_claimers, hot, claimer, claimer),
	CASE(two_claimers_enter_twice, hot_twice, claimer, claimer),
	CASE(enter_against_take, hot_twice, taker),
	CASE(take_is_found_out, hot_finds_out, taker),
	CASE(claim_and_take, hot_twice, claimer, taker),
	{ .name = "taken_and_given_back",
	  .init = init_given,
	  .check = counted,
	  .passes = EXPLORE_SC | EXPLORE_TSO | EXPLORE_WEAK,
	  .thread = { hot_again, taker_gives },
	  .preemptions = EXPLORE_ANY },
};

EXPLORE(cases, "core/own.h",
	{ "own.claim", "acquire", "nobody looks for what was before a claim" },
	{ "own.claim", "release",
	  "the heavy fence that follows acquires, too" },
	{ "own.abort", NULL,
	  "nothing is touched between the heavy fence and this" }, )
