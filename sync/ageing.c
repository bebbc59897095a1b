/*
 * ageing.c - what lies in a pool and is not needed is dropped.
 *
 *	        shelf_wakes                a pass, each `age` ns
 *	store -------------> looked after --------------------> all its shelves
 *	  ^                      ^  '----- some are awake ---------'      |
 *	  '--------------------- | ------------ none is ------------------'
 *	                         |
 *	a thread, which sleeps until the next pass is due, or for as long as
 *	no store is looked after
 *
 *	pass over a shelf: claim it (somebody is inside: not this time);
 *	                   the `low` oldest items, the `least` oldest crates
 *	                   out; both counts begin anew; empty: asleep
 *
 * Low water marks are those of Bonwick's magazines: what was never needed in a
 * while is too much, and what is needed now and then stays, however seldom the
 * rest is.
 *
 * Who frees a pool waits for a pass that is under way, by the mutex `ageing`.  The
 * thread holds the store until it is done with that mutex, too; the last of the
 * two frees the memory.
 */
#include "sync/shelf.h"

#include "core/deadlock.h"
#include "core/os.h"

#include <stdlib.h>

enum { STACK = 1 << 20 };

static struct {
	struct lock lock;
	struct store *first;
	_Atomic uint32_t news; /* how often there was a new one */
	bool begun;
} all;

/* -- stores that are looked after: with the lock of all -- */

static int64_t next_time(const struct store *st)
{
	int64_t now = os_now();

	return st->age > OS_NEVER - now ? OS_NEVER : now + st->age;
}

static void list(struct store *st)
{
	st->listed = true;
	st->due = next_time(st);
	st->next = all.first;
	all.first = st;
	a_store(&all.news, a_load(&all.news, relaxed) + 1, relaxed);
}

static void unlist(struct store *st)
{
	struct store **at = &all.first;

	while (*at != st)
		at = &(*at)->next;
	*at = st->next;
	st->listed = false;
}

void shelf_wakes(struct store *st)
{
	bool new = false;

	lock_take(&all.lock);
	if (st->age >= 0) {
		st->awake++;
		new = !st->listed;
	}
	if (new)
		list(st);
	lock_drop(&all.lock);
	if (new)
		os_futex_wake(&all.news, 1);
}

/* -- a pass -- */

/* What comes out of a shelf at a time. */
struct out {
	void *item[SHELF_ITEMS];
	uint32_t n;
	struct crate *crates, *empty, *back;
};

static void take_items(struct shelf *s, uint32_t n, struct out *out)
{
	shelf_out(s, out->item, n);
	out->n = n;
	s->low = d_read(&s->n);
	out->empty = s->spare;
	s->spare = NULL;
}

/* All crates, or those that lie below `above`; how many are left. */
static uint32_t take_crates(struct store *st, uint32_t i, struct shelf *s,
			    bool all_of, struct out *out)
{
	struct crate **from = s->above && !all_of ? &s->above->next : &s->top;
	uint32_t n = a_load(&s->crates, relaxed);

	n = all_of ? 0 : n - s->least;
	out->crates = *from;
	*from = NULL;
	s->above = NULL;
	out->back = s->empty;
	s->empty = NULL;
	shelf_count(st, i, s, n);
	s->least = n;
	return n;
}

static void free_crates(struct crate *c)
{
	for (struct crate *next; c; c = next) {
		next = c->next;
		free(c);
	}
}

static void drop_all(const struct store *st, const struct out *out)
{
	if (st->drop) {
		for (uint32_t i = 0; i < out->n; i++)
			st->drop(out->item[i]);
		for (struct crate *c = out->crates; c; c = c->next)
			for (int i = 0; i < SHELF_CRATE; i++)
				st->drop(c->item[i]);
	}
	free_crates(out->crates);
	free_crates(out->empty);
	free_crates(out->back);
}

/* Is there anything to look at?  And is it worth a claim, which all threads feel? */
static bool worth_it(struct shelf *s)
{
	return a_load(&s->room, relaxed) > 0 &&
	       a_load(&s->own.inside, relaxed) == 0;
}

/* True: it is asleep now. */
static bool age_shelf(struct store *st, uint32_t i, struct shelf *s)
{
	struct out out;
	bool sleeps;

	if (!worth_it(s) || !own_claim(&s->own))
		return false;
	take_items(s, s->low, &out);
	lock_take(&s->lock);
	sleeps = take_crates(st, i, s, false, &out) == 0 && d_read(&s->n) == 0;
	lock_drop(&s->lock);
	if (sleeps)
		a_store(&s->room, 0, relaxed);
	own_release(&s->own);
	drop_all(st, &out);
	return sleeps;
}

/* How many fell asleep. */
static uint32_t pass(struct store *st)
{
	uint32_t asleep = 0;

	for (uint32_t i = 0; i < SHELVES; i++) {
		struct shelf *s = shelf_at(st, i);

		asleep += s && age_shelf(st, i, s);
	}
	return asleep;
}

/* -- the thread -- */

/* The store whose pass has been due for longest, held; or NULL, and when the next
 * one is. */
static struct store *next_due(int64_t *when)
{
	struct store *next = NULL;

	for (struct store *st = all.first; st; st = st->next)
		if (!next || st->due < next->due)
			next = st;
	*when = next ? next->due : OS_NEVER;
	if (!next || *when > os_now())
		return NULL;
	next->held = true;
	return next;
}

static void age(struct store *st)
{
	uint32_t asleep;
	bool gone;

	leat_mutex_lock(&st->ageing);
	asleep = pass(st);
	leat_mutex_unlock(&st->ageing);

	lock_take(&all.lock);
	st->awake -= asleep;
	st->due = next_time(st);
	st->held = false;
	gone = st->over;
	if (st->listed && st->awake == 0)
		unlist(st);
	lock_drop(&all.lock);
	if (gone)
		free(st);
}

/* Something is to be dropped some time, by a function of the program's. */
static bool may_drop(void)
{
	lock_take(&all.lock);
	bool any = all.first != NULL;

	lock_drop(&all.lock);
	return any;
}

static struct deadlock_helper helper = { .may_wake = may_drop };

static void *look_after(void *unused)
{
	(void)unused;
	os_be_nobodys();
	deadlock_add(&helper);
	for (;;) {
		int64_t when;

		lock_take(&all.lock);
		uint32_t seen = a_load(&all.news, relaxed);
		struct store *st = next_due(&when);

		lock_drop(&all.lock);
		if (st)
			age(st);
		else
			os_futex_wait(&all.news, seen, when);
	}
	return NULL;
}

int shelf_start(void)
{
	int rc = 0;

	lock_take(&all.lock);
	if (!all.begun)
		rc = os_thread(look_after, NULL, STACK);
	all.begun |= rc == 0;
	lock_drop(&all.lock);
	return rc;
}

/* -- the end of a pool -- */

static void clear(struct store *st)
{
	for (uint32_t i = 0; i < SHELVES; i++) {
		struct shelf *s = shelf_at(st, i);
		struct out out;

		if (!s)
			continue;
		take_items(s, d_read(&s->n), &out);
		take_crates(st, i, s, true, &out);
		a_store(&st->shelf[i], NULL, relaxed);
		free(s);
		drop_all(st, &out);
	}
}

void leat_pool_free(leat_pool *pool)
{
	struct store *st;
	bool held;

	if (!pool)
		fatal("leat_pool_free of nil pool");
	st = pool->store;
	if (!st)
		return;
	leat_mutex_lock(&st->ageing);
	/* Only now: what is just dropped may use the pool, and finds this one. */
	a_store((_Atomic(void *) *)&pool->store, NULL, relaxed);
	lock_take(&all.lock);
	if (st->listed)
		unlist(st);
	lock_drop(&all.lock);
	clear(st);
	leat_mutex_unlock(&st->ageing);

	lock_take(&all.lock);
	st->over = true;
	held = st->held;
	lock_drop(&all.lock);
	if (!held)
		free(st);
}
