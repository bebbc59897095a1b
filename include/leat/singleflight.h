/*
 * singleflight.h - of calls for the same thing at the same time, one is made.
 *
 *	static leat_flight users = { .drop = free };
 *
 *	static leat_error load(void *db, const char *key, void **value)
 *	{
 *		return read_user(db, key, value);
 *	}
 *
 *	leat_landing *l = leat_flight_do(&users, "user/7", load, db);
 *
 *	if (l && !l->error)
 *		show(l->value);
 *	leat_landing_release(l);
 *
 *	first for a key      others meanwhile     next after that
 *
 *	makes the call       wait
 *	  load(db, "user/7")   .
 *	  has returned         .
 *	landing: value,      the same landing     makes a call of its own
 *	error, shared
 *
 * A flight is a set of calls that are being made, each with a key, a text that is
 * copied.  All-zero is ready to use; there is nothing to destroy.  It belongs to
 * the caller and must stay in place until every call in it has landed.  Nothing is
 * kept after that: this is no cache, but what stands in front of one.
 *
 * What a call gives is its landing: one for all who asked, counted, and not to be
 * changed.  Each call below that gives one gives a reference to it, which goes back
 * with leat_landing_release, at any time.  The last one releases the error, and
 * calls the flight's drop, if it has one, with the value, if that is not NULL.
 *
 * Any number of goroutines may make these calls at once, and threads that are not
 * the runtime's; all but leat_flight_do need the runtime.  What happened before a
 * function returned happens before any of those who waited for it goes on.  A
 * function that asks for its own key waits for itself, for ever.  A NULL flight,
 * key or function is fatal.
 *
 * After golang.org/x/sync/singleflight.  One thing is another: where its function
 * ends by runtime.Goexit, all who wait end too; here only the goroutine that ran it
 * does, and the others get LEAT_FLIGHT_ENDED.
 */
#ifndef LEAT_SINGLEFLIGHT_H
#define LEAT_SINGLEFLIGHT_H

#include "leat/context.h"
#include "leat/error.h"
#include "leat/mutex.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct leat_flight {
	void (*drop)(void *value); /* NULL: values stay whose they are */
	leat_mutex mutex_;         /* private */
	void *calls_;              /* private */
} leat_flight;

typedef struct leat_landing {
	void *value;
	leat_error error; /* lives as long as the landing */
	bool shared;      /* more than one asked */
} leat_landing;

/* What is to be done once: arg is the one of whoever asked first, key his text, as
 * long as it runs.  It sets *value, which is NULL before, and returns NULL or an
 * error; both are the landing's from then on.  It may be left by leat_goexit or a
 * panic, but not by a C++ exception, longjmp or pthread_exit. */
typedef leat_error leat_flight_fn(void *arg, const char *key, void **value);

/* "singleflight: function ended its goroutine": it called leat_goexit, or a panic
 * left it, that somebody further out has recovered. */
extern const struct leat_error_value leat_flight_ended_;
#define LEAT_FLIGHT_ENDED (&leat_flight_ended_)

/* Make the call, here, or wait for the one that is being made for that key, as long
 * as it takes.  NULL: no memory, and fn was not called. */
leat_landing *leat_flight_do(leat_flight *f, const char *key,
			     leat_flight_fn *fn, void *arg);

/* The same, but fn runs in a goroutine of its own, and the wait ends when ctx is
 * cancelled: NULL then, and the call goes on, for others; so arg must last until
 * fn has returned.  NULL at once if ctx is cancelled already (leat_ctx_err tells),
 * or there is no memory.  If there is none for the goroutine, the landing's error
 * is LEAT_NO_MEMORY. */
leat_landing *leat_flight_do_ctx(leat_ctx *ctx, leat_flight *f, const char *key,
				 leat_flight_fn *fn, void *arg);

/* The same without a wait: nothing in the landing may be read before its channel
 * is closed.  (DoChan) */
leat_landing *leat_flight_start(leat_flight *f, const char *key,
				leat_flight_fn *fn, void *arg);

/* The channel of one that leat_flight_start gave: closed when it has landed.  It
 * lives as long as the landing, or as who has retained it. */
leat_done leat_landing_done(leat_landing *l);

/* Whoever asks for that key from now on makes a new call, even if there is one in
 * the air, which lands all the same for those who wait for it. */
void leat_flight_forget(leat_flight *f, const char *key);

/* One reference more, and less; of NULL, nothing. */
leat_landing *leat_landing_retain(leat_landing *l);
void leat_landing_release(leat_landing *l);

#ifdef __cplusplus
}
#endif

#endif
