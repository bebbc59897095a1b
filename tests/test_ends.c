/*
 * test_ends.c - the last touch: what may be freed when, and how a goroutine's end
 * gets through all that it was in.
 */
#include "leat.h"

#include "test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define MS LEAT_MILLISECOND

enum { ROUNDS = 2000 };

/* -- freed by the last one who needs it; ASan and TSan look -- */

struct permits {
	leat_sema sema;
	int users;
};

/* Whoever holds all permits has it alone. */
static void frees_permits(struct permits *p, leat_wg *all)
{
	leat_sema_acquire(&p->sema, 2);
	if (--p->users == 0)
		free(p);
	else
		leat_sema_release(&p->sema, 2);
	leat_wg_done(all);
}

static void *frees_on_a_thread(void *arg)
{
	void **args = arg;

	frees_permits(args[0], args[1]);
	return NULL;
}

GO_TEST(a_semaphore_is_freed_by_who_has_it_all, "B.3 R178")
{
	for (size_t i = test_count(ROUNDS); i > 0; i--) {
		struct permits *p = malloc(sizeof(*p));
		leat_wg all = { 0 };
		void *args[] = { p, &all };
		pthread_t thread;
		bool threads = i % 32 == 0;

		leat_sema_init(&p->sema, 2);
		p->users = 3 + threads;
		leat_wg_add(&all, p->users);
		if (threads)
			pthread_create(&thread, NULL, frees_on_a_thread, args);
		for (int k = 0; k < 3; k++)
			leat_go(frees_permits, p, &all);
		leat_wg_wait(&all);
		if (threads)
			pthread_join(thread, NULL);
	}
}

struct news {
	leat_mutex mu;
	leat_cond cond;
	int waiting;
	bool told;
};

/* Who goes on last frees it: nobody is about to tell. */
static void frees_news(struct news *n, bool until, leat_wg *all)
{
	bool last;

	leat_mutex_lock(&n->mu);
	while (!n->told)
		if (until)
			leat_cond_wait_until(&n->cond, &n->mu,
					     leat_after_now(20000));
		else
			leat_cond_wait(&n->cond, &n->mu);
	last = --n->waiting == 0;
	leat_mutex_unlock(&n->mu);
	if (last)
		free(n);
	leat_wg_done(all);
}

GO_TEST(a_condition_is_freed_by_who_goes_on_last, "R177 R178")
{
	for (size_t i = test_count(ROUNDS); i > 0; i--) {
		struct news *n = calloc(1, sizeof(*n));
		leat_wg all = { 0 };

		n->waiting = 4; /* one of them is who tells */
		leat_wg_add(&all, 3);
		for (int k = 0; k < 3; k++)
			leat_go(frees_news, n, k == 1, &all);
		if (i % 2)
			leat_yield();
		leat_mutex_lock(&n->mu);
		n->told = true;
		leat_cond_broadcast(&n->cond);

		bool last = --n->waiting == 0;

		leat_mutex_unlock(&n->mu);
		if (last)
			free(n);
		leat_wg_wait(&all);
	}
}

typedef leat_once_value(long) once_long;

static long made_slowly(void)
{
	leat_yield();
	return 7;
}

struct value {
	once_long v;
	atomic_int users;
};

static void frees_value(struct value *v, leat_wg *all)
{
	EXPECT_EQ(leat_once_get(&v->v), 7);
	if (atomic_fetch_sub(&v->users, 1) == 1)
		free(v);
	leat_wg_done(all);
}

GO_TEST(a_value_is_freed_by_who_gets_it_last, "R154 R178")
{
	for (size_t i = test_count(ROUNDS); i > 0; i--) {
		struct value *v = malloc(sizeof(*v));
		leat_wg all = { 0 };

		*v = (struct value){ LEAT_ONCE_VALUE(made_slowly), 4 };
		leat_wg_add(&all, 4);
		for (int k = 0; k < 4; k++)
			leat_go(frees_value, v, &all);
		leat_wg_wait(&all);
	}
}

/* -- a goroutine ends inside everything at once -- */

static leat_once once;
static leat_flight flight;
static atomic_int fell;

static void ends_here(void)
{
	leat_goexit();
}

static void ends_in_a_once(void)
{
	leat_once_do(&once, ends_here);
	EXPECT(!"went on");
}

static leat_error ends_in_a_flight(void *arg, const char *key, void **value)
{
	(void)key;
	*value = arg;
	ends_in_a_once();
	return NULL;
}

static leat_error ends_in_a_group(void)
{
	leat_flight_do(&flight, "key", ends_in_a_flight, &fell);
	EXPECT(!"went on");
	return NULL;
}

static void has_fallen(void *value)
{
	EXPECT(value == &fell);
	fell++;
}

GO_TEST(an_end_gets_through_once_and_flight_and_group, "R21 R156 errgroup")
{
	leat_group all = { 0 };

	flight.drop = has_fallen;
	leat_group_set_limit(&all, 1);
	for (int i = 1; i <= 3; i++) {
		once = (leat_once){ 0 };
		EXPECT_EQ(leat_group_go(&all, ends_in_a_group), 0);
		EXPECT(leat_group_wait(&all) == NULL);
		EXPECT(leat_once_done(&once));
		EXPECT_EQ((int)fell, i);
	}
}

static void waits_and_ends(void)
{
	leat_sleep(20 * MS);
	leat_goexit();
}

static void *does_it_too(void *unused)
{
	leat_once_do(&once, waits_and_ends);
	EXPECT(leat_once_done(&once));
	fell++;
	return unused;
}

static void does_it_first(leat_wg *done)
{
	leat_wg_done(done);
	leat_once_do(&once, waits_and_ends);
	EXPECT(!"went on");
}

GO_TEST(a_thread_that_waits_for_a_once_hears_of_the_end, "R156 R178")
{
	leat_wg begun = { 0 };
	pthread_t thread;

	leat_wg_add(&begun, 1);
	leat_go(does_it_first, &begun);
	leat_wg_wait(&begun);
	leat_yield();
	pthread_create(&thread, NULL, does_it_too, NULL);
	leat_block_enter();
	pthread_join(thread, NULL);
	leat_block_exit();
	EXPECT_EQ((int)fell, 1);
}

SUITE("ends")
