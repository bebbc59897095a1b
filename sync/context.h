/*
 * context.h - contexts, from inside.
 *
 *	        parent: a reference              up: where its cancellation comes from
 *
 *	background <--- cancel A <--- value <--- cancel B <--- cancel C
 *	                  |  ^                      |  ^          |
 *	                  |  '---------- up --------'  '--- up ---'
 *	                  '- followers: B ...       '- followers: C, a func ...
 *
 * A follower is told when the one above is cancelled.  It is in that one's list,
 * under that one's LOCK, until it and all below it are cancelled, or it ends.  The
 * list holds no references: who ends takes himself out first.  Who cancels gets
 * a reference to a follower under LOCK, unless the last one is gone, and so he
 * ends.
 *
 *	cancels A                          releases B, the last reference
 *	LOCK; finds B                      users: 1 -> 0
 *	users: 0? out of the list          LOCK; in the list? out of it
 *	UNLOCK                             UNLOCK; frees it
 *
 * So B is not freed before A's LOCK is free again.
 *
 *	err	NULL -----------> CANCELED or DEADLINE_EXCEEDED      once
 *	         under LOCK
 *
 * Nobody pauses who has a LOCK: it is held for a few steps, of which one in
 * the scheduler may be waiting.  Invariants: err is set once, and after that no
 * follower joins; cause is set before it.  Linearization point of a cancel: the
 * store of err.
 *
 * Reclamation: contexts are counted, and type-stable (cell.h): the timer of one
 * that ends may look at it while it is stopped.
 */
#ifndef SYNC_CONTEXT_H
#define SYNC_CONTEXT_H

#include "core/timer.h"
#include "leat/context.h"
#include "sync/chan.h"

enum ctx_kind { CTX_ROOT, CTX_CANCEL, CTX_VALUE, CTX_WITHOUT, CTX_CUSTOM };

struct leat_ctx {
	struct event event; /* a cancel's deadline */
	enum ctx_kind kind;
	_Atomic uint32_t users;  /* a cancel's are its channel's */
	struct leat_ctx *parent; /* a reference; NULL: none */
	struct leat_ctx *source; /* who answers for err; NULL: never */
};

/* A value, or a custom. */
struct bearer {
	struct leat_ctx ctx;
	const void *key;
	void *value;
	void (*drop)(void *value);
	const struct leat_ctx_ops *ops;
};

struct canceller;

/* Who is to be told. */
struct follower {
	struct follower *next, **link; /* link NULL: in no list */
	struct canceller *up;          /* whose; NULL: nobody's */
	bool is_func;
};

struct canceller {
	struct leat_ctx ctx;
	struct follower follower;
	_Atomic uint32_t lock;
	_Atomic bool watched; /* somebody has asked for the channel */
	bool owed;            /* the timer, set again, has a reference */
	struct follower *followers;
	_Atomic(leat_error) err;
	leat_error cause;
	leat_error in_time;     /* the cause, if the deadline comes first */
	leat_time deadline;     /* its own or its source's; LEAT_NEVER */
	struct leat_chan_ chan; /* as far as one without a buffer goes */
};

static inline struct canceller *canceller_of(struct leat_ctx *ctx)
{
	return container_of(ctx, struct canceller, ctx);
}

static inline struct bearer *bearer_of(struct leat_ctx *ctx)
{
	return container_of(ctx, struct bearer, ctx);
}

static inline _Atomic uint32_t *ctx_users(struct leat_ctx *ctx)
{
	return ctx->kind == CTX_CANCEL ? &canceller_of(ctx)->chan.users
				       : &ctx->users;
}

/* -- context.c -- */

/* It is cancelled: its channel is closed, if anybody knows it. */
void ctx_show(struct canceller *k);

/* -- cancel.c -- */

/* Its channel is asked for: it will be closed by who cancels it; false: it has
 * been cancelled. */
bool ctx_watch(struct canceller *k);
/* It joins those that follow f->up; false: that is cancelled. */
bool ctx_join(struct follower *f);
/* It follows nobody any more; true: it did. */
bool ctx_unfollow(struct follower *f);
/* k, of which the caller has a reference, and all that follow it. */
void ctx_cancel(struct canceller *k, leat_error err, leat_error cause);
/* Its deadline is set, if it is not cancelled, with a P; false: no memory. */
bool ctx_set(struct m *m, struct canceller *k);
/* Nobody has k any more: its followers, functions all, will not be told. */
void ctx_dismiss(struct canceller *k);

/* -- follow.c -- */

/* A function, out of its list, is started; or never will be. */
void ctx_func_run(struct follower *f);
void ctx_func_drop(struct follower *f);

#endif
