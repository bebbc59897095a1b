/*
 * unit_os.c - the system calls, and making them fail.
 */
#include "core/os.h"

#include "core/atomic.h"
#include "core/base.h"
#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/uio.h>

enum { ODD = 12345 }; /* an errno that no call sets */

static size_t address_space(void)
{
	return (size_t)os_number("/proc/self/statm") * os_page();
}

TEST(a_mapping_is_aligned_zero_and_writable, "R12")
{
	for (size_t align = os_page(); align <= 64ul << 20; align *= 4) {
		char *at = os_map(3 * os_page(), align);

		EXPECT(at);
		EXPECT_EQ((uintptr_t)at % align, 0);
		for (size_t i = 0; i < 3 * os_page(); i++)
			EXPECT_EQ(at[i], 0);
		memset(at, 1, 3 * os_page());
		os_unmap(at, 3 * os_page());
	}
}

TEST(aligning_leaves_no_address_space_behind, "R12")
{
	size_t before = address_space();

	for (int i = 0; i < 100; i++)
		os_unmap(os_map(os_page(), 64ul << 20), os_page());
	EXPECT(address_space() < before + (640ul << 20));
}

TEST(address_space_that_is_not_there_is_null, "R30")
{
	errno = ODD;
	EXPECT(!os_map((size_t)1 << 60, os_page()));
	EXPECT(!os_map(SIZE_MAX - 8 * os_page(), 16 * os_page()));
	EXPECT_EQ(errno, ODD);
}

TEST(errno_is_left_alone, "R30")
{
	_Atomic uint32_t word = 1;
	char *page = os_map(os_page(), os_page());
	struct iovec odd = { page + 1, os_page() };

	errno = ODD;
	EXPECT_EQ(os_advise(&odd, 1, MADV_DONTNEED), -EINVAL);
	EXPECT_EQ(os_protect_none(page + 1, 1), -EINVAL);
	EXPECT_EQ(os_futex_wait(&word, 0, OS_NEVER), -EAGAIN);
	EXPECT_EQ(os_futex_wait(&word, 1, 1), -ETIMEDOUT);
	EXPECT_EQ(os_number("/proc/nothing"), -ENOENT);
	EXPECT(os_pin(0, "", 0) < 0);
	EXPECT_EQ(errno, ODD);
}

/* ---- advice ---- */

enum { RANGES = 2500 };

static char *pages;
static struct iovec range[RANGES];

/* Every other page, filled. */
static void lay_out(void)
{
	size_t page = os_page();

	pages = os_map(2 * RANGES * page, page);
	memset(pages, 7, 2 * RANGES * page);
	for (int i = 0; i < RANGES; i++)
		range[i] = (struct iovec){ pages + 2 * i * page, page };
}

static int emptied(void)
{
	int n = 0;

	for (int i = 0; i < 2 * RANGES; i++)
		n += pages[i * os_page()] == 0;
	return n;
}

static void expect_all_advised(void)
{
	lay_out();
	EXPECT_EQ(os_advise(range, RANGES, MADV_DONTNEED), 0);
	EXPECT_EQ(emptied(), RANGES);
	for (int i = 0; i < 2 * RANGES; i++)
		EXPECT_EQ(pages[i * os_page()], i % 2 ? 7 : 0);
}

TEST(advice_reaches_each_range_and_no_other, "R13")
{
	expect_all_advised();
}

TEST(advice_goes_one_by_one_where_it_cannot_be_batched, "R13")
{
	EXPECT(os_fail("batch", 1, true));
	expect_all_advised();
}

TEST(advice_goes_on_where_a_batch_stopped, "R13")
{
	EXPECT(os_fail("batch", 2, true));
	expect_all_advised();
}

TEST(advice_that_fails_halfway_says_so, "R13")
{
	lay_out();
	range[1500].iov_base = pages + 1;
	EXPECT_EQ(os_advise(range, RANGES, MADV_DONTNEED), -EINVAL);
	for (int i = 0; i < 1500; i++)
		EXPECT_EQ(*(char *)range[i].iov_base, 0);
	EXPECT_EQ(*(char *)range[1501].iov_base, 7);
}

TEST(a_page_that_may_not_be_touched_is_not_readable, "R12")
{
	char *at = os_map(2 * os_page(), os_page());

	EXPECT(os_readable(at));
	EXPECT_EQ(os_protect_none(at, os_page()), 0);
	EXPECT(!os_readable(at));
	EXPECT(os_readable(at + os_page()));
}

/* ---- time and threads ---- */

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

TEST(a_wait_ends_at_its_deadline_and_never_before, "R24")
{
	enum { WAITS = 201 };
	static int64_t late[WAITS];
	_Atomic uint32_t word = 5;

	os_timer_slack();
	for (int i = 0; i < WAITS; i++) {
		int64_t deadline = os_now() + 100000 + i * 1000;

		EXPECT_EQ(os_futex_wait(&word, 5, deadline), -ETIMEDOUT);
		late[i] = os_now() - deadline;
		EXPECT(late[i] >= 0);
	}
	qsort(late, WAITS, sizeof *late, by_value);
	printf("median %lld ns late, worst %lld ", (long long)late[WAITS / 2],
	       (long long)late[WAITS - 1]);
	EXPECT(late[WAITS / 2] < 20000000);
}

TEST(a_sleep_lasts_as_long_as_asked, "R24")
{
	int64_t start = os_now();

	os_sleep(3000000);
	EXPECT(os_now() - start >= 3000000);
}

static _Atomic uint32_t met;

static bool is_fault(int sig)
{
	return sig == SIGSEGV || sig == SIGBUS || sig == SIGFPE ||
	       sig == SIGILL;
}

static void *wake(void *arg)
{
	sigset_t mask;

	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	for (int sig = 1; sig < 32; sig++)
		EXPECT_EQ(sigismember(&mask, sig),
			  sig != SIGKILL && sig != SIGSTOP && !is_fault(sig));
	os_signals_as_remembered();
	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	EXPECT(sigismember(&mask, SIGUSR1) == 1);
	EXPECT(sigismember(&mask, SIGUSR2) == 0);
	EXPECT(arg == &met);
	a_store(&met, 1, relaxed);
	os_futex_wake(&met, 1);
	return NULL;
}

TEST(a_thread_takes_no_signals_and_then_those_remembered, "R22")
{
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &mask, NULL);
	os_signals_remember();
	EXPECT_EQ(os_thread(wake, &met, 1), 0);
	while (a_load(&met, relaxed) == 0)
		os_futex_wait(&met, 0, OS_NEVER);
}

TEST(a_thread_that_cannot_be_is_an_error, "R30")
{
	errno = ODD;
	EXPECT(os_fail("thread", 1, false));
	EXPECT_EQ(os_thread(wake, &met, 1 << 16), -EAGAIN);
	EXPECT(os_thread(wake, &met, (size_t)1 << 60) < 0);
	EXPECT_EQ(errno, ODD);
}

TEST(a_pinned_thread_stays_where_it_was_put, "R21")
{
	cpu_set_t all, one;

	sched_getaffinity(0, sizeof all, &all);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &all))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		EXPECT_EQ(os_pin(0, &one, sizeof one), 0);
		EXPECT_EQ(sched_getcpu(), cpu);
	}
}

TEST(the_heavy_fence_is_there, "R22")
{
	EXPECT(!a_light_is_heavy);
	a_heavy();
}

/* ---- faults ---- */

static bool maps(void)
{
	void *at = os_map(os_page(), os_page());

	if (at)
		os_unmap(at, os_page());
	return at != NULL;
}

TEST(the_third_call_fails_and_no_other, "R30")
{
	EXPECT(os_fail("map", 3, false));
	for (int i = 1; i <= 10; i++)
		EXPECT_EQ(maps(), i != 3);
}

TEST(every_third_call_fails_until_told_otherwise, "R30")
{
	EXPECT(os_fail("map", 3, true));
	for (int i = 1; i <= 10; i++)
		EXPECT_EQ(maps(), i % 3 != 0);
	EXPECT(os_fail("map", 0, true));
	for (int i = 1; i <= 10; i++)
		EXPECT(maps());
}

TEST(there_is_no_fault_of_another_name, "R30")
{
	EXPECT(!os_fail("mapp", 1, false));
	EXPECT(maps());
}

static _Atomic uint32_t faults;

static void *wait_often(void *arg)
{
	static _Atomic uint32_t word = 1;

	for (int i = 0; i < 2500; i++)
		if (os_futex_wait(&word, 0, OS_NEVER) == -EINTR)
			a_add(&faults, 1, relaxed);
	return arg;
}

TEST(threads_together_fail_exactly_every_tenth_call, "R30")
{
	pthread_t thread[4];

	EXPECT(os_fail("futex", 10, true));
	for (int i = 0; i < 4; i++)
		pthread_create(&thread[i], NULL, wait_often, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	EXPECT_EQ(a_load(&faults, relaxed), 1000);
}

TEST(faults_may_be_asked_for_from_outside, "R30")
{
	char *page;

	setenv("LEAT_FAIL", "map:3,protect:every:2", 1);
	page = os_map(os_page(), os_page());
	EXPECT(page);
	EXPECT(maps());
	EXPECT(!maps());
	EXPECT(maps());
	EXPECT_EQ(os_protect_none(page, os_page()), 0);
	EXPECT_EQ(os_protect_none(page, os_page()), -ENOMEM);
	EXPECT_EQ(os_protect_none(page, os_page()), 0);
	EXPECT_EQ(os_protect_none(page, os_page()), -ENOMEM);
}

static void refused(const char *list)
{
	setenv("LEAT_FAIL", list, 1);
	maps();
}

TEST_DIES(a_fault_of_an_unknown_kind_is_refused, "R30", "LEAT_FAIL=disk:1:")
{
	refused("disk:1");
}

TEST_DIES(a_fault_without_a_number_is_refused, "R30", "LEAT_FAIL=map:")
{
	refused("map:");
}

TEST_DIES(a_fault_with_a_tail_is_refused, "R30", "LEAT_FAIL=map:2,pin:1x:")
{
	refused("map:2,pin:1x");
}

SUITE("os")
