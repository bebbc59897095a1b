/*
 * test_watch.c - what is said unasked: LEAT_SCHEDTRACE, LEAT_STALL.
 */
#include "leat.h"

#include "test.h"
#include "traces.h"

#include <stdatomic.h>

/* -- schedtrace -- */

static int naps(void)
{
	for (int i = 0; i < 20; i++)
		leat_sleep(5 * MS);
	return 0;
}

/* The numbers between "[ " and "]" after the word. */
static int in_brackets(const char *line, const char *word)
{
	const char *at = strstr(line, word);
	int n = 0;

	EXPECT(at);
	at += strlen(word);
	for (char *end; *at != ']'; at = end, n++) {
		strtoul(at, &end, 10);
		EXPECT(end > at);
		while (*end == ' ')
			end++;
	}
	return n;
}

TEST(the_scheduler_is_told_in_gos_line, "B.1")
{
	int status, lines = 0;
	long before = -1;

	setenv("LEAT_PROCS", "3", 1);
	setenv("LEAT_SCHEDTRACE", "10", 1);
	ends_with(naps, "single", &status);
	EXPECT_EQ(status, 0);
	for (char *line = strtok(text, "\n"); line;
	     line = strtok(NULL, "\n"), lines++) {
		long ms;
		int procs, threads, needed;
		unsigned idle, searching, waiting, queued;

		EXPECT_EQ(sscanf(line,
				 "SCHED %ldms: gomaxprocs=%d idleprocs=%u "
				 "threads=%d spinningthreads=%u "
				 "needspinning=%d idlethreads=%u "
				 "runqueue=%u [ ",
				 &ms, &procs, &idle, &threads, &searching,
				 &needed, &waiting, &queued),
			  8);
		EXPECT(ms > before || ms == 0);
		EXPECT_EQ(procs, 3);
		EXPECT(idle <= 3 && searching <= 3);
		EXPECT(threads >= 0 && (int)waiting <= threads);
		EXPECT_EQ(in_brackets(line, " ["), 3);
		EXPECT_EQ(in_brackets(line, "schedticks=["), 3);
		before = ms;
	}
	EXPECT(lines >= 3);
	EXPECT(lines <= 1 + before / 10);
}

static int nothing(void)
{
	return 0;
}

TEST_DIES(a_schedtrace_of_no_time_is_refused, "B.1",
	  "leat: LEAT_SCHEDTRACE=0: want milliseconds, 1 to 1000000000\n")
{
	setenv("LEAT_SCHEDTRACE", "0", 1);
	leat_run(nothing);
}

/* -- stalls -- */

static FOUND void computes(int64_t until)
{
	while (leat_now() < until)
		HERE;
	HERE;
}

static int stalls(void)
{
	computes(leat_now() + 300 * MS);
	return 0;
}

static const char *const procs[] = { "1", "2", "16" };

TEST(who_computes_for_long_is_named_once_with_its_stack, "B.1 R28")
{
	int status;

	if (test_under("tsan"))
		SKIP("it keeps signals back from who computes");
	for (int i = 0; i < 3; i++) {
		setenv("LEAT_PROCS", procs[i], 1);
		setenv("LEAT_STALL", "20ms", 1);
		ends_with(stalls, "single", &status);
		EXPECT_EQ(status, 0);
		EXPECT_EQ(count(text, "leat: goroutine 1 has kept its thread "
				      "for "),
			  1);
		expect_said(
			(const char *const[]){
				" ms\n\ngoroutine 1 (main) [running]:\n",
				"stalls()\n\t" },
			2);
	}
}

static void works(void)
{
	for (int i = 0; i < 1000; i++)
		leat_yield();
}

/* So that it loses its P to them. */
static int stalls_while_others_wait(void)
{
	leat_wg all = { 0 };

	for (int i = 0; i < 10; i++)
		leat_wg_go(&all, works);
	computes(leat_now() + 300 * MS);
	leat_wg_wait(&all);
	return 0;
}

TEST(who_computes_on_without_a_P_is_named_too, "B.1 R28")
{
	int status;

	if (test_under("tsan"))
		SKIP("it keeps signals back from who computes");
	setenv("LEAT_PROCS", "1", 1);
	setenv("LEAT_STALL", "50ms", 1);
	ends_with(stalls_while_others_wait, "single", &status);
	EXPECT_EQ(status, 0);
	EXPECT_EQ(count(text, "leat: goroutine 1 has kept its thread for "), 1);
}

static intptr_t naps_itself(void *unused)
{
	(void)unused;
	usleep(300000);
	return 0;
}

static int waits_in_every_way(void)
{
	int64_t end = leat_now() + 300 * MS;

	leat_sleep(300 * MS);
	leat_block(naps_itself, NULL);
	while (leat_now() < end + 600 * MS) {
		leat_yield();
		leat_sleep(MS / 10);
	}
	return 0;
}

/* With time to spare for a machine that gives us no CPU for long. */
TEST(who_waits_blocks_or_yields_is_not_named, "B.1 R28")
{
	int status;

	setenv("LEAT_STALL", "200ms", 1);
	ends_with(waits_in_every_way, "single", &status);
	EXPECT_EQ(status, 0);
	EXPECT_STR(text, "");
}

TEST_DIES(
	a_stall_without_a_unit_is_refused, "B.1",
	"leat: LEAT_STALL=5: want at least 100us, as digits and us, ms or s\n")
{
	setenv("LEAT_STALL", "5", 1);
	leat_run(nothing);
}

TEST_DIES(a_stall_of_no_time_is_refused, "B.1", "leat: LEAT_STALL=99us: want")
{
	setenv("LEAT_STALL", "99us", 1);
	leat_run(nothing);
}

SUITE("watch")
