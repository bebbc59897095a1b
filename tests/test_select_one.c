/*
 * test_select_one.c - exactly one case happens, whoever is on the other side.
 *
 *	sellers                        three channels           buyers
 *	select over all three    --->  |  |  |  |  |  |  --->   select over all
 *	plain sends, in turn           unbuffered, or with      receive from one
 *	try-selects, again and again   a buffer                 try-selects
 *	            dealers: a select that sells and buys
 *
 * Every item has a number, and at the end each was bought once.  When all is
 * sold the channels are closed; who buys by select makes nil of a closed one.
 */
#include "leat.h"

#include "measure.h"
#include "test.h"

#include <pthread.h>
#include <stdatomic.h>

enum { CHANNELS = 3, TRADERS_MAX = 64 };

typedef leat_chan(int) int_chan;

/* How many of each kind. */
struct folk {
	int selects, plain, tries, dealers;
};

static struct {
	int_chan c[CHANNELS];
	int each; /* items a seller has */
	leat_wg selling, buying;
	atomic_uchar *bought;
} market;

struct seller {
	int next, end;
};

static void buy(int item)
{
	EXPECT_EQ(atomic_fetch_add(&market.bought[item], 1), 0);
}

/* -- sellers -- */

static int sell_by_select(const int_chan *c, int item)
{
	switch (item % 3) {
	case 0:
		return leat_select(leat_on_send(c[0], item),
				   leat_on_send(c[1], item),
				   leat_on_send(c[2], item));
	case 1:
		return leat_select(leat_on_send(c[2], item),
				   leat_on_send(c[1], item),
				   leat_on_send(c[0], item));
	default:
		return leat_select_first(leat_on_send(c[1], item),
					 leat_on_send(c[0], item),
					 leat_on_send(c[2], item));
	}
}

static void sells_by_select(int first)
{
	for (int item = first; item < first + market.each; item++)
		sell_by_select(market.c, item);
	leat_wg_done(&market.selling);
}

static void sells_plainly(int first)
{
	for (int item = first; item < first + market.each; item++)
		leat_send(market.c[item % CHANNELS], item);
	leat_wg_done(&market.selling);
}

static void sells_by_trying(int first)
{
	for (int item = first; item < first + market.each; item++)
		while (leat_try_select(leat_on_send(market.c[0], item),
				       leat_on_send(market.c[1], item),
				       leat_on_send(market.c[2], item)) < 0)
			leat_yield();
	leat_wg_done(&market.selling);
}

/* -- buyers -- */

static void buys_by_select(void)
{
	int_chan c[CHANNELS] = { market.c[0], market.c[1], market.c[2] };
	bool ok;
	int v;

	for (int open = CHANNELS; open > 0;) {
		int at = leat_select(leat_on_recv_ok(c[0], &v, &ok),
				     leat_on_recv_ok(c[1], &v, &ok),
				     leat_on_recv_ok(c[2], &v, &ok));

		if (ok) {
			buy(v);
		} else {
			c[at] = NULL;
			open--;
		}
	}
	leat_wg_done(&market.buying);
}

static void buys_plainly(int at)
{
	int v;

	while (leat_recv(market.c[at], &v))
		buy(v);
	leat_wg_done(&market.buying);
}

static void buys_by_trying(void)
{
	int_chan c[CHANNELS] = { market.c[0], market.c[1], market.c[2] };
	bool ok;
	int v;

	for (int open = CHANNELS; open > 0;) {
		int at = leat_try_select(leat_on_recv_ok(c[2], &v, &ok),
					 leat_on_recv_ok(c[0], &v, &ok),
					 leat_on_recv_ok(c[1], &v, &ok));

		if (at < 0) {
			leat_yield();
		} else if (ok) {
			buy(v);
		} else {
			c[(at + 2) % CHANNELS] = NULL;
			open--;
		}
	}
	leat_wg_done(&market.buying);
}

/* -- dealers: both at once -- */

static int deal(const int_chan *to, const int_chan *from, int item, int *v,
		bool *ok)
{
	if (item % 2)
		return leat_select(leat_on_send(to[0], item),
				   leat_on_send(to[1], item),
				   leat_on_send(to[2], item),
				   leat_on_recv_ok(from[0], v, ok),
				   leat_on_recv_ok(from[1], v, ok),
				   leat_on_recv_ok(from[2], v, ok));
	/* The same from the other end. */
	return 5 - leat_select(leat_on_recv_ok(from[2], v, ok),
			       leat_on_recv_ok(from[1], v, ok),
			       leat_on_recv_ok(from[0], v, ok),
			       leat_on_send(to[2], item),
			       leat_on_send(to[1], item),
			       leat_on_send(to[0], item));
}

static void deals(int first)
{
	int_chan to[CHANNELS] = { market.c[0], market.c[1], market.c[2] };
	int_chan from[CHANNELS] = { market.c[0], market.c[1], market.c[2] };
	int item = first, v, open = CHANNELS;
	bool ok;

	while (open > 0) {
		int at = deal(to, from, item, &v, &ok);

		if (at >= CHANNELS && ok) {
			buy(v);
		} else if (at >= CHANNELS) {
			from[at - CHANNELS] = NULL;
			open--;
		} else if (++item == first + market.each) {
			memset(to, 0, sizeof to);
			leat_wg_done(&market.selling);
		}
	}
	leat_wg_done(&market.buying);
}

/* -- a day at the market -- */

static struct stand {
	pthread_t id;
	void (*sells)(int first);
	void (*buys)(void);
	int at;
	bool one; /* buys at one channel */
} stands[TRADERS_MAX];

static int stand_count;

static void takes_up(struct stand *s)
{
	if (s->sells)
		s->sells(s->at);
	else if (s->one)
		buys_plainly(s->at);
	else
		s->buys();
}

static void *takes_up_outside(void *s)
{
	takes_up(s);
	return NULL;
}

static void add(int n, struct stand s)
{
	while (n-- > 0) {
		EXPECT(stand_count < TRADERS_MAX);
		stands[stand_count++] = s;
		s.at++;
	}
}

static int add_all(struct folk sellers, struct folk buyers)
{
	int sold = 0;

	stand_count = 0;
	add(sellers.selects, (struct stand){ .sells = sells_by_select });
	add(sellers.plain, (struct stand){ .sells = sells_plainly });
	add(sellers.tries, (struct stand){ .sells = sells_by_trying });
	add(sellers.dealers, (struct stand){ .sells = deals });
	for (; sold < stand_count; sold++)
		stands[sold].at = sold * market.each;
	add(buyers.selects, (struct stand){ .buys = buys_by_select });
	add(buyers.plain * CHANNELS, (struct stand){ .one = true });
	for (int i = sold + buyers.selects; i < stand_count; i++)
		stands[i].at = i % CHANNELS;
	add(buyers.tries, (struct stand){ .buys = buys_by_trying });
	leat_wg_add(&market.selling, sold);
	leat_wg_add(&market.buying, stand_count - sold + sellers.dealers);
	return sold * market.each;
}

enum who { GOROUTINES, THREADS, BOTH };

static void open_market(int cap, int items)
{
	market.bought = calloc((size_t)items, 1);
	for (int i = 0; i < CHANNELS; i++)
		market.c[i] = leat_make(int, cap);
	EXPECT(market.bought);
}

static void close_market(int items)
{
	leat_wg_wait(&market.selling);
	for (int i = 0; i < CHANNELS; i++)
		leat_close(market.c[i]);
	leat_wg_wait(&market.buying);
	for (int i = 0; i < items; i++)
		EXPECT_EQ(atomic_load(&market.bought[i]), 1);
	free(market.bought);
}

static void trade(enum who who, int cap, struct folk sellers,
		  struct folk buyers)
{
	int items = add_all(sellers, buyers);

	open_market(cap, items);
	for (int i = 0; i < stand_count; i++) {
		struct stand *s = &stands[i];

		if (who == GOROUTINES || (who == BOTH && i % 2))
			leat_go(takes_up, s);
		else
			pthread_create(&s->id, NULL, takes_up_outside, s);
	}
	close_market(items);
	for (int i = 0; i < stand_count; i++)
		if (who == THREADS || (who == BOTH && i % 2 == 0))
			pthread_join(stands[i].id, NULL);
	for (int i = 0; i < CHANNELS; i++)
		leat_release(market.c[i]);
}

static const int caps[] = { 0, 1, 2, 16 };

static void trade_all(enum who who, size_t each, struct folk sellers,
		      struct folk buyers)
{
	market.each = (int)test_count(each);
	for (size_t i = 0; i < sizeof caps / sizeof *caps; i++)
		trade(who, caps[i], sellers, buyers);
}

#define MANY 10000

GO_TEST(select_against_select, "R89 R97")
{
	trade_all(GOROUTINES, MANY, (struct folk){ .selects = 4 },
		  (struct folk){ .selects = 4 });
}

GO_TEST(select_against_plain_receivers, "R97")
{
	trade_all(GOROUTINES, MANY, (struct folk){ .selects = 4 },
		  (struct folk){ .plain = 1 });
}

GO_TEST(plain_senders_against_select, "R97")
{
	trade_all(GOROUTINES, MANY, (struct folk){ .plain = 4 },
		  (struct folk){ .selects = 3 });
}

GO_TEST(select_against_trying, "R92 R97")
{
	trade_all(GOROUTINES, MANY, (struct folk){ .selects = 3 },
		  (struct folk){ .tries = 3 });
}

GO_TEST(trying_against_select, "R92 R97")
{
	trade_all(GOROUTINES, MANY, (struct folk){ .tries = 3 },
		  (struct folk){ .selects = 3 });
}

GO_TEST(dealers_among_themselves, "R96 R97")
{
	trade_all(GOROUTINES, MANY / 2, (struct folk){ .dealers = 2 },
		  (struct folk){ 0 });
	trade_all(GOROUTINES, MANY / 4, (struct folk){ .dealers = 16 },
		  (struct folk){ 0 });
}

static const struct folk all_sell = { 3, 3, 2, 3 }, all_buy = { 3, 2, 2, 0 };

GO_TEST(everybody_against_everybody, "R62 R97")
{
	trade_all(GOROUTINES, MANY / 4, all_sell, all_buy);
}

TEST(threads_without_the_runtime, "R31 R97")
{
	trade_all(THREADS, MANY / 20, all_sell, all_buy);
}

GO_TEST(threads_among_themselves, "R31 R97")
{
	trade_all(THREADS, MANY / 20, (struct folk){ .selects = 4 },
		  (struct folk){ .selects = 4 });
}

GO_TEST(threads_and_goroutines, "R31 R97")
{
	trade_all(BOTH, MANY / 20, all_sell, all_buy);
}

GO_TEST(threads_and_goroutines_by_select_only, "R31 R97")
{
	trade_all(BOTH, MANY / 10, (struct folk){ .selects = 4, .dealers = 4 },
		  (struct folk){ .selects = 4 });
}

/* -- rings: each gives to its right and takes from its left -- */

enum { RING_MAX = 16 };
enum deal { GAVE, TOOK, OVER };

static struct {
	int n;
	int_chan c[RING_MAX];
	leat_chan(leat_signal) done;
	atomic_long left; /* deals to be made */
	atomic_long given[RING_MAX], taken[RING_MAX];
} ring;

/* Neighbours name their channels in opposite order. */
static enum deal deal_once(bool forth, int_chan right, int_chan left, int round,
			   int *v)
{
	if (forth)
		return (enum deal)leat_select(leat_on_send(right, round),
					      leat_on_recv(left, v),
					      leat_on_recv(ring.done, NULL));
	return (enum deal)(2 - leat_select(leat_on_recv(ring.done, NULL),
					   leat_on_recv(left, v),
					   leat_on_send(right, round)));
}

static void deals_in_a_ring(int i)
{
	int right = i, left = (i + 1) % ring.n, v;

	for (int round = 1;; round++)
		switch (deal_once(i % 2, ring.c[right], ring.c[left], round,
				  &v)) {
		case GAVE:
			atomic_fetch_add(&ring.given[right], round);
			break;
		case TOOK:
			atomic_fetch_add(&ring.taken[left], v);
			if (atomic_fetch_sub(&ring.left, 1) == 1)
				leat_close(ring.done);
			break;
		case OVER:
			return;
		}
}

static void go_round(int n, int cap, size_t deals)
{
	leat_wg group = { 0 };
	int v;

	memset(&ring, 0, sizeof ring);
	ring.n = n;
	ring.done = leat_make(leat_signal, 0);
	atomic_store(&ring.left, (long)test_count(deals));
	for (int i = 0; i < n; i++)
		ring.c[i] = leat_make(int, cap);
	for (int i = 0; i < n; i++)
		leat_wg_go(&group, deals_in_a_ring, i);
	leat_wg_wait(&group);
	for (int i = 0; i < n; i++) {
		while (leat_try_recv(ring.c[i], &v) == 0)
			atomic_fetch_add(&ring.taken[i], v);
		EXPECT_EQ(atomic_load(&ring.given[i]),
			  atomic_load(&ring.taken[i]));
		leat_release(ring.c[i]);
	}
	leat_release(ring.done);
}

GO_TEST(two_in_opposite_order_always_find_each_other, "R93 R97")
{
	go_round(2, 0, 200000);
	go_round(2, 1, 200000);
}

GO_TEST(three_in_a_ring_do_not_wait_for_each_other_for_ever, "R93 R97")
{
	go_round(3, 0, 100000);
	go_round(3, 2, 100000);
}

GO_TEST(nor_do_more, "R93 R97")
{
	go_round(5, 0, 50000);
	go_round(8, 0, 50000);
	go_round(16, 0, 50000);
	go_round(16, 1, 50000);
}

/* -- one channel, both ways -- */

static atomic_long met;

static void meets_on_one(int_chan c, int me, int times)
{
	for (int i = 0; i < times; i++) {
		int v = me;

		if (i % 2)
			leat_select(leat_on_send(c, me), leat_on_recv(c, &v));
		else
			leat_select(leat_on_recv(c, &v), leat_on_send(c, me));
		if (v != me)
			atomic_fetch_add(&met, 1);
	}
}

GO_TEST(selects_of_one_channel_both_ways_meet_in_pairs, "R80 R96 R97")
{
	int_chan c = leat_make(int, 0);
	int times = (int)test_count(200000);
	leat_wg group = { 0 };

	leat_wg_go(&group, meets_on_one, c, 1, times);
	leat_wg_go(&group, meets_on_one, c, 2, times);
	leat_wg_wait(&group);
	/* In each meeting one sent and one received. */
	EXPECT_EQ(atomic_load(&met), times);
	leat_release(c);
}

static void waits_both_ways(int_chan c, int_chan also, int *got)
{
	*got = leat_select(leat_on_send(c, 1), leat_on_recv(also, NULL),
			   leat_on_recv(c, got));
}

GO_TEST(one_alone_does_not_meet_itself, "R80 R96 R97")
{
	int_chan c = leat_make(int, 0), also = leat_make(int, 0);
	leat_wg group = { 0 };
	int got = -1, v = -1;

	EXPECT_EQ(leat_try_select(leat_on_send(c, 1), leat_on_recv(c, &v)), -1);
	for (int how = 0; how < 3; how++) {
		got = -1;
		leat_wg_go(&group, waits_both_ways, c, also, &got);
		for (int i = 0; i < 100; i++)
			leat_yield();
		EXPECT_EQ(got, -1);
		if (how == 0)
			EXPECT(leat_recv(c, &v));
		else if (how == 1)
			leat_send(also, 1);
		else
			leat_send(c, 1);
		leat_wg_wait(&group);
		EXPECT_EQ(got, how);
	}
	EXPECT_EQ(v, 1);
	leat_release(c);
	leat_release(also);
}

/* -- against close -- */

static void takes_until_closed(int_chan c, int_chan other, atomic_int *sum)
{
	bool ok;
	int v;

	do {
		v = 0;
		ok = true;
		leat_select(leat_on_recv(other, NULL),
			    leat_on_recv_ok(c, &v, &ok));
		atomic_fetch_add(sum, v);
	} while (ok);
}

GO_TEST(close_against_select_loses_nothing_that_was_sent, "R69 R75 R78 R97")
{
	for (int round = 0; round < (int)test_count(3000); round++) {
		int cap = caps[round % 4], items = cap + round % 3, to_c = 0;
		int_chan c = leat_make(int, cap), other = leat_make(int, 0);
		atomic_int sum = 0;
		leat_wg group = { 0 };

		for (int i = 0; i < 3; i++)
			leat_wg_go(&group, takes_until_closed, c, other, &sum);
		for (int i = 0; i < items; i++)
			to_c += !leat_select(leat_on_send(c, 1),
					     leat_on_send(other, 1));
		leat_close(c);
		leat_wg_wait(&group);
		EXPECT_EQ(atomic_load(&sum), to_c);
		EXPECT_EQ(leat_try_recv(c, &(int){ 0 }), -EPIPE);
		leat_release(c);
		leat_release(other);
	}
}

SUITE("select one")
