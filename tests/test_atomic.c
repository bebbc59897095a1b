/*
 * test_atomic.c - atomics: what each operation does.
 *
 *	ALL(WORD)    a block for each of the five types of numbers
 */
#include "leat.h"

#include "test.h"

#define ALL(WORD)                                \
	WORD(i32, int32_t, INT32_MIN, INT32_MAX) \
	WORD(i64, int64_t, INT64_MIN, INT64_MAX) \
	WORD(u32, uint32_t, 0, UINT32_MAX)       \
	WORD(u64, uint64_t, 0, UINT64_MAX)       \
	WORD(uintptr, uintptr_t, 0, UINTPTR_MAX)

/* -- one at a time -- */

static_assert(sizeof(leat_atomic_bool) == 1 && sizeof(leat_atomic_i32) == 4 &&
		      sizeof(leat_atomic_u32) == 4 &&
		      sizeof(leat_atomic_uintptr) == sizeof(uintptr_t) &&
		      sizeof(leat_atomic_ptr(int)) == sizeof(int *),
	      "an atomic is as large as its value");
static_assert(sizeof(leat_atomic_i64) == 8 && _Alignof(leat_atomic_i64) == 8 &&
		      sizeof(leat_atomic_u64) == 8 &&
		      _Alignof(leat_atomic_u64) == 8,
	      "and aligned to its size");

#define IS_ZERO(name, type, min, max)                  \
	{                                              \
		static leat_atomic_##name still;       \
		leat_atomic_##name x = { 0 };          \
                                                       \
		EXPECT(leat_atomic_load(&still) == 0); \
		EXPECT(leat_atomic_load(&x) == 0);     \
	}

TEST(all_zero_is_ready_to_use, "R153 R175")
{
	static leat_atomic_bool no;
	static leat_atomic_ptr(int) nil;

	ALL(IS_ZERO)
	EXPECT(!leat_atomic_load(&no));
	EXPECT(!leat_atomic_load(&nil));
}

#define STARTS(name, type, min, max)                                \
	{                                                           \
		static leat_atomic_##name still = LEAT_ATOMIC(max); \
		leat_atomic_##name x = LEAT_ATOMIC(min);            \
                                                                    \
		EXPECT(leat_atomic_load(&still) == (max));          \
		EXPECT(leat_atomic_load(&x) == (min));              \
	}

TEST(an_initialiser_gives_the_first_value, "R153 R175")
{
	static int seven = 7;
	static leat_atomic_bool yes = LEAT_ATOMIC(true);
	static leat_atomic_ptr(const int) p = LEAT_ATOMIC(&seven);

	ALL(STARTS)
	EXPECT(leat_atomic_load(&yes));
	EXPECT_EQ(*leat_atomic_load(&p), 7);
}

#define STORES(name, type, min, max)                                      \
	{                                                                 \
		leat_atomic_##name x = { 0 };                             \
		type value = 1;                                           \
                                                                          \
		for (int i = 0; i < 64; i++) {                            \
			leat_atomic_store(&x, value);                     \
			EXPECT(leat_atomic_load(&x) == value);            \
			value = (type)((uint64_t)value << 1 | i % 3 / 2); \
		}                                                         \
		leat_atomic_store(&x, max);                               \
		EXPECT(leat_atomic_load(&x) == (max));                    \
		leat_atomic_store(&x, min);                               \
		EXPECT(leat_atomic_load(&x) == (min));                    \
	}

TEST(what_was_stored_is_loaded, "R175")
{
	leat_atomic_bool b = { 0 };

	ALL(STORES)
	leat_atomic_store(&b, true);
	EXPECT(leat_atomic_load(&b));
	leat_atomic_store(&b, false);
	EXPECT(!leat_atomic_load(&b));
}

#define SWAPS(name, type, min, max)                         \
	{                                                   \
		leat_atomic_##name x = LEAT_ATOMIC(5);      \
                                                            \
		EXPECT(leat_atomic_swap(&x, max) == 5);     \
		EXPECT(leat_atomic_swap(&x, min) == (max)); \
		EXPECT(leat_atomic_swap(&x, 6) == (min));   \
		EXPECT(leat_atomic_load(&x) == 6);          \
	}

TEST(a_swap_gives_the_value_before, "R175")
{
	leat_atomic_bool b = { 0 };

	ALL(SWAPS)
	EXPECT(!leat_atomic_swap(&b, true));
	EXPECT(leat_atomic_swap(&b, true));
	EXPECT(leat_atomic_swap(&b, false));
	EXPECT(!leat_atomic_load(&b));
}

#define COMPARES(name, type, min, max)                   \
	{                                                \
		leat_atomic_##name x = LEAT_ATOMIC(max); \
                                                         \
		EXPECT(!leat_atomic_cas(&x, min, 3));    \
		EXPECT(leat_atomic_load(&x) == (max));   \
		EXPECT(leat_atomic_cas(&x, max, min));   \
		EXPECT(!leat_atomic_cas(&x, max, 3));    \
		EXPECT(leat_atomic_load(&x) == (min));   \
		EXPECT(leat_atomic_cas(&x, min, 3));     \
		EXPECT(leat_atomic_load(&x) == 3);       \
	}

TEST(a_compare_and_swap_changes_only_what_it_expects, "R175")
{
	leat_atomic_bool b = { 0 };

	ALL(COMPARES)
	EXPECT(!leat_atomic_cas(&b, true, false));
	EXPECT(leat_atomic_cas(&b, false, true));
	EXPECT(!leat_atomic_cas(&b, false, true));
	EXPECT(leat_atomic_load(&b));
}

#define ADDS(name, type, min, max)                            \
	{                                                     \
		leat_atomic_##name x = LEAT_ATOMIC(40);       \
                                                              \
		EXPECT(leat_atomic_add(&x, 2) == 42);         \
		EXPECT(leat_atomic_add(&x, -3) == 39);        \
		EXPECT(leat_atomic_load(&x) == 39);           \
		leat_atomic_store(&x, max);                   \
		EXPECT(leat_atomic_add(&x, 1) == (min));      \
		EXPECT(leat_atomic_add(&x, -1) == (max));     \
		EXPECT(leat_atomic_add(&x, max) == (type)-2); \
	}

TEST(an_add_gives_the_new_value_and_wraps_around, "R175"){ ALL(ADDS) }

#define MASKS(name, type, min, max)                                    \
	for (uint64_t bit = 1; bit && (type)bit; bit <<= 1) {          \
		leat_atomic_##name x = { 0 };                          \
		const type all = (type)-1, one = (type)bit;            \
                                                                       \
		EXPECT(leat_atomic_or(&x, one) == 0);                  \
		EXPECT(leat_atomic_or(&x, one) == one);                \
		EXPECT(leat_atomic_load(&x) == one);                   \
		leat_atomic_store(&x, all);                            \
		EXPECT(leat_atomic_and(&x, (type)~one) == all);        \
		EXPECT(leat_atomic_and(&x, (type)~one) == (type)~one); \
		EXPECT(leat_atomic_load(&x) == (type)~one);            \
	}

TEST(and_and_or_give_the_value_before, "R175"){ ALL(MASKS) }

#define BESIDE(name, type, min, max)                     \
	{                                                \
		struct {                                 \
			type before;                     \
			leat_atomic_##name x;            \
			type after;                      \
		} s = { 77, LEAT_ATOMIC(1), 88 };        \
                                                         \
		leat_atomic_store(&s.x, max);            \
		leat_atomic_swap(&s.x, min);             \
		leat_atomic_add(&s.x, -1);               \
		leat_atomic_or(&s.x, max);               \
		leat_atomic_and(&s.x, 0);                \
		EXPECT(leat_atomic_cas(&s.x, 0, max));   \
		EXPECT(s.before == 77 && s.after == 88); \
	}

TEST(its_neighbours_are_left_alone, "R175")
{
	struct {
		unsigned char before;
		leat_atomic_bool x;
		unsigned char after;
	} b = { 77, { { 0 } }, 88 };

	ALL(BESIDE)
	leat_atomic_store(&b.x, true);
	EXPECT(leat_atomic_swap(&b.x, false));
	EXPECT(leat_atomic_cas(&b.x, false, true));
	EXPECT(b.before == 77 && b.after == 88);
}

struct point {
	int x, y;
};

static struct point *through(leat_atomic_ptr(struct point) * p)
{
	return leat_atomic_load(p);
}

static int twice(int n)
{
	return 2 * n;
}

TEST(pointers_keep_their_type, "R175")
{
	static struct point a = { 1, 2 }, b = { 3, 4 };
	leat_atomic_ptr(struct point) p = LEAT_ATOMIC(&a);
	leat_atomic_ptr(int(int)) call = { 0 };
	leat_atomic_ptr(void) any = LEAT_ATOMIC(&b);

	EXPECT_EQ(through(&p)->y, 2);
	EXPECT_EQ(leat_atomic_swap(&p, &b)->x, 1);
	EXPECT(!leat_atomic_cas(&p, &a, NULL));
	EXPECT(leat_atomic_cas(&p, &b, NULL));
	EXPECT(!through(&p));
	leat_atomic_store(&p, leat_atomic_load(&any));
	EXPECT_EQ(leat_atomic_load(&p)->x, 3);
	leat_atomic_store(&call, twice);
	EXPECT_EQ(leat_atomic_load(&call)(21), 42);
}

struct counts {
	leat_atomic_i64 in;
	leat_atomic_ptr(int) who;
};

static long seen_in(const struct counts *c)
{
	return leat_atomic_load(&c->who) ? -1 : leat_atomic_load(&c->in);
}

TEST(what_is_const_can_be_loaded, "R175")
{
	struct counts c = { LEAT_ATOMIC(5), { { 0 } } };

	EXPECT_EQ(seen_in(&c), 5);
}

TEST(arguments_are_evaluated_once, "R175")
{
	leat_atomic_i32 x[4] = { 0 }, *p = x;
	leat_atomic_ptr(int) q[3] = { 0 }, *at = q;
	int n = 1, some[3];

	leat_atomic_store(p++, n++);
	leat_atomic_add(p++, n++);
	leat_atomic_or(p++, n++);
	EXPECT(leat_atomic_cas(p++, 0, n++));
	EXPECT(p == x + 4 && n == 5);
	EXPECT_EQ(leat_atomic_load(&x[0]), 1);
	EXPECT_EQ(leat_atomic_load(&x[1]), 2);
	EXPECT_EQ(leat_atomic_load(&x[2]), 3);
	leat_atomic_store(at++, &some[0]);
	leat_atomic_swap(at++, &some[1]);
	EXPECT(leat_atomic_cas(at++, NULL, &some[2]));
	EXPECT(at == q + 3);
	for (int i = 0; i < 3; i++)
		EXPECT(leat_atomic_load(&q[i]) == &some[i]);
}

SUITE("atomic")
