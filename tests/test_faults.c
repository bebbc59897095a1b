/*
 * test_faults.c - whatever the kernel refuses, a program gets an error or what
 * it asked for, and ends.
 *
 * Faults are asked for by LEAT_FAIL, from the start on: every n-th call of a
 * kind, for each n.  A program that cannot start says so and has status 2.
 */
#include "leat.h"

#include "measure.h"
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>

enum { SECONDS = 20 };

/* Every n-th call, n up to this; a process takes seconds to end there. */
static int most(void)
{
	return test_under("tsan") || test_under("qemu") ? 3 : 20;
}

static atomic_long ran;

static void adds(leat_wg *group)
{
	atomic_fetch_add(&ran, 1);
	if (atomic_load(&ran) % 64 == 0)
		leat_yield();
	leat_wg_done(group);
}

static intptr_t naps(void *ns)
{
	struct timespec t = { .tv_nsec = (intptr_t)ns };

	return nanosleep(&t, NULL);
}

static void blocks(leat_wg *group)
{
	leat_block(naps, (void *)100000l);
	atomic_fetch_add(&ran, 1);
	leat_wg_done(group);
}

static void locks(leat_wg *group)
{
	leat_thread_lock();
	leat_yield();
	atomic_fetch_add(&ran, 1);
	leat_thread_unlock();
	leat_wg_done(group);
}

/* Start n of fn; how many there was memory for. */
static long start(int n, size_t stack, void (*fn)(leat_wg *), leat_wg *group)
{
	struct leat_attr attr = { .stack = stack };
	long started = 0;

	for (int i = 0; i < n; i++) {
		int rc;

		leat_wg_add(group, 1);
		rc = leat_go_with(&attr, fn, group);
		EXPECT(rc == 0 || rc == -ENOMEM);
		if (rc != 0)
			leat_wg_done(group);
		started += rc == 0;
	}
	return started;
}

/* A bit of everything; what was started has run and ended. */
static int everything(int n)
{
	leat_wg group = { 0 };
	long started = 0;

	for (int procs = 1; procs <= 9; procs += 4) {
		started += start(n, 0, adds, &group);
		leat_procs_set(procs);
		started += start(n / 10, 1 << 20, adds, &group);
		started += start(n / 50, 32 << 10, adds, &group);
		started += start(10, 0, blocks, &group);
		started += start(4, 0, locks, &group);
		leat_wg_wait(&group);
	}
	EXPECT_EQ(atomic_load(&ran), started);
	while (leat_goroutine_count() > 1)
		leat_yield();
	return 0;
}

/* Its status, or what killed it. */
static int run_with(const char *faults, int n)
{
	int status;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child == 0) {
		int null = open("/dev/null", O_WRONLY);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setenv("LEAT_FAIL", faults, 1);
		dup2(null, STDERR_FILENO);
		alarm(SECONDS * test_slow());
		signal(SIGALRM, SIG_DFL);
		exit(leat_run(everything, n));
	}
	waitpid(child, &status, 0);
	return status;
}

/* Runs, or cannot start and says so; how many of the n's ran. */
static int survive(const char *kind, int n)
{
	int ran_well = 0;

	for (int i = 1; i <= most(); i++) {
		char faults[100];
		int status;

		snprintf(faults, sizeof faults, "%s:every:%d", kind, i);
		status = run_with(faults, n);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
			ran_well++;
		else if (!WIFEXITED(status) || WEXITSTATUS(status) != 2)
			test_fail(__FILE__, __LINE__,
				  "LEAT_FAIL=%s: status %#x%s%s", faults,
				  (unsigned)status,
				  *test_note->text ? ": " : "",
				  test_note->text);
	}
	printf("%d of %d ran ", ran_well, most());
	return ran_well;
}

TEST(without_faults_it_runs, "R30")
{
	EXPECT_EQ(run_with("map:1000000000", (int)test_count(20000)), 0);
}

TEST(address_space_may_be_refused, "R30")
{
	survive("map", (int)test_count(20000));
}

TEST(advice_may_be_refused, "R13 R30")
{
	EXPECT_EQ(survive("advise", (int)test_count(5000)), most());
}

TEST(advice_in_batches_may_be_refused, "R13 R30")
{
	EXPECT_EQ(survive("batch", (int)test_count(5000)), most());
}

TEST(protection_may_be_refused, "R12 R30")
{
	EXPECT_EQ(survive("protect", (int)test_count(5000)), most());
}

TEST(waits_may_be_interrupted, "R30")
{
	EXPECT_EQ(survive("futex", (int)test_count(5000)), most());
}

TEST(pinning_may_be_refused, "R30")
{
	EXPECT_EQ(survive("pin", (int)test_count(5000)), most());
}

/* Among the first five are P 0's and sysmon's; others may come in between. */
TEST(threads_may_be_refused, "R18 R30")
{
	EXPECT(survive("thread", (int)test_count(5000)) >= most() - 5);
}

TEST(everything_may_be_refused_now_and_then, "R30")
{
	static const char *const mixes[] = {
		"map:every:7,thread:every:3,futex:every:2",
		"advise:every:2,protect:every:2,batch:every:3,pin:every:2",
		"map:every:19,advise:every:5,thread:every:4,futex:every:3",
	};

	for (size_t i = 0; i < sizeof mixes / sizeof *mixes; i++) {
		int status = run_with(mixes[i], (int)test_count(5000));

		if (!WIFEXITED(status) || WEXITSTATUS(status) % 2)
			test_fail(__FILE__, __LINE__,
				  "LEAT_FAIL=%s: status %#x: %s", mixes[i],
				  (unsigned)status, test_note->text);
	}
}

/* -- not a single one more, from the third call on -- */

static int nothing(void)
{
	return 0;
}

/* The first is who dumps: that can be done without. */
TEST_DIES(a_program_without_a_thread_cannot_start, "R30",
	  "leat: cannot start a thread")
{
	setenv("LEAT_FAIL", "thread:2", 1);
	leat_run(nothing);
}

TEST_DIES(a_program_without_a_watch_cannot_start, "R30",
	  "leat: cannot start a thread")
{
	setenv("LEAT_FAIL", "thread:3", 1);
	leat_run(nothing);
}

TEST_DIES(a_program_without_memory_cannot_start, "R30", "leat: no memory")
{
	setenv("LEAT_FAIL", "map:every:1", 1);
	leat_run(nothing);
}

SUITE("faults")
