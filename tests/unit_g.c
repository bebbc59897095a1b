/*
 * unit_g.c - where Gs come from, and their numbers.
 */
#include "core/g.h"

#include "core/atomic.h"
#include "core/os.h"
#include "test.h"

#include <pthread.h>

enum { MANY = 20000 };

static struct g_cache cache;
static struct g *all[MANY];

static int by_address(const void *a, const void *b)
{
	uintptr_t x = *(const uintptr_t *)a, y = *(const uintptr_t *)b;

	return (x > y) - (x < y);
}

static void sort(void *words, size_t n)
{
	qsort(words, n, sizeof(uintptr_t), by_address);
}

/* -- one P -- */

static uint64_t id_of(struct g *g)
{
	return a_load(&g->id, relaxed);
}

TEST(those_taken_are_all_different, "R7")
{
	for (int i = 0; i < MANY; i++) {
		all[i] = g_take(&cache);
		EXPECT(all[i]);
	}
	sort(all, MANY);
	for (int i = 1; i < MANY; i++)
		EXPECT(all[i] >= all[i - 1] + 1);
}

TEST(the_one_given_back_last_is_taken_first, "R26")
{
	struct g *a = g_take(&cache), *b = g_take(&cache);

	g_give(&cache, a);
	g_give(&cache, b);
	EXPECT(g_take(&cache) == b);
	EXPECT(g_take(&cache) == a);
}

static size_t walked(void)
{
	size_t n = 0;

	while (g_at(n))
		n++;
	return n;
}

TEST(taking_and_giving_makes_no_new_ones, "R26")
{
	size_t before;

	for (int i = 0; i < 1000; i++)
		all[i] = g_take(&cache);
	before = walked();
	for (int round = 0; round < 100; round++) {
		for (int i = 0; i < 1000; i++)
			g_give(&cache, all[i]);
		for (int i = 0; i < 1000; i++)
			all[i] = g_take(&cache);
	}
	EXPECT_EQ(walked(), before);
}

TEST(a_drained_cache_leaves_all_to_others, "R26 R30")
{
	static struct g_cache other;
	size_t before;

	for (int i = 0; i < 100; i++)
		all[i] = g_take(&cache);
	before = walked();
	for (int i = 0; i < 100; i++)
		g_give(&cache, all[i]);
	g_cache_drain(&cache);
	EXPECT_EQ(cache.n, 0);
	for (size_t i = 0; i < before; i++)
		EXPECT(g_take(&other));
	EXPECT_EQ(walked(), before);
}

TEST(a_walk_finds_every_one_once, "R20 R22")
{
	for (int i = 0; i < MANY; i++)
		all[i] = g_take(&cache);
	sort(all, MANY);

	size_t found = 0, n = 0;

	for (struct g *g; (g = g_at(n)); n++)
		found += bsearch(&g, all, MANY, sizeof(*all), by_address) !=
			 NULL;
	EXPECT_EQ(found, MANY);
	EXPECT(n < MANY + 2 * 4096);
	EXPECT(!g_at(n + 1));
	EXPECT(!g_at(SIZE_MAX));
}

TEST(number_one_is_left_to_main, "R20")
{
	EXPECT_EQ(id_of(g_take_shared()), 2);
	EXPECT_EQ(id_of(g_take_shared()), 3);
	EXPECT_EQ(id_of(g_take(&cache)), 4);
}

TEST(without_memory_there_is_none_and_nothing_is_lost, "R30")
{
	EXPECT(os_fail("map", 1, true));
	EXPECT(!g_take(&cache));
	EXPECT(!g_take_shared());
	EXPECT(os_fail("map", 0, true));
	for (int i = 0; i < 4096; i++)
		EXPECT(g_take(&cache));
	EXPECT(walked() <= 4096);
	EXPECT(os_fail("map", 1, true));
	EXPECT(!g_take(&cache));
	EXPECT(os_fail("map", 0, true));
	EXPECT(g_take(&cache));
}

/* -- many Ps -- */

enum { THREADS = 4, HELD = 500, ROUNDS = 40 };

static uint64_t ids[THREADS][HELD * ROUNDS];

static void *takes_and_gives(void *arg)
{
	size_t t = (size_t)arg, n = 0;
	struct g_cache own = { 0 };
	struct g *held[HELD];

	for (size_t round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < HELD; i++) {
			bool shared = i % 8 == 0;

			held[i] = shared ? g_take_shared() : g_take(&own);
			EXPECT(held[i]);
			EXPECT_EQ(held[i]->parent, 0);
			held[i]->parent = 1; /* plain: two owners race */
			ids[t][n++] = id_of(held[i]);
		}
		for (int i = 0; i < HELD; i++) {
			held[i]->parent = 0;
			if (i % 16 == 0)
				g_give_shared(held[i]);
			else
				g_give(&own, held[i]);
		}
		if (round % 10 == 0)
			g_cache_drain(&own);
	}
	return NULL;
}

TEST(no_two_have_one_and_no_number_comes_twice, "R20 R26")
{
	pthread_t id[THREADS];

	for (size_t t = 0; t < THREADS; t++)
		pthread_create(&id[t], NULL, takes_and_gives, (void *)t);
	for (int t = 0; t < THREADS; t++)
		pthread_join(id[t], NULL);
	sort(ids, THREADS * HELD * ROUNDS);
	for (size_t i = 1; i < THREADS * HELD * ROUNDS; i++)
		EXPECT((&ids[0][0])[i] > (&ids[0][0])[i - 1]);
	EXPECT(ids[0][0] > 0);
	EXPECT(walked() <= 2 * 4096);
}

static _Atomic bool over;

static void *walks(void *unused)
{
	size_t n = 0;

	while (!a_load(&over, relaxed)) {
		size_t now = 0;

		for (struct g *g; (g = g_at(now)); now++)
			EXPECT_EQ(a_load(&g->state, relaxed), G_DEAD);
		EXPECT(now >= n);
		n = now;
	}
	return unused;
}

TEST(a_walk_while_others_make_more_finds_none_half_made, "R20 R22")
{
	pthread_t id;

	pthread_create(&id, NULL, walks, NULL);
	for (size_t i = 0; i < test_count(200000); i++)
		EXPECT(g_take(&cache));
	a_store(&over, true, relaxed);
	pthread_join(id, NULL);
}

SUITE("g")
