/*
 * group.c - goroutines that belong together, and the first error of theirs.
 *
 *	go                    the goroutine             wait
 *
 *	limit: takes one      fn(args...)               members == 0
 *	members += 1            first, if it is the     cancels ctx
 *	starts  ----------->    first: cancels ctx      releases it
 *	                        limit: gives one        takes first
 *	                        members -= 1  ------>
 *
 *	word       written by                       promises
 *	members    go, the end of each              at zero nobody of the group
 *	                                            touches it any more
 *	limit      go, the end of each              free: how many may start
 *	first      the first that fails, by         stays until all have ended
 *	           compare-and-swap; then wait
 *	ctx,       the owner, while members is 0    the others only read them
 *	limited
 *
 * A goroutine's end is seen by what is run there (core/go.h), with the result of
 * its function, so that leat_goexit is an end as well.  The errors that members of
 * one group bring are ordered by members: whoever has seen it zero sees the error,
 * and all that it is made of.  The last touch of the group by a goroutine is its
 * done.
 *
 * The meaning is that of errgroup of golang.org/x/sync, whose limit does not count
 * those who were started before it was set; here they count.
 */
#include "leat/group.h"

#include "core/base.h"
#include "core/go.h"
#include "core/panic.h"
#include "core/park.h"
#include "sync/waitgroup.h"

#include <errno.h>

static _Atomic(leat_error) *first_of(leat_group *group)
{
	return (_Atomic(leat_error) *)&group->first;
}

static void refuse_nil(const leat_group *group, const char *call)
{
	if (!group)
		fatal("leat_group_%s: nil Group", call);
}

/* -- what stands before the first start -- */

leat_ctx *leat_group_with_ctx(leat_group *group, leat_ctx *parent)
{
	refuse_nil(group, "with_ctx");
	if (group->ctx)
		fatal("leat_group_with_ctx: the group has a context");
	if (wg_count(&group->members) > 0)
		fatal("leat_group_with_ctx: goroutines in the group are active");
	group->ctx = leat_with_cancel(parent);
	return group->ctx;
}

void leat_group_set_limit(leat_group *group, int n)
{
	int active;

	refuse_nil(group, "set_limit");
	active = wg_count(&group->members);
	/* Or about to be: one of the limit is taken. */
	if (active == 0 && group->limited &&
	    !leat_sema_try_acquire(&group->limit, (int32_t)group->limit.size))
		active = 1;
	if (active > 0)
		leat_panicf("errgroup: modify limit while %d goroutines in the "
			    "group are still active",
			    active);
	group->limited = n >= 0;
	leat_sema_init(&group->limit, n < 0 ? 0 : n);
}

/* -- members -- */

/* e is ours, and goes on to the group. */
static void fail(leat_group *group, leat_error e)
{
	leat_error none = NULL;

	if (!a_cas(first_of(group), &none, e, relaxed))
		leat_error_release(e);
	else if (group->ctx)
		leat_cancel_cause(group->ctx, e);
}

static void end(leat_group *group, leat_error e)
{
	if (e)
		fail(group, e);
	if (group->limited)
		leat_sema_release(&group->limit, 1);
	leat_wg_done(&group->members);
}

/* In the goroutine that ends: all of this is a user's call like others. */
static struct m *ended(struct m *m, void *group, uintptr_t result)
{
	m_leave(m);
	end(group, (leat_error)result);
	return m_enter();
}

/* One of the limit is ours: 0; or not. */
static int come_in(leat_group *group, int how, leat_ctx *ctx)
{
	if (!group->limited)
		return 0;
	switch (how) {
	case LEAT_GROUP_TRY_:
		return leat_sema_try_acquire(&group->limit, 1) ? 0 : -EAGAIN;
	case LEAT_GROUP_CTX_:
		return leat_sema_acquire_ctx(ctx, &group->limit, 1);
	default:
		leat_sema_acquire(&group->limit, 1);
		return 0;
	}
}

NOT_INLINE int leat_group_start_(leat_group *group, int how, leat_ctx *ctx,
				 leat_fn_ *fn, int argc, const uintptr_t *argv)
{
	struct go_extra extra = {
		.end = { ended, group },
		.site = __builtin_return_address(0),
	};
	int rc;

	refuse_nil(group, "go");
	if (!fn)
		fatal("leat_group_go: nil func value");
	if (how == LEAT_GROUP_CTX_ && !ctx)
		fatal("leat_group_go_ctx: nil context");
	rc = come_in(group, how, ctx);
	if (rc != 0)
		return rc;
	leat_wg_add(&group->members, 1);
	rc = go_start(NULL, &extra, fn, argc, argv);
	if (rc != 0)
		end(group, LEAT_NO_MEMORY);
	return rc;
}

/* -- the end -- */

/* All have ended. */
static leat_error over(leat_group *group)
{
	leat_error first = group->first;
	leat_ctx *ctx = group->ctx;

	group->first = NULL;
	group->ctx = NULL;
	if (ctx) {
		leat_cancel_cause(ctx, first);
		leat_ctx_release(ctx);
	}
	return first;
}

leat_error leat_group_wait(leat_group *group)
{
	refuse_nil(group, "wait");
	leat_wg_wait(&group->members);
	return over(group);
}

/* The wait has ended so: are they over? */
static int over_if(int rc, leat_group *group, leat_error *first)
{
	if (rc != 0)
		return rc;

	leat_error e = over(group);

	if (first)
		*first = e;
	else
		leat_error_release(e);
	return 0;
}

int leat_group_wait_until(leat_group *group, leat_error *first, leat_time when)
{
	refuse_nil(group, "wait_until");
	return over_if(leat_wg_wait_until(&group->members, when), group, first);
}

int leat_group_wait_ctx(leat_ctx *ctx, leat_group *group, leat_error *first)
{
	refuse_nil(group, "wait_ctx");
	return over_if(leat_wg_wait_ctx(ctx, &group->members), group, first);
}
