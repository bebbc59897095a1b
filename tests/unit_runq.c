/*
 * unit_runq.c - the ring of a P that others rob.
 */
#include "core/runq.h"

#include "test.h"

#include <pthread.h>

static struct runq q;

/* The queue never looks at what it holds: numbers will do. */
static struct g *item(uintptr_t n)
{
	return (struct g *)(n + 1);
}

static uintptr_t number(struct g *g)
{
	return (uintptr_t)g - 1;
}

/* As if so many had passed through. */
static void begin_at(uint32_t count)
{
	a_store(&q.head, count, relaxed);
	a_store(&q.tail, count, relaxed);
}

static void fill(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		EXPECT(runq_push(&q, item(i)));
}

/* -- one thread -- */

TEST(an_empty_queue_gives_nothing, "R27")
{
	struct g *out[RUNQ_CAP / 2];

	EXPECT(!runq_pop(&q));
	EXPECT_EQ(runq_grab(&q, out), 0);
	EXPECT_EQ(runq_len(&q), 0);
}

TEST(first_in_is_first_out, "R27")
{
	fill(100);
	EXPECT_EQ(runq_len(&q), 100);
	for (uint32_t i = 0; i < 100; i++)
		EXPECT_EQ(number(runq_pop(&q)), i);
	EXPECT(!runq_pop(&q));
}

TEST(a_full_queue_refuses_and_keeps_what_it_has, "R27")
{
	fill(RUNQ_CAP);
	EXPECT(!runq_push(&q, item(999)));
	EXPECT_EQ(runq_len(&q), RUNQ_CAP);
	for (uint32_t i = 0; i < RUNQ_CAP; i++)
		EXPECT_EQ(number(runq_pop(&q)), i);
}

TEST(the_counters_wrap, "R27")
{
	begin_at(UINT32_MAX - 10);
	for (int round = 0; round < 3; round++) {
		fill(RUNQ_CAP);
		EXPECT(!runq_push(&q, item(999)));
		EXPECT_EQ(runq_len(&q), RUNQ_CAP);
		for (uint32_t i = 0; i < RUNQ_CAP; i++)
			EXPECT_EQ(number(runq_pop(&q)), i);
	}
}

TEST(a_grab_takes_the_older_half_rounded_up, "R19 R27")
{
	struct g *out[RUNQ_CAP / 2];

	for (uint32_t n = 1; n <= RUNQ_CAP; n++) {
		begin_at(UINT32_MAX - n / 2); /* over the edge as well */
		fill(n);
		EXPECT_EQ(runq_grab(&q, out), (n + 1) / 2);
		for (uint32_t i = 0; i < (n + 1) / 2; i++)
			EXPECT_EQ(number(out[i]), i);
		for (uint32_t i = (n + 1) / 2; i < n; i++)
			EXPECT_EQ(number(runq_pop(&q)), i);
		EXPECT(!runq_pop(&q));
	}
}

/* -- an owner and thieves -- */

enum { THIEVES = 3, ITEMS = 1 << 20 };

static _Atomic uint8_t seen[ITEMS];
static _Atomic bool over;
static _Atomic size_t robbed;
static _Atomic int ready;

static void see(struct g *g)
{
	EXPECT(number(g) < ITEMS);
	EXPECT_EQ(a_add(&seen[number(g)], 1, relaxed), 0);
}

static void *robs(void *unused)
{
	struct g *out[RUNQ_CAP / 2];
	uint32_t n;

	a_add(&ready, 1, relaxed);
	do {
		n = runq_grab(&q, out);
		EXPECT(n <= RUNQ_CAP / 2);
		for (uint32_t i = 0; i < n; i++) {
			EXPECT(i == 0 || number(out[i]) > number(out[i - 1]));
			see(out[i]);
		}
		a_add(&robbed, n, relaxed);
	} while (n > 0 || !a_load(&over, relaxed));
	return unused;
}

/* Pushes in bursts, mostly short ones, so that it meets the thieves at the
 * same few slots, and pops some of them itself. */
static void owns(size_t items)
{
	for (size_t next = 0, burst = 0; next < items; burst++) {
		size_t most = burst % 64 ? burst % 4 : RUNQ_CAP + 9;
		struct g *g;

		for (size_t i = most; i > 0 && next < items; i--)
			if (runq_push(&q, item(next)))
				next++;
		for (size_t i = burst % 16; i > 0; i--)
			a_spin();
		for (size_t i = most / 2; i > 0; i--)
			if ((g = runq_pop(&q)))
				see(g);
	}
}

static void rob_all(int thieves)
{
	size_t items = test_count(ITEMS - 1);
	pthread_t id[THIEVES];
	struct g *g;

	begin_at(UINT32_MAX - (uint32_t)items / 2);
	for (int i = 0; i < thieves; i++)
		pthread_create(&id[i], NULL, robs, NULL);
	while (a_load(&ready, relaxed) < thieves)
		a_yield();
	owns(items);
	while ((g = runq_pop(&q)))
		see(g);
	a_store(&over, true, relaxed);
	for (int i = 0; i < thieves; i++)
		pthread_join(id[i], NULL);
	for (size_t i = 0; i < items; i++)
		EXPECT_EQ(a_load(&seen[i], relaxed), 1);
	printf("%zu of %zu robbed ", a_load(&robbed, relaxed), items);
}

TEST(with_one_thief_each_is_taken_once, "R19 R27")
{
	rob_all(1);
}

TEST(with_many_thieves_each_is_taken_once, "R19 R27")
{
	rob_all(THIEVES);
}

/* What was written before the push is there after the grab. */
static uint64_t payload[1024];

static void *robs_and_reads(void *unused)
{
	struct g *out[RUNQ_CAP / 2];
	uint32_t n;

	do {
		n = runq_grab(&q, out);
		for (uint32_t i = 0; i < n; i++)
			EXPECT_EQ(payload[number(out[i])], number(out[i]) + 5);
	} while (n > 0 || !a_load(&over, relaxed));
	return unused;
}

TEST(what_was_written_before_the_push_is_seen_by_the_thief, "R178")
{
	pthread_t id;

	pthread_create(&id, NULL, robs_and_reads, NULL);
	for (uintptr_t i = 0; i < 1024; i++) {
		payload[i] = i + 5;
		while (!runq_push(&q, item(i)))
			a_yield();
	}
	a_store(&over, true, relaxed);
	pthread_join(id, NULL);
}

SUITE("runq")
