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
static struct {
	int_chan c[3];
	atomic_bool over;
} square;

static int look(bool for_room)
{
	int_chan *c = square.c;

	if (for_room)
		return leat_try_select(leat_on_send(c[0], 1),
				       leat_on_send(c[1], 1),
				       leat_on_send(c[2], 1));
	return leat_try_select(leat_on_recv(c[2], NULL),
			       leat_on_recv(c[1], NULL),
			       leat_on_recv(c[0], NULL));
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

/* -- each does one thing, then looks what the other has done -- */

static struct {
	bool close; /* instead of a send */
	bool plain; /* look by a plain receive */
	atomic_uint met;
	_Atomic(int_chan) own[2];
	int found[2];
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

static void does_and_looks(int me, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		int_chan own = leat_make(int, !both.close), other;

		both.own[me] = own;
		meet(3 * i + 1);
		other = both.own[!me];
		meet(3 * i + 2);
		if (both.close)
			leat_close(own);
		else
			leat_send(own, 1);
		both.found[me] =
			both.plain
				? leat_try_recv(other, NULL) != -EAGAIN
				: leat_try_select(leat_on_recv(other, NULL)) ==
					  0;
		meet(3 * i + 3);
		EXPECT(both.found[0] || both.found[1]);
		leat_release(own);
	}
}

struct looker {
	pthread_t id;
	int me;
	unsigned n;
};

static void *looks_outside(void *arg)
{
	struct looker *l = arg;

	does_and_looks(l->me, l->n);
	return NULL;
}

static void look_crosswise(bool close, bool plain, bool thread)
{
	unsigned n = (unsigned)rounds(thread ? 3000 : 30000);
	struct looker other = { .me = 1, .n = n };
	leat_wg group = { 0 };

	both.close = close;
	both.plain = plain;
	atomic_store(&both.met, 0);
	if (thread)
		pthread_create(&other.id, NULL, looks_outside, &other);
	else
		leat_wg_go(&group, does_and_looks, 1, n);
	does_and_looks(0, n);
	leat_wg_wait(&group);
	if (thread)
		pthread_join(other.id, NULL);
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
