/*
 * stall.c - who keeps a thread for long.
 *
 *	looks, half of LEAT_STALL apart
 *	----+---------+---------+---------+---->
 *	    since     the same  the same: named
 *
 * A stint is the same as long as the thread has the same P and that has switched to
 * no other goroutine; or has had none since it was last given one, as happens to a
 * goroutine that computes while others wait (sysmon.c).  Inside leat_block_enter .. exit it may take its
 * time.
 *
 * A thread that is asked while it runs no goroutine after all does not answer, and
 * is not asked again in that stint.
 */
#include "core/stall.h"

#include "core/sched.h"

#include "leat/time.h"

static bool idle(const struct p *p)
{
	return a_load(&sched.idle.mask[p->id / 64], relaxed) >> p->id % 64 & 1;
}

/* Is this the stint that was seen before?  If not, it begins now. */
static bool goes_on(struct m *m, int64_t now)
{
	struct p *p = a_load(&m->p, relaxed);
	uint32_t tick =
		p ? a_load(&p->tick, relaxed) : a_load(&m->given, relaxed);
	bool same = p == m->stint.p && tick == m->stint.tick;

	if (same && !(p && idle(p)) && !a_load(&m->blocked, relaxed))
		return true;
	m->stint.p = p;
	m->stint.tick = tick;
	m->stint.since = now;
	m->stint.told = false;
	return false;
}

static void look(struct m *m, int64_t now,
		 void (*tell)(const struct shot *s, int64_t since))
{
	const struct shot *s;

	if (!goes_on(m, now) || m->stint.told ||
	    now - m->stint.since < sched.options.stall)
		return;
	m->stint.told = true;
	s = shot_of(m);
	/* It may have had its break just now. */
	if (s && goes_on(m, now))
		tell(s, m->stint.since);
}

int64_t stall_look(int64_t now,
		   void (*tell)(const struct shot *s, int64_t since))
{
	static int64_t next;
	struct m *m[SHOTS];
	size_t n, at = 0;

	if (sched.options.stall == 0)
		return OS_NEVER;
	if (now < next)
		return next;
	next = now + sched.options.stall / 2;
	while ((n = spare_running(m, SHOTS, &at)) > 0)
		for (size_t i = 0; i < n; i++)
			look(m[i], now, tell);
	return next;
}
