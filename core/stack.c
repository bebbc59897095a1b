/*
 * stack.c - guarded stacks, given to goroutines when they first run.
 *
 *	           P              node               all
 *	         cache  32 at    pool    32 at   slots never used
 *	take <-- [64] <-------- [ ... ] <------- arenas
 *	give --> [64] --------> [ ... ]
 *
 *	sized:   one pool and arenas of its own for each power of two
 *
 * Why stack_take cannot fail.  A slot is with a goroutine, in a cache, in the
 * hands of stack_trim, in a pool, or unused.  Each goroutine has a reservation
 * and each cache holds at most STACK_CACHE, so as long as
 *
 *	slots carved >= reservations + (caches + 1) * STACK_CACHE
 *
 * whoever has a reservation and no stack finds one in a pool or unused.  A
 * reservation is only made when this holds after it; slots are carved, and
 * memory may run out, there and nowhere else.
 */
#include "core/stack.h"

#include "core/arena.h"
#include "core/guard.h"
#include "core/lock.h"
#include "core/os.h"
#include "core/pool.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>

enum {
	HALF = STACK_CACHE / 2,
	COLOURS = 16,
	NODES = 64, /* with a pool of their own; others share */
	SIZES = 17, /* STACK_MIN .. STACK_MAX */
	SIZED_AT_ONCE = 16,
	TRIM_AT_ONCE = STACK_CACHE, /* the "+ 1" above */
	TRIM_MOST = 4096,           /* in one call: a millisecond or two */
	/* Threads may move stacks about while we look for one of those that
	 * must be there; so often they do not. */
	PATIENCE = 1 << 20,
};

_Static_assert(STACK_MIN << (SIZES - 1) == STACK_MAX, "sizes");
_Static_assert((int)NODES + (int)SIZES <= (int)POOLS, "pools");

#define TRIM_AGE 1000000000 /* ns */

/* The default class; the fields below are under arenas.lock. */
static struct {
	struct arenas arenas;
	size_t issued; /* reservations, the caches' credit included */
	size_t caches;
} plain;
static struct pool nodes[NODES];

static struct sized {
	struct arenas arenas;
	struct pool pool;
} sized[SIZES];

static struct {
	struct lock lock;
	int64_t due; /* when what is old may be trimmed */
} trim;

static size_t page_up(size_t n)
{
	return (n + os_page() - 1) & -os_page();
}

void stack_init(size_t size, int caches)
{
	guard_init();
	plain.arenas.size = page_up(size);
	plain.arenas.colours = COLOURS;
	plain.caches = (size_t)caches;
	for (int i = 0; i < SIZES; i++) {
		sized[i].arenas.size = page_up(STACK_MIN << i);
		sized[i].arenas.colours = 1;
	}
}

/* ---- reservations ---- */

/* Slots beyond those that are spoken for. */
static size_t spare(size_t caches)
{
	size_t taken = plain.issued + (caches + 1) * STACK_CACHE;

	return plain.arenas.carved -
	       (plain.arenas.carved < taken ? plain.arenas.carved : taken);
}

/* Carve until n are spare, if there is memory; how many are, n at most. */
static size_t make_spare(size_t caches, size_t n)
{
	size_t want = plain.issued + (caches + 1) * STACK_CACHE + n;
	size_t have = plain.arenas.carved;

	if (have < want)
		arena_carve(&plain.arenas, (uint32_t)(want - have));
	have = spare(caches);
	return have < n ? have : n;
}

static uint32_t issue(uint32_t n)
{
	lock_take(&plain.arenas.lock);
	n = (uint32_t)make_spare(plain.caches, n);
	plain.issued += n;
	lock_drop(&plain.arenas.lock);
	return n;
}

static void redeem(uint32_t n)
{
	lock_take(&plain.arenas.lock);
	check(plain.issued >= n);
	plain.issued -= n;
	lock_drop(&plain.arenas.lock);
}

int stack_caches(int caches)
{
	lock_take(&plain.arenas.lock);
	size_t slots = plain.issued + ((size_t)caches + 1) * STACK_CACHE;
	make_spare((size_t)caches, 0);
	bool enough =
		plain.arenas.carved >= slots || (size_t)caches <= plain.caches;
	if (enough)
		plain.caches = (size_t)caches;
	lock_drop(&plain.arenas.lock);
	return enough ? 0 : -ENOMEM;
}

int stack_credit(struct stack_cache *c)
{
	uint32_t n = issue(STACK_CREDIT);

	if (n == 0)
		return -ENOMEM;
	c->credit = n - 1;
	return 0;
}

void stack_credit_back(struct stack_cache *c)
{
	c->credit -= STACK_CREDIT;
	redeem(STACK_CREDIT);
}

int stack_reserve_shared(void)
{
	return issue(1) ? 0 : -ENOMEM;
}

/* ---- the default class ---- */

static struct pool *pool_of(const struct stack_cache *c)
{
	return &nodes[(uint32_t)c->node % NODES];
}

static uint32_t take_unused(char **top, uint32_t n)
{
	lock_take(&plain.arenas.lock);
	n = arena_take(&plain.arenas, top, n);
	lock_drop(&plain.arenas.lock);
	return n;
}

/* Nearest first: a stack of this node, one that whoever touches it first
 * brings to its node, another node's. */
static uint32_t gather(const struct stack_cache *c, char **top)
{
	uint32_t n = pool_get(pool_of(c), top, HALF);

	if (n == 0)
		n = take_unused(top, HALF);
	for (int i = 0; i < NODES && n == 0; i++)
		n = pool_get(&nodes[i], top, HALF);
	return n;
}

char *stack_refill(struct stack_cache *c)
{
	for (int i = 0; c->n == 0; i++) {
		check(i < PATIENCE);
		c->n = gather(c, c->top);
	}
	return c->top[--c->n];
}

/* The n that have lain longest go to the pool. */
static void spill(struct stack_cache *c, uint32_t n)
{
	pool_put(pool_of(c), c->top, n);
	c->n -= n;
	memmove(c->top, c->top + n, c->n * sizeof *c->top);
}

void stack_spill(struct stack_cache *c)
{
	spill(c, HALF);
}

void stack_flush(struct stack_cache *c, uint32_t keep)
{
	if (c->n > keep)
		spill(c, c->n - keep);
	if (keep == 0 && c->credit > 0) {
		redeem(c->credit);
		c->credit = 0;
	}
}

/* ---- sizes of their own ---- */

size_t stack_round(size_t size)
{
	size_t n = page_up(STACK_MIN);

	while (n < size)
		n *= 2;
	return n;
}

static struct sized *sized_for(size_t size)
{
	for (int i = 0; i < SIZES; i++)
		if (size <= sized[i].arenas.size)
			return &sized[i];
	return NULL;
}

/* More than the default is for few. */
static bool large(const struct arenas *a)
{
	return a->size > plain.arenas.size;
}

static char *take_sized_unused(struct arenas *a)
{
	char *top = NULL;

	lock_take(&a->lock);
	if (arena_take(a, &top, 1) == 0) {
		arena_carve(a, large(a) ? 1 : SIZED_AT_ONCE);
		arena_take(a, &top, 1);
	}
	lock_drop(&a->lock);
	return top;
}

char *stack_take_sized(size_t size)
{
	struct sized *s = sized_for(size);
	char *top;

	if (!s)
		return NULL;
	return pool_get(&s->pool, &top, 1) ? top
					   : take_sized_unused(&s->arenas);
}

/* ---- giving memory back ---- */

static struct iovec memory_of(char *top, size_t size)
{
	char *end = (char *)page_up((uintptr_t)top);

	size = page_up(size);
	return (struct iovec){ end - size, size };
}

void stack_give_sized(char *top)
{
	struct arena_slot slot;

	check(arena_find(top - 1, &slot) && slot.top == top);

	struct sized *s = container_of(slot.of, struct sized, arenas);
	if (large(&s->arenas)) {
		struct iovec all = memory_of(top, s->arenas.size);

		os_advise(&all, 1, MADV_DONTNEED);
		pool_put_cold(&s->pool, &top, 1);
	} else {
		pool_put(&s->pool, &top, 1);
	}
}

/* How many of at most n. */
static size_t trim_pool(struct pool *p, size_t size, size_t n)
{
	struct iovec range[TRIM_AT_ONCE];
	char *top[TRIM_AT_ONCE];
	size_t done = 0;
	uint32_t got = 1;

	while (done < n && got > 0) {
		got = pool_get_old(p, top, TRIM_AT_ONCE);
		for (uint32_t i = 0; i < got; i++)
			range[i] = memory_of(top[i], size);
		os_advise(range, got, MADV_DONTNEED);
		pool_put_cold(p, top, got);
		done += got;
	}
	return done;
}

static size_t trim_all(size_t n)
{
	size_t done = 0;

	for (int i = 0; i < NODES && done < n; i++)
		done += trim_pool(&nodes[i], plain.arenas.size, n - done);
	for (int i = 0; i < SIZES && done < n; i++)
		done += trim_pool(&sized[i].pool, sized[i].arenas.size,
				  n - done);
	return done;
}

static void age_all(void)
{
	for (int i = 0; i < NODES; i++)
		pool_age(&nodes[i]);
	for (int i = 0; i < SIZES; i++)
		pool_age(&sized[i].pool);
}

static size_t warm(void)
{
	size_t n = 0;

	for (int i = 0; i < NODES; i++)
		n += pool_warm(&nodes[i]);
	for (int i = 0; i < SIZES; i++)
		n += pool_warm(&sized[i].pool);
	return n;
}

size_t stack_trim(void)
{
	int64_t now = os_now();

	lock_take(&trim.lock);
	if (now >= trim.due && trim_all(TRIM_MOST) < TRIM_MOST) {
		age_all();
		trim.due = now + TRIM_AGE;
	}
	lock_drop(&trim.lock);
	return warm();
}

struct iovec stack_below(char *top, size_t size, char *sp)
{
	/* A leaf function may use 128 bytes below its sp, by the ABI. */
	uintptr_t end = ((uintptr_t)sp - 128) & -os_page();
	struct iovec range = memory_of(top, size);
	uintptr_t lo = (uintptr_t)range.iov_base;

	range.iov_len = end > lo ? end - lo : 0;
	return range;
}

void stack_trim_below(char *top, size_t size, char *sp)
{
	struct iovec range = stack_below(top, size, sp);

	if (range.iov_len > 0)
		os_advise(&range, 1, MADV_DONTNEED);
}

/* ---- which is which ---- */

bool stack_find(const void *addr, struct stack_bounds *out)
{
	struct arena_slot slot;

	if (!arena_find(addr, &slot))
		return false;
	*out = (struct stack_bounds){ slot.guard, slot.lo, slot.top };
	return true;
}

struct stack_bounds stack_bounds_of(char *top, size_t size)
{
	char *lo = memory_of(top, size).iov_base;

	return (struct stack_bounds){ lo - os_page(), lo, top };
}

const char *stack_guard_kind(void)
{
	return guard_kind();
}

size_t stack_unguarded(void)
{
	return guard_missing();
}
