/*
 * test.h - a test is a sentence, run in a process of its own, told to CUnit.
 *
 *	TEST(a_queue_is_first_in_first_out, "R12 R31")
 *	{
 *		EXPECT_EQ(pop(q), 1);
 *	}
 *	GO_TEST(a_yield_lets_others_run, "R5") { ... }    body: main goroutine
 *	TEST_DIES(a_nil_function_is_refused, "R9", "nil function") { ... }
 *	GO_TEST_DIES(...)                                 both
 *	SUITE("queue")                                    once, last: main()
 *
 *	suite ---- fork ---> test: body, exit(0)
 *	  |                    |
 *	  |    struct test_note, shared: the expectation that failed, and where
 *	  '<-- wait, at most TEST_SECONDS, then kill; tell CUnit
 *
 * The second argument names the requirement rows the test proves; argv[1]
 * runs only the tests whose name or rows contain it.  A test passes by exit
 * status 0, so that a sanitizer's report at exit fails it; one that DIES by
 * status 2 with the text on stderr.  EXPECT works on any thread.
 *
 * LEAT_TEST_SLOW=n, for sanitizers and emulators, lengthens the clock n times
 * and divides what test_count() returns.
 */
#ifndef TEST_H
#define TEST_H

#include "leat/runtime.h"

#include <CUnit/Basic.h>
#include <assert.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef TEST_SECONDS
#define TEST_SECONDS 60
#endif

#ifndef TEST_UNDER
#define TEST_UNDER "release"
#endif

enum { TEST_SKIPPED = 77, TEST_STATUS_FATAL = 2 };

struct test {
	const char *name, *rows;
	const char *says; /* the text on stderr if it must die, else NULL */
	void (*run)(void);
	void (*report)(void); /* what CUnit calls */
	struct test *next;
};

/* Written by the child before it gives up, read by the parent. */
struct test_note {
	const char *file; /* NULL: nothing failed */
	unsigned line;
	char text[1000];
};

static struct test *tests, **tests_end = &tests;
static struct test_note *test_note;
static pid_t test_child;
static int test_late;

#define TEST(name, rows)               TEST_(name, rows, NULL)
#define TEST_DIES(name, rows, says)    TEST_(name, rows, says)
#define GO_TEST(name, rows)            GO_TEST_(name, rows, NULL)
#define GO_TEST_DIES(name, rows, says) GO_TEST_(name, rows, says)

#define TEST_(name, rows, says)           \
	static void name(void);           \
	TEST_ADD_(name, rows, says, name) \
	static void name(void)

#define GO_TEST_(name, rows, says)                   \
	static void name(void);                      \
	static int name##_main(void)                 \
	{                                            \
		name();                              \
		return 0;                            \
	}                                            \
	static void name##_run(void)                 \
	{                                            \
		EXPECT_EQ(leat_run(name##_main), 0); \
	}                                            \
	TEST_ADD_(name, rows, says, name##_run)      \
	static void name(void)

#define TEST_ADD_(name, rows, says, run)                                 \
	static void name##_report(void);                                 \
	static struct test name##_test = { #name, rows,          says,   \
					   run,   name##_report, NULL }; \
	static void name##_report(void)                                  \
	{                                                                \
		test_report(&name##_test);                               \
	}                                                                \
	__attribute__((constructor)) static void name##_add(void)        \
	{                                                                \
		*tests_end = &name##_test;                               \
		tests_end = &name##_test.next;                           \
	}

#define EXPECT(cond)                                                \
	do {                                                        \
		if (!(cond))                                        \
			test_fail(__FILE__, __LINE__, "%s", #cond); \
	} while (0)

/* Integers and pointers; shows both values. */
#define EXPECT_EQ(a, b)                                                        \
	do {                                                                   \
		static_assert(!test_real_(a) && !test_real_(b),                \
			      "EXPECT_EQ cuts off fractions");                 \
		intmax_t test_a_ = (intmax_t)(a), test_b_ = (intmax_t)(b);     \
		if (test_a_ != test_b_)                                        \
			test_fail(__FILE__, __LINE__,                          \
				  "%s == %s: %jd is not %jd", #a, #b, test_a_, \
				  test_b_);                                    \
	} while (0)
#define test_real_(a) (__builtin_classify_type((__typeof__(a))0) == 8)

#define EXPECT_STR(a, b)                                                    \
	do {                                                                \
		const char *test_a_ = (a), *test_b_ = (b);                  \
		if (strcmp(test_a_, test_b_) != 0)                          \
			test_fail(__FILE__, __LINE__,                       \
				  "%s is %s: \"%s\" is not \"%s\"", #a, #b, \
				  test_a_, test_b_);                        \
	} while (0)

/* End this test without an answer; the log says why, CUnit counts it passed. */
#define SKIP(why)                            \
	do {                                 \
		printf("skipped: %s ", why); \
		fflush(stdout);              \
		_exit(TEST_SKIPPED);         \
	} while (0)

__attribute__((unused, noreturn, format(printf, 3, 4))) static void
test_fail(const char *file, unsigned line, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(test_note->text, sizeof test_note->text, format, args);
	va_end(args);
	test_note->line = line;
	test_note->file = file;
	fflush(stdout);
	_exit(1);
}

static unsigned test_slow(void)
{
	const char *text = getenv("LEAT_TEST_SLOW");
	int slow = text ? atoi(text) : 1;

	return slow > 0 ? (unsigned)slow : 1;
}

/* Is this built for what: "asan", "tsan", "qemu"?  Memory is counted
 * differently there, and address space is dear. */
__attribute__((unused)) static int test_under(const char *what)
{
	return !strcmp(TEST_UNDER, what);
}

/* How often to do what is done n times at full speed. */
__attribute__((unused)) static size_t test_count(size_t n)
{
	return n / test_slow() + 1;
}

static void test_kill(int alarm)
{
	(void)alarm;
	test_late = 1;
	kill(-test_child, SIGKILL);
	kill(test_child, SIGKILL);
}

/* The body in a child, its stderr in err if there is one; its wait status. */
static int test_run(const struct test *t, FILE *err)
{
	int status;

	fflush(NULL);
	memset(test_note, 0, sizeof *test_note);
	test_late = 0;
	test_child = fork();
	if (test_child == 0) {
		setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (err)
			dup2(fileno(err), STDERR_FILENO);
		t->run();
		exit(0);
	}
	alarm(TEST_SECONDS * test_slow());
	while (waitpid(test_child, &status, 0) < 0)
		;
	alarm(0);
	kill(-test_child, SIGKILL); /* whatever it left behind */
	return status;
}

/* How the child ended in words, or NULL when it ended with status wanted. */
static const char *test_end(int status, int wanted)
{
	static char text[80];

	if (test_late)
		snprintf(text, sizeof text, "not done after %u s",
			 TEST_SECONDS * test_slow());
	else if (WIFSIGNALED(status))
		snprintf(text, sizeof text, "killed by SIG%s",
			 sigabbrev_np(WTERMSIG(status)));
	else if (WEXITSTATUS(status) != wanted)
		snprintf(text, sizeof text, "exit status %d, not %d",
			 WEXITSTATUS(status), wanted);
	else
		return NULL;
	return text;
}

static void test_tell(const struct test *t, const char *what)
{
	const char *file = test_note->file ? test_note->file : t->name;
	char text[6000];

	snprintf(text, sizeof text, "%s [%s]",
		 test_note->file ? test_note->text : what, t->rows);
	CU_assertImplementation(CU_FALSE, test_note->line, text, file, t->name,
				CU_FALSE);
}

/* The last words of all tests that die, for lint-deaths.sh. */
static void test_keep(const char *said)
{
	const char *name = getenv("LEAT_TEST_DEATHS");
	FILE *to = name ? fopen(name, "a") : NULL;

	if (!to)
		return;
	fprintf(to, "%.2000s\n", said);
	fclose(to);
}

static void test_dies(const struct test *t)
{
	static char text[5000], said[400000];
	FILE *err = tmpfile();
	int status = test_run(t, err);
	const char *end = test_end(status, TEST_STATUS_FATAL);

	rewind(err);
	said[fread(said, 1, sizeof said - 1, err)] = '\0';
	fclose(err);
	test_keep(said);
	if ((!test_note->file && !end && strstr(said, t->says)) ||
	    (WIFEXITED(status) && WEXITSTATUS(status) == TEST_SKIPPED)) {
		CU_PASS(t->name);
		return;
	}
	snprintf(text, sizeof text,
		 "%s%s\"%s\" expected on stderr, which is:\n%.3000s",
		 end ? end : "", end ? "; " : "", t->says, said);
	test_tell(t, text);
}

static void test_report(const struct test *t)
{
	const char *end;
	int status;

	if (t->says) {
		test_dies(t);
		return;
	}
	status = test_run(t, NULL);
	end = test_end(status, 0);
	if (!end ||
	    (WIFEXITED(status) && WEXITSTATUS(status) == TEST_SKIPPED)) {
		CU_PASS(t->name);
		return;
	}
	test_tell(t, end);
}

static int test_suite(const char *name, const char *filter)
{
	CU_pSuite suite;
	int failures;

	signal(SIGALRM, test_kill);
	test_note = (struct test_note *)mmap(NULL, sizeof *test_note,
					     PROT_READ | PROT_WRITE,
					     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (test_note == MAP_FAILED || CU_initialize_registry() != CUE_SUCCESS)
		return 2;
	suite = CU_add_suite(name, NULL, NULL);
	for (struct test *t = tests; t; t = t->next)
		if (strstr(t->name, filter) || strstr(t->rows, filter))
			CU_add_test(suite, t->name, t->report);
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failures = (int)CU_get_number_of_failures();
	CU_cleanup_registry();
	return failures != 0;
}

#define SUITE(name)                                               \
	int main(int argc, char **argv)                           \
	{                                                         \
		return test_suite(name, argc > 1 ? argv[1] : ""); \
	}

#endif
