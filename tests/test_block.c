/*
 * test_block.c - a goroutine may block its thread; the others go on.
 */
#include "leat.h"

#include "measure.h"
#include "test.h"
#include "threads.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#define MS 1000000ll

/* Threads beside those of the Ps: C's main, sysmon, a sanitizer's, and one
 * that is just about to end. */
enum { OTHERS = 5 };

static void sleep_ns(int64_t ns)
{
	struct timespec t = { ns / 1000000000, ns % 1000000000 };

	while (nanosleep(&t, &t) != 0)
		;
}

/* -- results -- */

static intptr_t returns(void *arg)
{
	errno = EDOM;
	return (intptr_t)arg;
}

GO_TEST(leat_block_returns_what_the_function_returns, "R25")
{
	EXPECT_EQ(leat_block(returns, (void *)-77l), -77);
	EXPECT_EQ(leat_block(returns, (void *)INTPTR_MAX), INTPTR_MAX);
}

GO_TEST(errno_is_as_the_function_left_it, "R25")
{
	errno = 0;
	leat_block(returns, NULL);
	EXPECT_EQ(errno_now(), EDOM);
}

static intptr_t reads_nothing(void *unused)
{
	char c;

	(void)unused;
	sleep_ns(5 * MS);
	return read(-1, &c, 1);
}

static atomic_bool enough;
static atomic_long turns;

static void works(leat_wg *group)
{
	while (!atomic_load(&enough)) {
		atomic_fetch_add(&turns, 1);
		errno = ERANGE; /* on whatever thread */
		leat_yield();
	}
	leat_wg_done(group);
}

/* Something for the P to do, so that it is taken from whoever blocks. */
static void start_work(leat_wg *group, int n)
{
	leat_wg_add(group, n);
	for (int i = 0; i < n; i++)
		leat_go(works, group);
}

static void stop_work(leat_wg *group)
{
	atomic_store(&enough, true);
	leat_wg_wait(group);
}

GO_TEST(errno_survives_the_loss_of_the_P, "R25")
{
	leat_wg group = { 0 };

	leat_procs_set(1);
	start_work(&group, 2);
	for (int i = 0; i < 10; i++) {
		EXPECT_EQ(leat_block(reads_nothing, NULL), -1);
		EXPECT_EQ(errno_now(), EBADF);

		leat_block_enter();
		intptr_t got = reads_nothing(NULL);
		leat_block_exit();

		EXPECT_EQ(got, -1);
		EXPECT_EQ(errno_now(), EBADF);
	}
	stop_work(&group);
}

/* -- the others go on -- */

static intptr_t sleeps(void *ns)
{
	sleep_ns((intptr_t)ns);
	return 0;
}

static void brackets(int64_t ns)
{
	leat_block_enter();
	sleep_ns(ns);
	leat_block_exit();
}

/* How many turns the others had while we blocked for 100 ms with one P. */
static long turns_meanwhile(bool known)
{
	leat_wg group = { 0 };
	long before;

	leat_procs_set(1);
	start_work(&group, 2);
	leat_yield();
	before = atomic_load(&turns);
	if (known)
		leat_block(sleeps, (void *)(100 * MS));
	else
		brackets(100 * MS);

	long after = atomic_load(&turns);

	stop_work(&group);
	return after - before;
}

/* Turns take well below 10 us; one P that is kept for 100 ms allows none. */
GO_TEST(one_in_a_bracket_does_not_stop_the_others, "R18 R25")
{
	EXPECT(turns_meanwhile(false) > 1000);
}

GO_TEST(one_in_leat_block_does_not_stop_the_others, "R18 R25")
{
	EXPECT(turns_meanwhile(true) > 1000);
}

/* Says nothing, and the P is taken all the same, after 10 ms. */
GO_TEST(one_that_blocks_unsaid_does_not_stop_the_others, "R25 R27")
{
	leat_wg group = { 0 };

	leat_procs_set(1);
	start_work(&group, 2);
	leat_yield();

	long before = atomic_load(&turns);

	sleep_ns(200 * MS);
	EXPECT(atomic_load(&turns) - before > 1000);
	stop_work(&group);
}

static void blocks_once(bool known, int64_t ns)
{
	if (known)
		leat_block(sleeps, (void *)ns);
	else
		brackets(ns);
}

static void block_at_once(bool known)
{
	enum { N = 100 };
	leat_wg group = { 0 };
	int64_t start = now_ns();
	int most = 0;

	for (int i = 0; i < N; i++)
		leat_wg_go(&group, blocks_once, known, 50 * MS);
	while (leat_goroutine_count() > 1) {
		int n = threads_now();

		if (n > most)
			most = n;
		leat_yield();
	}
	leat_wg_wait(&group);
	/* One after the other it would be 5 s. */
	EXPECT(now_ns() - start < 1000 * MS * test_slow());
	EXPECT(most <= N + 2 * leat_procs_get() + OTHERS);
}

GO_TEST(a_hundred_block_at_once_in_leat_block, "R18 R25")
{
	block_at_once(true);
}

GO_TEST(a_hundred_block_at_once_in_brackets, "R18 R25")
{
	block_at_once(false);
}

GO_TEST(a_hundred_block_at_once_on_one_P, "R18 R25")
{
	leat_procs_set(1);
	block_at_once(true);
	block_at_once(false);
}

/* -- threads -- */

GO_TEST(short_brackets_cost_little_and_no_threads, "R17 R18")
{
	leat_wg group = { 0 };
	size_t n = test_count(1000000);

	leat_procs_set(1);
	start_work(&group, 1);
	leat_yield();

	int64_t start = now_ns();

	for (size_t i = 0; i < n; i++) {
		leat_block_enter();
		leat_block_exit();
	}

	int64_t each = (now_ns() - start) / (int64_t)n;

	printf("%lld ns each ", (long long)each);
	EXPECT(test_under("qemu") || each < 1000 * test_slow());
	EXPECT(threads_now() <= 2 + OTHERS + 8);
	stop_work(&group);
}

GO_TEST(the_same_threads_block_again_and_again, "R18")
{
	leat_wg group = { 0 };

	leat_procs_set(2);
	for (int round = 0; round < 50; round++) {
		for (int i = 0; i < 10; i++)
			leat_wg_go(&group, blocks_once, i % 2, 100000l);
		leat_wg_wait(&group);
	}
	EXPECT(threads_now() <= 10 + 2 * 2 + OTHERS);
}

GO_TEST(threads_that_are_not_needed_end, "R18")
{
	leat_wg group = { 0 };

	leat_procs_set(2);
	for (int i = 0; i < 50; i++)
		leat_wg_go(&group, blocks_once, true, 50 * MS);
	leat_wg_wait(&group);

	int before = threads_now();

	for (int i = 0; i < 100 && threads_now() > 2 * 2 + OTHERS; i++)
		leat_block(sleeps, (void *)(100 * MS));
	printf("%d, then %d threads ", before, threads_now());
	EXPECT(threads_now() <= 2 * 2 + OTHERS);
}

/* -- bound to a thread -- */

static void blocks_bound(int how, int rounds)
{
	if (how & 1)
		leat_pin();
	if (how & 2)
		leat_thread_lock();

	pid_t home = gettid();

	for (int i = 0; i < rounds; i++) {
		blocks_once(i & 1, i % 7 * 20000);
		EXPECT(home == gettid());
		leat_yield();
		EXPECT(home == gettid());
	}
	if (how & 2)
		leat_thread_unlock();
	if (how & 1)
		leat_unpin();
}

GO_TEST(who_blocks_while_bound_stays_on_its_thread, "R18 R20 R25")
{
	leat_wg group = { 0 };

	for (int i = 0; i < 16; i++)
		leat_wg_go(&group, blocks_bound, 1 + i % 3, test_count(100));
	leat_wg_wait(&group);
}

GO_TEST(who_blocks_while_bound_stays_there_with_one_P, "R18 R20 R25")
{
	leat_wg group = { 0 };

	leat_procs_set(1);
	for (int i = 0; i < 16; i++)
		leat_wg_go(&group, blocks_bound, 1 + i % 3, test_count(100));
	leat_wg_wait(&group);
}

/* -- many, in every way -- */

static void mixes(unsigned seed, int rounds)
{
	for (int i = 0; i < rounds; i++) {
		int64_t ns = rand_r(&seed) % 4 ? 0 : rand_r(&seed) % 60000;

		blocks_once(rand_r(&seed) % 2, ns);
		if (rand_r(&seed) % 2)
			leat_yield();
	}
	atomic_fetch_add(&turns, rounds);
}

GO_TEST(nobody_is_lost_in_a_thousand_brackets, "R25 R27")
{
	leat_wg group = { 0 };
	int rounds = test_count(1000);

	for (int i = 0; i < 32; i++)
		leat_wg_go(&group, mixes, 1u + (unsigned)i, rounds);
	leat_wg_wait(&group);
	EXPECT_EQ(atomic_load(&turns), 32 * rounds);
}

static int blocks_for_ever(void)
{
	static leat_wg group;

	for (int i = 0; i < 4; i++)
		leat_wg_go(&group, blocks_once, i & 1, 3600000 * MS);
	for (int i = 0; i < 4; i++)
		leat_yield();
	return 9;
}

TEST(leat_run_returns_although_others_block, "R5 R25")
{
	EXPECT_EQ(leat_run(blocks_for_ever), 9);
}

/* -- signals -- */

static _Atomic int other_masks;

/* Of those two, SIGUSR2 alone is blocked where leat_run was called. */
static intptr_t checks_signals(void *unused)
{
	sigset_t now;

	(void)unused;
	pthread_sigmask(SIG_SETMASK, NULL, &now);
	other_masks += sigismember(&now, SIGUSR1) != 0 ||
		       sigismember(&now, SIGUSR2) != 1;
	sleep_ns(20 * MS);
	return 0;
}

static void checks(leat_wg *all)
{
	leat_block(checks_signals, NULL);
	leat_wg_done(all);
}

/* Threads are started by whoever finds one wanting: this one, who takes no
 * signals, those it wakes, sysmon. */
static void *brings_work(void *all)
{
	sigset_t every;

	sigfillset(&every);
	pthread_sigmask(SIG_SETMASK, &every, NULL);
	for (int i = 0; i < 20; i++)
		EXPECT_EQ(leat_go(checks, all), 0);
	return NULL;
}

static int work_is_brought(void)
{
	leat_wg all = { 0 };
	pthread_t id;

	leat_wg_add(&all, 20);
	EXPECT_EQ(pthread_create(&id, NULL, brings_work, &all), 0);
	leat_wg_wait(&all);
	pthread_join(id, NULL);
	return 0;
}

TEST(threads_take_the_signals_of_who_called_leat_run, "R18 B.7")
{
	sigset_t one;

	sigemptyset(&one);
	sigaddset(&one, SIGUSR2);
	pthread_sigmask(SIG_SETMASK, &one, NULL);
	EXPECT_EQ(leat_run(work_is_brought), 0);
	EXPECT_EQ((int)other_masks, 0);
}

/* -- outside the runtime -- */

TEST(on_a_thread_it_is_a_plain_call, "R31")
{
	EXPECT_EQ(leat_block(returns, (void *)5l), 5);
	EXPECT_EQ(errno_now(), EDOM);
	leat_block_enter();
	leat_block_enter();
	leat_block_exit();
	leat_block_exit();
	leat_block_exit();
}

/* -- misuse -- */

GO_TEST_DIES(brackets_do_not_nest, "R25",
	     "fatal error: leat_block_enter inside leat_block_enter")
{
	leat_block_enter();
	leat_block_enter();
}

GO_TEST_DIES(an_exit_without_enter_is_refused, "R25",
	     "fatal error: leat_block_exit without leat_block_enter")
{
	leat_block_exit();
}

GO_TEST_DIES(a_second_exit_is_refused, "R25",
	     "fatal error: leat_block_exit without leat_block_enter")
{
	leat_block_enter();
	leat_block_exit();
	leat_block_exit();
}

GO_TEST_DIES(a_nil_function_is_refused, "R25",
	     "fatal error: leat_block of nil func value")
{
	leat_block(NULL, NULL);
}

SUITE("block")
