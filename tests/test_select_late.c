/*
 * test_select_late.c - what a select finds only when it goes to wait.
 *
 *	looks around        nothing, or what it chose is gone
 *	queues up, one      a value, room, a partner, a close:    this case
 *	after the other     it came in between                    happens
 *	waits               whoever comes now finds it
 *
 * The first look is led astray by decoys: channels that another thread made
 * and that nobody has used.  Of those one cannot tell whether they are ready
 * without asking that thread, and so one of them is often chosen, in vain.
 */
#include "leat.h"

#include "measure.h"
#include "test.h"

#include <pthread.h>
#include <stdatomic.h>

#define MS 1000000ll

enum { DECOYS = 3, ROUNDS = 300 };

typedef leat_chan(int) int_chan;

static int_chan decoy[ROUNDS * DECOYS];

/* Where no other goroutine runs, and so on a thread of its own. */
static void makes_decoys(void)
{
	leat_thread_lock();
	for (int i = 0; i < ROUNDS * DECOYS; i++)
		decoy[i] = leat_make(int, i % 2);
	leat_thread_unlock();
}

static void make_decoys(void)
{
	leat_wg group = { 0 };

	leat_thread_lock();
	leat_wg_go(&group, makes_decoys);
	leat_wg_wait(&group);
	leat_thread_unlock();
}

static void release_decoys(void)
{
	for (int i = 0; i < ROUNDS * DECOYS; i++)
		leat_release(decoy[i]);
}

/* One case among the decoys of a round; somewhere among them. */
static void select_late(struct leat_case it, int round)
{
	int_chan *d = &decoy[round * DECOYS];
	struct leat_case list[DECOYS + 1];

	for (int i = 0, k = 0; i <= DECOYS; i++)
		list[i] = i == round % (DECOYS + 1)
				  ? it
				  : leat_on_recv(d[k++], NULL);
	EXPECT_EQ(leat_select_(list, DECOYS + 1, 0), round % (DECOYS + 1));
}

static void let_others_wait(void)
{
	for (int i = 0; i < 10; i++)
		leat_yield();
}

/* -- what it finds -- */

GO_TEST(a_value_a_room_and_a_close, "R66 R68 R69 R72 R90 R91 R99 X5")
{
	int_chan c = leat_make(int, 2), closed = leat_make(int, 0);
	bool ok;
	int v;

	make_decoys();
	leat_close(closed);
	for (int i = 0; i + 2 < ROUNDS; i += 3) {
		select_late(leat_on_send(c, i), i);
		EXPECT_EQ(leat_len(c), 1);
		select_late(leat_on_recv_ok(c, &v, &ok), i + 1);
		EXPECT_EQ(v, i);
		EXPECT(ok);
		select_late(leat_on_recv_ok(closed, &v, &ok), i + 2);
		EXPECT_EQ(v, 0);
		EXPECT(!ok);
		v = i;
	}
	release_decoys();
	leat_release(c);
	leat_release(closed);
}

GO_TEST(what_is_left_in_a_closed_one, "R69 R75 R99 X5")
{
	make_decoys();
	for (int i = 0; i + 1 < ROUNDS; i += 2) {
		int_chan c = leat_make(int, 1 + i % 3);
		bool ok;
		int v = -1;

		leat_send(c, i);
		leat_close(c);
		select_late(leat_on_recv_ok(c, &v, &ok), i);
		EXPECT_EQ(v, i);
		EXPECT(ok);
		v = -1;
		select_late(leat_on_recv_ok(c, &v, &ok), i + 1);
		EXPECT_EQ(v, 0);
		EXPECT(!ok);
		leat_release(c);
	}
	release_decoys();
}

GO_TEST_DIES(a_closed_one_to_send_on, "R73 R100",
	     "panic: send on closed channel")
{
	int_chan c = leat_make(int, 1);

	make_decoys();
	leat_close(c);
	select_late(leat_on_send(c, 1), 0);
}

/* -- whom it finds, and wakes -- */

enum way { PLAIN, SELECT, SELECT_BOTH, WAYS };

static void sends(enum way way, int_chan c, int_chan idle, int v)
{
	if (way == PLAIN)
		leat_send(c, v);
	else if (way == SELECT)
		leat_select(leat_on_recv(idle, NULL), leat_on_send(c, v));
	else
		leat_select(leat_on_send(idle, 1), leat_on_send(c, v),
			    leat_on_send(c, v));
}

static void receives(enum way way, int_chan c, int_chan idle, int want)
{
	int v = -1;

	if (way == PLAIN)
		leat_recv(c, &v);
	else if (way == SELECT)
		leat_select(leat_on_recv(idle, &v), leat_on_recv(c, &v));
	else
		leat_select(leat_on_recv(c, &v), leat_on_send(idle, 1),
			    leat_on_recv(c, &v));
	EXPECT_EQ(v, want);
}

/* Nobody but the select meets them, so it must wake them all. */
static void find_senders(int cap)
{
	int_chan c = leat_make(int, cap), idle = leat_make(int, 0);

	make_decoys();
	for (int i = 0; i < ROUNDS; i++) {
		leat_wg group = { 0 };
		int v = -1;

		for (int k = 0; k < cap; k++)
			leat_send(c, i);
		leat_wg_go(&group, sends, (enum way)(i % WAYS), c, idle, i);
		let_others_wait();
		select_late(leat_on_recv(c, &v), i);
		EXPECT_EQ(v, i);
		leat_wg_wait(&group);
		EXPECT_EQ(leat_len(c), cap);
		for (int k = 0; k < cap; k++)
			EXPECT(leat_recv(c, &v));
	}
	release_decoys();
	leat_release(c);
	leat_release(idle);
}

static void find_receivers(int cap)
{
	int_chan c = leat_make(int, cap), idle = leat_make(int, 0);

	make_decoys();
	for (int i = 0; i < ROUNDS; i++) {
		leat_wg group = { 0 };

		leat_wg_go(&group, receives, (enum way)(i % WAYS), c, idle, i);
		let_others_wait();
		select_late(leat_on_send(c, i), i);
		leat_wg_wait(&group);
		EXPECT_EQ(leat_len(c), 0);
	}
	release_decoys();
	leat_release(c);
	leat_release(idle);
}

GO_TEST(a_sender_who_waits, "R71 R80 R90 R97")
{
	find_senders(0);
	find_senders(1);
	find_senders(2);
}

GO_TEST(a_receiver_who_waits, "R67 R80 R91 R97")
{
	find_receivers(0);
	find_receivers(1);
	find_receivers(2);
}

/* -- who comes in this very moment -- */

static struct {
	int_chan to, from;
	bool by_room; /* the select waits for room, not for a value */
	atomic_bool over;
} game;

/* Answers from another thread, after a time that is never the same. */
static void *answers(void *unused)
{
	unsigned seed = 1, late;
	int v;

	while (!atomic_load(&game.over)) {
		if (leat_try_recv(game.to, &v) != 0)
			continue;
		seed = seed * 1664525 + 1013904223;
		late = seed >> 24;
		for (volatile unsigned i = 0; i < late; i++)
			;
		if (game.by_room)
			leat_recv(game.from, NULL);
		else
			leat_send(game.from, v);
	}
	return unused;
}

/* A wake-up that is lost is never made up for: all wait. */
static void play(int cap, bool by_room)
{
	int_chan idle = leat_make(int, 0);
	int64_t end = now_ns() + 200 * MS;
	pthread_t id;
	int v;

	game.to = leat_make(int, 1);
	game.from = leat_make(int, cap);
	game.by_room = by_room;
	atomic_store(&game.over, false);
	for (int i = 0; by_room && i < cap; i++)
		leat_send(game.from, 0);
	pthread_create(&id, NULL, answers, NULL);
	for (int i = 0; now_ns() < end; i++) {
		leat_send(game.to, i);
		if (by_room) {
			leat_select(leat_on_recv(idle, NULL),
				    leat_on_send(game.from, i));
			continue;
		}
		leat_select(leat_on_recv(game.from, &v),
			    leat_on_recv(idle, NULL));
		EXPECT_EQ(v, i);
	}
	atomic_store(&game.over, true);
	pthread_join(id, NULL);
	leat_release(game.to);
	leat_release(game.from);
	leat_release(idle);
}

GO_TEST(a_value_that_comes_meanwhile, "R31 R67 R93")
{
	play(0, false);
	play(1, false);
	play(3, false);
}

GO_TEST(room_that_comes_meanwhile, "R31 R71 R93")
{
	play(0, true);
	play(1, true);
	play(3, true);
}

SUITE("select late")
