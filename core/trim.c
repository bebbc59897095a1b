/*
 * trim.c - a goroutine that went deep and now waits gives its pages back.
 *
 *	lo                    sp              top
 *	| guard | used once, dead | live frames |
 *	         '-- DONTNEED ---'
 *
 *	ran ---- pass ----> SEEN ---- next pass, still waiting ----> trimmed
 *	 ^                                                              |
 *	 '------------------------- runs again -------------------------'
 *
 * What lies below the saved sp is dead in C, and the next touch finds zero
 * pages.  A pass walks some of all Gs and stops when its time is over, so it
 * costs little however many there are and however busy the machine is; one
 * that waits is trimmed once, a second or more after it began to wait.
 */
#include "core/trim.h"

#include "core/g.h"
#include "core/live.h"
#include "core/os.h"
#include "core/stack.h"

#include <sys/mman.h>

#define NS_PER_S 1000000000

struct lock trim_holds;

enum {
	BATCH = 8,      /* held at a time: whoever is woken meanwhile waits */
	WALK = 8192,    /* Gs looked at in a pass, at most, ... */
	PASS = 200000,  /* ... and how long one may take, in ns, ... */
	LOOK = 256,     /* ... by a clock looked at after so many; */
	DEAR = 50000,   /* but a batch this long has given much back, ... */
	MOST = 5000000, /* ... and its time does not count, up to this */
};

static struct {
	size_t at;     /* where the next pass begins */
	size_t missed; /* seen in this round and not trimmed */
	size_t left;   /* the same of the round before */
} walk;

static bool waits(struct g *g)
{
	return a_load(&g->state, relaxed) == G_WAITING;
}

static size_t trim_batch(struct g **g, size_t n)
{
	struct iovec range[BATCH];
	size_t held = 0, ranges = 0;

	for (size_t i = 0; i < n; i++)
		live_announce(&g[i]->rest);
	a_heavy();
	for (size_t i = 0; i < n; i++) {
		if (!live_hold(&g[i]->ctx.live, &g[i]->rest))
			continue;
		g[held++] = g[i];
		if (!waits(g[i]))
			continue;
		range[ranges] = stack_below(g[i]->stack, g[i]->stack_size,
					    g[i]->ctx.sp);
		ranges += range[ranges].iov_len > 0;
	}
	os_advise(range, ranges, MADV_DONTNEED);
	for (size_t i = 0; i < held; i++)
		live_let_go(&g[i]->rest, REST_DONE);
	return held;
}

/* Is g for this pass?  A first visit only leaves a mark. */
static bool due(struct g *g, int64_t now)
{
	if (!waits(g))
		return false;
	switch (a_load(&g->rest, relaxed)) {
	case REST_NONE:
		a_store(&g->since, (uint32_t)(now / NS_PER_S), relaxed);
		/* [trim.seen] pairs with [dump.hold]: since when. */
		a_store(&g->rest, REST_SEEN, release);
		walk.missed++;
		return false;
	case REST_SEEN:
		return true;
	default:
		return false;
	}
}

static void round_over(void)
{
	walk.at = 0;
	walk.left = walk.missed;
	walk.missed = 0;
}

/* How long it took, if it was worth that; else 0. */
static int64_t dear_batch(struct g **g, size_t n, size_t *done)
{
	int64_t took = os_now();

	*done += trim_batch(g, n);
	took = os_now() - took;
	return took > DEAR ? took : 0;
}

size_t trim_waiting(void)
{
	int64_t now = os_now(), end = now + PASS, last = now + MOST;
	struct g *batch[BATCH];
	size_t n = 0, done = 0;

	if (!lock_try(&trim_holds))
		return 1;
	for (int i = 0; i < WALK && now < end && now < last; i++) {
		struct g *g = g_at(walk.at);

		if (!g) {
			round_over();
			break;
		}
		walk.at++;
		if (due(g, now))
			batch[n++] = g;
		if (n == BATCH) {
			end += dear_batch(batch, n, &done);
			n = 0;
		} else if (i % LOOK != 0) {
			continue;
		}
		now = os_now();
	}
	done += trim_batch(batch, n);
	lock_drop(&trim_holds);
	return walk.at > 0 || done > 0 ? 1 : walk.left;
}
