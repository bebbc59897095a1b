/*
 * test_dump_end.c - where all goroutines are: by signal, and as last words.
 */
#include "leat.h"

#include "test.h"
#include "traces.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

static leat_chan(int) line;
static atomic_int stop, begun;

static FOUND void receives(void)
{
	int got;

	leat_recv(line, &got);
	HERE;
}

static void computes(void)
{
	atomic_store(&begun, 1);
	while (!atomic_load(&stop))
		HERE;
}

/* -- by signals -- */

static int asked_by_a_signal(void)
{
	int fds[2];
	size_t n = 0;

	EXPECT_EQ(pipe(fds), 0);
	EXPECT_EQ(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
	for (int i = 0; i < 3; i++) {
		raise(SIGUSR1);
		while (count(text, "\ngoroutine 1 ") <= i) {
			long got = read(fds[0], text + n, sizeof(text) - n - 1);

			EXPECT(got > 0);
			n += (size_t)got;
		}
	}
	return 0;
}

TEST(a_signal_that_is_set_asks_for_a_dump, "B.1")
{
	setenv("LEAT_DUMP", "USR1", 1);
	EXPECT_EQ(leat_run(asked_by_a_signal), 0);
}

static void quits(void)
{
	leat_sleep(10 * MS); /* nobody else computes: they wait */
	raise(SIGQUIT);
}

GO_TEST_DIES(sigquit_ends_the_process_with_a_dump, "B.1",
	     "SIGQUIT: quit\n\ngoroutine 1 (main) [chan receive, 0x")
{
	line = leat_make(int, 0);
	leat_go(quits);
	receives();
}

static int ignores(void)
{
	raise(SIGQUIT);
	leat_sleep(50 * MS);
	return 0;
}

TEST(sigquit_stays_ignored, "B.1")
{
	signal(SIGQUIT, SIG_IGN);
	EXPECT_EQ(leat_run(ignores), 0);
}

static atomic_int had;

static void has(int sig)
{
	atomic_store(&had, sig);
}

TEST(a_handler_of_sigquit_stays, "B.1")
{
	signal(SIGQUIT, has);
	EXPECT_EQ(leat_run(ignores), 0);
	EXPECT_EQ(atomic_load(&had), SIGQUIT);
}

GO_TEST(sigquit_into_a_channel_ends_nothing, "B.1")
{
	leat_chan(int) c = leat_make(int, 1);
	int got = 0;

	leat_signal_notify(c, SIGQUIT);
	raise(SIGQUIT);
	EXPECT(leat_recv(c, &got));
	EXPECT_EQ(got, SIGQUIT);
	leat_signal_stop(c);
	leat_release(c);
}

static int urged(void)
{
	if (test_under("tsan"))
		SKIP("it keeps signals back from who computes");
	atomic_store(&stop, 0);
	leat_go(computes);
	while (!atomic_load(&begun))
		leat_sleep(MS);
	EXPECT(leat_stack(text, sizeof(text), true) > 0);
	EXPECT_EQ(atomic_load(&had), 0);
	kill(getpid(), SIGURG);
	for (int i = 0; i < 1000 && !atomic_load(&had); i++)
		leat_sleep(MS);
	EXPECT_EQ(atomic_load(&had), SIGURG);
	atomic_store(&stop, 1);
	return 0;
}

TEST(sigurg_of_others_goes_where_it_went, "B.1")
{
	signal(SIGURG, has);
	EXPECT_EQ(leat_run(urged), 0);
}

TEST_DIES(a_signal_that_there_is_not_is_refused, "B.1",
	  "leat: LEAT_DUMP=SEGV: want a signal: HUP")
{
	setenv("LEAT_DUMP", "SEGV", 1);
	leat_run(ignores);
}

TEST_DIES(a_level_that_there_is_not_is_refused, "B.1",
	  "leat: LEAT_TRACEBACK=2: want none, single, all, system or crash\n")
{
	setenv("LEAT_TRACEBACK", "2", 1);
	leat_run(ignores);
}

/* -- as last words -- */

static FOUND void panics(void)
{
	leat_panic("enough");
	HERE;
}

#define WHERE "panic: enough\n\ngoroutine 1 (main) [running]:\npanics()\n\t"

GO_TEST_DIES(a_panic_shows_where_it_was, "R39 B.1", WHERE)
{
	panics();
	HERE;
}

static FOUND void unlocks(void)
{
	static leat_mutex none;

	leat_mutex_unlock(&none);
	HERE;
}

GO_TEST_DIES(a_fatal_error_shows_where_it_was, "X3 B.1",
	     "fatal error: sync: unlock of unlocked mutex\n\n"
	     "goroutine 1 (main) [running]:\nunlocks()\n\t")
{
	unlocks();
	HERE;
}

static FOUND void at_large(void)
{
	panics();
	HERE;
}

static void *panics_there(void *unused)
{
	at_large();
	return unused;
}

GO_TEST_DIES(a_deadlock_shows_where_each_waits, "R228 X6",
	     "deadlock!\n\ngoroutine 1 (main) [chan receive, 0x")
{
	if (test_under("qemu"))
		SKIP("a thread more than we know");
	line = leat_make(int, 0);
	leat_go(receives);
	receives();
	HERE;
}

static int panic_of_two(void)
{
	line = leat_make(int, 0);
	leat_go(receives);
	leat_sleep(20 * MS);
	panics();
	HERE;
	return 0;
}

TEST_DIES(all_are_shown_if_that_is_wanted, "B.1", "[chan receive, 0x")
{
	setenv("LEAT_TRACEBACK", "all", 1);
	leat_run(panic_of_two);
}

TEST_DIES(the_librarys_own_calls_are_shown_if_that_is_wanted, "B.1",
	  "leat_panic()\n\t")
{
	setenv("LEAT_TRACEBACK", "system", 1);
	leat_run(panic_of_two);
}

#define ELSEWHERE \
	"on a thread that is not the runtime's, or in the scheduler:\n"

static int panics_elsewhere(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, panics_there, NULL);
	leat_sleep(60000 * MS);
	return 0;
}

TEST(a_thread_that_is_not_the_runtimes_shows_where_it_was, "B.1")
{
	static const char *const parts[] = { "panic: enough\n\n" ELSEWHERE
					     "panics()\n\t",
					     "at_large()\n\t",
					     "panics_there()\n\t" };
	int status;

	ends_with(panics_elsewhere, "single", &status);
	EXPECT_EQ(WEXITSTATUS(status), 2);
	expect_said(parts, 3);
}

TEST(nothing_is_shown_if_that_is_wanted, "B.1")
{
	int status;

	ends_with(panic_of_two, "none", &status);
	EXPECT_EQ(WEXITSTATUS(status), 2);
	EXPECT(strcmp(text, "panic: enough\n") == 0);
}

TEST(others_are_not_shown_if_nothing_is_said, "B.1")
{
	int status;

	ends_with(panic_of_two, "single", &status);
	EXPECT_EQ(WEXITSTATUS(status), 2);
	EXPECT_EQ(count(text, "\ngoroutine "), 1);
	EXPECT(!strstr(text, "leat_panic"));
}

TEST(a_core_file_is_left_if_that_is_wanted, "B.1")
{
	int status;

	ends_with(panic_of_two, "crash", &status);
	EXPECT(WIFSIGNALED(status));
	EXPECT_EQ(WTERMSIG(status), SIGABRT);
	EXPECT_EQ(count(text, "\ngoroutine "), 2);
}

SUITE("dump_end")
