/*
 * explore_map.c - sync/map.c: every operation is one step of a plain map.
 *
 *	thread            history                        afterwards
 *	store(x, 1)       a stored 1 at x      0 .. 3    is there an order in
 *	gone(x)           b deleted x, was 1   1 .. 4    which a plain map does
 *	load(y)           c found nothing      5 ..      and says all this?
 *
 * Two keys, x and y, and two maps, for what is done crosswise.
 */
#include "tests/explore/maps.h"

/* -- history -- */

enum what { STORED, SWAPPED, LOADED, KEPT, GONE, TOOK, TRADED, CLEARED };

static struct op {
	enum what what;
	int map;
	uintptr_t key, value, was; /* given */
	int rc;
	uintptr_t told;
	int begin, end;
} history[THREADS][OPS];
static int count[THREADS], now;
static leat_map maps[2];

static struct op *begin_op(enum what what, int map, uintptr_t key)
{
	struct op *o = &history[explore_self()][count[explore_self()]++];

	*o = (struct op){
		.what = what, .map = map, .key = key, .begin = now++
	};
	return o;
}

static void writes(enum what what, int map, uintptr_t key, uintptr_t value)
{
	struct op *o = begin_op(what, map, key);
	leat_map *m = &maps[map];

	o->value = value;
	if (m->kind)
		refs[value]++;
	if (what == STORED)
		o->rc = leat_map_store_(m, key, value);
	else if (what == SWAPPED)
		o->rc = leat_map_swap_(m, key, value, &o->told);
	else
		o->rc = leat_map_load_or_store_(m, key, value, &o->told);
	o->end = now++;
	if (!m->kind)
		return;
	release((void *)value);
	if (what == KEPT || (what == SWAPPED && o->rc))
		release((void *)o->told);
}

static void get(enum what what, int map, uintptr_t key)
{
	struct op *o = begin_op(what, map, key);
	leat_map *m = &maps[map];

	o->rc = what == LOADED ? leat_map_load_(m, key, &o->told)
		: what == TOOK ? leat_map_load_and_delete_(m, key, &o->told)
			       : leat_map_delete_(m, key);
	o->end = now++;
	if (m->kind && what != GONE && o->rc)
		release((void *)o->told);
}

static void cas(int map, uintptr_t key, uintptr_t was, uintptr_t value)
{
	struct op *o = begin_op(TRADED, map, key);

	o->was = was;
	o->value = value;
	o->rc = leat_map_compare_and_swap_(&maps[map], key, was, value);
	o->end = now++;
}

static void clears(int map)
{
	struct op *o = begin_op(CLEARED, map, 0);

	leat_map_clear(&maps[map]);
	o->end = now++;
}

/* -- the plain map -- */

struct plain {
	uintptr_t value[2][3]; /* 0: not there */
};

/* Does a plain map say the same? */
static bool agrees(const struct op *o, struct plain *p)
{
	uintptr_t *at = &p->value[o->map][o->key], old = *at;

	switch (o->what) {
	case STORED:
		*at = o->value;
		return o->rc == 0;
	case SWAPPED:
		*at = o->value;
		return o->rc == (old != 0) && (!old || o->told == old);
	case KEPT:
		*at = old ? old : o->value;
		return o->rc == (old != 0) && o->told == *at;
	case LOADED:
		return o->rc == (old != 0) && (!old || o->told == old);
	case TOOK:
		*at = 0;
		return o->rc == (old != 0) && (!old || o->told == old);
	case GONE:
		*at = 0;
		return o->rc == (old != 0);
	case TRADED:
		if (old == o->was)
			*at = o->value;
		return o->rc == (old == o->was);
	default:
		memset(p->value[o->map], 0, sizeof(p->value[0]));
		return true;
	}
}

/* Some op ended before this one began: it goes first.  In WEAK only those of the
 * same thread. */
static bool too_soon(const struct op *o, const int *done)
{
	for (int t = 0; frees() && t < THREADS; t++)
		if (done[t] < count[t] && history[t][done[t]].end < o->begin)
			return true;
	return false;
}

static bool explained(const struct plain *before, const int *done)
{
	bool all = true;

	for (int t = 0; t < THREADS; t++) {
		int next[THREADS];
		struct plain p = *before;

		if (done[t] == count[t])
			continue;
		all = false;
		if (too_soon(&history[t][done[t]], done) ||
		    !agrees(&history[t][done[t]], &p))
			continue;
		memcpy(next, done, sizeof(next));
		next[t]++;
		if (explained(&p, next))
			return true;
	}
	return all;
}

static struct plain first;

static void linearizable(void)
{
	const int none[THREADS] = { 0 };

	ASSERT(explained(&first, none));
	if (!frees())
		return;
	for (int i = 0; i < 2; i++)
		if (maps[i].table) {
			struct table *t = maps[i].table;

			maps[i].table = NULL;
			over(&t->late);
		}
	for (int i = 0; i < VALUES; i++)
		ASSERT(refs[i] == 0);
	ASSERT(boxes_made == boxes_back);
}

/* -- beginnings -- */

static void begin(void)
{
	memset(lists, 0, sizeof(lists));
	memset(tables, 0, sizeof(tables));
	memset(nodes, 0, sizeof(nodes));
	memset(boxes, 0, sizeof(boxes));
	memset(put_off, 0, sizeof(put_off));
	memset(refs, 0, sizeof(refs));
	memset(count, 0, sizeof(count));
	memset(filled, 0, sizeof(filled));
	memset(maps, 0, sizeof(maps));
	memset(&first, 0, sizeof(first));
	tables_made = nodes_made = boxes_made = boxes_back = put_offs = 0;
	now = inside = 0;
	explore_name(lists, sizeof(lists), "lists");
	explore_name(nodes, sizeof(nodes), "nodes");
	explore_name(maps, sizeof(maps), "maps");
	explore_name(filled, sizeof(filled), "filled");
}

static void there(int map, uintptr_t key, uintptr_t value)
{
	leat_map *m = &maps[map];
	struct node *n;
	struct list *l;
	int rc;

	if (!m->table)
		m->table = table_make(m->kind, &rc);
	l = list_of(((struct table *)m->table)->ht);
	n = &nodes[nodes_made++].n;
	n->key = key;
	n->kind = m->kind;
	n->late.what = LATE_NODE;
	n->value = value;
	l->node[0][key] = &n->link;
	if (m->kind)
		refs[value]++;
	first.value[map][key] = value;
}

#define DOES(name, ...)        \
	static void name(void) \
	{                      \
		__VA_ARGS__;   \
	}
enum { X = 1, Y = 2 };
DOES(begin_x, begin(); there(0, X, 7))
DOES(begin_x_y, begin(); there(0, X, 7); there(0, Y, 7))
DOES(begin_both, begin(); there(0, X, 7); there(1, X, 7))
DOES(begin_things, begin(); maps[0].kind = &things)
DOES(begin_thing, begin_things(); there(0, X, 7))

DOES(stores_1, writes(STORED, 0, X, 1))
DOES(stores_2, writes(STORED, 0, X, 2))
DOES(swaps_1, writes(SWAPPED, 0, X, 1))
DOES(swaps_2, writes(SWAPPED, 0, X, 2))
DOES(keeps_1, writes(KEPT, 0, X, 1))
DOES(keeps_2, writes(KEPT, 0, X, 2))
DOES(loads, get(LOADED, 0, X))
DOES(loads_twice, get(LOADED, 0, X); get(LOADED, 0, X))
DOES(deletes, get(GONE, 0, X))
DOES(takes, get(TOOK, 0, X))
DOES(takes_stores, get(TOOK, 0, X); writes(STORED, 0, X, 3))
DOES(cas_7_1, cas(0, X, 7, 1))
DOES(cas_7_2, cas(0, X, 7, 2))
DOES(clears_it, clears(0))
DOES(clears_stores, clears(0); writes(STORED, 0, X, 3))
DOES(swaps_x_loads_y, writes(SWAPPED, 0, X, 1); get(LOADED, 0, Y))
DOES(swaps_y_loads_x, writes(SWAPPED, 0, Y, 1); get(LOADED, 0, X))
DOES(takes_x_loads_y, get(TOOK, 0, X); get(LOADED, 0, Y))
DOES(takes_y_loads_x, get(TOOK, 0, Y); get(LOADED, 0, X))
DOES(swaps_x_cas_y, writes(SWAPPED, 0, X, 1); cas(0, Y, 7, 2))
DOES(stores_y_loads_x, writes(STORED, 0, Y, 1); get(LOADED, 0, X))
DOES(stores_0_loads_1, writes(STORED, 0, X, 1); get(LOADED, 1, X))
DOES(stores_1_loads_0, writes(STORED, 1, X, 1); get(LOADED, 0, X))
DOES(swaps_0_loads_1, writes(SWAPPED, 0, X, 1); get(LOADED, 1, X))
DOES(cas_x_cas_y, cas(0, X, 7, 1); cas(0, Y, 7, 2))
DOES(cas_y_cas_x, cas(0, Y, 7, 1); cas(0, X, 7, 2))
DOES(swaps_y, writes(SWAPPED, 0, Y, 1))
DOES(takes_y, get(TOOK, 0, Y))
DOES(clears_other, clears(1))
DOES(loads_x_y, get(LOADED, 0, X); get(LOADED, 0, Y))
DOES(loads_y_x, get(LOADED, 0, Y); get(LOADED, 0, X))
DOES(keeps_x_y, writes(KEPT, 0, X, 5); writes(KEPT, 0, Y, 5))
DOES(keeps_y_x, writes(KEPT, 0, Y, 5); writes(KEPT, 0, X, 5))
DOES(loads_0_1, get(LOADED, 0, X); get(LOADED, 1, X))
DOES(loads_1_0, get(LOADED, 1, X); get(LOADED, 0, X))
DOES(clears_0_loads_y, clears(0); get(LOADED, 1, Y))
DOES(stores_y_loads_0, writes(STORED, 1, Y, 1); get(LOADED, 0, X))
DOES(clears_0_loads_1, clears(0); get(LOADED, 1, X))
DOES(clears_1_loads_0, clears(1); get(LOADED, 0, X))

#define SC     EXPLORE_SC
#define TSO    EXPLORE_TSO
#define WEAK   EXPLORE_WEAK
#define STRONG (SC | TSO)
#define ALL    (STRONG | WEAK)
#define CASE(n, modes, bound, start, ...)                        \
	{                                                        \
		.name = #n, .init = start, .passes = modes,      \
		.thread = { __VA_ARGS__ }, .preemptions = bound, \
		.check = linearizable                            \
	}

static const struct explore_case cases[] = {
	CASE(first_stores, ALL, 3, begin, stores_1, stores_2),
	CASE(first_store_load, ALL, 3, begin, stores_1, loads_twice),
	CASE(keep_keep_take, STRONG, 2, begin, keeps_1, keeps_2, takes),
	CASE(store_delete_load, STRONG, 2, begin_x, stores_1, deletes, loads),
	CASE(swap_swap_take, STRONG, 2, begin_x, swaps_1, swaps_2, takes),
	CASE(cas_cas, ALL, 3, begin_x, cas_7_1, cas_7_2),
	CASE(cas_take_load, STRONG, 2, begin_x, cas_7_1, takes, loads_twice),
	CASE(take_store_load, STRONG, 2, begin_x, takes_stores, loads_twice),
	CASE(take_store_swap, STRONG, 2, begin_x, takes_stores, swaps_1),
	CASE(keep_take_store, STRONG, 2, begin_x, keeps_1, takes_stores),
	CASE(clear_store, STRONG, 3, begin_x, clears_it, stores_1),
	CASE(clear_store_load, ALL, 2, begin_x, clears_stores, loads_twice),
	CASE(clear_swap_load, STRONG, 2, begin_x, clears_it, swaps_1, loads),
	CASE(clear_clear, STRONG, 2, begin_x, clears_stores, clears_it),
	/* Crosswise: not both miss what the other did. */
	CASE(cross_swap, ALL, 2, begin_x_y, swaps_x_loads_y, swaps_y_loads_x),
	CASE(cross_take, ALL, 2, begin_x_y, takes_x_loads_y, takes_y_loads_x),
	CASE(cross_both, ALL, 2, begin_x_y, takes_x_loads_y, swaps_y_loads_x),
	CASE(cross_cas, ALL, 2, begin_x_y, swaps_x_cas_y, swaps_y_loads_x),
	CASE(cross_cas_cas, ALL, 2, begin_x_y, cas_x_cas_y, cas_y_cas_x),
	CASE(cross_store, ALL, 2, begin_x, swaps_x_loads_y, stores_y_loads_x),
	CASE(cross_take_store, ALL, 2, begin_x, takes_x_loads_y,
	     stores_y_loads_x),
	CASE(cross_first, ALL, 2, begin, stores_0_loads_1, stores_1_loads_0),
	CASE(cross_swap_first, ALL, 2, begin_x, swaps_0_loads_1,
	     stores_1_loads_0),
	/* With one that helps it out. */
	CASE(cross_take_delete, WEAK, 2, begin_x, takes_x_loads_y,
	     stores_y_loads_x, deletes),
	CASE(cross_clear_store, ALL, 2, begin_both, clears_0_loads_y,
	     stores_y_loads_0),
	CASE(cross_clear, ALL, 2, begin_both, clears_0_loads_1,
	     clears_1_loads_0),
	/* Two who look see two changes in one order. */
	CASE(order_swaps, ALL, 1, begin_x_y, swaps_1, swaps_y, loads_x_y,
	     loads_y_x),
	CASE(order_takes, ALL, 1, begin_x_y, takes, takes_y, loads_x_y,
	     loads_y_x),
	CASE(order_keeps, ALL, 1, begin_x_y, swaps_1, swaps_y, keeps_x_y,
	     keeps_y_x),
	CASE(order_clears, ALL, 1, begin_both, clears_it, clears_other,
	     loads_0_1, loads_1_0),
	/* References, each given back once. */
	CASE(things_first, STRONG, 3, begin_things, keeps_1, swaps_2),
	CASE(things_swap_take, STRONG, 2, begin_thing, swaps_1, takes, loads),
	CASE(things_keep_take, STRONG, 2, begin_thing, keeps_1, takes_stores),
	CASE(things_clear, STRONG, 2, begin_thing, clears_it, swaps_1, loads),
	CASE(things_stores, STRONG, 2, begin_thing, stores_1, stores_2, takes),
};

EXPLORE(cases, "sync/map.c",
	{ "map.gone_all", NULL,
	  "all steps of the list have one order here; liburcu's have not" }, )
