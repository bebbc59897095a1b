/*
 * grace.h - who reads now, and what is put off until nobody does.
 *
 *	reader                          who takes something out
 *
 *	r = grace_enter()               r = grace_enter()
 *	finds it, uses it               takes it out of where it is found
 *	grace_leave(r)                  grace_later(&it->late)
 *	                                grace_leave(r)
 *	the reaper, a thread:
 *	    all that was put off so far is taken over
 *	    a grace period: everybody who was inside by then has left
 *	    late_over[what](it)
 *
 * Read-copy-update (McKenney), by liburcu's flavour "memb": inside and outside
 * are a plain store each on the reader's side, and the reaper pays with
 * membarrier.  Not QSBR, which would spare even those: there each thread must
 * say again and again that it reads nothing, and one whose goroutine computes
 * or is in a blocking call says nothing for as long as that takes; nothing
 * would be given back meanwhile.  Here a thread that is not inside holds nobody
 * up, whatever it does.
 *
 * A section is straight code on one thread: no switch of goroutines, and so no
 * waiting and no yielding.  Its reader is that thread's own; the address is
 * asked for once a thread and kept by Leat (in the M, or under a pthread key),
 * because a compiler that knew it as thread-local might keep it over a switch.
 * Threads are known to liburcu from their first section to their end.
 */
#ifndef SYNC_GRACE_H
#define SYNC_GRACE_H

#include "core/atomic.h"
#include "core/base.h"
#include "core/os.h"
#include "core/park.h"

#include <stdint.h>

#include <urcu/static/urcu-memb.h>

/* What happens to it; late_over says what that is. */
enum late_what {
	LATE_NODE,
	LATE_VALUE,
	LATE_TABLE,
	LATE_RESIZE,
	LATE_SEEKER,
	LATE_KINDS
};

/* Inside what is put off.  Its owner's, then the reaper's. */
struct late {
	struct late *next;
	uint16_t what;
	uint16_t turn;          /* the reaper's, when it was put off */
	_Atomic uint32_t holds; /* its owner's, all the time */
};

/* By what: called on the reaper's thread, outside of any section. */
extern void (*const late_over[LATE_KINDS])(struct late *l);

/* The thread's reader, known to liburcu. */
COLD struct urcu_reader *grace_reader(struct m *m);

static ALWAYS_INLINE _Atomic unsigned long *grace_nest(struct urcu_reader *r)
{
	return (_Atomic unsigned long *)&r->ctr;
}

/* Sections nest: a program may use liburcu as well. */
static ALWAYS_INLINE struct urcu_reader *grace_enter(void)
{
	struct m *m = arch_self();
	struct urcu_reader *r = likely(m) ? m->reader : NULL;

	if (unlikely(!r))
		r = grace_reader(m);

	unsigned long nest = a_load(grace_nest(r), relaxed);

	if (likely(!(nest & URCU_GP_CTR_NEST_MASK)))
		nest = CMM_LOAD_SHARED(urcu_memb_gp.ctr);
	else
		nest += URCU_GP_COUNT;
	a_store(grace_nest(r), nest, relaxed);
	urcu_memb_smp_mb_slave();
	return r;
}

/* A grace period sleeps until somebody leaves. */
COLD void grace_rouse(void);

extern char grace_period; /* a name for the sanitizer */

static ALWAYS_INLINE void grace_leave(struct urcu_reader *r)
{
	sanitize_tell(&grace_period);
	urcu_memb_smp_mb_slave();
	a_store(grace_nest(r), a_load(grace_nest(r), relaxed) - URCU_GP_COUNT,
		relaxed);
	urcu_memb_smp_mb_slave();
	if (unlikely(a_load((_Atomic int32_t *)&urcu_memb_gp.futex, relaxed) ==
		     -1))
		grace_rouse();
}

/* One of few places that threads which run at once seldom share. */
static ALWAYS_INLINE uint32_t grace_place(void)
{
	struct m *m = arch_self();
	struct p *p = likely(m) ? a_load(&m->p, relaxed) : NULL;

	return likely(p) ? (uint32_t)p->id : (uint32_t)os_cpu();
}

/* Start the reaper, once: 0, -EAGAIN, -ENOMEM. */
int grace_start(void);

/* It is found by nobody who comes from now on.  Inside or outside. */
void grace_later(struct late *l);

/* The same for what is over without a word to anybody: no function of a user's.
 * It may be over on whatever thread puts something off later.  Inside, and after
 * a full barrier: cds_lfht_del's. */
void grace_later_quiet(struct late *l);

/* late_over[l->what](l) soon, on the reaper's thread, but without a grace
 * period; before anything that is put off by whoever is inside now. */
void grace_soon(struct late *l);

/* Until all that was put off before has been done, and what that put off in turn.
 * Waits, as leat_block does; not inside.  In late_over it returns at once. */
void grace_finish(void);

#endif
