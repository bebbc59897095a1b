/*
 * arena.c - slots for stacks of one size, carved from address space.
 *
 *	arenas of a size   fresh --> . --> . --> last      one mapping each,
 *	                   64 MiB   64    128    256       4 GiB at most
 *
 * Each new arena doubles what there is of its size, so that a small process
 * stays small and a million stacks live in fourteen mappings.  Where so much
 * is not to be had (RLIMIT_AS), half as much is asked for.
 *
 * Arenas are never unmapped, and the table of them only grows: a signal
 * handler may read it at any time.
 */
#include "core/arena.h"

#include "core/atomic.h"
#include "core/base.h"
#include "core/guard.h"
#include "core/os.h"
#include "core/pool.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/uio.h>

enum {
	ARENAS = 4096,
	BATCH = 64,      /* guards in one call */
	COLOUR = 128,    /* bytes between two neighbouring tops */
	SLOTS_MOST = 64, /* of the largest stacks, in one arena */
};

#define ARENA_LEAST (64ul << 20)
#define ARENA_MOST  (4ul << 30)

struct arena {
	/* Fixed once published. */
	struct arenas *of;
	char *base;
	size_t pitch;
	uint32_t n;

	/* The lock of `of`. */
	uint32_t fresh, carved;
	struct arena *next;
};

static struct lock table_lock;
static struct arena table[ARENAS];
static _Atomic uint32_t published;

static size_t max(size_t a, size_t b)
{
	return a > b ? a : b;
}

static char *slot(const struct arena *s, uint32_t i)
{
	return s->base + i * s->pitch;
}

static char *top(const struct arena *s, uint32_t i)
{
	return slot(s, i) + s->pitch - i % s->of->colours * COLOUR;
}

/* Address space for about as many slots as there are: how many. */
static uint32_t map(const struct arenas *a, size_t pitch, char **base)
{
	size_t least = max(ARENA_LEAST / pitch, 1);
	size_t most = max(ARENA_MOST / pitch, SLOTS_MOST);
	size_t n = max(a->mapped, least);

	for (n = n > most ? most : n; n >= max(least / 4, 1); n /= 2) {
		*base = os_map(n * pitch, os_page());
		if (*base)
			return (uint32_t)n;
	}
	return 0;
}

/* One huge page under a stack would cost 2 MiB where 4 KiB are used. */
static void prepare(const struct arena *s)
{
	struct iovec all = { s->base, s->n * s->pitch };

	os_advise(&all, 1, MADV_NOHUGEPAGE);
	os_name(s->base, s->n * s->pitch, "leat stack");
}

static struct arena *publish(struct arenas *a, char *base, size_t pitch,
			     uint32_t n)
{
	struct arena *s = NULL;
	uint32_t i;

	lock_take(&table_lock);
	i = a_load(&published, relaxed);
	if (i < ARENAS) {
		s = &table[i];
		*s = (struct arena){
			.of = a, .base = base, .pitch = pitch, .n = n
		};
		/* [arena.publish] pairs with [arena.find]: the entry comes
		 * before the count that covers it. */
		a_store(&published, i + 1, release);
	}
	lock_drop(&table_lock);
	return s;
}

static bool grow(struct arenas *a)
{
	size_t pitch = a->size + os_page();
	char *base;
	uint32_t n;

	if (a_load(&published, relaxed) == ARENAS)
		return false;
	n = map(a, pitch, &base);
	if (n == 0)
		return false;

	struct arena *s = pool_room(n) ? NULL : publish(a, base, pitch, n);
	if (!s) {
		os_unmap(base, n * pitch);
		return false;
	}
	prepare(s);
	a->mapped += n;
	if (a->last)
		a->last->next = s;
	else
		a->fresh = s;
	a->last = s;
	return true;
}

static int carve(struct arena *s, uint32_t n)
{
	struct iovec guard[BATCH];
	size_t page = os_page();

	for (uint32_t i = 0; i < n; i++)
		guard[i] = (struct iovec){ slot(s, s->carved + i), page };

	int failed = guard_install(guard, n);
	if (failed)
		return failed;
	s->carved += n;
	s->of->carved += n;
	return 0;
}

int arena_carve(struct arenas *a, uint32_t n)
{
	int failed = 0;

	while (n > 0 && !failed) {
		struct arena *s = a->last;
		uint32_t here = s ? s->n - s->carved : 0;

		if (here == 0) {
			failed = grow(a) ? 0 : -ENOMEM;
			continue;
		}
		here = here < n ? here : n;
		here = here < BATCH ? here : BATCH;
		failed = carve(s, here);
		n -= here;
	}
	return failed;
}

uint32_t arena_take(struct arenas *a, char **tops, uint32_t n)
{
	uint32_t i = 0;

	for (struct arena *s = a->fresh; s && i < n; s = s->next) {
		a->fresh = s;
		while (i < n && s->fresh < s->carved)
			tops[i++] = top(s, s->fresh++);
	}
	return i;
}

bool arena_find(const void *addr, struct arena_slot *out)
{
	/* [arena.find] pairs with [arena.publish]. */
	uint32_t n = a_load(&published, acquire);

	for (const struct arena *s = table; s < table + n; s++) {
		uintptr_t i = (uintptr_t)addr - (uintptr_t)s->base;

		i /= s->pitch;
		if (i >= s->n)
			continue;
		*out = (struct arena_slot){
			.of = s->of,
			.guard = slot(s, (uint32_t)i),
			.lo = slot(s, (uint32_t)i + 1) - s->of->size,
			.top = top(s, (uint32_t)i),
		};
		return true;
	}
	return false;
}
