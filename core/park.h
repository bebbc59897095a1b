/*
 * park.h - the one way to wait and the one way to wake.
 *
 *	who waits                       who wakes
 *
 *	m = m_enter()                   m = m_enter()
 *	take the object's lock bit      take the object's lock bit
 *	put yourself in its list        take g from the list
 *	m = park(m, why, word, value)   drop the lock bit
 *	   the switch stores value      ready(m, g)
 *	   in word: the unlock          m_leave(m)
 *	m_leave(m)
 *
 * The unlock is done by the switch itself, after the registers are saved, so
 * nobody can find a goroutine that is not ready to be resumed, and parking
 * costs no atomic operation of its own (deferred release store).
 *
 * Between m_enter and m_leave the thread owns its P (own.h); nothing there may
 * block, run user code, or take long.  m is good until the next park: the
 * goroutine may go on on another thread.
 */
#ifndef CORE_PARK_H
#define CORE_PARK_H

#include "core/dispatch.h"
#include "core/m.h"

/* Into the runtime; NULL on a thread that is not the runtime's, which may
 * call ready(NULL, g) all the same. */
struct m *m_enter_slow(struct m *m);

static ALWAYS_INLINE struct m *m_enter(void)
{
	struct m *m = arch_self();

	if (likely(m) && unlikely(!own_enter_fast(&m->own)))
		return m_enter_slow(m);
	return m;
}

static ALWAYS_INLINE void m_leave(struct m *m)
{
	own_leave(&m->own);
}

/* A number below n by chance, for whoever asks; no use of it is inside. */
static inline uint32_t m_below(uint32_t n)
{
	static _Atomic uint32_t foreign;
	struct m *m = arch_self();
	const uint32_t step = 0x9e3779b9; /* odd: all numbers, in turn */
	uint32_t x = m ? m->random += step : a_add(&foreign, step, relaxed);

	/* Mixed by Wellons' lowbias32; scaled as Lemire does it. */
	x = (x ^ x >> 16) * 0x7feb352d;
	x = (x ^ x >> 15) * 0x846ca68b;
	return (uint32_t)((uint64_t)(x ^ x >> 16) * n >> 32);
}

/* RUNNING -> WAITING: stop the calling goroutine, which waits for something at `on`,
 * then store value in *word, with release.  Returns when it was readied: where it
 * runs now. */
SANITIZE_SWITCHES static ALWAYS_INLINE struct m *
park_at(struct m *m, enum g_reason why, const void *on, _Atomic uint64_t *word,
	uint64_t value)
{
	struct g *g = m->g;

	g->reason = why;
	g->on = on;
	a_store(&g->state, G_WAITING, relaxed);
	return arrive(
		leap(m, &g->ctx, &g->fiber, next_of(m, m_p(m)), word, value));
}

/* The same, if that is where the word is. */
SANITIZE_SWITCHES static ALWAYS_INLINE struct m *
park(struct m *m, enum g_reason why, _Atomic uint64_t *word, uint64_t value)
{
	return park_at(m, why, word, word, value);
}

/* WAITING -> RUNNABLE: queue g.  Exactly once for each park. */
void ready_slow(struct m *m, struct g *g);

static ALWAYS_INLINE void ready(struct m *m, struct g *g)
{
	struct p *p;

	if (unlikely(!m) || unlikely(g->bound)) {
		ready_slow(m, g);
		return;
	}
	p = m_p(m);
	if (unlikely(a_load(&p->runnext, relaxed))) {
		ready_slow(m, g);
		return;
	}
	a_store(&g->state, G_RUNNABLE, relaxed);
	a_store(&p->runnext, g, relaxed);
}

/* Whether to pass the time or to sleep: is there one P only, and is there other
 * work for this one?  Hints. */
static inline bool park_alone(void)
{
	return a_load(&sched.procs, relaxed) == 1;
}

static inline bool park_waits(struct m *m)
{
	return p_waiting(m_p(m)) > 0;
}

/* Who is ready here waits for the caller to wait, who has better to do: once that
 * has lasted, an idle P may have it. */
void park_share(struct m *m);

/* A new goroutine to the P's own queues. */
void park_spawned(struct m *m, struct g *g);

/* The calling goroutine ends; its frames are dropped.  Does not return.  Inline
 * like the others: a call without a return would put every return after it
 * out of step with its prediction. */
SANITIZE_SWITCHES static ALWAYS_INLINE _Noreturn void park_end(struct m *m)
{
	struct g *g = m->g;
	struct p *p = m_p(m);

	/* [park.ended] pairs with [go.ended]. */
	a_store(&p->ended, a_load(&p->ended, relaxed) + 1, release);
	a_store(&g->state, G_DEAD, relaxed);
	g->ctx.pc = NULL;
	sanitize_end(&g->fiber, &m->grave);
	if (unlikely(g->sized || g->bound)) {
		/* Its stack is unmapped, or its thread ends: by others. */
		m->corpse = g;
		leap(m, &m->trash, NULL, NULL, &m->scratch, 0);
	} else {
		/* We stand on it, but nobody takes it before the switch. */
		stack_give(&p->stacks, g->stack);
		stack_unreserve(&p->stacks);
		g_give(&p->gs, g);
		leap(m, &m->trash, NULL, next_of(m, p), &m->scratch, 0);
	}
	__builtin_unreachable();
}

/* To the scheduler's context, with the goroutine saved and left in m->parted.
 * Returns when it is resumed. */
struct m *park_part(struct m *m);

/* From the scheduler's context to g, which was taken; returns when m is back
 * there. */
void park_resume(struct m *m, struct g *g);

/* Half of a full queue moves to the node's. */
void park_spill(struct p *p, struct deque *q);

static ALWAYS_INLINE void park_push(struct p *p, struct deque *q, struct g *g)
{
	if (likely(deque_push_back(q, g)))
		return;
	park_spill(p, q);
	deque_push_back(q, g);
}

/* RUNNING -> RUNNABLE, behind the others of this P. */
SANITIZE_SWITCHES static ALWAYS_INLINE struct m *yield(struct m *m)
{
	struct p *p = m_p(m);
	struct g *g = m->g;
	struct g *next = next_of(m, p);

	g->reason = G_YIELD;
	if (unlikely(!next)) {
		if (p->due > 1 && !m->odd &&
		    !inject_len(&sched.node[p->node]) &&
		    a_load(&p->attention, relaxed) == 0)
			return m;
		return park_part(m);
	}
	a_store(&g->state, G_RUNNABLE, relaxed);
	park_push(p, &p->fifo, g);
	return arrive(leap(m, &g->ctx, &g->fiber, next, &m->scratch, 0));
}

/* RUNNING -> RUNNABLE, and the goroutine spawned last runs first: the caller is
 * about to wait for it, and if it ends without waiting itself, need not.  On
 * the way back nothing is promised; where there is nobody to run first, or
 * there are others of whom idle Ps are to have a share, nothing is done. */
SANITIZE_SWITCHES static ALWAYS_INLINE struct m *park_behind(struct m *m)
{
	struct p *p = m_p(m);
	struct g *g = m->g, *next;

	if (deque_len(&p->fresh) == 0 || a_load(&p->runnext, relaxed) ||
	    (deque_len(&p->fresh) + deque_len(&p->fifo) > 1 &&
	     idle_hungry(&sched.idle)))
		return m;
	next = next_of(m, p);
	if (unlikely(!next))
		return m->odd ? park_part(m) : m;
	g->reason = G_YIELD;
	a_store(&g->state, G_RUNNABLE, relaxed);
	park_push(p, &p->fresh, g);
	p->behind = !next->ctx.pc;
	return arrive(leap(m, &g->ctx, &g->fiber, next, &m->scratch, 0));
}

/* The next one of m's P that is at hand and can be resumed, or NULL. */
struct g *park_next(struct m *m);
/* The same for one found elsewhere; if it cannot be resumed here and now, it
 * is left in m->odd. */
bool park_take(struct m *m, struct g *g);

#endif
