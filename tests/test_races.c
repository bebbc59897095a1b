/*
 * test_races.c - sanitizers see through goroutines: a program with a mistake shows it
 * under them.  (That none of ours has one is what all other suites show.)
 */
#include "leat.h"

#include "test.h"
#include "traces.h"

#include <stdatomic.h>

static long shared;
static atomic_int met;
static leat_mutex mutex;

/* Both at the same time, and relaxed, which orders nothing. */
static void meet(void)
{
	atomic_fetch_add_explicit(&met, 1, memory_order_relaxed);
	while (atomic_load_explicit(&met, memory_order_relaxed) < 2)
		leat_yield();
}

static void adds(bool locks, leat_wg *all)
{
	meet();
	for (int i = 0; i < 1000; i++) {
		if (locks)
			leat_mutex_lock(&mutex);
		shared++;
		if (locks)
			leat_mutex_unlock(&mutex);
	}
	leat_wg_done(all);
}

static int two_add(bool lock)
{
	const struct leat_attr first = { .place = LEAT_ON_P, .index = 0 };
	const struct leat_attr second = { .place = LEAT_ON_P, .index = 1 };
	leat_wg all = { 0 };

	leat_procs_set(2);
	leat_wg_add(&all, 2);
	leat_go_with(&first, adds, lock, &all);
	leat_go_with(&second, adds, lock, &all);
	leat_wg_wait(&all);
	return 0;
}

static int without_a_lock(void)
{
	return two_add(false);
}

static int with_a_lock(void)
{
	return two_add(true);
}

TEST(a_data_race_of_goroutines_is_seen, "R31 B.1")
{
	int status;

	if (!test_under("tsan"))
		SKIP("nobody looks");
	for (int i = 0; i < 20 && !strstr(text, "data race"); i++)
		ends_with(without_a_lock, "single", &status);
	EXPECT(strstr(text, "WARNING: ThreadSanitizer: data race"));
	EXPECT(strstr(text, "adds"));
	ends_with(with_a_lock, "single", &status);
	EXPECT_STR(text, "");
}

static int *left;

static __attribute__((noinline)) void leaves_one(void)
{
	int here = 7;

	left = &here;
	__asm__ volatile("" ::"r"(left) : "memory");
}

static int uses_what_is_gone(void)
{
	leaves_one();
	leat_yield();
	return *left;
}

TEST(the_use_of_a_frame_that_is_gone_is_seen, "B.1")
{
	int status;

	if (!test_under("asan"))
		SKIP("nobody looks");
	ends_with(uses_what_is_gone, "single", &status);
	EXPECT(strstr(text, "AddressSanitizer: stack-use-after-return"));
}

static void runs_over(int n)
{
	char room[16], *at = room;

	__asm__ volatile("" : "+r"(at) : : "memory");
	at[n] = 1;
	__asm__ volatile("" ::"r"(at) : "memory");
}

static int in_a_goroutine(void)
{
	leat_go(runs_over, 16);
	leat_sleep(1000 * MS);
	return 0;
}

TEST(a_write_beyond_the_stack_of_a_call_is_seen, "B.1")
{
	int status;

	if (!test_under("asan"))
		SKIP("nobody looks");
	ends_with(in_a_goroutine, "single", &status);
	if (!strstr(text, "AddressSanitizer: stack-buffer-overflow"))
		test_fail(__FILE__, __LINE__, "%.900s", text);
}

SUITE("races")
