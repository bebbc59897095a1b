/*
 * test_timer_use.c - timers: who owns them, many at once, by threads that are not
 * the runtime's, and misused.
 */
#include "leat.h"

#include "measure.h"
#include "test.h"
#include "ticks.h"

#include <pthread.h>

/* -- who owns what -- */

GO_TEST(the_channel_outlives_the_timer, "R193 X14")
{
	leat_timer *t = leat_timer_new(2 * MS);
	leat_time_receiver c = leat_retain(leat_timer_chan(t));
	leat_time when = leat_now();

	leat_timer_release(t);
	expect_tick(c, when);
	leat_release(c);
}

GO_TEST(a_timer_can_be_shared, "X14")
{
	leat_timer *t = leat_timer_retain(leat_timer_new(LEAT_HOUR));

	leat_timer_release(t);
	EXPECT(leat_timer_stop(t));
	leat_timer_release(t);
	leat_timer_release(NULL);
	EXPECT(leat_timer_retain(NULL) == NULL);
}

/* Whatever is left alone in whatever state: the memory stays what it was. */
static void leave_alone(int i)
{
	leat_time_receiver c;

	switch (i % 5) {
	case 0:
		leat_timer_release(leat_timer_new(LEAT_HOUR));
		break;
	case 1:
		leat_timer_release(leat_ticker_new(LEAT_HOUR));
		break;
	case 2:
		leat_timer_release(leat_timer_new(1));
		break;
	case 3:
		c = leat_after(LEAT_HOUR);
		EXPECT(c != NULL);
		leat_release(c);
		break;
	case 4:
		EXPECT_EQ(leat_go_after(1, runs, 0, 0, 0, 0, 0, 0), 0);
		break;
	}
}

GO_TEST(what_nobody_has_any_more_leaves_nothing_behind, "R193")
{
	int n = (int)test_count(1000000);
	long before = 0;

	for (int i = 0; i < n; i++) {
		if (i == n / 4) {
			leat_sleep(2 * MS);
			before = resident_kb();
		}
		leave_alone(i);
		if (i % 100 == 0)
			leat_yield();
	}
	if (!test_under("asan") && !test_under("tsan"))
		EXPECT(resident_kb() - before < 4 << 10);
	until_alone();
}

/* -- many, and many at once -- */

/* Of two timers one comes; the other is stopped, or else it comes too. */
static void one_or_both(leat_receiver(int) start, leat_wg *done, int reset)
{
	leat_recv(start, NULL);
	for (int j = 0; j < (int)test_count(100); j++) {
		leat_timer *t[] = { leat_timer_new(MS), leat_timer_new(MS) };
		int i = leat_select(leat_on_recv(leat_timer_chan(t[0]), NULL),
				    leat_on_recv(leat_timer_chan(t[1]), NULL));
		leat_timer *other = t[!i];
		bool stopped = reset ? leat_timer_reset(other, LEAT_HOUR) == 1
				     : leat_timer_stop(other);

		EXPECT(stopped);
		expect_nothing(leat_timer_chan(other));
		leat_timer_release(t[0]);
		leat_timer_release(t[1]);
	}
	leat_wg_done(done);
}

static void one_or_both_by_many(int reset)
{
	leat_chan(int) start = leat_make(int, 0);
	leat_wg done = { 0 };

	for (int i = 0; i < 100; i++) {
		leat_wg_add(&done, 1);
		EXPECT_EQ(leat_go(one_or_both, leat_recv_end(start), &done,
				  reset),
			  0);
	}
	leat_close(start);
	leat_wg_wait(&done);
	leat_release(start);
}

GO_TEST(a_stop_knows_whether_it_comes, "R182 R183")
{
	one_or_both_by_many(false);
}

GO_TEST(a_reset_knows_whether_it_came, "R186 R187")
{
	one_or_both_by_many(true);
}

/* Each value is received, or a stop or reset takes it back: accounted. */
enum { PLAYERS = 8 };

static atomic_long set, stopped, received;

static void plays(leat_timer *t, int seed, leat_wg *done)
{
	unsigned x = (unsigned)seed;

	for (size_t i = 0; i < test_count(20000); i++) {
		x = x * 1664525 + 1013904223;
		switch (x >> 28) {
		case 0 ... 3:
			atomic_fetch_add(&stopped, leat_timer_stop(t));
			break;
		case 4 ... 7:
			atomic_fetch_add(&set, 1);
			atomic_fetch_add(&stopped,
					 leat_timer_reset(t, x >> 8 & 0x3fff));
			break;
		case 8 ... 14:
			atomic_fetch_add(
				&received,
				leat_try_recv(leat_timer_chan(t), NULL) == 0);
			break;
		default:
			leat_sleep(x >> 8 & 0xfff);
		}
	}
	leat_wg_done(done);
}

GO_TEST(each_setting_ends_in_a_stop_or_a_value, "R181 R183 R186 R187")
{
	leat_timer *t = leat_timer_new(1);
	leat_wg done = { 0 };

	atomic_store(&set, 1);
	for (int i = 0; i < PLAYERS; i++) {
		leat_wg_add(&done, 1);
		EXPECT_EQ(leat_go(plays, t, i, &done), 0);
	}
	leat_wg_wait(&done);
	atomic_fetch_add(&stopped, leat_timer_stop(t));
	EXPECT_EQ(atomic_load(&stopped) + atomic_load(&received),
		  atomic_load(&set));
	leat_timer_release(t);
}

static void plays_func(leat_timer *t, int seed, leat_wg *done)
{
	unsigned x = (unsigned)seed;

	for (size_t i = 0; i < test_count(20000); i++) {
		x = x * 1664525 + 1013904223;
		if (x >> 31) {
			atomic_fetch_add(&stopped, leat_timer_stop(t));
		} else {
			atomic_fetch_add(&set, 1);
			atomic_fetch_add(&stopped,
					 leat_timer_reset(t, x >> 8 & 0xfff));
		}
		if (x >> 24 == 0)
			leat_sleep(x >> 8 & 0xfff);
	}
	leat_wg_done(done);
}

GO_TEST(each_setting_ends_in_a_stop_or_a_run, "R186 R189")
{
	leat_timer *t = leat_after_func(1, runs, 0, 0, 0, 0, 0, 0);
	leat_wg done = { 0 };

	atomic_store(&set, 1);
	for (int i = 0; i < PLAYERS; i++) {
		leat_wg_add(&done, 1);
		EXPECT_EQ(leat_go(plays_func, t, i, &done), 0);
	}
	leat_wg_wait(&done);
	atomic_fetch_add(&stopped, leat_timer_stop(t));
	until_alone();
	EXPECT_EQ(atomic_load(&stopped) + atomic_load(&ran), atomic_load(&set));
	leat_timer_release(t);
}

GO_TEST(a_million_at_once, "R200")
{
	int n = (int)test_count(1000000);
	leat_time when = leat_after_now(300 * MS);
	leat_timer **t = malloc((size_t)n * sizeof(*t));

	for (int i = 0; i < n; i++) {
		t[i] = leat_after_func_at(when + i * 100, runs, 0, 0, 0, 0, 0,
					  0);
		EXPECT(t[i] != NULL);
	}
	for (int i = 0; i < n; i += 2)
		atomic_fetch_add(&stopped, leat_timer_stop(t[i]));
	until_ran(n - (int)atomic_load(&stopped));
	for (int i = 0; i < n; i++) {
		EXPECT(!leat_timer_stop(t[i]));
		leat_timer_release(t[i]);
	}
	until_alone();
	EXPECT_EQ(atomic_load(&ran) + atomic_load(&stopped), n);
	free(t);
}

/* They are not all started before the first has run. */
static atomic_size_t most;

static void counts(void)
{
	size_t now = leat_goroutine_count();

	if (now > atomic_load(&most))
		atomic_store(&most, now);
	atomic_fetch_add(&ran, 1);
}

GO_TEST(those_who_have_come_make_room_for_the_next, "R200")
{
	int n = (int)test_count(100000);
	leat_time when = leat_after_now(50 * MS * test_slow());

	for (int i = 0; i < n; i++) {
		leat_timer *t = leat_after_func_at(when, counts);

		EXPECT(t != NULL);
		leat_timer_release(t);
	}
	until_ran(n);
	EXPECT(atomic_load(&most) < 5000);
}

/* -- threads that are not the runtime's -- */

static leat_chan(int) thread_done;

static void *on_a_thread(void *unused)
{
	leat_time when = leat_after_now(3 * MS);
	leat_timer *t = leat_timer_new(3 * MS), *u;
	leat_time_receiver c;

	expect_tick(leat_timer_chan(t), when);
	EXPECT_EQ(leat_timer_reset(t, LEAT_HOUR), 0);
	EXPECT_EQ(leat_timer_reset(t, LEAT_HOUR), 1);
	EXPECT(leat_timer_stop(t));
	leat_timer_release(t);

	t = leat_ticker_new(MS);
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(leat_recv_until(leat_timer_chan(t), NULL, far_away()),
			  0);
	leat_timer_release(t);

	u = leat_after_func(LEAT_HOUR, runs, 0, 0, 0, 0, 0, 0);
	EXPECT(leat_timer_stop(u));
	leat_timer_release(u);
	EXPECT_EQ(leat_go_after(1, runs, 0, 0, 0, 0, 0, 0), 0);
	c = leat_after(1);
	leat_recv(c, NULL);
	leat_release(c);
	leat_send(thread_done, 1);
	return unused;
}

GO_TEST(threads_may_have_timers, "R179 R189 R194")
{
	pthread_t thread;

	thread_done = leat_make(int, 0);
	EXPECT_EQ(pthread_create(&thread, NULL, on_a_thread, NULL), 0);
	leat_recv(thread_done, NULL);
	pthread_join(thread, NULL);
	until_ran(1);
	leat_release(thread_done);
}

/* -- misuse, in Go's words -- */

GO_TEST_DIES(a_stop_of_no_timer, "R188",
	     "panic: time: Stop called on uninitialized Timer")
{
	leat_timer_stop(NULL);
}

GO_TEST_DIES(a_reset_of_no_timer, "R188",
	     "panic: time: Reset called on uninitialized Timer")
{
	leat_timer_reset(NULL, 1);
}

GO_TEST_DIES(a_ticker_of_nothing, "R197",
	     "panic: non-positive interval for NewTicker")
{
	leat_ticker_new(0);
}

GO_TEST_DIES(a_reset_to_nothing, "R197",
	     "panic: non-positive interval for Ticker.Reset")
{
	leat_timer_reset(leat_ticker_new(1), -1);
}

GO_TEST_DIES(a_function_that_is_not_there, "R189",
	     "fatal error: leat_after_func of nil func value")
{
	void (*nothing)(void) = NULL;

	leat_go_after(1, nothing);
}

GO_TEST_DIES(a_release_too_many, "X14",
	     "leat_timer_release of a timer that was released before")
{
	leat_timer *t = leat_timer_new(LEAT_HOUR);

	leat_timer_release(t);
	leat_timer_release(t);
}

GO_TEST_DIES(the_channel_of_no_timer, "R188",
	     "fatal error: leat_timer_chan: nil timer")
{
	leat_timer_chan(NULL);
}

SUITE("timer use")
