/*
 * test_once.c - the rules of Go's sync.Once and sync.OnceValue, one by one.
 */
#include "leat.h"

#include "test.h"
#include "waits.h"

#include <pthread.h>
#include <stdatomic.h>

static leat_once once;
static int calls; /* plain: whoever returns sees it */

static void counts(void)
{
	calls++;
}

static void must_not_run(void)
{
	EXPECT(!"a second one");
}

/* -- once -- */

GO_TEST(a_once_of_zeros_is_ready, "R153 R155")
{
	static leat_once still;
	leat_once o = { 0 };

	static_assert(sizeof(o) <= 16, "small");
	EXPECT(!leat_once_done(&o));
	leat_once_do(&o, counts);
	EXPECT(leat_once_done(&o));
	EXPECT_EQ(calls, 1);
	leat_once_do(&still, counts);
	EXPECT_EQ(calls, 2);
}

GO_TEST(what_was_done_is_not_done_again, "R155")
{
	for (int i = 0; i < 10; i++)
		leat_once_do(&once, counts);
	EXPECT_EQ(calls, 1);
	leat_once_do(&once, must_not_run);
}

static void six(signed char a, bool b, unsigned char c, const char *d,
		uint64_t e, int *f)
{
	EXPECT_EQ(a, -1);
	EXPECT(b);
	EXPECT_EQ(c, 200);
	EXPECT_STR(d, "four");
	EXPECT(e == UINT64_MAX);
	*f = 6;
}

GO_TEST(six_arguments_arrive, "R155")
{
	int got = 0;

	leat_once_do(&once, six, -1, true, 200, "four", UINT64_MAX, &got);
	EXPECT_EQ(got, 6);
}

static int adds(int *to, int n)
{
	return *to += n;
}

GO_TEST(arguments_are_evaluated_each_time, "R155")
{
	int sum = 0, n = 0;

	for (int i = 0; i < 3; i++)
		leat_once_do(&once, adds, &sum, ++n);
	EXPECT_EQ(sum, 1);
	EXPECT_EQ(n, 3);
}

static leat_once first, second;

static void calls_the_second(void)
{
	leat_once_do(&second, counts);
	EXPECT(leat_once_done(&second));
	EXPECT(!leat_once_done(&first));
}

GO_TEST(a_once_may_need_another, "R154")
{
	leat_once_do(&first, calls_the_second);
	EXPECT(leat_once_done(&first));
	leat_once_do(&second, must_not_run);
	EXPECT_EQ(calls, 1);
}

/* -- many at a time -- */

static struct {
	leat_once once;
	int plain;
} * round_of;

static void writes(int n)
{
	for (int i = 0; i < n % 4; i++)
		leat_yield();
	round_of->plain++;
}

static void does(int n)
{
	leat_once_do(&round_of->once, writes, n);
	EXPECT_EQ(round_of->plain, 1);
}

static void *does_on_a_thread(void *n)
{
	does((int)(intptr_t)n);
	return NULL;
}

GO_TEST(one_runs_it_and_all_have_seen_it, "R154 R178")
{
	for (int n = 0; n < (int)test_count(4000); n++) {
		leat_wg all = { 0 };

		round_of = calloc(1, sizeof *round_of);
		for (int i = 0; i < 8; i++)
			leat_wg_go(&all, does, n);
		leat_wg_wait(&all);
		EXPECT_EQ(round_of->plain, 1);
		free(round_of);
	}
}

GO_TEST(threads_and_goroutines_share_it, "R154 R178")
{
	for (int n = 0; n < (int)test_count(100); n++) {
		leat_wg all = { 0 };
		pthread_t thread[2];

		round_of = calloc(1, sizeof *round_of);
		for (int i = 0; i < 2; i++)
			EXPECT_EQ(pthread_create(&thread[i], NULL,
						 does_on_a_thread,
						 (void *)(intptr_t)n),
				  0);
		for (int i = 0; i < 4; i++)
			leat_wg_go(&all, does, n);
		leat_wg_wait(&all);
		leat_block_enter();
		for (int i = 0; i < 2; i++)
			pthread_join(thread[i], NULL);
		leat_block_exit();
		EXPECT_EQ(round_of->plain, 1);
		free(round_of);
	}
}

TEST(threads_need_no_runtime_for_it, "R154")
{
	for (int n = 0; n < (int)test_count(200); n++) {
		pthread_t thread[3];

		round_of = calloc(1, sizeof *round_of);
		for (int i = 0; i < 3; i++)
			EXPECT_EQ(pthread_create(&thread[i], NULL,
						 does_on_a_thread, NULL),
				  0);
		for (int i = 0; i < 3; i++)
			pthread_join(thread[i], NULL);
		EXPECT_EQ(round_of->plain, 1);
		free(round_of);
	}
}

/* -- who waits -- */

static leat_wg gate;
static atomic_int back; /* who have returned */

static void waits_at_the_gate(void)
{
	leat_wg_wait(&gate);
	calls++;
}

static void passes(void)
{
	leat_once_do(&once, waits_at_the_gate);
	EXPECT_EQ(calls, 1);
	atomic_fetch_add(&back, 1);
}

static void waits_for_others(void)
{
	about_to_wait();
	leat_once_do(&once, must_not_run);
	EXPECT_EQ(calls, 1);
	atomic_fetch_add(&back, 1);
}

GO_TEST(others_wait_until_it_has_ended_and_hold_back_no_thread, "R154 R158")
{
	enum { N = 1000 };
	leat_wg all = { 0 };

	leat_procs_set(1);
	leat_wg_add(&gate, 1);
	leat_wg_go(&all, passes);
	while (!__atomic_load_n(&once.state, __ATOMIC_RELAXED))
		leat_yield();
	for (int i = 0; i < N; i++)
		leat_wg_go(&all, waits_for_others);
	until_waiting(N);
	EXPECT_EQ(atomic_load(&back), 0);
	leat_wg_done(&gate);
	leat_wg_wait(&all);
	EXPECT_EQ(atomic_load(&back), N + 1);
}

static void *waits_on_a_thread(void *unused)
{
	waits_for_others();
	return unused;
}

GO_TEST(a_thread_that_waits_for_it_sleeps, "R154")
{
	leat_wg all = { 0 };
	pthread_t thread;

	leat_wg_add(&gate, 1);
	leat_wg_go(&all, passes);
	while (!__atomic_load_n(&once.state, __ATOMIC_RELAXED))
		leat_yield();
	EXPECT_EQ(pthread_create(&thread, NULL, waits_on_a_thread, NULL), 0);
	until_thread_waits();
	EXPECT_EQ(atomic_load(&back), 0);
	leat_wg_done(&gate);
	leat_wg_wait(&all);
	pthread_join(thread, NULL);
	EXPECT_EQ(atomic_load(&back), 2);
}

/* -- fn ends its goroutine -- */

static void ends_here(void)
{
	for (int i = 0; i < 10; i++)
		leat_yield();
	calls++;
	leat_goexit();
}

static void ends_or_waits(void)
{
	leat_once_do(&once, ends_here);
	EXPECT_EQ(calls, 1);
	atomic_fetch_add(&back, 1);
}

GO_TEST(a_goexit_inside_counts_as_done, "R154 R156")
{
	leat_wg all = { 0 };

	for (int i = 0; i < 10; i++)
		leat_wg_go(&all, ends_or_waits);
	leat_wg_wait(&all); /* its end is counted, too */
	EXPECT_EQ(atomic_load(&back), 9);
	EXPECT(leat_once_done(&once));
	leat_once_do(&once, must_not_run);
}

static leat_once third;

static void needs_one_that_ends(void)
{
	leat_once_do(&once, ends_here);
	EXPECT(!"ended");
}

static void needs_two(void)
{
	leat_once_do(&third, counts); /* this one is over by then */
	leat_once_do(&first, needs_one_that_ends);
}

static void nests(void)
{
	leat_once_do(&second, needs_two);
	EXPECT(!"ended");
}

static void waits_for_all_three(void)
{
	leat_once_do(&second, must_not_run);
	leat_once_do(&first, must_not_run);
	leat_once_do(&once, must_not_run);
	atomic_fetch_add(&back, 1);
}

GO_TEST(a_goexit_inside_several_ends_them_all, "R154 R156")
{
	leat_wg all = { 0 };

	leat_wg_go(&all, nests);
	while (!leat_once_done(&third))
		leat_yield();
	for (int i = 0; i < 4; i++)
		leat_wg_go(&all, waits_for_all_three);
	leat_wg_wait(&all);
	EXPECT_EQ(atomic_load(&back), 4);
	EXPECT_EQ(calls, 2);
	EXPECT(leat_once_done(&first) && leat_once_done(&second));
}

static void ends_after(void)
{
	leat_once_do(&once, counts);
	leat_goexit();
}

GO_TEST(a_goexit_afterwards_ends_what_it_did_before, "R154 R156")
{
	leat_wg all = { 0 };

	leat_wg_go(&all, ends_after);
	leat_wg_wait(&all);
	leat_go(ends_after);
	leat_wg_go(&all, ends_after);
	leat_wg_wait(&all);
	EXPECT_EQ(calls, 1);
}

static void sees_that_main_is_done(void)
{
	leat_once_do(&once, must_not_run);
	EXPECT_EQ(calls, 1);
	exit(0);
}

GO_TEST(the_main_goroutine_may_end_inside, "R156")
{
	leat_go(sees_that_main_is_done);
	leat_once_do(&once, ends_here);
}

/* -- its memory -- */

struct counted {
	leat_once once;
	atomic_int users;
};

static void yields(void)
{
	leat_yield();
}

static void lets_go(struct counted *c)
{
	leat_once_do(&c->once, yields);
	if (atomic_fetch_sub(&c->users, 1) == 1) {
		memset(c, 0xff, sizeof *c);
		free(c);
	}
}

GO_TEST(who_has_returned_last_may_free_it, "R154")
{
	leat_wg all = { 0 };

	for (int round = 0; round < (int)test_count(20000); round++) {
		struct counted *c = calloc(1, sizeof *c);

		atomic_init(&c->users, 3);
		for (int i = 0; i < 3; i++)
			leat_wg_go(&all, lets_go, c);
		if (round % 16 == 0)
			leat_wg_wait(&all);
	}
	leat_wg_wait(&all);
}

/* -- values -- */

struct pair {
	long a, b;
};

static int make_seven(void)
{
	calls++;
	leat_yield();
	return 7;
}

static struct pair make_pair(void)
{
	return (struct pair){ 3, 4 };
}

static const char *make_text(void)
{
	return "made";
}

static leat_once_value(int) seven = LEAT_ONCE_VALUE(make_seven);

static void gets_seven(void)
{
	EXPECT_EQ(leat_once_get(&seven), 7);
}

GO_TEST(a_value_is_made_once, "R154 R155 R178")
{
	leat_once_value(struct pair) two = LEAT_ONCE_VALUE(make_pair);
	static leat_once_value(const char *) text = LEAT_ONCE_VALUE(make_text);
	leat_wg all = { 0 };

	for (int i = 0; i < 10; i++)
		leat_wg_go(&all, gets_seven);
	leat_wg_wait(&all);
	EXPECT_EQ(leat_once_get(&seven), 7);
	EXPECT_EQ(calls, 1);
	EXPECT_EQ(leat_once_get(&two).b, 4);
	EXPECT_EQ(leat_once_get(&two).a, 3);
	EXPECT_STR(leat_once_get(&text), "made");
}

TEST(a_value_needs_no_runtime, "R154")
{
	EXPECT_EQ(leat_once_get(&seven), 7);
	EXPECT_EQ(leat_once_get(&seven), 7);
	EXPECT_EQ(calls, 1);
}

static int makes_nothing(void)
{
	leat_goexit();
}

static leat_once_value(int) nothing = LEAT_ONCE_VALUE(makes_nothing);

static void gets_nothing(void)
{
	leat_once_get(&nothing);
	EXPECT(!"ended");
}

GO_TEST(a_value_that_was_not_made_is_zero, "R156")
{
	leat_wg all = { 0 };

	leat_wg_go(&all, gets_nothing);
	leat_wg_wait(&all);
	EXPECT_EQ(leat_once_get(&nothing), 0);
}

/* -- misuse -- */

TEST_DIES(a_nil_once_is_not_done, "R154", "fatal error: leat_once_do: nil Once")
{
	leat_once *volatile nil = NULL;

	leat_once_do(nil, counts);
}

static void (*const no_function)(void);

TEST_DIES(nor_is_a_nil_function_called, "R154",
	  "fatal error: leat_once_do: nil func value")
{
	leat_once_do(&once, no_function);
}

TEST(of_what_is_done_no_function_is_asked_for, "R155")
{
	leat_once_do(&once, counts);
	leat_once_do(&once, no_function);
	EXPECT_EQ(calls, 1);
}

TEST_DIES(a_value_has_to_be_made_by_something, "R154",
	  "fatal error: leat_once_do: nil func value")
{
	leat_once_value(int) none = { { 0 }, NULL, 0 };

	leat_once_get(&none);
}

TEST_DIES(a_nil_once_is_not_asked, "R154",
	  "fatal error: leat_once_do: nil Once")
{
	leat_once_done(NULL);
}

TEST_DIES(a_nil_value_is_not_got, "R154", "fatal error: leat_once_do: nil Once")
{
	leat_once_value(int) *none = NULL;

	leat_once_get(none);
}

SUITE("once")
