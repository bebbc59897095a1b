/*
 * things.h - values that are counted, and how many there are.
 */
#ifndef THINGS_H
#define THINGS_H

#include "leat.h"
#include "test.h"

#include <stdatomic.h>
#include <stdlib.h>

struct thing {
	atomic_int refs;
	unsigned key;
};

static atomic_long things;

static inline struct thing *new_thing(unsigned key)
{
	struct thing *t = malloc(sizeof(*t));

	atomic_store(&t->refs, 1);
	t->key = key;
	things++;
	return t;
}

static inline void retain(void *value)
{
	struct thing *t = value;

	EXPECT(atomic_fetch_add(&t->refs, 1) > 0);
}

static inline void release(void *value)
{
	struct thing *t = value;
	int was = atomic_fetch_sub(&t->refs, 1);

	EXPECT(was > 0);
	if (was == 1) {
		free(t);
		things--;
	}
}

static const struct leat_map_kind of_things = { .retain = retain,
						.release = release };

/* Got from the map for a key: still good, and ours. */
static inline void used(struct thing *t, unsigned key)
{
	EXPECT_EQ(t->key, key);
	release(t);
}

#endif
