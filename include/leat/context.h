/*
 * context.h - when to stop: cancellation, deadlines and values that go down a
 * tree of calls.
 *
 *	leat_ctx *ctx = leat_with_timeout(leat_background(), 2 * LEAT_SECOND);
 *
 *	leat_go(worker, leat_ctx_retain(ctx), jobs);
 *	...
 *	leat_cancel(ctx);
 *	leat_ctx_release(ctx);
 *
 *	static void worker(leat_ctx *ctx, leat_receiver(int) jobs)
 *	{
 *		while (leat_recv_ctx(ctx, jobs, &job) == 0)
 *			work(job);
 *		leat_ctx_release(ctx);
 *	}
 *
 *	            cancelled        with      deadline      values of
 *	background  never            -         -             none
 *	cancel      by leat_cancel   CANCELED  its parent's  its parent
 *	deadline    that, in time    DEADLINE  the earlier   its parent
 *	value       as its parent    ..        ..            its own, its parent
 *	without     never            -         -             its parent
 *
 * Whoever is cancelled cancels all that was derived from it, and never what it
 * was derived from.  To cancel is to tell: it waits for nobody, and who is told
 * ends when it sees fit.  What happened before a cancel happens before whatever
 * sees it: an error of leat_ctx_err, or the close of leat_ctx_done.
 *
 * A context is counted: with gives one reference, leat_ctx_retain another, and
 * leat_retain of leat_ctx_done the same; leat_ctx_release takes one back.  A
 * derived one holds one of its parent's.  The last release of one that nobody
 * has cancelled takes it out of the tree, with its timer: nothing leaks, and
 * nobody is told.
 *
 * All calls may be made by any number of goroutines at once, and by threads that
 * are not the runtime's; none waits, but that a deadline set on such a thread
 * needs a goroutine for a moment.  A context is the first parameter of a
 * function, named ctx, and is not kept in structures.  A NULL parent is "panic:
 * cannot create context from nil parent"; NULL elsewhere is fatal.  After Go's
 * context; where C has two returns there, cancel takes the context here.
 */
#ifndef LEAT_CONTEXT_H
#define LEAT_CONTEXT_H

#include "leat/call.h"
#include "leat/chan.h"
#include "leat/cond.h"
#include "leat/error.h"
#include "leat/mutex.h"
#include "leat/rwmutex.h"
#include "leat/sema.h"
#include "leat/time.h"
#include "leat/waitgroup.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct leat_ctx leat_ctx;

typedef leat_receiver(leat_signal) leat_done;

/* The root of a tree; the same for where it is not clear yet which context there
 * will be.  Not counted. */
leat_ctx *leat_background(void);
leat_ctx *leat_todo(void);

/* One that can be cancelled.  NULL, here and below: no memory. */
leat_ctx *leat_with_cancel(leat_ctx *parent);

/* One that is cancelled at that moment, or after that time, at the latest; at
 * once if it is past.  Its cause, then, is LEAT_DEADLINE_EXCEEDED, or the one
 * given, of which it has a reference. */
leat_ctx *leat_with_deadline(leat_ctx *parent, leat_time when);
leat_ctx *leat_with_timeout(leat_ctx *parent, leat_duration d);
leat_ctx *leat_with_deadline_cause(leat_ctx *parent, leat_time when,
				   leat_error cause);
leat_ctx *leat_with_timeout_cause(leat_ctx *parent, leat_duration d,
				  leat_error cause);

/* One with a value for a key; keys are the same if the pointers are: the address
 * of a static variable.  A NULL key is "panic: nil key".  The value stays the
 * caller's; or, with drop, drop(value) is called when the context is freed. */
leat_ctx *leat_with_value(leat_ctx *parent, const void *key, void *value);
leat_ctx *leat_with_value_owned(leat_ctx *parent, const void *key, void *value,
				void (*drop)(void *value));

/* One with the values of its parent that is not cancelled with it. */
leat_ctx *leat_without_cancel(leat_ctx *parent);

/* Cancel it, and what was derived from it; the first time counts.  Its error is
 * LEAT_CANCELED, its cause the same or the one given, of which it has a
 * reference.  Of one that cannot be cancelled itself: fatal. */
void leat_cancel(leat_ctx *ctx);
void leat_cancel_cause(leat_ctx *ctx, leat_error cause);

/* A channel that is closed when it is cancelled, the same each time; nil if it
 * never is.  It lives as long as the context, or as who has retained it. */
leat_done leat_ctx_done(leat_ctx *ctx);

/* NULL; LEAT_CANCELED or LEAT_DEADLINE_EXCEEDED once it is cancelled.  One load. */
leat_error leat_ctx_err(leat_ctx *ctx);

/* NULL; once it is cancelled, why.  It lives as long as the context. */
leat_error leat_ctx_cause(leat_ctx *ctx);

/* Has it a deadline?  Then *when is that; else LEAT_NEVER. */
bool leat_ctx_deadline(leat_ctx *ctx, leat_time *when);

/* The value for a key, its own or the nearest ancestor's; NULL. */
void *leat_ctx_value(leat_ctx *ctx, const void *key);

/* One reference more, and less; of NULL and of the roots, nothing. */
leat_ctx *leat_ctx_retain(leat_ctx *ctx);
void leat_ctx_release(leat_ctx *ctx);

/* Sleep for d, or until it is cancelled: its error then, else NULL. */
leat_error leat_ctx_sleep(leat_ctx *ctx, leat_duration d);

/* leat_wg_wait, leat_cond_wait, leat_mutex_lock, leat_rwmutex_lock and _rlock,
 * leat_sema_acquire, waiting no longer than until ctx is cancelled: 0, or
 * -ECANCELED.  A lock that is free is taken even if ctx is cancelled already. */
int leat_wg_wait_ctx(leat_ctx *ctx, leat_wg *group);
int leat_cond_wait_ctx(leat_ctx *ctx, leat_cond *cond, leat_mutex *mu);
int leat_mutex_lock_ctx(leat_ctx *ctx, leat_mutex *mu);
int leat_rwmutex_lock_ctx(leat_ctx *ctx, leat_rwmutex *rw);
int leat_rwmutex_rlock_ctx(leat_ctx *ctx, leat_rwmutex *rw);
int leat_sema_acquire_ctx(leat_ctx *ctx, leat_sema *sema, int32_t n);

/* Behind leat_send_ctx, leat_recv_ctx. */
int leat_chan_send_ctx_(leat_ctx *ctx, struct leat_chan_ *c, const void *elem);
int leat_chan_recv_ctx_(leat_ctx *ctx, struct leat_chan_ *c, void *elem);

/*
 * leat_ctx_after_func(ctx, fn, args...) - start fn(args...) in a goroutine when
 * ctx is cancelled; at once, if it is.  What it returns is counted, to be given
 * back by leat_ctx_func_release (it starts all the same); NULL: no memory.
 *
 * leat_ctx_func_stop(f) - not any more; true: it was prevented; false: it was
 * started, or stopped before.  Does not wait for fn.  After context.AfterFunc.
 */
typedef struct leat_ctx_func leat_ctx_func;

leat_ctx_func *leat_ctx_after_func_(leat_ctx *ctx, leat_fn_ *fn, int argc,
				    const uintptr_t *argv);
bool leat_ctx_func_stop(leat_ctx_func *f);
void leat_ctx_func_release(leat_ctx_func *f);

/* A context of the user's own making.  Each may be called by any number at once;
 * those that are NULL answer as background does.  If done is closed, err must not
 * answer NULL: "panic: context: internal error: missing cancel error".  Of what is derived from it, a
 * goroutine waits for its done: that must be cancelled to end. */
struct leat_ctx_ops {
	bool (*deadline)(void *self, leat_time *when);
	leat_done (*done)(void *self);
	leat_error (*err)(void *self);
	leat_error (*cause)(void *self); /* NULL: as err */
	void *(*value)(void *self, const void *key);
	void (*drop)(void *self); /* the last reference is gone */
};
leat_ctx *leat_ctx_custom(const struct leat_ctx_ops *ops, void *self);

/*
 * leat_send_ctx(ctx, c, v), leat_recv_ctx(ctx, c, p) - as leat_send and leat_recv,
 * waiting no longer than until ctx is cancelled: 0, -EPIPE (closed), -ECANCELED
 * (leat_ctx_err tells which).  Where both are possible, either happens.
 */
#ifdef __cplusplus
}

template <class T, class D>
inline int leat_send_ctx(leat_ctx *ctx, T (*c)(D *),
			 const typename leat_same_<T>::type &v)
{
	static_assert(leat_sends_<D>(), "leat: send on a receive-only channel");
	return leat_chan_send_ctx_(ctx, leat_chan_of_(c), &v);
}

template <class T, class D>
inline int leat_recv_ctx(leat_ctx *ctx, T (*c)(D *),
			 typename leat_same_<T>::type *p)
{
	static_assert(leat_receives_<D>(),
		      "leat: receive on a send-only channel");
	return leat_chan_recv_ctx_(ctx, leat_chan_of_(c), p);
}

template <class R, class... P, class... A>
inline leat_ctx_func *leat_ctx_after_func(leat_ctx *ctx, R (*fn)(P...),
					  A &&...args)
{
	static_assert(sizeof...(P) == sizeof...(A),
		      "leat_ctx_after_func: wrong number of arguments");
	static_assert(sizeof...(P) <= 6,
		      "leat_ctx_after_func: at most six arguments");
	static_assert(leat_no_floats_<A...>(),
		      "leat_ctx_after_func: pass a floating value by pointer");
	const uintptr_t argv[] = { leat_word_<P>(static_cast<A &&>(args))...,
				   0 };
	return leat_ctx_after_func_(ctx, reinterpret_cast<leat_fn_ *>(fn),
				    (int)sizeof...(P), argv);
}

#else

#define leat_send_ctx(ctx, c, v) \
	leat_chan_send_ctx_((ctx), leat_chan_to_(c), leat_value_(c, v))
#define leat_recv_ctx(ctx, c, p) \
	leat_chan_recv_ctx_((ctx), leat_chan_from_(c), leat_place_(c, p))
#define leat_ctx_after_func(ctx, ...)                                        \
	(__extension__({                                                     \
		(void)sizeof(__typeof__(leat_call_(__VA_ARGS__)) *);         \
		const uintptr_t leat_argv_[] = { leat_words_(__VA_ARGS__) }; \
		leat_ctx_after_func_((ctx),                                  \
				     (leat_fn_ *)leat_first_(__VA_ARGS__),   \
				     leat_count_(__VA_ARGS__), leat_argv_);  \
	}))

#endif

#endif
