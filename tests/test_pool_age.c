/*
 * test_pool_age.c - what lies in a pool unused for a while is dropped, and what is
 * needed now and then is not.
 */
#include "items.h"
#include "leat.h"
#include "measure.h"
#include "test.h"

#include <stdatomic.h>

static bool all_dropped(void)
{
	return dropped == made;
}

GO_TEST(what_is_not_used_is_dropped, "pool")
{
	leat_wg done = { 0 };

	pool.age = 50 * LEAT_MILLISECOND;
	leat_wg_add(&done, 2);
	for (int turn = 1; turn <= 2; turn++) {
		int64_t then = now_ns();

		puts_many(&done);
		EXPECT(within(20, all_dropped));
		EXPECT(now_ns() - then >= pool.age);
		EXPECT_EQ((int)dropped, turn * 100);
	}
	leat_pool_free(&pool);
	EXPECT_EQ((int)dropped, 200);
}

static void gets_one(leat_wg *done)
{
	get();
	leat_wg_done(done);
}

static bool all_but_one_dropped(void)
{
	return dropped == 99;
}

GO_TEST(what_came_from_another_P_is_dropped_too, "pool")
{
	if (leat_procs_get() < 2)
		SKIP("one P");
	pool.age = 50 * LEAT_MILLISECOND;
	on(0, puts_many);
	on(1, gets_one);
	EXPECT(within(20, all_but_one_dropped));
	leat_pool_free(&pool);
	EXPECT_EQ((int)dropped, 99);
}

/* Between two passes a full shelf is packed: what was untouched is less then. */
GO_TEST(what_is_packed_between_two_passes_is_counted_right, "pool")
{
	pool.age = 4 * LEAT_MILLISECOND;
	leat_pin();
	for (int turn = 0; turn < 30; turn++) {
		struct item *some[14];

		for (int i = 0; i < 14; i++)
			some[i] = get();
		for (int i = 0; i < 13; i++)
			put(some[i]);
		leat_sleep(pool.age * (4 + turn % 8) / 5);
		put(some[13]);
		leat_sleep(pool.age);
	}
	leat_unpin();
	EXPECT(within(20, all_dropped));
	leat_pool_free(&pool);
}

TEST(without_a_runtime_as_well, "pool")
{
	struct item *a = get(), *b = get();

	pool.age = LEAT_MILLISECOND;
	put(a);
	put(b);
	for (int64_t end = now_ns() + 20000000000ll; dropped < 2;)
		EXPECT(now_ns() < end);
	leat_pool_free(&pool);
}

static void use_ten(void)
{
	struct item *ten[10];

	for (int i = 0; i < 10; i++)
		ten[i] = get();
	for (int i = 0; i < 10; i++)
		put(ten[i]);
}

/* As long as the machine lets us come by in time, what we need stays, and a crate
 * at most beside it. */
GO_TEST(what_is_used_now_and_then_stays, "pool")
{
	struct item *fifty[50];
	int64_t worst = 0, last;

	leat_pin();
	pool.age = LEAT_SECOND / 5;
	for (int i = 0; i < 50; i++)
		fifty[i] = get();
	for (int i = 0; i < 50; i++)
		put(fifty[i]);
	last = now_ns();
	for (int64_t end = last + 5 * pool.age; last < end;) {
		int64_t now;

		use_ten();
		leat_sleep(LEAT_MILLISECOND);
		now = now_ns();
		worst = now - last > worst ? now - last : worst;
		last = now;
	}
	leat_unpin();
	if (worst > pool.age / 2)
		SKIP("others had the CPU");
	EXPECT_EQ((int)made, 50);
	EXPECT(dropped <= 40);
	EXPECT(dropped > 40 - 7);
	leat_pool_free(&pool);
	EXPECT_EQ((int)dropped, 50);
}

GO_TEST(a_negative_age_is_for_ever, "pool")
{
	leat_wg done = { 0 };

	pool.age = -1;
	leat_wg_add(&done, 1);
	puts_many(&done);
	leat_sleep(20 * LEAT_MILLISECOND);
	EXPECT_EQ((int)dropped, 0);
	leat_pool_free(&pool);
	EXPECT_EQ((int)dropped, 100);
}

static leat_pool inner[8];

static void free_inner(void *p)
{
	leat_pool_free(p);
	dropped++;
}

static bool inner_dropped(void)
{
	return dropped >= 8;
}

GO_TEST(drop_may_free_other_pools, "pool")
{
	leat_pool pools = LEAT_POOL(NULL, free_inner);

	pools.age = LEAT_MILLISECOND;
	for (int i = 0; i < 8; i++) {
		inner[i].age = LEAT_MILLISECOND;
		for (int k = 0; k < 20; k++)
			leat_pool_put(&inner[i], &inner[i]);
		leat_pool_put(&pools, &inner[i]);
	}
	EXPECT(within(20, inner_dropped));
	leat_pool_free(&pools);
	EXPECT_EQ((int)dropped, 8);
}

SUITE("pool_age")
