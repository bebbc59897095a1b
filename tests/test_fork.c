/*
 * test_fork.c - processes that begin in a goroutine.
 */
#include "leat.h"

#include "test.h"
#include "traces.h"

#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>

static atomic_int stop;
static atomic_long turns;

static void works(leat_wg *all)
{
	leat_chan(int) c = leat_make(int, 1);

	while (!atomic_load(&stop)) {
		int got;

		leat_send(c, 1);
		leat_recv(c, &got);
		atomic_fetch_add(&turns, 1);
		leat_yield();
	}
	leat_release(c);
	leat_wg_done(all);
}

static leat_wg workers;

static void begin_work(void)
{
	leat_wg_add(&workers, 4);
	for (int i = 0; i < 4; i++)
		leat_go(works, &workers);
}

static void end_work(void)
{
	long before = atomic_load(&turns);

	while (atomic_load(&turns) < before + 1000)
		leat_yield();
	atomic_store(&stop, 1);
	leat_wg_wait(&workers);
}

static intptr_t awaits(void *child)
{
	int status;

	while (waitpid(*(pid_t *)child, &status, 0) < 0)
		;
	return status;
}

static int status_of(pid_t child)
{
	EXPECT(child > 0);
	return (int)leat_block(awaits, &child);
}

GO_TEST(a_child_may_exec, "B.1")
{
	begin_work();
	for (size_t i = test_count(50); i > 0; i--) {
		pid_t child = fork();

		if (child == 0) {
			execl("/bin/sh", "sh", "-c", "exit 7", NULL);
			_exit(1);
		}
		EXPECT_EQ(WEXITSTATUS(status_of(child)), 7);
	}
	end_work();
}

GO_TEST(a_child_may_be_spawned, "B.1")
{
	char *const args[] = { "sh", "-c", "exit 9", NULL };

	begin_work();
	for (size_t i = test_count(50); i > 0; i--) {
		pid_t child;

		EXPECT_EQ(
			posix_spawn(&child, "/bin/sh", NULL, NULL, args, NULL),
			0);
		EXPECT_EQ(WEXITSTATUS(status_of(child)), 9);
	}
	end_work();
}

GO_TEST(a_child_may_end_by_itself, "B.1")
{
	begin_work();
	for (size_t i = test_count(200); i > 0; i--) {
		pid_t child = fork();

		if (child == 0)
			_exit(5);
		EXPECT_EQ(WEXITSTATUS(status_of(child)), 5);
	}
	end_work();
}

static intptr_t forks_there(void *unused)
{
	pid_t child = fork();

	(void)unused;
	if (child == 0)
		_exit(6);
	return awaits(&child);
}

GO_TEST(one_that_blocks_may_fork, "B.1")
{
	EXPECT_EQ(WEXITSTATUS((int)leat_block(forks_there, NULL)), 6);
}

/* -- what it may not -- */

static int which;

static void in_child(void)
{
	leat_chan(int) c;
	leat_wg all = { 0 };
	int got;

	switch (which) {
	case 0:
		leat_sleep(MS);
		break;
	case 1:
		c = leat_make(int, 0);
		leat_recv(c, &got);
		break;
	case 2:
		leat_yield();
		break;
	case 3:
		leat_wg_add(&all, 1);
		leat_wg_wait(&all);
		break;
	case 4:
		leat_go(works, &all);
		break;
	case 5:
		leat_block(forks_there, NULL);
		break;
	case 6:
		leat_block_exit();
		break;
	default:
		return;
	}
	_exit(0);
}

static int forks_and_goes_on(void)
{
	pid_t child;
	int status;

	begin_work();
	if (which == 6)
		leat_block_enter();
	child = fork();
	if (child == 0) {
		in_child();
		return 0;
	}
	if (which == 6)
		leat_block_exit();
	status = status_of(child);
	_exit(WEXITSTATUS(status));
}

TEST(a_child_that_enters_the_runtime_ends_with_a_word, "B.1")
{
	int status;

	for (which = 0; which < 8; which++) {
		ends_with(forks_and_goes_on, "single", &status);
		EXPECT_EQ(WEXITSTATUS(status), 2);
		EXPECT_STR(text, "fatal error: a call into the runtime in the "
				 "child of a fork\n");
	}
}

static void *forks_and_waits(void *unused)
{
	leat_wg all = { 0 };
	pid_t child = fork();

	if (child == 0) {
		leat_wg_add(&all, 1);
		leat_wg_wait(&all);
		_exit(0);
	}
	_exit(WEXITSTATUS((int)awaits(&child)));
	return unused;
}

static void *forks_and_starts(void *unused)
{
	pid_t child = fork();

	if (child == 0) {
		leat_go(works, &workers);
		_exit(0);
	}
	_exit(WEXITSTATUS((int)awaits(&child)));
	return unused;
}

static void *(*there)(void *);

static int has_a_thread(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, there, NULL);
	leat_sleep(60000 * MS);
	return 0;
}

TEST(so_does_the_child_of_another_thread, "B.1")
{
	int status;

	there = forks_and_starts;
	ends_with(has_a_thread, "single", &status);
	EXPECT_EQ(WEXITSTATUS(status), 2);
	EXPECT_STR(text, "fatal error: leat_go: a call into the runtime in the "
			 "child of a fork\n");
	there = forks_and_waits;
	ends_with(has_a_thread, "single", &status);
	EXPECT_EQ(WEXITSTATUS(status), 2);
	EXPECT_STR(text, "fatal error: a call into the runtime in the child of "
			 "a fork\n");
}

GO_TEST(a_child_ends_by_sigquit_at_once, "B.1")
{
	pid_t child;
	int status;

	if (test_under("tsan"))
		SKIP("it keeps signals back");
	child = fork();
	if (child == 0)
		for (;;)
			pause();
	leat_sleep(20 * MS);
	kill(child, SIGQUIT);
	status = status_of(child);
	EXPECT(WIFSIGNALED(status));
	EXPECT_EQ(WTERMSIG(status), SIGQUIT);
}

/* -- on both sides -- */

static int runs_some(void)
{
	begin_work();
	end_work();
	return 3;
}

TEST(both_have_goroutines_if_it_forks_before, "B.1")
{
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(leat_run(runs_some));
	EXPECT_EQ(leat_run(runs_some), 3);
	EXPECT_EQ(waitpid(child, &status, 0), child);
	EXPECT_EQ(WEXITSTATUS(status), 3);
}

SUITE("fork")
