/*
 * explore_once.c - what is done once.
 *
 *	does      by the words of the header: its load, and then the rest
 *	asks      looks whether it is done, and uses the result if it is
 *
 * One runs it; whoever returns sees what was written, which is plain.  When all
 * but the one who ran it have returned, the memory is used for something else: it
 * stays as the last of them left it.
 */
#include "tests/explore/channels.h"

/* The header's load is a step like others. */
#define __atomic_load_n(p, order) a_load((_Atomic uint64_t *)(p), acquire)
#include "sync/once.c"
#undef __atomic_load_n

#define LEFT 0x5e5e5e5e5e5e5e00

static leat_once once;
static int work;          /* plain: written by the one */
static int runs, waiters; /* who are to return, the one who runs it excepted */

/* What is deferred is one goroutine's own. */
void panic_defer(struct leat_deferred_ *turn, leat_fn_ *fn, void *arg)
{
	*turn = (struct leat_deferred_){ .fn = fn, .word = { (uintptr_t)arg } };
}

void panic_take_back(struct leat_deferred_ *turn)
{
	ASSERT(turn->word[0] == (uintptr_t)&once);
}

static void start_with(int n)
{
	make(0, -1);
	memset(&once, 0, sizeof(once));
	work = runs = 0;
	waiters = n - 1;
	explore_name(&once, sizeof(once), "once");
	explore_name(&work, sizeof(work), "work");
}

static void works(void)
{
	runs++;
	d_write(&work, d_read(&work) + 1);
}

static void does(void)
{
	int before = runs;
	bool mine;

	if (leat_once_over_(&once)) {
		mine = false;
	} else {
		struct leat_once_turn_ turn;

		mine = leat_once_begin_(&once, (leat_fn_ *)works, &turn);
		if (mine) {
			ASSERT(before == 0);
			works();
			leat_once_end_(&turn);
			return;
		}
	}
	ASSERT(d_read(&work) == 1);
	if (--waiters == 0)
		a_store(word_of(&once), LEFT, relaxed);
}

static void asks(void)
{
	if (leat_once_done(&once))
		ASSERT(d_read(&work) == 1);
}

BEGINS(one, start_with(2)) /* it stays: who asks may come late */
BEGINS(two, start_with(2))
BEGINS(three, start_with(3))
BEGINS(four, start_with(4))

static void done_once(void)
{
	ASSERT(runs == 1 && waiters == 0);
	ASSERT(once.state == LEFT);
}

static void still_done(void)
{
	ASSERT(runs == 1 && once.state == OVER);
}

static const struct explore_case cases[] = {
	ENDS(still_done, do_ask, ALL, ANY, one, does, asks),
	ENDS(done_once, do_do, ALL, ANY, two, does, does),
	MANY(done_once, three_do, STRONG, 3, three, does, does, does),
	ENDS(done_once, three_do_weak, WEAK, 2, three, does, does, does),
	MANY(done_once, four_do, STRONG, 2, four, does, does, does, does),
};

EXPLORE(cases, "sync/once.c include/leat/once.h", )
