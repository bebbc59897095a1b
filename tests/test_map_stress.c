/*
 * test_map_stress.c - maps used by many at once.
 *
 *	who      goroutines and threads that are not the runtime's, together
 *	what     every key and every reference is accounted for at the end
 */
#include "everybody.h"
#include "leat.h"
#include "test.h"
#include "things.h"

#include <errno.h>
#include <stdatomic.h>

static unsigned chance(unsigned *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 17;
	return *x ^= *x << 5;
}

static leat_map map;

/* -- keys -- */

enum { KEYS = 64, ROUNDS = 100000 };

static atomic_long inserted[KEYS], deleted[KEYS];

static void churn(unsigned me)
{
	unsigned x = me * 7919 + 1;

	for (size_t i = test_count(ROUNDS); i > 0; i--) {
		unsigned key = chance(&x) % KEYS, got;
		uintptr_t was;

		switch (chance(&x) % 4) {
		case 0:
			if (leat_map_load_or_store(&map, key, key, &was) == 0)
				inserted[key]++;
			EXPECT_EQ(was % KEYS, key);
			break;
		case 1:
			if (leat_map_load_and_delete(&map, key, &was)) {
				deleted[key]++;
				EXPECT_EQ(was % KEYS, key);
			}
			break;
		case 2:
			got = chance(&x) / KEYS * KEYS + key;
			if (leat_map_swap(&map, key, got, &was) == 0)
				inserted[key]++;
			else
				EXPECT_EQ(was % KEYS, key);
			break;
		default:
			if (leat_map_load(&map, key, &was) &&
			    leat_map_compare_and_delete(&map, key, was))
				deleted[key]++;
		}
		if (me >= THREADS && i % 64 == 0)
			leat_yield();
	}
}

GO_TEST(no_key_is_lost_or_there_twice_under_churn, "R173")
{
	size_t keys = 0;

	everybody(churn);
	for (unsigned key = 0; key < KEYS; key++) {
		bool there = leat_map_load(&map, key, NULL);

		EXPECT_EQ(inserted[key] - deleted[key], there);
		keys += there;
	}
	EXPECT_EQ(leat_map_len(&map), keys);
	leat_map_free(&map);
}

enum { COUNTERS = 3, ADDS = 20000 };

static void add(unsigned me)
{
	for (size_t i = test_count(ADDS); i > 0; i--) {
		uintptr_t key = (i + me) % COUNTERS, was = 0;

		do
			if (leat_map_load_or_store(&map, key, 1, &was) == 0)
				break;
		while (leat_map_compare_and_swap(&map, key, was, was + 1) != 1);
	}
}

GO_TEST(counters_in_a_map_have_exact_totals, "R173 R174 E21")
{
	uintptr_t got, sum = 0;

	everybody(add);
	for (int key = 0; key < COUNTERS; key++) {
		EXPECT(leat_map_load(&map, key, &got));
		sum += got;
	}
	EXPECT_EQ(sum, ALL * test_count(ADDS));
	leat_map_free(&map);
}

/* -- ranges -- */

enum { STABLE = 1000, RANGES = 40 };

struct census {
	unsigned char met[2 * STABLE];
};

static atomic_int ranging;

static bool meet(const void *key, void *value, void *arg)
{
	struct census *c = arg;

	EXPECT_EQ(key, value);
	EXPECT_EQ(c->met[(uintptr_t)key]++, 0);
	return true;
}

static void range_or_disturb(unsigned me)
{
	unsigned x = me + 1;

	for (size_t i = test_count(RANGES); me == THREADS && i > 0; i--) {
		struct census c = { { 0 } };

		EXPECT_EQ(leat_map_range(&map, meet, &c), 0);
		for (int key = 0; key < 2 * STABLE; key += 2)
			EXPECT_EQ(c.met[key], 1);
		if (i == 1)
			ranging = 0;
	}
	while (ranging) {
		uintptr_t key = chance(&x) % STABLE * 2;

		leat_map_store(&map, key, key);
		if (chance(&x) % 2)
			leat_map_store(&map, key + 1, key + 1);
		else
			leat_map_delete(&map, key + 1);
		if (me >= THREADS)
			leat_yield();
	}
}

GO_TEST(a_range_meets_what_stays_once_while_others_come_and_go, "R173")
{
	ranging = 1;
	for (uintptr_t key = 0; key < 2 * STABLE; key += 2)
		leat_map_store(&map, key, key);
	everybody(range_or_disturb);
	leat_map_free(&map);
}

/* -- references -- */

static bool looks(const void *key, void *value, void *arg)
{
	(void)arg;
	EXPECT_EQ(((struct thing *)value)->key, (uintptr_t)key);
	return true;
}

static void store_some(unsigned key, unsigned how)
{
	struct thing *mine = new_thing(key), *got = NULL;

	switch (how % 4) {
	case 0:
		EXPECT_EQ(leat_map_store(&map, key, mine), 0);
		break;
	case 1:
		if (leat_map_swap(&map, key, mine, &got) == 1)
			used(got, key);
		break;
	case 2:
		leat_map_load_or_store(&map, key, mine, &got);
		used(got, key);
		break;
	default:
		if (leat_map_load(&map, key, &got)) {
			leat_map_compare_and_swap(&map, key, got, mine);
			used(got, key);
		}
	}
	release(mine);
}

static void use_things(unsigned me)
{
	unsigned x = me * 104729 + 1;

	for (size_t i = test_count(ROUNDS / 4); i > 0; i--) {
		unsigned key = chance(&x) % KEYS, how = chance(&x) % 64;
		struct thing *got;

		if (how < 24)
			store_some(key, how);
		else if (how < 48 && leat_map_load(&map, key, &got))
			used(got, key);
		else if (how < 56 && leat_map_load_and_delete(&map, key, &got))
			used(got, key);
		else if (how < 62)
			leat_map_delete(&map, key);
		else if (how == 62 && i % 64 == 0)
			leat_map_clear(&map);
		else if (how == 63 && i % 16 == 0)
			EXPECT_EQ(leat_map_range(&map, looks, NULL), 0);
		if (me >= THREADS && i % 64 == 0)
			leat_yield();
	}
}

GO_TEST(every_reference_is_given_back_once, "R173")
{
	map.kind = &of_things;
	everybody(use_things);
	leat_map_free(&map);
	EXPECT_EQ((long)things, 0);
}

/* -- keys that are somebody's -- */

static atomic_long copies;

static uint64_t hash_text(const void *key)
{
	uint64_t h = 0;

	for (const char *c = key; *c; c++)
		h = h * 31 + (unsigned char)*c;
	return h;
}

static bool same_text(const void *kept, const void *key)
{
	return strcmp(kept, key) == 0;
}

static const void *copy_text(const void *key)
{
	if (!strcmp(key, "no memory"))
		return NULL;
	copies++;
	return strdup(key);
}

static void drop_text(const void *kept)
{
	copies--;
	free((void *)kept);
}

static const struct leat_map_kind of_texts = { .bytes = LEAT_MAP_STRING,
					       .hash = hash_text,
					       .equal = same_text,
					       .copy = copy_text,
					       .drop = drop_text };

static void use_texts(unsigned me)
{
	unsigned x = me + 1;
	char key[16];

	for (size_t i = test_count(ROUNDS / 8); i > 0; i--) {
		snprintf(key, sizeof key, "%u", chance(&x) % KEYS);
		if (chance(&x) % 2)
			EXPECT_EQ(leat_map_store(&map, key, i), 0);
		else
			leat_map_delete(&map, key);
	}
}

GO_TEST(keys_that_were_copied_are_dropped_once, "R173")
{
	map.kind = &of_texts;
	everybody(use_texts);
	EXPECT_EQ(leat_map_store(&map, "no memory", 1), -ENOMEM);
	EXPECT(!leat_map_load(&map, "no memory", NULL));
	leat_map_free(&map);
	EXPECT_EQ((long)copies, 0);
}

SUITE("map, by many")
