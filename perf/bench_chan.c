/*
 * bench_chan.c - channels: from hand to hand, through a buffer, by the
 * thousand.
 *
 *	pingpong         bench --> pong --> bench, unbuffered; _locked: each end
 *	                 wired to its thread; _spin: under LEAT_IDLE=spin
 *	1x1_C, 4x4_C     senders --> one channel of capacity C --> receivers
 *	batch_128        1x1_128 in calls of 64; in Go one by one
 *	same             one goroutine sends and receives
 *	contended        sixteen of that kind, on one channel of sixteen
 *	wide_N           N times sender --> receiver, each pair with a channel of
 *	                 its own, unbuffered
 *	close_broadcast  a close, and the end of 10^4 who waited for it
 *	sieve_4000       2, 3, 4 ... --> filter of 2 --> filter of 3 --> filter of
 *	                 5 ...; what comes out is prime, and the next filter.
 *	                 After Go's test/chan/sieve1.go
 *
 * The figure is for one round trip, one item sent and received, one receiver
 * woken, or one sieve.
 */
#include "perf/bench.h"

#include "leat.h"

#include <errno.h>
#include <stdlib.h>

static leat_chan(long) make(ptrdiff_t cap)
{
	leat_chan(long) c = leat_make(long, cap);

	must(c ? 0 : -ENOMEM);
	return c;
}

static void *array(size_t n, size_t size)
{
	void *p = calloc(n, size);

	must(p ? 0 : -ENOMEM);
	return p;
}

/* Where the i-th of some equal parts of n begins. */
static uint64_t part(uint64_t n, int i, int parts)
{
	return n * (uint64_t)i / (uint64_t)parts;
}

/* 0 + 1 + ... + (n - 1), as far as it fits. */
static void check_sum(struct bench *b, uint64_t sum)
{
	uint64_t n = b->n, right = n % 2 ? (n - 1) / 2 * n : n / 2 * (n - 1);

	if (sum != right)
		bench_fail(b, "the sum is %ju", (uintmax_t)sum);
}

/* -- to and fro -- */

static void pong(leat_receiver(long) in, leat_sender(long) out, bool locked,
		 leat_wg *done)
{
	if (locked)
		leat_thread_lock();
	leat_range(ball, in)
		leat_send(out, ball + 1);
	if (locked)
		leat_thread_unlock();
	leat_wg_done(done);
}

/* The ball counts its turns; the first only shows that both are there. */
static void ping(struct bench *b, bool locked)
{
	leat_chan(long) out = make(0), back = make(0);
	leat_wg done = { 0 };
	long ball;

	leat_wg_add(&done, 1);
	must(leat_go(pong, leat_recv_end(out), leat_send_end(back), locked,
		     &done));
	if (locked)
		leat_thread_lock();
	leat_send(out, 0);
	leat_recv(back, &ball);
	bench_start(b);
	for (uint64_t i = 0; i < b->n; i++) {
		leat_send(out, ball);
		leat_recv(back, &ball);
	}
	bench_stop(b);
	if (locked)
		leat_thread_unlock();
	leat_close(out);
	leat_wg_wait(&done);
	if ((uint64_t)ball != b->n + 1)
		bench_fail(b, "%ld turns", ball);
	leat_release(out);
	leat_release(back);
}

BENCH(chan_pingpong)
{
	ping(b, false);
}

BENCH(chan_pingpong_locked)
{
	ping(b, true);
}

/* The same under LEAT_IDLE=spin, which the report sets. */
BENCH(chan_pingpong_locked_spin)
{
	ping(b, true);
}

/* -- through one channel -- */

typedef void sender(leat_sender(long) out, uint64_t from, uint64_t to,
		    leat_wg *done);
typedef void receiver(leat_receiver(long) in, uint64_t *sum, leat_wg *done);

static void send_each(leat_sender(long) out, uint64_t from, uint64_t to,
		      leat_wg *done)
{
	for (; from < to; from++)
		leat_send(out, (long)from);
	leat_wg_done(done);
}

static void receive_each(leat_receiver(long) in, uint64_t *sum, leat_wg *done)
{
	uint64_t mine = 0;

	leat_range(value, in)
		mine += (uint64_t)value;
	*sum = mine;
	leat_wg_done(done);
}

enum { PAIRS = 4, BATCH = 64 };

static void flow(struct bench *b, int pairs, ptrdiff_t cap, sender *send,
		 receiver *receive)
{
	leat_chan(long) c = make(cap);
	leat_wg sent = { 0 }, received = { 0 };
	uint64_t sum[PAIRS] = { 0 };

	leat_wg_add(&sent, pairs);
	leat_wg_add(&received, pairs);
	bench_start(b);
	for (int i = 0; i < pairs; i++) {
		must(leat_go(receive, leat_recv_end(c), &sum[i], &received));
		must(leat_go(send, leat_send_end(c), part(b->n, i, pairs),
			     part(b->n, i + 1, pairs), &sent));
	}
	leat_wg_wait(&sent);
	leat_close(c);
	leat_wg_wait(&received);
	bench_stop(b);
	check_sum(b, sum[0] + sum[1] + sum[2] + sum[3]);
	leat_release(c);
}

#define FLOW(pairs, cap)                                      \
	BENCH(chan_##pairs##x##pairs##_##cap)                 \
	{                                                     \
		flow(b, pairs, cap, send_each, receive_each); \
	}

FLOW(1, 0)
FLOW(1, 1)
FLOW(1, 16)
FLOW(1, 128)
FLOW(1, 1024)
FLOW(4, 0)
FLOW(4, 1)
FLOW(4, 16)
FLOW(4, 128)
FLOW(4, 1024)

static void send_batches(leat_sender(long) out, uint64_t from, uint64_t to,
			 leat_wg *done)
{
	long batch[BATCH];

	while (from < to) {
		size_t n = 0, sent = 0;

		while (n < BATCH && from < to)
			batch[n++] = (long)from++;
		while (sent < n)
			sent += leat_send_n(out, batch + sent, n - sent);
	}
	leat_wg_done(done);
}

static void receive_batches(leat_receiver(long) in, uint64_t *sum,
			    leat_wg *done)
{
	long batch[BATCH];
	uint64_t mine = 0;
	size_t n;

	while ((n = leat_recv_n(in, batch, BATCH)) > 0)
		while (n > 0)
			mine += (uint64_t)batch[--n];
	*sum = mine;
	leat_wg_done(done);
}

BENCH(chan_batch_128)
{
	flow(b, 1, 128, send_batches, receive_batches);
}

BENCH(chan_same)
{
	leat_chan(long) c = make(128);
	uint64_t sum = 0;

	bench_start(b);
	for (uint64_t i = 0; i < b->n; i++) {
		long value;

		leat_send(c, (long)i);
		leat_recv(c, &value);
		sum += (uint64_t)value;
	}
	bench_stop(b);
	check_sum(b, sum);
	leat_release(c);
}

enum { CONTENDERS = 16 };

/* Nobody ever waits for room, or for a value: each has at most one in it. */
static void contend(leat_chan(long) c, uint64_t from, uint64_t to,
		    uint64_t *sum, leat_wg *done)
{
	uint64_t mine = 0;

	for (; from < to; from++) {
		long value;

		leat_send(c, (long)from);
		leat_recv(c, &value);
		mine += (uint64_t)value;
	}
	*sum = mine;
	leat_wg_done(done);
}

BENCH(chan_contended)
{
	leat_chan(long) c = make(CONTENDERS);
	uint64_t sum[CONTENDERS], all = 0;
	leat_wg done = { 0 };

	leat_wg_add(&done, CONTENDERS);
	bench_start(b);
	for (int i = 0; i < CONTENDERS; i++)
		must(leat_go(contend, c, part(b->n, i, CONTENDERS),
			     part(b->n, i + 1, CONTENDERS), &sum[i], &done));
	leat_wg_wait(&done);
	bench_stop(b);
	for (int i = 0; i < CONTENDERS; i++)
		all += sum[i];
	check_sum(b, all);
	leat_release(c);
}

/* -- through many channels -- */

enum { TURN = 10 }; /* items of a pair that count as one operation */

static void wide_send(leat_sender(long) out, uint64_t n, leat_wg *gate,
		      leat_wg *done)
{
	leat_wg_wait(gate);
	for (uint64_t i = 0; i < n; i++)
		leat_send(out, 1);
	leat_wg_done(done);
}

static void wide_receive(leat_receiver(long) in, uint64_t n, uint64_t *sum,
			 leat_wg *done)
{
	uint64_t mine = 0;

	for (long value; mine < n; mine += (uint64_t)value)
		leat_recv(in, &value);
	*sum = mine;
	leat_wg_done(done);
}

static void wide(struct bench *b, int pairs)
{
	leat_chan(long) *c = array((size_t)pairs, sizeof(*c));
	uint64_t *sum = array((size_t)pairs, sizeof(*sum)), n = b->n * TURN;
	leat_wg gate = { 0 }, done = { 0 };

	leat_wg_add(&gate, 1);
	leat_wg_add(&done, 2 * pairs);
	for (int i = 0; i < pairs; i++) {
		c[i] = make(0);
		must(leat_go(wide_receive, leat_recv_end(c[i]), n, &sum[i],
			     &done));
		must(leat_go(wide_send, leat_send_end(c[i]), n, &gate, &done));
	}
	leat_yield();
	bench_start(b);
	leat_wg_done(&gate);
	leat_wg_wait(&done);
	bench_stop(b);
	bench_each(b, (double)b->ns / ((double)n * pairs));
	for (int i = 0; i < pairs; i++) {
		if (sum[i] != n)
			bench_fail(b, "pair %d: %ju items", i,
				   (uintmax_t)sum[i]);
		leat_release(c[i]);
	}
	free(c);
	free(sum);
}

BENCH(chan_wide_2)
{
	wide(b, 2);
}

BENCH(chan_wide_1e5)
{
	wide(b, 100000);
}

/* -- close -- */

enum { LISTENERS = 10000 };

static void listen(leat_receiver(long) in, leat_wg *here, leat_wg *gone,
		   bool *heard)
{
	leat_wg_done(here);
	*heard = !leat_recv(in, NULL);
	leat_wg_done(gone);
}

/* From the close to the end of the last one. */
static void broadcast(struct bench *b)
{
	static bool heard[LISTENERS];
	leat_chan(long) c = make(0);
	leat_wg here = { 0 }, gone = { 0 };

	leat_wg_add(&here, LISTENERS);
	leat_wg_add(&gone, LISTENERS);
	for (int i = 0; i < LISTENERS; i++) {
		heard[i] = false;
		must(leat_go(listen, leat_recv_end(c), &here, &gone,
			     &heard[i]));
	}
	leat_wg_wait(&here);
	bench_start(b);
	leat_close(c);
	leat_wg_wait(&gone);
	bench_stop(b);
	for (int i = 0; i < LISTENERS; i++)
		if (!heard[i])
			bench_fail(b, "listener %d heard nothing", i);
	leat_release(c);
}

BENCH(close_broadcast)
{
	int64_t ns = 0;

	for (uint64_t i = 0; i < b->n; i++) {
		broadcast(b);
		ns += b->ns;
	}
	b->ns = ns;
	bench_each(b, (double)ns / ((double)b->n * LISTENERS));
}

/* -- the sieve -- */

enum { PRIMES = 4000, LAST_PRIME = 37813 };

static void generate(leat_sender(long) out)
{
	for (long i = 2; i <= LAST_PRIME; i++)
		leat_send(out, i);
	leat_close(out);
	leat_release(out);
}

static void filter(leat_receiver(long) in, leat_sender(long) out, long prime)
{
	leat_range(i, in)
		if (i % prime != 0)
			leat_send(out, i);
	leat_close(out);
	leat_release(out);
	leat_release(in);
}

static void sieve(struct bench *b)
{
	leat_chan(long) in = make(0), out;
	long prime = 0, n = 0;

	must(leat_go(generate, leat_send_end(leat_retain(in))));
	for (long i; leat_recv(in, &i); in = out) {
		out = make(0);
		must(leat_go(filter, leat_recv_end(in),
			     leat_send_end(leat_retain(out)), i));
		prime = i;
		n++;
	}
	if (n != PRIMES || prime != LAST_PRIME)
		bench_fail(b, "%ld primes up to %ld", n, prime);
	leat_release(in);
}

BENCH(sieve_4000)
{
	bench_start(b);
	for (uint64_t i = 0; i < b->n; i++)
		sieve(b);
	bench_stop(b);
}
