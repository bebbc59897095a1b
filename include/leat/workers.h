/*
 * workers.h - a pool of goroutines that run tasks from a queue.
 *
 *	leat_workers pool;
 *
 *	leat_workers_init(&pool, 8, 100);               8 workers, 100 may wait
 *	leat_workers_start(&pool);
 *	for (int i = 0; i < n; i++)
 *		leat_workers_add(&pool, fetch, url[i]); leat_error fetch(...)
 *	leat_workers_close(&pool);
 *	leat_error e = leat_workers_wait(&pool);        the first of them
 *	leat_workers_free(&pool);
 *
 *	add -->| task task task task |--> worker   fetch ... fetch ... fetch
 *	       '------- queue -------'--> worker   fetch ......... fetch
 *	         full: add waits      --> worker   fetch .. (waits for a task)
 *
 * A worker is one goroutine for all its tasks; one without a task takes the next, in
 * the order in which they came.  Each task that was accepted is run once, or, after
 * leat_workers_cancel, not at all.  Never more run at a time than there are workers.
 *
 * A function returns NULL or an error, of which it gives a reference.  The first is
 * kept for leat_workers_wait; those of tasks (below) are theirs as well.  One that
 * panics ends the process, as in Go, unless leat_workers_on_panic says otherwise; one
 * that calls leat_goexit ends as if it had returned NULL (a panic before it that the
 * handler has had is its error still).
 *
 * The pool belongs to the caller and stays in place until leat_workers_free.  All but
 * init and free may be called by any number at once: goroutines, tasks of the pool
 * included, and threads that are not the runtime's.  A task that adds tasks to its own
 * full pool waits for workers that may all do the same: let it try.
 */
#ifndef LEAT_WORKERS_H
#define LEAT_WORKERS_H

#include "leat/call.h"
#include "leat/context.h"
#include "leat/error.h"
#include "leat/panic.h"
#include "leat/time.h"
#include "leat/waitgroup.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef void leat_panicked(struct leat_value v, void *arg);

/* One of the goroutines. */
typedef struct leat_worker { /* private */
	uint64_t ran;
	char apart[56];
} leat_worker;

typedef struct leat_workers { /* private */
	struct leat_chan_ *queue;
	leat_worker *worker;
	int count;
	uint32_t started, cancelled;
	leat_error first;
	leat_panicked *panicked;
	void *panicked_arg;
	leat_wg alive;
} leat_workers;

/* A task whose own end can be waited for: { .fn = f, .arg = p }.  It belongs to the
 * caller and stays in place from put to wait; then it may be put again. */
typedef struct leat_task {
	leat_error (*fn)(void *arg);
	void *arg;
	leat_error error; /* private, like the rest */
	uint32_t busy;
	leat_wg done;
} leat_task;

/* So many workers, and so many tasks that may wait for one.  0; -EINVAL: either is not
 * at least 1; -ENOMEM.  None has been started yet. */
int leat_workers_init(leat_workers *pool, int workers, int queue);

/* What is called, by the worker, with the value of a task's panic; it does not keep
 * the value.  The task's error is "panic: " and the value then.  Before the start. */
void leat_workers_on_panic(leat_workers *pool, leat_panicked *handler,
			   void *arg);

/* Start the workers.  0, or -ENOMEM: not one could be.  A second time: nothing. */
int leat_workers_start(leat_workers *pool);

/*
 * leat_workers_add(pool, fn, args...) - have fn(args...) run.  fn returns leat_error,
 * which the compiler checks; up to six arguments, as those of leat_go.  Waits while
 * the queue is full.  0, or -EPIPE: the pool is closed.
 *
 * leat_workers_try_add(pool, fn, args...) - the same, but where it would wait -EAGAIN.
 * leat_workers_add_until(when, pool, fn, args...) - waits no longer than until then:
 * -ETIMEDOUT.
 * leat_workers_add_ctx(ctx, pool, fn, args...) - nor than until ctx is cancelled:
 * -ECANCELED.
 *
 * If 0, what was done before happens before the function runs.
 */
int leat_workers_add_(leat_workers *pool, int how, leat_ctx *ctx,
		      leat_time when, leat_fn_ *fn, int argc,
		      const uintptr_t *argv);
enum { LEAT_ADD_, LEAT_ADD_TRY_, LEAT_ADD_UNTIL_, LEAT_ADD_CTX_ };

/* The same with a task.  One that has been put and has not ended: fatal. */
int leat_workers_put(leat_workers *pool, leat_task *task);
int leat_workers_try_put(leat_workers *pool, leat_task *task);
int leat_workers_put_until(leat_time when, leat_workers *pool, leat_task *task);
int leat_workers_put_ctx(leat_ctx *ctx, leat_workers *pool, leat_task *task);

/* Wait until it has ended.  Its error, whose reference is the caller's; after
 * leat_workers_cancel it may be LEAT_CANCELED: it was not run. */
leat_error leat_task_wait(leat_task *task);
/* The same, but no longer: 0, and the error in *error; -ETIMEDOUT, -ECANCELED: it
 * still runs, or waits.  -ENOMEM: as leat_wg_wait_until. */
int leat_task_wait_until(leat_task *task, leat_error *error, leat_time when);
int leat_task_wait_ctx(leat_ctx *ctx, leat_task *task, leat_error *error);

/* No more tasks: who adds one, or waits to, gets -EPIPE.  Those accepted are run.  Any
 * number of times. */
void leat_workers_close(leat_workers *pool);
/* And what no worker has begun is not run. */
void leat_workers_cancel(leat_workers *pool);

/* Wait until it is closed and all that was accepted has ended.  The first error: a
 * reference for the caller.  Starts the workers if nobody has. */
leat_error leat_workers_wait(leat_workers *pool);

/* leat_workers_start and leat_workers_wait. */
leat_error leat_workers_run(leat_workers *pool);

/* How many tasks have ended; those of a cancelled pool that were not run do not
 * count. */
uint64_t leat_workers_ran(const leat_workers *pool);

/* After leat_workers_wait, or if none was started, and when all calls that add have
 * returned: what it has is freed. */
void leat_workers_free(leat_workers *pool);

#ifdef __cplusplus
}

template <class... P, class... A>
inline int leat_workers_words_(leat_workers *pool, int how, leat_ctx *ctx,
			       leat_time when, leat_error (*fn)(P...),
			       A &&...args)
{
	static_assert(sizeof...(P) == sizeof...(A),
		      "leat_workers_add: wrong number of arguments");
	static_assert(sizeof...(P) <= 6,
		      "leat_workers_add: at most six arguments");
	static_assert(leat_no_floats_<A...>(),
		      "leat_workers_add: pass a floating value by pointer");
	const uintptr_t argv[] = { leat_word_<P>(static_cast<A &&>(args))...,
				   0 };
	return leat_workers_add_(pool, how, ctx, when,
				 reinterpret_cast<leat_fn_ *>(fn),
				 (int)sizeof...(P), argv);
}

template <class... P, class... A>
inline int leat_workers_add(leat_workers *pool, leat_error (*fn)(P...),
			    A &&...args)
{
	return leat_workers_words_(pool, LEAT_ADD_, nullptr, 0, fn,
				   static_cast<A &&>(args)...);
}

template <class... P, class... A>
inline int leat_workers_try_add(leat_workers *pool, leat_error (*fn)(P...),
				A &&...args)
{
	return leat_workers_words_(pool, LEAT_ADD_TRY_, nullptr, 0, fn,
				   static_cast<A &&>(args)...);
}

template <class... P, class... A>
inline int leat_workers_add_until(leat_time when, leat_workers *pool,
				  leat_error (*fn)(P...), A &&...args)
{
	return leat_workers_words_(pool, LEAT_ADD_UNTIL_, nullptr, when, fn,
				   static_cast<A &&>(args)...);
}

template <class... P, class... A>
inline int leat_workers_add_ctx(leat_ctx *ctx, leat_workers *pool,
				leat_error (*fn)(P...), A &&...args)
{
	return leat_workers_words_(pool, LEAT_ADD_CTX_, ctx, 0, fn,
				   static_cast<A &&>(args)...);
}

#else

#define leat_workers_add(pool, ...) \
	leat_workers_words_(pool, LEAT_ADD_, NULL, 0, __VA_ARGS__)
#define leat_workers_try_add(pool, ...) \
	leat_workers_words_(pool, LEAT_ADD_TRY_, NULL, 0, __VA_ARGS__)
#define leat_workers_add_until(when, pool, ...) \
	leat_workers_words_(pool, LEAT_ADD_UNTIL_, NULL, when, __VA_ARGS__)
#define leat_workers_add_ctx(ctx, pool, ...) \
	leat_workers_words_(pool, LEAT_ADD_CTX_, ctx, 0, __VA_ARGS__)

#define leat_workers_words_(pool, how, ctx, when, ...)                       \
	(__extension__({                                                     \
		_Static_assert(                                              \
			_Generic((__typeof__(leat_call_(__VA_ARGS__)) *)0,   \
				 leat_error * : 1, default : 0),             \
			"leat_workers_add: the function must return "        \
			"leat_error");                                       \
		const uintptr_t leat_argv_[] = { leat_words_(__VA_ARGS__) }; \
		leat_workers_add_((pool), (how), (ctx), (when),              \
				  (leat_fn_ *)leat_first_(__VA_ARGS__),      \
				  leat_count_(__VA_ARGS__), leat_argv_);     \
	}))

#endif

#endif
