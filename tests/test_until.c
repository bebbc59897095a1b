/*
 * test_until.c - sends, receives and selects that wait no longer than until a
 * moment.
 *
 *	before it      as without a deadline
 *	after it       -ETIMEDOUT, or -1; nothing was sent or received, and nothing
 *	               of the wait is left
 *	at that very   one of the two, as exactly as everywhere else
 *	instant
 */
#include "leat.h"

#include "measure.h"
#include "test.h"
#include "waits.h"

#include <pthread.h>
#include <stdatomic.h>

#define MS LEAT_MILLISECOND

static leat_time soon(void)
{
	return leat_after_now(3 * MS);
}

/* So far away that only a lost wake-up waits for it. */
static leat_time late(void)
{
	return leat_after_now(LEAT_HOUR);
}

/* Who else uses a channel; waited for before it is released. */
static leat_wg others;

static void no_more(leat_chan(int) c)
{
	leat_wg_wait(&others);
	leat_release(c);
}

/* -- nobody comes -- */

static void in_vain(int cap)
{
	leat_chan(int) c = leat_make(int, cap);
	leat_time when;
	int got = 7;

	when = soon();
	EXPECT_EQ(leat_recv_until(c, &got, when), -ETIMEDOUT);
	EXPECT(leat_now() >= when);
	EXPECT_EQ(got, 7);
	for (int i = 0; i < cap; i++)
		EXPECT_EQ(leat_send_until(c, i, when), 0);
	when = soon();
	EXPECT_EQ(leat_send_until(c, 9, when), -ETIMEDOUT);
	EXPECT(leat_now() >= when);
	EXPECT_EQ(leat_len(c), cap);
	for (int i = 0; i < cap; i++) {
		EXPECT_EQ(leat_recv_until(c, &got, when), 0);
		EXPECT_EQ(got, i);
	}
	EXPECT_EQ(leat_try_recv(c, &got), -EAGAIN);
	no_more(c);
}

GO_TEST(a_wait_ends_at_its_deadline, "R107 R192")
{
	for (int cap = 0; cap < 4; cap++)
		in_vain(cap);
}

GO_TEST(a_moment_that_is_past_is_a_try, "R107")
{
	leat_chan(int) c = leat_make(int, 1);
	int got;

	for (int i = 0; i < 100; i++) {
		leat_time when = i % 2 ? leat_now() : -i;

		EXPECT_EQ(leat_recv_until(c, &got, when), -ETIMEDOUT);
		EXPECT_EQ(leat_send_until(c, i, when), 0);
		EXPECT_EQ(leat_send_until(c, i, when), -ETIMEDOUT);
		EXPECT_EQ(leat_select_until(when, leat_on_send(c, 1)), -1);
		EXPECT_EQ(leat_select_until(when, leat_on_recv(c, &got)), 0);
		EXPECT_EQ(got, i);
	}
	no_more(c);
}

GO_TEST(a_nil_channel_waits_until_then, "R46 R47 R107")
{
	leat_chan(int) nil = NULL;
	leat_time when = soon();

	EXPECT_EQ(leat_recv_until(nil, NULL, when), -ETIMEDOUT);
	EXPECT(leat_now() >= when);
	when = soon();
	EXPECT_EQ(leat_send_until(nil, 1, when), -ETIMEDOUT);
	EXPECT(leat_now() >= when);
	when = soon();
	EXPECT_EQ(leat_select_until(when, leat_on_recv(nil, NULL)), -1);
	EXPECT(leat_now() >= when);
}

static void closes(leat_chan(int) c)
{
	leat_close(c);
}

GO_TEST(a_closed_channel_is_told_by_its_number, "R52 R53 R107")
{
	leat_chan(int) c = leat_make(int, 1), d = leat_make(int, 0);
	int got = 7;
	bool ok = true;

	leat_send(c, 4);
	leat_close(c);
	EXPECT_EQ(leat_send_until(c, 1, late()), -EPIPE);
	EXPECT_EQ(leat_recv_until(c, &got, late()), 0);
	EXPECT_EQ(got, 4);
	EXPECT_EQ(leat_recv_until(c, &got, late()), -EPIPE);
	EXPECT_EQ(got, 0);
	EXPECT_EQ(leat_select_until(late(), leat_on_recv_ok(c, &got, &ok)), 0);
	EXPECT(!ok);
	/* While it waits. */
	leat_wg_go(&others, closes, d);
	EXPECT_EQ(leat_recv_until(d, &got, late()), -EPIPE);
	no_more(d);
	d = leat_make(int, 0);
	leat_wg_go(&others, closes, d);
	EXPECT_EQ(leat_send_until(d, 1, late()), -EPIPE);
	no_more(d);
	no_more(c);
}

GO_TEST_DIES(a_select_with_a_deadline_panics_as_any, "R100 R107",
	     "panic: send on closed channel")
{
	leat_chan(int) c = leat_make(int, 1);

	leat_close(c);
	leat_select_until(late(), leat_on_send(c, 1));
}

/* -- somebody comes -- */

static void sends_at(leat_chan(int) c, leat_time when, int v)
{
	leat_sleep_until(when);
	leat_send(c, v);
}

static void receives_at(leat_chan(int) c, leat_time when, int want)
{
	int got = 0;

	leat_sleep_until(when);
	EXPECT(leat_recv(c, &got));
	EXPECT_EQ(got, want);
}

GO_TEST(who_comes_in_time_is_served, "R107")
{
	for (int cap = 0; cap < 3; cap++) {
		leat_chan(int) c = leat_make(int, cap);
		int got;

		leat_wg_go(&others, sends_at, c, soon(), 5);
		EXPECT_EQ(leat_recv_until(c, &got, late()), 0);
		EXPECT_EQ(got, 5);
		for (int i = 0; i < cap; i++)
			leat_send(c, 6 + i);
		leat_wg_go(&others, receives_at, c, soon(), 6);
		EXPECT_EQ(leat_send_until(c, 6 + cap, late()), 0);
		EXPECT_EQ(leat_recv_until(c, &got, cap ? late() : soon()),
			  cap ? 0 : -ETIMEDOUT);
		no_more(c);
	}
}

GO_TEST(never_is_for_ever, "R107 R202")
{
	leat_chan(int) c = leat_make(int, 0);
	int got;

	leat_wg_go(&others, sends_at, c, soon(), 5);
	EXPECT_EQ(leat_recv_until(c, &got, LEAT_NEVER), 0);
	leat_wg_go(&others, receives_at, c, soon(), 6);
	EXPECT_EQ(leat_send_until(c, 6, LEAT_NEVER), 0);
	leat_wg_go(&others, sends_at, c, soon(), 5);
	EXPECT_EQ(leat_select_until(LEAT_NEVER, leat_on_recv(c, &got)), 0);
	leat_wg_go(&others, sends_at, c, soon(), 5);
	EXPECT_EQ(leat_select_until(LEAT_NEVER - 1, leat_on_recv(c, &got)), 0);
	no_more(c);
}

GO_TEST(a_select_of_many_with_a_deadline, "R90 R107")
{
	enum { N = 20 };
	leat_chan(int) c[N];
	struct leat_case cases[N];
	int got = 0;

	for (int i = 0; i < N; i++) {
		c[i] = leat_make(int, i % 2);
		cases[i] = leat_on_recv(c[i], &got);
	}
	for (int i = 0; i < N; i++) {
		EXPECT_EQ(leat_select_until_(cases, N, 0, soon()), -1);
		leat_wg_go(&others, sends_at, c[i], soon(), i);
		EXPECT_EQ(leat_select_until_(cases, N, 0, late()), i);
		EXPECT_EQ(got, i);
	}
	EXPECT_EQ(leat_select_first_until(soon(), leat_on_recv(c[1], &got),
					  leat_on_recv(c[2], &got)),
		  -1);
	leat_send(c[1], 1);
	leat_send(c[3], 3);
	EXPECT_EQ(leat_select_first_until(late(), leat_on_recv(c[3], &got),
					  leat_on_recv(c[1], &got)),
		  0);
	EXPECT_EQ(got, 3);
	for (int i = 0; i < N; i++)
		no_more(c[i]);
}

/* -- threads -- */

static void *thread_waits(void *arg)
{
	leat_chan(int) c = (leat_chan(int))arg;
	leat_time when = soon();
	int got = 0;

	EXPECT_EQ(leat_recv_until(c, &got, when), -ETIMEDOUT);
	EXPECT(leat_now() >= when);
	when = soon();
	EXPECT_EQ(leat_select_until(when, leat_on_recv(c, &got),
				    leat_on_send(c, 1)),
		  -1);
	EXPECT(leat_now() >= when);
	about_to_wait();
	EXPECT_EQ(leat_recv_until(c, &got, late()), 0);
	EXPECT_EQ(got, 8);
	about_to_wait();
	EXPECT_EQ(leat_send_until(c, 9, late()), 0);
	return NULL;
}

GO_TEST(a_thread_that_is_not_the_runtimes_has_deadlines_too, "R107")
{
	leat_chan(int) c = leat_make(int, 0);
	pthread_t id;
	int got;

	EXPECT(!pthread_create(&id, NULL, thread_waits, (void *)c));
	leat_sleep(0);
	until_thread_waits();
	leat_send(c, 8);
	until_thread_waits();
	EXPECT(leat_recv(c, &got));
	EXPECT_EQ(got, 9);
	leat_block_enter();
	pthread_join(id, NULL);
	leat_block_exit();
	no_more(c);
}

/* -- at that very instant -- */

/* The two of a pair meet, or both find that time was up: what was sent is
 * received, and nothing twice. */
static struct {
	atomic_long sent, received, late;
	uint64_t rounds;
} sum;

static leat_duration about(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (leat_duration)(*seed >> 33) % 60000;
}

static void sends_by_chance(leat_chan(int) c, uint64_t seed, bool by_select)
{
	for (uint64_t i = 0; i < sum.rounds; i++) {
		leat_time when = leat_after_now(about(&seed));
		bool sent;

		if (i % 3 == 0)
			leat_sleep(about(&seed));
		if (by_select)
			sent = leat_select_until(when, leat_on_send(c, 1),
						 leat_on_send(c, 1)) >= 0;
		else
			sent = leat_send_until(c, 1, when) == 0;
		atomic_fetch_add(sent ? &sum.sent : &sum.late, 1);
	}
}

static void receives_by_chance(leat_chan(int) c, uint64_t seed, bool by_select)
{
	for (uint64_t i = 0; i < sum.rounds; i++) {
		leat_time when = leat_after_now(about(&seed));
		int got = 0;

		if (i % 3 == 1)
			leat_sleep(about(&seed));
		if (by_select)
			leat_select_until(when, leat_on_recv(c, &got));
		else
			leat_recv_until(c, &got, when);
		atomic_fetch_add(&sum.received, got);
	}
}

static void meet_by_chance(int cap, int pairs)
{
	leat_chan(int) c = leat_make(int, cap);
	leat_wg group = { 0 };
	int got;

	sum.rounds = test_count(2000);
	for (int i = 0; i < pairs; i++) {
		leat_wg_go(&group, sends_by_chance, c, 2 * i + 1, i % 2);
		leat_wg_go(&group, receives_by_chance, c, 2 * i + 2, i / 2 % 2);
	}
	leat_wg_wait(&group);
	while (leat_try_recv(c, &got) == 0)
		atomic_fetch_add(&sum.received, got);
	EXPECT_EQ(atomic_load(&sum.received), atomic_load(&sum.sent));
	EXPECT(atomic_load(&sum.sent) > 0);
	no_more(c);
}

GO_TEST(nothing_is_lost_at_the_last_moment, "R90 R107")
{
	meet_by_chance(0, 4);
	meet_by_chance(1, 4);
	meet_by_chance(3, 8);
}

GO_TEST(nor_with_one_P, "R90 R107")
{
	leat_procs_set(1);
	meet_by_chance(0, 4);
	meet_by_chance(1, 8);
}

/* A deadline that does not come leaves nothing behind. */
GO_TEST(a_million_deadlines_that_are_not_needed, "R107 R193 R200")
{
	leat_chan(int) c = leat_make(int, 0);
	size_t n = test_count(test_under("tsan") ? 200000 : 1000000);
	long before = 0;
	int got;

	for (size_t i = 0; i < n; i++) {
		if (i == n / 10)
			before = resident_kb();
		leat_wg_go(&others, sends_at, c, 0, 1);
		EXPECT_EQ(leat_recv_until(c, &got, late()), 0);
	}
	EXPECT(resident_kb() - before < 2048 || !test_under("release"));
	no_more(c);
}

static void answers(leat_chan(int) to, leat_chan(int) from)
{
	leat_pin();
	leat_range(v, from)
		leat_send(to, v);
	leat_unpin();
	leat_wg_done(&others);
}

/* The same if who waits is woken on another P each time, and so stops there what
 * it has armed here. */
GO_TEST(nor_do_those_that_are_stopped_elsewhere, "R107 R193 R200")
{
	leat_chan(int) ask[2], told = leat_make(int, 0);
	size_t n = test_count(100000);
	long before = 0;
	int got;

	leat_procs_set(2);
	for (int p = 0; p < 2; p++) {
		struct leat_attr attr = { .place = LEAT_ON_P, .index = p };

		ask[p] = leat_make(int, 0);
		leat_wg_add(&others, 1);
		leat_go_with(&attr, answers, told, ask[p]);
	}
	for (size_t i = 0; i < n; i++) {
		if (i == n / 10)
			before = resident_kb();
		leat_send(ask[i % 2], 1);
		EXPECT_EQ(leat_recv_until(told, &got, late()), 0);
	}
	EXPECT(resident_kb() - before < 2048 || !test_under("release"));
	leat_close(ask[0]);
	leat_close(ask[1]);
	no_more(told);
	leat_release(ask[0]);
	leat_release(ask[1]);
}

SUITE("until")
