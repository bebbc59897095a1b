/*
 * test_select_instant.c - a try-select tells what was so at one instant.
 *
 *	somebody        send to B, then receive from A
 *	try-select      can anything be received from A or B?  At every instant
 *	                it can
 *
 *	one             send to A, then try-select: from B?
 *	another         send to B, then try-select: from A?
 *	                whoever sent later finds what the other sent
 *
 * The races of Go's runtime/chan_test.go, and more of their kind.
 */
#include "leat.h"

#include "measure.h"
#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

typedef leat_chan(int) int_chan;

/* Rounds with goroutines of their own, which TSan is slow to make. */
static size_t rounds(size_t n)
{
	return test_under("tsan") ? n / 100 : test_count(n);
}

/* -- readiness that moves, once (NonblockRecvRace, NonblockSelectRace) -- */

static void one_is_there(int_chan a, int_chan b, leat_wg *group)
{
	EXPECT(leat_try_select(leat_on_recv(a, NULL), leat_on_recv(b, NULL)) >=
	       0);
	leat_wg_done(group);
}

/* Something can be received from b before nothing can from a any more. */
static void moves_readiness(bool close, size_t times)
{
	for (size_t i = 0; i < times; i++) {
		int_chan a = leat_make(int, 1), b = leat_make(int, !close);
		leat_wg group = { 0 };

		leat_send(a, 1);
		leat_wg_add(&group, 1);
		if (i % 2)
			leat_go(one_is_there, a, b, &group);
		else
			leat_go(one_is_there, b, a, &group);
		if (close)
			leat_close(b);
		else
			leat_send(b, 1);
		leat_try_select(leat_on_recv(a, NULL));
		leat_wg_wait(&group);
		leat_release(a);
		leat_release(b);
	}
}

GO_TEST(a_try_select_does_not_miss_what_moves, "R92 R97")
{
	moves_readiness(false, rounds(100000));
}

GO_TEST(nor_what_is_closed_instead, "R92 R99")
{
	moves_readiness(true, rounds(100000));
}

GO_TEST(close_does_not_hide_a_value, "R69 R92")
{
	for (size_t i = 0; i < rounds(100000); i++) {
		int_chan c = leat_make(int, 1);
		leat_wg group = { 0 };

		leat_send(c, 1);
		leat_wg_add(&group, 1);
		leat_go(one_is_there, c, NULL, &group);
		leat_close(c);
		leat_recv(c, NULL);
		leat_wg_wait(&group);
		leat_release(c);
	}
}

/* -- the same, over and over --
 *
 *	tokens         in three channels of c each
 *	the mover      puts one more and then takes one, or first takes one
 *	a watcher      takes one and puts it back, or puts one and takes it back
 *
 * There are so many that a watcher finds one, or room for one, at every
 * instant, but seldom more than that.
 */
enum { GAP = 30 };

static struct {
	int_chan c[3], idle;
	atomic_bool over;
} square;

/* The three far from each other, so that much can happen between. */
static int look(bool for_room)
{
	int_chan *c = square.c;
	struct leat_case room[] = { leat_on_send(c[0], 1),
				    leat_on_send(c[1], 1),
				    leat_on_send(c[2], 1) };
	struct leat_case token[] = { leat_on_recv(c[0], NULL),
				     leat_on_recv(c[1], NULL),
				     leat_on_recv(c[2], NULL) };
	struct leat_case far[2 * GAP + 3];

	for (int i = 0; i < 2 * GAP + 3; i++)
		far[i] = leat_on_recv(square.idle, NULL);
	for (int i = 0; i < 3; i++)
		far[i * (GAP + 1)] = for_room ? room[i] : token[i];
	return leat_select_(far, 2 * GAP + 3, LEAT_TRY_);
}

static int take(void)
{
	int_chan *c = square.c;

	return leat_select(leat_on_recv(c[0], NULL), leat_on_recv(c[1], NULL),
			   leat_on_recv(c[2], NULL));
}

static void put(void)
{
	int_chan *c = square.c;

	leat_select(leat_on_send(c[2], 1), leat_on_send(c[0], 1),
		    leat_on_send(c[1], 1));
}

static void watches(bool for_room)
{
	while (!atomic_load(&square.over)) {
		EXPECT(look(for_room) >= 0);
		if (for_room)
			take();
		else
			put();
		leat_yield();
	}
}

static void moves(int n, bool out_first)
{
	for (int i = 0, at = 0; i < n; i++) {
		if (out_first) {
			at = take();
			leat_send(square.c[(at + 1) % 3], 1);
		} else {
			leat_send(square.c[(i + 1) % 3], 1);
			take();
		}
	}
	atomic_store(&square.over, true);
}

static void watch_the_square(bool for_room, int watchers)
{
	int tokens = for_room ? 1 : watchers;
	leat_wg group = { 0 };

	atomic_store(&square.over, false);
	square.idle = leat_make(int, 0);
	for (int i = 0; i < 3; i++)
		square.c[i] = leat_make(int, (watchers + 4) / 3);
	for (int i = 0; i < tokens; i++)
		put();
	for (int i = 0; i < watchers; i++)
		leat_wg_go(&group, watches, for_room);
	leat_wg_go(&group, moves, (int)test_count(100000), for_room);
	leat_wg_wait(&group);
	for (int i = 0; i < 3; i++)
		leat_release(square.c[i]);
	leat_release(square.idle);
}

GO_TEST(a_try_select_finds_the_room_that_moves, "R92 R97")
{
	watch_the_square(true, 1);
	watch_the_square(true, 4);
}

GO_TEST(a_try_select_finds_the_token_that_moves, "R92 R97")
{
	watch_the_square(false, 1);
	watch_the_square(false, 4);
}

/* -- each does one thing, then looks what the other has done --
 *
 * Each with a channel of its own, which nobody has used: a thread need not hurry
 * to show what it does with such a one.
 */
#define MS 1000000ll

enum { FRESH = 4000 };

static struct {
	bool close; /* instead of a send */
	bool plain; /* look by a plain receive */
	int64_t end;
	atomic_uint met;
	int_chan fresh[2][FRESH];
	atomic_int found[2];
	atomic_bool over;
} both;

/* Nobody goes on before both are here. */
static void meet(unsigned times)
{
	atomic_fetch_add(&both.met, 1);
	for (int i = 0; atomic_load(&both.met) < 2 * times; i++)
		if (i > 1000) {
			sched_yield(); /* it may need this very CPU, */
			leat_yield();  /* or this very P */
		}
}

static int acts_and_looks(int_chan own, int_chan other)
{
	if (both.close)
		leat_close(own);
	else
		leat_send(own, 1);
	if (both.plain)
		return leat_try_recv(other, NULL) != -EAGAIN;
	return leat_try_select(leat_on_recv(other, NULL)) == 0;
}

static void goes_on_looking(int me)
{
	int_chan *own = both.fresh[me], *other = both.fresh[!me];

	leat_thread_lock();
	for (int i = 0; i < FRESH; i++)
		own[i] = leat_make(int, !both.close);
	for (unsigned i = 0; i < FRESH; i++) {
		int found;

		if (me == 0 && now_ns() > both.end)
			atomic_store(&both.over, true);
		meet(2 * i + 1);
		if (atomic_load(&both.over))
			break;
		found = acts_and_looks(own[i], other[i]);
		atomic_store(&both.found[me], found);
		meet(2 * i + 2);
		EXPECT(found || atomic_load(&both.found[!me]));
	}
	leat_thread_unlock();
}

static void *looks_outside(void *unused)
{
	goes_on_looking(1);
	return unused;
}

static void look_crosswise(bool close, bool plain, bool thread)
{
	leat_wg group = { 0 };
	pthread_t id;

	both.close = close;
	both.plain = plain;
	both.end = now_ns() + 400 * MS;
	atomic_store(&both.met, 0);
	atomic_store(&both.over, false);
	if (thread)
		pthread_create(&id, NULL, looks_outside, NULL);
	else
		leat_wg_go(&group, goes_on_looking, 1);
	goes_on_looking(0);
	leat_wg_wait(&group);
	if (thread)
		pthread_join(id, NULL);
	for (int i = 0; i < 2 * FRESH; i++)
		leat_release(both.fresh[i / FRESH][i % FRESH]);
}

GO_TEST(of_two_who_send_and_look_one_finds_the_others, "R92 R97")
{
	look_crosswise(false, false, false);
}

GO_TEST(of_two_who_close_and_look_one_finds_it, "R92 R99")
{
	look_crosswise(true, false, false);
}

GO_TEST(so_it_is_with_plain_tries, "R66 R68")
{
	look_crosswise(false, true, false);
	look_crosswise(true, true, false);
}

GO_TEST(so_it_is_with_a_thread, "R31 R92")
{
	look_crosswise(false, false, true);
	look_crosswise(true, false, true);
}

SUITE("select instant")
