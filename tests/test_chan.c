/*
 * test_chan.c - what each operation does on a nil, an open and a closed
 * channel.
 *
 *	               nil        open                          closed
 *	recv           never      a value, or waits             rest; zero, false
 *	try_recv       -EAGAIN    0, or -EAGAIN                 rest; -EPIPE
 *	recv_n         never      1 to n values, or waits       rest; 0
 *	send           never      room or a receiver, or waits  panic
 *	send_n         never      1 to n values, or waits       panic
 *	offer          never      0, or waits                   -EPIPE
 *	try_send       -EAGAIN    0, or -EAGAIN                 -EPIPE
 *	close          panic      -                             panic
 *	shut           -EINVAL    0                             -EPIPE
 *	len, cap       0, 0       what is there, what fits      the same
 *
 * Rows first, then what close does to those who wait, batches, elements.
 */
#include "leat.h"

#include "measure.h"
#include "test.h"
#include "waits.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>

typedef leat_chan(int) ints;

/* -- making -- */

/* To the brim and empty again, with a look at every step. */
static void fill_and_empty(ints c, int cap, int from)
{
	int v;

	for (int i = 0; i < cap; i++) {
		EXPECT_EQ(leat_len(c), i);
		EXPECT_EQ(leat_try_send(c, from + i), 0);
	}
	EXPECT_EQ(leat_len(c), cap);
	EXPECT_EQ(leat_try_send(c, -1), -EAGAIN);
	EXPECT_EQ(leat_len(c), cap);
	for (int i = 0; i < cap; i++) {
		EXPECT_EQ(leat_try_recv(c, &v), 0);
		EXPECT_EQ(v, from + i);
		EXPECT_EQ(leat_len(c), cap - i - 1);
	}
	v = 77;
	EXPECT_EQ(leat_try_recv(c, &v), -EAGAIN);
	EXPECT_EQ(v, 77);
}

TEST(a_buffer_holds_exactly_its_capacity_on_every_lap, "R47 R59 R61 R63 R82")
{
	static const int caps[] = { 0, 1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 100 };

	for (size_t k = 0; k < sizeof caps / sizeof *caps; k++) {
		ints c = leat_make(int, caps[k]);

		EXPECT_EQ(leat_cap(c), caps[k]);
		for (int lap = 0; lap < 40; lap++) {
			fill_and_empty(c, caps[k], 1000 * lap);
			if (caps[k] > 0) /* begin one further on */
				leat_send(c, lap);
			EXPECT_EQ(leat_try_recv(c, NULL),
				  caps[k] ? 0 : -EAGAIN);
		}
		leat_release(c);
	}
}

TEST(a_large_buffer_holds_exactly_its_capacity, "R47 R63 R82")
{
	enum { CAP = 100003 };
	ints c = leat_make(int, CAP);

	fill_and_empty(c, CAP, 0);
	fill_and_empty(c, CAP, -CAP);
	leat_release(c);
}

TEST_DIES(a_negative_capacity_is_refused, "R48",
	  "panic: makechan: size out of range")
{
	leat_make(int, -1);
}

TEST_DIES(the_most_negative_capacity_is_refused, "R48",
	  "panic: makechan: size out of range")
{
	leat_make(leat_signal, PTRDIFF_MIN);
}

TEST_DIES(an_absurd_capacity_is_refused, "R48",
	  "panic: makechan: size out of range")
{
	leat_make(char, PTRDIFF_MAX);
}

struct huge {
	char bytes[1 << 20];
};

TEST_DIES(an_absurd_number_of_bytes_is_refused, "R48",
	  "panic: makechan: size out of range")
{
	leat_make(struct huge, 1 << 28);
}

TEST_DIES(a_size_that_overflows_is_refused, "R48",
	  "panic: makechan: size out of range")
{
	/* Times the size of an element it is 2^64 and a little. */
	leat_make(struct huge, ((ptrdiff_t)1 << 44) + 1);
}

TEST(without_memory_the_channel_is_nil, "R48")
{
	struct rlimit limit = { 256 << 20, 256 << 20 };

	if (test_under("asan") || test_under("tsan") || test_under("qemu"))
		SKIP("address space cannot be limited here");
	EXPECT_EQ(setrlimit(RLIMIT_AS, &limit), 0);
	EXPECT_EQ(leat_make(struct huge, 1 << 10), NULL);
	EXPECT_EQ(leat_make(leat_signal, 1 << 30), NULL);
	leat_release(leat_make(struct huge, 1 << 5));
}

TEST(handles_are_references_to_one_channel, "R50 R51")
{
	ints c = leat_make(int, 2), same = c, array[2] = { c, same };
	int v = 5;

	leat_send(array[0], v);
	v = 6; /* the value was copied */
	leat_send(array[1], v);
	EXPECT_EQ(leat_len(same), 2);
	EXPECT(leat_recv(c, &v));
	EXPECT_EQ(v, 5);
	EXPECT(leat_recv(same, &v));
	EXPECT_EQ(v, 6);
	leat_release(same);
}

/* -- nil -- */

static atomic_int passed;

static void on_nil(int how)
{
	int v[2] = { 0 };
	ints nil = NULL;

	if (how / 6 == 1)
		leat_pin();
	if (how / 6 == 2)
		leat_thread_lock();
	about_to_wait();
	switch (how % 6) {
	case 0:
		leat_recv(nil, v);
		break;
	case 1:
		leat_recv_n(nil, v, 2);
		break;
	case 2:
		leat_range(value, nil)
			v[0] = value;
		break;
	case 3:
		leat_send(nil, 1);
		break;
	case 4:
		leat_offer(nil, 1);
		break;
	default:
		leat_send_n(nil, v, 2);
	}
	atomic_fetch_add(&passed, 1);
}

static void *on_nil_outside(void *how)
{
	on_nil((int)(intptr_t)how);
	return NULL;
}

GO_TEST(on_nil_who_would_wait_waits_for_ever, "R22 R65 R70")
{
	enum { WAYS = 18 };
	pthread_t id;

	for (int how = 0; how < WAYS; how++)
		leat_go(on_nil, how);
	until_waiting(WAYS);
	for (intptr_t how = 0; how < 6; how++) {
		pthread_create(&id, NULL, on_nil_outside, (void *)how);
		until_thread_waits();
	}
	for (int i = 0; i < 1000; i++)
		leat_yield();
	EXPECT_EQ(atomic_load(&passed), 0);
	EXPECT_EQ(leat_goroutine_count(), 1 + WAYS);
}

GO_TEST(on_nil_who_does_not_wait_is_told, "R65 R70 R74")
{
	ints nil = NULL;
	int v = 7;

	EXPECT_EQ(leat_try_recv(nil, &v), -EAGAIN);
	EXPECT_EQ(v, 7);
	EXPECT_EQ(leat_try_send(nil, v), -EAGAIN);
	EXPECT_EQ(leat_shut(nil), -EINVAL);
	EXPECT_EQ(leat_send_n(nil, &v, 0), 0);
	EXPECT_EQ(leat_recv_n(nil, &v, 0), 0);
	EXPECT_EQ(leat_len(nil), 0);
	EXPECT_EQ(leat_cap(nil), 0);
	EXPECT_EQ(leat_retain(nil), NULL);
	leat_release(nil);
}

GO_TEST_DIES(close_of_nil_panics, "R74 X11", "panic: close of nil channel")
{
	ints nil = NULL;

	leat_close(nil);
}

/* -- open -- */

static void receives(ints c, int *got, atomic_int *n)
{
	about_to_wait();
	EXPECT(leat_recv(c, got));
	atomic_fetch_add(n, 1);
}

static void sends(ints c, int v, atomic_int *n)
{
	about_to_wait();
	leat_send(c, v);
	atomic_fetch_add(n, 1);
}

GO_TEST(with_room_every_send_returns_at_once, "R72 R82")
{
	ints c = leat_make(int, 5);
	int two[] = { 4, 5 }, v;

	leat_send(c, 1);
	EXPECT_EQ(leat_offer(c, 2), 0);
	EXPECT_EQ(leat_try_send(c, 3), 0);
	EXPECT_EQ(leat_send_n(c, two, 2), 2);
	for (int i = 1; i <= 5; i++) {
		EXPECT(leat_recv(c, &v));
		EXPECT_EQ(v, i);
	}
	leat_release(c);
}

GO_TEST(from_a_buffer_every_receive_returns_at_once, "R66")
{
	ints c = leat_make(int, 5);
	int v, two[2];

	for (int i = 1; i <= 5; i++)
		leat_send(c, i);
	EXPECT(leat_recv(c, &v));
	EXPECT_EQ(v, 1);
	EXPECT_EQ(leat_try_recv(c, &v), 0);
	EXPECT_EQ(v, 2);
	EXPECT_EQ(leat_recv_n(c, two, 2), 2);
	EXPECT_EQ(two[0], 3);
	EXPECT_EQ(two[1], 4);
	EXPECT(leat_recv(c, NULL));
	EXPECT_EQ(leat_len(c), 0);
	leat_release(c);
}

/* A receive on an empty channel of that capacity, and the send that ends it. */
static void receive_waits(int cap, bool try)
{
	ints c = leat_make(int, cap);
	leat_wg group = { 0 };
	atomic_int n = 0;
	int got = 0;

	leat_procs_set(1);
	leat_wg_go(&group, receives, c, &got, &n);
	until_waiting(1);
	EXPECT_EQ(atomic_load(&n), 0);
	EXPECT_EQ(leat_len(c), 0);
	if (try)
		while (leat_try_send(c, 9) == -EAGAIN)
			leat_yield();
	else
		leat_send(c, 9);
	leat_wg_wait(&group);
	EXPECT_EQ(got, 9);
	EXPECT_EQ(leat_len(c), 0);
	leat_release(c);
}

GO_TEST(a_receive_waits_for_a_send, "R67 R80 R81")
{
	receive_waits(0, false);
	receive_waits(1, false);
	receive_waits(3, false);
	receive_waits(0, true);
	receive_waits(1, true);
}

/* A send on a full channel, and the receive that ends it. */
static void send_waits(int cap, bool try)
{
	ints c = leat_make(int, cap);
	leat_wg group = { 0 };
	atomic_int n = 0;
	int v;

	leat_procs_set(1);
	for (int i = 0; i < cap; i++)
		leat_send(c, i);
	leat_wg_go(&group, sends, c, cap, &n);
	until_waiting(1);
	EXPECT_EQ(atomic_load(&n), 0);
	EXPECT_EQ(leat_len(c), cap);
	for (int i = 0; i <= cap; i++) {
		if (try)
			while (leat_try_recv(c, &v) == -EAGAIN)
				leat_yield();
		else
			EXPECT(leat_recv(c, &v));
		EXPECT_EQ(v, i);
	}
	leat_wg_wait(&group);
	EXPECT_EQ(leat_len(c), 0);
	leat_release(c);
}

GO_TEST(a_send_waits_for_room_or_a_receiver, "R71 R80 R82")
{
	send_waits(0, false);
	send_waits(1, false);
	send_waits(3, false);
	send_waits(0, true);
	send_waits(1, true);
}

GO_TEST(without_a_buffer_nothing_happens_alone, "R46 R80 R81")
{
	ints c = leat_make(int, 0);
	int v = 7;

	for (int i = 0; i < 1000; i++) {
		EXPECT_EQ(leat_try_send(c, 1), -EAGAIN);
		EXPECT_EQ(leat_try_recv(c, &v), -EAGAIN);
	}
	EXPECT_EQ(v, 7);
	EXPECT_EQ(leat_len(c), 0);
	EXPECT_EQ(leat_cap(c), 0);
	leat_release(c);
}

GO_TEST(a_receive_may_drop_the_value, "R84")
{
	for (int cap = 0; cap < 2; cap++) {
		ints c = leat_make(int, cap);
		leat_wg group = { 0 };
		atomic_int n = 0;

		leat_wg_go(&group, sends, c, 1, &n);
		EXPECT(leat_recv(c, NULL));
		leat_wg_go(&group, sends, c, 2, &n);
		while (leat_try_recv(c, NULL) == -EAGAIN)
			leat_yield();
		leat_wg_wait(&group);
		leat_wg_go(&group, receives, c, NULL, &n);
		leat_send(c, 3);
		leat_wg_wait(&group);
		leat_wg_go(&group, receives, c, NULL, &n);
		until_waiting(4);
		leat_send(c, 4);
		leat_wg_wait(&group);
		leat_close(c);
		EXPECT(!leat_recv(c, NULL));
		EXPECT_EQ(leat_try_recv(c, NULL), -EPIPE);
		leat_release(c);
	}
}

/* -- closed -- */

static int count(ints c)
{
	int n = 0;

	leat_range(v, c)
		n += 1 + 0 * v;
	return n;
}

/* Closed and drained: zero and false at once, in each form, again and again. */
static void expect_drained(ints c)
{
	for (int i = 0; i < 100; i++) {
		int v = 7;

		EXPECT(!leat_recv(c, &v));
		EXPECT_EQ(v, 0);
		v = 7;
		EXPECT_EQ(leat_try_recv(c, &v), -EPIPE);
		EXPECT_EQ(leat_recv_n(c, &v, 1), 0);
		EXPECT_EQ(count(c), 0);
		EXPECT_EQ(leat_len(c), 0);
	}
}

GO_TEST(a_closed_and_drained_channel_is_so_for_ever, "R68 R76 R85 X5")
{
	for (int cap = 0; cap < 4; cap++) {
		ints c = leat_make(int, cap);

		leat_close(c);
		expect_drained(c);
		EXPECT_EQ(leat_cap(c), cap);
		leat_release(c);
	}
}

GO_TEST(what_is_left_can_be_received_after_close, "R69 R75 R83")
{
	for (int n = 1; n <= 4; n++) {
		ints c = leat_make(int, 4);
		int v = -1;

		for (int i = 0; i < n; i++)
			leat_send(c, 10 + i);
		EXPECT_EQ(leat_shut(c), 0);
		for (int i = 0; i < n; i++) {
			EXPECT_EQ(leat_len(c), n - i);
			if (i % 2)
				EXPECT_EQ(leat_try_recv(c, &v), 0);
			else
				EXPECT(leat_recv(c, &v));
			EXPECT_EQ(v, 10 + i);
		}
		expect_drained(c);
		leat_release(c);
	}
}

GO_TEST(no_send_puts_anything_into_a_closed_channel, "R73")
{
	for (int cap = 0; cap < 3; cap++) {
		ints c = leat_make(int, cap);

		if (cap == 2)
			leat_send(c, 1);
		leat_close(c);
		EXPECT_EQ(leat_offer(c, 2), -EPIPE);
		EXPECT_EQ(leat_try_send(c, 3), -EPIPE);
		EXPECT_EQ(leat_len(c), cap == 2);
		EXPECT(leat_recv(c, NULL) == (cap == 2));
		EXPECT_EQ(leat_offer(c, 4), -EPIPE);
		expect_drained(c);
		leat_release(c);
	}
}

GO_TEST(a_second_close_is_told, "R77")
{
	for (int cap = 0; cap < 2; cap++) {
		ints c = leat_make(int, cap);

		EXPECT_EQ(leat_shut(c), 0);
		EXPECT_EQ(leat_shut(c), -EPIPE);
		EXPECT_EQ(leat_shut(c), -EPIPE);
		expect_drained(c);
		leat_release(c);
	}
}

GO_TEST_DIES(a_second_close_panics, "R77 X11", "panic: close of closed channel")
{
	ints c = leat_make(int, 1);

	leat_close(c);
	leat_close(c);
}

GO_TEST_DIES(close_after_shut_panics, "R77 X11",
	     "panic: close of closed channel")
{
	ints c = leat_make(int, 0);

	EXPECT_EQ(leat_shut(c), 0);
	leat_close(c);
}

#define SEND_DIES(name, cap, fill, send)                               \
	GO_TEST_DIES(name, "R73 X11", "panic: send on closed channel") \
	{                                                              \
		ints c = leat_make(int, cap);                          \
                                                                       \
		for (int i = 0; i < (fill); i++)                       \
			leat_send(c, i);                               \
		leat_close(c);                                         \
		send;                                                  \
	}

SEND_DIES(a_send_on_a_closed_channel_panics, 0, 0, leat_send(c, 1))
SEND_DIES(a_send_on_a_closed_empty_buffer_panics, 2, 0, leat_send(c, 1))
SEND_DIES(a_send_on_a_closed_full_buffer_panics, 2, 2, leat_send(c, 1))
SEND_DIES(a_batch_on_a_closed_channel_panics, 0, 0,
	  leat_send_n(c, ((int[]){ 1, 2 }), 2))
SEND_DIES(a_batch_on_a_closed_buffer_panics, 2, 1,
	  leat_send_n(c, ((int[]){ 1, 2 }), 2))

GO_TEST(a_batch_of_nothing_may_be_sent_on_a_closed_channel, "R73")
{
	ints c = leat_make(int, 1);
	int v = 1;

	leat_close(c);
	EXPECT_EQ(leat_send_n(c, &v, 0), 0);
	EXPECT_EQ(leat_recv_n(c, &v, 0), 0);
	EXPECT_EQ(v, 1);
	leat_release(c);
}

SUITE("chan")
