/*
 * stack.h - guarded stacks, given to goroutines when they first run.
 *
 *	arena (one mapping)
 *	| guard | slot ....... top | guard | slot ....... top | ...
 *
 * Every goroutine that exists holds a reservation (stack_reserve), so that
 * stack_take, much later, cannot fail.  Stacks are named by their top, the
 * address just past the last byte; they grow down to their guard.
 *
 *	who             takes from                  when it is empty / full
 *	a P             its own cache, LIFO         the pool of its node
 *	the pool        stacks given back           slots carved and not yet used
 *
 * Thread safety: a cache belongs to one P; everything else is for all.
 */
#ifndef CORE_STACK_H
#define CORE_STACK_H

#include "core/base.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

enum { STACK_CACHE = 64, STACK_CREDIT = 64 };

#define STACK_MIN     (16ul << 10)
#define STACK_DEFAULT (256ul << 10)
#define STACK_MAX     (1ul << 30)

/* All zeroes but the node is empty. */
struct stack_cache {
	uint32_t n;
	uint32_t credit; /* reservations made and not used yet */
	int node;
	char *top[STACK_CACHE];
};

/* What a stack is: its guard, the lowest usable byte, the top. */
struct stack_bounds {
	char *guard, *lo, *hi;
};

/* Set the size of the default class, probe how guards can be made, and allow
 * for `caches` caches.  Before any other call.  The guard is not part of the
 * size, but to place it well a stack gives up to 2 KiB of its size away. */
void stack_init(size_t size, int caches);
/* Caches were added, or emptied by stack_flush(c, 0) and removed
 * (leat_procs_set): 0 or -ENOMEM. */
int stack_caches(int caches);

int stack_credit(struct stack_cache *c);
void stack_credit_back(struct stack_cache *c);
char *stack_refill(struct stack_cache *c);
void stack_spill(struct stack_cache *c);

/* The right to one stack of the default class: 0 or -ENOMEM.  Fast: it is
 * taken from the cache's credit.  Given back by stack_unreserve. */
static inline int stack_reserve(struct stack_cache *c)
{
	return unlikely(c->credit == 0) ? stack_credit(c) : (c->credit--, 0);
}

static inline void stack_unreserve(struct stack_cache *c)
{
	if (unlikely(++c->credit > 2 * STACK_CREDIT))
		stack_credit_back(c);
}

/* The same without a cache, for threads that have no P. */
int stack_reserve_shared(void);

/* A stack of the default class; the caller has reserved it. */
static inline char *stack_take(struct stack_cache *c)
{
	return unlikely(c->n == 0) ? stack_refill(c) : c->top[--c->n];
}

static inline void stack_give(struct stack_cache *c, char *top)
{
	if (unlikely(c->n == STACK_CACHE))
		stack_spill(c);
	c->top[c->n++] = top;
}

/* A stack of a size of its own, up to STACK_MAX: NULL if there is no memory.
 * All of stack_round(size) is usable.  No reservation. */
char *stack_take_sized(size_t size);
void stack_give_sized(char *top);
/* The next power of two, at least STACK_MIN and a page. */
size_t stack_round(size_t size);

/* Before a P sleeps: keep at most `keep` stacks in its cache, pool the rest;
 * if none are kept, the credit goes too. */
void stack_flush(struct stack_cache *c, uint32_t keep);
/* Return the memory (not the address space) of stacks that have lain in a pool
 * for a second.  Keeps that pace by itself, and to a few milliseconds a call.
 * How many pooled stacks still have memory: 0, there is nothing left to do. */
size_t stack_trim(void);
/* Return the memory below sp of a stack whose goroutine is parked; the caller
 * guarantees that it stays parked.  Pages at and above sp are kept. */
void stack_trim_below(char *top, size_t size, char *sp);
/* That memory, for whoever gives back many at once. */
struct iovec stack_below(char *top, size_t size, char *sp);

/* Which stack holds this address, its guard included?  Safe in a signal
 * handler. */
bool stack_find(const void *addr, struct stack_bounds *out);
/* The same for a known stack; size is stack_round's, or stack_init's. */
struct stack_bounds stack_bounds_of(char *top, size_t size);

/* How guards are made here: "madvise", "mprotect", or "none" once some stacks
 * have none (said once on stderr) and how many those are. */
const char *stack_guard_kind(void);
size_t stack_unguarded(void);

#endif
