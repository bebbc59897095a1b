/*
 * unit_guard.c - what lies below a stack, and how its memory goes back.
 */
#include "unit_stack.h"

/* ---- guards ---- */

TEST(guards_that_do_nothing_are_found_out, "R12")
{
	stack_init(STACK_DEFAULT, 1);
	EXPECT(kills(stack_bounds_of(take_one(&cache), STACK_DEFAULT).guard));
	printf("by %s ", stack_guard_kind());
	EXPECT(strcmp(stack_guard_kind(), "none") != 0);
	EXPECT_EQ(stack_unguarded(), 0);
}

TEST(an_old_kernel_makes_guards_by_mprotect, "R12")
{
	os_fail("advise", 1, true);
	stack_init(STACK_DEFAULT, 1);
	EXPECT_STR(stack_guard_kind(), "mprotect");
	for (int i = 0; i < MANY; i++)
		EXPECT(!os_readable(
			stack_bounds_of(take_one(&cache), STACK_DEFAULT)
				.guard));
	expect_sound(take_one(&cache), STACK_DEFAULT, 2048);
	expect_sound(stack_take_sized(MIB), MIB, 0);
	EXPECT_EQ(stack_unguarded(), 0);
}

TEST(where_mappings_run_out_stacks_go_unguarded_and_it_is_said, "R12 R30")
{
	size_t limit = (size_t)os_number("/proc/sys/vm/max_map_count");
	FILE *err = tmpfile();
	char said[1000];
	char *top = NULL;

	if (limit > 100000)
		SKIP("vm.max_map_count is not the usual one");
	dup2(fileno(err), STDERR_FILENO);
	os_fail("advise", 1, true);
	stack_init(STACK_MIN, 1);
	for (size_t i = 0; i < limit; i++)
		top = take_one(&cache);
	fill(top - STACK_MIN + 2048, top, 1);
	EXPECT_STR(stack_guard_kind(), "none");
	EXPECT(stack_unguarded() > limit / 2 && stack_unguarded() < limit);

	/* What is left is for others. */
	for (int i = 0; i < MANY; i++)
		EXPECT_EQ(os_protect_none(os_map(3 * os_page(), os_page()),
					  os_page()),
			  0);
	rewind(err);
	said[fread(said, 1, sizeof said - 1, err)] = '\0';
	EXPECT(strstr(said, "leat: "));
	EXPECT(strstr(said, "sysctl -w vm.max_map_count="));

	char *once = strstr(said, "no guard page");
	EXPECT(once && !strstr(once + 1, "no guard page"));
}

/* On a busy machine, as many as there is time for. */
#define MILLION_NS 20000000000

TEST(a_million_stacks_live_on_stock_settings, "R9 R12")
{
	enum { LOOK = 1000 };
	static char *some[LOOK + 2];
	size_t n = test_count(1000000), i;
	int64_t start, spent = 0;

	if (proc("/proc/meminfo", "MemAvailable:") < 8192 * MIB)
		SKIP("needs 8 GiB of memory");
	stack_init(STACK_DEFAULT, 2);
	if (strcmp(stack_guard_kind(), "madvise") != 0)
		SKIP("this kernel makes guards by mprotect only");
	start = os_now();
	for (i = 0; i < n && spent < MILLION_NS; i++) {
		char *top = take_one(&cache);

		top[-64] = 1;
		if (i % LOOK == 0) {
			some[i / LOOK] = top;
			spent = os_now() - start;
		}
	}
	printf("%zu, %lld ns each ", i, (long long)(os_now() - start) / (int)i);
	EXPECT_EQ(stack_unguarded(), 0);
	for (i = 0; i <= LOOK && some[i]; i++) {
		struct stack_bounds b = stack_bounds_of(some[i], STACK_DEFAULT);

		EXPECT_EQ(resident(b.lo, b.hi), os_page());
		EXPECT(!os_readable(b.guard));
	}
}

/* ---- giving memory back ---- */

enum { DEEP = 500, DEPTH = 128 << 10 };

static char *deep[DEEP];

static void take_deep(void)
{
	for (int i = 0; i < DEEP; i++) {
		deep[i] = take_one(&cache);
		fill(deep[i] - DEPTH, deep[i], 1);
	}
}

static size_t resident_deep(int from, int to)
{
	size_t n = 0;

	for (int i = from; i < to; i++)
		n += resident(deep[i] - DEPTH, deep[i]);
	return n;
}

TEST(memory_of_stacks_in_no_use_is_returned_and_guards_stay, "R13")
{
	stack_init(STACK_DEFAULT, 1);
	take_deep();
	EXPECT(resident_deep(0, DEEP) >= (size_t)DEEP * DEPTH);
	for (int i = 0; i < DEEP; i++)
		give_one(&cache, deep[i]);
	stack_flush(&cache, 0);

	EXPECT(stack_trim() >= DEEP);
	EXPECT(stack_trim() >= DEEP); /* too early */
	EXPECT(resident_deep(0, DEEP) >= (size_t)DEEP * DEPTH);
	os_sleep(1050000000);
	EXPECT_EQ(stack_trim(), 0);
	EXPECT_EQ(resident_deep(0, DEEP), 0);

	char *top = take_one(&cache);
	EXPECT_EQ(top[-1], 0);
	expect_sound(top, STACK_DEFAULT, 2048);
}

TEST(stacks_used_meanwhile_keep_their_memory, "R13")
{
	stack_init(STACK_DEFAULT, 1);
	take_deep();
	for (int i = 0; i < DEEP / 2; i++)
		give_one(&cache, deep[i]);
	stack_flush(&cache, 0);
	EXPECT(stack_trim() >= DEEP / 2);
	os_sleep(1050000000);

	/* The last hundred are used again before the second look. */
	for (int i = DEEP / 2; i-- > DEEP / 2 - 100;)
		EXPECT(take_one(&cache) == deep[i]);
	for (int i = DEEP / 2 - 100; i < DEEP / 2; i++)
		give_one(&cache, deep[i]);
	stack_flush(&cache, 0);
	EXPECT(stack_trim() >= 100);
	EXPECT(resident_deep(DEEP / 2 - 100, DEEP) >= (DEEP / 2 + 100) * DEPTH);
	EXPECT(resident_deep(0, DEEP / 2 - 100) <= 64 * DEPTH);
}

TEST(a_sized_stack_in_no_use_is_returned_too, "R13")
{
	char *top[200];

	stack_init(STACK_DEFAULT, 1);
	for (int i = 0; i < 200; i++) {
		top[i] = stack_take_sized(DEPTH);
		fill(top[i] - DEPTH, top[i], 1);
	}
	for (int i = 0; i < 200; i++)
		stack_give_sized(top[i]);
	EXPECT_EQ(stack_trim(), 200);
	os_sleep(1050000000);
	EXPECT_EQ(stack_trim(), 0);
	for (int i = 0; i < 200; i++)
		EXPECT_EQ(resident(top[i] - DEPTH, top[i]), 0);
}

TEST(a_parked_stack_loses_what_is_below_its_sp_and_no_more, "R13")
{
	size_t size = 64 * MIB;
	char *top, *sp;

	stack_init(STACK_DEFAULT, 1);
	top = stack_take_sized(size);
	sp = top - 3 * os_page() - 200;
	fill(top - size, top, 1);
	memset(sp - 128, 1, (size_t)(top - sp) + 128);
	stack_trim_below(top, size, sp);
	EXPECT_EQ(resident(top - size, top), 4 * os_page());
	for (char *at = sp - 128; at < top; at++)
		EXPECT_EQ(*at, 1);
	EXPECT(kills(top - size - 1));
	stack_trim_below(top, size, top - size); /* nothing below */
	memset(top - 100000, 1, 100000);
	stack_trim_below(top, 100001, sp); /* of no page's size */
	EXPECT_EQ(top[-90000], 0);
	EXPECT_EQ(top[-1], 1);
}

SUITE("guard")
