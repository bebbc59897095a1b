/*
 * g.h - G: a goroutine.
 *
 *	        leat_go                 dispatched
 *	 DEAD ----------> RUNNABLE <---------------> RUNNING
 *	  ^                   ^        yielded          |  |
 *	  |                   |                    park |  | returned
 *	  |                   '------- WAITING <--------'  |
 *	  |                      ready                     |
 *	  '------------------------------------------------'
 *
 *	state      where it is found        who owns the stack
 *	DEAD       a free list              nobody; it has none
 *	RUNNABLE   a run queue              nobody; none before the first run
 *	RUNNING    m->g of some thread      that thread
 *	WAITING    the object waited for    nobody
 *
 * ctx.live says when a context may be resumed: it is 1 from the dispatch until
 * the switch away has saved the registers, so a goroutine that was queued or
 * readied a moment too early is waited for, never run twice.
 *
 * Gs are type-stable: their memory is never unmapped nor used for anything
 * else, so a stale pointer reads a G, and all of them can be walked.
 */
#ifndef CORE_G_H
#define CORE_G_H

#include "arch/arch.h"
#include "core/atomic.h"
#include "core/base.h"

#include "leat/panic.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum g_state { G_DEAD, G_RUNNABLE, G_RUNNING, G_WAITING };

/* What a WAITING goroutine waits for; the words are Go's. */
enum g_reason {
	G_NOTHING,
	G_WAIT_GROUP,       /* "sync.WaitGroup.Wait" */
	G_YIELD,            /* runnable by its own will */
	G_CHAN_SEND,        /* "chan send" */
	G_CHAN_RECEIVE,     /* "chan receive" */
	G_CHAN_SEND_NIL,    /* "chan send (nil chan)" */
	G_CHAN_RECEIVE_NIL, /* "chan receive (nil chan)" */
	G_SELECT,           /* "select" */
	G_SELECT_NONE,      /* "select (no cases)" */
	G_SLEEP,            /* "sleep" */
	G_COND,             /* "sync.Cond.Wait" */
	G_MUTEX,            /* "sync.Mutex.Lock" */
	G_RWMUTEX,          /* "sync.RWMutex.Lock" */
	G_RWMUTEX_READ,     /* "sync.RWMutex.RLock" */
	G_SEMA,             /* "semaphore.Acquire" */
};

struct m;

struct g {
	/* Touched at every dispatch. */
	struct arch_context ctx;
	struct g *next;    /* in whatever list it stands */
	char *stack;       /* top; NULL before the first run */
	size_t stack_size; /* usable bytes below the top */
	struct m *bound;   /* runs on this thread only, or NULL */
	_Atomic uint64_t id;
	_Atomic uint8_t state;
	uint8_t reason;
	uint16_t pins;         /* leat_pin, not yet undone */
	uint16_t thread_locks; /* leat_thread_lock, not yet undone */
	bool sized;            /* the stack is of a size of its own */
	bool excepted;         /* the two below are in use; carry.h */
	int err;               /* errno, while it does not run */
	unsigned on_their_way; /* C++ exceptions, likewise */
	const void *on;        /* the word that it waits at */
	_Atomic uint32_t rest; /* live.h */

	/* Touched by who looks at all there are. */
	_Atomic uint32_t since; /* s; waits, at least: if rest says so */
	uint32_t told;          /* by that dump; dump.c */

	/* Touched at its birth and its end. */
	_Alignas(CPU_LINE) struct arch_call call;
	struct m *(*at_end)(struct m *m, void *arg, uintptr_t result);
	void *at_end_arg;
	const char *name;
	uint64_t parent;            /* id of the goroutine that started it */
	const void *site;           /* and where in its code; NULL: unknown */
	void *fiber;                /* of the sanitizer in use */
	struct leat_defers_ defers; /* empty at both */
	void *caught;               /* C++ exceptions, while it does not run */
};

enum { G_CACHE = 128 };

/* Free Gs and unused ids of one P. */
struct g_cache {
	uint32_t n;
	uint64_t id, id_end;
	struct g *g[G_CACHE];
};

/* More of either, half of it away: the rare cases of the two below. */
bool g_refill(struct g_cache *c);
void g_new_ids(struct g_cache *c);
void g_spill(struct g_cache *c, uint32_t n);

/* A G for a new goroutine: NULL if there is no memory.  From a cache, which
 * belongs to the caller's P, or from the pool. */
static ALWAYS_INLINE struct g *g_take(struct g_cache *c)
{
	if (unlikely(c->n == 0) && !g_refill(c))
		return NULL;
	if (unlikely(c->id == c->id_end))
		g_new_ids(c);

	struct g *g = c->g[--c->n];

	a_store(&g->id, c->id++, relaxed);
	return g;
}

struct g *g_take_shared(void);

/* The end of one: to the cache. */
static ALWAYS_INLINE void g_give(struct g_cache *c, struct g *g)
{
	if (unlikely(c->n == G_CACHE))
		g_spill(c, G_CACHE / 2);
	c->g[c->n++] = g;
}

void g_give_shared(struct g *g);
/* Everything in the cache goes back to the pool. */
void g_cache_drain(struct g_cache *c);

/* Walk all Gs that were ever made: the i-th, or NULL beyond the last. */
struct g *g_at(size_t i);

#endif
