/*
 * test_map_memory.c - what a map gives back: when, on which thread, and how much.
 */
#include "leat.h"
#include "measure.h"
#include "test.h"
#include "things.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/resource.h>

static leat_map map;

/* -- references -- */

GO_TEST(a_value_got_outlives_its_deletion, "R173")
{
	struct thing *mine = new_thing(1), *got = NULL, *again = NULL;

	map.kind = &of_things;
	leat_map_store(&map, 1, mine);
	release(mine);
	EXPECT(leat_map_load(&map, 1, &got));
	EXPECT(leat_map_load_and_delete(&map, 1, &again));
	EXPECT(got == again);
	leat_map_free(&map);
	EXPECT_EQ((int)got->refs, 2);
	used(got, 1);
	used(again, 1);
	EXPECT_EQ((long)things, 0);
}

GO_TEST(what_is_not_wanted_is_not_retained, "R173")
{
	struct thing *mine = new_thing(1), *other = new_thing(1);

	map.kind = &of_things;
	leat_map_store(&map, 1, mine);
	EXPECT_EQ(leat_map_load_or_store(&map, 1, other, NULL), 1);
	EXPECT(leat_map_load(&map, 1, NULL));
	EXPECT_EQ(leat_map_compare_and_swap(&map, 1, other, mine), 0);
	EXPECT_EQ((int)mine->refs, 2);
	EXPECT_EQ((int)other->refs, 1);
	EXPECT_EQ(leat_map_swap(&map, 1, other, NULL), 1);
	EXPECT(leat_map_load_and_delete(&map, 1, NULL));
	leat_map_free(&map);
	EXPECT_EQ((int)mine->refs, 1);
	EXPECT_EQ((int)other->refs, 1);
	release(mine);
	release(other);
}

/* -- the thread that gives back -- */

static void release_inner(void *value)
{
	leat_map *inner = value;

	if (leat_map_len(inner) == 0)
		return;
	leat_map_free(inner);
	free(inner);
	things--;
}

static void retain_inner(void *value)
{
	(void)value;
}

static const struct leat_map_kind of_maps = { .retain = retain_inner,
					      .release = release_inner };

GO_TEST(a_released_value_may_free_a_map, "R173")
{
	map.kind = &of_maps;
	for (int i = 0; i < 100; i++) {
		leat_map *inner = calloc(1, sizeof(*inner));

		things++;
		for (int k = 0; k < 10; k++)
			leat_map_store(inner, k, k);
		leat_map_delete(inner, 5);
		leat_map_store(&map, i, inner);
		if (i % 2)
			leat_map_delete(&map, i);
	}
	leat_map_free(&map);
	EXPECT_EQ((long)things, 0);
}

/* More of them than frames fit on a stack, all given back at once. */
GO_TEST(twenty_thousand_may_do_so_at_once, "R173")
{
	const int n = (int)test_count(20000);

	map.kind = &of_maps;
	for (int i = 0; i < n; i++) {
		leat_map *inner = calloc(1, sizeof(*inner));

		things++;
		leat_map_store(inner, 1, 1);
		leat_map_store(&map, i, inner);
	}
	for (int i = 0; i < n; i++)
		leat_map_delete(&map, i);
	leat_map_free(&map);
	EXPECT_EQ((long)things, 0);
}

static atomic_bool churns;

static void churn(leat_wg *done)
{
	leat_map busy = { 0 };

	for (long i = 0; churns; i++) {
		leat_map_store(&busy, i % 7, i);
		leat_map_delete(&busy, i % 7);
		if (i % 1024 == 0)
			leat_yield();
	}
	leat_map_free(&busy);
	leat_wg_done(done);
}

static void free_some(void)
{
	for (int turn = 0; turn < 20; turn++) {
		leat_map *inner = calloc(1, sizeof(*inner));

		things++;
		leat_map_store(inner, 1, 1);
		leat_map_store(&map, 1, inner);
		leat_map_free(&map);
		EXPECT_EQ((long)things, 0);
	}
}

GO_TEST(it_waits_for_nobody_who_deletes_meanwhile, "R173")
{
	leat_wg done = { 0 };

	map.kind = &of_maps;
	churns = true;
	leat_wg_add(&done, 1);
	leat_go(churn, &done);
	free_some();
	churns = false;
	leat_wg_wait(&done);
}

/* Values that are maps, and in these some more: the innermost are things. */
static void release_deep(void *value)
{
	leat_map_free(value);
	free(value);
}

static const struct leat_map_kind of_deep_maps = { .retain = retain_inner,
						   .release = release_deep };

GO_TEST(free_waits_for_maps_in_maps, "R173")
{
	enum { DEEP = 16 };
	struct thing *deleted = new_thing(1), *left = new_thing(2);
	leat_map *at = &map;

	for (int i = 0; i < DEEP; i++) {
		leat_map *next = calloc(1, sizeof(*next));

		at->kind = &of_deep_maps;
		leat_map_store(at, 1, next);
		at = next;
	}
	at->kind = &of_things;
	leat_map_store(at, 1, deleted);
	leat_map_delete(at, 1);
	leat_map_store(at, 2, left);
	release(deleted);
	release(left);
	leat_map_free(&map);
	EXPECT_EQ((long)things, 0);
}

GO_TEST(free_waits_for_what_was_cleared_before, "R173")
{
	for (int turn = 0; turn < 20; turn++) {
		struct thing *mine = new_thing(1);

		map.kind = &of_things;
		leat_map_store(&map, 1, mine);
		release(mine);
		leat_map_clear(&map);
		leat_map_free(&map);
		EXPECT_EQ((long)things, 0);
	}
}

static cpu_set_t cpus_there;
static sigset_t taken_there;

static void release_and_look(void *value)
{
	sched_getaffinity(0, sizeof(cpus_there), &cpus_there);
	pthread_sigmask(SIG_SETMASK, NULL, &taken_there);
	(void)value;
}

static const struct leat_map_kind of_looks = { .retain = retain_inner,
					       .release = release_and_look };

GO_TEST(what_releases_is_pinned_nowhere_and_takes_no_signals, "R173")
{
	map.kind = &of_looks;
	leat_map_store(&map, 1, 1);
	leat_map_free(&map);
	EXPECT_EQ(CPU_COUNT(&cpus_there), leat_cpu_count());
	EXPECT(sigismember(&taken_there, SIGINT));
	EXPECT(sigismember(&taken_there, SIGCHLD));
}

static atomic_int over;

static void hog(void)
{
	while (!over)
		;
}

static void *store_and_delete(void *unused)
{
	(void)unused;
	for (unsigned key = 0; key < 1000; key++) {
		struct thing *t = new_thing(key);

		leat_map_store(&map, key, t);
		release(t);
		leat_map_delete(&map, key);
	}
	while (things > 0)
		sched_yield();
	over = 1;
	return NULL;
}

GO_TEST(a_goroutine_that_computes_holds_up_no_memory, "R173")
{
	leat_wg done = { 0 };
	pthread_t thread;

	map.kind = &of_things;
	EXPECT_EQ(leat_wg_go(&done, hog), 0);
	EXPECT_EQ(pthread_create(&thread, NULL, store_and_delete, NULL), 0);
	leat_wg_wait(&done);
	pthread_join(thread, NULL);
	EXPECT_EQ((long)things, 0);
	leat_map_free(&map);
}

/* -- ranges -- */

static bool clears_and_waits(const void *key, void *value, void *arg)
{
	struct thing *t = value;
	int *met = arg;

	EXPECT_EQ(t->key, (uintptr_t)key);
	EXPECT((int)t->refs > 0);
	if (++*met == 2)
		leat_map_free(&map);
	EXPECT_EQ(t->key, (uintptr_t)key);
	return true;
}

GO_TEST(a_range_holds_only_what_it_shows_over_a_clear, "R173")
{
	int met = 0;

	map.kind = &of_things;
	for (unsigned key = 0; key < 50; key++) {
		struct thing *t = new_thing(key);

		leat_map_store(&map, key, t);
		release(t);
	}
	EXPECT_EQ(leat_map_range(&map, clears_and_waits, &met), 0);
	EXPECT_EQ(met, 2);
	EXPECT_EQ(leat_map_len(&map), 0);
	while (things > 0)
		leat_sleep(LEAT_MILLISECOND);
}

/* -- memory -- */

enum { MILLION = 1000000 };

/* What malloc has lent.  The pages of it that are free again it keeps, but uses
 * again: see the second time. */
static long lent_kb(void)
{
	return (long)(mallinfo2().uordblks >> 10);
}

static void fill_and_empty(size_t n)
{
	for (size_t i = 1; i <= n; i++)
		leat_map_store(&map, i, i);
	EXPECT_EQ(leat_map_len(&map), n);
	for (size_t i = 1; i <= n; i++)
		EXPECT(leat_map_delete(&map, i));
	EXPECT_EQ(leat_map_len(&map), 0);
}

GO_TEST(memory_comes_back, "R173")
{
	size_t n = test_count(MILLION);
	long before, lent, once;

	leat_map_store(&map, 0, 0);
	leat_map_free(&map);
	before = resident_kb();
	lent = lent_kb();
	for (size_t i = 1; i <= n; i++) {
		leat_map_store(&map, i, i);
		leat_map_delete(&map, i);
	}
	if (test_under("release"))
		EXPECT(resident_kb() - before < 64 * 1024);
	fill_and_empty(n);
	leat_map_free(&map);
	once = resident_kb();
	fill_and_empty(n);
	leat_map_free(&map);
	if (test_under("release")) {
		EXPECT(lent_kb() - lent < 1024);
		EXPECT(resident_kb() - once < 32 * 1024);
	}
}

GO_TEST(without_memory_nothing_is_lost, "R173")
{
	struct rlimit was, less;
	size_t n = 0, got;
	int rc;

	if (!test_under("release"))
		SKIP("a limit of address space is for plain builds");
	for (; n < 100000; n++)
		EXPECT_EQ(leat_map_store(&map, n, n), 0);
	getrlimit(RLIMIT_AS, &was);
	less = was;
	less.rlim_cur = 1 << 20;
	setrlimit(RLIMIT_AS, &less);
	while ((rc = leat_map_store(&map, n, n)) == 0)
		n++;
	EXPECT_EQ(rc, -ENOMEM);
	EXPECT_EQ(leat_map_store(&map, 1, 1), 0);
	EXPECT(leat_map_delete(&map, 0));
	setrlimit(RLIMIT_AS, &was);
	EXPECT(!leat_map_load(&map, n, &got));
	EXPECT_EQ(leat_map_len(&map), n - 1);
	for (size_t i = 1; i < n; i++)
		EXPECT(leat_map_load(&map, i, &got) && got == i);
	EXPECT_EQ(leat_map_store(&map, n, n), 0);
	leat_map_free(&map);
}

static void *comes_and_goes(void *unused)
{
	(void)unused;
	leat_map_store(&map, 1, 1);
	leat_map_delete(&map, 1);
	return NULL;
}

GO_TEST(threads_come_and_go, "R173")
{
	for (size_t i = test_count(500); i > 0; i--) {
		pthread_t thread;

		EXPECT_EQ(pthread_create(&thread, NULL, comes_and_goes, NULL),
			  0);
		pthread_join(thread, NULL);
		leat_map_store(&map, 2, i);
	}
	leat_map_free(&map);
}

SUITE("map, memory")
