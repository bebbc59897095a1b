/*
 * test_select_chance.c - of several cases that can happen each is as likely, or
 * the first is taken.
 *
 *	rounds      counts of each case      chi-square
 *	100,000 --> 33,391 33,216 33,393 --> 0.8, of two degrees of freedom;
 *	                                     as much as chance makes of it?
 *
 * The limit is so far out that chance crosses it once in 10^10 tests; who
 * prefers a case by a few percent is found all the same.
 */
#include "leat.h"

#include "measure.h"
#include "test.h"

#include <pthread.h>
#include <stdatomic.h>

enum { MOST = 16, ROUNDS = 100000 };

typedef leat_chan(int) int_chan;

/* n counts are as equal as chance makes them. */
static void expect_even(const long *count, int n, const char *of)
{
	double sum = 0, square = 0, over;

	for (int i = 0; i < n; i++)
		sum += (double)count[i];
	for (int i = 0; i < n; i++) {
		double off = (double)count[i] - sum / n;

		square += off * off / (sum / n);
	}
	over = square - (n - 1) - 40;
	if (over > 0 && over * over > 128.0 * (n - 1))
		test_fail(__FILE__, __LINE__,
			  "%s: %d counts, of them %ld %ld %ld, chi-square %g",
			  of, n, count[0], count[1], count[n - 1], square);
}

static int_chan channel[MOST];

static void make_all(int n, int cap)
{
	for (int i = 0; i < n; i++)
		channel[i] = leat_make(int, cap);
}

static void release_all(int n)
{
	for (int i = 0; i < n; i++)
		leat_release(channel[i]);
}

/* -- ready ones -- */

static int receives(int n, bool try)
{
	struct leat_case list[MOST];
	int v;

	for (int i = 0; i < n; i++)
		list[i] = leat_on_recv(channel[i], &v);
	return leat_select_(list, n, try ? LEAT_TRY_ : 0);
}

GO_TEST(closed_ones_are_chosen_evenly, "R95 R99")
{
	for (int n = 2; n <= MOST; n++) {
		long count[MOST] = { 0 };

		make_all(n, 0);
		for (int i = 0; i < n; i++)
			leat_close(channel[i]);
		for (size_t k = 0; k < test_count(ROUNDS); k++)
			count[receives(n, k % 2)]++;
		expect_even(count, n, "closed");
		release_all(n);
	}
}

GO_TEST(values_in_buffers_are_chosen_evenly, "R66 R95")
{
	for (int n = 2; n <= MOST; n++) {
		long count[MOST] = { 0 };

		make_all(n, 1);
		for (int i = 0; i < n; i++)
			leat_send(channel[i], i);
		for (size_t k = 0; k < test_count(ROUNDS); k++) {
			int i = receives(n, k % 2);

			count[i]++;
			leat_send(channel[i], i);
		}
		expect_even(count, n, "values");
		release_all(n);
	}
}

GO_TEST(room_in_buffers_is_chosen_evenly, "R72 R91 R95")
{
	long count[4] = { 0 };
	int v;

	make_all(4, 1);
	for (size_t k = 0; k < test_count(ROUNDS); k++) {
		int i = leat_select(leat_on_send(channel[0], 0),
				    leat_on_send(channel[1], 1),
				    leat_on_send(channel[2], 2),
				    leat_on_send(channel[3], 3));

		EXPECT(leat_recv(channel[i], &v));
		EXPECT_EQ(v, i);
		count[i]++;
	}
	expect_even(count, 4, "room");
	release_all(4);
}

static void keeps_sending(int_chan c, int v)
{
	while (leat_offer(c, v) == 0)
		;
}

GO_TEST(waiting_senders_are_chosen_evenly, "R80 R95")
{
	enum { N = 5 };
	long count[N] = { 0 };

	leat_procs_set(1);
	make_all(N, 0);
	for (int i = 0; i < N; i++)
		leat_go(keeps_sending, channel[i], i);
	for (size_t k = 0; k < test_count(ROUNDS); k++) {
		/* All are back in their queues. */
		for (int i = 0; i < 3; i++)
			leat_yield();
		count[receives(N, false)]++;
	}
	expect_even(count, N, "senders");
	for (int i = 0; i < N; i++)
		leat_close(channel[i]);
	while (leat_goroutine_count() > 1)
		leat_yield();
	release_all(N);
}

GO_TEST(those_that_are_not_ready_do_not_count, "R95 R98")
{
	unsigned mask[] = { 0x8001, 0x0003, 0xc000, 0x5555, 0x00ff, 0xfffe,
			    0x7fff, 0x1248, 0x8421, 0x0180, 0xf00f, 0x7ffe };

	for (size_t m = 0; m < sizeof mask / sizeof *mask; m++) {
		long count[MOST] = { 0 }, ready[MOST];
		int n = 0;

		/* The others are empty, or nil. */
		make_all(MOST, 0);
		for (int i = 0; i < MOST; i++)
			if (mask[m] >> i & 1)
				leat_close(channel[i]);
			else if (i % 3 == 0) {
				leat_release(channel[i]);
				channel[i] = NULL;
			}
		for (size_t k = 0; k < test_count(ROUNDS); k++)
			count[receives(MOST, k % 2)]++;
		for (int i = 0; i < MOST; i++)
			if (mask[m] >> i & 1)
				ready[n++] = count[i];
			else
				EXPECT_EQ(count[i], 0);
		expect_even(ready, n, "some of sixteen");
		release_all(MOST);
	}
}

/* -- one choice says nothing about the next -- */

static void choose_pairs(void)
{
	for (int n = 2; n <= MOST; n++) {
		long pairs[MOST * MOST] = { 0 };
		int last = 0;

		for (size_t k = 0; k < test_count(ROUNDS); k++) {
			int i = receives(n, false);

			pairs[last * n + i]++;
			last = i;
		}
		expect_even(pairs, n * n, "pairs");
	}
}

static void *chooses_pairs(void *unused)
{
	choose_pairs();
	return unused;
}

static void all_closed(void)
{
	make_all(MOST, 0);
	for (int i = 0; i < MOST; i++)
		leat_close(channel[i]);
}

GO_TEST(pairs_of_choices_are_even, "R95")
{
	all_closed();
	choose_pairs();
	release_all(MOST);
}

TEST(on_a_thread_too, "R31 R95")
{
	pthread_t id;

	all_closed();
	pthread_create(&id, NULL, chooses_pairs, NULL);
	pthread_join(id, NULL);
	release_all(MOST);
}

GO_TEST(two_that_take_turns_do_not_follow_each_other, "R95")
{
	all_closed();
	for (int n = 2; n <= 5; n++) {
		long count[25] = { 0 };

		for (size_t k = 0; k < test_count(ROUNDS); k++) {
			int a = receives(n, false);

			count[a * 5 + receives(5, false)]++;
		}
		expect_even(count, n * 5, "two selects");
	}
	release_all(MOST);
}

struct chooser {
	pthread_t id;
	long count[3];
};

static void chooses(struct chooser *c)
{
	for (size_t k = 0; k < test_count(ROUNDS); k++) {
		c->count[receives(3, false)]++;
		if (k % 64 == 0)
			leat_yield();
	}
}

static void *chooses_outside(void *c)
{
	chooses(c);
	return NULL;
}

GO_TEST(each_of_several_who_choose_at_once_is_fair, "R31 R95")
{
	enum { N = 8 };
	static struct chooser inside[N], outside[N];
	leat_wg group = { 0 };

	all_closed();
	for (int i = 0; i < N; i++)
		leat_wg_go(&group, chooses, &inside[i]);
	for (int i = 0; i < N; i++)
		pthread_create(&outside[i].id, NULL, chooses_outside,
			       &outside[i]);
	leat_wg_wait(&group);
	leat_block_enter();
	for (int i = 0; i < N; i++)
		pthread_join(outside[i].id, NULL);
	leat_block_exit();
	for (int i = 0; i < N; i++) {
		expect_even(inside[i].count, 3, "a goroutine");
		expect_even(outside[i].count, 3, "a thread");
	}
	release_all(MOST);
}

/* -- the same channel in several cases -- */

GO_TEST(a_ready_channel_named_twice_or_thrice_is_even, "R95 R96")
{
	long two[2] = { 0 }, three[3] = { 0 };
	int_chan c = leat_make(int, 0), d = leat_make(int, 0);
	int v;

	leat_close(c);
	for (size_t k = 0; k < test_count(ROUNDS); k++) {
		two[leat_select(leat_on_recv(c, &v), leat_on_recv(c, NULL))]++;
		three[leat_select(leat_on_recv(c, &v), leat_on_recv(c, NULL),
				  leat_on_recv(c, &v), leat_on_recv(d, &v))]++;
	}
	expect_even(two, 2, "two");
	expect_even(three, 3, "three");
	leat_release(c);
	leat_release(d);
}

/* A hand comes only when the select waits, if there is one P. */
static void comes_later(int_chan c, bool send, size_t times)
{
	for (int v = 0; times > 0; times--) {
		leat_yield();
		if (send)
			leat_send(c, 1);
		else
			leat_recv(c, &v);
	}
}

/* list of n cases, of which the channels of some are c: how often each. */
static void wait_often(struct leat_case *list, int n, int_chan c)
{
	bool send = list[0].send_;
	size_t times = test_count(ROUNDS / 2);
	long count[64] = { 0 }, same[64];
	leat_wg group = { 0 };
	int k = 0;

	leat_procs_set(1);
	leat_wg_go(&group, comes_later, c, !send, times);
	for (size_t i = 0; i < times; i++)
		count[leat_select_(list, n, 0)]++;
	for (int i = 0; i < n; i++)
		if (list[i].chan_ == list[0].chan_)
			same[k++] = count[i];
		else
			EXPECT_EQ(count[i], 0);
	expect_even(same, k, "waiting");
	leat_wg_wait(&group);
	leat_release(c);
}

GO_TEST(a_channel_waited_for_twice_is_even, "R93 R96")
{
	int_chan c = leat_make(int, 0);
	int v[2];
	struct leat_case list[] = { leat_on_recv(c, &v[0]),
				    leat_on_recv(c, &v[1]) };

	wait_often(list, 2, c);
}

GO_TEST(so_are_two_sends_on_one, "R93 R96")
{
	int_chan c = leat_make(int, 0);
	struct leat_case list[] = { leat_on_send(c, 1), leat_on_send(c, 2) };

	wait_often(list, 2, c);
}

GO_TEST(so_are_two_far_apart, "R93 R96")
{
	int_chan c = leat_make(int, 0), d = leat_make(int, 0);
	struct leat_case list[] = { leat_on_recv(c, NULL),
				    leat_on_recv(d, NULL), leat_on_send(d, 2),
				    leat_on_recv(d, NULL),
				    leat_on_recv(c, NULL) };

	wait_often(list, 5, c);
	leat_release(d);
}

GO_TEST(so_are_three, "R93 R96")
{
	int_chan c = leat_make(int, 0);
	struct leat_case list[] = { leat_on_recv(c, NULL),
				    leat_on_recv(c, NULL),
				    leat_on_recv(c, NULL) };

	wait_often(list, 3, c);
}

GO_TEST(so_are_three_beside_others, "R93 R96")
{
	int_chan c = leat_make(int, 0), d = leat_make(int, 0);
	struct leat_case list[] = {
		leat_on_recv(c, NULL), leat_on_recv(c, NULL),
		leat_on_recv(c, NULL), leat_on_recv(d, NULL),
		leat_on_recv(d, NULL), leat_on_recv(d, NULL)
	};

	wait_often(list, 6, c);
	leat_release(d);
}

GO_TEST(so_are_three_waits_with_a_buffer, "R71 R93 R96")
{
	int_chan c = leat_make(int, 1), d = leat_make(int, 0);
	struct leat_case list[] = { leat_on_recv(c, NULL),
				    leat_on_recv(d, NULL),
				    leat_on_recv(c, NULL),
				    leat_on_recv(c, NULL) };

	wait_often(list, 4, c);
	leat_release(d);
}

/* -- as a user meets it -- */

GO_TEST(two_full_buffers_are_emptied_evenly_beside_idle_ones, "R95 R102")
{
	size_t n = test_count(20000);
	int_chan a = leat_make(int, n), b = leat_make(int, n);
	int_chan c = leat_make(int, 0), d = leat_make(int, 0);
	long count[2] = { 0 };
	int v;

	for (size_t i = 0; i < n; i++) {
		leat_send(a, 0);
		leat_send(b, 1);
	}
	for (size_t i = 0; i < n; i++) {
		int at = leat_select(leat_on_recv(c, &v), leat_on_recv(d, &v),
				     leat_on_recv(a, &v), leat_on_recv(b, &v));

		EXPECT_EQ(at, 2 + v);
		count[v]++;
	}
	expect_even(count, 2, "a and b");
	leat_release(a);
	leat_release(b);
	leat_release(c);
	leat_release(d);
}

static void receives_all(int_chan c, long *ones, leat_wg *group)
{
	int v;

	while (leat_recv(c, &v)) {
		*ones += v;
		leat_yield();
	}
	leat_wg_done(group);
}

GO_TEST(a_select_of_zero_and_one_sends_random_bits, "R91 R95")
{
	for (int cap = 0; cap <= 100; cap += 100) {
		int_chan c = leat_make(int, cap);
		size_t n = test_count(20000);
		long count[2] = { 0 };
		leat_wg group = { 0 };

		leat_wg_add(&group, 1);
		leat_go(receives_all, c, &count[1], &group);
		for (size_t i = 0; i < n; i++)
			leat_select(leat_on_send(c, 0), leat_on_send(c, 1));
		leat_close(c);
		leat_wg_wait(&group);
		count[0] = (long)n - count[1];
		expect_even(count, 2, "bits");
		leat_release(c);
	}
}

/* -- the first that can -- */

GO_TEST(the_priority_form_takes_the_first_that_can, "R95")
{
	int_chan c[4];
	int v;

	for (int i = 0; i < 4; i++)
		c[i] = leat_make(int, 1);
	for (unsigned full = 1; full < 16; full++) {
		int first = __builtin_ctz(full);

		for (int i = 0; i < 4; i++)
			if (full >> i & 1)
				leat_send(c[i], i);
		EXPECT_EQ(leat_select_first(leat_on_recv(c[0], &v),
					    leat_on_recv(c[1], &v),
					    leat_on_recv(c[2], &v),
					    leat_on_recv(c[3], &v)),
			  first);
		EXPECT_EQ(v, first);
		for (int i = first + 1; i < 4; i++)
			if (full >> i & 1)
				EXPECT_EQ(leat_try_select_first(
						  leat_on_recv(c[0], &v),
						  leat_on_recv(c[1], &v),
						  leat_on_recv(c[2], &v),
						  leat_on_recv(c[3], &v)),
					  i);
	}
	for (int i = 0; i < 4; i++)
		leat_release(c[i]);
}

GO_TEST(among_sends_and_receives_too, "R95")
{
	int_chan in = leat_make(int, 1), out = leat_make(int, 1);
	int v;

	for (int i = 0; i < 100; i++) {
		leat_send(in, i);
		EXPECT_EQ(leat_select_first(leat_on_send(out, -i),
					    leat_on_recv(in, &v)),
			  0);
		/* out is full now */
		EXPECT_EQ(leat_select_first(leat_on_send(out, 1),
					    leat_on_recv(in, &v)),
			  1);
		EXPECT_EQ(v, i);
		EXPECT(leat_recv(out, &v));
		EXPECT_EQ(v, -i);
	}
	leat_release(in);
	leat_release(out);
}

/* Where no other goroutine runs, and so on a thread of its own. */
static void makes_apart(int_chan *made, int n)
{
	leat_thread_lock();
	for (int i = 0; i < n; i++)
		made[i] = leat_make(int, i % 2);
	leat_thread_unlock();
}

GO_TEST(beside_channels_that_others_made_too, "R95")
{
	enum { N = 1000 };
	static int_chan made[N];
	int_chan a = leat_make(int, 0), b = leat_make(int, 0);
	leat_wg group = { 0 };

	leat_thread_lock();
	leat_wg_go(&group, makes_apart, made, N);
	leat_wg_wait(&group);
	leat_close(a);
	leat_close(b);
	for (int i = 0; i < N; i++) {
		EXPECT_EQ(leat_select_first(leat_on_recv(made[i], NULL),
					    leat_on_recv(a, NULL),
					    leat_on_recv(b, NULL)),
			  1);
		leat_release(made[i]);
	}
	leat_thread_unlock();
	leat_release(a);
	leat_release(b);
}

SUITE("select chance")
