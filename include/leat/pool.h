/*
 * pool.h - things that are dear to make, kept for whoever needs one next.
 *
 *	static leat_pool buffers = LEAT_POOL(new_buffer, free);
 *
 *	struct buffer *b = leat_pool_get(&buffers);     one that lies there, or
 *	fill(b);                                        new_buffer(NULL)
 *	leat_pool_put(&buffers, b);
 *
 * A set from which anybody takes anything: which one he gets is not said, nor
 * that he gets one that lies there.  Each P keeps the last few for itself, at no
 * cost in locked operations, and what it has too much of where all others find
 * it.  What has lain unused for long is dropped; nobody needs to know how many
 * there should be.
 *
 *	            get              put
 *	  make ----------> in use <--------> lies in the pool
 *	                                          |  unused for LEAT_POOL_AGE, and
 *	                                          |  up to twice that more; or
 *	                                          v  leat_pool_free
 *	                                        drop
 *
 * An item is the caller's from get to put, and the pool's from put to get or
 * drop; each is got, or dropped, once.  What was done to it before a put happens
 * before the get that returns it, or its drop.
 *
 * All-zero is ready to use: a pool that makes and drops nothing.  It belongs to
 * the caller and must stay in place (not be copied) once it was used; it ends, if
 * it is to, with leat_pool_free.  A nil pool is a fatal error.  Every call works
 * from any number of goroutines and from threads that are not the runtime's; get
 * (whose make must not use Leat then) and put also inside leat_block.  None waits
 * for anybody, but for what make does, and but for leat_pool_free.  After a fork a
 * child must not use the pools of its parent.
 *
 * After Go's sync.Pool, where the garbage collector drops; and after Bonwick and
 * Adams (Magazines and Vmem, 2001) where this one differs: in crates that go
 * from P to P as a whole, and in that only what was not touched for a while goes.
 */
#ifndef LEAT_POOL_H
#define LEAT_POOL_H

#include "leat/time.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct leat_pool {
	void *store; /* private */

	/* The rest is the caller's to set, before the first use. */
	void *(*make)(void *arg); /* called by get, where there is nothing; may
				     wait.  NULL: get returns NULL then */
	void (*drop)(void *item); /* NULL: nobody needs to be told */
	void *arg;                /* for make */
	leat_duration age;        /* 0: LEAT_POOL_AGE; less: for ever */
} leat_pool;

#define LEAT_POOL_AGE (10 * LEAT_SECOND)

/* The initialiser of a pool with these two functions. */
#define LEAT_POOL(its_make, its_drop)                 \
	{                                             \
		NULL, (its_make), (its_drop), NULL, 0 \
	}

/* One that lies there, of those nearest by the last that was put, or what make
 * returns. */
void *leat_pool_get(leat_pool *pool);

/* It lies there from now on; NULL is no item, and nothing is done.  Where there
 * is no memory to keep it in, or no thread could be started for the first pool of
 * the process, it is dropped. */
void leat_pool_put(leat_pool *pool, void *item);

/* Drop all that lies there; for nobody uses the pool any more.  It is ready
 * again.  Waits while items of it that are too old are just being dropped.
 *
 * drop is called here, by put as said there, and on a thread of the library's
 * own, which serves all pools, by the real clock, with all signals blocked: it may
 * use pools, this one too, but not free it, and should not wait for long.  What it
 * puts there while this drops the rest, stays. */
void leat_pool_free(leat_pool *pool);

#ifdef __cplusplus
}
#endif

#endif
