/*
 * unit_stack.c - guarded stacks: geometry, reservations, guards, memory.
 */
#include "core/stack.h"

#include "core/atomic.h"
#include "core/lock.h"
#include "core/os.h"
#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <sys/resource.h>

#define MIB (1ul << 20)

static struct stack_cache cache;

static char *take_one(struct stack_cache *c)
{
	EXPECT_EQ(stack_reserve(c), 0);
	return stack_take(c);
}

static void give_one(struct stack_cache *c, char *top)
{
	stack_give(c, top);
	stack_unreserve(c);
}

/* Does touching this byte kill?  Asked of a child. */
static bool kills(char *at)
{
	struct rlimit none = { 0, 0 };
	int status;
	pid_t child = fork();

	if (child == 0) {
		setrlimit(RLIMIT_CORE, &none);
		signal(SIGSEGV, SIG_DFL);
		*(char *)at = 1;
		_exit(0);
	}
	waitpid(child, &status, 0);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

/* A number from a file of /proc, after the word. */
static size_t proc(const char *file, const char *word)
{
	char line[200];
	size_t n = 0;
	FILE *f = fopen(file, "r");

	while (fgets(line, sizeof line, f))
		if (strncmp(line, word, strlen(word)) == 0)
			n = strtoul(line + strlen(word), NULL, 10);
	fclose(f);
	return n << 10;
}

static size_t resident(void)
{
	return proc("/proc/self/status", "VmRSS:");
}

static void fill(char *from, char *to, int with)
{
	for (char *at = from; at < to; at += os_page())
		*at = (char)with;
	to[-1] = (char)with;
}

/* ---- what a stack is ---- */

static void expect_sound(char *top, size_t size, size_t lost)
{
	struct stack_bounds b = stack_bounds_of(top, size), found;

	EXPECT_EQ((uintptr_t)top % 16, 0);
	EXPECT(b.hi == top);
	EXPECT(b.hi - b.lo >= (ptrdiff_t)(size - lost));
	EXPECT_EQ(b.lo - b.guard, os_page());
	for (char *at = b.guard; at < top; at += os_page() / 2) {
		EXPECT(stack_find(at, &found));
		EXPECT(found.guard == b.guard && found.lo == b.lo);
		EXPECT(found.hi == top);
	}
	EXPECT(stack_find(top - 1, &found) && found.hi == top);
	fill(b.lo, top, 1);
	EXPECT(kills(b.lo - 1));
	EXPECT(kills(b.guard));
}

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
	size_t before;
	char *top;

	if (proc("/proc/meminfo", "MemAvailable:") < 2048 * MIB)
		SKIP("needs 2 GiB of memory");
	stack_init(STACK_DEFAULT, 1);
	before = resident();
	top = stack_take_sized(900 * MIB);
	EXPECT(top);
	fill(top - STACK_MAX, top, 1);
	EXPECT(kills(top - STACK_MAX - 1));
	EXPECT(resident() > before + 1000 * MIB);
	stack_give_sized(top);
	EXPECT(resident() < before + 16 * MIB);
	EXPECT(stack_take_sized(STACK_MAX) == top);
}

TEST(many_gigabyte_stacks_cost_address_space_only, "R11")
{
	size_t before;

	stack_init(STACK_DEFAULT, 1);
	before = resident();
	for (int i = 0; i < 1000; i++) {
		char *top = stack_take_sized(STACK_MAX);

		EXPECT(top);
		top[-1] = 1;
	}
	EXPECT(resident() < before + 1000 * 2 * os_page() + 16 * MIB);
}

enum { MANY = 1000 };

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
		memset(held[nheld++] - 64, nheld, 64);
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
	while (nheld > 0)
		give_one(&caches[nheld % CACHES], held[--nheld]);
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
		n++;
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
	EXPECT(strstr(said, "no guard page") == strrchr(said, 'n') ||
	       !strstr(strstr(said, "no guard page") + 1, "no guard page"));
}

TEST(a_million_stacks_live_on_stock_settings, "R9 R12")
{
	size_t n = test_count(1000000);
	int64_t start, carved = 0;

	if (proc("/proc/meminfo", "MemAvailable:") < 8192 * MIB)
		SKIP("needs 8 GiB of memory");
	stack_init(STACK_DEFAULT, 2);
	if (strcmp(stack_guard_kind(), "madvise") != 0)
		SKIP("this kernel has no guard pages without mappings");
	start = os_now();
	for (size_t i = 0; i < n; i++) {
		int64_t before = i % 64 ? 0 : os_now();

		EXPECT_EQ(stack_reserve(&cache), 0);
		carved += i % 64 ? 0 : os_now() - before;
		stack_take(&cache)[-64] = 1;
	}
	start = os_now() - start;
	printf("%zu: %lld ns each, guard %lld ", n, (long long)start / (int)n,
	       (long long)carved / (int)n);
	EXPECT_EQ(stack_unguarded(), 0);
	EXPECT(resident() / n < 1.2 * os_page());
}

/* ---- giving memory back ---- */

enum { DEEP = 500 };

static char *deep[DEEP];

static void take_deep(void)
{
	for (int i = 0; i < DEEP; i++) {
		deep[i] = take_one(&cache);
		fill(deep[i] - 128 * 1024, deep[i], 1);
	}
}

TEST(memory_of_stacks_in_no_use_is_returned_and_guards_stay, "R13")
{
	size_t before, full;

	stack_init(STACK_DEFAULT, 1);
	before = resident();
	take_deep();
	full = resident();
	EXPECT(full >= before + 60 * MIB);
	for (int i = 0; i < DEEP; i++)
		give_one(&cache, deep[i]);
	stack_flush(&cache, 0);

	EXPECT_EQ(stack_trim(), DEEP);
	EXPECT_EQ(stack_trim(), DEEP); /* too early */
	EXPECT(resident() >= full - MIB);
	os_sleep(1050000000);
	EXPECT_EQ(stack_trim(), 0);
	EXPECT(resident() <= before + 8 * MIB);

	char *top = take_one(&cache);
	EXPECT_EQ(top[-1], 0);
	expect_sound(top, STACK_DEFAULT, 2048);
}

TEST(stacks_in_use_keep_their_memory, "R13")
{
	stack_init(STACK_DEFAULT, 1);
	take_deep();
	for (int i = 0; i < DEEP / 2; i++)
		give_one(&cache, deep[i]);
	stack_flush(&cache, 0);
	EXPECT_EQ(stack_trim(), DEEP / 2);

	/* Half of what lies there is used in between. */
	for (int i = 0; i < DEEP / 4; i++)
		deep[i] = take_one(&cache);
	os_sleep(1050000000);
	stack_trim();
	stack_flush(&cache, 0);
	for (int i = 0; i < DEEP / 4; i++)
		EXPECT_EQ(deep[i][-1], 1);
	for (int i = DEEP / 2; i < DEEP; i++)
		EXPECT_EQ(deep[i][-1], 1);
}

TEST(a_sized_stack_in_no_use_is_returned_too, "R13")
{
	size_t before;
	char *top[200];

	stack_init(STACK_DEFAULT, 1);
	before = resident();
	for (int i = 0; i < 200; i++) {
		top[i] = stack_take_sized(128 << 10);
		fill(top[i] - (128 << 10), top[i], 1);
	}
	for (int i = 0; i < 200; i++)
		stack_give_sized(top[i]);
	EXPECT(resident() > before + 20 * MIB);
	EXPECT_EQ(stack_trim(), 200);
	os_sleep(1050000000);
	EXPECT_EQ(stack_trim(), 0);
	EXPECT(resident() < before + 8 * MIB);
}

TEST(a_parked_stack_loses_what_is_below_its_sp_and_no_more, "R13")
{
	size_t before;
	char *top, *sp;

	stack_init(STACK_DEFAULT, 1);
	top = stack_take_sized(64 * MIB);
	sp = top - 3 * os_page() - 200;
	fill(top - 64 * MIB, top, 1);
	memset(sp - 128, 1, (size_t)(top - sp) + 128);
	before = resident();
	stack_trim_below(top, 64 * MIB, sp);
	EXPECT(resident() < before - 60 * MIB);
	for (char *at = sp - 128; at < top; at++)
		EXPECT_EQ(*at, 1);
	EXPECT_EQ(top[-64 * (ptrdiff_t)MIB], 0);
	EXPECT(kills(top - 64 * MIB - 1));
	stack_trim_below(top, 64 * MIB, top - 64 * MIB); /* nothing below */
	EXPECT_EQ(top[-1], 1);
}

SUITE("stack")
