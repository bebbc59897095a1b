/*
 * explore_select.c - selects, against all that may come from the other side,
 * other selects too.
 *
 *	selects         two receives, or two sends, or one of each
 *	try_selects     the same without waiting: -1 must have been true
 *	_0, _1          the capacity of the channels
 *
 * In most cases chance decides which of two ready cases is taken, and which
 * channel is first to be registered at: both are tried.  The threads and the
 * oracle are those of explore_chan.c.
 */
#include "tests/explore/channels.h"

/* -- how it begins -- */

BEGINS(cap_0, make(0, -1))
BEGINS(cap_1, make(1, -1))
BEGINS(cap_2, make(2, -1))
BEGINS(both_0, make(0, 0))
BEGINS(both_1, make(1, 1))
BEGINS(any_of_0, make(0, 0); chances = 2)
BEGINS(any_of_1, make(1, 1); chances = 2)
BEGINS(any_of_0_1, make(0, 1); chances = 2)
BEGINS(any_0, make(0, -1); chances = 2)
BEGINS(full_d, make(1, 1); begin_with(d, 7))
BEGINS(full_1, make(1, 1); begin_with(c, 7); begin_with(d, 6); chances = 2)
BEGINS(both_full_1, make(1, 1); begin_with(c, 7); begin_with(d, 6))
BEGINS(timed_1, make(1, 1); timed = true)
BEGINS(timed_0, make(0, 0); timed = true)
BEGINS(alone_1, make(1, 1); bias(1))
BEGINS(late_0, make(0, 0); world_moves = true)
BEGINS(late_1, make(1, 1); world_moves = true)
BEGINS(late_full_1, make(1, 1); begin_with(c, 7); world_moves = true)
BEGINS(alone_d, make(1, 1); begin_with(d, 7); bias(1))

/* -- what a thread does -- */

#define select(how, on, v, on2, v2)   OP(op_select(on, v, on2, v2, how, OS_NEVER))
#define selects_until(on, v, on2, v2) OP(op_select(on, v, on2, v2, 0, 9))
#define selects(...)                  select(0, __VA_ARGS__)
#define selects_first(...)            select(LEAT_FIRST_, __VA_ARGS__)
#define try_selects(...)              select(LEAT_TRY_, __VA_ARGS__)
#define RECV                          0

DOES(put_c, put(c, 1))
DOES(put_d, put(d, 2))
DOES(take_c, take(c))
DOES(take_d, take(d))
DOES(closes, close_it(c))
DOES(select_recv, selects(c, RECV, NULL, 0))
DOES(select_send, selects(c, 3, NULL, 0))
DOES(select_both, selects(c, RECV, d, RECV))
DOES(select_both_again, selects(d, RECV, c, RECV))
DOES(select_sends, selects(c, 4, d, 5))
DOES(select_first, selects_first(c, RECV, d, RECV))
DOES(select_here, selects(c, RECV, d, 3))
DOES(select_there, selects(c, 4, d, RECV))
DOES(select_there_again, selects(d, RECV, c, 4))
DOES(select_self, selects(c, RECV, c, 3))
DOES(select_other_self, selects(c, RECV, c, 4))
DOES(try_select_c, try_selects(c, RECV, NULL, 0))
DOES(try_select_put, try_selects(c, 3, NULL, 0))
DOES(try_select_both, try_selects(c, RECV, d, RECV))
DOES(until_recv, selects_until(c, RECV, NULL, 0))
DOES(until_send, selects_until(c, 3, NULL, 0))
DOES(until_both, selects_until(c, RECV, d, RECV))
DOES(put_c_look_d, try_put(c, 1); try_selects(d, RECV, NULL, 0))
DOES(put_d_look_c, try_put(d, 2); try_selects(c, RECV, NULL, 0))
DOES(take_c_offer_d, try_take(c); try_selects(d, 3, NULL, 0))
DOES(take_d_offer_c, try_take(d); try_selects(c, 4, NULL, 0))
DOES(close_c_look_d, close_it(c); try_selects(d, RECV, NULL, 0))
DOES(close_d_look_c, close_it(d); try_selects(c, RECV, NULL, 0))
DOES(put_c_take_d, try_put(c, 1); try_take(d))
DOES(put_and_try, put(c, 2); try_selects(c, RECV, NULL, 0))

static const struct explore_case cases[] = {
	CASE(recv_put_0, ALL, ANY, cap_0, select_recv, put_c),
	CASE(recv_put_1, ALL, ANY, cap_1, select_recv, put_c),
	CASE(send_take_0, ALL, ANY, cap_0, select_send, take_c),
	CASE(send_take_1, ALL, ANY, full_1, select_send, take_c),
	CASE(recv_send_0, ALL, ANY, cap_0, select_recv, select_send),
	CASE(recv_send_1, ALL, 2, cap_1, select_recv, select_send),

	CASE(both_put_0, ALL, ANY, any_of_0, select_both, put_c),
	CASE(both_put_1, ALL, ANY, any_of_1, select_both, put_c),
	CASE(both_full_1, ALL, 2, full_1, select_both, take_c),
	CASE(first_full_1, ALL, 2, full_1, select_first, take_c),
	CASE(self_put_0, ALL, 2, any_0, select_self, put_c),
	CASE(self_take_0, ALL, 2, any_0, select_self, take_c),
	LARGE(self_self_0, ALL, 2, any_0, select_self, select_other_self),

	CASE(cross_0, ALL, 2, both_0, select_here, select_there),
	CASE(cross_again_0, ALL, 2, both_0, select_here, select_there_again),
	CASE(cross_chance_0, ALL, 2, any_of_0, select_here, select_there),
	CASE(cross_chance_0_1, ALL, 2, any_of_0_1, select_here, select_there),
	CASE(cross_chance_1, ALL, 2, any_of_1, select_here, select_there),

	CASE(close_recv_0, ALL, ANY, any_of_0, select_both, closes),
	CASE(close_recv_1, ALL, ANY, any_of_1, select_both, closes),
	CASE(close_send_0, ALL, ANY, any_of_0, select_sends, closes),
	CASE(close_send_1, ALL, 2, full_1, select_sends, closes),

	CASE(try_put_0, ALL, ANY, both_0, try_select_both, put_c),
	CASE(try_put_1, ALL, ANY, both_1, try_select_both, put_c),
	CASE(try_take_0, ALL, ANY, cap_0, try_select_put, take_c),
	CASE(try_take_1, ALL, ANY, full_1, try_select_put, take_c),
	CASE(try_select_0, ALL, ANY, cap_0, try_select_c, select_send),
	CASE(try_close_0, ALL, ANY, both_0, try_select_both, closes),
	CASE(never_empty, ALL, ANY, full_d, try_select_both, put_c_take_d),
	CASE(put_and_look, ALL, ANY, both_1, put_c_look_d, put_d_look_c),
	CASE(take_and_look, ALL, ANY, both_full_1, take_c_offer_d,
	     take_d_offer_c),
	CASE(close_and_look_0, ALL, ANY, both_0, close_c_look_d,
	     close_d_look_c),
	CASE(close_and_look_1, ALL, ANY, both_1, close_c_look_d,
	     close_d_look_c),
	CASE(timed_put_1, ALL, ANY, timed_1, try_select_both, put_c),
	CASE(timed_close_0, ALL, ANY, timed_0, try_select_both, closes),
	CASE(timed_never_empty, ALL, 2, full_d, try_select_both, put_c_take_d),

	CASE(alone_put, SC | WEAK, 2, alone_1, put_c, select_both),
	CASE(alone_put_tso, TSO, 1, alone_1, put_c, select_both),
	CASE(alone_never_empty, ALL, 2, alone_d, put_c_take_d, try_select_both),
	CASE(alone_look, ALL, 2, alone_1, put_c_look_d, put_d_look_c),

	CASE(until_put_0, ALL, ANY, late_0, until_recv, put_c),
	CASE(until_put_1, ALL, ANY, late_1, until_recv, put_c),
	CASE(until_take_0, ALL, ANY, late_0, until_send, take_c),
	CASE(until_take_1, ALL, 2, late_full_1, until_send, take_c),
	CASE(until_until_0, ALL, 2, late_0, until_recv, until_send),
	CASE(until_select_0, ALL, 2, late_0, until_both, select_send),
	CASE(until_close_0, ALL, 2, late_0, until_both, closes),
	LARGE(until_puts_0, SC, 2, late_0, until_both, put_c, put_d),
	LARGE(until_puts_1, SC, 2, late_1, until_both, put_c, put_d),

	LARGE(both_puts_0, STRONG, 2, any_of_0, select_both, put_c, put_d),
	LARGE(both_puts_1, SC, 2, any_of_1, select_both, put_c, put_d),
	LARGE(both_puts_1_tso, TSO, 1, any_of_1, select_both, put_c, put_d),
	LARGE(sends_takes_0, STRONG, 2, any_of_0, select_sends, take_c, take_d),
	LARGE(sends_takes_1, SC, 2, full_1, select_sends, take_c, take_d),
	LARGE(sends_takes_1_tso, TSO, 1, full_1, select_sends, take_c, take_d),
	LARGE(both_both_put_0, SC, 2, any_of_0, select_both, select_both_again,
	      put_c),
	LARGE(both_both_put_0_tso, TSO, 1, both_0, select_both,
	      select_both_again, put_c),
	LARGE(both_both_put_1, SC, 2, any_of_1, select_both, select_both_again,
	      put_c),
	LARGE(cross_put_0, SC, 2, any_of_0, select_here, select_there, put_c),
	LARGE(cross_put_0_tso, TSO, 1, both_0, select_here, select_there,
	      put_c),
	LARGE(cross_three_0, SC, 2, any_of_0, select_here, select_there,
	      select_both),
	LARGE(close_put_0, STRONG, 2, any_of_0, select_both, put_d, closes),
	LARGE(try_in_window, SC, 2, cap_2, put_c, take_c, put_and_try),
	LARGE(sends_takes_1_weak, WEAK, 1, both_1, select_sends, take_c,
	      take_d),
};

#define FRAME  "the words of a frame are not watched"
#define PAUSES "the threads here are no goroutines, in no thread's list"

EXPLORE(cases, "sync/select.c sync/match.c sync/chan.h sync/deadline.c",
	{ "select.out", NULL, FRAME }, { "queue.out", NULL, FRAME },
	{ "choice.claim", NULL, PAUSES }, { "choice.unclaim", NULL, PAUSES },
	{ "choice.commit", NULL, PAUSES },
	{ "chan.over", NULL, "a select has looked at the word before" },
	{ "chan.ours", NULL,
	  "who is alone held LOCK last, or has seen home change" },
	{ "chan.ours_too", NULL,
	  "the same, and the compare-and-swap acquires too" }, )
