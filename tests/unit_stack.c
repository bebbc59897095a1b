/*
 * unit_stack.c - what a stack is, and who has a right to one.
 */
#include "unit_stack.h"
#include "core/atomic.h"

#include <errno.h>
#include <pthread.h>

/* ---- what a stack is ---- */

TEST(a_stack_has_its_size_and_a_guard_that_kills, "R10 R12")
{
	stack_init(STACK_DEFAULT, 1);
	for (int i = 0; i < 40; i++)
		expect_sound(take_one(&cache), STACK_DEFAULT, 2048);
}

TEST(small_stacks_have_guards_too, "R10 R12")
{
	stack_init(STACK_MIN, 1);
	for (int i = 0; i < 40; i++)
		expect_sound(take_one(&cache), stack_round(1), 2048);
}

TEST(a_sized_stack_has_all_of_its_size_and_a_guard, "R11 R12")
{
	stack_init(STACK_DEFAULT, 1);
	for (size_t size = 1; size <= 64 * MIB; size *= 3)
		for (int i = 0; i < 3; i++)
			expect_sound(stack_take_sized(size), stack_round(size),
				     0);
}

TEST(sizes_are_rounded_up_to_powers_of_two, "R11")
{
	stack_init(STACK_DEFAULT, 1);
	EXPECT(stack_round(0) >= STACK_MIN);
	EXPECT_EQ(stack_round(200000), 262144);
	EXPECT_EQ(stack_round(262144), 262144);
	EXPECT_EQ(stack_round(262145), 524288);
	EXPECT_EQ(stack_round(STACK_MAX), STACK_MAX);
	EXPECT(!stack_take_sized(STACK_MAX + 1));
	EXPECT(!stack_take_sized(SIZE_MAX));
}

TEST(a_gigabyte_of_stack_can_be_touched_to_the_bottom, "R11")
{
	char *top;

	if (proc("/proc/meminfo", "MemAvailable:") < 2048 * MIB)
		SKIP("needs 2 GiB of memory");
	stack_init(STACK_DEFAULT, 1);
	top = stack_take_sized(900 * MIB);
	EXPECT(top);
	fill(top - STACK_MAX, top, 1);
	EXPECT(kills(top - STACK_MAX - 1));
	EXPECT_EQ(resident(top - STACK_MAX, top), STACK_MAX);
	stack_give_sized(top);
	EXPECT_EQ(resident(top - STACK_MAX, top), 0);
	EXPECT(stack_take_sized(STACK_MAX) == top);
}

TEST(many_gigabyte_stacks_cost_address_space_only, "R11")
{
	stack_init(STACK_DEFAULT, 1);
	for (size_t i = 0; i < test_count(MANY); i++) {
		char *top = stack_take_sized(STACK_MAX);

		EXPECT(top);
		top[-1] = 1;
		if (i % 50 == 0)
			EXPECT_EQ(resident(top - STACK_MAX, top), os_page());
	}
}

static int by_address(const void *a, const void *b)
{
	const struct stack_bounds *x = a, *y = b;

	return (x->lo > y->lo) - (x->lo < y->lo);
}

TEST(no_two_stacks_overlap, "R14")
{
	static struct stack_bounds at[2 * MANY];

	stack_init(STACK_DEFAULT, 1);
	for (int i = 0; i < MANY; i++) {
		size_t size = STACK_MIN << i % 10;

		at[i] = stack_bounds_of(take_one(&cache), STACK_DEFAULT);
		at[MANY + i] = stack_bounds_of(stack_take_sized(size),
					       stack_round(size));
	}
	qsort(at, 2 * MANY, sizeof *at, by_address);
	for (int i = 1; i < 2 * MANY; i++)
		EXPECT(at[i - 1].hi <= at[i].guard);
}

TEST(an_address_elsewhere_is_in_no_stack, "R12")
{
	struct stack_bounds b;
	char *top;

	stack_init(STACK_DEFAULT, 1);
	top = stack_take_sized(STACK_MAX); /* the first in its mapping */
	EXPECT(!stack_find(&b, &b));
	EXPECT(!stack_find(NULL, &b));
	EXPECT(!stack_find((void *)UINTPTR_MAX, &b));
	EXPECT(!stack_find(top, &b));
	EXPECT(!stack_find(top - STACK_MAX - os_page() - 1, &b));
	EXPECT(stack_find(top - STACK_MAX - os_page(), &b));
}

TEST(tops_do_not_all_share_a_cache_set, "R9")
{
	bool seen[64] = { false };
	int sets = 0;

	stack_init(STACK_DEFAULT, 1);
	for (int i = 0; i < MANY; i++)
		seen[(uintptr_t)take_one(&cache) / 64 % 64] = true;
	for (int i = 0; i < 64; i++)
		sets += seen[i];
	EXPECT(sets >= 16);
}

TEST(the_stack_given_last_is_taken_first, "R9")
{
	static char *top[MANY];

	stack_init(STACK_DEFAULT, 1);
	for (int i = 0; i < MANY; i++)
		top[i] = take_one(&cache);
	for (int i = 0; i < MANY; i++)
		give_one(&cache, top[i]);
	for (int i = MANY; i-- > 0;)
		EXPECT(take_one(&cache) == top[i]);
}

/* ---- reservations ---- */

enum { CACHES = 3, STEPS = 4000, MOST = 1500 };

static struct stack_cache caches[CACHES];
static char *held[MOST];
static int nheld, reserved, refused;

/* One reservation, one stack taken, or one goroutine ended, by any P. */
static void step(unsigned *seed)
{
	struct stack_cache *c = &caches[rand_r(seed) % CACHES];
	int dice = rand_r(seed) % 8;

	if (dice < 3 && nheld + reserved < MOST) {
		int failed = stack_reserve(c);

		EXPECT(failed == 0 || failed == -ENOMEM);
		reserved += !failed;
		refused += !!failed;
	} else if (dice < 6 && reserved > 0) {
		reserved--;
		held[nheld] = stack_take(c);
		held[nheld++][-64] = 1;
	} else if (dice < 7 && nheld > 0) {
		int i = rand_r(seed) % nheld;

		give_one(c, held[i]);
		held[i] = held[--nheld];
	} else if (rand_r(seed) % 64 == 0) {
		stack_flush(c, rand_r(seed) % STACK_CACHE);
	}
}

static void expect_distinct(void)
{
	for (int i = 0; i < nheld; i++)
		*(int *)(held[i] - 64) = i;
	for (int i = 0; i < nheld; i++)
		EXPECT_EQ(*(int *)(held[i] - 64), i);
}

/* Every n-th call fails.  Whoever got a reservation gets a stack; nothing is
 * lost: what once was enough is enough again with no memory at all. */
static void honour(const char *kind, unsigned n, bool from_the_start)
{
	unsigned seed = n;
	int most;

	if (from_the_start)
		os_fail(kind, n, true);
	stack_init(STACK_MIN, CACHES);
	os_fail(kind, n, true);
	os_fail("protect", n, true);
	for (int i = 0; i < STEPS; i++)
		step(&seed);
	for (; reserved > 0; reserved--)
		held[nheld++] = stack_take(&caches[reserved % CACHES]);
	expect_distinct();
	most = nheld;
	while (nheld-- > 0)
		give_one(&caches[nheld % CACHES], held[nheld]);
	nheld = 0;
	for (int i = 0; i < CACHES; i++)
		stack_flush(&caches[i], 0);

	os_fail("map", 1, true);
	os_fail("advise", 1, true);
	os_fail("protect", 1, true);
	for (; nheld < most; nheld++)
		held[nheld] = take_one(&caches[0]);
	expect_distinct();
	EXPECT_EQ(stack_guard_kind()[0] == 'n', stack_unguarded() > 0);
}

static void in_child(const char *kind, unsigned n, bool from_the_start)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		freopen("/dev/null", "w", stderr);
		honour(kind, n, from_the_start);
		exit(0);
	}
	waitpid(child, &status, 0);
	EXPECT_EQ(status, 0);
}

TEST(who_has_reserved_gets_a_stack_whatever_map_fails, "R30")
{
	for (unsigned n = 1; n <= 50; n++)
		in_child("map", n, n % 2);
}

TEST(who_has_reserved_gets_a_stack_whatever_advice_fails, "R30")
{
	for (unsigned n = 1; n <= 50; n++)
		in_child("advise", n, n % 2);
}

TEST(with_no_memory_at_all_nothing_is_reserved, "R30")
{
	stack_init(STACK_DEFAULT, CACHES);
	os_fail("map", 1, true);
	for (int i = 0; i < MANY; i++) {
		EXPECT_EQ(stack_reserve(&cache), -ENOMEM);
		EXPECT_EQ(stack_reserve_shared(), -ENOMEM);
		EXPECT(!stack_take_sized(MIB));
	}
	os_fail("map", 0, true);
	EXPECT(take_one(&cache));
	EXPECT(stack_take_sized(MIB));
}

TEST(address_space_is_used_up_to_its_limit, "R30")
{
	size_t used = proc("/proc/self/status", "VmSize:");
	struct rlimit limit = { used + 300 * MIB, used + 300 * MIB };
	int n = 0;

	if (used > 1024 * 1024 * MIB)
		SKIP("a sanitizer has taken the address space");
	stack_init(STACK_DEFAULT, 1);
	EXPECT_EQ(setrlimit(RLIMIT_AS, &limit), 0);
	while (stack_reserve(&cache) == 0)
		if (++n * STACK_DEFAULT > 300 * MIB)
			SKIP("the limit has no effect here");
	printf("%d stacks in 300 MiB ", n);
	EXPECT(n * STACK_DEFAULT > 200 * MIB);
	for (int i = 0; i < n; i++)
		stack_take(&cache)[-1] = 1;
	EXPECT_EQ(stack_reserve(&cache), -ENOMEM);
}

TEST(a_reservation_without_a_p_is_as_good, "R30")
{
	stack_init(STACK_DEFAULT, 1);
	for (int i = 0; i < MANY; i++)
		EXPECT_EQ(stack_reserve_shared(), 0);
	os_fail("map", 1, true);
	for (int i = 0; i < MANY; i++)
		stack_take(&cache)[-1] = 1;
}

TEST(credit_flows_back_from_where_goroutines_end, "R26 R30")
{
	stack_init(STACK_DEFAULT, 2);
	for (int i = 0; i < MANY; i++)
		give_one(&caches[1], take_one(&caches[0]));
	os_fail("map", 1, true);
	for (int i = 0; i < 100 * MANY; i++)
		give_one(&caches[1], take_one(&caches[0]));
}

TEST(caches_may_be_added_if_there_is_memory_for_them, "R25 R30")
{
	stack_init(STACK_DEFAULT, 1);
	EXPECT_EQ(stack_caches(200), 0);
	os_fail("map", 1, true);
	EXPECT_EQ(stack_caches(5000), -ENOMEM);
	EXPECT_EQ(stack_caches(100), 0);
	EXPECT_EQ(stack_reserve(&cache), 0);
	EXPECT_EQ(stack_caches(100), 0);
}

/* ---- many threads ---- */

enum { THREADS = 4 };

static _Atomic(char *) market[64]; /* stacks that others will give back */
static size_t rounds;

static void *trade(void *arg)
{
	struct stack_cache c = { .node = (int)(intptr_t)arg };
	unsigned seed = (unsigned)(intptr_t)arg + 1;

	for (size_t i = 0; i < rounds; i++) {
		char *top = take_one(&c);
		uint64_t *word = (uint64_t *)(top - 64);

		*word = i;
		EXPECT_EQ(*word, i);
		/* acq_rel, as a run queue would hand it on */
		top = a_swap(&market[rand_r(&seed) % 64], top, acq_rel);
		if (top) {
			*(uint64_t *)(top - 64) = 0;
			give_one(&c, top);
		}
		if (i % 1024 == 0)
			stack_flush(&c, i % 64);
		if (i % 4096 == 0)
			stack_trim();
	}
	stack_flush(&c, 0);
	return NULL;
}

TEST(threads_trade_stacks_and_none_is_in_two_hands, "R14 R22")
{
	pthread_t thread[THREADS];

	rounds = test_count(400000);
	stack_init(STACK_DEFAULT, THREADS);
	for (intptr_t i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, trade, (void *)i);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);

	/* All of it is there again: no more is mapped for as many. */
	int live = 0;
	for (int i = 0; i < 64; i++)
		live += a_load(&market[i], relaxed) != NULL;
	os_fail("map", 1, true);
	for (int i = live; i < 64; i++)
		EXPECT(take_one(&cache));
}

SUITE("stack")
