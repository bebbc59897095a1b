/*
 * shelf.c - get and put.
 *
 *	get    n > 0?  the last one                           the fast way
 *	       a crate of our own, of the next shelf that has one: unpack
 *	       make
 *	put    n < room?  behind the last                     the fast way
 *	       asleep: wake up
 *	       full: pack a crate
 *
 * Memory is asked for, and make called, outside of the section in which the
 * shelf is ours; by then the goroutine may run elsewhere, so that each time all
 * begins again.
 */
#include "sync/shelf.h"

#include <stdlib.h>
#include <string.h>

/* Whose the shelf is, as long as he is inside; and what he has had to ask memory
 * for, on the slow way. */
struct keeper {
	struct store *st;
	struct m *m;
	uint32_t i;
	struct shelf *s, *fresh;
	struct crate *crate;
};

static _Atomic(struct store *) *store_of(leat_pool *pool)
{
	return (_Atomic(struct store *) *)&pool->store;
}

COLD static void no_pool(const char *what)
{
	fatal("leat_pool_%s of nil pool", what);
}

/* -- inside -- */

/* A claimer was seen: it looks at the P, or has taken it. */
static COLD struct m *enter_slow(struct m *m)
{
	if (!a_load(&m->blocked, relaxed))
		return m_enter_slow(m);
	if (own_enter_slow(&m->own))
		return m;
	own_leave(&m->own);
	return NULL;
}

static ALWAYS_INLINE void enter(struct keeper *k)
{
	struct m *m = arch_self();

	if (likely(m) && unlikely(!own_enter_fast(&m->own)))
		m = enter_slow(m);
	if (unlikely(!m))
		lock_take(&k->st->door);
	k->m = m;
	k->i = likely(m) ? 1 + (uint32_t)m_p(m)->id : 0;
	k->s = shelf_at(k->st, k->i);
	if (likely(k->s))
		own_enter(&k->s->own);
}

static ALWAYS_INLINE void leave(const struct keeper *k)
{
	if (likely(k->s))
		own_leave(&k->s->own);
	if (likely(k->m))
		m_leave(k->m);
	else
		lock_drop(&k->st->door);
}

/* -- crates -- */

void shelf_count(struct store *st, uint32_t i, struct shelf *s, uint32_t crates)
{
	uint64_t bit = UINT64_C(1) << i % 64;
	uint32_t were = a_load(&s->crates, relaxed);

	if (crates > 0 && were == 0)
		a_or(&st->full[i / 64], bit, relaxed);
	if (crates == 0 && were > 0)
		a_and(&st->full[i / 64], ~bit, relaxed);
	a_store(&s->crates, crates, relaxed);
	if (s->least > crates)
		s->least = crates;
}

/* The oldest of the items.  Its owner. */
void shelf_out(struct shelf *s, void **to, uint32_t n)
{
	uint32_t left = d_read(&s->n) - n;

	memcpy(to, s->item, n * sizeof(s->item[0]));
	memmove(s->item, s->item + n, left * sizeof(s->item[0]));
	d_write(&s->n, (uint16_t)left);
}

/* The last crate of shelf i, with its lock; an empty one of a robber's for it. */
static struct crate *take_crate(struct store *st, uint32_t i, struct shelf *s,
				struct shelf *robber)
{
	struct crate *c = s->top, *back = robber ? robber->spare : NULL;

	if (!c)
		return NULL;
	s->top = d_read(&c->next);
	if (s->above == c)
		s->above = NULL;
	shelf_count(st, i, s, a_load(&s->crates, relaxed) - 1);
	if (back) {
		robber->spare = back->next;
		back->next = s->empty;
		s->empty = back;
	}
	return c;
}

/* From one of those shelves of the word. */
static struct crate *take_among(struct keeper *k, uint32_t word, uint64_t bits)
{
	struct crate *c = NULL;

	for (; bits && !c; bits &= bits - 1) {
		uint32_t i = word * 64 + (uint32_t)__builtin_ctzll(bits);
		struct shelf *s = shelf_at(k->st, i);

		if (!s || !lock_try(&s->lock))
			continue;
		c = take_crate(k->st, i, s, k->s);
		lock_drop(&s->lock);
	}
	return c;
}

/* From the next shelf, in the order of the Ps, which is the machine's: those
 * behind our own in its word, all of the other words, those before it. */
static struct crate *take_elsewhere(struct keeper *k)
{
	uint32_t words = a_load(&k->st->words, relaxed), word = k->i / 64;
	uint64_t behind = UINT64_MAX << k->i % 64;
	struct crate *c = NULL;

	for (uint32_t turn = 0; turn <= words && !c; turn++) {
		uint64_t bits = a_load(&k->st->full[word], relaxed);

		if (turn == 0)
			bits &= behind;
		if (turn == words)
			bits &= ~behind;
		if (unlikely(bits))
			c = take_among(k, word, bits);
		if (++word == words)
			word = 0;
	}
	return c;
}

static void wake_up(struct store *st, struct shelf *s)
{
	shelf_wakes(st);
	a_store(&s->room, SHELF_ITEMS, relaxed);
}

static bool asleep(struct shelf *s)
{
	return a_load(&s->room, relaxed) == 0;
}

/* The shelf is empty: unpack a crate.  False: there is none. */
static bool unpack(struct keeper *k)
{
	struct shelf *s = k->s;
	struct crate *c = NULL;

	if (a_load(&s->crates, relaxed) > 0) {
		lock_take(&s->lock);
		c = take_crate(k->st, k->i, s, NULL);
		lock_drop(&s->lock);
	}
	if (!c)
		c = take_elsewhere(k);
	if (!c)
		return false;
	if (asleep(s))
		wake_up(k->st, s);
	memcpy(s->item, c->item, sizeof(c->item));
	d_write(&s->n, SHELF_CRATE);
	c->next = s->spare;
	s->spare = c;
	return true;
}

/* A crate to pack into, with the lock; NULL. */
static struct crate *empty_crate(struct keeper *k)
{
	struct crate **at = k->s->spare ? &k->s->spare : &k->s->empty, *c = *at;

	if (c) {
		*at = c->next;
	} else {
		c = k->crate;
		k->crate = NULL;
	}
	return c;
}

/* It is full: pack the oldest.  False: there is no crate to do so. */
static bool pack(struct keeper *k)
{
	struct shelf *s = k->s;
	struct crate *c;
	uint32_t crates;

	lock_take(&s->lock);
	c = empty_crate(k);
	if (c) {
		shelf_out(s, c->item, SHELF_CRATE);
		s->low = s->low > SHELF_CRATE ? s->low - SHELF_CRATE : 0;
		d_write(&c->next, s->top);
		s->top = c;
		crates = a_load(&s->crates, relaxed);
		if (crates == s->least)
			s->above = c;
		shelf_count(k->st, k->i, s, crates + 1);
	}
	lock_drop(&s->lock);
	return c;
}

/* -- the slow way -- */

static struct shelf *make_shelf(void)
{
	struct shelf *s = aligned_alloc(CPU_LINE, sizeof(*s));

	if (s)
		memset(s, 0, sizeof(*s));
	return s;
}

/* One more word of store.full may be in use. */
static void count_words(struct store *st, uint32_t i)
{
	uint32_t words = i / 64 + 1, were = a_load(&st->words, relaxed);

	while (were < words && !a_cas(&st->words, &were, words, relaxed))
		;
}

/* Enter where there is a shelf, a new one perhaps.  False: no memory. */
static bool enter_made(struct keeper *k)
{
	for (;;) {
		enter(k);
		if (!k->s && k->fresh) {
			k->s = k->fresh;
			k->fresh = NULL;
			own_enter(&k->s->own);
			count_words(k->st, k->i);
			/* [shelf.new] pairs with [shelf.at]. */
			a_store(&k->st->shelf[k->i], k->s, release);
		}
		if (k->s)
			return true;
		leave(k);
		k->fresh = make_shelf();
		if (!k->fresh)
			return false;
	}
}

/* Not inside any more. */
static void over(struct keeper *k)
{
	free(k->fresh);
	free(k->crate);
}

static struct store *make_store(leat_pool *pool)
{
	struct store *st, *there = NULL;

	if (shelf_start() != 0)
		return NULL;
	st = calloc(1, sizeof(*st));
	if (!st)
		return NULL;
	st->drop = pool->drop;
	st->age = pool->age ? pool->age : LEAT_POOL_AGE;
	/* [shelf.store] pairs with [shelf.get], [shelf.put], [shelf.lost]. */
	if (a_cas(store_of(pool), &there, st, release))
		return st;
	free(st);
	/* [shelf.lost] pairs with [shelf.store]. */
	return a_load(store_of(pool), acquire);
}

/* -- get -- */

/* The last one, if there is any. */
static ALWAYS_INLINE void *last(struct shelf *s)
{
	uint32_t n = d_read(&s->n);

	if (unlikely(n == 0))
		return NULL;
	d_write(&s->n, (uint16_t)--n);
	if (s->low > n)
		s->low = (uint16_t)n;
	return s->item[n];
}

static COLD void *unpacked(struct keeper *k)
{
	return unpack(k) ? last(k->s) : NULL;
}

/* This P has no shelf yet, or P or shelf were just busy. */
static COLD void *get_slow(struct store *st)
{
	struct keeper k = { .st = st };
	void *item = NULL;

	if (enter_made(&k)) {
		item = last(k.s);
		if (!item)
			item = unpacked(&k);
		leave(&k);
	}
	over(&k);
	return item;
}

void *leat_pool_get(leat_pool *pool)
{
	struct keeper k;
	void *item = NULL;

	if (unlikely(!pool))
		no_pool("get");
	/* [shelf.get] pairs with [shelf.store]. */
	k.st = a_load(store_of(pool), acquire);
	if (likely(k.st)) {
		enter(&k);
		if (likely(k.s)) {
			item = last(k.s);
			if (unlikely(!item))
				item = unpacked(&k);
			leave(&k);
		} else {
			leave(&k);
			item = get_slow(k.st);
		}
	}
	if (unlikely(!item) && pool->make)
		item = pool->make(pool->arg);
	return item;
}

/* -- put -- */

static ALWAYS_INLINE bool push(struct shelf *s, void *item)
{
	uint32_t n = d_read(&s->n);

	if (unlikely(n >= a_load(&s->room, relaxed)))
		return false;
	s->item[n] = item;
	d_write(&s->n, (uint16_t)(n + 1));
	return true;
}

/* Make room, and put it there.  False: no memory. */
static bool put_made(struct keeper *k, void *item)
{
	while (enter_made(k)) {
		if (asleep(k->s))
			wake_up(k->st, k->s);

		bool there = push(k->s, item) || (pack(k) && push(k->s, item));

		leave(k);
		if (there)
			return true;
		k->crate = malloc(sizeof(*k->crate));
		if (!k->crate)
			break;
	}
	return false;
}

static COLD void put_slow(leat_pool *pool, struct store *st, void *item)
{
	struct keeper k = { .st = st ? st : make_store(pool) };
	bool there = k.st && put_made(&k, item);

	over(&k);
	if (!there && pool->drop)
		pool->drop(item);
}

void leat_pool_put(leat_pool *pool, void *item)
{
	struct keeper k;
	bool there = false;

	if (unlikely(!pool))
		no_pool("put");
	if (unlikely(!item))
		return;
	/* [shelf.put] pairs with [shelf.store]. */
	k.st = a_load(store_of(pool), acquire);
	if (likely(k.st)) {
		enter(&k);
		there = likely(k.s) && push(k.s, item);
		leave(&k);
	}
	if (unlikely(!there))
		put_slow(pool, k.st, item);
}
