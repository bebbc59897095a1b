/*
 * arena.h - slots for stacks of one size, carved from address space.
 *
 *	base                                          + n * pitch
 *	| guard | .......... top | guard | .......... top | ...
 *	  page        size         page        size
 *
 *	slots     0 ......... fresh ............. carved .............. n
 *	          handed out  |   guarded, free   |   not guarded yet   |
 *
 * The pitch is an odd number of pages on purpose: with a power of two, all
 * stacks would share one set of the TLB.  Likewise the tops are spread over
 * half a page, 128 bytes apart, lest all stacks share a few sets of the L1
 * cache: a ring of 32 to 2,000 stacks is walked two to three times faster.
 */
#ifndef CORE_ARENA_H
#define CORE_ARENA_H

#include "core/lock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

/* All stacks of one size.  lock is for the functions that say so. */
struct arenas {
	struct lock lock;
	size_t size;      /* of a slot without its guard */
	uint32_t colours; /* ways to place a top; the stack loses the rest */
	size_t carved;    /* slots made so far */
	size_t mapped;    /* slots there is address space for */
	struct arena *fresh, *last;
};

/* A slot, whether handed out or not. */
struct arena_slot {
	struct arenas *of;
	char *guard, *lo, *top;
};

/* Carve n more slots, lock held: 0, or -ENOMEM and maybe some were carved. */
int arena_carve(struct arenas *a, uint32_t n);
/* Hand out up to n fresh slots, lock held. */
uint32_t arena_take(struct arenas *a, char **top, uint32_t n);

/* The slot around an address, its guard included; signal-safe. */
bool arena_find(const void *addr, struct arena_slot *out);

#endif
