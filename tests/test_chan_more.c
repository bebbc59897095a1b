/*
 * test_chan_more.c - who waits at a channel: in which order they are served,
 * and what close does to them; batches.
 *
 *	senders      9 8 7 --> | 6 5 4 | --> 3         first come, first served:
 *	                        buffer                 values and those who wait
 *	receivers    c b a <-- |       | <-- 1
 */
#include "leat.h"

#include "measure.h"
#include "test.h"
#include "waits.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

typedef leat_chan(int) ints;

enum { LINE = 50 };

/* The thread sanitizer bears 8,128 at once. */
static int at_once(int n)
{
	return test_under("tsan") ? 2000 : (int)test_count((size_t)n);
}

static void fill(ints c)
{
	for (int i = -(int)leat_cap(c); i < 0; i++)
		leat_send(c, i);
}

/* -- the line -- */

static void sends(ints c, int v)
{
	about_to_wait();
	leat_send(c, v);
}

static void receives(ints c, int v)
{
	int got = -1;

	about_to_wait();
	EXPECT(leat_recv(c, &got));
	EXPECT_EQ(got, v);
}

static void *sends_outside(void *c)
{
	sends((ints)c, atomic_load(&waits_begun));
	return NULL;
}

static void *receives_outside(void *c)
{
	receives((ints)c, atomic_load(&waits_begun));
	return NULL;
}

/* LINE of them wait, one behind the other; every fourth a thread, if there are
 * any.  On one P, so that it is known that they do. */
static void line_up(ints c, leat_wg *group, void (*body)(ints, int),
		    void *(*outside)(void *), pthread_t *threads)
{
	leat_procs_set(1);
	for (int i = 0; i < LINE; i++) {
		if (outside && i % 4 == 3) {
			pthread_create(threads++, NULL, outside, (void *)c);
			until_thread_waits();
		} else {
			leat_wg_go(group, body, c, i);
			until_waiting(1);
		}
	}
}

static void join_line(pthread_t *threads)
{
	leat_block_enter();
	for (int i = 0; i < LINE / 4; i++)
		pthread_join(threads[i], NULL);
	leat_block_exit();
}

static void senders_in_line(int cap, bool mixed)
{
	ints c = leat_make(int, cap);
	leat_wg group = { 0 };
	pthread_t threads[LINE];
	int v;

	fill(c);
	line_up(c, &group, sends, mixed ? sends_outside : NULL, threads);
	for (int i = -cap; i < LINE; i++) {
		EXPECT_EQ(leat_len(c), cap < LINE - i ? cap : LINE - i);
		EXPECT(leat_recv(c, &v));
		EXPECT_EQ(v, i);
	}
	leat_wg_wait(&group);
	if (mixed)
		join_line(threads);
	leat_release(c);
}

GO_TEST(senders_wait_in_line_without_a_buffer, "R60 R61")
{
	senders_in_line(0, false);
}

GO_TEST(senders_wait_in_line_at_a_full_buffer, "R60 R61")
{
	senders_in_line(3, false);
}

GO_TEST(threads_and_goroutines_send_in_one_line, "R31 R60 R61")
{
	senders_in_line(0, true);
}

GO_TEST(threads_and_goroutines_send_in_one_line_at_a_buffer, "R31 R60 R61")
{
	senders_in_line(3, true);
}

static void receivers_in_line(int cap, bool mixed)
{
	ints c = leat_make(int, cap);
	leat_wg group = { 0 };
	pthread_t threads[LINE];

	line_up(c, &group, receives, mixed ? receives_outside : NULL, threads);
	for (int i = 0; i < LINE; i++) {
		leat_send(c, i);
		EXPECT_EQ(leat_len(c), 0); /* from hand to hand */
	}
	leat_wg_wait(&group);
	if (mixed)
		join_line(threads);
	leat_release(c);
}

GO_TEST(receivers_wait_in_line_without_a_buffer, "R60 R61")
{
	receivers_in_line(0, false);
}

GO_TEST(receivers_wait_in_line_at_an_empty_buffer, "R60 R61")
{
	receivers_in_line(3, false);
}

GO_TEST(threads_and_goroutines_receive_in_one_line, "R31 R60 R61")
{
	receivers_in_line(0, true);
}

GO_TEST(threads_and_goroutines_receive_in_one_line_at_a_buffer, "R31 R60 R61")
{
	receivers_in_line(3, true);
}

GO_TEST(a_newcomer_does_not_pass_a_waiting_sender, "R60")
{
	ints c = leat_make(int, 2);
	leat_wg group = { 0 };
	int v;

	fill(c);
	line_up(c, &group, sends, NULL, NULL);
	for (int i = -2; i < LINE - 2; i++) {
		EXPECT_EQ(leat_try_recv(c, &v), 0);
		EXPECT_EQ(v, i);
		EXPECT_EQ(leat_try_send(c, 1000), -EAGAIN);
	}
	EXPECT_EQ(leat_len(c), 2);
	leat_wg_wait(&group);
	leat_release(c);
}

GO_TEST(a_newcomer_does_not_pass_a_waiting_receiver, "R60")
{
	ints c = leat_make(int, 2);
	leat_wg group = { 0 };

	line_up(c, &group, receives, NULL, NULL);
	for (int i = 0; i < LINE; i++) {
		EXPECT_EQ(leat_try_send(c, i), 0);
		EXPECT_EQ(leat_try_recv(c, NULL), -EAGAIN);
	}
	leat_wg_wait(&group);
	leat_release(c);
}

/* -- close, and who waits -- */

static void offers(ints c, atomic_int *refused)
{
	about_to_wait();
	EXPECT_EQ(leat_offer(c, 1), -EPIPE);
	atomic_fetch_add(refused, 1);
}

static void close_turns_senders_away(int cap, int n)
{
	ints c = leat_make(int, cap);
	leat_wg group = { 0 };
	atomic_int refused = 0;
	int v;

	fill(c);
	for (int i = 0; i < n; i++)
		leat_wg_go(&group, offers, c, &refused);
	until_waiting(n);
	EXPECT_EQ(atomic_load(&refused), 0);
	leat_close(c);
	leat_wg_wait(&group);
	EXPECT_EQ(atomic_load(&refused), n);
	for (int i = -cap; i < 0; i++) {
		EXPECT(leat_recv(c, &v));
		EXPECT_EQ(v, i);
	}
	EXPECT(!leat_recv(c, &v));
	leat_release(c);
}

GO_TEST(close_turns_away_who_waits_to_send, "R79")
{
	close_turns_senders_away(0, 1);
	close_turns_senders_away(0, 100);
}

GO_TEST(close_keeps_the_buffer_and_no_more, "R75 R79")
{
	close_turns_senders_away(1, 1);
	close_turns_senders_away(3, 100);
}

static void batches(ints c, int n)
{
	int v[10] = { 0 };

	about_to_wait();
	leat_send_n(c, v, (size_t)n);
}

#define WAITING_SENDER_DIES(name, cap, body)                           \
	GO_TEST_DIES(name, "R79 X11", "panic: send on closed channel") \
	{                                                              \
		ints c = leat_make(int, cap);                          \
		leat_wg group = { 0 };                                 \
                                                                       \
		fill(c);                                               \
		leat_procs_set(1);                                     \
		leat_wg_go(&group, body, c, 10);                       \
		until_waiting(1);                                      \
		leat_close(c);                                         \
		leat_wg_wait(&group);                                  \
	}

WAITING_SENDER_DIES(close_panics_a_waiting_sender, 0, sends)
WAITING_SENDER_DIES(close_panics_a_waiting_sender_at_a_buffer, 2, sends)
WAITING_SENDER_DIES(close_panics_a_waiting_batch, 0, batches)
WAITING_SENDER_DIES(close_panics_a_waiting_batch_at_a_buffer, 2, batches)

static void *sends_then_dies(void *c)
{
	sends((ints)c, 1);
	return NULL;
}

TEST_DIES(close_panics_a_waiting_thread, "R31 R79 X11",
	  "panic: send on closed channel")
{
	ints c = leat_make(int, 0);
	pthread_t id;

	pthread_create(&id, NULL, sends_then_dies, (void *)c);
	until_thread_waits();
	leat_close(c);
	pthread_join(id, NULL);
}

static void sees_the_end(ints c, int how, atomic_int *woken)
{
	int v = 7, n = 0;

	about_to_wait();
	switch (how % 3) {
	case 0:
		EXPECT(!leat_recv(c, &v));
		EXPECT_EQ(v, 0);
		break;
	case 1:
		EXPECT_EQ(leat_recv_n(c, &v, 1), 0);
		break;
	default:
		leat_range(w, c)
			n += 1 + w;
		EXPECT_EQ(n, 0);
	}
	atomic_fetch_add(woken, 1);
}

static struct {
	ints c;
	atomic_int woken;
} outside;

static void *sees_the_end_outside(void *how)
{
	sees_the_end(outside.c, (int)(intptr_t)how, &outside.woken);
	return NULL;
}

/* n goroutines and three threads wait; one close ends it. */
static void close_wakes(int cap, int n)
{
	pthread_t threads[3];
	leat_wg group = { 0 };
	atomic_int woken = 0;

	outside.c = leat_make(int, cap);
	for (int i = 0; i < n; i++)
		EXPECT_EQ(
			leat_wg_go(&group, sees_the_end, outside.c, i, &woken),
			0);
	until_waiting(n);
	for (intptr_t i = 0; i < 3; i++) {
		pthread_create(&threads[i], NULL, sees_the_end_outside,
			       (void *)i);
		until_thread_waits();
	}
	EXPECT_EQ(atomic_load(&woken) + atomic_load(&outside.woken), 0);
	leat_close(outside.c);
	leat_wg_wait(&group);
	leat_block_enter();
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	leat_block_exit();
	EXPECT_EQ(atomic_load(&woken), n);
	EXPECT_EQ(atomic_load(&outside.woken), 3);
	leat_release(outside.c);
}

GO_TEST(close_wakes_ten_thousand_receivers, "R78 R87 R88 R110")
{
	close_wakes(0, at_once(10000));
}

GO_TEST(close_wakes_ten_thousand_receivers_at_a_buffer, "R78 R88 R110")
{
	close_wakes(1, at_once(10000));
}

/* -- batches -- */

/* The next n of a row of numbers. */
static void expect_next(ints c, int *next, int n)
{
	for (int v; n > 0; n--) {
		EXPECT(leat_recv(c, &v));
		EXPECT_EQ(v, (*next)++);
	}
}

static const int *row(int from, int n)
{
	static int numbers[100];

	for (int i = 0; i < n; i++)
		numbers[i] = from + i;
	return numbers;
}

GO_TEST(a_batch_is_sent_as_far_as_there_is_room, "R61 R72")
{
	ints c = leat_make(int, 5);
	int next = 0;

	for (int sent = 0, lap = 0; lap < 20; lap++) {
		EXPECT_EQ(leat_send_n(c, row(sent, 2), 2), 2);
		EXPECT_EQ(leat_send_n(c, row(sent + 2, 7), 7), 3);
		EXPECT_EQ(leat_len(c), 5);
		expect_next(c, &next, 4);
		EXPECT_EQ(leat_send_n(c, row(sent + 5, 1), 1), 1);
		expect_next(c, &next, 2);
		sent += 6;
	}
	leat_release(c);
}

GO_TEST(a_batch_is_received_as_far_as_there_is_any, "R61 R66")
{
	ints c = leat_make(int, 5);
	int v[9], next = 0;

	for (int sent = 0, lap = 0; lap < 20; lap++) {
		for (int i = 0; i < 4; i++)
			leat_send(c, sent++);
		EXPECT_EQ(leat_recv_n(c, v, 1), 1);
		EXPECT_EQ(v[0], next++);
		v[3] = -1;
		EXPECT_EQ(leat_recv_n(c, v, 9), 3);
		for (int i = 0; i < 3; i++)
			EXPECT_EQ(v[i], next++);
		EXPECT_EQ(v[3], -1);
	}
	leat_release(c);
}

GO_TEST(a_batch_may_be_longer_than_the_buffer, "R61 R82")
{
	static const int caps[] = { 1, 2, 3, 16, 64 };

	for (size_t k = 0; k < sizeof caps / sizeof *caps; k++) {
		ints c = leat_make(int, caps[k]);
		int v[100], next = 0;

		for (int lap = 0; lap < 10; lap++) {
			EXPECT_EQ(leat_send_n(c, row(next, 100), 100), caps[k]);
			EXPECT_EQ(leat_recv_n(c, v, 100), caps[k]);
			for (int i = 0; i < caps[k]; i++)
				EXPECT_EQ(v[i], next++);
		}
		leat_release(c);
	}
}

GO_TEST(what_is_left_is_received_in_a_batch, "R69")
{
	ints c = leat_make(int, 5);
	int v[5];

	EXPECT_EQ(leat_send_n(c, row(1, 3), 3), 3);
	leat_close(c);
	EXPECT_EQ(leat_recv_n(c, v, 2), 2);
	EXPECT_EQ(v[1], 2);
	EXPECT_EQ(leat_recv_n(c, v, 5), 1);
	EXPECT_EQ(v[0], 3);
	EXPECT_EQ(leat_recv_n(c, v, 5), 0);
	leat_release(c);
}

GO_TEST(a_batch_of_nothing_never_waits, "R65 R71")
{
	for (int cap = 0; cap < 3; cap++) {
		ints c = leat_make(int, cap);
		int v = 7;

		EXPECT_EQ(leat_recv_n(c, &v, 0), 0);
		fill(c);
		EXPECT_EQ(leat_send_n(c, &v, 0), 0);
		EXPECT_EQ(leat_len(c), cap);
		EXPECT_EQ(v, 7);
		leat_release(c);
	}
}

static void sends_batches(ints c, int n)
{
	static int numbers[100];

	for (int i = 0; i < n; i++)
		numbers[i] = i;
	for (size_t done = 0, more; done < (size_t)n; done += more) {
		about_to_wait();
		more = leat_send_n(c, numbers + done, (size_t)n - done);
		EXPECT(more >= 1 && more <= (size_t)n - done);
	}
}

GO_TEST(a_batch_waits_for_room_or_a_receiver, "R71 R80")
{
	for (int cap = 0; cap < 5; cap++) {
		ints c = leat_make(int, cap);
		leat_wg group = { 0 };
		int next = -cap;

		fill(c);
		leat_wg_go(&group, sends_batches, c, 100);
		until_waiting(1);
		expect_next(c, &next, cap + 100);
		leat_wg_wait(&group);
		EXPECT_EQ(leat_len(c), 0);
		waits_seen = atomic_load(&waits_begun);
		leat_release(c);
	}
}

static void receives_batches(ints c, int n)
{
	for (int next = 0; next < n;) {
		int v[7];
		size_t got;

		about_to_wait();
		got = leat_recv_n(c, v, 7);
		EXPECT(got >= 1 && got <= 7);
		for (size_t i = 0; i < got; i++)
			EXPECT_EQ(v[i], next++);
	}
}

GO_TEST(a_batch_waits_for_a_value, "R67 R80")
{
	for (int cap = 0; cap < 5; cap++) {
		ints c = leat_make(int, cap);
		leat_wg group = { 0 };

		leat_wg_go(&group, receives_batches, c, 100);
		until_waiting(1);
		for (int i = 0; i < 100; i++)
			leat_send(c, i);
		leat_wg_wait(&group);
		waits_seen = atomic_load(&waits_begun);
		leat_release(c);
	}
}

/* Three wait for a value; there is room for eight more. */
GO_TEST(a_batch_serves_all_who_wait_and_fills_the_buffer, "R60 R72")
{
	ints c = leat_make(int, 8);
	leat_wg group = { 0 };
	int next = 3;

	leat_procs_set(1);
	for (int i = 0; i < 3; i++) {
		leat_wg_go(&group, receives, c, i);
		until_waiting(1);
	}
	EXPECT_EQ(leat_send_n(c, row(0, 11), 11), 11);
	leat_wg_wait(&group);
	expect_next(c, &next, 8);
	leat_release(c);
}

/* Three wait to send, the buffer is full: what is there is eight values. */
GO_TEST(a_batch_empties_a_full_buffer_though_others_wait, "R60 R66")
{
	ints c = leat_make(int, 8);
	leat_wg group = { 0 };
	int v[11];
	size_t got;

	leat_procs_set(1);
	fill(c);
	for (int i = 0; i < 3; i++) {
		leat_wg_go(&group, sends, c, i);
		until_waiting(1);
	}
	got = leat_recv_n(c, v, 11);
	EXPECT(got >= 8);
	for (size_t i = 0; i < got; i++)
		EXPECT_EQ(v[i], (int)i - 8);
	for (int next = (int)got - 8; next < 3;)
		expect_next(c, &next, 1);
	leat_wg_wait(&group);
	leat_release(c);
}

static void sends_ten(ints c, size_t *n)
{
	about_to_wait();
	*n = leat_send_n(c, row(0, 10), 10);
}

/* It has sent one when the channel is closed; that is not undone. */
GO_TEST(a_batch_ends_where_a_close_meets_it, "R69 R73 R79")
{
	leat_procs_set(1); /* who is served goes on only when we wait */
	for (int cap = 0; cap < 3; cap++) {
		ints c = leat_make(int, cap);
		leat_wg group = { 0 };
		int next = -cap;
		size_t n = 0;

		fill(c);
		leat_wg_go(&group, sends_ten, c, &n);
		until_waiting(1);
		expect_next(c, &next, 1);
		leat_close(c);
		leat_wg_wait(&group);
		EXPECT_EQ(n, 1);
		expect_next(c, &next, cap);
		EXPECT(!leat_recv(c, NULL));
		leat_release(c);
	}
}

SUITE("chan more")
