/*
 * unit_wheel.c - the wheel beside a plain list that is searched from end to
 * end.
 */
#include "core/wheel.h"

#include "test.h"

enum { MANY = 300 };

static struct wheel w;
static struct spoke spoke[MANY];
static bool in[MANY];

static uint64_t chance(void)
{
	static uint64_t x = 88172645463325252ull;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

static size_t number(const struct spoke *s)
{
	return (size_t)(s - spoke);
}

/* The earliest of those that are in. */
static int64_t earliest(void)
{
	int64_t least = WHEEL_NEVER;

	for (size_t i = 0; i < MANY; i++)
		if (in[i] && spoke[i].when < least)
			least = spoke[i].when;
	return least;
}

static void add(size_t i, int64_t when)
{
	wheel_add(&w, &spoke[i], when);
	in[i] = true;
}

/* All that is due comes, the earliest first, and nothing else. */
static void expire(int64_t now)
{
	struct spoke *s;

	while ((s = wheel_expire(&w, now))) {
		EXPECT(in[number(s)]);
		EXPECT(s->when <= now);
		EXPECT_EQ(s->when, earliest());
		in[number(s)] = false;
	}
	for (size_t i = 0; i < MANY; i++)
		EXPECT(!in[i] || spoke[i].when > now);
}

/* Some time from now: of any magnitude, with as much chance for each. */
static int64_t span(int bits)
{
	return (int64_t)(chance() >>
			 (1 + 63 - (int)(chance() % (uint64_t)bits + 1)));
}

static int64_t later(int64_t now, int bits)
{
	int64_t d = span(bits);

	return d > WHEEL_NEVER - now ? WHEEL_NEVER : now + d;
}

TEST(an_empty_wheel_has_nothing_due, "R199 R202")
{
	EXPECT_EQ(wheel_next(&w), WHEEL_NEVER);
	EXPECT(!wheel_expire(&w, 1));
	EXPECT(!wheel_expire(&w, WHEEL_NEVER));
	EXPECT_EQ(wheel_next(&w), WHEEL_NEVER);
}

/* Adds, removals and jumps in time by chance; next is never too late, and is
 * exact where few are in a slot. */
static void at_random(int bits, int64_t now)
{
	memset(&w, 0, sizeof(w));
	memset(in, 0, sizeof(in));
	for (int step = 0; step < (int)test_count(20000); step++) {
		size_t i = chance() % MANY;

		switch (chance() % 8) {
		case 0:
			now = later(now, bits);
			expire(now);
			break;
		case 1:
			wheel_settle(&w);
			break;
		case 2:
		case 3:
			if (in[i])
				wheel_remove(&w, &spoke[i]);
			in[i] = false;
			break;
		default:
			if (!in[i])
				add(i, later(now, bits));
		}
		EXPECT(wheel_next(&w) <= earliest());
	}
	while (earliest() != WHEEL_NEVER)
		expire(earliest());
}

TEST(as_a_list_of_all_would_do_it, "R199 R202")
{
	static const int bits[] = { 8, 12, 20, 30, 40, 50, 62 };

	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		at_random(bits[i], 0);
		at_random(bits[i], (int64_t)(chance() >> 2));
	}
}

TEST(what_lies_behind_is_due_at_once_and_in_order, "R199")
{
	expire(1000000000);
	for (size_t i = 0; i < MANY; i++)
		add(i, (int64_t)(chance() % 1000000000));
	EXPECT_EQ(wheel_next(&w), earliest());
	expire(1000000000);
	EXPECT_EQ(wheel_next(&w), WHEEL_NEVER);
}

TEST(the_next_of_few_is_known_exactly, "R200 R201")
{
	for (int round = 0; round < 1000; round++) {
		int64_t now = span(50), next;

		memset(&w, 0, sizeof(w));
		expire(now);
		for (size_t i = 0; i < 5; i++)
			add(i, later(now, 62));
		wheel_settle(&w);
		next = earliest();
		EXPECT_EQ(wheel_next(&w), next);
		/* A moment before nothing is due. */
		if (next > now + 1) {
			EXPECT(!wheel_expire(&w, next - 1));
			EXPECT_EQ(wheel_next(&w), next);
		}
		expire(next);
		expire(WHEEL_NEVER);
	}
}

TEST(the_last_nanosecond_there_is, "R202")
{
	add(0, WHEEL_NEVER);
	add(1, WHEEL_NEVER - 1);
	wheel_settle(&w);
	EXPECT_EQ(wheel_next(&w), WHEEL_NEVER - 1);
	EXPECT(!wheel_expire(&w, WHEEL_NEVER - 2));
	EXPECT(wheel_expire(&w, WHEEL_NEVER) == &spoke[1]);
	EXPECT(wheel_expire(&w, WHEEL_NEVER) == &spoke[0]);
	EXPECT(!wheel_expire(&w, WHEEL_NEVER));
}

TEST(any_one_until_it_is_empty, "R200")
{
	int n = 0;

	for (size_t i = 0; i < MANY; i++) {
		add(i, span(60));
		if (i % 3 == 0)
			wheel_settle(&w);
	}
	while (wheel_any(&w))
		n++;
	EXPECT_EQ(n, MANY);
	EXPECT_EQ(wheel_next(&w), WHEEL_NEVER);
}

/* A million of one deadline, or in an order that is the worst for somebody, are
 * no more than a million of any. */
static struct spoke *crowd;
static int crowd_size;

static void crowd_at(int64_t from, int64_t step)
{
	struct spoke *s;
	int64_t last = 0;
	int n = 0;

	memset(&w, 0, sizeof(w));
	wheel_expire(&w, 1000000);
	for (int i = 0; i < crowd_size; i++)
		wheel_add(&w, &crowd[i], from + i * step);
	wheel_settle(&w);
	while ((s = wheel_expire(&w, WHEEL_NEVER))) {
		EXPECT(s->when >= last);
		last = s->when;
		n++;
	}
	EXPECT_EQ(n, crowd_size);
}

TEST(a_crowd_is_not_quadratic, "R200")
{
	crowd_size = test_under("qemu") ? 200000 : 1000000;
	crowd = (struct spoke *)malloc((size_t)crowd_size * sizeof(*crowd));
	EXPECT(crowd);
	crowd_at(5000000, 0);
	crowd_at(5000000, 1);
	crowd_at(5000000000, -1);
	crowd_at(900000, 0);
	crowd_at(100, 0);
	crowd_at(1999999, -1);
	free(crowd);
}

SUITE("wheel")
