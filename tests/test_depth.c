/*
 * test_depth.c - stacks: deep, large, overflowing, and given back.
 */
#include "leat.h"

#include "measure.h"
#include "test.h"

#include <pthread.h>
#include <stdatomic.h>

static void nothing(void)
{
}

/* -- stacks -- */

/* Each frame looks at the one above, so that no compiler makes a loop of it. */
static size_t dig_below(size_t bytes, volatile char *above)
{
	volatile char frame[4096];

	frame[0] = frame[sizeof(frame) - 1] = above ? above[0] : 1;
	if (bytes > sizeof(frame) + 256)
		return dig_below(bytes - sizeof(frame) - 256, frame) + frame[0];
	return 0;
}

static size_t dig(size_t bytes)
{
	return dig_below(bytes, NULL);
}

static void digs(size_t bytes, leat_wg *group)
{
	dig(bytes);
	leat_wg_done(group);
}

GO_TEST(a_stack_grows_far_beyond_its_first_page, "R10 X4")
{
	leat_wg group = { 0 };

	leat_wg_add(&group, 1);
	leat_go(digs, (size_t)200 << 10, &group);
	leat_wg_wait(&group);
}

GO_TEST(a_stack_of_a_gigabyte_holds_900_MB, "R11 X4")
{
	leat_wg group = { 0 };
	struct leat_attr attr = { .stack = 1ul << 30 };
	size_t depth = (size_t)900 << 20;

	if (free_gb() < 3)
		SKIP("less than 3 GiB free");
	if (test_under("tsan"))
		SKIP("the sanitizer's own stack of calls is not as deep");
	leat_wg_add(&group, 1);
	EXPECT_EQ(leat_go_with(&attr, digs, depth, &group), 0);
	leat_wg_wait(&group);
}

GO_TEST(sized_stacks_come_and_go, "R11")
{
	leat_wg group = { 0 };

	for (int i = 0; i < 200; i++) {
		struct leat_attr attr = { .stack = 16384ul << (i % 8) };

		leat_wg_add(&group, 1);
		EXPECT_EQ(leat_go_with(&attr, digs, attr.stack / 4, &group), 0);
		if (i % 3 == 0)
			leat_wg_wait(&group);
	}
	leat_wg_wait(&group);
}

/* The frame is not one that a compiler could flatten. */
static volatile int for_ever = 1;

static int overflows(volatile char *above)
{
	volatile char frame[1024];

	frame[0] = above ? above[0] : 1;
	return for_ever ? overflows(frame) + frame[0] : 0;
}

static void runs_over(void)
{
	overflows(NULL);
}

GO_TEST_DIES(an_overflow_is_named, "R12", "runtime: goroutine stack exceeds")
{
	struct leat_attr attr = { .name = "digger" };

	leat_go_with(&attr, runs_over);
	for (;;)
		leat_yield();
}

GO_TEST_DIES(an_overflow_names_the_goroutine, "R12", "(digger) [running]")
{
	struct leat_attr attr = { .name = "digger", .stack = 65536 };

	leat_go_with(&attr, runs_over);
	for (;;)
		leat_yield();
}

GO_TEST_DIES(an_overflow_of_main_is_named, "R12", "fatal error: stack overflow")
{
	overflows(NULL);
}

GO_TEST_DIES(a_stack_beyond_a_gigabyte_is_refused, "R12",
	     "leat_go_with: stack size 1073741825 out of range")
{
	struct leat_attr attr = { .stack = (1ul << 30) + 1 };

	leat_go_with(&attr, nothing);
}

static void deep_then_wait(leat_wg *ready, leat_wg *gate, leat_wg *gone)
{
	dig((size_t)200 << 10);
	leat_wg_done(ready);
	leat_wg_wait(gate);
	leat_wg_done(gone);
}

GO_TEST(a_waiting_goroutine_gives_deep_pages_back, "R13")
{
	enum { N = 200 };
	leat_wg ready = { 0 }, gate = { 0 }, gone = { 0 };
	long before = resident_kb(), deep;
	struct timespec pause = { .tv_nsec = 100000000 };

	if (test_under("asan") || test_under("tsan"))
		SKIP("what the sanitizer keeps counts as resident");
	leat_wg_add(&ready, N);
	leat_wg_add(&gate, 1);
	leat_wg_add(&gone, N);
	for (int i = 0; i < N; i++)
		leat_go(deep_then_wait, &ready, &gate, &gone);
	leat_wg_wait(&ready);
	deep = resident_kb() - before;
	EXPECT(deep > N * 150);
	for (int i = 0; resident_kb() - before > deep / 4; i++) {
		EXPECT(i < 300);
		leat_block_enter();
		nanosleep(&pause, NULL);
		leat_block_exit();
	}
	leat_wg_done(&gate);
	leat_wg_wait(&gone);
}

SUITE("depth")
