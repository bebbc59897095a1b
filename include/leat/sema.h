/*
 * sema.h - so many at once.
 *
 *	static leat_sema memory = LEAT_SEMA(1000);      MiB, say
 *
 *	leat_sema_acquire(&memory, job->size);
 *	work(job);
 *	leat_sema_release(&memory, job->size);
 *
 * There are as many permits as the initialiser says; all-zero has none.  They are
 * given in the order of coming: who asks for many is not starved by those who ask
 * for few and come later, but these wait behind it.  There is nothing to destroy.  It
 * belongs to the caller and must stay in place (not be copied) while anybody uses
 * it; it may be freed by whoever holds all permits.  A permit has no owner: one
 * goroutine may acquire it and another release it.  Every call works from any
 * number of goroutines and from threads that are not the runtime's.  What happened
 * before a release happens before the return of an acquire that needed it.
 *
 * After semaphore.Weighted of golang.org/x/sync, whose words the panics and fatal errors
 * speak; they end the process with status 2.
 */
#ifndef LEAT_SEMA_H
#define LEAT_SEMA_H

#include "leat/time.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct leat_sema {
	uint64_t state; /* private: permits, who waits */
	void *waiters;  /* private: first come first */
	uint32_t size;  /* how many permits there are */
} leat_sema;

#define LEAT_SEMA_MOST INT32_MAX

/* The initialiser of one with n permits, from 0 to LEAT_SEMA_MOST. */

#ifdef __cplusplus
#define LEAT_SEMA(n)                                                  \
	{                                                             \
		(uint64_t)(uint32_t)(n) << 32, nullptr, (uint32_t)(n) \
	}
#else
#define LEAT_SEMA(n)                                                \
	{                                                           \
		.state = (uint64_t)(uint32_t)(n) << 32, .size = (n) \
	}
#endif

/* The same at run time, before anybody uses it; n from 0 to LEAT_SEMA_MOST, or it
 * is fatal. */
void leat_sema_init(leat_sema *sema, int32_t n);

/* Wait until there are n permits, and it is our turn; take them.  More than there
 * will ever be: waits for ever.  A negative n is fatal, here and below. */
void leat_sema_acquire(leat_sema *sema, int32_t n);

/* The same if that is possible at once; false: it is not.  Never waits. */
bool leat_sema_try_acquire(leat_sema *sema, int32_t n);

/* leat_sema_acquire, waiting no longer than until then: 0, or -ETIMEDOUT, with
 * nothing taken; at once if `when` is past.  -ENOMEM: there is no memory for the
 * timer.  leat_sema_acquire_ctx (context.h) waits until a context is cancelled; one
 * that is cancelled gets nothing, even if there is enough, as in Go. */
int leat_sema_acquire_until(leat_sema *sema, int32_t n, leat_time when);

/* Give n back.  Never waits.  "panic: semaphore: released more than
 * held". */
void leat_sema_release(leat_sema *sema, int32_t n);

#ifdef __cplusplus
}
#endif

#endif
