/*
 * p.h - P: the right to run goroutines, with the queues that go with it.
 *
 *	            spawned                 readied         yielded, displaced
 *	               |                       |                   |
 *	            fresh (last in          runnext             fifo (first in
 *	             first out)                |                 first out)
 *	               |                       |                   |
 *	               '-----------------> dispatch <--------------'
 *	                                       ^
 *	    oldest of both, when a P is        |
 *	    idle ----> runq (thieves rob it) --'
 *
 * Newly spawned goroutines run last in first out: they have no stack yet, the
 * one that just ended is still in the cache, and a tree of goroutines is
 * walked depth first, which keeps few of them alive.  Waiting ones run first
 * in first out.  Neither starves: runnext and fresh may go first STREAK times
 * in a row, and each 61st dispatch ages the oldest of fresh into fifo.
 *
 *	fields                   who touches them
 *	all but the shared ones  the owner of the P (own.h), no locked operation
 *	runq, inbox, note,       anybody, by the rules of runq.c, idle.c, wake.c
 *	attention
 *	tick, the counters,      written by the owner, read by sysmon and counts
	timers.expiry
 */
#ifndef CORE_P_H
#define CORE_P_H

#include "core/deque.h"
#include "core/g.h"
#include "core/inject.h"
#include "core/runq.h"
#include "core/stack.h"
#include "core/timer.h"
#include "core/topology.h"

enum {
	STREAK = 16,       /* dispatches that may pass the FIFO in a row */
	GLOBAL_EVERY = 61, /* as Go: prime, not in step with users' loops */
};

/* A P's sleep: who waits on the word and what it holds. */
enum { NOTE_NONE, NOTE_WOKEN, NOTE_ASLEEP };

struct p {
	/* The owner's; one dispatch touches these. */
	_Alignas(CPU_LINE) _Atomic(struct g *) runnext;
	uint32_t streak;
	uint32_t due; /* dispatches left to the next look at the node's queue */
	uint32_t due_turn;     /* such looks ever */
	_Atomic uint32_t tick; /* dispatches ever */
	int id, node;
	_Atomic(struct m *) m; /* who has it; NULL: nobody yet */
	struct g_cache gs;
	_Atomic uint64_t started, ended; /* goroutines, by this P */
	uint64_t random;
	struct steal_order victims;
	bool searching; /* counted so when it gets its thread */
	uint8_t halt;   /* how it was stopped; procs.c */
	uint8_t behind; /* 1: who waits for the newborn is not for thieves */

	struct stack_cache stacks;
	struct deque fifo;
	struct deque fresh;

	/* Anybody's. */
	struct runq runq;
	_Alignas(CPU_LINE) _Atomic(struct g *) inbox; /* for this P first */
	_Atomic uint32_t attention; /* something below dispatch's notice */
	_Atomic uint32_t halted;    /* by its own thread, for a stop */
	_Alignas(CPU_LINE) _Atomic uint32_t note;

	struct timers timers; /* the owner's, but for when it is to look */
	struct {
		uint32_t tick;
		int64_t at;
	} fired; /* when timers last filled its queue: the owner's */
};

/* Its thread, or NULL. */
static ALWAYS_INLINE struct m *p_m(struct p *p)
{
	/* [p.m] pairs with [spare.known], [spare.new], [sysmon.back]. */
	return a_load(&p->m, acquire);
}

/* How many goroutines wait here, thieves' part included; a hint for all but
 * the owner. */
static inline uint32_t p_waiting(const struct p *p)
{
	return deque_len(&p->fresh) + deque_len(&p->fifo) + runq_len(&p->runq) +
	       (a_load(&p->runnext, relaxed) != NULL);
}

#endif
