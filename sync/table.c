/*
 * table.c - what is behind a map: made, resized, given back.
 *
 *	keys            buckets           who resizes
 *	more than       as many as        the reaper, one step (twice as many,
 *	buckets         twice the keys    half as many) after another; asked by
 *	fewer than an   the same          whoever counts a key that makes it so
 *	eighth
 *
 * Both are looked at once in some counts: the number of keys is the sum of a few
 * tallies, by CPU.  liburcu has a thread for this as well; but it ends the process where it
 * cannot have one, or memory for the buckets.  Here a table that cannot grow stays
 * as it is: slower, and right.
 */
#include "sync/table.h"

#include "core/os.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include <urcu/urcu-memb.h>

enum { BUCKETS = 16, TALLIES = 16 };

char table_gone;

const struct leat_map_kind leat_map_strings = { .bytes = LEAT_MAP_STRING };

static const struct leat_map_kind words;

static const struct leat_map_kind *kind_of(const struct leat_map_kind *kind)
{
	return kind ? kind : &words;
}

/* -- the user's functions -- */

/* What the goroutine waited for last: whoever waits or yields writes that anew.
 * (Neither its P's dispatches nor its thread would tell: a P is taken from who
 * computes, and given back.) */
struct here {
	struct g *g;
	enum g_reason was;
};

static struct here here(void)
{
	struct m *m = arch_self();
	struct here h = { .g = m ? m->g : NULL };

	if (h.g) {
		h.was = h.g->reason;
		h.g->reason = G_NOTHING;
	}
	return h;
}

static void stayed(const struct here *before)
{
	if (!before->g)
		return;
	if (unlikely(before->g->reason != G_NOTHING))
		fatal("leat_map: a callback waited");
	before->g->reason = before->was;
}

void table_retain(const struct leat_map_kind *kind, uintptr_t value)
{
	struct here before = here();

	kind->retain((void *)value);
	stayed(&before);
}

bool table_equal(const struct leat_map_kind *kind, uintptr_t kept,
		 uintptr_t key)
{
	struct here before = here();
	bool same = kind->equal((const void *)kept, (const void *)key);

	stayed(&before);
	return same;
}

static uint64_t hash_of(const struct leat_map_kind *kind, uintptr_t key)
{
	struct here before = here();
	uint64_t hash = kind->hash((const void *)key);

	stayed(&before);
	return hash;
}

static const void *copy_of(const struct leat_map_kind *kind, uintptr_t key)
{
	struct here before = here();
	const void *kept = kind->copy((const void *)key);

	stayed(&before);
	return kept;
}

/* -- keys -- */

/* The seeker of a range is no key. */
static struct node *key_at(struct cds_lfht_node *link)
{
	struct node *n = table_node_of(link);

	sanitize_hear(n);
	return likely(n->late.what == LATE_NODE) ? n : NULL;
}

static int match_word(struct cds_lfht_node *link, const void *key)
{
	struct node *n = key_at(link);

	return n && n->key == (uintptr_t)key;
}

static int match_string(struct cds_lfht_node *link, const void *key)
{
	struct node *n = key_at(link);

	return n && strcmp((const char *)n->key, key) == 0;
}

static int match_bytes(struct cds_lfht_node *link, const void *arg)
{
	const struct probe *p = arg;
	struct node *n = key_at(link);

	return n &&
	       memcmp((const char *)n->key, (const char *)p->key, p->n) == 0;
}

static int match_user(struct cds_lfht_node *link, const void *arg)
{
	const struct probe *p = arg;
	struct node *n = key_at(link);

	return n && table_equal(p->kind, n->key, p->key);
}

static cds_lfht_match_fct match_of(const struct leat_map_kind *kind)
{
	if (kind->equal)
		return match_user;
	if (kind->bytes == LEAT_MAP_STRING)
		return match_string;
	return kind->bytes ? match_bytes : match_word;
}

void table_probe_slow(const struct table *t, uintptr_t key, struct probe *p)
{
	const struct leat_map_kind *kind = t->kind;
	const char *at = (const char *)key;

	if (unlikely(!key) && kind->bytes)
		fatal("leat_map: a nil key");
	p->kind = kind;
	p->key = key;
	p->n = kind->bytes;
	if (kind->bytes == LEAT_MAP_STRING)
		p->n = strlen(at) + 1;
	p->arg = t->match == match_bytes || t->match == match_user
			 ? (const void *)p
			 : (const void *)key;
	if (kind->hash)
		p->hash = hash_word(hash_of(kind, key), t->seed);
	else if (kind->bytes)
		p->hash = hash_bytes(at, p->n, t->seed);
	else
		p->hash = hash_word(key, t->seed);
}

/* -- nodes -- */

struct node *table_node(const struct probe *p, uintptr_t value)
{
	const struct leat_map_kind *kind = kind_of(p->kind);
	size_t counted = kind->release != NULL, n = kind->copy ? 0 : p->n;
	struct node *fresh =
		malloc(sizeof(*fresh) + counted * sizeof(fresh->more[0]) + n);

	if (!fresh)
		return NULL;
	fresh->key = p->key;
	if (kind->copy)
		fresh->key = (uintptr_t)copy_of(kind, p->key);
	else if (n)
		fresh->key = (uintptr_t)memcpy(fresh->more + counted,
					       (const void *)p->key, n);
	if (kind->copy && !fresh->key) {
		free(fresh);
		return NULL;
	}
	/* Where nothing is to be done at the end, not even the kind is looked at:
	 * it may be gone by then. */
	fresh->kind = kind->retain || kind->drop ? kind : &words;
	fresh->late.what = LATE_NODE;
	a_store(&fresh->late.holds, 1, relaxed);
	a_store(&fresh->value, value, relaxed);
	cds_lfht_node_init(&fresh->link);
	sanitize_tell(fresh);
	return fresh;
}

void table_node_free(struct node *n)
{
	if (n->kind->drop)
		n->kind->drop((const void *)n->key);
	free(n);
}

void table_let_go(struct node *n)
{
	/* [table.alone] pairs with [table.last]: all others are done with it. */
	if (a_load(&n->late.holds, acquire) == 1) {
		table_node_free(n);
		return;
	}
	/* [table.last] pairs with [table.last], [table.alone]. */
	if (a_sub(&n->late.holds, 1, acq_rel) == 1)
		table_node_free(n);
}

void table_out(struct table *t, struct node *n)
{
	if (cds_lfht_del(t->ht, &n->link) != 0)
		return;
	if (n->kind->retain || n->kind->drop)
		grace_later(&n->late);
	else
		grace_later_quiet(&n->late);
}

/* -- how many -- */

size_t table_len(struct table *t)
{
	long sum = 0;

	for (uint32_t i = 0; i < t->tallies; i++)
		sum += a_load(&t->tally[i].n, relaxed);
	return sum < 0 ? 0 : (size_t)sum;
}

/* How many buckets there should be. */
static size_t fitting(struct table *t)
{
	size_t keys = table_len(t), n = a_load(&t->buckets, relaxed);

	if (keys <= n && keys >= n / 8)
		return n;
	for (n = BUCKETS; n < 2 * keys;)
		n *= 2;
	return n;
}

/* Is it time to sum up?  When a tally has gone by so many, a power of two; not
 * at the same ones upward and downward, nor at 0, or a key that comes and goes
 * would make it so each time. */
static bool look(size_t now, long change, size_t buckets, uint32_t tallies)
{
	size_t n = buckets / 4 / tallies;

	n = n < 4 ? 4 : n > 64 ? 64 : n;
	return (now & (n - 1)) == (change > 0 ? 0 : n / 2);
}

void table_count(struct table *t, long change)
{
	_Atomic long *n = &t->tally[grace_place() & (t->tallies - 1)].n;
	long now = a_add(n, change, relaxed) + change;
	size_t buckets = a_load(&t->buckets, relaxed);

	if (!look((size_t)now, change, buckets, t->tallies) ||
	    fitting(t) == buckets || a_load(&t->resizing, relaxed))
		return;
	/* [table.ask] pairs with [table.asked]. */
	if (a_swap(&t->resizing, 1, acquire) == 0)
		grace_soon(&t->resize);
}

/* -- tables -- */

/* liburcu ends the process where it gets no memory; so it is asked for some as
 * if it were that, and more, right before. */
static bool fits(size_t bytes)
{
	void *probe = malloc(bytes);

	/* Used, for all the compiler knows: or it would leave both out. */
	__asm__("" : "+r"(probe));
	free(probe);
	return probe != NULL;
}

static size_t cost(size_t buckets)
{
	return 8192 + 2 * buckets * sizeof(struct cds_lfht_node);
}

static void resize(struct late *l)
{
	struct table *t = container_of(l, struct table, resize);
	size_t want, have;

	/* [table.asked] pairs with [table.ask]: l is free to be pushed again.
	 * Who counts right now may not ask; whoever counts next does. */
	a_store(&t->resizing, 0, release);
	while (have = a_load(&t->buckets, relaxed), want = fitting(t),
	       want != have) {
		want = want > have ? have * 2 : have / 2;
		if (want > have && !fits(cost(want)))
			return;
		cds_lfht_resize(t->ht, want);
		a_store(&t->buckets, want, relaxed);
	}
}

static void refuse_halves(const struct leat_map_kind *k)
{
	if (!k->hash != !k->equal || !k->copy != !k->drop ||
	    !k->release != !k->retain)
		fatal("leat_map: a kind with half a pair of functions");
}

static uint64_t seed(void)
{
	const char *chance = (const char *)getauxval(AT_RANDOM);

	return chance ? hash_bytes(chance, 16, HASH_B) : HASH_B;
}

static uint32_t tallies(void)
{
	uint32_t n = 1, procs = (uint32_t)leat_procs_get();

	while (n < TALLIES && n < (procs ? procs : 4))
		n *= 2;
	return n;
}

struct table *table_make(const struct leat_map_kind *kind, int *rc)
{
	uint32_t n = tallies();
	size_t size = sizeof(struct table) + n * sizeof(struct tally);
	struct table *t;

	refuse_halves(kind_of(kind));
	*rc = grace_start();
	if (*rc != 0)
		return NULL;
	*rc = -ENOMEM;
	if (!fits(size + cost(BUCKETS)) ||
	    posix_memalign((void **)&t, CPU_LINE, size) != 0)
		return NULL;
	memset(t, 0, size);
	t->ht = _cds_lfht_new(BUCKETS, BUCKETS, 0, 0, NULL, &urcu_memb_flavor,
			      NULL);
	t->kind = kind;
	t->match = match_of(kind_of(kind));
	t->seed = seed();
	t->tallies = n;
	t->late.what = LATE_TABLE;
	t->resize.what = LATE_RESIZE;
	a_store(&t->buckets, BUCKETS, relaxed);
	*rc = 0;
	return t;
}

void table_unmake(struct table *t)
{
	cds_lfht_destroy(t->ht, NULL);
	free(t);
}

/* -- what the reaper does -- */

static void node_over(struct late *l)
{
	struct node *n = container_of(l, struct node, late);

	if (n->kind->retain)
		n->kind->release((void *)n->more[0]);
	table_let_go(n);
}

static void seeker_over(struct late *l)
{
	free(container_of(l, struct node, late));
}

static void value_over(struct late *l)
{
	struct box *b = container_of(l, struct box, late);

	b->kind->release((void *)b->value);
	free(b);
}

/* A range may hold it, and look at its value at any time: it is to find none,
 * or to have retained it by the end of one more grace period. */
static void held_over(struct node *n, uintptr_t value)
{
	a_store(&n->value, TABLE_GONE, relaxed);
	if (n->kind->retain)
		n->more[0] = value;
	grace_later(&n->late);
}

/* Nobody else is here; the nodes are as they were at the end. */
static void table_over(struct late *l)
{
	struct table *t = container_of(l, struct table, late);
	struct cds_lfht_iter at;

	cds_lfht_first(t->ht, &at);
	while (at.node) {
		struct node *n = table_node_of(at.node);
		uintptr_t value = a_load(&n->value, relaxed);

		cds_lfht_next(t->ht, &at);
		check(cds_lfht_del(t->ht, &n->link) == 0);
		if (a_load(&n->late.holds, relaxed) > 1) {
			held_over(n, value);
			continue;
		}
		if (n->kind->retain)
			n->kind->release((void *)value);
		table_let_go(n);
	}
	table_unmake(t);
}

void (*const late_over[LATE_KINDS])(struct late *l) = {
	[LATE_NODE] = node_over,     [LATE_VALUE] = value_over,
	[LATE_TABLE] = table_over,   [LATE_RESIZE] = resize,
	[LATE_SEEKER] = seeker_over,
};
