/*
 * test_map.c - what each operation of a map does.
 *
 * After the behaviours that Go's tests of sync.Map ask for (sync/map_test.go and
 * internal/sync/hashtriemap_test.go), retold.
 */
#include "leat.h"
#include "measure.h"
#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

/* -- words -- */

GO_TEST(a_map_of_zeroes_is_empty_and_ready, "R173")
{
	leat_map map = { 0 };
	long got = 7;

	EXPECT(!leat_map_load(&map, 1, &got));
	EXPECT(!leat_map_delete(&map, 1));
	EXPECT(!leat_map_load_and_delete(&map, 1, &got));
	EXPECT(!leat_map_compare_and_delete(&map, 1, 0));
	EXPECT_EQ(leat_map_compare_and_swap(&map, 1, 0, 5), 0);
	EXPECT_EQ(leat_map_len(&map), 0);
	leat_map_clear(&map);
	EXPECT_EQ(got, 7);
	EXPECT_EQ(leat_map_store(&map, 1, 5), 0);
	EXPECT(leat_map_load(&map, 1, &got));
	EXPECT_EQ(got, 5);
	leat_map_free(&map);
}

GO_TEST(a_store_is_seen_by_loads_and_replaces, "R173")
{
	leat_map map = { 0 };
	long got = 0;

	EXPECT_EQ(leat_map_store(&map, 1, 10), 0);
	EXPECT_EQ(leat_map_store(&map, 2, 20), 0);
	EXPECT_EQ(leat_map_store(&map, 1, 11), 0);
	EXPECT(leat_map_load(&map, 1, &got) && got == 11);
	EXPECT(leat_map_load(&map, 2, &got) && got == 20);
	EXPECT(!leat_map_load(&map, 3, &got));
	EXPECT(leat_map_load(&map, 2, NULL));
	EXPECT_EQ(leat_map_len(&map), 2);
	leat_map_free(&map);
}

GO_TEST(zero_and_all_ones_are_keys_and_values, "R173")
{
	leat_map map = { 0 };
	intptr_t got = 7;

	EXPECT_EQ(leat_map_store(&map, 0, 0), 0);
	EXPECT_EQ(leat_map_store(&map, -1, -1L), 0);
	EXPECT(leat_map_load(&map, 0, &got) && got == 0);
	EXPECT(leat_map_load(&map, UINTPTR_MAX, &got) && got == -1);
	EXPECT(leat_map_load_and_delete(&map, 0, &got) && got == 0);
	EXPECT(!leat_map_load(&map, 0, &got));
	EXPECT_EQ(leat_map_len(&map), 1);
	leat_map_free(&map);
}

GO_TEST(load_or_store_stores_once, "R173")
{
	leat_map map = { 0 };
	long got = 0;

	EXPECT_EQ(leat_map_load_or_store(&map, 1, 10, &got), 0);
	EXPECT_EQ(got, 10);
	EXPECT_EQ(leat_map_load_or_store(&map, 1, 11, &got), 1);
	EXPECT_EQ(got, 10);
	EXPECT_EQ(leat_map_load_or_store(&map, 1, 12, NULL), 1);
	EXPECT(leat_map_load(&map, 1, &got) && got == 10);
	leat_map_free(&map);
}

GO_TEST(load_and_delete_gives_the_value_once, "R173")
{
	leat_map map = { 0 };
	long got = 0;

	leat_map_store(&map, 1, 10);
	EXPECT(leat_map_load_and_delete(&map, 1, &got));
	EXPECT_EQ(got, 10);
	got = 7;
	EXPECT(!leat_map_load_and_delete(&map, 1, &got));
	EXPECT_EQ(got, 7);
	EXPECT(!leat_map_load(&map, 1, &got));
	EXPECT_EQ(leat_map_len(&map), 0);
	leat_map_store(&map, 1, 11);
	EXPECT(leat_map_load(&map, 1, &got) && got == 11);
	leat_map_free(&map);
}

GO_TEST(swap_tells_what_was, "R173")
{
	leat_map map = { 0 };
	long got = 7;

	EXPECT_EQ(leat_map_swap(&map, 1, 10, &got), 0);
	EXPECT_EQ(got, 7);
	EXPECT_EQ(leat_map_swap(&map, 1, 11, &got), 1);
	EXPECT_EQ(got, 10);
	EXPECT_EQ(leat_map_swap(&map, 1, 12, NULL), 1);
	EXPECT(leat_map_load(&map, 1, &got) && got == 12);
	leat_map_free(&map);
}

GO_TEST(compare_and_swap_wants_the_value_that_is_there, "R173")
{
	leat_map map = { 0 };
	long got = 0;

	EXPECT_EQ(leat_map_compare_and_swap(&map, 1, 0, 10), 0);
	EXPECT(!leat_map_load(&map, 1, &got));
	leat_map_store(&map, 1, 10);
	EXPECT_EQ(leat_map_compare_and_swap(&map, 1, 11, 12), 0);
	EXPECT_EQ(leat_map_compare_and_swap(&map, 1, 10, 12), 1);
	EXPECT(leat_map_load(&map, 1, &got) && got == 12);
	EXPECT_EQ(leat_map_compare_and_swap(&map, 2, 12, 13), 0);
	EXPECT_EQ(leat_map_len(&map), 1);
	leat_map_free(&map);
}

GO_TEST(compare_and_delete_wants_the_value_that_is_there, "R173")
{
	leat_map map = { 0 };

	leat_map_store(&map, 1, 10);
	EXPECT(!leat_map_compare_and_delete(&map, 1, 11));
	EXPECT(!leat_map_compare_and_delete(&map, 2, 10));
	EXPECT_EQ(leat_map_len(&map), 1);
	EXPECT(leat_map_compare_and_delete(&map, 1, 10));
	EXPECT(!leat_map_compare_and_delete(&map, 1, 10));
	EXPECT_EQ(leat_map_len(&map), 0);
	leat_map_free(&map);
}

enum { MANY = 20000 };

GO_TEST(a_map_grows_and_shrinks_and_keeps_every_key, "R173")
{
	leat_map map = { 0 };
	size_t n = test_count(MANY);
	size_t got;

	for (size_t round = 0; round < 2; round++) {
		for (size_t i = 0; i < n; i++)
			EXPECT_EQ(leat_map_swap(&map, i, i + round, NULL), 0);
		EXPECT_EQ(leat_map_len(&map), n);
		for (size_t i = 0; i < n; i++)
			EXPECT(leat_map_load(&map, i, &got) &&
			       got == i + round);
		EXPECT(!leat_map_load(&map, n, &got));
		for (size_t i = 0; i < n; i++)
			EXPECT(leat_map_load_and_delete(&map, i, &got) &&
			       got == i + round);
		EXPECT_EQ(leat_map_len(&map), 0);
	}
	leat_map_free(&map);
}

GO_TEST(clear_leaves_nothing, "R173")
{
	leat_map map = { 0 };
	long got;

	for (int round = 0; round < 3; round++) {
		for (long i = 0; i < 1000; i++)
			leat_map_store(&map, i, i);
		leat_map_clear(&map);
		EXPECT_EQ(leat_map_len(&map), 0);
		for (long i = 0; i < 1000; i++)
			EXPECT(!leat_map_load(&map, i, &got));
	}
	EXPECT_EQ(leat_map_load_or_store(&map, 5, 6, &got), 0);
	EXPECT_EQ(got, 6);
	leat_map_free(&map);
	leat_map_clear(&map);
}

GO_TEST(a_map_that_was_freed_is_ready_again, "R173")
{
	leat_map map = { 0 };
	long got;

	leat_map_free(&map);
	leat_map_store(&map, 1, 2);
	leat_map_free(&map);
	EXPECT(!leat_map_load(&map, 1, &got));
	leat_map_store(&map, 1, 3);
	EXPECT(leat_map_load(&map, 1, &got) && got == 3);
	leat_map_free(&map);
}

static void *uses_alone(void *arg)
{
	leat_map *map = arg;
	long got;

	EXPECT_EQ(leat_map_store(map, 1, 10), 0);
	EXPECT(leat_map_load(map, 1, &got) && got == 10);
	EXPECT(leat_map_delete(map, 1));
	leat_map_free(map);
	return NULL;
}

TEST(threads_use_a_map_where_there_is_no_runtime, "R173")
{
	leat_map map = { 0 };
	pthread_t other;

	uses_alone(&map);
	for (int i = 0; i < 20; i++) {
		pthread_create(&other, NULL, uses_alone, &map);
		pthread_join(other, NULL);
	}
}

/* -- other keys -- */

GO_TEST(strings_are_compared_by_what_they_say, "R173")
{
	static leat_map map = LEAT_MAP_OF(&leat_map_strings);
	char key[64];
	long got;

	for (long i = 0; i < 1000; i++) {
		memset(key, 'x', sizeof(key));
		snprintf(key + i % 40, 24, "%ld", i);
		EXPECT_EQ(leat_map_swap(&map, key, i, NULL), 0);
	}
	EXPECT_EQ(leat_map_len(&map), 1000);
	memset(key, 0, sizeof(key));
	for (long i = 0; i < 1000; i++) {
		memset(key, 'x', sizeof(key));
		snprintf(key + i % 40, 24, "%ld", i);
		EXPECT(leat_map_load(&map, key, &got) && got == i);
	}
	EXPECT_EQ(leat_map_store(&map, "", 5), 0);
	EXPECT(leat_map_load(&map, "", &got) && got == 5);
	EXPECT(!leat_map_load(&map, "x", &got));
	EXPECT(leat_map_delete(&map, ""));
	leat_map_free(&map);
}

struct point {
	int32_t x, y, z;
};

static const struct leat_map_kind by_point = { .bytes = sizeof(struct point) };

GO_TEST(bytes_are_keys_of_their_size, "R173")
{
	leat_map map = LEAT_MAP_OF(&by_point);
	long got;

	for (int i = 0; i < 1000; i++) {
		struct point p = { i % 10, i / 10 % 10, i / 100 };

		EXPECT_EQ(leat_map_swap(&map, &p, i, NULL), 0);
	}
	for (int i = 0; i < 1000; i++) {
		struct point p = { i % 10, i / 10 % 10, i / 100 };

		EXPECT(leat_map_load_and_delete(&map, &p, &got) && got == i);
	}
	EXPECT_EQ(leat_map_len(&map), 0);
	leat_map_free(&map);
}

static uint64_t no_case_hash(const void *key)
{
	uint64_t h = 0;

	for (const char *c = key; *c; c++)
		h = h * 31 + (*c | 32);
	return h;
}

static bool no_case_equal(const void *kept, const void *key)
{
	return strcasecmp(kept, key) == 0;
}

static uint64_t same_hash(const void *key)
{
	(void)key;
	return 42;
}

static bool same_word(const void *kept, const void *key)
{
	return kept == key;
}

static const struct leat_map_kind no_case = { .bytes = LEAT_MAP_STRING,
					      .hash = no_case_hash,
					      .equal = no_case_equal },
				  one_chain = { .hash = same_hash,
						.equal = same_word };

GO_TEST(a_user_says_what_is_equal, "R173")
{
	leat_map map = LEAT_MAP_OF(&no_case);
	long got;

	EXPECT_EQ(leat_map_swap(&map, "Content-Length", 1, NULL), 0);
	EXPECT_EQ(leat_map_swap(&map, "content-length", 2, &got), 1);
	EXPECT_EQ(got, 1);
	EXPECT(leat_map_load(&map, "CONTENT-LENGTH", &got) && got == 2);
	EXPECT_EQ(leat_map_len(&map), 1);
	leat_map_free(&map);
}

/* -- range -- */

static bool adds_up(const void *key, void *value, void *arg)
{
	long *sum = arg;

	EXPECT_EQ((long)value, 2 * (long)key);
	*sum += (long)key;
	return true;
}

GO_TEST(keys_with_one_hash_are_told_apart, "R173")
{
	leat_map map = LEAT_MAP_OF(&one_chain);
	long got, sum = 0;

	for (long i = 0; i < 500; i++)
		EXPECT_EQ(leat_map_swap(&map, i, 2 * i, NULL), 0);
	for (long i = 0; i < 500; i++)
		EXPECT(leat_map_load(&map, i, &got) && got == 2 * i);
	EXPECT_EQ(leat_map_range(&map, adds_up, &sum), 0);
	EXPECT_EQ(sum, 500 * 499 / 2);
	for (long i = 0; i < 500; i += 2)
		EXPECT(leat_map_delete(&map, i));
	for (long i = 0; i < 500; i++)
		EXPECT_EQ(leat_map_load(&map, i, &got), i % 2);
	leat_map_free(&map);
}

GO_TEST(a_range_meets_every_key_once, "R173")
{
	leat_map map = { 0 };
	long n = (long)test_count(MANY);

	for (long round = 0; round < 3; round++) {
		long sum = 0;

		EXPECT_EQ(leat_map_range(&map, adds_up, &sum), 0);
		EXPECT_EQ(sum, round * n * (round * n - 1) / 2);
		for (long i = round * n; i < (round + 1) * n; i++)
			leat_map_store(&map, i, 2 * i);
	}
	leat_map_free(&map);
}

static bool up_to_ten(const void *key, void *value, void *arg)
{
	(void)key;
	(void)value;
	return ++*(int *)arg < 10;
}

GO_TEST(a_range_ends_when_it_is_told_to, "R173")
{
	leat_map map = { 0 };
	int met = 0;

	for (int i = 0; i < 1000; i++)
		leat_map_store(&map, i, i);
	EXPECT_EQ(leat_map_range(&map, up_to_ten, &met), 0);
	EXPECT_EQ(met, 10);
	leat_map_free(&map);
}

struct ranger {
	leat_map *map;
	long met;
};

/* Waits, deletes what it meets, and stores what is met later, or not. */
static bool disturbs(const void *key, void *value, void *arg)
{
	struct ranger *r = arg;

	(void)value;
	leat_yield();
	if ((long)key < 1000) {
		r->met++;
		EXPECT(leat_map_delete(r->map, key));
		EXPECT_EQ(leat_map_swap(r->map, (long)key + 1000, 0, NULL), 0);
	}
	return true;
}

static bool stores_itself_again(const void *key, void *value, void *arg)
{
	struct ranger *r = arg;

	r->met++;
	EXPECT(leat_map_delete(r->map, key));
	EXPECT_EQ(leat_map_store(r->map, key, value), 0);
	return true;
}

GO_TEST(the_function_of_a_range_may_change_the_map, "R173")
{
	leat_map map = { 0 };
	struct ranger r = { &map, 0 };

	for (long i = 0; i < 1000; i++)
		leat_map_store(&map, i, i);
	EXPECT_EQ(leat_map_range(&map, disturbs, &r), 0);
	EXPECT_EQ(r.met, 1000);
	EXPECT_EQ(leat_map_len(&map), 1000);
	r.met = 0;
	EXPECT_EQ(leat_map_range(&map, stores_itself_again, &r), 0);
	EXPECT_EQ(r.met, 1000);
	leat_map_free(&map);
}

static bool clears(const void *key, void *value, void *arg)
{
	struct ranger *r = arg;

	(void)key;
	(void)value;
	if (r->met++ == 0)
		leat_map_clear(r->map);
	return true;
}

GO_TEST(a_range_over_a_map_that_is_cleared_ends, "R173")
{
	leat_map map = { 0 };
	struct ranger r = { &map, 0 };

	for (long i = 0; i < 1000; i++)
		leat_map_store(&map, i, i);
	EXPECT_EQ(leat_map_range(&map, clears, &r), 0);
	EXPECT(r.met >= 1 && r.met < 1000);
	EXPECT_EQ(leat_map_len(&map), 0);
	leat_map_free(&map);
}

/* -- misuse -- */

GO_TEST_DIES(a_load_from_a_nil_map_is_refused, "R173",
	     "fatal error: leat_map_load of nil map")
{
	leat_map_load((leat_map *)NULL, 1, NULL);
}

GO_TEST_DIES(a_store_in_a_nil_map_is_refused, "R173",
	     "fatal error: leat_map_store of nil map")
{
	leat_map_store((leat_map *)NULL, 1, 1);
}

GO_TEST_DIES(a_range_over_a_nil_map_is_refused, "R173",
	     "fatal error: leat_map_range of nil map")
{
	leat_map_range(NULL, up_to_ten, NULL);
}

GO_TEST_DIES(a_range_with_a_nil_function_is_refused, "R173",
	     "fatal error: leat_map_range: nil func value")
{
	leat_map map = { 0 };

	leat_map_range(&map, NULL, NULL);
}

static const struct leat_map_kind half = { .hash = same_hash };

GO_TEST_DIES(a_kind_with_half_a_pair_is_refused, "R173",
	     "fatal error: leat_map: a kind with half a pair of functions")
{
	leat_map map = LEAT_MAP_OF(&half);

	leat_map_store(&map, 1, 1);
}

static void other(void)
{
}

static bool waits(const void *kept, const void *key)
{
	leat_wg done = { 0 };

	EXPECT_EQ(leat_wg_go(&done, other), 0);
	leat_wg_wait(&done);
	return kept == key;
}

static const struct leat_map_kind waiting = { .hash = same_hash,
					      .equal = waits };

GO_TEST_DIES(a_callback_that_waits_is_found_out, "R173",
	     "fatal error: leat_map: a callback waited")
{
	leat_map map = LEAT_MAP_OF(&waiting);

	for (int i = 0; i < 100; i++)
		leat_map_store(&map, 1, 1);
}

static bool frees(const void *kept, const void *key)
{
	leat_map other_map = { 0 };

	leat_map_store(&other_map, 1, 1);
	leat_map_free(&other_map);
	return kept == key;
}

static const struct leat_map_kind freeing = { .hash = same_hash,
					      .equal = frees };

GO_TEST_DIES(a_callback_that_frees_is_found_out, "R173",
	     "fatal error: leat_map: a callback waited")
{
	leat_map map = LEAT_MAP_OF(&freeing);

	leat_map_store(&map, 1, 1);
	leat_map_store(&map, 1, 1);
}

GO_TEST_DIES(a_nil_string_is_no_key, "R173", "fatal error: leat_map: a nil key")
{
	leat_map map = LEAT_MAP_OF(&leat_map_strings);
	const char *none = NULL;

	leat_map_store(&map, none, 1);
}

SUITE("map")
