/*
 * cond.h - wait until something that a mutex protects has changed.
 *
 *	leat_mutex_lock(&q.mu);                 leat_mutex_lock(&q.mu);
 *	while (q.n == 0)                        put(&q, job);
 *		leat_cond_wait(&q.more, &q.mu); leat_cond_signal(&q.more);
 *	job = take(&q);                         leat_mutex_unlock(&q.mu);
 *	leat_mutex_unlock(&q.mu);
 *
 * Who waits gives the mutex up and has it again when it goes on; in between others
 * may have had it, so what was waited for is looked at again.  Nobody goes on
 * without having been told to, or being out of time.
 *
 * All-zero is ready to use; there is nothing to destroy.  It belongs to the caller
 * and must stay in place (not be copied) while anybody uses it; it may be freed when
 * all who waited have gone on and nobody is about to tell.  All who wait at one
 * time name the same mutex.  Every call works from any number of goroutines and from
 * threads that are not the runtime's.  A channel that is closed, or a select, is
 * often the simpler way.
 *
 * After Go's sync.Cond; misuse is fatal and ends the process with status 2.  In a
 * library built with MODE=debug, asan or tsan that includes "sync.Cond is copied".
 */
#ifndef LEAT_COND_H
#define LEAT_COND_H

#include "leat/mutex.h"
#include "leat/time.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct leat_cond {
	uint64_t state; /* private: does anybody wait */
	void *waiters;  /* private: who, first come first */
} leat_cond;

/* Unlock the mutex, which is locked, and wait; lock it again.  What happened
 * before a signal or broadcast that ends the wait happens before its return. */
void leat_cond_wait(leat_cond *cond, leat_mutex *mu);

/* The same, waiting to be told no longer than until then: 0, or -ETIMEDOUT; the
 * mutex is locked in any case, however long that takes.  -ENOMEM: there is no memory
 * for the timer, and it has not been unlocked.  leat_cond_wait_ctx (context.h)
 * waits until a context is cancelled. */
int leat_cond_wait_until(leat_cond *cond, leat_mutex *mu, leat_time when);

/* Tell who has waited longest, if anybody does; all who wait.  The mutex need not
 * be locked.  Never waits. */
void leat_cond_signal(leat_cond *cond);
void leat_cond_broadcast(leat_cond *cond);

#ifdef __cplusplus
}
#endif

#endif
