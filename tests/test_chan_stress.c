/*
 * test_chan_stress.c - channels by chance: against a plain model of one, and
 * under load, with every item accounted for.
 *
 *	model     one goroutine, operations that do not wait; a channel and an
 *	          array do the same, step by step
 *
 *	load      sender 0: 0.0 0.1 0.2 ...  \                 /  receiver 0
 *	          sender 1: 1.0 1.1 1.2 ...   >   channel  -->    receiver 1
 *	          ...                        /                 \  ...
 *
 *	          a receiver sees the numbers of one sender grow; the only one
 *	          there is sees all; in the end each number was seen once
 *
 * Senders and receivers are goroutines, some of them threads that are not the
 * runtime's, and use each form of the operations by chance.  What fails says
 * its seed; LEAT_TEST_SEED=n begins with it.  The order in which threads run is
 * not in the seed.
 */
#include "leat.h"

#include "measure.h"
#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

static unsigned seed;

#define CHECK(cond)                                                            \
	do {                                                                   \
		if (!(cond))                                                   \
			test_fail(__FILE__, __LINE__, "LEAT_TEST_SEED=%u: %s", \
				  seed, #cond);                                \
	} while (0)

/* If the process dies or hangs, this is what the suite says. */
static void begin(void)
{
	const char *text = getenv("LEAT_TEST_SEED");

	seed = text ? (unsigned)strtoul(text, NULL, 10)
		    : ((unsigned)now_ns() ^ (unsigned)getpid()) % (1u << 30);
	snprintf(test_note->text, sizeof test_note->text,
		 "LEAT_TEST_SEED=%u: crashed, or did not end", seed);
	test_note->line = __LINE__;
	test_note->file = __FILE__;
}

static void end(void)
{
	test_note->file = NULL;
	printf("seed %u ", seed);
}

static unsigned chance(unsigned *state, unsigned n)
{
	*state = *state * 1664525 + 1013904223;
	return (*state >> 8) % n;
}

/* -- against a model -- */

enum { MOST = 9 };

/* An element of 12 bytes. */
struct item {
	int value, again, negative;
};

typedef leat_chan(struct item) items_chan;

static struct item item_of(int value)
{
	return (struct item){ value, value, -value };
}

static bool is_item(const struct item *i, int value)
{
	return i->value == value && i->again == value && i->negative == -value;
}

struct pair {
	items_chan c;
	int cap, len, first; /* the model: what is in it are the values from */
	bool closed;         /* first, one after the other */
	unsigned random;
};

static void make(struct pair *p)
{
	p->cap = (int)chance(&p->random, MOST + 1);
	p->c = leat_make(struct item, p->cap);
	p->len = 0;
	p->closed = false;
}

static int next(const struct pair *p)
{
	return p->first + p->len;
}

static void send_one(struct pair *p)
{
	int want = p->closed ? -EPIPE : p->len < p->cap ? 0 : -EAGAIN;
	struct item i = item_of(next(p));

	switch (chance(&p->random, 3)) {
	case 0:
		if (want != -EAGAIN) {
			CHECK(leat_offer(p->c, i) == want);
			break;
		}
		/* fall through */
	case 1:
		CHECK(leat_try_send(p->c, i) == want);
		break;
	default:
		if (want != 0)
			return;
		leat_send(p->c, i);
	}
	p->len += want == 0;
}

static void send_many(struct pair *p)
{
	int n = (int)chance(&p->random, MOST + 4), room = p->cap - p->len;
	int fit = n < room ? n : room;
	struct item batch[MOST + 4];

	if (n > 0 && (p->closed || room == 0))
		return; /* it would panic, or wait */
	for (int i = 0; i < n; i++)
		batch[i] = item_of(next(p) + i);
	CHECK(leat_send_n(p->c, batch, (size_t)n) == (size_t)fit);
	p->len += fit;
}

static void receive_one(struct pair *p)
{
	int want = p->len > 0 ? 0 : p->closed ? -EPIPE : -EAGAIN;
	int value = want == 0 ? p->first : want == -EPIPE ? 0 : -7;
	struct item got = item_of(-7);

	if (chance(&p->random, 2) && (p->closed || p->len > 0))
		CHECK(leat_recv(p->c, &got) == (want == 0));
	else
		CHECK(leat_try_recv(p->c, &got) == want);
	CHECK(is_item(&got, value));
	p->first += want == 0;
	p->len -= want == 0;
}

static void receive_many(struct pair *p)
{
	int n = (int)chance(&p->random, MOST + 4);
	int there = n < p->len ? n : p->len;
	struct item batch[MOST + 5];

	if (n > 0 && p->len == 0 && !p->closed)
		return; /* it would wait */
	batch[there] = item_of(-7);
	CHECK(leat_recv_n(p->c, batch, (size_t)n) == (size_t)there);
	for (int i = 0; i < there; i++)
		CHECK(is_item(&batch[i], p->first + i));
	CHECK(there == 0 || is_item(&batch[there], -7));
	p->first += there;
	p->len -= there;
}

static void drain(struct pair *p)
{
	if (!p->closed)
		return; /* it would wait */
	leat_range(i, p->c) {
		CHECK(is_item(&i, p->first));
		p->first++;
		p->len--;
		if (chance(&p->random, 4) == 0)
			return;
	}
	CHECK(p->len == 0);
}

static void shut(struct pair *p)
{
	CHECK(leat_shut(p->c) == (p->closed ? -EPIPE : 0));
	p->closed = true;
}

static void renew(struct pair *p)
{
	CHECK(leat_retain(p->c) == p->c);
	leat_release(p->c);
	leat_release(p->c);
	make(p);
}

static void step(struct pair *p)
{
	switch (chance(&p->random, 64)) {
	case 0:
		shut(p);
		break;
	case 1:
		if (p->closed)
			renew(p);
		break;
	case 2:
		drain(p);
		break;
	case 3 ... 20:
		send_one(p);
		break;
	case 21 ... 33:
		send_many(p);
		break;
	case 34 ... 50:
		receive_one(p);
		break;
	default:
		receive_many(p);
	}
	CHECK(leat_len(p->c) == (size_t)p->len);
	CHECK(leat_cap(p->c) == (size_t)p->cap);
}

TEST(a_channel_does_what_its_model_does, "R47 R61 R63 R66 R68 R69 R72 R85")
{
	struct pair p = { .first = 1 };

	begin();
	p.random = seed;
	make(&p);
	for (size_t i = 0; i < test_count(1000000); i++)
		step(&p);
	leat_release(p.c);
	end();
}

/* -- under load -- */

enum { SIDE = 10 }; /* at most so many senders */

typedef leat_chan(uint64_t) numbers;

static struct load {
	numbers c;
	size_t each; /* items of one sender */
	int receivers;
	atomic_int senders; /* who have not finished */
	atomic_uchar *seen[SIDE];
} load;

/* Some of the next items, in any way that sends; how many it was. */
static size_t send_some(uint64_t first, size_t n, unsigned *random)
{
	uint64_t batch[8];

	switch (chance(random, 4)) {
	case 0:
		leat_send(load.c, first);
		return 1;
	case 1:
		CHECK(leat_offer(load.c, first) == 0);
		return 1;
	case 2:
		if (leat_try_send(load.c, first) == 0)
			return 1;
		leat_yield();
		return 0;
	default:
		n = n < 8 ? n : 1 + chance(random, 8);
		for (size_t i = 0; i < n; i++)
			batch[i] = first + i;
		size_t sent = leat_send_n(load.c, batch, n);
		CHECK(sent >= 1 && sent <= n);
		memset(batch, 0xff, sizeof batch);
		return sent;
	}
}

static void sends(int me)
{
	unsigned random = seed + 1000 + (unsigned)me;

	for (size_t i = 0; i < load.each;)
		i += send_some((uint64_t)me << 32 | i, load.each - i, &random);
	if (atomic_fetch_sub(&load.senders, 1) == 1)
		leat_close(load.c);
}

/* The next item of that sender seen by this receiver. */
static void account(uint64_t item, int64_t last[SIDE])
{
	uint64_t sender = item >> 32;
	int64_t number = (int64_t)(item & UINT32_MAX);

	CHECK(sender < SIDE && load.seen[sender]);
	CHECK(number < (int64_t)load.each);
	CHECK(number > last[sender]);
	CHECK(load.receivers > 1 || number == last[sender] + 1);
	CHECK(atomic_fetch_add(&load.seen[sender][number], 1) == 0);
	last[sender] = number;
}

/* Some items, in any way that receives; false: it was the end. */
static bool receive_some(int64_t last[SIDE], unsigned *random)
{
	uint64_t batch[8];
	size_t n = 1;
	int rc;

	switch (chance(random, 4)) {
	case 0:
		n = leat_recv(load.c, batch);
		break;
	case 1:
		rc = leat_try_recv(load.c, batch);
		if (rc == -EAGAIN) {
			leat_yield();
			return true;
		}
		n = rc == 0;
		break;
	case 2:
		n = leat_recv_n(load.c, batch, 1 + chance(random, 8));
		break;
	default:
		leat_range(item, load.c) {
			account(item, last);
			if (chance(random, 8) == 0)
				return true;
		}
		return false;
	}
	CHECK(n <= 8 && leat_len(load.c) <= leat_cap(load.c));
	for (size_t i = 0; i < n; i++)
		account(batch[i], last);
	return n > 0;
}

static void receives(int me)
{
	unsigned random = seed + 2000 + (unsigned)me;
	int64_t last[SIDE];

	memset(last, 0xff, sizeof last);
	while (receive_some(last, &random))
		;
}

static void *sends_outside(void *me)
{
	sends((int)(intptr_t)me);
	return NULL;
}

static void *receives_outside(void *me)
{
	receives((int)(intptr_t)me);
	return NULL;
}

static void start_load(int cap, int senders, int receivers, size_t items)
{
	load = (struct load){
		.c = leat_make(uint64_t, cap),
		.each = items / (size_t)senders,
		.receivers = receivers,
		.senders = senders,
	};
	for (int i = 0; i < senders; i++)
		load.seen[i] = calloc(load.each, 1);
}

static void end_load(int senders)
{
	for (int i = 0; i < senders; i++) {
		for (size_t k = 0; k < load.each; k++)
			CHECK(atomic_load(&load.seen[i][k]) == 1);
		free(load.seen[i]);
	}
	CHECK(leat_len(load.c) == 0);
	leat_release(load.c);
}

/* Goroutines on both sides; and a thread on each, if there are threads. */
static void carry(int cap, int senders, int receivers, int threads,
		  size_t items)
{
	leat_wg group = { 0 };
	pthread_t id[2];

	start_load(cap, senders + threads, receivers + threads, items);
	for (int i = 0; i < receivers; i++)
		leat_wg_go(&group, receives, i);
	for (int i = 0; i < senders; i++)
		leat_wg_go(&group, sends, i);
	if (threads) {
		pthread_create(&id[0], NULL, receives_outside,
			       (void *)(intptr_t)receivers);
		pthread_create(&id[1], NULL, sends_outside,
			       (void *)(intptr_t)senders);
	}
	leat_wg_wait(&group);
	leat_block_enter();
	for (int i = 0; threads && i < 2; i++)
		pthread_join(id[i], NULL);
	leat_block_exit();
	end_load(senders + threads);
}

static void carry_all(int cap)
{
	size_t items = test_count(40000), few = test_count(2000);

	begin();
	carry(cap, 1, 1, 0, items);
	carry(cap, 4, 4, 0, items);
	carry(cap, 1, 8, 0, items);
	carry(cap, 8, 1, 0, items);
	carry(cap, 1, 1, 1, few);
	carry(cap, 4, 4, 1, few);
	carry(cap, 1, 8, 1, few);
	carry(cap, 8, 1, 1, few);
	end();
}

#define CARRIES(cap)                                                 \
	GO_TEST(nothing_is_lost_or_doubled_or_out_of_order_at_##cap, \
		"R31 R47 R60 R61 R62 R71 R80 R85")                   \
	{                                                            \
		carry_all(cap);                                      \
	}

CARRIES(0)
CARRIES(1)
CARRIES(2)
CARRIES(3)
CARRIES(16)
CARRIES(128)

/* -- close in the midst -- */

static struct storm {
	items_chan c;
	unsigned calm; /* how long before the close */
	atomic_int sent, received, sum, closed;
} storm;

static void sends_until_closed(int me)
{
	unsigned random = seed + (unsigned)me;
	int rc;

	for (int value = me;; value += 10) {
		if (chance(&random, 2)) {
			rc = leat_offer(storm.c, item_of(value));
		} else {
			rc = leat_try_send(storm.c, item_of(value));
			if (rc == -EAGAIN) {
				leat_yield();
				continue;
			}
		}
		if (rc == -EPIPE)
			return;
		CHECK(rc == 0);
		atomic_fetch_add(&storm.sent, 1);
		atomic_fetch_add(&storm.sum, value);
	}
}

static void receives_until_closed(int me)
{
	unsigned random = seed + (unsigned)me;
	struct item i[4];

	for (;;) {
		size_t n = leat_recv_n(storm.c, i, 1 + chance(&random, 4));

		if (n == 0)
			return;
		for (size_t k = 0; k < n; k++) {
			CHECK(is_item(&i[k], i[k].value));
			atomic_fetch_sub(&storm.sum, i[k].value);
		}
		atomic_fetch_add(&storm.received, (int)n);
	}
}

static void closes_by_and_by(void)
{
	for (unsigned i = 0; i < storm.calm; i++)
		leat_yield();
	if (leat_shut(storm.c) == 0)
		atomic_fetch_add(&storm.closed, 1);
}

static void *closes_outside(void *unused)
{
	closes_by_and_by();
	return unused;
}

static void *receives_to_the_end(void *unused)
{
	receives_until_closed(9);
	return unused;
}

/* What was accepted is received, what was refused is not; one close counts. */
static void rage(unsigned round)
{
	pthread_t id[2];
	leat_wg group = { 0 };
	bool threads = round % 16 == 0;

	storm = (struct storm){ .c = leat_make(struct item, round % 4) };
	storm.calm = round % 7;
	for (int i = 0; i < 3; i++) {
		leat_wg_go(&group, sends_until_closed, i);
		leat_wg_go(&group, receives_until_closed, i + 3);
	}
	for (int i = 0; threads && i < 2; i++)
		pthread_create(&id[i], NULL,
			       i ? receives_to_the_end : closes_outside, NULL);
	leat_wg_go(&group, closes_by_and_by);
	leat_wg_go(&group, closes_by_and_by);
	leat_wg_wait(&group);
	leat_block_enter();
	for (int i = 0; threads && i < 2; i++)
		pthread_join(id[i], NULL);
	leat_block_exit();
	CHECK(atomic_load(&storm.closed) == 1);
	CHECK(atomic_load(&storm.sent) == atomic_load(&storm.received));
	CHECK(atomic_load(&storm.sum) == 0);
	CHECK(leat_len(storm.c) == 0);
	leat_release(storm.c);
}

GO_TEST(what_is_accepted_before_a_close_is_received,
	"R31 R68 R69 R73 R75 R77 R78 R79")
{
	begin();
	for (unsigned round = 0; round < test_count(3000); round++)
		rage(round);
	end();
}

SUITE("chan stress")
