/*
 * unit_inject.c - the queue of a node.
 */
#include "core/inject.h"

#include "core/g.h"
#include "core/os.h"
#include "test.h"

#include <pthread.h>

enum { MANY = 10000 };

static struct inject q;
static struct g all[MANY];

static size_t number(struct g *g)
{
	EXPECT(g >= all && g < all + MANY);
	return (size_t)(g - all);
}

/* all[from .. from + n), in one piece. */
static void push(size_t from, uint32_t n)
{
	struct g *some[MANY];

	for (uint32_t i = 0; i < n; i++)
		some[i] = &all[from + i];
	inject_push(&q, some, n);
}

/* At most n come, in order from `from`; how many. */
static uint32_t take(size_t from, uint32_t n)
{
	struct g *some[MANY];
	uint32_t got = inject_take(&q, some, n);

	EXPECT(got <= n);
	for (uint32_t i = 0; i < got; i++)
		EXPECT_EQ(number(some[i]), from + i);
	return got;
}

TEST(an_empty_queue_of_a_node_gives_nothing, "R27")
{
	EXPECT_EQ(take(0, 10), 0);
	EXPECT_EQ(inject_len(&q), 0);
}

TEST(batches_come_out_in_order_whatever_their_size, "R27")
{
	size_t in = 0, out = 0;
	unsigned seed = 1;

	while (out < MANY) {
		uint32_t n = (uint32_t)rand_r(&seed) % 700;

		if (n > MANY - in)
			n = (uint32_t)(MANY - in);
		push(in, n);
		in += n;
		out += take(out, (uint32_t)rand_r(&seed) % 500);
		EXPECT_EQ(inject_len(&q), in - out);
	}
}

TEST(it_grows_to_hold_all, "R7 R27")
{
	for (size_t i = 0; i < MANY; i++)
		push(i, 1);
	EXPECT_EQ(inject_len(&q), MANY);
	EXPECT_EQ(take(0, MANY), MANY);
	EXPECT_EQ(inject_len(&q), 0);
}

TEST(it_grows_when_its_oldest_is_in_the_middle, "R7 R27")
{
	size_t out = 0;

	push(0, 400);
	out += take(out, 300);
	for (size_t in = 400; in < MANY; in += 100) {
		push(in, 100);
		out += take(out, 50);
	}
	out += take(out, MANY);
	EXPECT_EQ(out, MANY);
}

TEST(without_memory_nothing_is_refused_and_order_is_kept, "R27 R30")
{
	size_t in = 0, out = 0;

	push(0, 100);
	in = 100;
	EXPECT(os_fail("map", 1, true));
	push(in, 3000);
	in += 3000;
	out += take(out, 200);
	EXPECT_EQ(out, 200);
	EXPECT(os_fail("map", 0, true));
	push(in, 2000); /* memory again, but the list goes first */
	in += 2000;
	out += take(out, 4000);
	EXPECT_EQ(out, 4200);
	push(in, 3000);
	in += 3000;
	out += take(out, MANY);
	EXPECT_EQ(out, in);
	EXPECT_EQ(inject_len(&q), 0);
}

TEST(without_memory_from_the_first_it_works_too, "R27 R30")
{
	EXPECT(os_fail("map", 1, true));
	push(0, 500);
	EXPECT_EQ(take(0, 200), 200);
	push(500, 500);
	EXPECT_EQ(take(200, MANY), 800);
}

/* -- threads -- */

enum { PRODUCERS = 3, CONSUMERS = 3, EACH = 3000 };

static _Atomic uint8_t seen[MANY];
static _Atomic size_t left = (size_t)PRODUCERS * EACH;

static void *produces(void *arg)
{
	size_t at = (size_t)arg * EACH, end = at + EACH;
	unsigned seed = 1 + (unsigned)at;

	while (at < end) {
		uint32_t n = 1 + (uint32_t)rand_r(&seed) % 40;

		if (n > end - at)
			n = (uint32_t)(end - at);
		push(at, n);
		at += n;
	}
	return NULL;
}

static void *consumes(void *unused)
{
	struct g *some[64];
	size_t last[PRODUCERS] = { 0 };

	while (a_load(&left, relaxed) > 0) {
		uint32_t n = inject_take(&q, some, 64);

		for (uint32_t i = 0; i < n; i++) {
			size_t k = number(some[i]);

			/* Those of one producer come in its order. */
			EXPECT(k >= last[k / EACH]);
			last[k / EACH] = k;
			EXPECT_EQ(a_add(&seen[k], 1, relaxed), 0);
		}
		a_sub(&left, n, relaxed);
	}
	return unused;
}

static void everybody(void)
{
	pthread_t id[PRODUCERS + CONSUMERS];

	for (size_t i = 0; i < PRODUCERS + CONSUMERS; i++)
		pthread_create(&id[i], NULL,
			       i < PRODUCERS ? produces : consumes, (void *)i);
	for (int i = 0; i < PRODUCERS + CONSUMERS; i++)
		pthread_join(id[i], NULL);
	for (size_t i = 0; i < PRODUCERS * EACH; i++)
		EXPECT_EQ(a_load(&seen[i], relaxed), 1);
	EXPECT_EQ(inject_len(&q), 0);
}

TEST(threads_together_lose_none_and_take_none_twice, "R27 R31")
{
	everybody();
}

TEST(nor_do_they_when_memory_is_short, "R27 R30 R31")
{
	EXPECT(os_fail("map", 2, true));
	everybody();
}

SUITE("inject")
