/*
 * shelf.h - where the items of a pool lie.
 *
 *	P 0              P 1              P 2          who is without a P
 *	[ 13 items ]     [ 13 items ]     [        ]   [ 13 items ]   shelves
 *	   |   ^ 7           |                ^             |
 *	 7 v   |             v      7         |             v
 *	 [7] [7]            [7] --------------'                       crates
 *
 * A shelf is its P's alone: get and put are plain loads and stores there.  One
 * that is full packs its oldest 7 into a crate; one that is empty unpacks a
 * crate, its own or another's.  So there are two or three locked operations for 7
 * items at worst, and what one P has too much of is there for the others.  Whoever
 * takes a crate elsewhere leaves an empty one there, if he has one: where one P
 * only puts and another only gets, the same few go around.
 *
 *	field              who touches it
 *	own                by its rules (core/own.h): the P's thread is the
 *	                   owner, and inside only here; who ages items claims
 *	room .. item       the owner of the shelf
 *	least .. empty     who has the lock
 *	store.full, words  who has that shelf's lock, or makes it; hints to all
 *	store.shelf[i]     made by i's owner, for good; read by all
 *
 * Threads that are not the runtime's, and those whose P was taken in a blocking
 * call, share shelf 0: the one who has the door locked is its owner.
 *
 * Ageing: low and least are the fewest items, and crates, that there were since
 * it last came by: so many, the oldest, were not needed meanwhile (those crates
 * that lie below `above`, so that nobody has to count).  A shelf where
 * nothing is left goes to sleep: its room is 0, so that the next put notices.
 * The store is looked after for as long as any of its shelves is awake.
 *
 * Invariant: an item is in one place: in one shelf's item[0 .. n), in one crate
 * of one list, or with one caller.  Each move is made by who owns both ends.
 * Memory: shelves are freed by leat_pool_free alone; the store by that, or by the
 * ageing thread, if it holds it then; a crate by whoever has taken it out of its
 * list.
 */
#ifndef SYNC_SHELF_H
#define SYNC_SHELF_H

#include "leat/mutex.h"
#include "leat/pool.h"

#include "core/lock.h"
#include "core/own.h"
#include "core/park.h"

/* With so many a shelf's own part is a line of 128 bytes, and a crate one of 64. */
#ifndef SHELVES
#define SHELVES     (1 + TOPOLOGY_PROCS_MAX)
#define SHELF_ITEMS 13
#define SHELF_CRATE 7
#endif
#define SHELF_WORDS ((SHELVES + 63) / 64)

struct crate {
	struct crate *next;
	void *item[SHELF_CRATE];
};

struct shelf {
	_Alignas(CPU_LINE) struct own own;
	_Atomic uint16_t room; /* 0: asleep; else SHELF_ITEMS */
	uint16_t n, low;
	struct crate *spare; /* empty ones */
	void *item[SHELF_ITEMS];

	_Alignas(CPU_LINE) struct lock lock;
	uint32_t least;
	_Atomic uint32_t crates; /* its owner looks at it without the lock */
	struct crate *top, *above, *empty;
};

struct store {
	_Atomic(struct shelf *) shelf[SHELVES];
	_Atomic uint64_t full[SHELF_WORDS]; /* a bit for each with crates */
	_Atomic uint32_t words;             /* of these, that are in use */
	struct lock door;

	void (*drop)(void *item);
	int64_t age;
	leat_mutex ageing; /* items of it are just being dropped for that */

	/* By the lock of those that are looked after. */
	struct store *next;
	int64_t due;
	uint32_t awake; /* shelves */
	bool listed, held, over;
};

/* NULL: none was made there yet. */
static ALWAYS_INLINE struct shelf *shelf_at(struct store *st, uint32_t i)
{
	/* [shelf.at] pairs with [shelf.new]. */
	return a_load(&st->shelf[i], acquire);
}

/* The oldest n items go there.  Its owner. */
void shelf_out(struct shelf *s, void **to, uint32_t n);

/* So many crates there are now: with the lock. */
void shelf_count(struct store *st, uint32_t i, struct shelf *s,
		 uint32_t crates);

/* Look after the store from now on, for one shelf more.  Its owner, inside. */
void shelf_wakes(struct store *st);

/* Start the thread that does so, once: 0, -EAGAIN. */
int shelf_start(void);

#endif
