/*
 * map.c - a map that any number of goroutines and threads use at once.
 *
 *	load            finds the node, reads its value
 *	store           finds it: compare-and-swap of the value
 *	                does not: makes one; add_unique; there is one: again
 *	delete          finds it: compare-and-swap to TABLE_GONE, takes it out
 *	clear           swaps the table for none
 *
 * Linearization points: a load's reading of the value; a successful
 * compare-and-swap; add_unique's insertion.  A load that finds nothing, or a
 * node that is gone: the key was absent at some time since it began.  (A node is
 * in the table when it is found; another of its key comes only after it is out,
 * and it is gone before that.  So between its going, or the finding if that is
 * later, and the next insertion, there is an instant without the key, and the
 * load was under way.)  A clear: its swap.  Who is inside then and has the old
 * table came before it: his step is counted as right before the clear, in the
 * order of the old table.
 *
 * All of these are seq_cst, and whoever has changed something looks at nothing
 * before it is seen (liburcu's insertion sees to that itself): two goroutines that
 * each store one key and then load the other's cannot both miss it.
 *
 * A value that is taken away is still read by those who are inside: it is
 * released after a grace period, by the reaper, even where the caller gets it;
 * he has a reference of his own.
 */
#include "leat/map.h"

#include "sync/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static _Atomic(struct table *) *table_of(leat_map *map)
{
	return (_Atomic(struct table *) *)&map->table;
}

/* The table, or NULL; for a map that has none there may be no readers yet. */
static ALWAYS_INLINE struct table *enter(leat_map *map, struct urcu_reader **r)
{
	/* [map.there] pairs with [map.made]. */
	if (unlikely(!a_load(table_of(map), seq_cst)))
		return NULL;
	*r = grace_enter();

	/* [map.enter] pairs with [map.made]. */
	struct table *t = a_load(table_of(map), acquire);

	if (unlikely(!t))
		grace_leave(*r);
	return t;
}

/* The same, with one that is made if there is none. */
static struct table *enter_made(leat_map *map, struct urcu_reader **r, int *rc)
{
	struct table *t, *none = NULL;

	while (!(t = enter(map, r))) {
		t = table_make(map->kind, rc);
		if (!t)
			return NULL;
		/* [map.made] pairs with [map.there], [map.enter], [map.clear],
		 * [range.enter]. */
		if (!a_cas(table_of(map), &none, t, release))
			table_unmake(t);
		none = NULL;
	}
	return t;
}

static ALWAYS_INLINE bool counted(const struct table *t)
{
	return unlikely(t->kind) && t->kind->retain;
}

/* The value goes to the caller.  Inside. */
static ALWAYS_INLINE void hand_out(const struct table *t, uintptr_t value,
				   void *out)
{
	if (!out)
		return;
	if (counted(t))
		table_retain(t->kind, value);
	memcpy(out, &value, sizeof(value));
}

COLD static void no_map(const char *what)
{
	fatal("leat_map_%s of nil map", what);
}

bool leat_map_load_(leat_map *map, uintptr_t key, void *out)
{
	struct urcu_reader *r;
	struct probe p;
	uintptr_t value = TABLE_GONE;

	if (unlikely(!map))
		no_map("load");

	struct table *t = enter(map, &r);

	if (unlikely(!t))
		return false;
	table_probe(t, key, &p);

	struct node *n = table_find(t, &p);

	if (likely(n))
		/* [map.load] pairs with [map.put], [map.gone]. */
		value = a_load(&n->value, seq_cst);
	if (likely(value != TABLE_GONE))
		hand_out(t, value, out);
	grace_leave(r);
	return value != TABLE_GONE;
}

/* The node of a key that is there, and its value; what is gone is helped out. */
static struct node *find(struct table *t, const struct probe *p,
			 uintptr_t *value)
{
	for (;;) {
		struct node *n = table_find(t, p);

		if (!n)
			return NULL;
		/* [map.find] pairs with [map.put], [map.gone]. */
		*value = a_load(&n->value, seq_cst);
		if (likely(*value != TABLE_GONE))
			return n;
		table_out(t, n);
	}
}

/* -- those that store -- */

enum put { STORE, KEEP, EXCHANGE };

struct put_arg {
	enum put how;
	uintptr_t value, was; /* was: EXCHANGE only */
	void *out;
	struct node *fresh; /* made, not in the table yet */
	struct box *box;    /* for a counted value that is replaced */
};

/* The value of a key that is there: 1, 0 (not what was wanted), -ENOMEM;
 * -EAGAIN: it has changed. */
static int put_over(struct table *t, struct node *n, uintptr_t old,
		    struct put_arg *a)
{
	if (a->how == KEEP) {
		hand_out(t, old, a->out);
		return 1;
	}
	if (a->how == EXCHANGE && old != a->was)
		return 0;
	if (counted(t) && !a->box && !(a->box = malloc(sizeof(*a->box))))
		return -ENOMEM;
	/* [map.put] pairs with [map.load], [map.find], [map.met], [map.put],
	 * [map.gone]. */
	if (!a_cas(&n->value, &old, a->value, seq_cst))
		return -EAGAIN;
	/* [map.put_all] pairs with [map.put_all], [map.gone_all],
	 * [map.clear_all]: before whatever the caller looks at next. */
	a_fence_after();
	if (a->how == STORE)
		hand_out(t, old, a->out);
	if (counted(t)) {
		a->box->late.what = LATE_VALUE;
		a->box->value = old;
		a->box->kind = t->kind;
		grace_later(&a->box->late);
		a->box = NULL;
	}
	return 1;
}

/* A key that is not: 0, -ENOMEM; -EAGAIN: it is there now. */
static int put_in(struct table *t, const struct probe *p, struct put_arg *a)
{
	if (!a->fresh && !(a->fresh = table_node(p, a->value)))
		return -ENOMEM;
	if (cds_lfht_add_unique(t->ht, p->hash, t->match, p->arg,
				&a->fresh->link) != &a->fresh->link)
		return -EAGAIN;
	a->fresh = NULL;
	table_count(t, 1);
	if (a->how == KEEP)
		hand_out(t, a->value, a->out);
	return 0;
}

/* Inside. */
static int put_inside(struct table *t, uintptr_t key, struct put_arg *a)
{
	struct probe p;
	uintptr_t old;
	int rc;

	table_probe(t, key, &p);
	do {
		struct node *n = find(t, &p, &old);

		if (n)
			rc = put_over(t, n, old, a);
		else
			rc = a->how == EXCHANGE ? 0 : put_in(t, &p, a);
	} while (unlikely(rc == -EAGAIN));
	return rc;
}

/* 1: the key was there, 0: it was not; -ENOMEM, -EAGAIN. */
static int put(leat_map *map, uintptr_t key, struct put_arg *a)
{
	struct urcu_reader *r;
	bool kept;
	int rc;

	if (unlikely(a->value == TABLE_GONE))
		fatal("leat_map: a value that is the library's own");

	struct table *t =
		a->how == EXCHANGE ? enter(map, &r) : enter_made(map, &r, &rc);

	if (unlikely(!t))
		return a->how == EXCHANGE ? 0 : rc;

	const struct leat_map_kind *kind = counted(t) ? t->kind : NULL;

	if (kind)
		table_retain(kind, a->value);
	rc = put_inside(t, key, a);
	grace_leave(r);
	kept = a->how == STORE ? rc >= 0 : rc == (a->how == EXCHANGE);
	if (unlikely(a->fresh))
		table_node_free(a->fresh);
	if (unlikely(a->box))
		free(a->box);
	if (kind && !kept)
		kind->release((void *)a->value);
	return rc;
}

int leat_map_store_(leat_map *map, uintptr_t key, uintptr_t value)
{
	struct put_arg a = { .how = STORE, .value = value };

	if (unlikely(!map))
		no_map("store");

	int rc = put(map, key, &a);

	return rc < 0 ? rc : 0;
}

int leat_map_swap_(leat_map *map, uintptr_t key, uintptr_t value, void *out)
{
	struct put_arg a = { .how = STORE, .value = value, .out = out };

	if (unlikely(!map))
		no_map("swap");
	return put(map, key, &a);
}

int leat_map_load_or_store_(leat_map *map, uintptr_t key, uintptr_t value,
			    void *out)
{
	struct put_arg a = { .how = KEEP, .value = value, .out = out };

	if (unlikely(!map))
		no_map("load_or_store");
	return put(map, key, &a);
}

int leat_map_compare_and_swap_(leat_map *map, uintptr_t key, uintptr_t was,
			       uintptr_t value)
{
	struct put_arg a = { .how = EXCHANGE, .value = value, .was = was };

	if (unlikely(!map))
		no_map("compare_and_swap");
	return put(map, key, &a);
}

/* -- those that delete -- */

static bool drop_inside(struct table *t, uintptr_t key, const uintptr_t *was,
			void *out)
{
	struct probe p;
	struct node *n;
	uintptr_t old;

	table_probe(t, key, &p);
	do {
		n = find(t, &p, &old);
		if (!n || (was && old != *was))
			return false;
		/* [map.gone] pairs with [map.load], [map.find], [map.met],
		 * [map.put]. */
	} while (unlikely(!a_cas(&n->value, &old, TABLE_GONE, seq_cst)));
	/* [map.gone_all] pairs with [map.put_all], [map.gone_all],
	 * [map.clear_all]: before whatever the caller looks at next. */
	a_fence_after();
	hand_out(t, old, out);
	/* Whoever takes the node out, it is not over before we leave. */
	if (counted(t))
		n->more[0] = old;
	table_count(t, -1);
	table_out(t, n);
	return true;
}

static bool drop(leat_map *map, uintptr_t key, const uintptr_t *was, void *out)
{
	struct urcu_reader *r;
	struct table *t = enter(map, &r);

	if (unlikely(!t))
		return false;

	bool there = drop_inside(t, key, was, out);

	grace_leave(r);
	return there;
}

bool leat_map_load_and_delete_(leat_map *map, uintptr_t key, void *out)
{
	if (unlikely(!map))
		no_map("load_and_delete");
	return drop(map, key, NULL, out);
}

bool leat_map_delete_(leat_map *map, uintptr_t key)
{
	if (unlikely(!map))
		no_map("delete");
	return drop(map, key, NULL, NULL);
}

bool leat_map_compare_and_delete_(leat_map *map, uintptr_t key, uintptr_t was)
{
	if (unlikely(!map))
		no_map("compare_and_delete");
	return drop(map, key, &was, NULL);
}

/* -- the whole of it -- */

static void clear(leat_map *map)
{
	/* [map.clear] pairs with [map.made]. */
	struct table *t = a_swap(table_of(map), NULL, seq_cst);

	/* [map.clear_all] pairs with [map.put_all], [map.gone_all],
	 * [map.clear_all]: likewise. */
	a_fence_after();
	if (t)
		grace_later(&t->late);
}

void leat_map_clear(leat_map *map)
{
	if (!map)
		no_map("clear");
	clear(map);
}

void leat_map_free(leat_map *map)
{
	if (!map)
		no_map("free");
	clear(map);
	grace_finish();
}

size_t leat_map_len(leat_map *map)
{
	struct urcu_reader *r;
	size_t n = 0;

	if (!map)
		no_map("len");

	struct table *t = enter(map, &r);

	if (t) {
		n = table_len(t);
		grace_leave(r);
	}
	return n;
}
