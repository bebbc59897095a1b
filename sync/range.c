/*
 * range.c - every key of a map, for a function that may do what it likes.
 *
 *	inside                          outside
 *	collect: holds up to BATCH      visit: for each one, its value as it is
 *	nodes, from the cursor on       now (inside, for a moment), then fn
 *	                                lets it go
 *
 * liburcu's table is one list in the order of the hashes' bits from the lowest
 * up, and stays so while it is resized.  The cursor is the hash of the last node
 * collected.  To go on from there a node of our own, the seeker, is added with
 * that hash: it comes behind all others of that hash, is found again by itself,
 * and is taken out at once; no lookup takes it for a key.  A batch ends only
 * between two hashes, so that all keys of one hash are in the same.
 *
 * So a key that is there all the time is collected once, and one that goes and
 * comes again has the same hash, and is met at most once.  After a clear it goes
 * on in the new table, at the same place: the seed of the hashes is the
 * process's.
 */
#include "leat/panic.h"

#include "sync/table.h"

#include <errno.h>
#include <stdlib.h>

enum { BATCH = 64 };

struct batch {
	struct node **node; /* first, or more of them */
	size_t n, room;
	uint64_t cursor;
	bool begun, more;
	size_t at;     /* whose turn it is */
	bool visiting; /* fn has this value: */
	uintptr_t value;
	struct node *first[BATCH];
};

static uint64_t reverse(uint64_t x)
{
	x = (x & 0x5555555555555555) << 1 | (x >> 1 & 0x5555555555555555);
	x = (x & 0x3333333333333333) << 2 | (x >> 2 & 0x3333333333333333);
	x = (x & 0x0f0f0f0f0f0f0f0f) << 4 | (x >> 4 & 0x0f0f0f0f0f0f0f0f);
	return __builtin_bswap64(x);
}

static int match_itself(struct cds_lfht_node *link, const void *seeker)
{
	return table_node_of(link) == seeker;
}

static void first(struct table *t, struct cds_lfht_iter *at)
{
	cds_lfht_first(t->ht, at);
	if (at->node)
		sanitize_hear(table_node_of(at->node));
}

static void next(struct table *t, struct cds_lfht_iter *at)
{
	cds_lfht_next(t->ht, at);
	if (at->node)
		sanitize_hear(table_node_of(at->node));
}

/* Where to go on. */
static void seek(struct table *t, uint64_t cursor, struct node *seeker,
		 struct cds_lfht_iter *at)
{
	uint64_t past = reverse(cursor);

	cds_lfht_add(t->ht, cursor, &seeker->link);
	cds_lfht_lookup(t->ht, cursor, match_itself, seeker, at);
	check(at->node == &seeker->link);
	do
		next(t, at);
	while (at->node && at->node->reverse_hash == past);
	table_out(t, seeker);
}

/* More room, for many keys of one hash. */
static bool grow(struct batch *b)
{
	struct node **more = realloc(b->node == b->first ? NULL : b->node,
				     2 * b->room * sizeof(struct node *));

	if (!more)
		return false;
	if (b->node == b->first)
		for (size_t i = 0; i < b->n; i++)
			more[i] = b->first[i];
	b->node = more;
	b->room *= 2;
	return true;
}

static int take(struct batch *b, struct cds_lfht_node *link)
{
	struct node *n = table_node_of(link);

	if (n->late.what != LATE_NODE)
		return 0;
	if (b->n == b->room && !grow(b))
		return -ENOMEM;
	a_add(&n->late.holds, 1, relaxed);
	b->node[b->n++] = n;
	return 0;
}

/* Inside. */
static int collect(struct table *t, struct batch *b, struct node *seeker)
{
	struct cds_lfht_iter at;
	int rc = 0;

	if (seeker)
		seek(t, b->cursor, seeker, &at);
	else
		first(t, &at);
	for (; at.node && rc == 0; next(t, &at)) {
		if (b->n >= BATCH &&
		    at.node->reverse_hash !=
			    b->node[b->n - 1]->link.reverse_hash) {
			b->more = true;
			break;
		}
		rc = take(b, at.node);
	}
	if (b->more)
		b->cursor = reverse(b->node[b->n - 1]->link.reverse_hash);
	return rc;
}

static struct table *table_now(leat_map *map)
{
	/* [range.enter] pairs with [map.made]. */
	return a_load((_Atomic(struct table *) *)&map->table, acquire);
}

static int next_batch(leat_map *map, struct batch *b)
{
	static const struct probe nothing;
	struct node *seeker = NULL;
	struct urcu_reader *r;
	int rc = 0;

	if (!table_now(map))
		return 0;
	if (b->begun && !(seeker = table_node(&nothing, TABLE_GONE)))
		return -ENOMEM;
	r = grace_enter();

	struct table *t = table_now(map);

	if (t) {
		if (seeker) {
			seeker->late.what = LATE_SEEKER;
			sanitize_tell(seeker);
		}
		rc = collect(t, b, seeker);
	}
	grace_leave(r);
	if (!t && seeker)
		table_node_free(seeker);
	b->begun = true;
	return rc;
}

/* The value of a key that is there, retained. */
static bool value_now(struct node *n, uintptr_t *value)
{
	struct urcu_reader *r = grace_enter();
	bool there;

	/* [map.met] pairs with [map.put], [map.gone]. */
	*value = a_load(&n->value, acquire);
	there = *value != TABLE_GONE;
	if (there && n->kind->retain)
		table_retain(n->kind, *value);
	grace_leave(r);
	return there;
}

static bool visit(struct batch *b,
		  bool (*fn)(const void *key, void *value, void *arg),
		  void *arg)
{
	struct node *n = b->node[b->at];
	bool on = true;

	if (value_now(n, &b->value)) {
		b->visiting = true;
		on = fn((const void *)n->key, (void *)b->value, arg);
		b->visiting = false;
		if (n->kind->retain)
			n->kind->release((void *)b->value);
	}
	return on;
}

/* The end, or fn did not come back. */
static void end(struct batch *b)
{
	struct node *n = b->visiting ? b->node[b->at] : NULL;

	if (n && n->kind->retain)
		n->kind->release((void *)b->value);
	for (; b->at < b->n; b->at++)
		table_let_go(b->node[b->at]);
	if (b->node != b->first)
		free(b->node);
}

int leat_map_range(leat_map *map,
		   bool (*fn)(const void *key, void *value, void *arg),
		   void *arg)
{
	struct batch b = { .node = b.first, .room = BATCH };
	bool on = true;
	int rc;

	if (!map)
		fatal("leat_map_range of nil map");
	if (!fn)
		fatal("leat_map_range: nil func value");
	leat_defer(end, &b);
	do {
		b.n = b.at = 0;
		b.more = false;
		rc = next_batch(map, &b);
		for (; b.at < b.n; b.at++) {
			on = on && rc == 0 && visit(&b, fn, arg);
			table_let_go(b.node[b.at]);
		}
	} while (on && b.more);
	return rc;
}
