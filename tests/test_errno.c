/*
 * test_errno.c - errno belongs to the goroutine.
 */
#include "leat.h"

#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

static void keeps(int mine, int rounds)
{
	EXPECT_EQ(leat_errno(), 0);
	for (int i = 0; i < rounds; i++) {
		leat_errno_set(mine + i);
		leat_yield();
		EXPECT_EQ(leat_errno(), mine + i);
	}
}

GO_TEST(it_is_kept_while_others_run, "R14 errno")
{
	leat_wg all = { 0 };

	for (int i = 0; i < 40; i++)
		leat_wg_go(&all, keeps, 1000 * (i + 1), (int)test_count(500));
	leat_wg_wait(&all);
}

static void hands_over(leat_chan(int) in, leat_chan(int) out, int mine)
{
	int got;

	for (;;) {
		leat_errno_set(mine);
		if (!leat_recv(in, &got))
			return;
		EXPECT_EQ(leat_errno(), mine);
		leat_errno_set(-mine);
		leat_send(out, got + 1);
		EXPECT_EQ(leat_errno(), -mine);
	}
}

GO_TEST(also_over_channels, "R14 errno")
{
	leat_chan(int) to = leat_make(int, 0), from = leat_make(int, 0);
	leat_wg other = { 0 };
	int got = 0;

	leat_wg_go(&other, hands_over, to, from, 7);
	leat_errno_set(9);
	for (int i = 0; i < (int)test_count(2000); i++) {
		leat_send(to, i);
		EXPECT(leat_recv(from, &got));
		EXPECT_EQ(got, i + 1);
		EXPECT_EQ(leat_errno(), 9);
	}
	leat_close(to);
	leat_wg_wait(&other);
	leat_release(to);
	leat_release(from);
}

static void fails(int rounds)
{
	for (int i = 0; i < rounds; i++) {
		EXPECT_EQ(open("/does/not/exist", O_RDONLY), -1);
		leat_sleep(LEAT_MICROSECOND);
		EXPECT_EQ(leat_errno(), ENOENT);
	}
}

static void succeeds(int rounds)
{
	for (int i = 0; i < rounds; i++) {
		leat_sleep(LEAT_MICROSECOND);
		EXPECT_EQ(leat_errno(), 0);
	}
}

GO_TEST(what_a_system_call_left_is_there_after_a_sleep, "R14 R24 errno")
{
	leat_wg all = { 0 };

	for (int i = 0; i < 4; i++) {
		leat_wg_go(&all, fails, (int)test_count(200));
		leat_wg_go(&all, succeeds, (int)test_count(200));
	}
	leat_wg_wait(&all);
}

/* In a scope that stays on its thread, errno itself will do. */
static void pinned(int mine, int rounds)
{
	leat_pin();
	for (int i = 0; i < rounds; i++) {
		errno = mine;
		leat_yield();
		EXPECT_EQ(errno, mine);
	}
	leat_unpin();
}

GO_TEST(a_pinned_one_may_use_errno_itself, "R14 D.1 errno")
{
	leat_wg all = { 0 };

	for (int i = 0; i < 8; i++)
		leat_wg_go(&all, pinned, i + 1, (int)test_count(300));
	leat_wg_wait(&all);
}

static intptr_t fails_blocked(void *arg)
{
	(void)arg;
	return close(-1);
}

static void blocks(int mine, int rounds)
{
	for (int i = 0; i < rounds; i++) {
		leat_errno_set(mine);
		leat_block_enter();
		leat_block_exit();
		EXPECT_EQ(leat_errno(), mine);
		EXPECT_EQ(leat_block(fails_blocked, NULL), -1);
		leat_yield();
		EXPECT_EQ(leat_errno(), EBADF);
	}
}

GO_TEST(and_of_a_blocking_call, "R25 errno")
{
	leat_wg all = { 0 };

	for (int i = 0; i < 8; i++)
		leat_wg_go(&all, blocks, 100 + i, (int)test_count(100));
	leat_wg_wait(&all);
}

static void *outside(void *arg)
{
	leat_errno_set(5);
	EXPECT_EQ(errno, 5);
	leat_yield();
	EXPECT_EQ(leat_errno(), 5);
	return arg;
}

TEST(a_thread_has_its_own_as_ever, "errno")
{
	pthread_t thread;

	errno = 3;
	pthread_create(&thread, NULL, outside, NULL);
	pthread_join(thread, NULL);
	EXPECT_EQ(leat_errno(), 3);
}

SUITE("errno")
