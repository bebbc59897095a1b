/*
 * bench_select.c - one of several channels.
 *
 *	ready     a sender to two unbuffered channels in turn, a receiver that
 *	          selects from both: one item
 *	filled    a value from one of two full buffers, and back into it
 *	default   from two empty channels, without waiting: nothing
 *	blocked   a ball to and fro, each side waiting in a select that has a
 *	          channel nobody sends on as well: one round trip
 *	done_N    N times a sender --> a receiver that selects from a channel of
 *	          its own and from one that all N share and nobody closes: one item
 */
#include "perf/bench.h"

#include "leat.h"

#include <errno.h>

static leat_chan(long) make(ptrdiff_t cap)
{
	leat_chan(long) c = leat_make(long, cap);

	must(c ? 0 : -ENOMEM);
	return c;
}

static void send_in_turn(leat_sender(long) even, leat_sender(long) odd,
			 uint64_t n, leat_wg *done)
{
	for (uint64_t i = 0; i < n; i++)
		leat_send(i % 2 ? odd : even, (long)i);
	leat_wg_done(done);
}

BENCH(select_ready)
{
	leat_chan(long) even = make(0), odd = make(0);
	leat_wg done = { 0 };
	uint64_t wrong = 0;

	leat_wg_add(&done, 1);
	bench_start(b);
	must(leat_go(send_in_turn, leat_send_end(even), leat_send_end(odd),
		     b->n, &done));
	for (uint64_t i = 0; i < b->n; i++) {
		long value;

		switch (leat_select(leat_on_recv(even, &value),
				    leat_on_recv(odd, &value))) {
		case 0:
			wrong += value % 2 != 0 || (uint64_t)value != i;
			break;
		case 1:
			wrong += value % 2 != 1 || (uint64_t)value != i;
			break;
		}
	}
	bench_stop(b);
	leat_wg_wait(&done);
	if (wrong)
		bench_fail(b, "%ju in the wrong place", (uintmax_t)wrong);
	leat_release(even);
	leat_release(odd);
}

enum { FULL = 128 };

BENCH(select_filled)
{
	leat_chan(long) x = make(FULL), y = make(FULL);

	for (long i = 0; i < FULL; i++) {
		leat_send(x, i);
		leat_send(y, i);
	}
	bench_start(b);
	for (uint64_t i = 0; i < b->n; i++) {
		long value;

		switch (leat_select(leat_on_recv(x, &value),
				    leat_on_recv(y, &value))) {
		case 0:
			leat_send(x, value);
			break;
		case 1:
			leat_send(y, value);
			break;
		}
	}
	bench_stop(b);
	if (leat_len(x) != FULL || leat_len(y) != FULL)
		bench_fail(b, "%zu and %zu are left", leat_len(x), leat_len(y));
	leat_release(x);
	leat_release(y);
}

BENCH(select_default)
{
	leat_chan(long) x = make(0), y = make(0);
	uint64_t none = 0;

	bench_start(b);
	for (uint64_t i = 0; i < b->n; i++)
		none += leat_try_select(leat_on_recv(x, NULL),
					leat_on_recv(y, NULL)) == -1;
	bench_stop(b);
	if (none != b->n)
		bench_fail(b, "it was none %ju times", (uintmax_t)none);
	leat_release(x);
	leat_release(y);
}

static void select_pong(leat_receiver(long) in, leat_receiver(long) never,
			leat_sender(long) out, leat_wg *done)
{
	bool open = true;
	long ball;

	for (;;) {
		leat_select(leat_on_recv_ok(in, &ball, &open),
			    leat_on_recv(never, NULL));
		if (!open)
			break;
		leat_send(out, ball + 1);
	}
	leat_wg_done(done);
}

BENCH(select_blocked)
{
	leat_chan(long) out = make(0), back = make(0), never = make(0);
	leat_wg done = { 0 };
	long ball = 0;

	leat_wg_add(&done, 1);
	must(leat_go(select_pong, leat_recv_end(out), leat_recv_end(never),
		     leat_send_end(back), &done));
	bench_start(b);
	for (uint64_t i = 0; i < b->n; i++) {
		leat_send(out, ball);
		leat_select(leat_on_recv(back, &ball),
			    leat_on_recv(never, NULL));
	}
	bench_stop(b);
	leat_close(out);
	leat_wg_wait(&done);
	if ((uint64_t)ball != b->n)
		bench_fail(b, "%ld turns", ball);
	leat_release(out);
	leat_release(back);
	leat_release(never);
}

static void give(leat_sender(long) work, uint64_t n, leat_wg *gone)
{
	while (n-- > 0)
		leat_send(work, 1);
	leat_close(work);
	leat_wg_done(gone);
}

static void take(leat_receiver(long) work, leat_receiver(long) done,
		 uint64_t *sum, leat_wg *gone)
{
	bool open = true;
	long value;

	*sum = 0;
	for (;;) {
		leat_select(leat_on_recv_ok(work, &value, &open),
			    leat_on_recv(done, NULL));
		if (!open)
			break;
		*sum += (uint64_t)value;
	}
	leat_wg_done(gone);
}

enum { MOST = 128 };

static void select_done(struct bench *b, uint64_t pairs)
{
	leat_chan(long) work[MOST], done = make(0);
	uint64_t sum[MOST], all = 0;
	leat_wg gone = { 0 };

	leat_wg_add(&gone, 2 * (int)pairs);
	bench_start(b);
	for (uint64_t i = 0; i < pairs; i++) {
		uint64_t n = b->n * (i + 1) / pairs - b->n * i / pairs;

		work[i] = make(0);
		must(leat_go(take, leat_recv_end(work[i]), leat_recv_end(done),
			     &sum[i], &gone));
		must(leat_go(give, leat_send_end(work[i]), n, &gone));
	}
	leat_wg_wait(&gone);
	bench_stop(b);
	for (uint64_t i = 0; i < pairs; i++) {
		all += sum[i];
		leat_release(work[i]);
	}
	if (all != b->n)
		bench_fail(b, "%ju items", (uintmax_t)all);
	leat_release(done);
}

BENCH(select_done_2)
{
	select_done(b, 2);
}

BENCH(select_done_16)
{
	select_done(b, 16);
}

BENCH(select_done_128)
{
	select_done(b, 128);
}
