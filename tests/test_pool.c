/*
 * test_pool.c - what a pool keeps, and what it lets go of.
 *
 * After the behaviours that Go's sync/pool_test.go asks for, retold; a collection
 * of garbage there is a while without use here (test_pool_age.c).
 */
#include "everybody.h"
#include "items.h"
#include "leat.h"
#include "measure.h"
#include "test.h"

#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/* -- get and put -- */

GO_TEST(a_pool_of_zeroes_is_empty_and_ready, "pool")
{
	leat_pool zero = { 0 };
	int a;

	leat_pin();
	EXPECT(leat_pool_get(&zero) == NULL);
	leat_pool_put(&zero, &a);
	EXPECT(leat_pool_get(&zero) == &a);
	EXPECT(leat_pool_get(&zero) == NULL);
	leat_unpin();
	leat_pool_free(&zero);
}

GO_TEST(what_was_put_last_is_got_first, "pool")
{
	leat_pool zero = { 0 };
	int at[100];

	leat_pin();
	for (int i = 0; i < 13; i++)
		leat_pool_put(&zero, &at[i]);
	for (int i = 12; i >= 0; i--)
		EXPECT(leat_pool_get(&zero) == &at[i]);
	EXPECT(leat_pool_get(&zero) == NULL);
	leat_unpin();
	leat_pool_free(&zero);
}

GO_TEST(as_many_as_were_put_are_got, "pool")
{
	leat_pool zero = { 0 };
	bool seen[1000] = { false };
	char at[1000], *got;

	leat_pin();
	for (int n = 1; n <= 1000; n = n * 3 / 2 + 1) {
		memset(seen, 0, sizeof(seen));
		for (int i = 0; i < n; i++)
			leat_pool_put(&zero, &at[i]);
		for (int i = 0; i < n; i++) {
			got = leat_pool_get(&zero);
			EXPECT(got && !seen[got - at]);
			seen[got - at] = true;
		}
		EXPECT(leat_pool_get(&zero) == NULL);
	}
	leat_unpin();
	leat_pool_free(&zero);
}

static void *next_number(void *n)
{
	return (void *)(uintptr_t)++ * (int *)n;
}

GO_TEST(make_is_called_where_there_is_nothing, "pool")
{
	int n = 0;
	leat_pool numbers = LEAT_POOL(next_number, NULL);

	numbers.arg = &n;
	leat_pin();
	EXPECT_EQ((intptr_t)leat_pool_get(&numbers), 1);
	EXPECT_EQ((intptr_t)leat_pool_get(&numbers), 2);
	leat_pool_put(&numbers, (void *)42);
	EXPECT_EQ((intptr_t)leat_pool_get(&numbers), 42);
	EXPECT_EQ((intptr_t)leat_pool_get(&numbers), 3);
	leat_unpin();
	leat_pool_free(&numbers);
}

GO_TEST(no_item_is_not_kept, "pool")
{
	leat_pool zero = { 0 };

	leat_pool_put(&zero, NULL);
	EXPECT(zero.store == NULL);
	leat_pin();
	leat_pool_put(&zero, &zero);
	leat_pool_put(&zero, NULL);
	EXPECT(leat_pool_get(&zero) == &zero);
	leat_unpin();
	leat_pool_free(&zero);
}

static void *make_slowly(void *arg)
{
	for (int i = 0; i < 10; i++)
		leat_yield();
	leat_sleep(LEAT_MILLISECOND);
	return arg;
}

GO_TEST(make_may_wait, "pool")
{
	leat_pool slow = LEAT_POOL(make_slowly, NULL);

	slow.arg = &slow;
	leat_pool_put(&slow, &pool);
	for (int i = 0; i < 30; i++) {
		void *got = leat_pool_get(&slow);

		EXPECT(got == &slow || got == &pool);
	}
	leat_pool_free(&slow);
}

/* -- where from -- */

static void gets_most(leat_wg *done)
{
	for (int i = 0; i < 84; i++)
		get();
	EXPECT_EQ((int)made, 100);
	leat_wg_done(done);
}

static void *threads_turn(void *done)
{
	gets_most(done);
	return NULL;
}

GO_TEST(what_one_P_has_too_much_another_gets, "pool")
{
	if (leat_procs_get() < 2)
		SKIP("one P");
	on(0, puts_many);
	on(1, gets_most);
	leat_pool_free(&pool);
	EXPECT_EQ((int)dropped, 100 - 84);
}

GO_TEST(threads_and_goroutines_share_a_pool, "pool")
{
	leat_wg done = { 0 };
	pthread_t thread;

	leat_wg_add(&done, 2);
	puts_many(&done);
	pthread_create(&thread, NULL, threads_turn, &done);
	leat_wg_wait(&done);
	pthread_join(thread, NULL);
	leat_pool_free(&pool);
	EXPECT_EQ((int)dropped, 100 - 84);
}

TEST(a_pool_needs_no_runtime, "pool")
{
	struct item *a = get(), *b = get();

	put(a);
	put(b);
	EXPECT(get() == b);
	EXPECT(get() == a);
	EXPECT_EQ((int)made, 2);
	put(a);
	leat_pool_free(&pool);
	EXPECT_EQ((int)dropped, 1);
}

static intptr_t blocked(void *unused)
{
	(void)unused;
	for (int i = 0; i < 200; i++) {
		struct item *a = get(), *b = get();

		if (i % 50 == 0)
			burn(20000000); /* its P is taken meanwhile */
		put(a);
		put(b);
	}
	return 0;
}

static atomic_bool enough;

/* Somebody waits for the P all the time, so it is taken. */
static void wants_to_run(leat_wg *done)
{
	while (!enough)
		leat_yield();
	leat_wg_done(done);
}

GO_TEST(inside_a_blocking_call_a_pool_works, "pool")
{
	leat_wg done = { 0 };

	leat_procs_set(1);
	leat_wg_add(&done, 2);
	leat_go(wants_to_run, &done);
	leat_go(wants_to_run, &done);
	leat_block(blocked, NULL);
	leat_block_enter();
	blocked(NULL);
	leat_block_exit();
	enough = true;
	leat_wg_wait(&done);
	EXPECT(made <= 6);
	put(get());
	leat_pool_free(&pool);
	EXPECT_EQ((int)dropped, (int)made);
}

/* -- the end -- */

GO_TEST(free_drops_all_and_the_pool_is_ready_again, "pool")
{
	for (int turn = 1; turn <= 3; turn++) {
		struct item *many[300];

		for (int i = 0; i < 300; i++)
			many[i] = get();
		EXPECT_EQ((int)made, turn * 300);
		for (int i = 0; i < 300; i++)
			put(many[i]);
		leat_pool_free(&pool);
		EXPECT_EQ((int)dropped, turn * 300);
		leat_pool_free(&pool);
	}
}

static leat_pool outer = LEAT_POOL(NULL, NULL);

static void put_elsewhere(void *it)
{
	leat_pool_put(&outer, it);
}

GO_TEST(drop_may_use_pools, "pool")
{
	leat_pool inner = LEAT_POOL(NULL, put_elsewhere);
	int a;

	leat_pin();
	leat_pool_put(&inner, &a);
	leat_pool_free(&inner);
	EXPECT(leat_pool_get(&outer) == &a);
	leat_unpin();
	leat_pool_free(&outer);
}

static leat_pool own_pool;
static atomic_bool frees;
static atomic_int drops;

/* Once, on the library's thread: puts something back while the pool is freed. */
static void puts_one_back(void *it)
{
	if (drops++)
		return;
	for (int64_t end = now_ns() + 20000000000ll; !frees;)
		EXPECT(now_ns() < end);
	burn(20000000);
	leat_pool_put(&own_pool, it);
}

GO_TEST(free_drops_what_a_drop_puts_back_meanwhile, "pool")
{
	own_pool = (leat_pool)LEAT_POOL(NULL, puts_one_back);
	own_pool.age = LEAT_MICROSECOND;
	leat_pool_put(&own_pool, &own_pool);
	while (!drops)
		leat_yield();
	frees = true;
	leat_pool_free(&own_pool);
	EXPECT(own_pool.store == NULL);
}

GO_TEST(a_pool_gives_its_memory_back, "pool")
{
	enum { PUTS = 100000, KEPT = 65536 };
	static char at[PUTS];
	leat_pool zero = { 0 };
	size_t before = mallinfo2().uordblks, lent;

	if (!test_under("release"))
		SKIP("counted differently");
	for (int turn = 0; turn < 3; turn++) {
		for (int i = 0; i < PUTS; i++)
			leat_pool_put(&zero, &at[i]);
		lent = mallinfo2().uordblks - before;
		EXPECT(lent > PUTS * sizeof(void *));
		EXPECT(lent < 2 * PUTS * sizeof(void *));
		leat_pool_free(&zero);
		EXPECT(mallinfo2().uordblks < before + KEPT);
	}
}

static void puts_700(leat_wg *done)
{
	for (int i = 0; i < 700; i++)
		leat_pool_put(&outer, &outer);
	leat_wg_done(done);
}

static void gets_600(leat_wg *done)
{
	for (int i = 0; i < 600; i++)
		leat_pool_get(&outer);
	leat_wg_done(done);
}

GO_TEST(crates_go_back_to_who_fills_them, "pool")
{
	enum { TURNS = 300, KEPT = 1 << 18 };
	size_t before;

	if (!test_under("release"))
		SKIP("counted differently");
	outer.age = -1;
	on(0, puts_700);
	before = mallinfo2().uordblks;
	for (int i = 0; i < TURNS; i++) {
		on(leat_procs_get() - 1, gets_600);
		on(leat_procs_get() - 1, gets_600);
		on(0, puts_700);
	}
	EXPECT(mallinfo2().uordblks < before + KEPT);
	leat_pool_free(&outer);
}

static atomic_int own_items;

/* Who is dropped takes another with it, and puts one back now and then. */
static void uses_its_own(void *it)
{
	void *other = leat_pool_get(&own_pool);

	if (other && own_items % 3 == 0)
		leat_pool_put(&own_pool, other);
	else if (other)
		own_items--;
	own_items--;
	(void)it;
}

GO_TEST(drop_may_use_its_own_pool, "pool")
{
	for (size_t turn = test_count(300); turn > 0; turn--) {
		own_pool = (leat_pool)LEAT_POOL(NULL, uses_its_own);
		own_pool.age = LEAT_MICROSECOND;
		own_items = 200;
		for (int i = 0; i < 200; i++)
			leat_pool_put(&own_pool, &own_pool);
		if (turn % 2)
			leat_yield();
		while (own_pool.store)
			leat_pool_free(&own_pool);
		EXPECT_EQ((int)own_items, 0);
	}
}

/* -- everybody at once -- */

static void uses(unsigned me)
{
	struct item *mine[32];
	unsigned x = me * 7919 + 1;
	int n = 0;

	for (size_t i = test_count(300000); i > 0; i--) {
		x = x * 1103515245 + 12345;
		if (n < 32 && (n == 0 || x >> 16 & 1))
			mine[n++] = get();
		else
			put(mine[--n]);
		if (x % 1021 == 0)
			leat_yield();
	}
	while (n > 0)
		put(mine[--n]);
}

GO_TEST(nobody_gets_what_another_has, "pool")
{
	everybody(uses);
	leat_pool_free(&pool);
	EXPECT_EQ((int)dropped, (int)made);
}

static void changes(atomic_bool *over, leat_wg *done)
{
	const int most = leat_procs_get();

	for (int n = 1; !*over; n = n % most + 1) {
		leat_procs_set(n);
		leat_sleep(LEAT_MILLISECOND);
	}
	leat_procs_set(most);
	leat_wg_done(done);
}

GO_TEST(nor_while_items_are_dropped_and_Ps_come_and_go, "pool")
{
	atomic_bool over = false;
	leat_wg done = { 0 };

	pool.age = LEAT_MILLISECOND;
	leat_wg_add(&done, 1);
	leat_go(changes, &over, &done);
	everybody(uses);
	over = true;
	leat_wg_wait(&done);
	leat_pool_free(&pool);
	EXPECT_EQ((int)dropped, (int)made);
}

static void comes_and_goes(unsigned me)
{
	leat_pool mine = LEAT_POOL(make_item, drop_item);

	(void)me;
	for (size_t i = test_count(2000); i > 0; i--) {
		mine.age = 1 + (int64_t)i % 100000; /* ns */
		leat_pool_put(&mine, make_item(NULL));
		if (i % 3 == 0)
			leat_yield();
		leat_pool_free(&mine);
	}
}

GO_TEST(pools_end_while_their_items_are_dropped, "pool")
{
	everybody(comes_and_goes);
	EXPECT_EQ((int)dropped, (int)made);
}

/* -- misuse -- */

GO_TEST_DIES(get_of_a_nil_pool_is_fatal, "pool", "leat_pool_get of nil pool")
{
	leat_pool_get(NULL);
}

GO_TEST_DIES(put_of_a_nil_pool_is_fatal, "pool", "leat_pool_put of nil pool")
{
	leat_pool_put(NULL, &pool);
}

GO_TEST_DIES(free_of_a_nil_pool_is_fatal, "pool", "leat_pool_free of nil pool")
{
	leat_pool_free(NULL);
}

SUITE("pool")
