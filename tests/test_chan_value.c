/*
 * test_chan_value.c - what travels through channels: range, ends, elements of
 * every size, references.
 *
 *	maker      make --> 1        retain --> 2        release
 *	user                                             ...
 *	                                         the last release frees it, with
 *	                                         what is left in it
 */
#include "leat.h"

#include "measure.h"
#include "test.h"
#include "waits.h"

#include <complex.h>
#include <errno.h>
#include <stdatomic.h>

typedef leat_chan(int) ints;

/* -- range -- */

static void sends_all(ints c, int n)
{
	for (int i = 0; i < n; i++)
		leat_send(c, i);
	leat_close(c);
}

GO_TEST(range_receives_until_closed_and_drained, "R85")
{
	for (int cap = 0; cap < 4; cap++) {
		ints c = leat_make(int, cap);
		leat_wg group = { 0 };
		int next = 0;

		leat_wg_go(&group, sends_all, c, 1000);
		leat_range(v, c)
			EXPECT_EQ(v, next++);
		EXPECT_EQ(next, 1000);
		leat_wg_wait(&group);
		leat_release(c);
	}
}

GO_TEST(a_range_may_be_left_and_taken_up_again, "R85")
{
	ints c = leat_make(int, 10);
	int next = 0;

	sends_all(c, 10);
	leat_range(v, c) {
		EXPECT_EQ(v, next++);
		if (v < 2)
			continue;
		if (v == 4)
			break;
	}
	EXPECT_EQ(leat_len(c), 5);
	leat_range(v, c)
		EXPECT_EQ(v, next++);
	EXPECT_EQ(next, 10);
	leat_release(c);
}

/* Across the end of the ring, at which slots begin anew. */
GO_TEST(a_batch_may_be_dropped, "R61 R84")
{
	ints c = leat_make(int, 5);
	int sent = 0, v;

	for (int lap = 0; lap < 20; lap++) {
		for (int i = 0; i < 5; i++)
			leat_send(c, sent++);
		EXPECT_EQ(leat_recv_n(c, NULL, 4), 4);
		EXPECT(leat_recv(c, &v) && v == sent - 1);
	}
	leat_close(c);
	EXPECT_EQ(leat_recv_n(c, NULL, 4), 0);
	leat_release(c);
}

static ints once(ints c, int *asked)
{
	++*asked;
	return c;
}

GO_TEST(range_evaluates_its_channel_once, "R85")
{
	ints c = leat_make(int, 3);
	int asked = 0;

	sends_all(c, 3);
	leat_range(v, once(c, &asked))
		EXPECT(v < 3);
	EXPECT_EQ(asked, 1);
	leat_release(c);
}

static void squares(leat_receiver(int) in, leat_sender(int) out)
{
	leat_range(v, in)
		leat_send(out, v * v);
	leat_close(out);
}

GO_TEST(ranges_make_a_chain, "R53 R54 R58 R85")
{
	ints a = leat_make(int, 0), b = leat_make(int, 1);
	leat_wg group = { 0 };
	int n = 0;

	leat_wg_go(&group, sends_all, a, 100);
	leat_wg_go(&group, squares, leat_recv_end(a), leat_send_end(b));
	leat_range(v, b) {
		EXPECT_EQ(v, n * n);
		n++;
	}
	EXPECT_EQ(n, 100);
	leat_wg_wait(&group);
	leat_release(a);
	leat_release(b);
}

typedef leat_chan(ints) chans;

static void sends_channels(chans out, leat_wg *group)
{
	for (int n = 0; n < 20; n++) {
		ints c = leat_make(int, n % 3);

		leat_wg_go(group, sends_all, leat_retain(c), n);
		leat_send(out, c);
	}
	leat_close(out);
}

GO_TEST(a_channel_of_channels_is_ranged_over_in_two_loops, "R49 R51 R85")
{
	chans all = leat_make(ints, 2);
	leat_wg group = { 0 };
	ints kept[20];
	int n = 0;

	leat_wg_go(&group, sends_channels, all, &group);
	leat_range(c, all) {
		int next = 0;

		leat_range(v, c)
			EXPECT_EQ(v, next++);
		EXPECT_EQ(next, n);
		kept[n++] = c;
	}
	EXPECT_EQ(n, 20);
	leat_wg_wait(&group);
	for (int i = 0; i < n; i++) {
		leat_release(kept[i]); /* ours, and its sender's */
		leat_release(kept[i]);
	}
	leat_release(all);
}

/* -- directions -- */

typedef leat_sender(int) int_sender;
typedef leat_receiver(int) int_receiver;

#define SAME(a, b) __builtin_types_compatible_p(a, b)

static_assert(SAME(ints, leat_chan(int)) && SAME(int_sender, leat_sender(int)),
	      "a type is the same wherever it is written");
static_assert(!SAME(ints, int_sender) && !SAME(ints, int_receiver) &&
		      !SAME(int_sender, int_receiver) &&
		      !SAME(ints, leat_chan(unsigned)),
	      "directions and elements are types");

GO_TEST(an_end_is_the_same_channel, "R51 R53 R54")
{
	ints c = leat_make(int, 3);
	int_sender tx = leat_send_end(c), tx2 = leat_send_end(tx);
	int_receiver rx = leat_recv_end(c), rx2 = leat_recv_end(rx);
	int v;

	leat_send(tx, 1);
	EXPECT_EQ(leat_offer(tx2, 2), 0);
	EXPECT_EQ(leat_try_send(tx, 3), 0);
	EXPECT_EQ(leat_len(tx) + leat_cap(tx), 6);
	EXPECT(leat_recv(rx, &v));
	EXPECT_EQ(v, 1);
	EXPECT_EQ(leat_try_recv(rx2, &v), 0);
	EXPECT_EQ(v, 2);
	EXPECT_EQ(leat_len(rx) + leat_cap(rx), 4);
	EXPECT_EQ(leat_shut(tx2), 0);
	EXPECT(leat_recv(c, &v));
	EXPECT_EQ(v, 3);
	leat_range(w, rx)
		EXPECT_EQ(w, -1);
	leat_release(leat_retain(tx));
	leat_release(leat_retain(rx));
	leat_release(rx2);
}

/* -- elements -- */

#define TRAVELS(T, value)                               \
	do {                                            \
		leat_chan(T) c_ = leat_make(T, 2);      \
		const __typeof__(T) in_ = value;        \
		__typeof__(T) out_;                     \
                                                        \
		leat_send(c_, in_);                     \
		EXPECT_EQ(leat_try_send(c_, in_), 0);   \
		EXPECT(leat_recv(c_, &out_));           \
		EXPECT(out_ == in_);                    \
		EXPECT_EQ(leat_try_recv(c_, &out_), 0); \
		EXPECT(out_ == in_);                    \
		leat_close(c_);                         \
		EXPECT(!leat_recv(c_, &out_));          \
		EXPECT(out_ == (__typeof__(T))0);       \
		leat_release(c_);                       \
	} while (0)

enum colour { RED, GREEN, BLUE };
typedef int (*function)(const char *);

GO_TEST(values_of_any_scalar_type_travel, "R49")
{
	ints c = leat_make(int, 0);

	TRAVELS(bool, true);
	TRAVELS(char, 'x');
	TRAVELS(short, -2);
	TRAVELS(float, 1.5f);
	TRAVELS(double, -1.0 / 3);
	TRAVELS(long double, 1.0L / 3);
	TRAVELS(double complex, 1.0 + 2.0 * I);
	TRAVELS(__int128, (__int128)1 << 100);
	TRAVELS(enum colour, BLUE);
	TRAVELS(const char *, "a text");
	TRAVELS(function, atoi);
	TRAVELS(ints, c);
	leat_release(c);
}

/* What a test of sizes needs of a type of n bytes. */
struct kind {
	size_t size;
	void *(*make)(ptrdiff_t cap);
	void (*send)(void *c, const void *p);
	size_t (*send_n)(void *c, const void *p, size_t n);
	bool (*recv)(void *c, void *p);
	size_t (*recv_n)(void *c, void *p, size_t n);
	void (*close)(void *c);
	void (*release)(void *c);
};

#define SIZE(n)                                                             \
	struct size_##n {                                                   \
		unsigned char byte[n];                                      \
	};                                                                  \
	typedef leat_chan(struct size_##n) chan_##n;                        \
	static void *make_##n(ptrdiff_t cap)                                \
	{                                                                   \
		return (void *)leat_make(struct size_##n, cap);             \
	}                                                                   \
	static void send_##n(void *c, const void *p)                        \
	{                                                                   \
		leat_send((chan_##n)c, *(const struct size_##n *)p);        \
	}                                                                   \
	static size_t send_n_##n(void *c, const void *p, size_t count)      \
	{                                                                   \
		return leat_send_n((chan_##n)c, p, count);                  \
	}                                                                   \
	static bool recv_##n(void *c, void *p)                              \
	{                                                                   \
		return leat_recv((chan_##n)c, p);                           \
	}                                                                   \
	static size_t recv_n_##n(void *c, void *p, size_t count)            \
	{                                                                   \
		return leat_recv_n((chan_##n)c, p, count);                  \
	}                                                                   \
	static void close_##n(void *c)                                      \
	{                                                                   \
		leat_close((chan_##n)c);                                    \
	}                                                                   \
	static void release_##n(void *c)                                    \
	{                                                                   \
		leat_release((chan_##n)c);                                  \
	}                                                                   \
	GO_TEST(values_of_##n##_bytes_arrive_whole, "R49 R50")              \
	{                                                                   \
		static const struct kind kind = { n,         make_##n,      \
						  send_##n,  send_n_##n,    \
						  recv_##n,  recv_n_##n,    \
						  close_##n, release_##n }; \
		travels(&kind);                                             \
	}

enum { BATCH = 3, EDGE = 64 };

/* Values as they are sent, and what is received, with edges around. */
static unsigned char sent[BATCH * 70000], got[EDGE + BATCH * 70000 + EDGE];

static void prepare(const struct kind *k, unsigned seed)
{
	for (size_t i = 0; i < BATCH * k->size; i++)
		sent[i] = (unsigned char)(rand_r(&seed) >> 8);
	memset(got, 0xee, sizeof got);
}

/* n values, the first being the from-th, and nothing beside them. */
static void expect_values(const struct kind *k, size_t from, size_t n)
{
	size_t bytes = n * k->size;

	EXPECT(!memcmp(got + EDGE, sent + from * k->size, bytes));
	for (size_t i = 0; i < EDGE; i++)
		EXPECT(got[i] == 0xee && got[EDGE + bytes + i] == 0xee);
}

static void expect_zero(const struct kind *k, void *c)
{
	memset(got, 0xee, sizeof got);
	EXPECT(!k->recv(c, got + EDGE));
	memset(sent, 0, k->size);
	expect_values(k, 0, 1);
}

static void through_a_buffer(const struct kind *k)
{
	void *c = k->make(BATCH);

	for (unsigned lap = 0; lap < 5; lap++) {
		prepare(k, lap);
		for (size_t i = 0; i < BATCH; i++)
			k->send(c, sent + i * k->size);
		EXPECT_EQ(k->recv_n(c, got + EDGE, 2 * BATCH), BATCH);
		expect_values(k, 0, BATCH);

		prepare(k, lap + 100);
		EXPECT_EQ(k->send_n(c, sent, BATCH), BATCH);
		for (size_t i = 0; i < BATCH; i++) {
			EXPECT(k->recv(c, got + EDGE));
			expect_values(k, i, 1);
		}
		k->send(c, sent); /* begin one further on */
		EXPECT(k->recv(c, NULL));
	}
	k->close(c);
	expect_zero(k, c);
	k->release(c);
}

static void sends_value(const struct kind *k, void *c)
{
	about_to_wait();
	k->send(c, sent + k->size);
}

static void receives_value(const struct kind *k, void *c)
{
	about_to_wait();
	EXPECT(k->recv(c, got + EDGE));
}

static void from_hand_to_hand(const struct kind *k, ptrdiff_t cap)
{
	void *c = k->make(cap);
	leat_wg group = { 0 };

	prepare(k, 7);
	for (ptrdiff_t i = 0; i < cap; i++)
		k->send(c, sent);
	leat_wg_go(&group, sends_value, k, c);
	until_waiting(1);
	for (ptrdiff_t i = 0; i <= cap; i++)
		EXPECT(k->recv(c, got + EDGE));
	expect_values(k, 1, 1);
	leat_wg_wait(&group);

	prepare(k, 8);
	leat_wg_go(&group, receives_value, k, c);
	until_waiting(1);
	k->send(c, sent + 2 * k->size);
	leat_wg_wait(&group);
	expect_values(k, 2, 1);
	k->close(c);
	expect_zero(k, c);
	k->release(c);
}

static void travels(const struct kind *k)
{
	leat_procs_set(1);
	through_a_buffer(k);
	from_hand_to_hand(k, 0);
	from_hand_to_hand(k, 1);
}

SIZE(1)
SIZE(2)
SIZE(3)
SIZE(4)
SIZE(8)
SIZE(16)
SIZE(24)
SIZE(100)
SIZE(4096)
SIZE(70000)

/* It takes a while to copy: others come in the middle. */
struct large {
	uint64_t word[1024];
};

typedef leat_chan(struct large) larges;

static void sends_large(larges c, int me, int n)
{
	struct large v;

	for (int i = 0; i < n; i++) {
		for (int k = 0; k < 1024; k++)
			v.word[k] = (uint64_t)me << 32 | (unsigned)i;
		leat_send(c, v);
	}
}

static void receives_large(larges c, int n)
{
	struct large v;

	while (n-- > 0) {
		EXPECT(leat_recv(c, &v));
		for (int k = 1; k < 1024; k++)
			EXPECT(v.word[k] == v.word[0]);
	}
}

GO_TEST(large_values_are_never_torn, "R49 R50 R62")
{
	int n = (int)test_count(500);

	for (int cap = 0; cap < 4; cap++) {
		larges c = leat_make(struct large, cap);
		leat_wg group = { 0 };

		for (int i = 0; i < 4; i++) {
			leat_wg_go(&group, sends_large, c, i, n);
			leat_wg_go(&group, receives_large, c, n);
		}
		leat_wg_wait(&group);
		leat_release(c);
	}
}

static void signals(leat_chan(leat_signal) c, int n)
{
	for (int i = 0; i < n; i++)
		leat_send(c, (leat_signal){});
}

GO_TEST(signals_have_no_bytes_and_are_counted, "R47 R49 R88")
{
	for (int cap = 0; cap < 5; cap++) {
		leat_chan(leat_signal) c = leat_make(leat_signal, cap);
		int n = (int)test_count(100000);
		leat_wg group = { 0 };
		leat_signal v;

		EXPECT_EQ(sizeof(v), 0);
		leat_wg_go(&group, signals, c, n);
		for (int i = 0; i < n; i++) {
			EXPECT(leat_recv(c, &v));
			EXPECT(leat_len(c) <= (size_t)cap);
		}
		leat_wg_wait(&group);
		EXPECT_EQ(leat_try_recv(c, &v), -EAGAIN);
		leat_close(c);
		EXPECT(!leat_recv(c, &v));
		leat_release(c);
	}
}

/* -- references -- */

static void gives_up(ints c, int n)
{
	for (int i = 0; i < n; i++)
		leat_send(c, i);
	leat_release(c);
}

static void takes(ints c, int n)
{
	while (n-- > 0)
		EXPECT(leat_recv(c, NULL));
	leat_release(c);
}

/* The maker is gone before anything happens: the users keep the channel. */
static void starts_users(int cap, leat_wg *group)
{
	ints c = leat_make(int, cap);

	for (int i = 0; i < 4; i++) {
		leat_wg_go(group, gives_up, leat_retain(c), 100);
		leat_wg_go(group, takes, leat_retain(c), 100);
	}
	leat_release(c);
}

GO_TEST(a_channel_lives_until_its_last_user_lets_go, "R51 R52")
{
	leat_wg group = { 0 };

	for (int round = 0; round < (int)test_count(500); round++)
		starts_users(round % 4, &group);
	leat_wg_wait(&group);
}

struct block {
	char bytes[65536];
};

GO_TEST(the_last_release_frees_what_is_left_in_it, "R52")
{
	static struct block block = { "filled" };
	long before = 0;

	for (int round = 0; round < 100; round++) {
		leat_chan(struct block) c = leat_make(struct block, 64);

		EXPECT(leat_retain(c) == c);
		for (int i = 0; i < 64; i++)
			leat_send(c, block);
		leat_release(c);
		EXPECT_EQ(leat_len(c), 64);
		leat_release(c);
		if (round == 40)
			before = resident_kb();
	}
	/* What is freed, the address sanitizer keeps for a while. */
	if (!test_under("asan"))
		EXPECT(resident_kb() < before + 16384);
}

static void closes(ints c)
{
	leat_close(c);
	leat_release(c);
}

static void drains(ints c)
{
	leat_range(v, c)
		EXPECT_EQ(v, 1);
	leat_release(c);
}

GO_TEST(whoever_is_last_frees_a_closed_channel, "R52 R78")
{
	leat_wg group = { 0 };

	for (int round = 0; round < (int)test_count(5000); round++) {
		ints c = leat_make(int, round % 3);

		for (int i = 0; i < 3; i++)
			leat_wg_go(&group, drains, leat_retain(c));
		leat_send(c, 1);
		leat_wg_go(&group, closes, c);
		if (round % 16 == 0)
			leat_wg_wait(&group);
	}
	leat_wg_wait(&group);
}

SUITE("chan value")
