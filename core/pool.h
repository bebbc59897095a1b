/*
 * pool.h - stacks, or Gs, that nobody uses, last in first out.
 *
 *	given back          some time later              memory returned
 *	   |                        |                             |
 *	   v        pool_age        v    pool_get_old, _put_cold  v
 *	 young ------------------> old ------------------------> cold
 *	   |                        |                             |
 *	   '-- taken first          '-- then these                '-- then these
 *
 * What is still old has lain there unused since pool_age.
 */
#ifndef CORE_POOL_H
#define CORE_POOL_H

#include "core/lock.h"

#include <stddef.h>
#include <stdint.h>

struct crate;

/* Stacks by their tops, in crates; only the first crate is not full. */
struct pile {
	struct crate *first;
	size_t n;
};

/* All zeroes is empty. */
struct pool {
	struct lock lock;
	struct pile young, old, cold;
};

enum { POOLS = 128 }; /* that may be in use */

/* Allow for n more stacks to lie in pools: 0 or -ENOMEM.  With that done for
 * every stack there is, pool_put cannot fail. */
int pool_room(size_t n);

void pool_put(struct pool *p, char *const *top, uint32_t n);
/* Into the cold ones: their memory has been returned. */
void pool_put_cold(struct pool *p, char *const *top, uint32_t n);
/* Take up to n; how many.  The one used last is top[n - 1]. */
uint32_t pool_get(struct pool *p, char **top, uint32_t n);

/* For trimming: take up to n old ones; make the young ones old, if there are
 * no old ones; how many still have memory. */
uint32_t pool_get_old(struct pool *p, char **top, uint32_t n);
void pool_age(struct pool *p);
size_t pool_warm(struct pool *p);

#endif
