/*
 * test_chan_alone.c - a channel that one thread has used alone for long, and
 * those who come then.
 *
 *	the first        send recv send recv send recv ...   (on one thread)
 *	the guest                 |    |       |
 *	                          comes at any moment, with any operation:
 *	                          another thread of the runtime, or a foreign one
 *
 * The library may take shortcuts while it knows of no second thread; what goes
 * in must come out all the same, once and in order, and nobody waits for ever:
 * not even if the first thread sleeps, or has ended.
 */
#include "leat.h"

#include "measure.h"
#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

typedef leat_chan(long) longs;

/* Long enough for a shortcut to be taken; and how often the guest comes. */
enum { LONG = 3000, SHORT = 300, FEW = 20 };

enum kind { GOROUTINE, THREAD, KINDS };

/* What somebody has put in, and taken out. */
struct tally {
	long in, out, sum;
};

static void put(longs c, long v, struct tally *t)
{
	leat_send(c, v);
	t->in++;
	t->sum += v;
}

static void get(longs c, struct tally *t)
{
	long v = 0;

	EXPECT(leat_recv(c, &v));
	t->out++;
	t->sum -= v;
}

static void expect_balance(const struct tally *a, const struct tally *b)
{
	EXPECT_EQ(a->in + b->in, a->out + b->out);
	EXPECT_EQ(a->sum + b->sum, 0);
}

/* -- the guest -- */

static struct {
	leat_chan(longs) invitations;
	atomic_bool left;
	struct tally tally;
	void (*comes)(longs c, struct tally *t);
} guest;

static void visits(void)
{
	unsigned seed = 1;

	leat_range(c, guest.invitations) {
		for (int i = rand_r(&seed) % 20000; i > 0; i--)
			atomic_signal_fence(memory_order_seq_cst);
		guest.comes(c, &guest.tally);
		atomic_store(&guest.left, true);
	}
}

static void *visits_outside(void *unused)
{
	visits();
	return unused;
}

/* Somebody on another thread, if there is one. */
static void start_guest(enum kind kind, void (*comes)(longs, struct tally *),
			pthread_t *id)
{
	struct leat_attr there = { .place = LEAT_ON_P,
				   .index = leat_procs_get() - 1 };

	guest.invitations = leat_make(longs, 1);
	guest.comes = comes;
	leat_pin();
	if (kind == THREAD)
		pthread_create(id, NULL, visits_outside, NULL);
	else
		EXPECT_EQ(leat_go_with(&there, visits), 0);
}

static void end_guest(enum kind kind, pthread_t id)
{
	leat_unpin();
	leat_close(guest.invitations);
	if (kind == THREAD) {
		leat_block_enter();
		pthread_join(id, NULL);
		leat_block_exit();
	}
	while (leat_goroutine_count() > 1)
		leat_yield();
	leat_release(guest.invitations);
}

static void invite(longs c)
{
	guest.tally = (struct tally){ 0 };
	atomic_store(&guest.left, false);
	leat_send(guest.invitations, c);
}

/* To be asked after each turn of what is done meanwhile. */
static bool has_left(int turn)
{
	if (turn % 500 == 0)
		leat_yield(); /* the guest may need this very P */
	return atomic_load(&guest.left);
}

/* -- with a buffer -- */

static void uses_in_turn(longs c, struct tally *t)
{
	for (int i = 0; i < SHORT; i++) {
		put(c, i, t);
		get(c, t);
	}
}

static void uses_without_waiting(longs c, struct tally *t)
{
	for (long i = 0, v; i < 10 * SHORT; i++) {
		if (leat_len(c) > leat_cap(c))
			t->sum++;
		if (t->in == t->out && leat_try_send(c, i) == 0) {
			t->in++;
			t->sum += i;
		} else if (t->in > t->out && leat_try_recv(c, &v) == 0) {
			t->out++;
			t->sum -= v;
		}
	}
	if (t->in > t->out)
		get(c, t);
}

static void uses_in_batches(longs c, struct tally *t)
{
	for (int i = 0; i < SHORT; i++) {
		long v[2] = { i, i + 1 };
		size_t n = leat_send_n(c, v, 2);

		EXPECT(n == 1 || n == 2);
		t->in += (long)n;
		t->sum += n == 2 ? 2 * i + 1 : i;
		while (n > 0) {
			size_t got = leat_recv_n(c, v, n);

			EXPECT(got >= 1 && got <= n);
			t->out += (long)got;
			t->sum -= got == 2 ? v[0] + v[1] : v[0];
			n -= got;
		}
	}
}

/* The guest comes early, or when the first one has been alone for long. */
static void buffered(enum kind kind, void (*comes)(longs, struct tally *))
{
	pthread_t id = 0;

	start_guest(kind, comes, &id);
	for (int round = 0; round < (int)test_count(500); round++) {
		longs c = leat_make(long, 4 + round % 3);
		struct tally mine = { 0 };
		int came = round % 3 * LONG / 2;

		for (int i = 0; i <= came || !has_left(i); i++) {
			if (i == came)
				invite(c);
			put(c, i, &mine);
			get(c, &mine);
		}
		expect_balance(&mine, &guest.tally);
		EXPECT_EQ(leat_len(c), 0);
		leat_release(c);
	}
	end_guest(kind, id);
}

#define BUFFERED(name, comes)                                  \
	GO_TEST(name, "R31 R61 R62 R66 R72")                   \
	{                                                      \
		for (enum kind kind = 0; kind < KINDS; kind++) \
			buffered(kind, comes);                 \
	}

BUFFERED(a_guest_may_use_the_buffer_too, uses_in_turn)
BUFFERED(a_guest_may_use_the_buffer_without_waiting, uses_without_waiting)
BUFFERED(a_guest_may_use_the_buffer_in_batches, uses_in_batches)

/* -- without a buffer -- */

static void takes(longs c, int n, struct tally *t)
{
	while (n-- > 0)
		get(c, t);
}

static void takes_all(longs c, struct tally *t)
{
	leat_range(v, c) {
		t->out++;
		t->sum -= v;
	}
}

static void sends_a_few(longs c, struct tally *t)
{
	for (int i = 0; i < FEW; i++)
		put(c, i, t);
}

static void receives_a_few(longs c, struct tally *t)
{
	takes(c, FEW, t);
}

/* The first one is two goroutines, one here and one that takes. */
static void handed(int cap, enum kind kind,
		   void (*comes)(longs, struct tally *))
{
	pthread_t id = 0;

	start_guest(kind, comes, &id);
	for (int round = 0; round < (int)test_count(100); round++) {
		longs c = leat_make(long, cap);
		struct tally mine = { 0 }, taken = { 0 };
		leat_wg group = { 0 };
		int came = round % 3 * LONG / 2;

		leat_wg_go(&group, takes_all, c, &taken);
		for (int i = 0; i <= came || !has_left(i); i++) {
			if (i == came)
				invite(c);
			put(c, i, &mine);
		}
		leat_close(c);
		leat_wg_wait(&group);
		mine.out = taken.out;
		mine.sum += taken.sum;
		expect_balance(&mine, &guest.tally);
		leat_release(c);
	}
	end_guest(kind, id);
}

GO_TEST(a_guest_may_send_from_hand_to_hand, "R31 R62 R80")
{
	for (enum kind kind = 0; kind < KINDS; kind++)
		for (int cap = 0; cap <= 2; cap++)
			handed(cap, kind, sends_a_few);
}

GO_TEST(a_guest_may_receive_from_hand_to_hand, "R31 R62 R80")
{
	for (enum kind kind = 0; kind < KINDS; kind++)
		for (int cap = 0; cap <= 2; cap++)
			handed(cap, kind, receives_a_few);
}

/* The least time of a value from here to a goroutine beside us, of some
 * tries: so that it does not matter who else uses the machine. */
static int64_t value_ns(longs c)
{
	enum { TRIES = 10 };
	int64_t least = INT64_MAX;

	for (int i = 0; i < TRIES; i++) {
		struct tally in = { 0 }, out = { 0 };
		leat_wg group = { 0 };
		int64_t begin = now_ns(), ns;

		leat_wg_go(&group, takes, c, LONG, &out);
		for (int k = 0; k < LONG; k++)
			put(c, k, &in);
		leat_wg_wait(&group);
		ns = (now_ns() - begin) / LONG;
		if (ns < least)
			least = ns;
	}
	return least;
}

static void *sends_once(void *c)
{
	leat_send((longs)c, 1);
	return NULL;
}

/* A thread that came once must not make it slow for ever: a system call for
 * each value would. */
GO_TEST(a_guest_that_has_left_is_forgotten, "R31 R64")
{
	longs c = leat_make(long, 0);
	int64_t before = value_ns(c);
	pthread_t id;

	pthread_create(&id, NULL, sends_once, (void *)c);
	EXPECT(leat_recv(c, NULL));
	leat_block_enter();
	pthread_join(id, NULL);
	leat_block_exit();
	EXPECT(value_ns(c) < 5 * before);
	leat_release(c);
}

/* -- close -- */

static void closes(longs c, struct tally *t)
{
	(void)t;
	EXPECT_EQ(leat_shut(c), 0);
}

/* Every value that was accepted, in order, and no other. */
static void offers_until_closed(longs c)
{
	long next = 0, v;

	for (long i = 0;; i++) {
		if (leat_offer(c, i) == -EPIPE) {
			EXPECT_EQ(next, i - i % 2);
			for (; leat_recv(c, &v); next++)
				EXPECT_EQ(v, next);
			EXPECT_EQ(next, i);
			return;
		}
		for (; i % 2 && next <= i; next++) {
			EXPECT(leat_recv(c, &v));
			EXPECT_EQ(v, next);
		}
		has_left((int)i);
	}
}

static void closed_by_a_guest(enum kind kind)
{
	pthread_t id = 0;

	start_guest(kind, closes, &id);
	for (int round = 0; round < (int)test_count(500); round++) {
		longs c = leat_make(long, 2 + round % 4);

		for (int i = 0; i < round % 4 * LONG / 4; i++) {
			leat_send(c, i);
			leat_recv(c, NULL);
		}
		invite(c);
		offers_until_closed(c);
		while (!has_left(0))
			;
		leat_release(c);
	}
	end_guest(kind, id);
}

GO_TEST(a_guest_may_close, "R31 R69 R73 R75")
{
	for (enum kind kind = 0; kind < KINDS; kind++)
		closed_by_a_guest(kind);
}

static void waits_for_the_close(longs c)
{
	EXPECT(!leat_recv(c, NULL));
}

/* Who waits has come alone, and parked. */
static void woken_by_a_guest(enum kind kind, int cap)
{
	pthread_t id = 0;

	start_guest(kind, closes, &id);
	for (int round = 0; round < (int)test_count(300); round++) {
		longs c = leat_make(long, cap);
		leat_wg group = { 0 };

		for (int i = 0; i < 3; i++)
			leat_wg_go(&group, waits_for_the_close, c);
		invite(c);
		waits_for_the_close(c);
		leat_wg_wait(&group);
		while (!has_left(0))
			;
		leat_release(c);
	}
	end_guest(kind, id);
}

GO_TEST(a_guest_may_wake_who_waits_by_a_close, "R31 R78")
{
	for (enum kind kind = 0; kind < KINDS; kind++)
		for (int cap = 0; cap < 2; cap++)
			woken_by_a_guest(kind, cap);
}

/* -- the first thread is away -- */

/* A channel that this thread has used alone, with three values in it. */
static longs used_alone(void)
{
	longs c = leat_make(long, 5);

	for (int i = 0; i < LONG; i++) {
		leat_send(c, i);
		EXPECT(leat_recv(c, NULL));
	}
	for (int i = 1; i <= 3; i++)
		leat_send(c, i);
	return c;
}

static void expect_three(longs c)
{
	long v;

	EXPECT_EQ(leat_len(c), 3);
	for (int i = 1; i <= 3; i++) {
		EXPECT(leat_recv(c, &v));
		EXPECT_EQ(v, i);
	}
	leat_send(c, 4);
	EXPECT_EQ(leat_try_recv(c, &v), 0);
	EXPECT_EQ(v, 4);
	leat_close(c);
	EXPECT(!leat_recv(c, &v));
	leat_release(c);
}

static void *expect_three_outside(void *c)
{
	expect_three((longs)c);
	return NULL;
}

static void uses_and_ends(longs *c)
{
	leat_thread_lock();
	*c = used_alone(); /* the thread ends with us */
}

GO_TEST(the_thread_that_used_it_alone_may_end, "R31 R51 R52")
{
	for (int round = 0; round < (int)test_count(50); round++) {
		leat_wg group = { 0 };
		pthread_t id;
		longs c[8];

		for (int i = 0; i < 8; i++)
			leat_wg_go(&group, uses_and_ends, &c[i]);
		leat_wg_wait(&group);
		for (int i = 0; i < 7; i++)
			expect_three(c[i]);
		pthread_create(&id, NULL, expect_three_outside, (void *)c[7]);
		leat_block_enter();
		pthread_join(id, NULL);
		leat_block_exit();
	}
}

static atomic_int away;

static void uses_and_sleeps(longs *c, int gate, leat_wg *ready)
{
	char byte;

	leat_thread_lock(); /* nobody else is to need this thread */
	*c = used_alone();
	leat_wg_done(ready);
	leat_block_enter();
	atomic_fetch_add(&away, 1);
	EXPECT_EQ(read(gate, &byte, 1), 1);
	leat_block_exit();
	leat_thread_unlock();
}

GO_TEST(the_thread_that_used_it_alone_may_sleep, "R25 R31")
{
	leat_wg group = { 0 }, ready = { 0 };
	int gate[2];
	longs c[4];

	EXPECT_EQ(pipe(gate), 0);
	leat_wg_add(&ready, 4);
	for (int i = 0; i < 4; i++)
		leat_wg_go(&group, uses_and_sleeps, &c[i], gate[0], &ready);
	leat_wg_wait(&ready);
	while (atomic_load(&away) < 4)
		leat_yield();
	for (int i = 0; i < 4; i++)
		expect_three(c[i]);
	EXPECT_EQ(write(gate[1], "four", 4), 4);
	leat_wg_wait(&group);
	close(gate[0]);
	close(gate[1]);
}

static void uses_alone(longs *c)
{
	leat_pin();
	*c = used_alone();
	leat_unpin();
}

GO_TEST(the_P_that_used_it_alone_may_be_given_up, "R30")
{
	for (int round = 0; round < (int)test_count(50); round++) {
		leat_wg group = { 0 };
		longs c[16];

		leat_procs_set(16);
		for (int i = 0; i < 16; i++)
			leat_wg_go(&group, uses_alone, &c[i]);
		leat_wg_wait(&group);
		leat_procs_set(1);
		for (int i = 0; i < 16; i++)
			expect_three(c[i]);
	}
}

SUITE("chan alone")
