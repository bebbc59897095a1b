/*
 * table.h - what is behind a map: liburcu's hash table, and what is in it.
 *
 *	map ---> table ---> cds_lfht ---> node ---> node ---> ...
 *	 '-- clear: NULL, and the table is put off until nobody is inside
 *
 *	value of a node   meaning
 *	a word            the key is there, with this value
 *	TABLE_GONE        it is not; the node is being taken out
 *
 *	(made)    -- add_unique -->  word                        insertion
 *	word      -- compare-and-swap -->  another word          store
 *	word      -- compare-and-swap -->  TABLE_GONE            deletion
 *	TABLE_GONE  for ever: out of the table, put off, freed
 *
 * A key is there if a node of it is in the table whose value is a word.  There
 * is at most one node of a key in the table: add_unique sees to it, and a node
 * that is gone is taken out by whoever meets it and wants to insert.
 *
 *	field     written by                        read by
 *	link      liburcu                           readers
 *	key, kind its maker, before it is found     whoever holds it
 *	value     anybody who is inside             readers, who holds it
 *	late      who took it out                   the reaper
 *	holds     the table 1, each range 1; whoever gives back the last frees
 *	more      [0] if values are counted: the    the reaper
 *	          last one, by who deleted it
 *	          the rest: the bytes of the key
 */
#ifndef SYNC_TABLE_H
#define SYNC_TABLE_H

#include "leat/map.h"

#include "sync/grace.h"
#include "sync/hash.h"

#include <urcu/rculfhash.h>

extern char table_gone;
#define TABLE_GONE ((uintptr_t)&table_gone)

struct node {
	struct cds_lfht_node link;
	uintptr_t key; /* the word, or where the kept one is */
	_Atomic uintptr_t value;
	const struct leat_map_kind *kind;
	struct late late;
	uintptr_t more[];
};

/* How many keys, by CPU. */
struct tally {
	_Alignas(CPU_LINE) _Atomic long n;
};

struct table {
	struct cds_lfht *ht;
	const struct leat_map_kind *kind;
	cds_lfht_match_fct match;
	uint64_t seed;
	_Atomic size_t buckets;
	struct late late, resize;
	_Atomic uint32_t resizing; /* resize is with the reaper */
	uint32_t tallies;          /* a power of two */
	struct tally tally[];
};

/* What is looked for. */
struct probe {
	const struct leat_map_kind *kind;
	uintptr_t key;
	const void *arg; /* for match */
	size_t n;        /* bytes of the key that are copied */
	uint64_t hash;
};

/* A value that was replaced, and is counted. */
struct box {
	struct late late;
	uintptr_t value;
	const struct leat_map_kind *kind;
};

/* One, empty, or -ENOMEM, -EAGAIN in *rc. */
struct table *table_make(const struct leat_map_kind *kind, int *rc);
/* One that nobody has seen. */
void table_unmake(struct table *t);

/* Inside, all of these. */
void table_probe_slow(const struct table *t, uintptr_t key, struct probe *p);
struct node *table_node(const struct probe *p, uintptr_t value);
/* A key more or less. */
void table_count(struct table *t, long change);
size_t table_len(struct table *t);
/* Take a node out that is gone; it may be out already. */
void table_out(struct table *t, struct node *n);

/* Not found yet, or not put off. */
void table_node_free(struct node *n);
/* One hold less. */
void table_let_go(struct node *n);

/* The kind's functions, and that they do not wait. */
void table_retain(const struct leat_map_kind *kind, uintptr_t value);
bool table_equal(const struct leat_map_kind *kind, uintptr_t kept,
		 uintptr_t key);

static inline struct node *table_node_of(struct cds_lfht_node *link)
{
	return container_of(link, struct node, link);
}

static ALWAYS_INLINE void table_probe(const struct table *t, uintptr_t key,
				      struct probe *p)
{
	if (unlikely(t->kind)) {
		table_probe_slow(t, key, p);
		return;
	}
	p->kind = NULL;
	p->key = key;
	p->arg = (const void *)key;
	p->n = 0;
	p->hash = hash_word(key, t->seed);
}

static ALWAYS_INLINE struct node *table_find(const struct table *t,
					     const struct probe *p)
{
	struct cds_lfht_iter at;

	cds_lfht_lookup(t->ht, p->hash, t->match, p->arg, &at);
	return at.node ? table_node_of(at.node) : NULL;
}

#endif
