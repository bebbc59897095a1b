/*
 * test_dump.c - where all goroutines are: by call, by signal, and as last words.
 *
 * The lines are those of Go's tracebacks, whose src/runtime/traceback_test.go and
 * crash_test.go ask for the same of them.
 */
#include "leat.h"

#include "test.h"
#include "traces.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

/* As text, with an empty line before each goroutine. */
static const char *stacks(bool all)
{
	long n = leat_stack(text + 1, sizeof(text) - 2, all);

	EXPECT(n > 0);
	text[0] = '\n';
	text[1 + n] = '\0';
	return text;
}

static const char *dumped(void)
{
	return stacks(true);
}

static const char *dumped_alone(void)
{
	return stacks(false);
}

/* Do all parts occur, in this order, in what is said of one goroutine? */
static bool is_there(const char *in, const char *const *parts)
{
	const char *at = in, *block = in;

	while ((block = strstr(block, "\ngoroutine "))) {
		const char *end = strstr(block + 1, "\n\n");
		size_t i = 0;

		at = ++block;
		for (; parts[i]; i++) {
			at = strstr(at, parts[i]);
			if (!at || (end && at > end))
				break;
			at += strlen(parts[i]);
		}
		if (!parts[i])
			return true;
	}
	return false;
}

static void expect_one(const char *in, const char *const *parts)
{
	if (!is_there(in, parts))
		test_fail(__FILE__, __LINE__,
			  "no goroutine with %s %s ... in:\n%.600s", parts[0],
			  parts[1] ? parts[1] : "", in);
}

/* Of all, as soon as it is so. */
static void await_one(const char *const *parts)
{
	for (int i = 0; i < 2000 && !is_there(dumped(), parts); i++)
		leat_sleep(MS);
	expect_one(text, parts);
}

#define EXPECT_ONE(in, ...) \
	expect_one(in, (const char *const[]){ __VA_ARGS__, NULL })
#define AWAIT_ONE(...) await_one((const char *const[]){ __VA_ARGS__, NULL })

/* -- each state -- */

static leat_chan(int) line;
static leat_mutex mutex;
static atomic_int stop, begun;

static FOUND void receives(int depth)
{
	int got;

	if (depth > 0)
		receives(depth - 1);
	else
		leat_recv(line, &got);
	HERE;
}

static FOUND void starts_one(void)
{
	leat_go(receives, 2);
	HERE;
}

GO_TEST(who_waits_is_shown_with_all_its_calls_and_who_made_it, "R228 B.1")
{
	line = leat_make(int, 0);
	starts_one();
	AWAIT_ONE("[chan receive, 0x", "]:\nreceives()\n\t",
		  "test_dump.c:", "receives()\n", "receives()\n",
		  "created by starts_one in goroutine 1\n\t",
		  "test_dump.c:", " +0x");
	leat_send(line, 1);
}

static FOUND void locks(void)
{
	leat_mutex_lock(&mutex);
	leat_mutex_unlock(&mutex);
	HERE;
}

GO_TEST(who_waits_for_a_lock_is_shown_with_it, "R228 B.1")
{
	char object[40];

	snprintf(object, sizeof(object), "[sync.Mutex.Lock, %p]:\nlocks()\n",
		 (void *)&mutex);
	leat_mutex_lock(&mutex);
	leat_go(locks);
	AWAIT_ONE(object, "created by who_waits_for_a_lock");
	leat_mutex_unlock(&mutex);
}

static FOUND void sleeps(void)
{
	leat_sleep(60000 * MS);
	HERE;
}

GO_TEST(who_sleeps_is_shown, "R228 B.1")
{
	leat_go(sleeps);
	AWAIT_ONE("[sleep]:\nsleeps()\n\t", "created by");
}

static FOUND void computes(int depth)
{
	if (depth > 0) {
		computes(depth - 1);
	} else {
		atomic_store(&begun, 1);
		while (!atomic_load(&stop))
			HERE;
	}
	HERE;
}

GO_TEST(who_computes_is_interrupted_and_shown, "B.1")
{
	if (test_under("tsan"))
		SKIP("it keeps signals back from who computes");
	leat_go(computes, 3);
	while (!atomic_load(&begun))
		leat_sleep(MS);
	EXPECT_ONE(dumped(), "[running]:\ncomputes()\n\t", "computes()\n",
		   "computes()\n", "computes()\n", "created by");
	atomic_store(&stop, 1);
}

static FOUND intptr_t blocks(void *fds)
{
	char byte;

	return read(((int *)fds)[0], &byte, 1);
}

static FOUND void calls(int *fds)
{
	EXPECT_EQ(leat_block(blocks, fds), 1); /* restarted, and no EINTR */
	atomic_store(&stop, 1);
}

GO_TEST(who_is_in_a_blocking_call_is_shown_and_the_call_goes_on, "B.1")
{
	int fds[2];

	if (test_under("tsan"))
		SKIP("it keeps signals back from who blocks");
	EXPECT_EQ(pipe(fds), 0);
	leat_go(calls, fds);
	AWAIT_ONE("[syscall]:\n", "blocks()\n");
	for (int i = 0; i < 10; i++)
		EXPECT_ONE(dumped(), "[syscall]:\n", "blocks()\n",
			   "leat_block()\n", "calls()\n", "created by");
	EXPECT_EQ(write(fds[1], "x", 1), 1);
	while (!atomic_load(&stop))
		leat_sleep(MS);
}

static FOUND intptr_t main_waits(void *thread)
{
	pthread_join(*(pthread_t *)thread, NULL);
	return 0;
}

static FOUND void never_runs(void)
{
}

static void *looks_for_it(void *found)
{
	static const char *const parts[] = { "[runnable]:\nnever_runs()\n\t",
					     "created by", NULL };

	if (is_there(dumped(), parts)) {
		EXPECT(!strstr(text, "never_runs()\n\t?"));
		atomic_store((atomic_int *)found, 1);
	}
	atomic_store(&stop, 1);
	return NULL;
}

/* Also where another goroutine has had its stack, and the memory of its own. */
GO_TEST(who_has_not_run_yet_is_shown_by_its_function, "B.1")
{
	struct leat_attr large = { .stack = 1 << 20 };
	atomic_int found = 0;
	pthread_t thread;

	leat_procs_set(1);
	for (int i = 0; i < 100 && !atomic_load(&found); i++) {
		leat_go_with(i % 2 ? &large : NULL, never_runs);
		leat_yield();
		leat_yield();
		leat_go_with(i % 3 ? &large : NULL, never_runs);
		atomic_store(&stop, 0);
		pthread_create(&thread, NULL, looks_for_it, &found);
		while (!atomic_load(&stop))
			HERE; /* or it would run */
		leat_block(main_waits, &thread);
	}
	EXPECT_EQ(atomic_load(&found), 1);
}

static void locked(void)
{
	leat_thread_lock();
	receives(0);
	leat_thread_unlock();
}

GO_TEST(names_and_locks_to_threads_are_shown, "B.1")
{
	struct leat_attr attr = { .name = "reader" };

	line = leat_make(int, 0);
	EXPECT_EQ(leat_go_with(&attr, locked), 0);
	AWAIT_ONE(" (reader) [chan receive, locked to thread, 0x");
	leat_send(line, 1);
}

/* -- all of them, once -- */

GO_TEST(everybody_is_shown_and_nobody_twice, "B.1")
{
	enum { MANY = 1000 };
	const char *at;

	line = leat_make(int, 0);
	for (int i = 0; i < MANY; i++)
		EXPECT_EQ(leat_go(receives, 0), 0);
	do {
		leat_sleep(20 * MS);
		at = dumped();
	} while (count(at, "[chan receive, 0x") < MANY);
	EXPECT_EQ(count(at, "\ngoroutine "), MANY + 1);
	for (int i = 0; i < MANY; i++)
		leat_send(line, i);
}

static FOUND int deep(int n)
{
	int got = n > 0 ? deep(n - 1) : (receives(0), 0);

	HERE;
	return got + 1;
}

GO_TEST(the_middle_of_a_long_stack_is_left_out, "B.1")
{
	line = leat_make(int, 0);
	leat_go(deep, 499);
	AWAIT_ONE("receives()\n", "deep()\n", "...401 frames elided...\n",
		  "deep()\n", "created by");
	EXPECT_EQ(count(text, "\ndeep()\n"), 99);
	EXPECT(!strstr(text, "additional"));
	leat_send(line, 1);
}

static atomic_ulong senders[2], receiver;

static void sends(leat_sender(int) to, int n)
{
	atomic_store(&senders[n], leat_goid());
	leat_send(to, n);
}

static void receives_too(void)
{
	atomic_store(&receiver, leat_goid());
	receives(0);
}

/* By number. */
static const char *both(void)
{
	static char list[60];
	unsigned long a = atomic_load(&senders[0]),
		      b = atomic_load(&senders[1]);

	snprintf(list, sizeof(list), "%lu, %lu", a < b ? a : b, a < b ? b : a);
	return list;
}

static bool both_are_there(void *first, void *second)
{
	char one[200], other[200];

	snprintf(one, sizeof(one),
		 "channel %p: 4 of 4 values, sendx 2, recvx 2\n\tsendq: "
		 "goroutine %s\n\trecvq: empty\n",
		 first, both());
	snprintf(other, sizeof(other),
		 "channel %p: no buffer\n\tsendq: empty\n\trecvq: goroutine "
		 "%lu\n",
		 second, atomic_load(&receiver));
	dumped();
	return strstr(text, one) && strstr(text, other);
}

GO_TEST(channels_are_shown_with_who_waits_there, "E34 B.1")
{
	leat_chan(int) first = leat_make(int, 4), second;
	int got;

	for (int i = 0; i < 6; i++) {
		if (i >= 4)
			leat_recv(first, &got);
		leat_send(first, i);
	}
	leat_go(sends, leat_send_end(first), 0);
	leat_go(sends, leat_send_end(first), 1);
	while (!atomic_load(&senders[0]) || !atomic_load(&senders[1]))
		leat_sleep(MS);
	line = second = leat_make(int, 0);
	leat_go(receives_too);
	for (int i = 0;
	     i < 2000 && !both_are_there((void *)first, (void *)second); i++)
		leat_sleep(MS);
	if (!both_are_there((void *)first, (void *)second))
		test_fail(__FILE__, __LINE__, "%.900s",
			  strstr(text, "\nchannel 0x"));
	leat_send(line, 1);
}

static FOUND void wide(int more)
{
	char room[96 << 10];

	__asm__ volatile("" ::"r"(room) : "memory");
	if (more > 0)
		wide(more - 1);
	else
		receives(0);
	HERE;
}

GO_TEST(what_is_not_shown_of_a_large_stack_is_said, "B.1")
{
	line = leat_make(int, 0);
	leat_go(wide, 1);
	AWAIT_ONE("receives()\n", "...additional frames elided...\n",
		  "created by");
	leat_send(line, 1);
}

/* -- into memory, into a file -- */

static FOUND void asks_for_its_own(void)
{
	dumped_alone();
	HERE;
}

GO_TEST(ones_own_stack_is_that_alone, "B.1")
{
	line = leat_make(int, 0);
	leat_go(receives, 0);
	asks_for_its_own();
	EXPECT_EQ(count(text, "\ngoroutine "), 1);
	EXPECT_ONE(text, "goroutine 1 (main) [", "dumped_alone(",
		   "asks_for_its_own()\n");
	EXPECT(!strstr(text, "request"));
	leat_send(line, 1);
}

GO_TEST(no_more_is_written_than_there_is_room, "B.1")
{
	static char small[40];

	memset(small, '#', sizeof(small));
	EXPECT_EQ(leat_stack(small, 20, true), 20);
	EXPECT_EQ(small[20], '#');
	EXPECT(strncmp(small, "goroutine ", 10) == 0);
	EXPECT_EQ(leat_stack(small, 0, true), 0);
	EXPECT_EQ(leat_stack(NULL, 0, false), 0);
}

GO_TEST(a_dump_goes_to_a_file, "B.1")
{
	FILE *f = tmpfile();
	size_t n;

	EXPECT(f);
	EXPECT_EQ(leat_dump(fileno(f)), 0);
	rewind(f);
	n = fread(text + 1, 1, sizeof(text) - 2, f);
	text[0] = '\n';
	text[1 + n] = '\0';
	EXPECT_ONE(text, "goroutine 1 (main) [", "a_dump_goes_to_a_file(");
}

TEST(before_the_runtime_there_is_nothing_to_show, "B.1")
{
	EXPECT_EQ(leat_dump(2), -EINVAL);
	EXPECT_EQ(leat_stack(text, sizeof(text), true), -EINVAL);
	EXPECT_EQ(leat_stack(text, sizeof(text), false), -EINVAL);
}

static void *reads_late(void *fds)
{
	char some[4096];

	usleep(100000);
	while (read(((int *)fds)[0], some, sizeof(some)) > 0)
		;
	return NULL;
}

static void dumps_to(int fd)
{
	EXPECT_EQ(leat_dump(fd), 0);
	close(fd);
	atomic_store(&begun, 1);
}

/* Of many pages, and the pipe is full. */
GO_TEST(who_reads_slowly_holds_up_no_other_dump, "B.1")
{
	enum { MANY = 1000 };
	pthread_t thread;
	int fds[2];

	if (test_under("tsan"))
		SKIP("it keeps signals back from who blocks");
	line = leat_make(int, 0);
	for (int i = 0; i < MANY; i++)
		EXPECT_EQ(leat_go(receives, 0), 0);
	EXPECT_EQ(pipe(fds), 0);
	leat_go(dumps_to, fds[1]);
	AWAIT_ONE("[syscall]:\n", "dumps_to(");
	EXPECT_EQ(atomic_load(&begun), 0);
	pthread_create(&thread, NULL, reads_late, fds);
	leat_block(main_waits, &thread);
	for (int i = 0; i < MANY; i++)
		leat_send(line, i);
}

GO_TEST(a_file_that_does_not_take_it_is_an_error, "B.1")
{
	int fds[2];

	EXPECT_EQ(leat_dump(-2), -EBADF);
	EXPECT_EQ(pipe(fds), 0);
	EXPECT_EQ(leat_dump(fds[0]), -EBADF);
	close(fds[0]);
	signal(SIGPIPE, SIG_IGN);
	EXPECT_EQ(leat_dump(fds[1]), -EPIPE);
}

static void *foreign(void *unused)
{
	(void)unused;
	EXPECT_EQ(leat_stack(text, sizeof(text), false), -EINVAL);
	EXPECT_ONE(dumped(), "goroutine 1 (main) [", "main_waits()\n");
	return NULL;
}

GO_TEST(a_thread_that_is_not_the_runtimes_may_ask, "B.1")
{
	pthread_t thread;

	EXPECT_EQ(pthread_create(&thread, NULL, foreign, NULL), 0);
	leat_block(main_waits, &thread);
}

/* -- again and again, beside work -- */

static void nothing(void)
{
}

static void spawner(leat_wg *done)
{
	leat_wg all = { 0 };

	while (!atomic_load(&stop)) {
		for (int i = 0; i < 10; i++)
			leat_wg_go(&all, nothing);
		leat_wg_wait(&all);
	}
	leat_wg_done(done);
}

static void locker(leat_wg *done)
{
	while (!atomic_load(&stop)) {
		leat_mutex_lock(&mutex);
		leat_yield();
		leat_mutex_unlock(&mutex);
	}
	leat_wg_done(done);
}

static void allocator(leat_wg *done)
{
	while (!atomic_load(&stop)) {
		void *p = malloc(5000);

		HERE;
		free(p);
		leat_yield();
	}
	leat_wg_done(done);
}

static intptr_t naps(void *unused)
{
	(void)unused;
	return usleep(500);
}

static void blocker(leat_wg *done)
{
	while (!atomic_load(&stop))
		leat_block(naps, NULL);
	leat_wg_done(done);
}

static void sleeper(leat_wg *done)
{
	while (!atomic_load(&stop))
		leat_sleep(MS / 10);
	leat_wg_done(done);
}

GO_TEST(a_thousand_dumps_a_second_beside_work_hurt_nobody, "R228 B.1")
{
	void (*const work[])(leat_wg *) = { spawner,   locker,  locker,
					    allocator, blocker, sleeper };
	leat_wg done = { 0 };
	int dumps = (int)test_count(1000), rounds = 0;
	int64_t end = leat_now() + 5000 * MS;

	leat_wg_add(&done, 6);
	for (int i = 0; i < 6; i++)
		leat_go(work[i], &done);
	for (; rounds < dumps && leat_now() < end; rounds++) {
		const char *all = dumped();

		EXPECT(strstr(all, "\ngoroutine 1 "));
		EXPECT(count(all, "\ngoroutine ") >= 5);
		leat_sleep(MS);
	}
	atomic_store(&stop, 1);
	leat_wg_wait(&done);
	EXPECT(rounds >= dumps / 10);
}

SUITE("dump")
