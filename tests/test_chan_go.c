/*
 * test_chan_go.c - programs that Go's channels are tested with, retold; done
 * channels; and what happened before.
 *
 *	sieve    2 3 4 5 ... --> |not 2x| --> |not 3x| --> |not 5x| --> ...
 *	chain    1 --> +1 --> +1 --> ... --> 10,001
 *	series   coefficients of a power series, one after the other; a sum or a
 *	         product is a process that reads two and writes one
 */
#include "leat.h"

#include "test.h"

#include <errno.h>
#include <stdatomic.h>

typedef leat_chan(int) ints;

/* -- lines of processes -- */

static void counts_up(leat_sender(int) out, int from, int to)
{
	for (int i = from; i < to; i++)
		leat_send(out, i);
	leat_close(out);
}

static void leaves_out(leat_receiver(int) in, leat_sender(int) out, int prime)
{
	leat_range(v, in)
		if (v % prime != 0)
			leat_send(out, v);
	leat_close(out);
}

static bool is_prime(int n)
{
	for (int i = 2; i * i <= n; i++)
		if (n % i == 0)
			return false;
	return true;
}

static int next_prime(int n)
{
	while (!is_prime(++n))
		;
	return n;
}

/* A filter for each prime that comes through the filters before it. */
static void sieve(int cap, int limit)
{
	ints line[1000] = { leat_make(int, cap) };
	leat_wg group = { 0 };
	int n = 0, prime, last = 1;

	leat_wg_go(&group, counts_up, leat_send_end(line[0]), 2, limit);
	for (; leat_recv(line[n], &prime); n++) {
		EXPECT_EQ(prime, next_prime(last));
		last = prime;
		line[n + 1] = leat_make(int, cap);
		leat_wg_go(&group, leaves_out, leat_recv_end(line[n]),
			   leat_send_end(line[n + 1]), prime);
	}
	EXPECT(next_prime(last) >= limit);
	leat_wg_wait(&group);
	for (int i = 0; i <= n; i++)
		leat_release(line[i]);
}

GO_TEST(a_line_of_filters_sieves_the_primes, "R58 R64 R85")
{
	sieve(0, (int)test_count(3000));
	sieve(1, (int)test_count(3000));
	sieve(10, (int)test_count(3000));
}

static void takes_its_turn(ints c, int mine, leat_receiver(leat_signal) before,
			   leat_sender(leat_signal) after)
{
	int v;

	leat_recv(before, NULL);
	EXPECT(leat_recv(c, &v));
	EXPECT_EQ(v, mine);
	leat_send(after, (leat_signal){});
}

GO_TEST(a_daisy_chain_receives_in_turn, "R60 R61 R80")
{
	enum { N = 100 };
	leat_chan(leat_signal) turn[N + 1];
	ints c = leat_make(int, 0);
	leat_wg group = { 0 };

	turn[0] = leat_make(leat_signal, 0);
	for (int i = 0; i < N; i++) {
		turn[i + 1] = leat_make(leat_signal, 0);
		leat_wg_go(&group, takes_its_turn, c, i, leat_recv_end(turn[i]),
			   leat_send_end(turn[i + 1]));
	}
	leat_send(turn[0], (leat_signal){});
	for (int i = 0; i < N; i++)
		leat_send(c, i);
	leat_recv(turn[N], NULL);
	leat_wg_wait(&group);
	for (int i = 0; i <= N; i++)
		leat_release(turn[i]);
	leat_release(c);
}

static void adds_one(ints left, ints right)
{
	int v;

	EXPECT(leat_recv(right, &v));
	leat_send(left, v + 1);
	leat_release(left);
	leat_release(right);
}

/* Each holds the channels on both sides: to have received a value does not
 * show that who sent it has let go. */
static void chain(int n, int cap)
{
	ints first = leat_make(int, cap), left = leat_retain(first);
	leat_wg group = { 0 };
	int v;

	for (int i = 0; i < n; i++) {
		ints right = leat_make(int, cap);

		EXPECT_EQ(
			leat_wg_go(&group, adds_one, left, leat_retain(right)),
			0);
		left = right;
	}
	leat_send(left, 1);
	EXPECT(leat_recv(first, &v));
	EXPECT_EQ(v, n + 1);
	leat_wg_wait(&group);
	leat_release(left);
	leat_release(first);
}

GO_TEST(a_chain_of_ten_thousand_goroutines_passes_a_value_on, "R6 R64 R80")
{
	/* The thread sanitizer bears 8,128 at once. */
	int n = test_under("tsan") ? 2000 : (int)test_count(10000);

	chain(n, 0);
	chain(n, 1);
}

static void works(leat_receiver(int) jobs, leat_sender(int) results)
{
	leat_range(job, jobs) {
		if (job % 5 == 0)
			leat_yield();
		leat_send(results, job * 2);
	}
}

static void closes_after(leat_wg *workers, ints results)
{
	leat_wg_wait(workers);
	leat_close(results);
}

GO_TEST(twenty_three_consumers_share_the_work, "R61 R62 R85 R87")
{
	enum { WORKERS = 23 };
	int n = (int)test_count(50000);
	ints jobs = leat_make(int, WORKERS), results = leat_make(int, WORKERS);
	leat_wg group = { 0 }, workers = { 0 };
	long sum = 0;

	for (int i = 0; i < WORKERS; i++)
		leat_wg_go(&workers, works, leat_recv_end(jobs),
			   leat_send_end(results));
	leat_wg_go(&group, counts_up, leat_send_end(jobs), 0, n);
	leat_wg_go(&group, closes_after, &workers, results);
	leat_range(v, results)
		sum += v;
	EXPECT_EQ(sum, (long)n * (n - 1));
	leat_wg_wait(&group);
	leat_release(jobs);
	leat_release(results);
}

/* -- without waiting -- */

#define MEETS(name, T, value)                              \
	static void name##_sends(leat_chan(T) c)           \
	{                                                  \
		leat_send(c, value);                       \
	}                                                  \
	static void name##_receives(leat_chan(T) c)        \
	{                                                  \
		__typeof__(T) v;                           \
                                                           \
		EXPECT(leat_recv(c, &v));                  \
		EXPECT(v == value);                        \
	}                                                  \
	static void name##_meets(int cap)                  \
	{                                                  \
		leat_chan(T) c = leat_make(T, cap);        \
		leat_wg group = { 0 };                     \
		__typeof__(T) v;                           \
                                                           \
		EXPECT_EQ(leat_try_recv(c, &v), -EAGAIN);  \
		leat_wg_go(&group, name##_receives, c);    \
		while (leat_try_send(c, value) == -EAGAIN) \
			leat_yield();                      \
		leat_wg_wait(&group);                      \
		leat_wg_go(&group, name##_sends, c);       \
		while (leat_try_recv(c, &v) == -EAGAIN)    \
			leat_yield();                      \
		EXPECT(v == value);                        \
		leat_wg_wait(&group);                      \
		leat_release(c);                           \
	}

static const char *const text = "hello";

MEETS(int32, int32_t, 123)
MEETS(int64, int64_t, -1234567890123)
MEETS(truth, bool, true)
MEETS(string, const char *, text)

GO_TEST(who_does_not_wait_meets_who_does, "R66 R67 R71 R72 R80")
{
	for (int round = 0; round < (int)test_count(2000); round++) {
		int32_meets(round % 3);
		int64_meets(round % 3);
		truth_meets(round % 3);
		string_meets(round % 3);
	}
}

static void must_not_wait(ints c)
{
	EXPECT(leat_try_recv(c, NULL) != -EAGAIN);
}

GO_TEST(between_a_value_and_a_close_there_is_no_gap, "R66 R68 R76")
{
	for (int round = 0; round < (int)test_count(20000); round++) {
		ints c = leat_make(int, 1);
		leat_wg group = { 0 };

		leat_send(c, 1);
		leat_wg_go(&group, must_not_wait, c);
		leat_close(c);
		leat_recv(c, NULL);
		leat_wg_wait(&group);
		leat_release(c);
	}
}

/* -- power series, modulo a prime -- */

enum { TERMS = 24, PRIME = 1000003 };

typedef leat_chan(long) series;

static long power(long base, int n)
{
	long half = n > 1 ? power(base * base % PRIME, n / 2) : 1;

	return n % 2 ? half * base % PRIME : half;
}

static long inverse(long n)
{
	return power(n, PRIME - 2);
}

/* A reference for who writes it and one for who reads it. */
static series series_of(int cap)
{
	return leat_retain(leat_make(long, cap));
}

static void end(series out)
{
	leat_close(out);
	leat_release(out);
}

/* Two of one: with room, as they are not read in step. */
static void doubles(series in, series a, series b)
{
	leat_range(v, in) {
		leat_send(a, v);
		leat_send(b, v);
	}
	end(a);
	end(b);
	leat_release(in);
}

static void scales(long by, series in, series out)
{
	leat_range(v, in)
		leat_send(out, v * by % PRIME);
	end(out);
	leat_release(in);
}

/* a + b + xc, which is as long. */
static void adds_up(series a, series b, series c, series out)
{
	long x, y, z = 0;

	while (leat_recv(a, &x) && leat_recv(b, &y)) {
		leat_send(out, (x + y + z) % PRIME);
		leat_recv(c, &z);
	}
	end(out);
	leat_release(a);
	leat_release(b);
	leat_release(c);
}

/* (f0 + xF)(g0 + xG) = f0 g0 + x (f0 G + g0 F + x F G) */
static void multiplies(series f, series g, series out)
{
	series s[8];
	long f0, g0;

	if (!leat_recv(f, &f0) || !leat_recv(g, &g0)) {
		end(out);
		leat_release(f);
		leat_release(g);
		return;
	}
	for (int i = 0; i < 8; i++)
		s[i] = series_of(TERMS);
	leat_go(doubles, f, s[0], s[1]);
	leat_go(doubles, g, s[2], s[3]);
	leat_go(scales, g0, s[0], s[4]);
	leat_go(scales, f0, s[2], s[5]);
	leat_go(multiplies, s[1], s[3], s[6]);
	leat_go(adds_up, s[4], s[5], s[6], s[7]);
	leat_send(out, f0 * g0 % PRIME);
	leat_range(v, s[7])
		leat_send(out, v);
	end(out);
	leat_release(s[7]);
}

/* e^x is one more than its own integral: the series feeds itself. */
static void exponential(series out)
{
	series self = leat_make(long, 1);
	long v;

	leat_send(self, 1);
	for (long n = 1; n <= TERMS && leat_recv(self, &v); n++) {
		leat_send(out, v);
		leat_send(self, v * inverse(n) % PRIME);
	}
	end(out);
	leat_release(self);
}

GO_TEST(power_series_multiply_by_processes, "R51 R52 R64 R85")
{
	for (int round = 0; round < (int)test_count(20); round++) {
		series e = series_of(0), f = series_of(1),
		       product = series_of(round % 3);
		long factorial = 1;
		int n = 0;

		leat_go(exponential, e);
		leat_go(exponential, f);
		leat_go(multiplies, e, f, product);
		leat_range(v, product) { /* e^x e^x = e^2x: 2^n / n! */
			EXPECT_EQ(v * factorial % PRIME, power(2, n));
			factorial = factorial * ++n % PRIME;
		}
		EXPECT_EQ(n, TERMS);
		leat_release(product);
		while (leat_goroutine_count() > 1)
			leat_yield();
	}
}

/* -- done channels -- */

static void until_done(leat_receiver(leat_signal) done, atomic_long *turns)
{
	while (leat_try_recv(done, NULL) == -EAGAIN) {
		atomic_fetch_add(turns, 1);
		leat_yield();
	}
}

GO_TEST(one_close_stops_any_number_of_children, "R23 R109 R110")
{
	leat_chan(leat_signal) done = leat_make(leat_signal, 0);
	leat_wg group = { 0 };
	atomic_long turns = 0;

	for (int i = 0; i < 100; i++)
		leat_wg_go(&group, until_done, leat_recv_end(done), &turns);
	while (atomic_load(&turns) < 1000)
		leat_yield();
	leat_close(done);
	leat_wg_wait(&group);
	leat_release(done);
}

GO_TEST(who_starts_after_the_close_is_done_at_once, "R111")
{
	leat_chan(leat_signal) done = leat_make(leat_signal, 0);
	leat_wg group = { 0 };
	atomic_long turns = 0;

	leat_close(done);
	for (int i = 0; i < 100; i++)
		leat_wg_go(&group, until_done, leat_recv_end(done), &turns);
	leat_wg_wait(&group);
	EXPECT_EQ(atomic_load(&turns), 0);
	leat_release(done);
}

static void reports(leat_sender(leat_signal) finished, atomic_int *n)
{
	atomic_fetch_add(n, 1);
	leat_send(finished, (leat_signal){});
}

GO_TEST(a_signal_from_each_child_ends_the_wait, "R87")
{
	for (int cap = 0; cap < 3; cap++) {
		leat_chan(leat_signal) finished = leat_make(leat_signal, cap);
		leat_wg group = { 0 };
		atomic_int n = 0;

		for (int i = 0; i < 1000; i++)
			leat_wg_go(&group, reports, leat_send_end(finished),
				   &n);
		for (int i = 0; i < 1000; i++)
			EXPECT(leat_recv(finished, NULL));
		EXPECT_EQ(atomic_load(&n), 1000);
		leat_wg_wait(&group); /* they have let go of the channel */
		leat_release(finished);
	}
}

/* -- what happened before -- */

enum { ROUNDS = 20000, SLOTS = 8 };

static struct {
	int value[SLOTS]; /* plain: the channel orders them */
	int answer[SLOTS];
} shared;

static void reads(ints c, int n, int cap)
{
	for (int i = 0; i < n; i++) {
		int v;

		/* The send of number i + cap waits for this receive. */
		shared.answer[i % SLOTS] = i + 1;
		EXPECT(leat_recv(c, &v));
		EXPECT_EQ(v, i);
		EXPECT_EQ(shared.value[i % SLOTS], i);
		if (i % 64 == cap)
			leat_yield();
	}
}

static void ordered(int cap)
{
	int n = (int)test_count(ROUNDS);
	ints c = leat_make(int, cap);
	leat_wg group = { 0 };

	leat_wg_go(&group, reads, c, n, cap);
	for (int i = 0; i < n; i++) {
		shared.value[i % SLOTS] = i;
		leat_send(c, i);
		if (i >= cap)
			EXPECT_EQ(shared.answer[(i - cap) % SLOTS],
				  i - cap + 1);
		if (i % 50 == 7)
			leat_yield();
	}
	leat_wg_wait(&group);
	leat_release(c);
}

GO_TEST(what_was_before_a_send_is_seen_after_its_receive, "R62 R178")
{
	for (int cap = 0; cap <= 3; cap++)
		ordered(cap);
}

static void adds(leat_chan(leat_signal) lock, long *sum, int n)
{
	for (int i = 0; i < n; i++) {
		leat_send(lock, (leat_signal){});
		++*sum;
		leat_recv(lock, NULL);
	}
}

GO_TEST(a_channel_of_one_is_a_lock, "R47 R62 R178")
{
	leat_chan(leat_signal) lock = leat_make(leat_signal, 1);
	int n = (int)test_count(20000);
	leat_wg group = { 0 };
	long sum = 0;

	for (int i = 0; i < 8; i++)
		leat_wg_go(&group, adds, lock, &sum, n);
	leat_wg_wait(&group);
	EXPECT_EQ(sum, 8l * n);
	leat_release(lock);
}

static void sees(leat_receiver(leat_signal) done, const long *plain, long want)
{
	EXPECT(!leat_recv(done, NULL));
	EXPECT_EQ(*plain, want);
}

GO_TEST(what_was_before_a_close_is_seen_after_it, "R78 R109 R178")
{
	long plain = 0;

	for (long round = 1; round <= (long)test_count(2000); round++) {
		leat_chan(leat_signal) done = leat_make(leat_signal, round % 2);
		leat_wg group = { 0 };

		for (int i = 0; i < 4; i++)
			leat_wg_go(&group, sees, leat_recv_end(done), &plain,
				   round);
		if (round % 4 < 2)
			leat_yield();
		plain = round;
		leat_close(done);
		leat_wg_wait(&group);
		leat_release(done);
	}
}

SUITE("chan go")
