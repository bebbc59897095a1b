/*
 * test_select_go.c - what Go's own tests ask of select, told again.
 *
 *	test/chan             doubleselect, fifo, select6, select7, zerosize
 *	runtime/chan_test.go  SelfSelect, SelectStress, SelectDuplicateChannel,
 *	                      MultiConsumer
 *
 * What the others of them ask is asked in the suites beside this one.
 */
#include "leat.h"

#include "measure.h"
#include "test.h"

#include <stdatomic.h>

typedef leat_chan(int) int_chan;
typedef leat_chan(leat_signal) signal_chan;

static void let_others_run(void)
{
	for (int i = 0; i < 100; i++)
		leat_yield();
}

/* Who has ended uses no channel any more. */
static void until_alone(void)
{
	while (leat_goroutine_count() > 1)
		leat_yield();
}

/* -- no case happens twice (doubleselect) -- */

static void sends_to_one_of_four(int_chan *c, int n)
{
	for (int i = 0; i < n; i++)
		leat_select(leat_on_send(c[0], i), leat_on_send(c[1], i),
			    leat_on_send(c[2], i), leat_on_send(c[3], i));
	for (int i = 0; i < 4; i++)
		leat_close(c[i]);
}

static void forwards(int_chan from, int_chan to, leat_wg *all)
{
	int v;

	while (leat_recv(from, &v))
		leat_send(to, v);
	leat_wg_done(all);
}

static void closes_after(leat_wg *all, int_chan c)
{
	leat_wg_wait(all);
	leat_close(c);
}

GO_TEST(a_value_offered_to_four_is_sent_to_one, "R97")
{
	int n = (int)test_count(100000), sum = 0, v;
	char *seen = calloc((size_t)n, 1);
	int_chan c[4], out = leat_make(int, 0);
	leat_wg all = { 0 };

	leat_wg_add(&all, 4);
	for (int i = 0; i < 4; i++) {
		c[i] = leat_make(int, 0);
		leat_go(forwards, c[i], out, &all);
	}
	leat_go(sends_to_one_of_four, c, n);
	leat_go(closes_after, &all, out);
	while (leat_recv(out, &v)) {
		EXPECT_EQ(seen[v]++, 0);
		sum++;
	}
	EXPECT_EQ(sum, n);
	until_alone();
	for (int i = 0; i < 4; i++)
		leat_release(c[i]);
	leat_release(out);
	free(seen);
}

/* -- who leaves a queue leaves it whole (select6, SelectDuplicateChannel) -- */

static void receives(int_chan c, leat_wg *group)
{
	EXPECT(leat_recv(c, NULL));
	leat_wg_done(group);
}

static void leaves_by_another(int_chan c, int_chan d, int_chan told)
{
	EXPECT_EQ(leat_select(leat_on_recv(c, NULL), leat_on_recv(d, NULL)), 1);
	leat_send(told, 1);
	EXPECT(leat_recv(c, NULL));
}

static void sends_one(int_chan c)
{
	leat_send(c, 1);
}

GO_TEST(the_last_of_a_queue_may_leave_it, "R97")
{
	leat_procs_set(1); /* so that they queue in this order */
	for (int round = 0; round < 100; round++) {
		int_chan c = leat_make(int, 0), d = leat_make(int, 0);
		int_chan told = leat_make(int, 0);
		leat_wg group = { 0 };

		leat_wg_add(&group, 1);
		leat_go(receives, c, &group);
		let_others_run();
		leat_wg_go(&group, leaves_by_another, c, d, told);
		let_others_run();
		leat_go(sends_one, d);
		EXPECT(leat_recv(told, NULL));
		leat_send(c, 1);
		leat_send(c, 1);
		until_alone();
		leat_release(c);
		leat_release(d);
		leat_release(told);
	}
}

static void stands_twice(int_chan c, int_chan d)
{
	EXPECT_EQ(leat_select(leat_on_recv(c, NULL), leat_on_recv(c, NULL),
			      leat_on_recv(d, NULL)),
		  2);
}

GO_TEST(who_stands_in_a_queue_twice_leaves_it_twice, "R96 R97")
{
	leat_procs_set(1);
	for (int round = 0; round < 100; round++) {
		int_chan c = leat_make(int, 0), d = leat_make(int, 0);
		leat_wg first = { 0 }, second = { 0 };

		leat_wg_go(&first, stands_twice, c, d);
		let_others_run();
		leat_wg_add(&second, 1);
		leat_go(receives, c, &second);
		let_others_run();
		leat_send(d, 7);
		leat_wg_wait(&first);
		leat_send(c, 8);
		leat_wg_wait(&second);
		leat_release(c);
		leat_release(d);
	}
}

/* -- first in, first out (fifo) -- */

static void takes_in_turn(int_chan c, int_chan never, int *got, atomic_int *at)
{
	EXPECT_EQ(leat_select(leat_on_recv(never, NULL), leat_on_recv(c, got)),
		  1);
	atomic_fetch_add(at, 1);
}

GO_TEST(selects_that_wait_are_served_in_order, "R60 R61")
{
	enum { N = 100 };
	int_chan c = leat_make(int, 0), never = leat_make(int, 0);
	int got[N];
	atomic_int at = 0;

	leat_procs_set(1);
	for (int i = 0; i < N; i++) {
		leat_go(takes_in_turn, c, never, &got[i], &at);
		let_others_run();
	}
	for (int i = 0; i < N; i++)
		leat_send(c, i);
	while (atomic_load(&at) < N)
		leat_yield();
	for (int i = 0; i < N; i++)
		EXPECT_EQ(got[i], i);
	leat_release(c);
	leat_release(never);
}

static void sends_in_order(int_chan c, int_chan never, int n)
{
	for (int i = 0; i < n; i++)
		leat_select(leat_on_send(c, i), leat_on_recv(never, NULL));
}

GO_TEST(values_of_one_sender_arrive_in_order, "R61")
{
	int_chan never = leat_make(int, 0);
	int n = (int)test_count(20000), v;

	for (int cap = 0; cap < 20; cap = cap * 3 + 1) {
		int_chan c = leat_make(int, cap);

		leat_go(sends_in_order, c, never, n);
		for (int i = 0; i < n; i++) {
			EXPECT_EQ(leat_select(leat_on_recv(never, NULL),
					      leat_on_recv(c, &v)),
				  1);
			EXPECT_EQ(v, i);
		}
		until_alone();
		leat_release(c);
	}
	leat_release(never);
}

/* -- nobody looks at the value (select7) -- */

enum way { PLAIN, SELECT, SELECT_TWO, WAYS };

static void drops(enum way way, int_chan c, int_chan idle, leat_wg *group)
{
	if (way == PLAIN)
		leat_recv(c, NULL);
	else if (way == SELECT)
		leat_select(leat_on_recv(c, NULL));
	else
		leat_select(leat_on_recv(c, NULL), leat_on_recv(idle, NULL));
	leat_wg_done(group);
}

static void send_by(enum way way, int_chan c, int_chan idle)
{
	if (way == PLAIN)
		leat_send(c, 1);
	else if (way == SELECT)
		leat_select(leat_on_send(c, 1));
	else
		leat_select(leat_on_send(c, 1), leat_on_recv(idle, NULL));
}

GO_TEST(a_value_may_be_received_and_dropped, "R84 R90")
{
	int_chan c = leat_make(int, 0), idle = leat_make(int, 0);

	for (int how = 0; how < WAYS * WAYS * 4; how++) {
		leat_wg group = { 0 };

		leat_wg_add(&group, 1);
		leat_go(drops, (enum way)(how % WAYS), c, idle, &group);
		if (how / (WAYS * WAYS) % 2)
			leat_yield();
		send_by((enum way)(how / WAYS % WAYS), c, idle);
		leat_wg_wait(&group);
	}
	leat_release(c);
	leat_release(idle);
}

/* -- values without bytes (zerosize) -- */

static void signals(signal_chan c, signal_chan idle, int n)
{
	for (int i = 0; i < n; i++)
		EXPECT_EQ(leat_select(leat_on_recv(idle, NULL),
				      leat_on_send(c, (leat_signal){})),
			  1);
	leat_close(c);
}

GO_TEST(signals_are_counted_like_values, "R49 R97")
{
	signal_chan idle = leat_make(leat_signal, 0);
	int n = (int)test_count(20000);

	for (int cap = 0; cap < 4; cap++) {
		signal_chan c = leat_make(leat_signal, cap);
		leat_signal s;
		bool ok = true;
		int got = -1;

		leat_go(signals, c, idle, n);
		for (; ok; got++)
			EXPECT_EQ(leat_select(leat_on_recv_ok(c, &s, &ok),
					      leat_on_recv(idle, &s)),
				  0);
		EXPECT_EQ(got, n);
		until_alone();
		leat_release(c);
	}
	leat_release(idle);
}

/* -- one channel, both ways (SelfSelect) -- */

static void selects_itself(int_chan c, int me, int times)
{
	for (int i = 0, v; i < times; i++) {
		bool took;

		if (me == 0 || i % 2)
			took = leat_select(leat_on_send(c, me),
					   leat_on_recv(c, &v));
		else
			took = !leat_select(leat_on_recv(c, &v),
					    leat_on_send(c, me));
		EXPECT(!took || leat_cap(c) > 0 || v != me);
	}
}

GO_TEST(a_select_never_receives_what_it_sends_itself, "R96 R97")
{
	for (int cap = 0; cap <= 10; cap += 5) {
		int_chan c = leat_make(int, cap);
		leat_wg group = { 0 };

		for (int me = 0; me < 2; me++)
			leat_wg_go(&group, selects_itself, c, me,
				   (int)test_count(50000));
		leat_wg_wait(&group);
		leat_release(c);
	}
}

/* -- selects and plain ones on the same four (SelectStress) -- */

static int_chan four[4];

static void sends_all(int k, int n)
{
	for (int i = 0; i < n; i++)
		leat_send(four[k], i);
}

static void receives_as_many(int k, int n)
{
	while (n-- > 0)
		EXPECT(leat_recv(four[k], NULL));
}

/* n on each of them; one that has had its share becomes nil. */
static void selects_all(bool send, int n)
{
	int_chan c[4] = { four[0], four[1], four[2], four[3] };
	int count[4] = { 0 };

	for (int i = 0; i < 4 * n; i++) {
		int at = send ? leat_select(leat_on_send(c[3], 0),
					    leat_on_send(c[2], 0),
					    leat_on_send(c[0], 0),
					    leat_on_send(c[1], 0))
			      : leat_select(leat_on_recv(c[0], NULL),
					    leat_on_recv(c[1], NULL),
					    leat_on_recv(c[2], NULL),
					    leat_on_recv(c[3], NULL));
		int k = send ? "3201"[at] - '0' : at;

		if (++count[k] == n)
			c[k] = NULL;
	}
}

GO_TEST(selects_and_plain_ones_share_four_channels, "R62 R97 R98")
{
	int n = (int)test_count(50000);
	leat_wg group = { 0 };

	for (int k = 0; k < 4; k++)
		four[k] = leat_make(int, k < 2 ? 0 : k);
	for (int k = 0; k < 4; k++) {
		leat_wg_go(&group, sends_all, k, n);
		leat_wg_go(&group, receives_as_many, k, n);
	}
	leat_wg_go(&group, selects_all, true, n);
	leat_wg_go(&group, selects_all, false, n);
	leat_wg_wait(&group);
	for (int k = 0; k < 4; k++) {
		EXPECT_EQ(leat_len(four[k]), 0);
		leat_release(four[k]);
	}
}

/* -- a feeder, many workers, a sum (MultiConsumer) -- */

static void works(int_chan jobs, int_chan results, signal_chan never, int me)
{
	bool ok;
	int v;

	for (;;) {
		leat_select(leat_on_recv_ok(jobs, &v, &ok),
			    leat_on_recv(never, NULL));
		if (!ok)
			return;
		if (v % 31 == me)
			leat_yield();
		leat_select(leat_on_recv(never, NULL),
			    leat_on_send(results, v));
	}
}

static void feeds(int_chan jobs, int n, leat_wg *workers, int_chan results)
{
	for (int i = 0; i < n; i++)
		leat_send(jobs, i);
	leat_close(jobs);
	leat_wg_wait(workers);
	leat_close(results);
}

GO_TEST(many_workers_select_their_jobs, "R69 R97")
{
	enum { WORKERS = 23 };
	int_chan jobs = leat_make(int, 3 * WORKERS);
	int_chan results = leat_make(int, 3 * WORKERS);
	signal_chan never = leat_make(leat_signal, 0);
	long n = (long)test_count(100000), count = 0, sum = 0;
	leat_wg workers = { 0 };
	int v;

	for (int i = 0; i < WORKERS; i++)
		leat_wg_go(&workers, works, jobs, results, never, i);
	leat_go(feeds, jobs, (int)n, &workers, results);
	while (leat_recv(results, &v)) {
		count++;
		sum += v;
	}
	EXPECT_EQ(count, n);
	EXPECT_EQ(sum, n * (n - 1) / 2);
	until_alone();
	leat_release(jobs);
	leat_release(results);
	leat_release(never);
}

SUITE("select go")
