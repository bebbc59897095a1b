/*
 * test_panic_use.c - panics that pass through calls of the library, and much of them.
 */
#include "leat.h"

#include "test.h"

#include <malloc.h>
#include <stdatomic.h>

static int rescued;

static void rescue(void)
{
	struct leat_value v;

	if (leat_recover(&v)) {
		rescued++;
		if (v.kind == LEAT_VALUE_ERROR)
			leat_error_release(v.error);
	}
}

/* -- once -- */

static leat_once once, outer;
static int done_before;

static void is_it_done(void)
{
	done_before = leat_once_done(&once);
}

static void raises(void)
{
	leat_defer(is_it_done);
	leat_panic("inside");
}

static void does_once(void)
{
	leat_recoverable();
	leat_defer(rescue);
	leat_once_do(&once, raises);
}

static void must_not_run(void)
{
	EXPECT(!"again");
}

GO_TEST(a_panic_in_a_once_counts_as_done, "R154 R156")
{
	does_once();
	EXPECT_EQ(rescued, 1);
	EXPECT_EQ(done_before, 0);
	EXPECT(leat_once_done(&once));
	leat_once_do(&once, must_not_run);
}

static void recovers_between(void)
{
	does_once();
	EXPECT(leat_once_done(&once));
}

GO_TEST(only_what_the_panic_leaves_is_done, "R154")
{
	leat_once_do(&outer, recovers_between);
	EXPECT_EQ(rescued, 1);
	EXPECT(leat_once_done(&outer));
}

static void asks(leat_wg *wg)
{
	leat_defer(leat_wg_done, wg);
	leat_once_do(&once, must_not_run);
}

static void lets_them_ask(void)
{
	for (int i = 0; i < 20; i++)
		leat_yield();
	leat_panic("now");
}

static void does_it_late(void)
{
	leat_recoverable();
	leat_defer(rescue);
	leat_once_do(&once, lets_them_ask);
}

GO_TEST(who_waits_for_a_once_goes_on, "R154 R156")
{
	leat_wg wg = { 0 };

	leat_wg_go(&wg, does_it_late);
	while (!atomic_load((_Atomic uint64_t *)&once.state))
		leat_yield();
	leat_wg_add(&wg, 8);
	for (int i = 0; i < 8; i++)
		leat_go(asks, &wg);
	leat_wg_wait(&wg);
	EXPECT_EQ(rescued, 1);
}

static int fails(void)
{
	leat_panic("no value");
}

static leat_once_value(int) value = LEAT_ONCE_VALUE(fails);

static void gets(void)
{
	leat_recoverable();
	leat_defer(rescue);
	leat_once_get(&value);
}

GO_TEST(a_value_that_was_not_made_is_zero, "R155")
{
	gets();
	EXPECT_EQ(rescued, 1);
	EXPECT_EQ(leat_once_get(&value), 0);
}

static void does_nothing(void)
{
}

static leat_error flies_well(void *arg, const char *key, void **made)
{
	(void)arg;
	(void)key;
	(void)made;
	return NULL;
}

static leat_flight flight;

static bool goes_on(const void *key, void *what, void *arg)
{
	(void)key;
	(void)what;
	(void)arg;
	return true;
}

static intptr_t returns_blocked(void *arg)
{
	(void)arg;
	return 3;
}

/* What they deferred themselves must be gone with them. */
static void panics_after_calls(leat_map *map)
{
	static leat_once just;

	leat_recoverable();
	leat_defer(rescue);
	leat_once_do(&just, does_nothing);
	leat_landing_release(leat_flight_do(&flight, "key", flies_well, NULL));
	EXPECT_EQ(leat_map_range(map, goes_on, NULL), 0);
	EXPECT_EQ(leat_block(returns_blocked, NULL), 3);
	leat_panic("after");
}

GO_TEST(a_panic_after_such_calls_finds_nothing_of_them, "R34 R154")
{
	leat_map map = { 0 };

	EXPECT_EQ(leat_map_store(&map, 1, 1), 0);
	panics_after_calls(&map);
	EXPECT_EQ(rescued, 1);
	leat_map_free(&map);
}

/* -- singleflight -- */

static leat_error crashes(void *arg, const char *key, void **made)
{
	(void)key;
	(void)made;
	for (int i = 0; i < *(int *)arg; i++)
		leat_yield();
	leat_panicf("in the air");
}

static void flies(int *turns)
{
	leat_recoverable();
	leat_defer(rescue);
	leat_flight_do(&flight, "key", crashes, turns);
	EXPECT(!"returned");
}

static leat_error lands(void *arg, const char *key, void **made)
{
	(void)key;
	*made = arg;
	return NULL;
}

GO_TEST(a_flight_that_panics_lands, "R21 singleflight")
{
	int turns = 0;
	leat_landing *l;

	flies(&turns);
	EXPECT_EQ(rescued, 1);
	l = leat_flight_do(&flight, "key", lands, &turns);
	EXPECT_EQ(l->value, &turns);
	leat_landing_release(l);
}

static void joins(leat_wg *wg, _Atomic int *asked)
{
	int turns = 0;
	leat_landing *l;

	leat_defer(leat_wg_done, wg);
	atomic_fetch_add(asked, 1);
	l = leat_flight_do(&flight, "key", lands, &turns);
	EXPECT(l->error == LEAT_FLIGHT_ENDED || l->value);
	leat_landing_release(l);
}

GO_TEST(who_waits_for_it_is_told, "R21 singleflight")
{
	int turns = 30;
	_Atomic int asked = 0;
	leat_wg wg = { 0 };

	leat_wg_add(&wg, 4);
	for (int i = 0; i < 4; i++)
		leat_go(joins, &wg, &asked);
	leat_wg_go(&wg, flies, &turns);
	leat_wg_wait(&wg);
}

/* -- maps -- */

static _Atomic int held;

static void retain(void *what)
{
	(void)what;
	atomic_fetch_add(&held, 1);
}

static void release(void *what)
{
	(void)what;
	atomic_fetch_sub(&held, 1);
}

static bool stops(const void *key, void *what, void *left)
{
	(void)key;
	(void)what;
	if (--*(int *)left == 0)
		leat_panic("enough");
	return true;
}

static void walks(leat_map *map, int after)
{
	leat_recoverable();
	leat_defer(rescue);
	leat_map_range(map, stops, &after);
	EXPECT(!"returned");
}

GO_TEST(a_panic_out_of_a_range_holds_nothing, "R173 R176")
{
	static const struct leat_map_kind counted = { .retain = retain,
						      .release = release };
	leat_map map = LEAT_MAP_OF(&counted);
	int dummy;

	for (long i = 0; i < 500; i++)
		EXPECT_EQ(leat_map_store(&map, i, &dummy), 0);
	for (int after = 1; after <= 500; after += 7)
		walks(&map, after);
	EXPECT_EQ(rescued, 72);
	leat_map_free(&map);
	for (int i = 0; i < 1000 && atomic_load(&held); i++)
		leat_sleep(10 * LEAT_MILLISECOND);
	EXPECT_EQ(atomic_load(&held), 0);
}

/* -- blocking calls -- */

static intptr_t raises_blocked(void *arg)
{
	leat_panic((const char *)arg);
}

static void waits(leat_chan(int) c)
{
	int got;

	EXPECT(leat_recv(c, &got));
}

static void blocks(leat_chan(int) c)
{
	leat_recoverable();
	leat_defer(rescue);
	leat_defer(waits, c); /* inside the runtime again */
	leat_block(raises_blocked, "blocked");
}

GO_TEST(a_panic_ends_a_blocking_call, "R25 R34")
{
	leat_chan(int) c = leat_make(int, 1);

	for (int i = 0; i < 100; i++) {
		leat_send(c, i);
		blocks(c);
	}
	EXPECT_EQ(rescued, 100);
	leat_release(c);
}

static void brackets(void)
{
	leat_recoverable();
	leat_defer(rescue);
	leat_block_enter();
	leat_defer(leat_block_exit);
	leat_panic("in a bracket");
}

GO_TEST(a_bracket_is_deferred, "R25 R35")
{
	for (int i = 0; i < 100; i++) {
		brackets();
		leat_yield();
	}
	EXPECT_EQ(rescued, 100);
}

/* -- misuse that Go raises panics for -- */

static void too_many_done(void)
{
	leat_wg wg = { 0 };

	leat_recoverable();
	leat_defer(rescue);
	leat_wg_add(&wg, 1);
	leat_wg_done(&wg);
	leat_wg_done(&wg);
}

static void too_much_released(leat_sema *sema)
{
	leat_recoverable();
	leat_defer(rescue);
	leat_sema_release(sema, 1);
}

static void limits(leat_group *group)
{
	leat_recoverable();
	leat_defer(rescue);
	leat_group_set_limit(group, 3);
}

static leat_error waits_for(leat_chan(int) c)
{
	waits(c);
	return NULL;
}

GO_TEST(what_is_a_panic_in_go_is_one_here, "R150 B.3 errgroup")
{
	leat_sema sema = LEAT_SEMA(2);
	leat_chan(int) c = leat_make(int, 0);
	leat_group group = { 0 };

	too_many_done();
	EXPECT_EQ(rescued, 1);
	too_much_released(&sema);
	EXPECT_EQ(rescued, 2);
	EXPECT(leat_sema_try_acquire(&sema, 2)); /* and it is unlocked */
	leat_group_go(&group, waits_for, c);
	limits(&group);
	EXPECT_EQ(rescued, 3);
	leat_send(c, 1);
	EXPECT(!leat_group_wait(&group));
	leat_release(c);
}

/* -- the library's own goroutines -- */

static void at_last(leat_wg *wg)
{
	leat_recoverable();
	leat_defer(leat_wg_done, wg);
	leat_defer(rescue);
	leat_panic("late");
}

GO_TEST(a_function_of_a_timer_has_panics_of_its_own, "R38 R128")
{
	leat_wg wg = { 0 };

	leat_wg_add(&wg, 1);
	leat_timer_release(leat_after_func(LEAT_MILLISECOND, at_last, &wg));
	leat_wg_wait(&wg);
	EXPECT_EQ(rescued, 1);
}

/* -- much -- */

static void panics_with_text(int n)
{
	leat_recoverable();
	leat_defer(rescue);
	leat_panicf("number %d of many", n);
}

static long resident(void)
{
	long pages = 0, unused;
	FILE *f = fopen("/proc/self/statm", "r");

	EXPECT(f && fscanf(f, "%ld %ld", &unused, &pages) == 2);
	fclose(f);
	return pages * 4;
}

GO_TEST(a_million_recovered_panics_leave_memory_flat, "R42 R34")
{
	int n = (int)test_count(1000000);
	long before;
	struct mallinfo2 was;

	for (int i = 0; i < 1000; i++)
		panics_with_text(i);
	was = mallinfo2();
	before = resident();
	for (int i = 0; i < n; i++)
		panics_with_text(i);
	EXPECT_EQ(rescued, n + 1000);
	if (!test_under("asan") && !test_under("tsan")) {
		EXPECT(mallinfo2().uordblks < was.uordblks + (64 << 10));
		EXPECT(resident() < before + 4096);
	}
}

SUITE("panic_use")
