/*
 * errand.c - a goroutine does it.
 */
#include "sync/errand.h"

#include "core/go.h"
#include "sync/waiter.h"

struct order {
	struct waiter who;
	void (*f)(struct m *m, void *arg);
	void *arg;
};

static void carry_out(struct order *o)
{
	struct m *m = m_enter();

	o->f(m, o->arg);
	m_leave(m);
	waiter_rouse(&o->who);
}

int errand(void (*f)(struct m *m, void *arg), void *arg)
{
	struct order o = { .f = f, .arg = arg };
	uintptr_t argv = (uintptr_t)&o;
	_Atomic uint64_t nothing;
	int rc;

	waiter_init(&o.who, NULL);
	rc = go_start(NULL, NULL, (leat_fn_ *)carry_out, 1, &argv);
	if (rc == 0)
		waiter_sleep(&o.who, &nothing, 0);
	return rc;
}
