/*
 * test_select_use.c - select as programs use it: with a done channel, in a
 * loop, over many channels, and for a long time.
 *
 *	for (;;)                         for (;;)
 *		switch (try-select) {            switch (select) {
 *		case 0: return;   done           case 0: return;   done
 *		default: work                    case 1: work      a job came
 *		}                                }
 */
#include "leat.h"

#include "measure.h"
#include "test.h"

#include <pthread.h>
#include <stdatomic.h>

#define MS 1000000ll

typedef leat_chan(int) int_chan;
typedef leat_chan(leat_signal) signal_chan;
typedef leat_receiver(leat_signal) done_chan;

static void until_alone(void)
{
	while (leat_goroutine_count() > 1)
		leat_yield();
}

/* -- many cases -- */

#define ONE(i) leat_on_recv_ok(c[i], &v[i], &ok[i])
#define TWO(i) ONE(i), leat_on_send(c[(i) + 1], (i) + 1)
#define TEN(i) TWO(i), TWO((i) + 2), TWO((i) + 4), TWO((i) + 6), TWO((i) + 8)
enum { CASES_MAX = 1000 };

static int_chan c[CASES_MAX];
static int v[CASES_MAX];
static bool ok[CASES_MAX];

/* A list made at run time. */
static int select_of_thousand(void)
{
	static struct leat_case list[CASES_MAX];

	for (int i = 0; i < CASES_MAX; i++)
		list[i] = ONE(i);
	return leat_select_(list, CASES_MAX, 0);
}

static int select_of(int n)
{
	switch (n) {
	case 1:
		return leat_select(ONE(0));
	case 2:
		return leat_select(TWO(0));
	case 8:
		return leat_select(TWO(0), TWO(2), TWO(4), TWO(6));
	case 9:
		return leat_select(TWO(0), TWO(2), TWO(4), TWO(6), ONE(8));
	case 64:
		return leat_select(TEN(0), TEN(10), TEN(20), TEN(30), TEN(40),
				   TEN(50), TWO(60), TWO(62));
	default:
		return select_of_thousand();
	}
}

/* Is the k-th of n cases a receive? */
static bool receives(int n, int k)
{
	return n == CASES_MAX || k % 2 == 0;
}

/* A thousand times a thousand takes long under a sanitizer. */
static int next_of(int n, int k)
{
	return k + (n == CASES_MAX ? (int)test_slow() : 1);
}

/* Meets the k-th case, for every k; comes late if there are turns to wait. */
static void meets_each(int n, int turns)
{
	int got;

	for (int k = 0; k < n; k = next_of(n, k)) {
		for (int i = 0; i < turns; i++)
			leat_yield();
		if (receives(n, k)) {
			leat_send(c[k], k);
			continue;
		}
		EXPECT(leat_recv(c[k], &got));
		EXPECT_EQ(got, k);
	}
}

static void select_each(int n, int turns)
{
	leat_wg group = { 0 };

	leat_wg_go(&group, meets_each, n, turns);
	for (int k = 0; k < n; k = next_of(n, k)) {
		memset(v, 0xff, sizeof v);
		memset(ok, 0, sizeof ok);
		EXPECT_EQ(select_of(n), k);
		for (int i = 0; i < n; i++) {
			bool got = i == k && receives(n, k);

			EXPECT_EQ(v[i], got ? k : -1);
			EXPECT_EQ(ok[i], got);
		}
	}
	leat_wg_wait(&group);
}

GO_TEST(one_goroutine_watches_up_to_a_thousand_channels, "R102")
{
	static const int sizes[] = { 1, 2, 8, 9, 64, CASES_MAX };

	for (int i = 0; i < 6; i++) {
		for (int k = 0; k < sizes[i]; k++)
			c[k] = leat_make(int, 0);
		for (int turns = 0; turns < 3; turns++)
			select_each(sizes[i], turns);
		for (int k = 0; k < sizes[i]; k++)
			leat_release(c[k]);
	}
}

/* -- done -- */

static atomic_int ended;

static void waits_for(done_chan done, int_chan work)
{
	while (leat_select(leat_on_recv(work, NULL),
			   leat_on_recv(done, NULL)) == 0)
		;
	atomic_fetch_add(&ended, 1);
}

static void end_all(int n)
{
	signal_chan done = leat_make(leat_signal, 0);
	int_chan work = leat_make(int, 0);

	atomic_store(&ended, 0);
	for (int i = 0; i < n; i++)
		leat_go(waits_for, leat_recv_end(done), work);
	for (int i = 0; i < n; i++)
		leat_send(work, i);
	EXPECT_EQ(atomic_load(&ended), 0);
	EXPECT_EQ(leat_goroutine_count(), (size_t)n + 1);
	leat_close(done);
	until_alone();
	EXPECT_EQ(atomic_load(&ended), n);
	leat_release(done);
	leat_release(work);
}

GO_TEST(closing_done_ends_the_child, "R23 R109 E28")
{
	end_all(1);
}

GO_TEST(one_close_ends_any_number_of_children, "R78 R110 R141")
{
	end_all(100);
	end_all(test_under("tsan") ? 1000 : (int)test_count(10000));
}

GO_TEST(done_may_be_closed_before_the_child_starts, "R111")
{
	signal_chan done = leat_make(leat_signal, 0);
	int_chan work = leat_make(int, 0);

	leat_close(done);
	for (int i = 0; i < 10; i++)
		leat_go(waits_for, leat_recv_end(done), work);
	until_alone();
	EXPECT_EQ(atomic_load(&ended), 10);
	leat_release(done);
	leat_release(work);
}

/* -- for-select -- */

GO_TEST(a_loop_sends_its_variable, "R103 E25")
{
	int_chan three = leat_make(int, 3);
	signal_chan done = leat_make(leat_signal, 0);
	int got;

	for (int i = 1; i <= 3; i++)
		switch (leat_select(leat_on_recv(done, NULL),
				    leat_on_send(three, i))) {
		case 0:
			EXPECT(!"nobody closed it");
		}
	EXPECT_EQ(leat_len(three), 3);
	for (int i = 1; i <= 3; i++) {
		EXPECT(leat_recv(three, &got));
		EXPECT_EQ(got, i);
	}
	leat_release(three);
	leat_release(done);
}

static int branch(int_chan in, int_chan out)
{
	int got;

	switch (leat_try_select(leat_on_recv(in, &got), leat_on_send(out, 1))) {
	case 0:
		return 'r';
	case 1:
		return 's';
	default:
		return 'd';
	}
}

GO_TEST(receive_send_and_default_are_all_reached, "R90 R91 R92 E15")
{
	int_chan in = leat_make(int, 1), out = leat_make(int, 1);

	EXPECT_EQ(branch(in, out), 's');
	EXPECT_EQ(branch(in, out), 'd');
	leat_send(in, 1);
	EXPECT_EQ(branch(in, out), 'r');
	EXPECT_EQ(branch(in, out), 'd');
	leat_release(in);
	leat_release(out);
}

static void fills(int_chan c2, int n)
{
	for (int i = 0; i < n; i++)
		leat_send(c2, i);
}

GO_TEST(one_channel_in_two_cases_reaches_both, "R96 E24")
{
	int_chan c1 = leat_make(int, 0), c2 = leat_make(int, 0);
	int count[3] = { 0 }, n = (int)test_count(20000), got;

	leat_go(fills, c2, n);
	for (int i = 0; i < n; i++)
		count[leat_select(leat_on_recv(c1, NULL),
				  leat_on_recv(c2, &got),
				  leat_on_recv(c2, NULL))]++;
	EXPECT_EQ(count[0], 0);
	EXPECT(count[1] > n / 3);
	EXPECT(count[2] > n / 3);
	until_alone();
	leat_release(c1);
	leat_release(c2);
}

static atomic_long worked;
static int64_t body_ns;

static void work(void)
{
	burn(body_ns);
	atomic_fetch_add(&worked, 1);
}

static void works_by_default(done_chan done)
{
	for (;;)
		switch (leat_try_select(leat_on_recv(done, NULL))) {
		case 0:
			return;
		default:
			work();
		}
}

static void works_after_the_select(done_chan done)
{
	for (;;) {
		switch (leat_try_select(leat_on_recv(done, NULL))) {
		case 0:
			return;
		}
		work();
	}
}

static void stop_soon(void (*form)(done_chan), int64_t ns)
{
	signal_chan done = leat_make(leat_signal, 0);
	leat_wg group = { 0 };
	int64_t closed;

	body_ns = ns;
	atomic_store(&worked, 0);
	leat_wg_go(&group, form, leat_recv_end(done));
	while (atomic_load(&worked) < 20)
		leat_yield();
	leat_close(done);
	closed = now_ns();
	leat_wg_wait(&group);
	EXPECT(now_ns() - closed < 1000 * MS * (int64_t)test_slow());
	leat_release(done);
}

GO_TEST(a_loop_that_works_by_default_stops, "R104 R106 E26")
{
	stop_soon(works_by_default, 0);
	stop_soon(works_by_default, MS);
	leat_procs_set(1);
	stop_soon(works_by_default, 0);
	stop_soon(works_by_default, MS);
}

GO_TEST(a_loop_that_works_after_the_select_stops, "R105 R106 E27")
{
	stop_soon(works_after_the_select, 0);
	stop_soon(works_after_the_select, MS);
	leat_procs_set(1);
	stop_soon(works_after_the_select, 0);
	stop_soon(works_after_the_select, MS);
}

/* -- who spins starves nobody -- */

static void answers(int_chan asked, int_chan answer)
{
	int question;

	while (leat_recv(asked, &question))
		leat_send(answer, question + 1);
}

static void spins(done_chan done, int_chan sometimes)
{
	while (leat_try_select(leat_on_recv(sometimes, NULL),
			       leat_on_recv(done, NULL)) != 1)
		;
	atomic_fetch_add(&ended, 1);
}

/* Questions and answers, while n spin. */
static void converse_beside(int n, int cap)
{
	signal_chan done = leat_make(leat_signal, 0);
	int_chan asked = leat_make(int, 0), answer = leat_make(int, 0);
	int_chan sometimes = leat_make(int, cap);
	int got;

	atomic_store(&ended, 0);
	for (int i = 0; i < n; i++)
		leat_go(spins, leat_recv_end(done), sometimes);
	leat_go(answers, asked, answer);
	for (int i = 0; i < 200; i++) {
		leat_send(asked, i);
		EXPECT(leat_recv(answer, &got));
		EXPECT_EQ(got, i + 1);
		if (i % 50 == 0)
			leat_send(sometimes, i);
	}
	leat_close(asked);
	EXPECT_EQ(atomic_load(&ended), 0);
	leat_close(done);
	until_alone();
	EXPECT_EQ(atomic_load(&ended), n);
	leat_release(done);
	leat_release(asked);
	leat_release(answer);
	leat_release(sometimes);
}

GO_TEST(spinning_try_selects_starve_nobody, "R28")
{
	converse_beside(1, 0);
	converse_beside(4, 1);
}

GO_TEST(nor_do_they_with_one_P, "R28")
{
	leat_procs_set(1);
	converse_beside(1, 0);
	converse_beside(2, 1);
}

/* -- for a long time -- */

static void comes_late(int_chan in, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		leat_yield(); /* so that it is waited for */
		leat_send(in, 1);
	}
}

/* n selects that wait, beside others that wait for done; ns they took. */
static int64_t select_often(int_chan in, signal_chan done, size_t n)
{
	int64_t began = now_ns();
	leat_wg group = { 0 };

	leat_wg_go(&group, comes_late, in, n);
	for (size_t i = 0; i < n; i++)
		EXPECT_EQ(leat_select(leat_on_recv(done, NULL),
				      leat_on_recv(in, NULL)),
			  1);
	leat_wg_wait(&group);
	return now_ns() - began;
}

/* The best of many: nobody took the CPU away. */
static int64_t best_of(int_chan in, signal_chan done, size_t n)
{
	int64_t best = INT64_MAX;

	for (int i = 0; i < 25; i++) {
		int64_t ns = select_often(in, done, n);

		best = ns < best ? ns : best;
	}
	return best;
}

GO_TEST(a_million_selects_beside_done_keep_memory_and_time, "R26 R102 R109")
{
	signal_chan done = leat_make(leat_signal, 0);
	int_chan in = leat_make(int, 0);
	size_t n = test_count(20000);
	int64_t first, last;
	long before;

	leat_procs_set(1);
	first = best_of(in, done, n);
	before = resident_kb();
	last = best_of(in, done, n);
	EXPECT(test_under("tsan") || resident_kb() - before < 1024);
	EXPECT(last < 3 * first);
	EXPECT_EQ(leat_try_send(done, (leat_signal){}), -EAGAIN);
	leat_release(in);
	leat_release(done); /* which looks whether its queues are empty */
}

GO_TEST(a_select_does_not_cost_more_when_many_wait_beside_it, "R102 R110")
{
	signal_chan done = leat_make(leat_signal, 0);
	int_chan in = leat_make(int, 0), jobs = leat_make(int, 0);
	int others = test_under("tsan") || test_under("qemu") ? 500 : 10000;
	size_t n = test_count(4000);
	int64_t alone, crowded;

	leat_procs_set(1);
	alone = best_of(in, done, n);
	for (int i = 0; i < others; i++)
		leat_go(waits_for, leat_recv_end(done), jobs);
	for (int i = 0; i < others; i++)
		leat_send(jobs, i);
	crowded = best_of(in, done, n);
	EXPECT(crowded < 20 * alone);
	leat_close(done);
	until_alone();
	leat_release(in);
	leat_release(jobs);
	leat_release(done);
}

static void selects_on(int_chan in, done_chan done, int n)
{
	for (int i = 0; i < n; i++)
		EXPECT_EQ(leat_select(leat_on_recv(in, NULL),
				      leat_on_recv(done, NULL)),
			  0);
}

GO_TEST(many_share_done_and_leave_nothing_there, "R97 R110")
{
	signal_chan done = leat_make(leat_signal, 0);
	int_chan in[10];
	int n = (int)test_count(200);
	leat_wg group = { 0 };

	for (int i = 0; i < 10; i++)
		in[i] = leat_make(int, i % 3);
	for (int i = 0; i < 500; i++) {
		leat_wg_go(&group, selects_on, in[i % 10], leat_recv_end(done),
			   n);
		leat_wg_go(&group, fills, in[i % 10], n);
	}
	leat_wg_wait(&group);
	for (int i = 0; i < 10; i++)
		leat_release(in[i]);
	leat_release(done);
}

SUITE("select use")
