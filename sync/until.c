/*
 * until.c - waits that have an end: a moment, or a context.  Each is a select, of
 * one case or of two.
 */
#include "leat/context.h"
#include "leat/select.h"

#include <errno.h>

static struct leat_case sends(struct leat_chan_ *c, const void *elem, bool *ok)
{
	return (struct leat_case){
		.chan_ = c,
		.elem_ = (void *)(uintptr_t)elem,
		.ok_ = ok,
		.send_ = true,
	};
}

static struct leat_case receives(struct leat_chan_ *c, void *elem, bool *ok)
{
	return (struct leat_case){ .chan_ = c, .elem_ = elem, .ok_ = ok };
}

/* -- a moment -- */

static int until(struct leat_case one, leat_time when)
{
	int i = leat_select_until_(&one, 1, 0, when);

	if (i < 0)
		return i == -1 ? -ETIMEDOUT : i;
	return *one.ok_ ? 0 : -EPIPE;
}

int leat_chan_send_until_(struct leat_chan_ *c, const void *elem,
			  leat_time when)
{
	bool ok;

	return until(sends(c, elem, &ok), when);
}

int leat_chan_recv_until_(struct leat_chan_ *c, void *elem, leat_time when)
{
	bool ok;

	return until(receives(c, elem, &ok), when);
}

/* -- a context -- */

static int with(leat_ctx *ctx, struct leat_case one)
{
	const struct leat_case cases[] = { one, leat_on_recv(leat_ctx_done(ctx),
							     NULL) };

	if (leat_select_(cases, 2, 0) == 1)
		return -ECANCELED;
	return *one.ok_ ? 0 : -EPIPE;
}

int leat_chan_send_ctx_(leat_ctx *ctx, struct leat_chan_ *c, const void *elem)
{
	bool ok;

	return with(ctx, sends(c, elem, &ok));
}

int leat_chan_recv_ctx_(leat_ctx *ctx, struct leat_chan_ *c, void *elem)
{
	bool ok;

	return with(ctx, receives(c, elem, &ok));
}

leat_error leat_ctx_sleep(leat_ctx *ctx, leat_duration d)
{
	switch (leat_select_until(leat_after_now(d),
				  leat_on_recv(leat_ctx_done(ctx), NULL))) {
	case 0:
		return leat_ctx_err(ctx);
	case -ENOMEM:
		return LEAT_NO_MEMORY;
	default:
		return NULL;
	}
}
