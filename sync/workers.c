/*
 * workers.c - a pool of goroutines that run tasks from a queue.
 *
 *	add             queue: a channel of jobs            worker
 *
 *	job  -- send ----->  | job | job | job |  -- receive -->  fn(args...)
 *	                                                          its error: first,
 *	                                                          and the task's
 *	close: shuts it; what is in there is received still
 *	cancel: sets cancelled first; a worker that sees it runs nothing
 *
 * All the waiting, its order and its fairness is the channel's.  A job is a cache
 * line, copied in and out, so a task costs no memory of its own.
 *
 *	word       written by                      promises
 *	first      the first that fails, by        stays until the wait
 *	           compare-and-swap
 *	cancelled  leat_workers_cancel             seen by who receives after it
 *	alive      start; the end of each worker   at zero nobody touches the pool
 *	task       who puts it; its worker, whose  after that it is the caller's
 *	           last touch is the done
 *
 * A task that calls leat_goexit takes its goroutine with it, and another begins in
 * that one's place.  The pool is that of the notes (NewPool, AddTask, Run), with what
 * they leave open: ends, errors, panics.
 */
#include "leat/workers.h"
#include "leat/chan.h"

#include "core/atomic.h"
#include "core/base.h"
#include "core/panic.h"

#include <errno.h>
#include <stdlib.h>

struct job {
	leat_fn_ *fn;
	uintptr_t arg[6];
	leat_task *task; /* or NULL */
};

enum { NOT_YET, STARTING, STARTED };

_Static_assert(sizeof(leat_worker) == 64, "one does not share its line");

static _Atomic(leat_error) *first_of(leat_workers *pool)
{
	return (_Atomic(leat_error) *)&pool->first;
}

static _Atomic(leat_error) *error_in(leat_task *task)
{
	return (_Atomic(leat_error) *)&task->error;
}

static _Atomic uint32_t *word_of(uint32_t *word)
{
	return (_Atomic uint32_t *)word;
}

static _Atomic uint64_t *ran_of(const leat_worker *w)
{
	return (_Atomic uint64_t *)&w->ran;
}

static void refuse_nil(const leat_workers *pool, const char *call)
{
	if (!pool || !pool->queue)
		fatal("leat_workers_%s: nil pool", call);
}

/* -- the end of a job -- */

/* For the pool. */
static void fail(leat_workers *pool, leat_error e)
{
	leat_error none = NULL;

	leat_error_retain(e);
	if (!a_cas(first_of(pool), &none, e, relaxed))
		leat_error_release(e);
}

/* e is ours, and goes on to the task. */
static void finish(const struct job *job, leat_error e)
{
	if (!job->task) {
		leat_error_release(e);
		return;
	}
	a_store(error_in(job->task), e, relaxed);
	a_store(word_of(&job->task->busy), 0, relaxed);
	leat_wg_done(&job->task->done);
}

/* -- a worker -- */

static leat_error call(const struct job *job)
{
	typedef leat_error any(uintptr_t, uintptr_t, uintptr_t, uintptr_t,
			       uintptr_t, uintptr_t);
	const uintptr_t *a = job->arg;

	return ((any *)job->fn)(a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* Of one job. */
struct turn {
	leat_workers *pool;
	leat_worker *self;
	const struct job *job;
	leat_error error;
};

static void work(leat_workers *pool, leat_worker *self);

static void count(leat_worker *self)
{
	a_store(ran_of(self), a_load(ran_of(self), relaxed) + 1, relaxed);
}

static void handle(struct turn *t, struct leat_value *v)
{
	char text[200];

	leat_value_text(v, text, sizeof(text));
	t->error = leat_errorf("panic: %s", text);
	t->pool->panicked(*v, t->pool->panicked_arg);
	if (v->kind == LEAT_VALUE_ERROR)
		leat_error_release(v->error);
}

/* Deferred: recovers, if it is a panic. */
static void rescue(struct turn *t)
{
	struct leat_value v;

	if (leat_recover(&v))
		handle(t, &v);
}

static void attempt(struct turn *t)
{
	leat_recoverable();
	leat_defer(rescue, t);
	t->error = call(t->job);
}

static void over(struct turn *t)
{
	if (t->error)
		fail(t->pool, t->error);
	count(t->self);
	finish(t->job, t->error);
}

/* Deferred: it does not come back.  Is it a panic, so does nobody; else another
 * goroutine goes on, or, if there is none to be had, this one, from here. */
static void ended(struct turn *t)
{
	if (panic_runs())
		return;
	over(t);
	if (leat_go(work, t->pool, t->self) != 0)
		work(t->pool, t->self);
}

static void run(struct turn *t)
{
	struct leat_deferred_ d;

	panic_defer(&d, (leat_fn_ *)ended, t);
	if (t->pool->panicked)
		attempt(t);
	else
		t->error = call(t->job);
	panic_take_back(&d);
	over(t);
}

static void work(leat_workers *pool, leat_worker *self)
{
	struct job job;

	while (leat_chan_recv_(pool->queue, &job)) {
		struct turn t = { .pool = pool, .self = self, .job = &job };

		if (a_load(word_of(&pool->cancelled), relaxed)) {
			finish(&job, LEAT_CANCELED);
			continue;
		}
		run(&t);
	}
	leat_wg_done(&pool->alive);
}

/* -- the pool -- */

int leat_workers_init(leat_workers *pool, int workers, int queue)
{
	if (!pool)
		fatal("leat_workers_init: nil pool");
	*pool = (leat_workers){ .count = workers };
	if (workers < 1 || queue < 1)
		return -EINVAL;
	leat_wg_add(&pool->alive, workers);
	pool->worker = calloc((size_t)workers, sizeof(*pool->worker));
	pool->queue = leat_chan_make_(sizeof(struct job), queue);
	if (pool->worker && pool->queue)
		return 0;
	leat_workers_free(pool);
	return -ENOMEM;
}

void leat_workers_on_panic(leat_workers *pool, leat_panicked *handler,
			   void *arg)
{
	refuse_nil(pool, "on_panic");
	pool->panicked = handler;
	pool->panicked_arg = arg;
}

int leat_workers_start(leat_workers *pool)
{
	uint32_t was = NOT_YET;
	int n = 0;

	refuse_nil(pool, "start");
	if (!a_cas(word_of(&pool->started), &was, STARTING, relaxed)) {
		while (a_load(word_of(&pool->started), relaxed) == STARTING)
			leat_yield();
		return a_load(word_of(&pool->started), relaxed) == STARTED
			       ? 0
			       : -ENOMEM;
	}
	while (n < pool->count && leat_go(work, pool, &pool->worker[n]) == 0)
		n++;
	if (n > 0 && n < pool->count)
		leat_wg_add(&pool->alive, n - pool->count);
	a_store(word_of(&pool->started), n > 0 ? STARTED : NOT_YET, relaxed);
	return n > 0 ? 0 : -ENOMEM;
}

void leat_workers_close(leat_workers *pool)
{
	refuse_nil(pool, "close");
	leat_chan_shut_(pool->queue);
}

void leat_workers_cancel(leat_workers *pool)
{
	refuse_nil(pool, "cancel");
	a_store(word_of(&pool->cancelled), 1, relaxed);
	leat_chan_shut_(pool->queue);
}

leat_error leat_workers_wait(leat_workers *pool)
{
	refuse_nil(pool, "wait");
	if (leat_workers_start(pool) != 0)
		return LEAT_NO_MEMORY;
	leat_wg_wait(&pool->alive);
	return leat_error_retain(pool->first);
}

leat_error leat_workers_run(leat_workers *pool)
{
	return leat_workers_wait(pool);
}

uint64_t leat_workers_ran(const leat_workers *pool)
{
	uint64_t n = 0;

	refuse_nil(pool, "ran");
	for (int i = 0; i < pool->count; i++)
		n += a_load(ran_of(&pool->worker[i]), relaxed);
	return n;
}

void leat_workers_free(leat_workers *pool)
{
	if (!pool)
		fatal("leat_workers_free: nil pool");
	if (pool->queue)
		leat_chan_release_(pool->queue);
	free(pool->worker);
	leat_error_release(pool->first);
	*pool = (leat_workers){ 0 };
}

/* -- adding -- */

/* Whose reference is the caller's from here on. */
static leat_error error_of(leat_task *task)
{
	return a_swap(error_in(task), NULL, relaxed);
}

static int send(leat_workers *pool, int how, leat_ctx *ctx, leat_time when,
		const struct job *job)
{
	switch (how) {
	case LEAT_ADD_TRY_:
		return leat_chan_try_send_(pool->queue, job);
	case LEAT_ADD_CTX_:
		return leat_chan_send_ctx_(ctx, pool->queue, job);
	case LEAT_ADD_UNTIL_:
		return leat_chan_send_until_(pool->queue, job, when);
	default:
		return leat_chan_send_until_(pool->queue, job, LEAT_NEVER);
	}
}

int leat_workers_add_(leat_workers *pool, int how, leat_ctx *ctx,
		      leat_time when, leat_fn_ *fn, int argc,
		      const uintptr_t *argv)
{
	struct job job = { .fn = fn };

	refuse_nil(pool, "add");
	if (!fn)
		fatal("leat_workers_add: nil func value");
	if (how == LEAT_ADD_CTX_ && !ctx)
		fatal("leat_workers_add_ctx: nil context");
	for (int i = 0; i < argc; i++)
		job.arg[i] = argv[i];
	return send(pool, how, ctx, when, &job);
}

static int put(leat_workers *pool, int how, leat_ctx *ctx, leat_time when,
	       leat_task *task)
{
	struct job job = { .task = task };
	int rc;

	refuse_nil(pool, "put");
	if (!task)
		fatal("leat_workers_put: nil task");
	if (!task->fn)
		fatal("leat_workers_put: nil func value");
	if (how == LEAT_ADD_CTX_ && !ctx)
		fatal("leat_workers_put_ctx: nil context");
	if (a_swap(word_of(&task->busy), 1, relaxed))
		fatal("leat_workers_put: the task has not ended");
	job.fn = (leat_fn_ *)task->fn;
	job.arg[0] = (uintptr_t)task->arg;
	leat_error_release(error_of(task)); /* nobody has waited for it */
	leat_wg_add(&task->done, 1);
	rc = send(pool, how, ctx, when, &job);
	if (rc != 0) {
		a_store(word_of(&task->busy), 0, relaxed);
		leat_wg_done(&task->done);
	}
	return rc;
}

int leat_workers_put(leat_workers *pool, leat_task *task)
{
	return put(pool, LEAT_ADD_, NULL, 0, task);
}

int leat_workers_try_put(leat_workers *pool, leat_task *task)
{
	return put(pool, LEAT_ADD_TRY_, NULL, 0, task);
}

int leat_workers_put_until(leat_time when, leat_workers *pool, leat_task *task)
{
	return put(pool, LEAT_ADD_UNTIL_, NULL, when, task);
}

int leat_workers_put_ctx(leat_ctx *ctx, leat_workers *pool, leat_task *task)
{
	return put(pool, LEAT_ADD_CTX_, ctx, 0, task);
}

/* -- a task's end -- */

leat_error leat_task_wait(leat_task *task)
{
	if (!task)
		fatal("leat_task_wait: nil task");
	leat_wg_wait(&task->done);
	return error_of(task);
}

/* The wait has ended so. */
static int waited(int rc, leat_task *task, leat_error *error)
{
	leat_error e;

	if (rc != 0)
		return rc;
	e = error_of(task);
	if (error)
		*error = e;
	else
		leat_error_release(e);
	return 0;
}

int leat_task_wait_until(leat_task *task, leat_error *error, leat_time when)
{
	if (!task)
		fatal("leat_task_wait_until: nil task");
	return waited(leat_wg_wait_until(&task->done, when), task, error);
}

int leat_task_wait_ctx(leat_ctx *ctx, leat_task *task, leat_error *error)
{
	if (!task)
		fatal("leat_task_wait_ctx: nil task");
	return waited(leat_wg_wait_ctx(ctx, &task->done), task, error);
}
