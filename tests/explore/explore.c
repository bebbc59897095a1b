/*
 * explore.c - the cases, one after the other; what is printed.
 *
 *	explore_x                    every case in every mode, then mutants
 *	explore_x WORD               only cases with WORD in the name
 *	explore_x --replay C/M/P/S   one run, step by step: case, mode,
 *	                             contended words and schedule, as a
 *	                             failure printed them
 *	explore_x --mutant L=O       with the order labelled L weakened to O
 *
 *	EXPLORE_PREEMPTIONS=3        another bound for cases that set none
 *	EXPLORE_SECONDS=60           patience with one case in one mode
 *	EXPLORE_MUTANTS=0            no mutants; =all: listed survivors, too
 *
 * A schedule names the thread at each turn where there was a choice: a to f
 * makes its next step, A to F has its oldest store reach memory; a digit says
 * how old a value a load sees (0: the newest) or what explore_choose returns.
 */
#undef _FORTIFY_SOURCE
#include "tests/explore/engine.h"

#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

bool tracing;
double explore_seconds = 180;
long explore_runs = LONG_MAX;
static int preemptions = 2;
static int passed, failed;

static const struct {
	unsigned mode;
	const char *name;
} modes[] = {
	{ EXPLORE_SC, "sc" },
	{ EXPLORE_TSO, "tso" },
	{ EXPLORE_WEAK, "weak" },
};
enum { MODES = sizeof(modes) / sizeof(modes[0]) };

const char *mode_name(unsigned mode)
{
	for (int i = 0; i < MODES; i++)
		if (modes[i].mode == mode)
			return modes[i].name;
	return "?";
}

void trace(int t, const char *format, ...)
{
	static int step;
	va_list args;

	if (!tracing)
		return;
	printf("%4d  %*s%c  ", ++step, 2 * t, "", 'a' + t);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

void explore_fail(const char *file, int line, const char *what)
{
	threads_fail("%s:%d: %s", file, line, what);
}

/* What core/ calls when an invariant is broken. */
_Noreturn void bug(const char *what, const char *file, int line);
_Noreturn void bug(const char *what, const char *file, int line)
{
	explore_fail(file, line, what);
}

/* Nobody forks here. */
void fork_refuse(void);
void fork_refuse(void)
{
}

_Noreturn void fatal(const char *format, ...);
_Noreturn void fatal(const char *format, ...)
{
	explore_fail(format, 0, "fatal error");
}

_Noreturn void refuse(const char *format, ...);
_Noreturn void refuse(const char *format, ...)
{
	explore_fail(format, 0, "refused");
}

static void crashed(int sig)
{
	threads_fail("signal %d at %s:%d", sig,
		     self && self->site ? self->site->file : "?",
		     self && self->site ? self->site->line : 0);
}

/* A mutant may well follow a wild pointer. */
static void catch_crashes(void)
{
	static char stack[64 * 1024];
	stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction act = { .sa_handler = crashed,
				 .sa_flags = SA_ONSTACK | SA_NODEFER };

	sigaltstack(&alternate, NULL);
	sigaction(SIGSEGV, &act, NULL);
	sigaction(SIGBUS, &act, NULL);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* FAILED: failure says why.  Else *exhausted says whether all was tried. */
enum outcome explore_mode(const struct explore_case *c, unsigned mode,
			  const char *replay, const char *places,
			  bool *exhausted)
{
	double start = now();

	model = mode == EXPLORE_WEAK ? &weak_model : &strong_model;
	strong_buffers = mode == EXPLORE_TSO;
	*exhausted = false;
	uses_forget(places);
	search_begin(replay);
	for (;;) {
		enum outcome o = threads_run(c, c->preemptions ? c->preemptions
							       : preemptions);

		if (o == FAILED || replay)
			return o;
		if (search_count.runs >= explore_runs ||
		    (search_count.runs % 1024 == 0 &&
		     now() - start > explore_seconds))
			return WHOLE;
		if (o == AGAIN)
			search_begin(NULL);
		else if (!search_next())
			break;
	}
	*exhausted = true;
	return WHOLE;
}

static const char *bound_name(const struct explore_case *c)
{
	static char text[32];
	int n = c->preemptions ? c->preemptions : preemptions;

	if (n == EXPLORE_ANY)
		return "any preemptions";
	snprintf(text, sizeof(text), "%d preemptions", n);
	return text;
}

static void verdict(bool good, const struct explore_case *c, unsigned mode,
		    double seconds, const char *how)
{
	printf("%s %-26s %-4s %8ld runs %8ld whole %9ld steps %6.2f s  %s\n",
	       good ? "ok  " : "FAIL", c->name, mode_name(mode),
	       search_count.runs, search_count.whole, search_count.steps,
	       seconds, how);
	passed += good;
	failed += !good;
}

static void must_pass(const struct explore_case *c, unsigned mode)
{
	bool exhausted;
	char how[64];
	double start = now();
	enum outcome o = explore_mode(c, mode, NULL, NULL, &exhausted);
	double seconds = now() - start;

	if (o == FAILED) {
		verdict(false, c, mode, seconds, failure);
		printf("     --replay %s/%s/%s/%s\n", c->name, mode_name(mode),
		       uses_script(), search_schedule());
		return;
	}
	snprintf(how, sizeof(how), "%s, %s",
		 exhausted ? "exhausted" : "NOT exhausted", bound_name(c));
	verdict(exhausted && search_count.whole, c, mode, seconds, how);
}

static void must_fail(const struct explore_case *c, unsigned mode)
{
	bool exhausted;
	double start = now();
	enum outcome o = explore_mode(c, mode, NULL, NULL, &exhausted);
	double seconds = now() - start;

	if (o != FAILED)
		verdict(false, c, mode, seconds, "should fail, and does not");
	else if (c->says && !strstr(failure, c->says))
		verdict(false, c, mode, seconds, failure);
	else
		verdict(true, c, mode, seconds, "found, as it should be");
}

static void run_all(const struct explore_case *c, size_t cases,
		    const char *filter)
{
	for (size_t i = 0; i < cases; i++) {
		if (filter && !strstr(c[i].name, filter))
			continue;
		for (int m = 0; m < MODES; m++) {
			if (c[i].passes & modes[m].mode)
				must_pass(&c[i], modes[m].mode);
			if (c[i].fails & modes[m].mode)
				must_fail(&c[i], modes[m].mode);
			fflush(stdout);
		}
	}
}

/* CASE/MODE/PLACES/SCHEDULE; 0 if it runs through, 1 if it fails. */
static int replay(const struct explore_case *c, size_t cases, char *text)
{
	char *name = strtok(text, "/"), *mode = strtok(NULL, "/"),
	     *places = strtok(NULL, "/"), *schedule = strtok(NULL, "/");
	bool exhausted;

	for (size_t i = 0; name && mode && places && i < cases; i++)
		for (int m = 0; m < MODES; m++) {
			if (strcmp(c[i].name, name) ||
			    strcmp(modes[m].name, mode))
				continue;
			tracing = true;
			if (explore_mode(&c[i], modes[m].mode,
					 schedule ? schedule : "", places,
					 &exhausted) != FAILED) {
				printf("no failure\n");
				return 0;
			}
			printf("%s\n", failure);
			return 1;
		}
	fprintf(stderr, "--replay wants CASE/MODE/PLACES/SCHEDULE\n");
	return 2;
}

static void settings(void)
{
	const char *p = getenv("EXPLORE_PREEMPTIONS"),
		   *s = getenv("EXPLORE_SECONDS");

	if (p)
		preemptions = atoi(p);
	if (s)
		explore_seconds = atof(s);
}

int explore_main(int argc, char **argv, const struct explore_case *c,
		 size_t cases, const char *files,
		 const struct explore_survivor *s)
{
	const char *filter = NULL, *mutants = getenv("EXPLORE_MUTANTS");

	settings();
	catch_crashes();
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--mutant") && i + 1 < argc) {
			if (!mutants_set(argv[++i])) {
				fprintf(stderr, "no site %s\n", argv[i]);
				return 2;
			}
		} else if (!strcmp(argv[i], "--replay") && i + 1 < argc)
			return replay(c, cases, argv[i + 1]);
		else
			filter = argv[i];
	}
	run_all(c, cases, filter);
	if (failed)
		printf("mutants: not tried, since cases fail\n");
	else if (!filter && !(mutants && !strcmp(mutants, "0")))
		failed += mutants_run(c, cases, files, s);
	printf("%d passed, %d failed\n", passed, failed);
	return failed != 0;
}
