/*
 * follow.c - a function that starts when a context is cancelled.
 *
 *	waiting ----> told: started      who cancels takes it out of the list
 *	   '--------> stopped            its user takes it out
 *	   '--------> dropped            the context ends uncancelled
 *
 * All under the LOCK of the one it follows, so one of them happens.  The list has
 * a reference to it, and so has the user, who also has one to what it follows: so
 * that does not end while he may still stop it.
 *
 * What answers for itself (custom) or is never cancelled has no list: it follows
 * a canceller below that, of its own.
 */
#include "sync/context.h"

#include "core/base.h"
#include "core/go.h"
#include "core/park.h"

struct leat_ctx_func {
	struct event event; /* never armed: the cell's */
	struct follower follower;
	_Atomic uint32_t users;
	uint16_t argc;
	bool own; /* what it follows is its own */
	struct leat_ctx *ctx;
	leat_fn_ *fn;
	uintptr_t arg[6];
};

_Static_assert(sizeof(struct leat_ctx_func) <= EVENT_SMALL_SIZE,
	       "a function that follows fits its cell");

static struct leat_ctx_func *func_of(struct follower *f)
{
	return container_of(f, struct leat_ctx_func, follower);
}

static void drop_one(struct leat_ctx_func *f)
{
	struct m *m;

	/* [follow.drop] pairs with [follow.drop]: the last one sees what the
	 * other did. */
	if (a_sub(&f->users, 1, acq_rel) > 1)
		return;
	m = m_enter();
	event_free(m ? &m_p(m)->timers : NULL, &f->event, EVENT_SMALL);
	if (m)
		m_leave(m);
}

void ctx_func_run(struct follower *follower)
{
	struct leat_ctx_func *f = func_of(follower);

	/* It has been promised: without memory it waits for some. */
	while (go_start(NULL, NULL, f->fn, f->argc, f->arg) != 0)
		leat_sleep(LEAT_MILLISECOND);
	drop_one(f);
}

void ctx_func_drop(struct follower *follower)
{
	drop_one(func_of(follower));
}

leat_ctx_func *leat_ctx_after_func_(leat_ctx *ctx, leat_fn_ *fn, int argc,
				    const uintptr_t *argv)
{
	struct leat_ctx *from = ctx ? ctx->source : NULL;
	bool own = !from || from->kind != CTX_CANCEL;
	struct leat_ctx_func *f;
	struct event *e;
	struct m *m;

	if (!ctx || !fn)
		fatal("leat_ctx_after_func of nil %s",
		      ctx ? "func value" : "context");
	from = own ? leat_with_cancel(ctx) : leat_ctx_retain(from);
	m = m_enter();
	e = event_new(m ? &m_p(m)->timers : NULL, EVENT_SMALL);
	if (m)
		m_leave(m);
	if (!e || !from) {
		if (e)
			event_free(NULL, e, EVENT_SMALL);
		if (from && own)
			leat_cancel(from); /* ends who relays to it */
		leat_ctx_release(from);
		return NULL;
	}
	event_give(e, event_idle(e));
	f = container_of(e, struct leat_ctx_func, event);
	f->follower.link = NULL;
	f->follower.is_func = true;
	f->follower.up = canceller_of(from);
	a_store(&f->users, 2, relaxed);
	f->argc = (uint16_t)argc;
	f->own = own;
	f->ctx = from;
	f->fn = fn;
	for (int i = 0; i < argc; i++)
		f->arg[i] = argv[i];
	if (!ctx_join(&f->follower))
		ctx_func_run(&f->follower);
	return f;
}

bool leat_ctx_func_stop(leat_ctx_func *f)
{
	bool did;

	if (!f)
		fatal("leat_ctx_func_stop: nil function");
	did = ctx_unfollow(&f->follower);
	if (did && f->own)
		leat_cancel(f->ctx); /* nobody needs to relay to it */
	if (did)
		drop_one(f);
	return did;
}

void leat_ctx_func_release(leat_ctx_func *f)
{
	struct leat_ctx *ctx;

	if (!f)
		return;
	ctx = f->ctx;
	drop_one(f);
	leat_ctx_release(ctx);
}
