/*
 * maps.h - sync/map.c on a table that can be looked through.
 *
 *	liburcu's table    a list, of which each insertion and removal is one
 *	                   step and makes a new version; a lookup takes some
 *	                   version, the latest in SC and TSO, and follows that
 *	sections           known by who is in them: what is put off is over as
 *	                   soon as all have left who were inside then, and no
 *	                   value of it is right any more; not in WEAK, where
 *	                   what orders the two is the barrier of a grace period
 *	values             words, or things with references, which are counted
 */
#ifndef MAPS_H
#define MAPS_H

#include "tests/explore/engine.h"

#include "core/base.h"
#include "sync/table.h"

#include <errno.h>
#include <string.h>

enum { THREADS = 4, OPS = 3, NODES = 10, TABLES = 4, VERSIONS = 16, ROOM = 4 };

#define SPOILT ((uintptr_t)0xdeadbeef)

/* -- the list -- */

struct list {
	_Atomic uint32_t version;
	struct cds_lfht_node *node[VERSIONS][ROOM];
};

static struct list lists[TABLES];
static union {
	struct table t;
	char room[sizeof(struct table) + sizeof(struct tally)];
} tables[TABLES];
static int tables_made;
/* Plain: written when a table is made, read by whoever uses it. */
static int filled[TABLES];

static struct list *list_of(struct cds_lfht *ht)
{
	uintptr_t i = (uintptr_t)ht - 1;

	ASSERT(d_read(&filled[i]) == 1);
	return &lists[i];
}

static struct cds_lfht_node *found(const struct list *l, uint32_t version,
				   uintptr_t key)
{
	for (int i = 0; i < ROOM; i++) {
		struct cds_lfht_node *n = l->node[version][i];

		if (n && table_node_of(n)->key == key)
			return n;
	}
	return NULL;
}

void cds_lfht_lookup(struct cds_lfht *ht, unsigned long hash,
		     cds_lfht_match_fct match, const void *key,
		     struct cds_lfht_iter *at)
{
	struct list *l = list_of(ht);

	(void)hash;
	(void)match;
	at->node = found(l, a_load(&l->version, acquire), (uintptr_t)key);
}

/* The next version: with n in a free place, or without it. */
static void change(struct list *l, uint32_t was, struct cds_lfht_node *from,
		   struct cds_lfht_node *to)
{
	bool done = false;

	ASSERT(was + 1 < VERSIONS);
	for (int i = 0; i < ROOM; i++) {
		struct cds_lfht_node *n = l->node[was][i];
		bool here = n == from && !done;

		l->node[was + 1][i] = here ? to : n;
		done |= here;
	}
	ASSERT(done);
}

struct cds_lfht_node *cds_lfht_add_unique(struct cds_lfht *ht,
					  unsigned long hash,
					  cds_lfht_match_fct match,
					  const void *key,
					  struct cds_lfht_node *node)
{
	struct list *l = list_of(ht);
	struct cds_lfht_node *there;
	uint32_t was;

	(void)hash;
	(void)match;
	do {
		was = a_load(&l->version, acquire);
		there = found(l, was, (uintptr_t)key);
		if (there)
			return there;
	} while (!a_cas(&l->version, &was, was + 1, acq_rel));
	change(l, was, NULL, node);
	a_fence(seq_cst); /* liburcu's compare-and-swap is one */
	return node;
}

static bool out_of(struct list *l, struct cds_lfht_node *node)
{
	uint32_t was;

	do {
		was = a_load(&l->version, acquire);
		if (found(l, was, table_node_of(node)->key) != node)
			return false;
	} while (!a_cas(&l->version, &was, was + 1, acq_rel));
	change(l, was, node, NULL);
	a_fence(seq_cst);
	return true;
}

/* -- sections -- */

static unsigned inside; /* a bit for each thread */
static struct {
	struct late *late;
	unsigned waits_for;
} put_off[NODES * 2];
static int put_offs;

static bool frees(void)
{
	return !model->read; /* SC, TSO */
}

static void over(struct late *l);

static struct urcu_reader *come_in(void)
{
	ASSERT(!(inside & 1u << explore_self()));
	inside |= 1u << explore_self();
	return NULL;
}

static void settle(unsigned gone)
{
	for (int i = 0; i < put_offs; i++) {
		if (!put_off[i].late)
			continue;
		put_off[i].waits_for &= ~gone;
		if (put_off[i].waits_for == 0) {
			struct late *l = put_off[i].late;

			put_off[i].late = NULL;
			over(l);
		}
	}
}

static void go_out(void)
{
	inside &= ~(1u << explore_self());
	if (frees())
		settle(1u << explore_self());
}

static void later(struct late *l)
{
	ASSERT(put_offs < (int)ARRAY_LEN(put_off));
	put_off[put_offs].late = l;
	put_off[put_offs++].waits_for = inside;
	if (frees())
		settle(0);
}

#define grace_enter()   come_in()
#define grace_leave(r)  ((void)(r), go_out())
#define grace_later(l)  later(l)
#define grace_finish()  ((void)0)
#define a_fence_after() a_fence(seq_cst)
#define table_retain    retain_one
static void retain_one(const struct leat_map_kind *kind, uintptr_t value);

static void *give(size_t n);
static void get_back(void *at);
#define malloc(n) give(n)
#define free(at)  get_back(at)
#define clear     map_clear
#define find      map_find
#define drop      map_drop
#include "sync/map.c"
#undef malloc
#undef free
#undef clear
#undef find
#undef drop

/* -- table.c, in short -- */

char table_gone;
static union {
	struct node n;
	char room[sizeof(struct node) + 2 * sizeof(uintptr_t)];
} nodes[NODES];
static int nodes_made;
static struct box boxes[NODES];
static int boxes_made, boxes_back;

static void *give(size_t n)
{
	ASSERT(n == sizeof(struct box) && boxes_made < NODES);
	return &boxes[boxes_made++];
}

static void get_back(void *at)
{
	ASSERT(at);
	boxes_back++;
}

struct table *table_make(const struct leat_map_kind *kind, int *rc)
{
	ASSERT(tables_made < TABLES);
	struct table *t = &tables[tables_made++].t;

	t->kind = kind;
	t->ht = (struct cds_lfht *)(uintptr_t)tables_made;
	t->late.what = LATE_TABLE;
	d_write(&filled[tables_made - 1], 1);
	*rc = 0;
	return t;
}

void table_unmake(struct table *t)
{
	t->ht = NULL;
}

void table_probe_slow(const struct table *t, uintptr_t key, struct probe *p)
{
	p->kind = t->kind;
	p->key = key;
	p->arg = (const void *)key;
	p->hash = 0;
}

struct node *table_node(const struct probe *p, uintptr_t value)
{
	ASSERT(nodes_made < NODES);
	struct node *n = &nodes[nodes_made++].n;

	n->key = p->key;
	n->kind = p->kind;
	n->late.what = LATE_NODE;
	a_store(&n->value, value, relaxed);
	return n;
}

void table_node_free(struct node *n)
{
	a_store(&n->value, SPOILT, relaxed);
}

void table_out(struct table *t, struct node *n)
{
	if (out_of(list_of(t->ht), &n->link))
		later(&n->late);
}

void table_count(struct table *t, long n)
{
	(void)t;
	(void)n;
}

size_t table_len(struct table *t)
{
	(void)t;
	return 0;
}

/* -- values that are counted -- */

enum { VALUES = 8 };
static int refs[VALUES];

static void retain(void *value)
{
	ASSERT((uintptr_t)value < VALUES && refs[(uintptr_t)value] > 0);
	refs[(uintptr_t)value]++;
}

static void release(void *value)
{
	ASSERT((uintptr_t)value < VALUES && refs[(uintptr_t)value] > 0);
	refs[(uintptr_t)value]--;
}

static const struct leat_map_kind things = { .retain = retain,
					     .release = release };

static void retain_one(const struct leat_map_kind *kind, uintptr_t value)
{
	ASSERT(kind == &things);
	retain((void *)value);
}

static void over(struct late *l)
{
	if (l->what == LATE_NODE) {
		struct node *n = container_of(l, struct node, late);

		if (n->kind)
			release((void *)n->more[0]);
		n->value = SPOILT;
	} else if (l->what == LATE_VALUE) {
		release((void *)container_of(l, struct box, late)->value);
		boxes_back++;
	} else {
		struct table *t = container_of(l, struct table, late);
		struct list *li = list_of(t->ht);

		for (int i = 0; i < ROOM; i++) {
			struct cds_lfht_node *link = li->node[li->version][i];
			struct node *n = link ? table_node_of(link) : NULL;

			if (n && t->kind)
				release((void *)n->value);
			if (n)
				n->value = SPOILT;
		}
	}
}

#endif
