/*
 * rwmutex.h - one who writes, or any number who read.
 *
 *	static leat_rwmutex gate;       all-zero: unlocked
 *
 *	leat_rwmutex_rlock(&gate);      others may read, too
 *	price = table[i];
 *	leat_rwmutex_runlock(&gate);
 *
 *	leat_rwmutex_lock(&gate);       nobody else is here
 *	table[i] = price;
 *	leat_rwmutex_unlock(&gate);
 *
 *	                 while some read          while one writes
 *	to read          goes on; waits, if a     waits until that one is done
 *	                 writer waits
 *	to write         waits until all are      waits for its turn
 *	                 done
 *
 * Neither side starves: whoever comes to read while a writer waits is let in when
 * that writer is done, before the next one (phase-fair).  So who reads must not
 * lock it to read again: a writer that came in between waits for the first, and
 * the second for the writer.
 *
 * A lock that is often read and seldom written to is read without any operation
 * that other CPUs notice, however many read it; to write costs more then (the first
 * lock to write after LEAT_RWMUTEX_STREAK to read tells all CPUs, some microseconds).
 * That is so for 16,383 locks of a process, counted by address; others are counted
 * in the lock itself.
 *
 * All-zero is ready to use; there is nothing to destroy.  It belongs to the
 * caller and must stay in place (not be copied, nor moved) from its first use on;
 * whoever has had it last to write may free it, once it is unlocked.  A lock has no owner:
 * one goroutine may lock it and another unlock it.  Every call works from any
 * number of goroutines and from threads that are not the runtime's.  What happened
 * before an unlock happens before the return of each lock that comes after it, to
 * write or to read; what happened before an unlock of who read, before the next
 * one to write.
 *
 * After Go's sync.RWMutex, whose words the fatal errors speak; they end the process
 * with status 2.  In a library built with MODE=debug, asan or tsan a lock that was
 * copied after its first use is one: "sync: RWMutex is copied".
 */
#ifndef LEAT_RWMUTEX_H
#define LEAT_RWMUTEX_H

#include "leat/mutex.h"
#include "leat/time.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct leat_rwmutex {
	uint64_t state;      /* private: how many read, does one write */
	void *waiters;       /* private: who waits for the phase to end */
	leat_mutex writers_; /* private: one of them at a time */
	uint32_t column_;    /* private: who counts its readers */
	uint32_t streak_;    /* private: locks to read without one to write */
} leat_rwmutex;

#define LEAT_RWMUTEX_STREAK 1000

/* Wait until nobody reads or writes, and lock it to write. */
void leat_rwmutex_lock(leat_rwmutex *rw);

/* Wait until nobody writes, and lock it to read. */
void leat_rwmutex_rlock(leat_rwmutex *rw);

/* The same if that is possible at once; false: it is not, or another one tries to
 * lock it to write at the same moment.  Never waits. */
bool leat_rwmutex_try_lock(leat_rwmutex *rw);
bool leat_rwmutex_try_rlock(leat_rwmutex *rw);

/* The same, waiting no longer than until then: 0, or -ETIMEDOUT; at once if `when`
 * is past.  -ENOMEM: there is no memory for the timer.  A writer that gives up lets
 * those in who came to read after it.  leat_rwmutex_lock_ctx and
 * leat_rwmutex_rlock_ctx (context.h) wait until a context is cancelled. */
int leat_rwmutex_lock_until(leat_rwmutex *rw, leat_time when);
int leat_rwmutex_rlock_until(leat_rwmutex *rw, leat_time when);

/* Unlock it after writing, and after reading.  Does not wait.  "sync: Unlock of
 * unlocked RWMutex" and "sync: RUnlock of unlocked RWMutex" are fatal; the latter
 * may be found only by who locks it to write. */
void leat_rwmutex_unlock(leat_rwmutex *rw);
void leat_rwmutex_runlock(leat_rwmutex *rw);

#ifdef __cplusplus
}
#endif

#endif
