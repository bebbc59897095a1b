/*
 * m.h - M: a thread of the runtime.
 *
 *	              given a P                 P taken or given away
 *	  SPARE ------------------> holds a P ----------------------> without
 *	    ^                                                            |
 *	    '---------------- goroutine put in a queue ------------------'
 *
 * Each M has a context of its own, sched, on the thread's stack, where it
 * looks for work; goroutines switch among themselves without it as long as
 * the next one is at hand.
 *
 *	field      written by                 read by
 *	own        own.h
 *	p          this thread when inside;   itself; claimers
 *	           the claimer
 *	g          this thread when inside    itself; its signal handler
 *	blocked    this thread                sysmon
 *	bound      anybody (ready)            this thread
 *	note       whoever gives it a P       this thread
 */
#ifndef CORE_M_H
#define CORE_M_H

#include "core/backoff.h"
#include "core/clock.h"
#include "core/g.h"
#include "core/own.h"

struct p;
struct row;
struct shot;
struct carry_exceptions;

struct m {
	_Alignas(CPU_LINE) struct own own;
	struct g *g;                    /* running; NULL in the scheduler */
	_Atomic(struct p *) p;          /* NULL: none */
	_Atomic uint32_t blocked;       /* inside leat_block_enter .. exit */
	_Atomic(const void *) touching; /* by plain stores; sync/bias.h */
	int *err;                       /* this thread's errno; carry.h */
	struct carry_exceptions *exceptions; /* and C++ exceptions */
	struct g *parted; /* left for the scheduler: to be queued */
	struct g *odd;    /* likewise: not fit to run here now */
	struct g *corpse; /* likewise: to be buried */
	struct g *mine,
		**mine_end; /* bound, ready and gathered, if exclusive */
	int wired;          /* goroutines that locked this thread */
	bool sought;        /* it asked for its P, and has run nothing yet */
	bool loose;         /* computes without a P; counted in sched */
	bool away;          /* computes or blocks without one; counted, too */
	int bonds;          /* goroutines bound to this thread */
	uint32_t random;    /* this thread's, at any time */
	bool choices;       /* of the last select several were ready: a hint */
	_Atomic int pinned_to; /* the P whose CPU this thread is on; -1 */
	bool unsettled;        /* but sysmon took it off that, loose as it is */
	_Atomic uint64_t scratch; /* for switches that publish nothing */

	_Alignas(CPU_LINE) _Atomic(struct g *) bound; /* ready and ours only */
	_Atomic uint32_t note;                        /* 1: woken */
	struct m *next;  /* spare, seeking or retired */
	bool listed;     /* in one of those lists */
	_Atomic int tid; /* 0: there is no thread */
	struct arch_context sched;
	struct arch_context trash;
	void *fiber; /* of the sanitizer in use */
	void *grave; /* of the last goroutine that ended here, for it */
	char *stack; /* of the thread: lowest address, size */
	size_t stack_size;
	char *signal_stack;
	_Atomic int credit; /* births: of what is its alone; sync/bias.c */
	uint32_t births;    /* without credit */
	struct backoff backoff;
	struct clock_reading reading;
	struct row *row;      /* sync/rows.h; stays with the M */
	const struct g *kept; /* from idle Ps, by who does not wait */
	int64_t kept_since;
	bool doomed; /* ends when nothing is bound to it any more */
	_Atomic(struct shot *) shot; /* asked for by dump.c */
	_Atomic uint32_t given;      /* times it got a P from somebody */
	struct {
		const struct p *p;
		uint32_t tick; /* of that P, or `given` */
		bool told;
		int64_t since;
	} stint;      /* of a goroutine that goes on and on; stall.c's */
	void *reader; /* of RCU, this thread's, once it has one; sync/grace.h */
};

/* Does any thread of the runtime touch it? */
bool m_touched(const void *what);

/* Only what is bound to it may run here. */
static ALWAYS_INLINE bool m_exclusive(const struct m *m)
{
	return m->wired > 0 || m->doomed;
}

static ALWAYS_INLINE bool m_has_bound(struct m *m)
{
	return a_load(&m->bound, relaxed) || m->mine;
}

#endif
