/*
 * unit_deque.c - the queue that only the owner of a P touches.
 */
#include "core/deque.h"

#include "test.h"

static struct deque q;

static struct g *item(uintptr_t n)
{
	return (struct g *)(n + 1);
}

static uintptr_t number(struct g *g)
{
	return (uintptr_t)g - 1;
}

static void begin_at(uint32_t count)
{
	a_store(&q.head, count, relaxed);
	a_store(&q.tail, count, relaxed);
}

static void fill(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		EXPECT(deque_push_back(&q, item(i)));
	EXPECT_EQ(deque_len(&q), n);
}

TEST(an_empty_one_gives_nothing_at_either_end, "R27")
{
	EXPECT(!deque_pop_front(&q));
	EXPECT(!deque_pop_back(&q));
	EXPECT_EQ(deque_len(&q), 0);
}

TEST(from_the_front_it_is_first_in_first_out, "R27")
{
	fill(100);
	for (uint32_t i = 0; i < 100; i++)
		EXPECT_EQ(number(deque_pop_front(&q)), i);
	EXPECT(!deque_pop_front(&q));
}

TEST(from_the_back_it_is_last_in_first_out, "R27")
{
	fill(100);
	for (uint32_t i = 100; i-- > 0;)
		EXPECT_EQ(number(deque_pop_back(&q)), i);
	EXPECT(!deque_pop_back(&q));
}

TEST(a_full_one_refuses_and_keeps_what_it_has, "R27")
{
	fill(DEQUE_CAP);
	EXPECT(!deque_push_back(&q, item(999)));
	for (uint32_t i = 0; i < DEQUE_CAP; i++)
		EXPECT_EQ(number(deque_pop_front(&q)), i);
}

TEST(the_counters_wrap_in_both_directions, "R27")
{
	begin_at(UINT32_MAX - 10);
	fill(DEQUE_CAP);
	EXPECT(!deque_push_back(&q, item(999)));
	for (uint32_t i = DEQUE_CAP; i-- > 1;)
		EXPECT_EQ(number(deque_pop_back(&q)), i);
	EXPECT_EQ(number(deque_pop_front(&q)), 0);
	EXPECT_EQ(deque_len(&q), 0);
	EXPECT(!deque_pop_back(&q));
}

/* The same as a plain array, whatever is done to it. */
TEST(it_does_what_a_plain_array_does, "R27")
{
	static uintptr_t model[1 << 16];
	size_t front = 0, back = 0;
	unsigned seed = 1;

	begin_at(UINT32_MAX - 1000);
	for (uintptr_t i = 0; back < (1 << 16) - 1; i++) {
		/* Mostly pushes, then mostly pops, in turn. */
		int what = rand_r(&seed) % 10, pushes = i / 500 % 2 ? 3 : 7;
		struct g *g;

		if (what < pushes) {
			bool room = back - front < DEQUE_CAP;

			EXPECT_EQ(deque_push_back(&q, item(i)), room);
			if (room)
				model[back++] = i;
			continue;
		}
		g = what % 2 ? deque_pop_front(&q) : deque_pop_back(&q);
		EXPECT_EQ(!g, front == back);
		if (g)
			EXPECT_EQ(number(g),
				  what % 2 ? model[front++] : model[--back]);
		EXPECT_EQ(deque_len(&q), back - front);
	}
}

SUITE("deque")
