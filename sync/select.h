/*
 * select.h - a select that waits for one more thing, which is no channel.
 *
 *	select               the other thing, when it comes
 *
 *	joins its list
 *	ASLEEP               claims the choice, fires it with the party's index,
 *	  .                  drops its own lock
 *	goes on   <--------- wakes who is ASLEEP
 *	leaves its list
 *
 * A party in such a list is as one in a channel's queue: whoever finds it under
 * the lock of that list may look at the choice.
 */
#ifndef SYNC_SELECT_H
#define SYNC_SELECT_H

#include "leat/select.h"

#include "sync/chan.h"

struct beside {
	/* Puts the party in the list; false: no need, it has come. */
	bool (*join)(struct beside *b, struct m **m);
	/* The party is in the list no more, and whoever took it out has dropped
	 * the lock.  Called even if it never joined. */
	void (*leave)(struct beside *b, struct m **m);
	struct party party; /* not queued */
};

/* The party is out of the list, by who has its lock: who gives up may leave at once,
 * so that it is not touched any more, unless its choice is claimed. */
static inline void beside_out(struct party *n)
{
	/* [beside.out] pairs with [beside.gone]. */
	a_store(&n->queued, false, release);
}

/* Is it still in the list?  If not, nobody touches it. */
static inline bool beside_is_in(struct party *n)
{
	/* [beside.gone] pairs with [beside.out]. */
	return a_load(&n->queued, acquire);
}

/* n if b came, 0 .. n-1 if that case happened, -1 if neither did until then,
 * -ENOMEM. */
int select_beside(struct beside *b, const struct leat_case *cases, int n,
		  int64_t when);

#endif
