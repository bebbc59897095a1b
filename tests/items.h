/*
 * items.h - a pool of items that are counted: each is made once, is in one pair
 * of hands, and is dropped once.
 */
#ifndef ITEMS_H
#define ITEMS_H

#include "leat.h"
#include "measure.h"
#include "test.h"

#include <stdatomic.h>

enum { ITEMS = 1 << 20 };

struct item {
	atomic_int holders; /* 1 in somebody's hands */
	int dropped, uses;
};

static struct item item[ITEMS];
static atomic_int made, dropped;

static inline void *make_item(void *unused)
{
	int i = atomic_fetch_add(&made, 1);

	EXPECT(i < ITEMS && !unused);
	return &item[i];
}

static inline void drop_item(void *it)
{
	struct item *i = it;

	EXPECT_EQ(atomic_fetch_add(&i->holders, 1), 0);
	EXPECT_EQ(i->dropped++, 0);
	dropped++;
}

static leat_pool pool = LEAT_POOL(make_item, drop_item);

static inline struct item *get(void)
{
	struct item *i = leat_pool_get(&pool);

	EXPECT(i >= item && i < item + ITEMS);
	EXPECT_EQ(atomic_fetch_add(&i->holders, 1), 0);
	return i;
}

static inline void put(struct item *i)
{
	i->uses++;
	i->holders = 0;
	leat_pool_put(&pool, i);
}

/* -- on some P, within some time -- */

static inline void puts_many(leat_wg *done)
{
	struct item *many[100];

	for (int i = 0; i < 100; i++)
		many[i] = get();
	for (int i = 0; i < 100; i++)
		put(many[i]);
	leat_wg_done(done);
}

/* On a certain P. */
static inline void on(int p, void (*fn)(leat_wg *))
{
	leat_wg done = { 0 };
	const struct leat_attr there = { .place = LEAT_ON_P, .index = p };

	leat_wg_add(&done, 1);
	EXPECT_EQ(leat_go_with(&there, fn, &done), 0);
	leat_wg_wait(&done);
}

static inline bool within(int seconds, bool (*so)(void))
{
	for (int64_t end = now_ns() + seconds * 1000000000ll; !so();) {
		if (now_ns() > end)
			return false;
		leat_sleep(LEAT_MILLISECOND);
	}
	return true;
}

#endif
