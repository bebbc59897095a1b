/*
 * until.c - a send or receive with a deadline: a select of one case.
 */
#include "leat/select.h"

#include <errno.h>

static int until(const struct leat_case *one, leat_time when)
{
	int i = leat_select_until_(one, 1, 0, when);

	if (i < 0)
		return i == -1 ? -ETIMEDOUT : i;
	return *one->ok_ ? 0 : -EPIPE;
}

int leat_chan_send_until_(struct leat_chan_ *c, const void *elem,
			  leat_time when)
{
	bool ok;
	const struct leat_case one = {
		.chan_ = c,
		.elem_ = (void *)(uintptr_t)elem,
		.ok_ = &ok,
		.send_ = true,
	};

	return until(&one, when);
}

int leat_chan_recv_until_(struct leat_chan_ *c, void *elem, leat_time when)
{
	bool ok;
	const struct leat_case one = { .chan_ = c, .elem_ = elem, .ok_ = &ok };

	return until(&one, when);
}
