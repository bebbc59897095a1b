/*
 * test_singleflight.c - one call for all who ask at the same time.
 *
 *	the clock is fake: a function that sleeps comes back when all others
 *	wait, so whoever was to ask meanwhile has asked, and waits
 */
#include "leat.h"

#include "test.h"

__attribute__((constructor)) static void with_the_fake_clock(void)
{
	setenv("LEAT_CLOCK", "fake", 1);
}

static leat_atomic_i32 calls, dropped, arrived;

static void counts_drop(void *value)
{
	leat_atomic_add(&dropped, 1);
	free(value);
}

static const struct leat_error_value broken = LEAT_ERROR("broken");

/* The key, and arg, in a new text; after an hour. */
static leat_error looks_up(void *arg, const char *key, void **value)
{
	char text[100];

	EXPECT(!*value);
	leat_atomic_add(&calls, 1);
	leat_sleep(LEAT_HOUR);
	snprintf(text, sizeof(text), "%s=%s", key, (char *)arg);
	*value = strdup(text);
	return NULL;
}

static leat_error fails(void *arg, const char *key, void **value)
{
	(void)arg;
	(void)value;
	leat_atomic_add(&calls, 1);
	leat_sleep(LEAT_HOUR);
	return leat_error_wrap(&broken, "%s", key);
}

static leat_error gives_arg(void *arg, const char *key, void **value)
{
	(void)key;
	leat_atomic_add(&calls, 1);
	*value = arg;
	return NULL;
}

/* -- one who asks -- */

GO_TEST(what_the_function_gave_is_the_landing, "singleflight")
{
	leat_flight f = { .drop = counts_drop };
	leat_landing *l = leat_flight_do(&f, "key", looks_up, "value");

	EXPECT_STR(l->value, "key=value");
	EXPECT(!l->error);
	EXPECT(!l->shared);
	EXPECT_EQ(leat_atomic_load(&dropped), 0);
	leat_landing_release(l);
	EXPECT_EQ(leat_atomic_load(&dropped), 1);
	EXPECT_EQ(leat_atomic_load(&calls), 1);
}

GO_TEST(an_error_is_passed_on, "singleflight")
{
	leat_flight f = { .drop = counts_drop };
	leat_landing *l = leat_flight_do(&f, "key", fails, NULL);

	EXPECT(leat_error_is(l->error, &broken));
	EXPECT_STR(leat_error_text(l->error), "key: broken");
	EXPECT(!l->value);
	leat_landing_release(l);
	EXPECT_EQ(leat_atomic_load(&dropped), 0);
}

GO_TEST(nothing_is_kept_after_the_landing, "singleflight")
{
	leat_flight f = { 0 };

	for (int i = 1; i <= 10; i++) {
		leat_landing *l = leat_flight_do(&f, "key", gives_arg, &calls);

		EXPECT_EQ(leat_atomic_load(&calls), i);
		EXPECT(l->value == &calls);
		leat_landing_release(l);
	}
}

GO_TEST(a_static_flight_needs_no_initialiser, "R153 singleflight")
{
	static leat_flight f;

	leat_landing_release(leat_flight_do(&f, "", gives_arg, NULL));
	EXPECT_EQ(leat_atomic_load(&calls), 1);
}

GO_TEST(the_function_runs_where_it_was_asked_for, "singleflight")
{
	leat_flight f = { 0 };
	leat_landing *l = leat_flight_do(&f, "key", gives_arg,
					 (void *)(uintptr_t)leat_goid());

	EXPECT_EQ((uintptr_t)l->value, leat_goid());
	EXPECT_EQ(leat_goroutine_count(), 1);
	leat_landing_release(l);
}

static leat_error asks_for_more(void *f, const char *key, void **value)
{
	char longer[10];
	leat_landing *l;
	leat_error e;

	(void)value;
	if (strlen(key) == 5)
		return leat_errorf("at %s", key);
	snprintf(longer, sizeof(longer), "%sx", key);
	l = leat_flight_do(f, longer, asks_for_more, f);
	e = leat_error_retain(l->error);
	leat_landing_release(l);
	return e;
}

GO_TEST(a_function_may_ask_for_another_key, "singleflight")
{
	leat_flight f = { 0 };
	leat_landing *l = leat_flight_do(&f, "x", asks_for_more, &f);

	EXPECT_STR(leat_error_text(l->error), "at xxxxx");
	leat_landing_release(l);
}

/* -- many who ask -- */

static long plain; /* written before the landing, read after it */

static leat_error writes(void *arg, const char *key, void **value)
{
	plain++;
	return looks_up(arg, key, value);
}

static void asks(leat_flight *f, const char *key, const char *want)
{
	leat_landing *l = leat_flight_do(f, key, writes, "v");

	EXPECT_STR(l->value, want);
	EXPECT(l->shared);
	EXPECT_EQ(plain, 1);
	leat_landing_release(l);
	leat_atomic_add(&arrived, 1);
}

GO_TEST(ten_thousand_who_ask_make_one_call, "R178 singleflight")
{
	const int n = (int)test_count(10000);
	leat_flight f = { .drop = counts_drop };
	leat_wg all = { 0 };

	for (int i = 0; i < n; i++)
		EXPECT_EQ(leat_wg_go(&all, asks, &f, "k", "k=v"), 0);
	leat_wg_wait(&all);
	EXPECT_EQ(leat_atomic_load(&arrived), n);
	EXPECT_EQ(leat_atomic_load(&calls), 1);
	EXPECT_EQ(leat_atomic_load(&dropped), 1);
}

GO_TEST(keys_do_not_wait_for_each_other, "singleflight")
{
	leat_flight f = { .drop = counts_drop };
	leat_time start = leat_now();
	leat_landing *l[100];
	char key[100][16];

	for (int i = 0; i < 100; i++) {
		snprintf(key[i], sizeof(key[i]), "%d", i);
		l[i] = leat_flight_start(&f, key[i], looks_up, "v");
	}
	for (int i = 0; i < 100; i++) {
		leat_recv(leat_landing_done(l[i]), NULL);
		EXPECT_EQ(atoi(l[i]->value), i);
		EXPECT(!l[i]->shared);
		leat_landing_release(l[i]);
	}
	EXPECT_EQ(leat_since(start), LEAT_HOUR);
	EXPECT_EQ(leat_atomic_load(&calls), 100);
	EXPECT_EQ(leat_atomic_load(&dropped), 100);
}

/* Two pairs that FNV-1a takes for the same: known collisions of 64 bits. */
GO_TEST(keys_of_one_hash_are_two_keys, "singleflight")
{
	static const char *key[] = { "7mohtcOFVz", "c1E51sSEyx", "6a5x-VbtXk",
				     "f_2k7GG-4v" };
	leat_flight f = { .drop = counts_drop };
	leat_landing *l[8];

	for (int i = 0; i < 8; i++)
		l[i] = leat_flight_start(&f, key[i % 4], looks_up, "v");
	leat_flight_forget(&f, key[0]);
	for (int i = 7; i >= 0; i--) {
		leat_recv(leat_landing_done(l[i]), NULL);
		EXPECT(strncmp(l[i]->value, key[i % 4], 10) == 0);
		EXPECT(l[i] == l[i % 4]);
	}
	for (int i = 0; i < 8; i++)
		leat_landing_release(l[i]);
	EXPECT_EQ(leat_atomic_load(&calls), 4);
	EXPECT_EQ(leat_atomic_load(&dropped), 4);
}

GO_TEST(the_key_is_copied, "singleflight")
{
	leat_flight f = { .drop = counts_drop };
	char key[] = "first";
	leat_landing *l = leat_flight_start(&f, key, looks_up, "v"), *other;

	strcpy(key, "other");
	other = leat_flight_start(&f, "first", looks_up, "w");
	leat_recv(leat_landing_done(l), NULL);
	EXPECT_STR(l->value, "first=v");
	EXPECT(l == other);
	leat_landing_release(l);
	leat_landing_release(other);
}

/* Each key's own state: whether somebody is at work for it. */
enum { KEYS = 64 };

static struct {
	leat_atomic_i32 busy;
	long made;
} work[KEYS];

static leat_error works(void *arg, const char *key, void **value)
{
	int i = atoi(key);

	(void)arg;
	EXPECT_EQ(leat_atomic_add(&work[i].busy, 1), 1);
	work[i].made++; /* plain: one at a time */
	if (work[i].made % 3 == 0)
		leat_yield();
	*value = malloc(sizeof(int));
	*(int *)*value = i;
	EXPECT_EQ(leat_atomic_add(&work[i].busy, -1), 0);
	return NULL;
}

static void hammers(leat_flight *f, unsigned seed, int rounds)
{
	while (rounds-- > 0) {
		unsigned i = (seed = seed * 1664525 + 1013904223) >> 16;
		leat_landing *l;
		char key[8];

		snprintf(key, sizeof(key), "%u", i % KEYS);
		if (i % 5 == 0) {
			l = leat_flight_start(f, key, works, NULL);
			if (i % 3 != 0)
				leat_recv(leat_landing_done(l), NULL);
		} else {
			l = leat_flight_do(f, key, works, NULL);
			EXPECT_EQ(*(int *)l->value, i % KEYS);
		}
		leat_landing_release(l);
	}
}

GO_TEST(sixteen_hammer_the_same_keys, "singleflight")
{
	const int rounds = (int)test_count(5000);
	leat_flight f = { .drop = counts_drop };
	leat_wg all = { 0 };
	long made = 0;

	for (int i = 0; i < 16; i++)
		leat_wg_go(&all, hammers, &f, i, rounds);
	leat_wg_wait(&all);
	leat_sleep(1); /* those nobody waits for have landed */
	EXPECT_EQ(leat_goroutine_count(), 1);
	for (int i = 0; i < KEYS; i++)
		made += work[i].made;
	EXPECT(made >= KEYS && made <= 16 * rounds);
	EXPECT_EQ(leat_atomic_load(&dropped), made);
	EXPECT(!f.calls_);
}

static leat_error counts_up(void *arg, const char *key, void **value)
{
	(void)key;
	leat_yield();
	*value = malloc(sizeof(int));
	leat_atomic_add((leat_atomic_i64 *)arg, 1);
	return NULL;
}

static void cancels(leat_ctx *ctx)
{
	leat_cancel(ctx);
	leat_ctx_release(ctx);
}

/* Who forgets, lands, asks anew, and gives up: all at once for one key. */
static void hammers_and_forgets(leat_flight *f, unsigned me,
				leat_atomic_i64 *made, int rounds)
{
	for (int i = 0; i < rounds; i++) {
		leat_landing *l = NULL;

		if ((i + me) % 7 == 0)
			leat_flight_forget(f, "key");
		if ((i + me) % 3 == 0) {
			leat_ctx *ctx = leat_with_cancel(leat_background());

			leat_go(cancels, leat_ctx_retain(ctx));
			l = leat_flight_do_ctx(ctx, f, "key", counts_up, made);
			leat_ctx_release(ctx);
		} else {
			l = leat_flight_do(f, "key", counts_up, made);
			EXPECT(l && l->value);
		}
		leat_landing_release(l);
	}
}

GO_TEST(sixteen_hammer_a_key_and_forget_it, "singleflight")
{
	const int rounds = (int)test_count(3000);
	leat_flight f = { .drop = counts_drop };
	leat_atomic_i64 made = { 0 };
	leat_wg all = { 0 };

	for (unsigned i = 0; i < 16; i++)
		leat_wg_go(&all, hammers_and_forgets, &f, i, &made, rounds);
	leat_wg_wait(&all);
	leat_sleep(1);
	EXPECT_EQ(leat_goroutine_count(), 1);
	EXPECT_EQ(leat_atomic_load(&dropped), leat_atomic_load(&made));
	EXPECT(!f.calls_);
}

/* -- forgetting -- */

GO_TEST(who_asks_after_a_forget_gets_a_call_of_his_own, "singleflight")
{
	leat_flight f = { .drop = counts_drop };
	leat_landing *one = leat_flight_start(&f, "k", looks_up, "1"), *two,
		     *three;

	leat_sleep(LEAT_MINUTE);
	leat_flight_forget(&f, "k");
	two = leat_flight_start(&f, "k", looks_up, "2");
	EXPECT(one != two);
	leat_recv(leat_landing_done(one), NULL);
	EXPECT_STR(one->value, "k=1");
	EXPECT(!one->shared);
	/* The end of the first has not taken the second out. */
	three = leat_flight_do(&f, "k", looks_up, "3");
	EXPECT(three == two);
	EXPECT_STR(three->value, "k=2");
	EXPECT(three->shared);
	EXPECT_EQ(leat_atomic_load(&calls), 2);
	leat_landing_release(one);
	leat_landing_release(two);
	leat_landing_release(three);
	EXPECT_EQ(leat_atomic_load(&dropped), 2);
}

GO_TEST(what_is_not_in_the_air_may_be_forgotten, "singleflight")
{
	leat_flight f = { 0 };

	leat_flight_forget(&f, "k");
	leat_landing_release(leat_flight_do(&f, "k", gives_arg, NULL));
	leat_flight_forget(&f, "k");
	leat_landing_release(leat_flight_do(&f, "k", gives_arg, NULL));
	EXPECT_EQ(leat_atomic_load(&calls), 2);
}

SUITE("singleflight")
