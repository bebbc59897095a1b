/*
 * test_select_stress.c - selects made by chance, on every kind of stack and
 * thread; every value is accounted for.
 *
 *	round   seed --> six channels, of any capacity
 *	                 traders: select over any subset, in both directions
 *	                 until enough was dealt; one of them over all, so that
 *	                 there is always somebody to deal with
 *	        over --> nobody sends any more; the channels are closed, in any
 *	                 order, while all receive what is left
 *
 * A round that fails or hangs says its seed; LEAT_TEST_SEED=n runs that one
 * again and again.  The order in which threads run is not in the seed.
 */
#include "leat.h"

#include "measure.h"
#include "test.h"

#include <pthread.h>
#include <stdatomic.h>

#define MS 1000000ll

enum { CHANNELS = 6, ALL = (1 << CHANNELS) - 1, DEALS = 4000, SECONDS = 2 };
enum bond { FREE, PINNED, LOCKED, THREAD, BONDS };

typedef leat_chan(int) int_chan;

#define CHECK(cond)                                                            \
	do {                                                                   \
		if (!(cond))                                                   \
			test_fail(__FILE__, __LINE__, "LEAT_TEST_SEED=%u: %s", \
				  world.seed, #cond);                          \
	} while (0)

static struct {
	unsigned seed;
	int_chan c[CHANNELS];
	leat_chan(leat_signal) over;
	leat_wg sending, all;
	int limit;
	atomic_int items, deals;
	atomic_uchar sent[2 * DEALS + 100], received[2 * DEALS + 100];
} world;

struct self {
	unsigned seed;
	enum bond bond;
	pthread_t thread;
	bool everything; /* over all channels, always */
	int item;        /* to be sent next */
};

static unsigned chance(struct self *s, unsigned n)
{
	s->seed = s->seed * 1664525 + 1013904223;
	return (s->seed >> 8) % n;
}

static int_chan if_in(unsigned set, int i)
{
	return set >> i & 1 ? world.c[i] : NULL;
}

/* -- one select -- */

#define SEND(i)    leat_on_send(if_in(to, i), item)
#define RECEIVE(i) leat_on_recv_ok(if_in(from, i), v, ok)
#define FORTH                                                               \
	SEND(0), SEND(1), SEND(2), SEND(3), SEND(4), SEND(5), RECEIVE(0),   \
		RECEIVE(1), RECEIVE(2), RECEIVE(3), RECEIVE(4), RECEIVE(5), \
		leat_on_recv(world.over, NULL)
#define BACK                                                                   \
	leat_on_recv(world.over, NULL), RECEIVE(5), RECEIVE(4), RECEIVE(3),    \
		RECEIVE(2), RECEIVE(1), RECEIVE(0), SEND(5), SEND(4), SEND(3), \
		SEND(2), SEND(1), SEND(0)

enum { OVER = 2 * CHANNELS };

/* The case by its place in FORTH; -1: none. */
static int deal(unsigned how, unsigned to, unsigned from, int item, int *v,
		bool *ok)
{
	int at;

	switch (how) {
	case 0:
		return leat_select_first(FORTH);
	case 1:
		return leat_try_select(FORTH);
	case 2:
		at = leat_try_select_first(BACK);
		return at < 0 ? -1 : OVER - at;
	case 3:
		return OVER - leat_select_first(BACK);
	case 4:
	case 5:
		return OVER - leat_select(BACK);
	default:
		return leat_select(FORTH);
	}
}

static int new_item(void)
{
	int item = atomic_fetch_add(&world.items, 1);

	CHECK(item < (int)sizeof world.sent);
	return item;
}

static void took(int v)
{
	CHECK(v >= 0 && v < atomic_load(&world.items));
	CHECK(atomic_fetch_add(&world.received[v], 1) == 0);
}

static void count_deal(void)
{
	if (atomic_fetch_add(&world.deals, 1) == world.limit)
		leat_close(world.over);
}

/* False: it is over. */
static bool step(struct self *s)
{
	unsigned to = s->everything ? ALL : chance(s, ALL + 1);
	unsigned from = s->everything ? ALL : chance(s, ALL + 1);
	bool ok = false;
	int v = -1, at;

	if (atomic_load(&world.deals) > world.limit)
		return false;
	if (!to && !from) /* of two, both would wait until it is over */
		to = ALL;
	at = deal(s->everything ? 6 : chance(s, 10), to, from, s->item, &v,
		  &ok);
	if (at == OVER)
		return false;
	if (at < 0) {
		leat_yield();
	} else if (at < CHANNELS) {
		CHECK(to >> at & 1);
		CHECK(atomic_fetch_add(&world.sent[s->item], 1) == 0);
		s->item = new_item();
		count_deal();
	} else {
		CHECK(from >> (at - CHANNELS) & 1);
		CHECK(ok);
		took(v);
	}
	return true;
}

/* Until all are closed. */
static void receive_what_is_left(struct self *s)
{
	unsigned open = ALL;

	while (open) {
		unsigned from =
			s->everything ? open : open & chance(s, ALL + 1);
		bool forth = chance(s, 2);
		struct leat_case list[CHANNELS];
		int v = -1, at;
		bool ok;

		for (int i = 0; i < CHANNELS; i++)
			list[i] = leat_on_recv_ok(
				if_in(from, forth ? i : CHANNELS - 1 - i), &v,
				&ok);
		at = leat_select_(list, CHANNELS, from ? 0 : LEAT_TRY_);
		CHECK((at < 0) == !from);
		if (at < 0)
			continue;
		if (ok)
			took(v);
		else
			open &= ~(1u << (forth ? at : CHANNELS - 1 - at));
	}
}

/* -- a life -- */

static void lives(struct self *s)
{
	if (s->bond == PINNED)
		leat_pin();
	if (s->bond == LOCKED)
		leat_thread_lock();
	s->item = new_item();
	while (step(s))
		if (chance(s, 8) == 0)
			leat_yield();
	leat_wg_done(&world.sending);
	receive_what_is_left(s);
	if (s->bond == PINNED)
		leat_unpin();
	if (s->bond == LOCKED)
		leat_thread_unlock();
	leat_wg_done(&world.all);
}

static void *lives_outside(void *s)
{
	lives(s);
	return NULL;
}

/* Plain ones, who know nothing of it. */
static void sends_some(int i)
{
	for (int k = 0; k < 20; k++) {
		int item = new_item();

		CHECK(atomic_fetch_add(&world.sent[item], 1) == 0);
		leat_send(world.c[i], item);
	}
	leat_wg_done(&world.sending);
}

static void receives_some(int i)
{
	int v;

	while (leat_recv(world.c[i], &v))
		took(v);
	leat_wg_done(&world.all);
}

/* -- rounds -- */

enum { TRADERS_MAX = 24 };

static struct self trader[TRADERS_MAX];

/* If the process dies or hangs, this is what the suite says. */
static void announce(unsigned seed)
{
	world.seed = seed;
	snprintf(test_note->text, sizeof test_note->text,
		 "LEAT_TEST_SEED=%u: crashed, or did not end", seed);
	test_note->line = __LINE__;
	test_note->file = __FILE__;
}

static void set_up(struct self *s)
{
	static const int caps[] = { 0, 0, 0, 1, 1, 2, 5, 40 };

	memset(world.sent, 0, sizeof world.sent);
	memset(world.received, 0, sizeof world.received);
	atomic_store(&world.items, 0);
	atomic_store(&world.deals, 0);
	world.limit = (int)test_count(DEALS);
	world.over = leat_make(leat_signal, 0);
	for (int i = 0; i < CHANNELS; i++)
		world.c[i] = leat_make(int, caps[chance(s, 8)]);
}

static void start(struct self *s, bool bound, int n)
{
	leat_wg_add(&world.sending, n);
	leat_wg_add(&world.all, n);
	for (int i = 0; i < n; i++) {
		struct self *t = &trader[i];
		int rc = 0;

		*t = (struct self){ .seed = chance(s, 1u << 24),
				    .everything = i == 0 };
		if (bound && chance(s, 3) == 0)
			t->bond = chance(s, BONDS);
		if (t->bond == THREAD)
			rc = pthread_create(&t->thread, NULL, lives_outside, t);
		else
			leat_go(lives, t);
		CHECK(rc == 0);
	}
	for (int i = 0; i < CHANNELS; i++) {
		if (chance(s, 4) == 0) {
			leat_wg_add(&world.sending, 1);
			leat_go(sends_some, i);
		}
		if (chance(s, 4) == 0) {
			leat_wg_add(&world.all, 1);
			leat_go(receives_some, i);
		}
	}
}

static void close_all(struct self *s)
{
	unsigned open = ALL;

	while (open) {
		int i = (int)chance(s, CHANNELS);

		if (!(open >> i & 1))
			continue;
		leat_close(world.c[i]);
		open &= ~(1u << i);
		if (chance(s, 2))
			leat_yield();
	}
}

static void play(unsigned seed, bool bound)
{
	struct self s = { .seed = seed };
	int n;

	announce(seed);
	set_up(&s);
	n = 2 + (int)chance(&s, TRADERS_MAX - 1);
	start(&s, bound, n);
	leat_wg_wait(&world.sending);
	close_all(&s);
	leat_wg_wait(&world.all);
	for (int i = 0; i < atomic_load(&world.items); i++)
		CHECK(atomic_load(&world.sent[i]) ==
		      atomic_load(&world.received[i]));
	for (int i = 0; i < n; i++)
		if (trader[i].bond == THREAD)
			pthread_join(trader[i].thread, NULL);
	for (int i = 0; i < CHANNELS; i++)
		leat_release(world.c[i]);
	leat_release(world.over);
	test_note->file = NULL;
}

static void play_all(bool bound)
{
	const char *text = getenv("LEAT_TEST_SEED");
	unsigned first = text ? (unsigned)strtoul(text, NULL, 10)
			      : (unsigned)now_ns() ^ (unsigned)getpid();
	int64_t end = now_ns() + SECONDS / 2 * 1000 * MS;
	unsigned rounds = 0;

	first %= 1u << 30;
	for (; now_ns() < end; rounds++)
		play(text ? first : first + rounds, bound);
	printf("%u rounds from seed %u ", rounds, first);
}

GO_TEST(selects_made_by_chance_lose_nothing, "R62 R97 R98 R99")
{
	play_all(false);
}

GO_TEST(nor_do_they_on_bound_goroutines_and_threads, "R18 R31 R97")
{
	play_all(true);
}

/* -- on every kind of stack and thread -- */

/* Deep down the stack, and up again. */
static __attribute__((noinline)) int selects_deep(int depth, int_chan in,
						  int_chan out, int round)
{
	char frame[512];
	int got = -1, sum;

	memset(frame, depth, sizeof frame);
	if (depth > 0) {
		sum = selects_deep(depth - 1, in, out, round);
		EXPECT(frame[0] == (char)depth && frame[511] == (char)depth);
		return sum + 1;
	}
	leat_select(leat_on_recv(in, &got), leat_on_recv(in, &got));
	EXPECT_EQ(got, round);
	leat_select(leat_on_send(out, got), leat_on_send(out, got));
	EXPECT(frame[0] == 0 && frame[511] == 0);
	return 0;
}

static void goes_deep(int_chan in, int_chan out, int rounds)
{
	for (int i = 0; i < rounds; i++) {
		int depth = i % 7 * 20;

		EXPECT_EQ(selects_deep(depth, in, out, i), depth);
	}
}

GO_TEST(values_reach_variables_deep_in_a_stack, "R10 R14 R97")
{
	enum { N = 8 };
	int_chan between[N + 1];
	int rounds = (int)test_count(500), got;
	leat_wg group = { 0 };

	for (int i = 0; i <= N; i++)
		between[i] = leat_make(int, 0);
	for (int i = 0; i < N; i++)
		leat_wg_go(&group, goes_deep, between[i], between[i + 1],
			   rounds);
	for (int i = 0; i < rounds; i++) {
		leat_send(between[0], i);
		EXPECT(leat_recv(between[N], &got));
		EXPECT_EQ(got, i);
	}
	leat_wg_wait(&group);
	for (int i = 0; i <= N; i++)
		leat_release(between[i]);
}

/* Hands on what comes from the left or the right. */
static void hands_on(enum bond bond, int_chan in, int_chan out, int_chan never,
		     int n)
{
	pid_t thread;
	int got;

	if (bond == PINNED)
		leat_pin();
	if (bond == LOCKED)
		leat_thread_lock();
	thread = gettid();
	for (int i = 0; i < n; i++) {
		EXPECT_EQ(leat_select(leat_on_recv(never, NULL),
				      leat_on_recv(in, &got)),
			  1);
		EXPECT_EQ(got, i);
		EXPECT(bond == FREE || thread == gettid());
		EXPECT_EQ(leat_select(leat_on_send(out, got),
				      leat_on_recv(never, NULL)),
			  0);
		EXPECT(bond == FREE || thread == gettid());
	}
	if (bond == PINNED)
		leat_unpin();
	if (bond == LOCKED)
		leat_thread_unlock();
}

static void fills(int_chan c, int n)
{
	for (int i = 0; i < n; i++)
		leat_send(c, i);
}

static void through_chain(enum bond first, enum bond second, int cap)
{
	enum { N = 6 };
	int_chan link[N + 1], never = leat_make(int, 0);
	int n = (int)test_count(100), got;
	leat_wg group = { 0 };

	for (int i = 0; i <= N; i++)
		link[i] = leat_make(int, cap);
	for (int i = 0; i < N; i++)
		leat_wg_go(&group, hands_on, i % 2 ? second : first, link[i],
			   link[i + 1], never, n);
	leat_wg_go(&group, fills, link[0], n);
	for (int i = 0; i < n; i++) {
		EXPECT(leat_recv(link[N], &got));
		EXPECT_EQ(got, i);
	}
	leat_wg_wait(&group);
	for (int i = 0; i <= N; i++)
		leat_release(link[i]);
	leat_release(never);
}

GO_TEST(pinned_and_locked_goroutines_select_where_they_are, "R18 R93 R97")
{
	for (enum bond first = 0; first <= LOCKED; first++)
		for (enum bond second = 0; second <= LOCKED; second++)
			through_chain(first, second, first == second);
}

SUITE("select stress")
