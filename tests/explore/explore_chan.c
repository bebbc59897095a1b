/*
 * explore_chan.c - channels: sends, receives, closes, in every order.
 *
 *	put, take     a send, a receive; the number in a name is the capacity
 *	try_          the same without waiting
 *	put_n, take_n many at once
 *	close_it      no more sends
 *
 * The threads are none of the runtime's, so they sleep on futexes; but in the
 * cases called alone_, thread a is, and has the channel for itself (bias.h).
 * The oracle is that of channels.h: what happened could have happened on plain
 * lists, and nobody waits for what is there.
 */
#include "tests/explore/channels.h"

/* -- how it begins -- */

BEGINS(cap_0, make(0, -1))
BEGINS(cap_1, make(1, -1))
BEGINS(cap_2, make(2, -1))
BEGINS(cap_3, make(3, -1))
BEGINS(both_0, make(0, 0))
BEGINS(both_1, make(1, 1))
BEGINS(timed_0, make(0, -1); timed = true)
BEGINS(timed_1, make(1, -1); timed = true)
BEGINS(timed_2, make(2, -1); timed = true)
BEGINS(alone_1, make(1, -1); bias(1))
BEGINS(alone_2, make(2, -1); bias(1))
BEGINS(shared, make(1, -1); leat_chan_retain_(c))
BEGINS(full_1, make(1, -1); begin_with(c, 7))
BEGINS(full_2, make(2, -1); begin_with(c, 6); begin_with(c, 7))

/* -- what a thread does -- */

DOES(put_1, put(c, 1))
DOES(put_2, put(c, 2))
DOES(put_1_2, put(c, 1); put(c, 2))
DOES(put_3, put(c, 3))
DOES(take_1, take(c))
DOES(take_2, take(c); take(c))
DOES(puts_2, put_n(c, 1, 2))
DOES(takes_2, take_n(c, 2))
DOES(puts_takes, put_n(c, 1, 2); take_n(c, 2))
DOES(closes, close_it(c))
DOES(put_and_close, put(c, 1); close_it(c))
DOES(try_put_1, try_put(c, 1))
DOES(try_put_2, try_put(c, 2))
DOES(try_take_1, try_take(c))
DOES(try_take_2, try_take(c); try_take(c))
DOES(put_and_try, put(c, 2); try_take(c))
DOES(take_and_try, take(c); try_put(c, 2))
DOES(put_c_try_d, put(c, 1); try_take(d))
DOES(put_d_try_c, put(d, 2); try_take(c))
DOES(close_c_try_d, close_it(c); try_take(d))
DOES(close_d_try_c, close_it(d); try_take(c))

/* Somebody waits by now, or it is another story. */
static void after(uint64_t flag)
{
	ASSUME(a_load(&c->word, relaxed) & flag);
}

DOES(late_take, after(CHAN_RECEIVERS); take(c))
DOES(late_put_1_2, after(CHAN_RECEIVERS); put(c, 1); put(c, 2))
DOES(late_put, after(CHAN_SENDERS); put(c, 2))
DOES(late_take_2, after(CHAN_SENDERS); take(c); take(c))

/* Thread a waited first. */
static void first_come(void)
{
	explained();
	ASSERT(history[0][0].way[0].value == 1);
}

static void first_gone(void)
{
	const struct op *o = history[2];

	explained();
	ASSERT(o[0].way[0].value != 2);
	ASSERT(o[1].way[0].value != 2 || o[0].way[0].value == 1);
}

/* Never more than one value is there. */
static void put_and_take(void)
{
	put(c, 1);
	take(c);
}

static void twice(void)
{
	put_and_take();
	put_and_take();
}

static void counts(void)
{
	ASSERT(leat_chan_len_(c) <= 1);
}

/* The last one frees it, after all that the other did. */
static void put_and_release(void)
{
	put(c, 1);
	leat_chan_release_(c);
}

static void take_and_release(void)
{
	take(c);
	pack(&box[1][1], 2);
	leat_chan_release_(c);
}

static void freed_once(void)
{
	ASSERT(freed == 1);
}

static const struct explore_case cases[] = {
	CASE(one_0, ALL, ANY, cap_0, put_1, take_1),
	CASE(one_1, ALL, ANY, cap_1, put_1, take_1),
	CASE(one_2, ALL, ANY, cap_2, put_1, take_1),
	CASE(order_0, ALL, ANY, cap_0, put_1_2, take_2),
	CASE(again_1, ALL, ANY, full_1, put_1, take_1),
	LARGE(order_1, ALL, 2, cap_1, put_1_2, take_2),
	LARGE(order_2, ALL, 2, cap_2, put_1_2, take_2),

	CASE(close_put_0, ALL, ANY, cap_0, closes, put_1),
	CASE(close_put_1, ALL, ANY, cap_1, closes, put_1_2),
	CASE(close_take_0, ALL, ANY, cap_0, closes, take_1),
	CASE(close_take_1, ALL, ANY, cap_1, closes, take_1),
	CASE(close_full_1, ALL, ANY, full_1, closes, take_2),
	CASE(close_close_1, ALL, ANY, cap_1, closes, closes),
	CASE(put_and_close_1, ALL, 2, cap_1, put_and_close, take_2),

	CASE(try_put_0, ALL, ANY, cap_0, try_put_1, take_1),
	CASE(try_take_0, ALL, ANY, cap_0, put_1, try_take_1),
	CASE(try_both_1, ALL, ANY, cap_1, try_put_1, try_take_1),
	CASE(try_take_1, ALL, ANY, full_1, put_1, try_take_2),
	CASE(put_and_look, ALL, ANY, both_1, put_c_try_d, put_d_try_c),
	CASE(close_and_look_0, ALL, ANY, both_0, close_c_try_d, close_d_try_c),
	CASE(close_and_look_1, ALL, ANY, both_1, close_c_try_d, close_d_try_c),

	CASE(put_n_1, ALL, 2, cap_1, puts_2, take_2),
	CASE(put_n_2, ALL, 2, cap_2, puts_2, take_2),
	CASE(take_n_1, ALL, 2, cap_1, put_1_2, takes_2),
	CASE(take_n_2, ALL, 2, cap_2, put_1_2, takes_2),
	CASE(both_n_2, ALL, ANY, cap_2, puts_2, takes_2),
	CASE(full_n_2, ALL, 2, full_2, puts_2, takes_2),

	CASE(timed_try_1, ALL, ANY, timed_1, try_put_1, try_take_1),
	CASE(timed_close_0, ALL, ANY, timed_0, closes, try_put_1),
	LARGE(timed_order_2, ALL, 2, timed_2, put_1_2, take_2),

	ENDS(NULL, len, ALL, ANY, cap_2, twice, counts),
	ENDS(freed_once, released, ALL, 2, shared, put_and_release,
	     take_and_release),

	ENDS(NULL, alone_len, ALL, ANY, alone_2, twice, counts),
	CASE(alone_try, ALL, 2, alone_1, try_put_1, try_take_1),
	CASE(alone_n, SC, 2, alone_2, puts_2, take_2),
	LARGE(alone_n_weak, WEAK, 2, alone_2, puts_2, take_2),
	CASE(alone_both_n, ALL, 2, alone_2, puts_takes, take_1),
	CASE(alone_put, ALL, 2, alone_1, put_1, take_1),
	LARGE(alone_close, SC | WEAK, 2, alone_2, put_and_close, take_1),

	LARGE(senders_0, STRONG, ANY, cap_0, put_1, put_2, take_1),
	CASE(senders_0_weak, WEAK, 1, cap_0, put_1, put_2, take_1),
	LARGE(senders_1, STRONG, 2, cap_1, put_1, put_2, take_1),
	LARGE(senders_2, STRONG, 2, cap_2, put_1, put_2, take_1),
	LARGE(senders_1_weak, WEAK, 1, cap_1, put_1, put_2, take_1),
	LARGE(senders_2_weak, WEAK, 1, cap_2, put_1, put_2, take_1),
	CASE(receivers_0, STRONG, 2, cap_0, put_1, take_1, take_1),
	CASE(receivers_0_weak, WEAK, 1, cap_0, put_1, take_1, take_1),
	CASE(receivers_1, SC, 2, cap_1, put_1, take_1, take_1),
	CASE(receivers_1_tso, TSO, 1, cap_1, put_1, take_1, take_1),
	CASE(two_to_two_1, SC, 2, cap_1, put_1_2, take_1, take_1),
	LARGE(two_to_two_1_tso, TSO, 1, cap_1, put_1_2, take_1, take_1),
	CASE(two_from_two_1, SC, 2, cap_1, put_1, put_2, take_2),
	LARGE(two_from_two_1_tso, TSO, 1, cap_1, put_1, put_2, take_2),
	CASE(two_from_two_2, SC, 2, cap_2, put_1, put_2, take_2),
	LARGE(two_and_two_1, SC, 2, cap_1, put_1, put_2, take_1, take_1),
	CASE(two_and_two_0, SC, 2, cap_0, put_1, put_2, take_1, take_1),
	LARGE(two_and_two_0_tso, TSO, 1, cap_0, put_1, put_2, take_1, take_1),

	/* One who has sent while another is in its window sends again. */
	LARGE(behind_window_2, SC, 3, cap_2, put_1_2, put_3, take_1),
	LARGE(behind_window_3, SC, 3, cap_3, put_1_2, put_3, take_1),

	LARGE(close_both_0, ALL, ANY, cap_0, closes, put_1, take_1),
	CASE(close_both_1, STRONG, 2, cap_1, closes, put_1, take_1),
	LARGE(close_both_1_weak, WEAK, 2, cap_1, closes, put_1, take_1),

	ENDS(first_come, first_receiver_0, STRONG, 2, cap_0, take_1, late_take,
	     late_put_1_2),
	ENDS(first_come, first_receiver_1, STRONG, 2, cap_1, take_1, late_take,
	     late_put_1_2),
	ENDS(first_gone, first_sender_0, STRONG, 2, cap_0, put_1, late_put,
	     late_take_2),
	ENDS(first_gone, first_sender_1, STRONG, 2, full_1, put_1, late_put,
	     late_take_2),

	LARGE(try_three_1, ALL, 2, cap_1, try_put_1, try_take_1, try_put_2),
	CASE(try_in_window, SC, 2, cap_2, put_1, take_1, put_and_try),
	LARGE(try_in_window_tso, TSO, 1, cap_2, put_1, take_1, put_and_try),
	CASE(try_in_room, SC, 2, full_2, take_1, put_1, take_and_try),
	LARGE(timed_three_2, SC, 2, timed_2, put_1, put_2, take_2),
};

EXPLORE(cases,
	"sync/ring.h sync/chan.h sync/chan.c sync/slow.c sync/life.c sync/match.c sync/waiter.c",
	{ "choice.fire", NULL, "it matters to selects only" },
	{ "choice.claim", NULL, "the same" },
	{ "choice.unclaim", NULL, "the same" },
	{ "queue.out", NULL, "the same" },
	{ "chan.ours", NULL,
	  "who is alone held LOCK last, or has seen home change" },
	{ "chan.ours_too", NULL,
	  "the same, and the compare-and-swap acquires too" }, )
