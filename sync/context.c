/*
 * context.c - contexts are made, asked, and end.
 *
 *	leat_ctx_err      one load, of the source's
 *	leat_ctx_value    up the parents, until one has it
 *	leat_ctx_release  the last one: out of the tree, freed; then its parent's
 *
 * After Go's context in what it does.
 */
#include "sync/context.h"

#include "core/base.h"
#include "core/clock.h"
#include "core/due.h"
#include "core/go.h"
#include "core/panic.h"
#include "core/park.h"
#include "leat/select.h"
#include "sync/errand.h"

#include <stdlib.h>

_Static_assert(sizeof(struct bearer) <= EVENT_SMALL_SIZE,
	       "a value fits its cell");
_Static_assert(offsetof(struct canceller, chan) +
			       offsetof(struct leat_chan_, ring.apart) <=
		       EVENT_MIDDLE_SIZE,
	       "a canceller fits its cell");

static struct leat_ctx background, todo;

leat_ctx *leat_background(void)
{
	return &background;
}

leat_ctx *leat_todo(void)
{
	return &todo;
}

static const struct leat_ctx_ops *ops_of(struct leat_ctx *custom)
{
	return bearer_of(custom)->ops;
}

static void *self_of(struct leat_ctx *custom)
{
	return bearer_of(custom)->value;
}

/* -- new -- */

static enum event_size size_of(enum ctx_kind kind)
{
	return kind == CTX_CANCEL ? EVENT_MIDDLE : EVENT_SMALL;
}

static struct timers *timers_of(struct m *m)
{
	return m ? &m_p(m)->timers : NULL;
}

/* One below parent, with no source yet; NULL: no memory. */
static ALWAYS_INLINE struct leat_ctx *make(struct m *m, enum ctx_kind kind,
					   struct leat_ctx *parent)
{
	struct event *e = event_new(timers_of(m), size_of(kind));
	struct leat_ctx *ctx;

	if (unlikely(!e))
		return NULL;
	ctx = container_of(e, struct leat_ctx, event);
	event_give(e, event_idle(e));
	e->fire = NULL;
	ctx->kind = kind;
	a_store(&ctx->users, 1, relaxed);
	ctx->parent = leat_ctx_retain(parent);
	ctx->source = NULL;
	return ctx;
}

static void refuse_nil(const leat_ctx *parent)
{
	if (unlikely(!parent))
		panics("cannot create context from nil parent");
}

static void refuse_none(const leat_ctx *ctx, const char *call)
{
	if (unlikely(!ctx))
		fatal("%s: nil context", call);
}

/* -- can be cancelled -- */

static void release_chan(struct leat_chan_ *c)
{
	leat_ctx_release(&container_of(c, struct canceller, chan)->ctx);
}

static const struct chan_owner cancellers = { release_chan };

static ALWAYS_INLINE struct canceller *make_canceller(struct m *m,
						      struct leat_ctx *parent)
{
	struct leat_ctx *ctx = make(m, CTX_CANCEL, parent);
	struct canceller *k;

	if (unlikely(!ctx))
		return NULL;
	k = canceller_of(ctx);
	ctx->source = ctx;
	k->follower.link = NULL;
	k->follower.up = NULL;
	k->follower.is_func = false;
	a_store(&k->lock, 0, relaxed);
	a_store(&k->watched, false, relaxed);
	k->owed = false;
	k->followers = NULL;
	a_store(&k->err, NULL, relaxed);
	k->cause = NULL;
	k->in_time = NULL;
	k->deadline = LEAT_NEVER;
	chan_begin(&k->chan, 0, 0);
	a_store(&k->chan.bias.foreign, true, relaxed);
	k->chan.owner = &cancellers;
	return k;
}

/* A source that is not ours tells nobody: a goroutine waits for it. */
static void relay(struct canceller *k, struct leat_ctx *from)
{
	if (leat_select(leat_on_recv(leat_ctx_done(from), NULL),
			leat_on_recv(leat_ctx_done(&k->ctx), NULL)) == 0)
		ctx_cancel(k, leat_ctx_err(from), leat_ctx_cause(from));
	leat_ctx_release(&k->ctx);
}

/* 0; -ENOMEM. */
static int follow_custom(struct canceller *k, struct leat_ctx *from)
{
	uintptr_t argv[] = { (uintptr_t)k, (uintptr_t)from };
	leat_done done = leat_ctx_done(from);
	int rc;

	if (!done)
		return 0;
	if (leat_ctx_err(from)) {
		ctx_cancel(k, leat_ctx_err(from), leat_ctx_cause(from));
		return 0;
	}
	leat_ctx_retain(&k->ctx);
	rc = go_start(NULL, NULL, (leat_fn_ *)relay, 2, argv);
	if (rc != 0)
		leat_ctx_release(&k->ctx);
	return rc;
}

/* k is where its parent wants it; NULL, and k is gone: no memory. */
static leat_ctx *settled(struct canceller *k)
{
	struct leat_ctx *from = k->ctx.parent->source;

	if (from && from->kind == CTX_CANCEL) {
		k->follower.up = canceller_of(from);
		if (!ctx_join(&k->follower))
			ctx_cancel(k, leat_ctx_err(from), leat_ctx_cause(from));
	} else if (from && follow_custom(k, from) != 0) {
		leat_ctx_release(&k->ctx);
		return NULL;
	}
	return &k->ctx;
}

static leat_time deadline_of(leat_ctx *ctx)
{
	leat_time when = LEAT_NEVER;

	leat_ctx_deadline(ctx, &when);
	return when;
}

leat_ctx *leat_with_cancel(leat_ctx *parent)
{
	struct canceller *k;
	struct m *m;

	refuse_nil(parent);
	m = m_enter();
	k = make_canceller(m, parent);
	if (likely(m))
		m_leave(m);
	if (unlikely(!k))
		return NULL;
	if (!parent->source)
		return &k->ctx;
	k->deadline = deadline_of(parent);
	return settled(k);
}

static void set_there(struct m *m, void *k)
{
	if (!ctx_set(m, k))
		((struct canceller *)k)->deadline = LEAT_NEVER;
}

/* Its timer; false: no memory. */
static bool set(struct canceller *k)
{
	struct m *m = m_enter();
	bool done;

	if (likely(m)) {
		done = ctx_set(m, k);
		m_leave(m);
		return done;
	}
	return errand(set_there, k) == 0 && k->deadline != LEAT_NEVER;
}

leat_ctx *leat_with_deadline_cause(leat_ctx *parent, leat_time when,
				   leat_error cause)
{
	struct canceller *k;
	leat_ctx *ctx;

	refuse_nil(parent);
	ctx = leat_with_cancel(parent);
	if (!ctx || deadline_of(parent) <= when)
		return ctx;
	k = canceller_of(ctx);
	k->deadline = when > 0 ? when : 0;
	k->in_time = leat_error_retain(cause ? cause : LEAT_DEADLINE_EXCEEDED);
	if (when <= clock_now()) {
		ctx_cancel(k, LEAT_DEADLINE_EXCEEDED, k->in_time);
	} else if (!leat_ctx_err(ctx) && !set(k)) {
		leat_cancel(ctx); /* ends who relays to it, if anybody does */
		leat_ctx_release(ctx);
		return NULL;
	}
	return ctx;
}

leat_ctx *leat_with_deadline(leat_ctx *parent, leat_time when)
{
	return leat_with_deadline_cause(parent, when, NULL);
}

leat_ctx *leat_with_timeout_cause(leat_ctx *parent, leat_duration d,
				  leat_error cause)
{
	return leat_with_deadline_cause(parent, leat_after_now(d), cause);
}

leat_ctx *leat_with_timeout(leat_ctx *parent, leat_duration d)
{
	return leat_with_deadline_cause(parent, leat_after_now(d), NULL);
}

/* -- cannot -- */

static leat_ctx *plain(enum ctx_kind kind, leat_ctx *parent)
{
	struct m *m = m_enter();
	struct leat_ctx *ctx = make(m, kind, parent);

	if (m)
		m_leave(m);
	return ctx;
}

leat_ctx *leat_with_value_owned(leat_ctx *parent, const void *key, void *value,
				void (*drop)(void *value))
{
	struct leat_ctx *ctx;

	refuse_nil(parent);
	if (!key)
		panics("nil key");
	ctx = plain(CTX_VALUE, parent);
	if (!ctx)
		return NULL;
	ctx->source = parent->source;
	bearer_of(ctx)->key = key;
	bearer_of(ctx)->value = value;
	bearer_of(ctx)->drop = drop;
	return ctx;
}

leat_ctx *leat_with_value(leat_ctx *parent, const void *key, void *value)
{
	return leat_with_value_owned(parent, key, value, NULL);
}

leat_ctx *leat_without_cancel(leat_ctx *parent)
{
	refuse_nil(parent);
	return plain(CTX_WITHOUT, parent);
}

leat_ctx *leat_ctx_custom(const struct leat_ctx_ops *ops, void *self)
{
	struct leat_ctx *ctx;

	if (!ops)
		fatal("leat_ctx_custom: nil ops");
	ctx = plain(CTX_CUSTOM, NULL);
	if (!ctx)
		return NULL;
	ctx->source = ctx;
	bearer_of(ctx)->ops = ops;
	bearer_of(ctx)->value = self;
	bearer_of(ctx)->drop = ops->drop;
	return ctx;
}

/* -- asked -- */

leat_done leat_ctx_done(leat_ctx *ctx)
{
	struct leat_ctx *from;
	struct canceller *k;

	refuse_none(ctx, "leat_ctx_done");
	from = ctx->source;
	if (!from)
		return NULL;
	if (from->kind == CTX_CUSTOM)
		return ops_of(from)->done ? ops_of(from)->done(self_of(from))
					  : NULL;
	k = canceller_of(from);
	if (unlikely(!a_load(&k->watched, relaxed)) && !ctx_watch(k))
		leat_chan_shut_(&k->chan);
	/* Another may be about to, and the caller have seen the error. */
	else if (unlikely(a_load(&k->err, relaxed) != NULL))
		ctx_show(k);
	return (leat_done)(uintptr_t)&k->chan;
}

/* Who has seen the error finds the channel closed, too. */
void ctx_show(struct canceller *k)
{
	/* [ctx.shown] pairs with [chan.close]. */
	if (a_load(&k->watched, relaxed) &&
	    !(a_load(&k->chan.word, acquire) & CHAN_SHUT))
		leat_chan_shut_(&k->chan);
}

leat_error leat_ctx_err(leat_ctx *ctx)
{
	struct leat_ctx *from;
	leat_error err;

	refuse_none(ctx, "leat_ctx_err");
	from = ctx->source;
	if (!from)
		return NULL;
	if (unlikely(from->kind == CTX_CUSTOM))
		return ops_of(from)->err ? ops_of(from)->err(self_of(from))
					 : NULL;
	/* [ctx.err] pairs with [ctx.cancel]. */
	err = a_load(&canceller_of(from)->err, acquire);
	if (unlikely(err != NULL))
		ctx_show(canceller_of(from));
	return err;
}

leat_error leat_ctx_cause(leat_ctx *ctx)
{
	struct leat_ctx *from;
	leat_error err = leat_ctx_err(ctx);

	if (!err)
		return NULL;
	from = ctx->source;
	if (from->kind == CTX_CANCEL)
		return canceller_of(from)->cause;
	return ops_of(from)->cause ? ops_of(from)->cause(self_of(from)) : err;
}

bool leat_ctx_deadline(leat_ctx *ctx, leat_time *when)
{
	struct leat_ctx *from;

	refuse_none(ctx, "leat_ctx_deadline");
	from = ctx->source;
	*when = LEAT_NEVER;
	if (!from)
		return false;
	if (from->kind == CTX_CANCEL)
		*when = canceller_of(from)->deadline;
	else if (ops_of(from)->deadline &&
		 !ops_of(from)->deadline(self_of(from), when))
		*when = LEAT_NEVER;
	return *when != LEAT_NEVER;
}

void *leat_ctx_value(leat_ctx *ctx, const void *key)
{
	refuse_none(ctx, "leat_ctx_value");
	for (; ctx; ctx = ctx->parent) {
		if (ctx->kind == CTX_VALUE && bearer_of(ctx)->key == key)
			return bearer_of(ctx)->value;
		if (ctx->kind == CTX_CUSTOM)
			return ops_of(ctx)->value
				       ? ops_of(ctx)->value(self_of(ctx), key)
				       : NULL;
	}
	return NULL;
}

/* -- references -- */

leat_ctx *leat_ctx_retain(leat_ctx *ctx)
{
	if (ctx && ctx->kind != CTX_ROOT)
		a_add(ctx_users(ctx), 1, relaxed);
	return ctx;
}

/* Neither a timer nor whom it follows may be about to get a reference. */
static bool is_private(struct leat_ctx *ctx)
{
	return ctx->kind != CTX_CANCEL ||
	       (!canceller_of(ctx)->follower.up && !ctx->event.fire);
}

/* With its last reference. */
static void end(struct leat_ctx *ctx)
{
	struct m *m;

	if (ctx->kind == CTX_CANCEL) {
		struct canceller *k = canceller_of(ctx);

		ctx_unfollow(&k->follower);
		ctx_dismiss(k);
		leat_error_release(k->cause);
		leat_error_release(k->in_time);
	} else if (ctx->kind != CTX_WITHOUT && bearer_of(ctx)->drop) {
		bearer_of(ctx)->drop(bearer_of(ctx)->value);
	}
	m = m_enter();
	if (ctx->event.fire)
		event_stop(timers_of(m), &ctx->event);
	event_free(timers_of(m), &ctx->event, size_of(ctx->kind));
	if (likely(m))
		m_leave(m);
}

void leat_ctx_release(leat_ctx *ctx)
{
	while (ctx && ctx->kind != CTX_ROOT) {
		_Atomic uint32_t *users = ctx_users(ctx);
		struct leat_ctx *parent = ctx->parent;
		uint32_t was;

		/* [ctx.last] pairs with [ctx.release]. */
		was = a_load(users, acquire);
		if (was != 1 || !is_private(ctx))
			/* [ctx.release] pairs with [ctx.release], [ctx.last]:
			 * the last one sees all that the others did. */
			was = a_sub(users, 1, acq_rel);
		else
			a_store(users, 0, relaxed);
		if (unlikely(was == 0))
			fatal("leat_ctx_release of a context that was "
			      "released before");
		if (was > 1)
			return;
		end(ctx);
		ctx = parent;
	}
}
