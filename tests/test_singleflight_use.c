/*
 * test_singleflight_use.c - one call for all: waits that end, ends that are none,
 * threads, and what is refused.
 *
 *	the clock is fake, as in test_singleflight.c
 */
#include "leat.h"

#include "test.h"

#include <pthread.h>
#include <sys/resource.h>

__attribute__((constructor)) static void with_the_fake_clock(void)
{
	setenv("LEAT_CLOCK", "fake", 1);
}

static leat_atomic_i32 calls, dropped, arrived;

static void counts_drop(void *value)
{
	(void)value;
	leat_atomic_add(&dropped, 1);
}

static leat_error after_an_hour(void *arg, const char *key, void **value)
{
	(void)key;
	leat_atomic_add(&calls, 1);
	leat_sleep(LEAT_HOUR);
	*value = arg;
	return NULL;
}

/* -- without a wait -- */

GO_TEST(a_start_does_not_wait_and_its_channel_tells, "singleflight")
{
	leat_flight f = { .drop = counts_drop };
	leat_time start = leat_now();
	leat_landing *l = leat_flight_start(&f, "k", after_an_hour, &f);
	leat_done done = leat_landing_done(l);

	EXPECT_EQ(leat_since(start), 0);
	EXPECT_EQ(leat_try_recv(done, NULL), -EAGAIN);
	EXPECT_EQ(leat_select(leat_on_recv(done, NULL),
			      leat_on_recv(leat_after(2 * LEAT_HOUR), NULL)),
		  0);
	EXPECT_EQ(leat_since(start), LEAT_HOUR);
	EXPECT(l->value == &f);
	EXPECT(!l->shared);
	EXPECT(leat_landing_done(l) == done);
	leat_landing_release(l);
	EXPECT_EQ(leat_atomic_load(&dropped), 1);
}

static void waits_for(leat_flight *f, bool shared)
{
	leat_landing *l = leat_flight_do(f, "k", after_an_hour, f);

	EXPECT(l->value == f);
	EXPECT_EQ(l->shared, shared);
	leat_landing_release(l);
	leat_atomic_add(&arrived, 1);
}

GO_TEST(who_starts_and_who_waits_share_a_landing, "singleflight")
{
	leat_flight f = { .drop = counts_drop };
	leat_landing *l;
	leat_wg all = { 0 };

	leat_wg_go(&all, waits_for, &f, true);
	leat_sleep(LEAT_MINUTE);
	l = leat_flight_start(&f, "k", after_an_hour, NULL);
	leat_wg_go(&all, waits_for, &f, true);
	EXPECT(!leat_recv(leat_landing_done(l), NULL));
	EXPECT(l->value == &f && l->shared);
	leat_wg_wait(&all);
	EXPECT_EQ(leat_atomic_load(&calls), 1);
	EXPECT_EQ(leat_atomic_load(&dropped), 0);
	leat_landing_release(l);
	EXPECT_EQ(leat_atomic_load(&dropped), 1);
}

GO_TEST(a_landing_may_be_let_go_before_it_is_one, "singleflight")
{
	leat_flight f = { .drop = counts_drop };
	leat_landing *l = leat_flight_start(&f, "k", after_an_hour, &f);
	leat_done done = leat_retain(leat_landing_done(l));

	leat_landing_release(leat_landing_retain(l));
	leat_landing_release(l);
	EXPECT_EQ(leat_atomic_load(&dropped), 0);
	EXPECT(!leat_recv(done, NULL));
	leat_release(done);
	leat_sleep(1);
	EXPECT_EQ(leat_atomic_load(&dropped), 1);
	EXPECT_EQ(leat_goroutine_count(), 1);
}

GO_TEST(a_flight_may_be_freed_when_all_have_landed, "singleflight")
{
	for (int i = 0; i < (int)test_count(2000); i++) {
		leat_flight *f = calloc(1, sizeof(*f));
		leat_landing *l =
			leat_flight_start(f, "k", after_an_hour, &calls);

		if (i % 2)
			leat_recv(leat_landing_done(l), NULL);
		else
			leat_landing_release(
				leat_flight_do(f, "k", after_an_hour, NULL));
		memset(f, 0xff, sizeof(*f));
		free(f);
		EXPECT(l->value == &calls);
		leat_landing_release(l);
	}
}

/* -- as long as a context -- */

static void gives_up(leat_ctx *ctx, leat_flight *f)
{
	EXPECT(!leat_flight_do_ctx(ctx, f, "k", after_an_hour, f));
	EXPECT(leat_ctx_err(ctx) == LEAT_DEADLINE_EXCEEDED);
	leat_atomic_add(&arrived, 1);
}

GO_TEST(a_wait_ends_with_its_context_and_the_call_goes_on, "singleflight")
{
	leat_flight f = { .drop = counts_drop };
	leat_ctx *ctx = leat_with_timeout(leat_background(), LEAT_MINUTE);
	leat_time start = leat_now();
	leat_wg all = { 0 };

	leat_wg_go(&all, gives_up, ctx, &f);
	leat_sleep(LEAT_SECOND);
	leat_wg_go(&all, waits_for, &f, true);
	leat_sleep(LEAT_MINUTE);
	EXPECT_EQ(leat_atomic_load(&arrived), 1);
	leat_wg_wait(&all);
	EXPECT_EQ(leat_atomic_load(&arrived), 2);
	EXPECT_EQ(leat_since(start), LEAT_HOUR);
	EXPECT_EQ(leat_atomic_load(&calls), 1);
	leat_ctx_release(ctx);
	leat_sleep(1);
	EXPECT_EQ(leat_atomic_load(&dropped), 1);
}

GO_TEST(within_its_context_a_wait_gets_the_landing, "singleflight")
{
	leat_flight f = { .drop = counts_drop };
	leat_ctx *ctx = leat_with_timeout(leat_background(), 2 * LEAT_HOUR);
	leat_landing *l =
		leat_flight_do_ctx(ctx, &f, "k", after_an_hour, &calls);

	EXPECT(l->value == &calls);
	EXPECT(!l->shared);
	leat_landing_release(l);
	leat_ctx_release(ctx);
	EXPECT_EQ(leat_atomic_load(&dropped), 1);
}

GO_TEST(a_context_that_is_over_starts_nothing, "singleflight")
{
	leat_flight f = { 0 };
	leat_ctx *ctx = leat_with_cancel(leat_background());

	leat_cancel(ctx);
	EXPECT(!leat_flight_do_ctx(ctx, &f, "k", after_an_hour, NULL));
	EXPECT_EQ(leat_goroutine_count(), 1);
	EXPECT_EQ(leat_atomic_load(&calls), 0);
	leat_ctx_release(ctx);
}

/* -- goexit -- */

static leat_error exits(void *arg, const char *key, void **value)
{
	(void)key;
	(void)value;
	leat_atomic_add(&calls, 1);
	leat_sleep(LEAT_HOUR);
	if (arg)
		leat_landing_release(leat_flight_do(arg, "inner", exits, NULL));
	leat_goexit();
}

static void never_comes_back(leat_flight *f)
{
	leat_flight_do(f, "k", exits, NULL);
	EXPECT(!"it came back");
}

static void gets_the_end(leat_flight *f, const char *key)
{
	leat_landing *l = leat_flight_do(f, key, after_an_hour, NULL);

	EXPECT(l->error == LEAT_FLIGHT_ENDED);
	EXPECT(!l->value && l->shared);
	leat_landing_release(l);
	leat_atomic_add(&arrived, 1);
}

GO_TEST(a_function_that_ends_its_goroutine_lands_the_call, "R21 singleflight")
{
	leat_flight f = { .drop = counts_drop };
	leat_wg all = { 0 };

	leat_wg_go(&all, never_comes_back, &f);
	leat_sleep(LEAT_MINUTE);
	for (int i = 0; i < 100; i++)
		leat_wg_go(&all, gets_the_end, &f, "k");
	leat_wg_wait(&all); /* it counts who ended, too */
	EXPECT_EQ(leat_atomic_load(&arrived), 100);
	EXPECT_EQ(leat_atomic_load(&calls), 1);
	waits_for(&f, false);
	EXPECT_EQ(leat_atomic_load(&calls), 2);
	EXPECT_EQ(leat_goroutine_count(), 1);
}

GO_TEST(a_goexit_reaches_who_did_not_ask_here, "R21 singleflight")
{
	leat_flight f = { .drop = counts_drop };
	leat_landing *l = leat_flight_start(&f, "k", exits, NULL);

	leat_recv(leat_landing_done(l), NULL);
	EXPECT(l->error == LEAT_FLIGHT_ENDED);
	leat_landing_release(l);
	l = leat_flight_do_ctx(leat_background(), &f, "k", exits, NULL);
	EXPECT(l->error == LEAT_FLIGHT_ENDED);
	leat_landing_release(l);
	leat_sleep(1);
	EXPECT_EQ(leat_goroutine_count(), 1);
}

static void ends_two(leat_flight *f)
{
	leat_flight_do(f, "k", exits, f);
}

GO_TEST(a_goexit_lands_every_call_of_its_goroutine, "R21 singleflight")
{
	leat_flight f = { 0 };
	leat_wg all = { 0 };

	leat_wg_go(&all, ends_two, &f);
	leat_sleep(LEAT_MINUTE);
	leat_wg_go(&all, gets_the_end, &f, "k");
	leat_sleep(LEAT_HOUR);
	leat_wg_go(&all, gets_the_end, &f, "inner");
	leat_wg_wait(&all);
	EXPECT_EQ(leat_atomic_load(&arrived), 2);
}

static leat_error ends_with(void *group, const char *key, void **value)
{
	(void)key;
	(void)value;
	leat_wg_add(group, 1);
	return NULL;
}

static void asks_and_ends(leat_flight *f, leat_wg *group)
{
	leat_landing_release(leat_flight_do(f, "k", ends_with, group));
	leat_goexit();
}

GO_TEST(a_goexit_after_the_landing_is_none_of_its_business, "R21 singleflight")
{
	leat_flight f = { 0 };
	leat_wg all = { 0 }, group = { 0 };

	leat_wg_go(&all, asks_and_ends, &f, &group);
	leat_wg_wait(&all);
	leat_wg_done(&group); /* fn was called once, and landed once */
	EXPECT(!f.calls_);
}

/* -- threads that are not the runtime's -- */

static leat_chan(int) gate;

static void frees_seven(void *value)
{
	counts_drop(value);
	free(value);
}

static leat_error gives_seven(void *arg, const char *key, void **value)
{
	(void)arg;
	(void)key;
	leat_atomic_add(&calls, 1);
	leat_recv(gate, NULL);
	*value = malloc(sizeof(int));
	*(int *)*value = 7;
	return NULL;
}

static void *asks_outside(void *f)
{
	leat_landing *l = leat_flight_do(f, "k", gives_seven, NULL);

	EXPECT_EQ(*(int *)l->value, 7);
	leat_landing_release(l);
	l = leat_flight_start(f, "k", gives_seven, NULL);
	leat_recv(leat_landing_done(l), NULL);
	EXPECT_EQ(*(int *)l->value, 7);
	leat_landing_release(l);
	return NULL;
}

GO_TEST(threads_ask_and_wait_too, "R31 R178 singleflight")
{
	leat_flight f = { .drop = frees_seven };
	pthread_t id[8];

	gate = leat_make(int, 0);
	for (int i = 0; i < 8; i++)
		EXPECT_EQ(pthread_create(&id[i], NULL, asks_outside, &f), 0);
	leat_send(gate, 1);
	leat_close(gate);
	leat_landing_release(leat_flight_do(&f, "k", gives_seven, NULL));
	leat_block_enter();
	for (int i = 0; i < 8; i++)
		pthread_join(id[i], NULL);
	leat_block_exit();
	leat_sleep(1);
	EXPECT_EQ(leat_atomic_load(&dropped), leat_atomic_load(&calls));
	leat_release(gate);
}

static leat_error at_once(void *arg, const char *key, void **value)
{
	(void)key;
	*value = arg;
	return NULL;
}

TEST(without_the_runtime_one_asks_alone, "R31 singleflight")
{
	leat_flight f = { .drop = counts_drop };
	leat_landing *l = leat_flight_do(&f, "k", at_once, &f);

	EXPECT(l->value == &f);
	leat_landing_release(l);
	EXPECT_EQ(leat_atomic_load(&dropped), 1);
}

/* -- without memory -- */

GO_TEST(without_memory_nothing_is_called, "singleflight")
{
	const size_t much = (size_t)512 << 20;
	struct rlimit limit = { (size_t)8 << 30, (size_t)8 << 30 };
	leat_flight f = { 0 };
	char *key;

	if (test_under("asan") || test_under("tsan") || test_under("qemu"))
		SKIP("address space cannot be limited here");
	EXPECT_EQ(setrlimit(RLIMIT_AS, &limit), 0);
	key = malloc(much);
	memset(key, 'k', much - 1);
	key[much - 1] = '\0';
	limit.rlim_cur = (size_t)256 << 20;
	EXPECT_EQ(setrlimit(RLIMIT_AS, &limit), 0);
	EXPECT(!leat_flight_do(&f, key, at_once, NULL));
	EXPECT(!leat_flight_start(&f, key, at_once, NULL));
	EXPECT(!leat_flight_do_ctx(leat_background(), &f, key, at_once, NULL));
	EXPECT(!f.calls_);
	free(key);
}

/* Until there is no room for stacks; what is small finds some. */
GO_TEST(without_memory_for_a_goroutine_the_landing_says_so, "singleflight")
{
	struct rlimit limit = { 0, RLIM_INFINITY };
	leat_flight f = { 0 };
	leat_landing *l, *last = NULL;
	FILE *size = fopen("/proc/self/statm", "r");

	if (test_under("asan") || test_under("tsan") || test_under("qemu"))
		SKIP("address space cannot be limited here");
	EXPECT(size && fscanf(size, "%lu", &limit.rlim_cur) == 1);
	fclose(size);
	limit.rlim_cur = limit.rlim_cur * 4096 + (256 << 20);
	EXPECT_EQ(setrlimit(RLIMIT_AS, &limit), 0);
	for (int i = 0; !last; i++) {
		char key[16];

		snprintf(key, sizeof(key), "%d", i);
		l = leat_flight_start(&f, key, after_an_hour, NULL);
		EXPECT(l != NULL);
		if (leat_try_recv(leat_landing_done(l), NULL) == -EPIPE)
			last = l;
		else
			leat_landing_release(l);
	}
	EXPECT(leat_error_is(last->error, LEAT_NO_MEMORY));
	EXPECT(!last->value && !last->shared);
	leat_landing_release(last);
	leat_sleep(2 * LEAT_HOUR);
	EXPECT(!f.calls_);
}

/* -- misuse -- */

static leat_flight some;

TEST_DIES(a_nil_flight_is_refused, "singleflight",
	  "fatal error: leat_flight_do: nil flight")
{
	leat_flight_do(NULL, "k", at_once, NULL);
}

TEST_DIES(a_nil_key_is_refused, "singleflight",
	  "fatal error: leat_flight_start: nil key")
{
	leat_flight_start(&some, NULL, at_once, NULL);
}

TEST_DIES(a_nil_function_is_refused, "singleflight",
	  "fatal error: leat_flight_do_ctx: nil function")
{
	leat_flight_do_ctx(leat_background(), &some, "k", NULL, NULL);
}

TEST_DIES(nothing_cannot_be_forgotten, "singleflight",
	  "fatal error: leat_flight_forget: nil key")
{
	leat_flight_forget(&some, NULL);
}

TEST_DIES(a_nil_landing_has_no_channel, "singleflight",
	  "fatal error: leat_landing_done: nil landing")
{
	leat_landing_done(NULL);
}

TEST(a_nil_landing_is_retained_and_released_in_vain, "singleflight")
{
	EXPECT(!leat_landing_retain(NULL));
	leat_landing_release(NULL);
}

SUITE("singleflight_use")
