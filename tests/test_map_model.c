/*
 * test_map_model.c - a map does what a plain array would do.
 *
 *	each goroutine or thread has keys of its own, and an array of what they
 *	are to be; all of them use one map at once, by chance, and compare every
 *	result.  The table grows and shrinks below them.
 *
 * After Go's TestMapMatchesRWMutex, TestHashTrieMapBadHash and TruncHash, retold.
 */
#include "everybody.h"
#include "leat.h"
#include "test.h"

#include <errno.h>
#include <stdatomic.h>

enum { MOST_KEYS = 64, ROUNDS = 60000 };

/* What a key is, for a kind of map: it is made in `room`. */
static uintptr_t (*key_of)(unsigned me, unsigned i, char *room);
static leat_map map;
static unsigned keys; /* of each */

struct entry {
	bool there;
	uintptr_t value;
};

static unsigned chance(unsigned *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 17;
	return *x ^= *x << 5;
}

/* The result of a call that stores, and what it told. */
static void matches(int rc, bool was_there, uintptr_t told, uintptr_t was)
{
	EXPECT_EQ(rc, was_there);
	if (was_there)
		EXPECT_EQ(told, was);
}

static void stores(unsigned what, uintptr_t key, struct entry *e,
		   uintptr_t value)
{
	uintptr_t got = 0;
	int rc;

	switch (what) {
	case 0:
		EXPECT_EQ(leat_map_store(&map, key, value), 0);
		break;
	case 1:
		rc = leat_map_swap(&map, key, value, &got);
		matches(rc, e->there, got, e->value);
		break;
	default:
		rc = leat_map_load_or_store(&map, key, value, &got);
		EXPECT_EQ(rc, e->there);
		EXPECT_EQ(got, e->there ? e->value : value);
		if (e->there)
			return;
	}
	*e = (struct entry){ true, value };
}

static void deletes(unsigned what, uintptr_t key, struct entry *e,
		    uintptr_t was)
{
	bool right = e->there && e->value == was;
	uintptr_t got = 0;
	bool there;

	switch (what) {
	case 3:
		EXPECT_EQ(leat_map_delete(&map, key), e->there);
		break;
	case 4:
		there = leat_map_load_and_delete(&map, key, &got);
		matches(there, e->there, got, e->value);
		break;
	default:
		EXPECT_EQ(leat_map_compare_and_delete(&map, key, was), right);
		if (!right)
			return;
	}
	e->there = false;
}

static void does_one(unsigned what, uintptr_t key, struct entry *e,
		     unsigned value)
{
	uintptr_t got = 0;
	bool right = e->there && e->value == value;

	switch (what) {
	case 0:
	case 1:
	case 2:
		stores(what, key, e, value);
		break;
	case 3:
	case 4:
	case 5:
		deletes(what, key, e, value);
		break;
	case 6:
		EXPECT_EQ(
			leat_map_compare_and_swap(&map, key, value, value + 1),
			right);
		e->value += right;
		break;
	default:
		EXPECT_EQ(leat_map_load(&map, key, &got), e->there);
		if (e->there)
			EXPECT_EQ(got, e->value);
	}
}

static atomic_long left; /* keys that are there in the end */

static void does_by_chance(unsigned me)
{
	struct entry model[MOST_KEYS] = { 0 };
	unsigned x = me * 7919 + 1;
	char room[64];

	for (size_t n = test_count(ROUNDS); n > 0; n--) {
		unsigned r = chance(&x), i = r % keys;

		does_one(r / 256 % 9, key_of(me, i, room), &model[i],
			 r / 65536 % 3);
		if (r % 512 == 0)
			leat_yield();
	}
	for (unsigned i = 0; i < keys; i++) {
		does_one(7, key_of(me, i, room), &model[i], 0);
		left += model[i].there;
	}
}

static bool counts(const void *key, void *value, void *n)
{
	(void)key;
	EXPECT((uintptr_t)value <= 3);
	++*(long *)n;
	return true;
}

static void matches_its_model(const struct leat_map_kind *kind,
			      uintptr_t (*its_key)(unsigned, unsigned, char *))
{
	long met = 0;

	map.kind = kind;
	key_of = its_key;
	for (keys = 4; keys <= MOST_KEYS; keys *= 4) {
		left = met = 0;
		everybody(does_by_chance);
		EXPECT_EQ(leat_map_len(&map), (long)left);
		EXPECT_EQ(leat_map_range(&map, counts, &met), 0);
		EXPECT_EQ(met, (long)left);
		leat_map_free(&map);
	}
}

static uintptr_t word_key(unsigned me, unsigned i, char *room)
{
	(void)room;
	return i * ALL + me;
}

GO_TEST(words_match_a_model, "R173")
{
	matches_its_model(NULL, word_key);
}

static uintptr_t string_key(unsigned me, unsigned i, char *room)
{
	snprintf(room, 64, "%.*s%u/%u", (int)(i % 20), "a-long-beginning-of-it",
		 me, i);
	return (uintptr_t)room;
}

GO_TEST(strings_match_a_model, "R173")
{
	matches_its_model(&leat_map_strings, string_key);
}

static uint64_t same_hash(const void *key)
{
	(void)key;
	return 42;
}

static uint64_t low_bits(const void *key)
{
	return (uintptr_t)key & 3;
}

static bool same_word(const void *kept, const void *key)
{
	return kept == key;
}

static const struct leat_map_kind one_chain = { .hash = same_hash,
						.equal = same_word },
				  four_chains = { .hash = low_bits,
						  .equal = same_word };

GO_TEST(keys_of_one_hash_match_a_model, "R173")
{
	matches_its_model(&one_chain, word_key);
}

GO_TEST(keys_of_four_hashes_match_a_model, "R173")
{
	matches_its_model(&four_chains, word_key);
}

/* -- and is cleared meanwhile -- */

static void stores_and_clears(unsigned me)
{
	unsigned x = me * 104729 + 1;

	for (size_t n = test_count(ROUNDS); n > 0; n--) {
		unsigned r = chance(&x), key = r % 256;
		uintptr_t got;

		if (r / 256 % 256 == 0)
			leat_map_clear(&map);
		else if (r / 256 % 3 == 0)
			leat_map_delete(&map, key);
		else if (r / 256 % 3 == 1)
			EXPECT_EQ(leat_map_store(&map, key, key), 0);
		else if (leat_map_load(&map, key, &got))
			EXPECT_EQ(got, key);
	}
}

GO_TEST(clears_meanwhile_do_no_harm, "R173")
{
	long met = 0;

	map.kind = NULL;
	everybody(stores_and_clears);
	leat_map_clear(&map);
	EXPECT_EQ(leat_map_len(&map), 0);
	EXPECT_EQ(leat_map_range(&map, counts, &met), 0);
	EXPECT_EQ(met, 0);
	leat_map_free(&map);
}

SUITE("map_model")
