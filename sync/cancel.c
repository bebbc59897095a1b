/*
 * cancel.c - cancellation goes down the tree.
 *
 *	cancel: err, cause, done closed; its timer stopped; then so its first
 *	        follower, and so on down; one that nobody follows any more leaves
 *	        the list of the one above, who has the next to be told
 *
 * No recursion, and no list of those to be told: the tree itself says what is
 * left.  So of two who cancel at once both go all the way, and whoever returns
 * has seen all below him cancelled.  (Go's second waits for the first's mutex.)
 */
#include "sync/context.h"

#include "core/base.h"
#include "core/due.h"
#include "core/go.h"
#include "core/panic.h"
#include "core/park.h"

#define RETRY_NS 1000000

/* -- LOCK -- */

static void lock(struct canceller *k)
{
	for (int turn = 0;; turn++) {
		uint32_t was = 0;

		/* [ctx.lock] pairs with [ctx.unlock]. */
		if (likely(a_cas(&k->lock, &was, 1, acquire)))
			return;
		choice_rest(turn);
	}
}

static void unlock(struct canceller *k)
{
	/* [ctx.unlock] pairs with [ctx.lock]. */
	a_store(&k->lock, 0, release);
}

/* -- who follows whom -- */

static void put_in(struct canceller *up, struct follower *f)
{
	f->next = up->followers;
	f->link = &up->followers;
	if (f->next)
		f->next->link = &f->next;
	up->followers = f;
}

static void take_out(struct follower *f)
{
	*f->link = f->next;
	if (f->next)
		f->next->link = f->link;
	f->link = NULL;
}

bool ctx_unfollow(struct follower *f)
{
	bool did;

	if (!f->up)
		return false;
	lock(f->up);
	did = f->link != NULL;
	if (did)
		take_out(f);
	unlock(f->up);
	return did;
}

bool ctx_join(struct follower *f)
{
	bool open;

	lock(f->up);
	open = !a_load(&f->up->err, relaxed);
	if (open)
		put_in(f->up, f);
	unlock(f->up);
	return open;
}

/* -- cancel -- */

static void stop_timer(struct canceller *k)
{
	struct m *m = m_enter();
	bool did = event_stop(m ? &m_p(m)->timers : NULL, &k->ctx.event);

	if (m)
		m_leave(m);
	if (did && k->owed)
		leat_ctx_release(&k->ctx); /* not the last: we have one */
}

/* It is cancelled, by us or before.  True: somebody may follow it; if not now,
 * nobody ever will. */
static bool settle(struct canceller *k, leat_error err, leat_error cause)
{
	bool timed = false, followed, watched;

	lock(k);
	if (likely(!a_load(&k->err, relaxed))) {
		k->cause = leat_error_retain(cause);
		/* [ctx.cancel] pairs with [ctx.err]. */
		a_store(&k->err, err, release);
		timed = k->ctx.event.fire != NULL;
	}
	watched = a_load(&k->watched, relaxed);
	followed = k->followers != NULL;
	unlock(k);
	if (watched)
		ctx_show(k);
	if (timed)
		stop_timer(k);
	return followed;
}

bool ctx_watch(struct canceller *k)
{
	bool open;

	lock(k);
	a_store(&k->watched, true, relaxed);
	open = !a_load(&k->err, relaxed);
	unlock(k);
	return open;
}

/* One more reference, unless the last is gone. */
static bool hold(struct canceller *k)
{
	_Atomic uint32_t *users = ctx_users(&k->ctx);
	uint32_t n = a_load(users, relaxed);

	while (n > 0)
		if (a_cas(users, &n, n + 1, relaxed))
			return true;
	return false;
}

/* The first of those that follow k, with a reference: those who end are taken
 * out, and a function is too. */
static struct follower *first_follower(struct canceller *k)
{
	struct follower *f;

	lock(k);
	while ((f = k->followers)) {
		if (!f->is_func &&
		    hold(container_of(f, struct canceller, follower)))
			break;
		take_out(f);
		if (f->is_func)
			break;
	}
	unlock(k);
	return f;
}

/* All below top: first the deepest. */
static void walk(struct canceller *top, leat_error err, leat_error cause)
{
	struct canceller *k = top, *up;
	struct follower *f;

	for (;;) {
		while ((f = first_follower(k)) && f->is_func)
			ctx_func_run(f);
		if (f) {
			k = container_of(f, struct canceller, follower);
			settle(k, err, cause);
			continue;
		}
		if (k == top)
			return;
		up = k->follower.up;
		ctx_unfollow(&k->follower);
		leat_ctx_release(&k->ctx);
		k = up;
	}
}

void ctx_cancel(struct canceller *k, leat_error err, leat_error cause)
{
	if (unlikely(!err))
		panics("context: internal error: missing cancel error");
	/* It may be that of one who is told, and ends. */
	leat_error_retain(cause);
	if (settle(k, err, cause))
		walk(k, err, cause);
	ctx_unfollow(&k->follower);
	leat_error_release(cause);
}

void ctx_dismiss(struct canceller *k)
{
	struct follower *f;

	while (k->followers && (f = first_follower(k)))
		ctx_func_drop(f);
}

/* -- a deadline -- */

static void in_time(struct canceller *k)
{
	ctx_cancel(k, LEAT_DEADLINE_EXCEEDED, k->in_time);
	leat_ctx_release(&k->ctx);
}

/* It may be a large tree: a goroutine cancels it. */
static void expires(struct event *e, struct m *m, int64_t now)
{
	const struct go_extra last = { .last = true };
	struct canceller *k = container_of(e, struct canceller, ctx.event);
	uintptr_t arg = (uintptr_t)k;
	uint64_t idle = event_idle(e), armed;

	/* Who has given the last reference back waits for us to leave. */
	if (!k->owed && !hold(k)) {
		event_give(e, idle);
		return;
	}
	k->owed = false;
	if (go_start_inside(m, &last, (leat_fn_ *)in_time, 1, &arg) == 0) {
		event_give(e, idle);
		return;
	}
	/* The timer that has just come is at hand.  The reference stays with
	 * it: to give it back might be to end the context, and not from here. */
	check(timer_arm(&m_p(m)->timers, e, now + RETRY_NS, 0, idle, &armed));
	k->owed = true;
	event_give(e, armed);
}

bool ctx_set(struct m *m, struct canceller *k)
{
	struct event *e = &k->ctx.event;
	bool done = true;
	uint64_t armed;

	lock(k);
	if (!a_load(&k->err, relaxed)) {
		done = timer_arm_first(&m_p(m)->timers, e, k->deadline, 0,
				       event_idle(e), &armed);
		if (likely(done)) {
			e->fire = expires;
			event_give(e, armed);
		}
	}
	unlock(k);
	due_tell(k->deadline);
	return done;
}

void leat_cancel_cause(leat_ctx *ctx, leat_error cause)
{
	if (!ctx || ctx->kind != CTX_CANCEL)
		fatal("leat_cancel of %s context",
		      ctx ? "no cancellable" : "a nil");
	ctx_cancel(canceller_of(ctx), LEAT_CANCELED,
		   cause ? cause : LEAT_CANCELED);
}

void leat_cancel(leat_ctx *ctx)
{
	leat_cancel_cause(ctx, NULL);
}
