/*
 * test_crash.c - faults of the CPU, and other signals that end a process.
 *
 * After Go's words for signals that arrive in C, and its src/runtime/crash_cgo_test.go
 * in what is asked of them.
 */
#include "leat.h"

#include "test.h"
#include "traces.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>

/* Its own handler is there first. */
static void not_under_a_sanitizer(void)
{
	if (test_under("asan") || test_under("tsan"))
		SKIP("a sanitizer reports faults itself");
}

#define EXPECT_SAID(...)                                           \
	expect_said((const char *const[]){ __VA_ARGS__ },          \
		    sizeof((const char *const[]){ __VA_ARGS__ }) / \
			    sizeof(char *))

static void expect_end(int (*fn)(void), const char *level, int sig)
{
	int status;

	ends_with(fn, level, &status);
	EXPECT(WIFSIGNALED(status));
	EXPECT_EQ(WTERMSIG(status), sig);
}

static int *nowhere = (int *)0x10;

static FOUND void writes(void)
{
	__asm__ volatile("" : "+r"(nowhere));
	*nowhere = 1;
	HERE;
}

static int faults(void)
{
	writes();
	HERE;
	return 0;
}

TEST(a_fault_is_told_with_where_it_was_and_ends_by_its_signal, "B.1")
{
	not_under_a_sanitizer();
	expect_end(faults, "single", SIGSEGV);
	EXPECT_SAID("SIGSEGV: segmentation violation\nPC=0x",
		    " sigcode=1 addr=0x10\n\ngoroutine 1 (main) [running]:\n"
		    "writes()\n\t",
		    "test_crash.c:", "faults()\n\t");
}

TEST(a_fault_is_told_in_two_lines_if_no_more_is_wanted, "B.1")
{
	not_under_a_sanitizer();
	expect_end(faults, "none", SIGSEGV);
	EXPECT_EQ(count(text, "\n"), test_under("qemu") ? 3 : 2);
}

static void (*no_function)(void);

static FOUND void calls_null(void)
{
	__asm__ volatile("" : "+r"(no_function));
	no_function();
	HERE;
}

static int jumps(void)
{
	calls_null();
	HERE;
	return 0;
}

TEST(a_call_of_null_is_told_with_who_made_it, "B.1")
{
	not_under_a_sanitizer();
	expect_end(jumps, "single", SIGSEGV);
	EXPECT_SAID("PC=0x0 ", "\n?()\n\t", "calls_null()\n\t", "jumps()\n\t");
}

static void *faults_there(void *unused)
{
	writes();
	return unused;
}

static int faults_elsewhere(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, faults_there, NULL);
	leat_sleep(60000 * MS);
	return 0;
}

TEST(a_fault_on_another_thread_is_told_too, "B.1")
{
	not_under_a_sanitizer();
	expect_end(faults_elsewhere, "single", SIGSEGV);
	EXPECT_SAID("SIGSEGV: segmentation violation\n",
		    "on a thread that is not the runtime's", "writes()\n\t",
		    "faults_there()\n\t");
}

static FOUND void gives_up(void)
{
	abort();
}

static int aborts(void)
{
	gives_up();
	HERE;
	return 0;
}

TEST(an_abort_is_told_with_where_it_was, "B.1")
{
	expect_end(aborts, "single", SIGABRT);
	EXPECT_SAID("SIGABRT: abort\nPC=0x",
		    "\n\ngoroutine 1 (main) [running]:\n", "gives_up()\n\t");
}

static int sent;

static int is_sent_it(void)
{
	raise(sent);
	leat_sleep(MS);
	return 0;
}

TEST(who_is_sent_such_a_signal_ends_by_it, "B.1")
{
	static const int each[] = { SIGFPE, SIGILL, SIGABRT };

	for (size_t i = 0; i < sizeof(each) / sizeof(*each); i++) {
		sent = each[i];
		if (!test_under("asan") && !test_under("tsan")) {
			expect_end(is_sent_it, "single", sent);
			EXPECT_SAID("SIG", "is_sent_it()\n\t");
		}
	}
}

TEST(who_ignores_them_is_sent_them_in_vain, "B.1")
{
	int status;

	not_under_a_sanitizer();
	signal(SIGSEGV, SIG_IGN);
	signal(SIGABRT, SIG_IGN);
	sent = SIGSEGV;
	ends_with(is_sent_it, "single", &status);
	EXPECT_EQ(status, 0);
	sent = SIGABRT;
	ends_with(is_sent_it, "single", &status);
	EXPECT_EQ(status, 0);
	EXPECT_STR(text, "");
}

/* -- a handler of the program's -- */

static sigjmp_buf back;
static atomic_int had;

static void has(int sig)
{
	atomic_store(&had, sig);
	siglongjmp(back, 1);
}

static int faults_and_goes_on(void)
{
	if (sigsetjmp(back, 1) == 0)
		writes();
	return atomic_load(&had);
}

TEST(a_handler_from_before_gets_faults, "B.1")
{
	signal(SIGSEGV, has);
	EXPECT_EQ(leat_run(faults_and_goes_on), SIGSEGV);
}

static int sets_its_own(void)
{
	signal(SIGSEGV, has);
	return faults_and_goes_on();
}

TEST(a_handler_from_later_gets_faults, "B.1")
{
	EXPECT_EQ(leat_run(sets_its_own), SIGSEGV);
}

static void has_all_of_it(int sig, siginfo_t *info, void *context)
{
	EXPECT(context);
	EXPECT(info->si_addr == (void *)0x10);
	has(sig);
}

TEST(it_gets_the_address_too, "B.1")
{
	struct sigaction sa = { .sa_sigaction = has_all_of_it,
				.sa_flags = SA_SIGINFO };

	sigaction(SIGSEGV, &sa, NULL);
	EXPECT_EQ(leat_run(faults_and_goes_on), SIGSEGV);
}

SUITE("crash")
