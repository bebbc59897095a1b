/*
 * block.c - the thread may block: its P can go elsewhere.
 *
 *	enter   blocked = 1, outside              two plain stores
 *	        sysmon: blocked for 20 us and
 *	        work waits: takes the P
 *	exit    inside; is the P still ours?      a store and a load
 *	        no: queue the goroutine, wait
 */
#include "leat/block.h"
#include "leat/panic.h"

#include "core/base.h"
#include "core/park.h"
#include "core/sched.h"

static bool wanted(struct p *p)
{
	return p_waiting(p) > 0 || sched_nodes_wait();
}

static struct m *enter(void)
{
	struct m *m = m_enter();

	if (m && a_load(&m->blocked, relaxed))
		fatal("leat_block_enter inside leat_block_enter");
	return m;
}

void leat_block_enter(void)
{
	struct m *m = enter();

	if (!m)
		return;
	a_store(&m->blocked, 1, relaxed);
	m_leave(m);
}

COLD static struct m *return_late(struct m *m)
{
	int e = os_errno();

	m = spare_return(m);
	os_errno_set(e);
	return m;
}

static void leave(struct m *m)
{
	a_store(&m->blocked, 0, relaxed);
	if (unlikely(!own_enter(&m->own)))
		m = return_late(m);
	sysmon_rouse();
	m_leave(m);
}

void leat_block_exit(void)
{
	struct m *m = arch_self();

	if (!m)
		return;
	if (!a_load(&m->blocked, relaxed))
		fatal("leat_block_exit without leat_block_enter");
	leave(m);
}

intptr_t leat_block(intptr_t (*fn)(void *arg), void *arg)
{
	if (!fn)
		fatal("leat_block of nil func value");

	struct m *m = enter();

	if (!m)
		return fn(arg);
	a_store(&m->blocked, 1, relaxed);
	/* The P goes at once; on the way back the thread finds it taken. */
	if (wanted(m_p(m)))
		spare_lend(m);
	m_leave(m);

	/* Also if it does not come back: others may be deferred further out. */
	leat_defer(leave, m);

	intptr_t result = fn(arg);

	if (arch_self() != m || !a_load(&m->blocked, relaxed))
		fatal("leat_block: the function called the runtime");
	return result;
}
