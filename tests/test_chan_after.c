/*
 * test_chan_after.c - what an operation on a channel leaves behind: nobody who
 * is said to wait, and no claim on the channel.
 *
 *	goroutine                        guest, another thread
 *	any operation, which ends
 *	computes                         sends: not later
 *	computes on
 */
#include "leat.h"

#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

typedef leat_chan(long) longs;

static void takes_one(longs c, long *v)
{
	EXPECT(leat_recv(c, v));
}

static void gives_one(longs c, long v)
{
	leat_send(c, v);
}

/* Who has been served waits no more: a try says so, and does not wonder for
 * ever what became of him. */
GO_TEST(nobody_is_left_when_he_was_served, "R62 R92")
{
	for (int cap = 0; cap <= 2; cap++) {
		longs c = leat_make(long, cap);
		leat_wg group = { 0 };
		long v = 0;

		leat_wg_go(&group, takes_one, c, &v);
		leat_yield();
		leat_send(c, 1L);
		leat_wg_wait(&group);
		EXPECT_EQ(v, 1);
		EXPECT_EQ(leat_try_select(leat_on_recv(c, &v)), -1);
		for (long i = 0; i < cap; i++)
			EXPECT_EQ(leat_try_select(leat_on_send(c, i)), 0);
		EXPECT_EQ(leat_try_select(leat_on_send(c, 7L)), -1);

		leat_wg_go(&group, gives_one, c, (long)cap);
		leat_yield();
		for (long i = 0; i <= cap; i++) {
			EXPECT(leat_recv(c, &v));
			EXPECT_EQ(v, i);
		}
		leat_wg_wait(&group);
		EXPECT_EQ(leat_try_select(leat_on_recv(c, &v)), -1);
		EXPECT_EQ(leat_try_select(leat_on_send(c, 7L)),
			  cap > 0 ? 0 : -1);
		leat_release(c);
	}
}

/* -- who computes -- */

static void sends_and_receives(longs c)
{
	leat_send(c, 1L);
	EXPECT(leat_recv(c, NULL));
}

static void finds_nothing(longs c)
{
	EXPECT_EQ(leat_try_recv(c, NULL), -EAGAIN);
}

static void finds_no_room(longs c)
{
	leat_send(c, 1L);
	EXPECT_EQ(leat_try_send(c, 2L), -EAGAIN);
	EXPECT(leat_recv(c, NULL));
}

static void chooses_nothing(longs c)
{
	EXPECT_EQ(leat_try_select(leat_on_recv(c, NULL)), -1);
}

static void uses_a_batch(longs c)
{
	long v = 1;

	EXPECT_EQ(leat_send_n(c, &v, 1), 1);
	EXPECT_EQ(leat_recv_n(c, &v, 1), 1);
}

static void is_served(longs c)
{
	leat_wg group = { 0 };
	long v;

	leat_wg_go(&group, gives_one, c, 3L);
	EXPECT(leat_recv(c, &v));
	leat_wg_wait(&group);
	leat_wg_go(&group, takes_one, c, &v);
	leat_yield();
	leat_send(c, 4L);
	leat_wg_wait(&group);
}

static atomic_bool guest_is_through;

static void *sends_and_tells(void *c)
{
	leat_send((longs)c, 1);
	atomic_store(&guest_is_through, true);
	return NULL;
}

/* What it did is done: nobody waits for it while it computes. */
GO_TEST(a_guest_does_not_wait_for_who_computes, "R31 R80")
{
	static void (*const does[])(longs) = {
		sends_and_receives, finds_nothing, finds_no_room,
		chooses_nothing,    uses_a_batch,  is_served,
	};
	pthread_t id;

	for (size_t i = 0; i < sizeof(does) / sizeof(does[0]); i++) {
		longs c = leat_make(long, 1);

		does[i](c);
		atomic_store(&guest_is_through, false);
		pthread_create(&id, NULL, sends_and_tells, (void *)c);
		while (!atomic_load(&guest_is_through))
			;
		pthread_join(id, NULL);
		EXPECT(leat_recv(c, NULL));
		leat_release(c);
	}
}

SUITE("chan after")
