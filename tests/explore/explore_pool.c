/*
 * explore_pool.c - sync/shelf.c and sync/ageing.c: an item is in one place.
 *
 *	P0, P1      put and get at the shelves of their own, 1 and 2
 *	thread      one that is not the runtime's: shelf 0, behind the door
 *	ageing      a turn of the thread that drops what is too old
 *	ends        leat_pool_free
 *
 * A shelf holds one item, and a crate as well.  In the end the pool is freed, and
 * each item has been got, or dropped, as often as it was put.  What is in an item
 * is plain: WEAK finds one that is handed over without order.
 */
#define SHELVES     3
#define SHELF_ITEMS 1
#define SHELF_CRATE 1
#include "core/park.h"
#include "tests/explore/engine.h"

#include <stdlib.h>
#include <string.h>

/* -- memory without addresses that change, and that is seen to be fresh -- */

static int fresh[8]; /* plain: written when it is given, and when it is free */
static bool lives[8];
static int given, none_left; /* or how much there is */

static struct store *give_store(size_t n);
static void *give(size_t n);
static void get_back(void *at);

#define calloc(one, n)         give_store(n)
#define aligned_alloc(line, n) give(n)
#define malloc(n)              give(n)
#define free(at)               get_back(at)
#include "core/lock.c"
#include "sync/shelf.h"

static struct shelf *look(struct store *st, struct shelf *s);
#define shelf_at(st, i) look(st, shelf_at(st, i))
#include "sync/shelf.c"

#define list  age_list
#define clear age_clear
#include "sync/ageing.c"

#include "tests/explore/world.h"

#include "core/deadlock.h"

/* Nobody asks here. */
void deadlock_add(struct deadlock_helper *h)
{
	(void)h;
}

static union {
	struct store store;
	struct shelf shelf;
	struct crate crate;
} memory[8];

static void *give(size_t n)
{
	ASSERT(n <= sizeof(memory[0]));
	if (none_left && given >= none_left)
		return NULL;
	ASSERT(given < (int)ARRAY_LEN(memory));
	int i = given++;

	lives[i] = true;
	d_write(&fresh[i], 1);
	return &memory[i];
}

static struct store *give_store(size_t n)
{
	return give(n);
}

static int piece(void *at)
{
	return (int)((char *)at - (char *)memory) / (int)sizeof(memory[0]);
}

static void get_back(void *at)
{
	if (!at)
		return;
	ASSERT(lives[piece(at)]);
	lives[piece(at)] = false;
	d_write(&fresh[piece(at)], 0);
}

static struct shelf *look(struct store *st, struct shelf *s)
{
	ASSERT(d_read(&fresh[piece(st)]) == 1 && lives[piece(st)]);
	if (s)
		ASSERT(d_read(&fresh[piece(s)]) == 1 && lives[piece(s)]);
	return s;
}

/* -- what is not here -- */

void leat_mutex_lock(leat_mutex *mu)
{
	lock_take((struct lock *)mu);
}

void leat_mutex_unlock(leat_mutex *mu)
{
	lock_drop((struct lock *)mu);
}

ASTRAY(struct m *, m_enter_slow, struct m *m)
void os_be_nobodys(void)
{
}

void *explore_word(void)
{
	return self && explore_self() < 2 ? &ms[explore_self()] : NULL;
}

/* -- items -- */

enum { ITEMS = 4 };

static int item[ITEMS]; /* plain: who puts writes, who gets reads */
static int laid[ITEMS], got[ITEMS], dropped[ITEMS];
static bool lay[ITEMS]; /* untouched since the pass before */
static int passes;      /* that have begun */
static bool ending;

static void drop(void *it)
{
	int *i = it;

	ASSERT(d_read(i) == 1);
	d_write(i, 2);
	/* What came after the pass before is not too old. */
	ASSERT(ending || passes != 1 || lay[i - item]);
	dropped[i - item]++;
	ASSERT(got[i - item] + dropped[i - item] <= laid[i - item]);
}

static leat_pool pool;

static void begin(void)
{
	world_init(2);
	for (int i = 0; i < 2; i++)
		ms[i].own.inside = 0;
	memset(memory, 0, sizeof(memory));
	memset(fresh, 0, sizeof(fresh));
	memset(lives, 0, sizeof(lives));
	memset(item, 0, sizeof(item));
	memset(laid, 0, sizeof(laid));
	memset(got, 0, sizeof(got));
	memset(dropped, 0, sizeof(dropped));
	memset(&all, 0, sizeof(all));
	memset(lay, 0, sizeof(lay));
	passes = 0;
	ending = false;
	given = none_left = 0;
	all.begun = true;
	pool = (leat_pool)LEAT_POOL(NULL, drop);
	pool.age = 0;
	explore_name(&pool, sizeof(pool), "pool");
	explore_name(&all, sizeof(all), "all");
	explore_name(memory, sizeof(memory), "memory");
	explore_name(item, sizeof(item), "item");
	explore_name(fresh, sizeof(fresh), "fresh");
}

static void put(int i)
{
	d_write(&item[i], 1);
	laid[i]++;
	leat_pool_put(&pool, &item[i]);
}

static bool get(void)
{
	int *i = leat_pool_get(&pool);

	if (!i)
		return false;
	ASSERT(d_read(i) == 1);
	d_write(i, 3);
	got[i - item]++;
	ASSERT(got[i - item] + dropped[i - item] <= laid[i - item]);
	return true;
}

/* The pool has its store, with two shelves that are awake. */
static void begin_ready(void)
{
	struct store *st;

	begin();
	st = give(sizeof(*st));
	pool.store = st;
	st->drop = drop;
	for (int i = 0; i < SHELVES; i++) {
		st->shelf[i] = give(sizeof(struct shelf));
		st->shelf[i]->room = SHELF_ITEMS;
	}
	st->words = 1;
	st->awake = SHELVES;
	age_list(st);
}

/* And so many items on the second shelf, one in a crate. */
static void begin_with(int n)
{
	struct shelf *s;

	begin_ready();
	s = memory[2].store.shelf[0] ? NULL : &memory[2].shelf;
	for (int i = 0; i < n; i++) {
		item[i] = laid[i] = 1;
		lay[i] = true;
		if (i == 0) {
			s->item[s->n++] = &item[i];
			s->low = 1;
			continue;
		}
		struct crate *c = give(sizeof(*c));

		c->item[0] = &item[i];
		c->next = s->top;
		s->top = c;
		s->crates = s->least = (uint32_t)i;
		memory[0].store.full[0] = 2;
	}
}

#define DOES(name, ...)        \
	static void name(void) \
	{                      \
		__VA_ARGS__;   \
	}
/* P1's shelf is asleep. */
static void begin_asleep(void)
{
	begin_with(3);
	memory[0].store.shelf[2]->room = 0;
	memory[0].store.awake--;
}

/* Nobody looks after it, for there is nothing, and then there is. */
static void begin_quiet(void)
{
	begin_ready();
	for (int i = 0; i < SHELVES; i++)
		memory[0].store.shelf[i]->room = 0;
	memory[0].store.awake = 0;
	memory[0].store.age = 5;
	unlist(&memory[0].store);
}

DOES(begin_1, begin_with(1))
DOES(begin_2, begin_with(2))
DOES(begin_3, begin_with(3))
DOES(begin_poor, begin(); none_left = 2)
DOES(begin_poorer, begin_ready(); none_left = 4)

DOES(puts_0, put(0))
DOES(puts_1, put(1))
DOES(puts_2, put(2))
DOES(puts_0_1, put(0); put(1))
DOES(puts_2_3, put(2); put(3))
DOES(puts_gets, put(2); get())
DOES(gets_one, get())
DOES(gets_two, get(); get())
DOES(nothing, (void)0)
DOES(ends, ending = true; leat_pool_free(&pool))
DOES(looks_after, look_after(NULL))

static void ageing(void)
{
	int64_t when;

	passes++;
	lock_take(&all.lock);
	struct store *st = next_due(&when);

	lock_drop(&all.lock);
	if (st)
		age(st);
}

DOES(ageing_twice, ageing(); ageing())

/* -- the end -- */

static void accounted(void)
{
	if (pool.store) {
		struct store *st = pool.store;
		uint32_t awake = 0;

		for (int i = 0; i < SHELVES; i++) {
			struct shelf *s = st->shelf[i];

			awake += s && s->room > 0;
			ASSERT(!s || s->room > 0 ||
			       (!d_read(&s->n) && !s->top));
			ASSERT(!s || s->low <= d_read(&s->n));
			ASSERT(!s || s->least <= s->crates);
			ASSERT(!s || !s->above == (s->least == s->crates));
			ASSERT(!s || !s->crates == !s->top);
			ASSERT(!s || !s->crates == !(st->full[0] >> i & 1));
		}
		ASSERT(awake == st->awake);
		ASSERT(st->listed == (awake > 0));
		ends();
	}
	for (int i = 0; i < ITEMS; i++)
		ASSERT(got[i] + dropped[i] == laid[i]);
	for (int i = 0; i < (int)ARRAY_LEN(lives); i++)
		ASSERT(!lives[i]);
	ASSERT(!all.first);
}

/* It sleeps no longer than until the next pass. */
static void looked_after(void)
{
	ASSERT(all.first && world_deadline == all.first->due);
	accounted();
}

static void two_got(void)
{
	ASSERT(got[0] + got[1] == 2);
	accounted();
}

static void none_dropped(void)
{
	for (int i = 0; i < ITEMS; i++)
		ASSERT(dropped[i] == 0);
	accounted();
}

static void both_dropped(void)
{
	ASSERT(dropped[0] + dropped[1] == 2);
	accounted();
}

#define SC     EXPLORE_SC
#define TSO    EXPLORE_TSO
#define WEAK   EXPLORE_WEAK
#define STRONG (SC | TSO)
#define ALL    (STRONG | WEAK)
#define CASE(end, n, modes, bound, start, ...)                                \
	{                                                                     \
		.name = #n, .init = start, .passes = modes,                   \
		.thread = { __VA_ARGS__ }, .preemptions = bound, .check = end \
	}

/* With one that sleeps in the end. */
#define SLEEPS(end, n, modes, bound, start, ...)                               \
	{                                                                      \
		.name = #n, .init = start, .passes = modes,                    \
		.thread = { __VA_ARGS__ }, .preemptions = bound, .check = end, \
		.may_sleep = true                                              \
	}

static const struct explore_case cases[] = {
	CASE(two_got, own, ALL, 2, begin_2, gets_two, nothing),
	CASE(none_dropped, rob, ALL, 3, begin_3, gets_one, gets_two),
	CASE(accounted, put_rob, ALL, 3, begin_ready, puts_0_1, gets_one),
	CASE(accounted, put_put, ALL, 3, begin_ready, puts_0_1, puts_2_3),
	CASE(accounted, put_get_rob, ALL, 2, begin_2, puts_gets, gets_two),
	CASE(accounted, door, ALL, 2, begin_2, nothing, nothing, puts_gets,
	     gets_two),
	CASE(accounted, age, ALL, 3, begin_2, gets_one, nothing, ageing),
	CASE(accounted, age_put, ALL, 3, begin_1, puts_gets, nothing, ageing),
	CASE(both_dropped, age_asleep, ALL, 2, begin_2, nothing, nothing,
	     ageing_twice),
	CASE(accounted, age_wake, STRONG, 2, begin_1, puts_2, nothing,
	     ageing_twice),
	CASE(accounted, age_rob, STRONG, 2, begin_3, nothing, gets_two, ageing),
	CASE(accounted, age_door, STRONG, 2, begin_1, nothing, nothing, puts_2,
	     ageing),
	CASE(accounted, first, ALL, 3, begin, puts_0, puts_1),
	CASE(accounted, first_get, ALL, 3, begin, puts_0, gets_one),
	CASE(accounted, first_rob, ALL, 3, begin, puts_0_1, gets_one),
	CASE(accounted, first_poor, STRONG, 3, begin_poor, puts_0_1, puts_2),
	CASE(accounted, poorer, STRONG, 3, begin_poorer, puts_0_1, gets_one),
	CASE(none_dropped, rob_asleep, ALL, 3, begin_asleep, nothing, gets_one),
	CASE(accounted, age_put_put, ALL, 2, begin_1, puts_2_3, nothing,
	     ageing),
	CASE(accounted, age_other, STRONG, 2, begin_ready, puts_0_1, puts_2_3,
	     ageing),
	SLEEPS(looked_after, wakes, ALL, 3, begin_quiet, puts_0, nothing,
	       looks_after),
	SLEEPS(looked_after, wakes_two, STRONG, 2, begin_quiet, puts_0, puts_1,
	       looks_after),
	CASE(accounted, age_end, ALL, 3, begin_2, ends, nothing, ageing),
};

EXPLORE(cases, "sync/shelf.c sync/shelf.h sync/ageing.c", )
