/*
 * due.h - timers whose time has come.
 *
 *	the P's own thread   on its way to the next goroutine, at the latest
 *	                     after 61 of them; and asleep, to the nanosecond
 *	sysmon               where a goroutine computes, or blocks, and its P
 *	                     does not look: some 50 us late
 *
 * sysmon sleeps too, and must be told of what is due before it looks again.
 * To tell it costs a system call, so a P says nothing while it only sleeps and
 * fires by itself; it does when it goes on with something that may take long.
 */
#ifndef CORE_DUE_H
#define CORE_DUE_H

#include "core/sched.h"

/* Fire what is due on our own P, in order; if it is much, some of it. */
void due_fire(struct m *m, struct p *p);

/* The same, if anything may be. */
static ALWAYS_INLINE void due_look(struct m *m, struct p *p)
{
	if (unlikely(a_load(&p->timers.expiry, relaxed) != OS_NEVER))
		due_fire(m, p);
}

/* Before a sleep: what was stopped is no reason to get up. */
static ALWAYS_INLINE void due_settle(struct p *p)
{
	if (likely(a_load(&p->timers.expiry, relaxed) == OS_NEVER) &&
	    likely(!a_load(&p->timers.notes, relaxed)))
		return;
	timers_settle(&p->timers);
	timers_publish(&p->timers);
}

/* Fire what is due on another's P, which the caller has claimed and which this
 * gives back; how many. */
uint32_t due_relieve(struct m *claimed, struct p *p, int64_t now);

/* sysmon: something is due before it looks. */
void due_rouse(void);

/* A timer is due at `when` on our P, which may not look in time. */
static ALWAYS_INLINE void due_tell(int64_t when)
{
	/* The other half is in sysmon.c, cover. */
	a_light();
	if (unlikely(when < a_load(&sched.covered, relaxed)))
		due_rouse();
}

#endif
