/*
 * dispatch.h - which goroutine is next, and the leap to it; all inline.
 *
 *	park, yield, the end of a goroutine
 *	    next_of    runnext, spawned, shown to thieves, FIFO; or nothing
 *	    leap       bookkeeping, then the switch
 *	 .. another goroutine runs ..
 *	    arrive     on the way back: is anybody hungry?
 *
 * Inline, because a return instruction after a switch is predicted from the
 * calls of whoever ran before, and each wrong one costs as much as five
 * switches: a waiting call should have one return between its switch and its
 * caller, not four.
 */
#ifndef CORE_DISPATCH_H
#define CORE_DISPATCH_H

#include "core/carry.h"
#include "core/live.h"
#include "core/sched.h"

#include "sanitize.h"

/*
 * Of a function that has switched.  Its return would be predicted to go where
 * the latest call came from, which is the other goroutine's: wrong, and twice
 * in each exchange between two of them (35 of 75 ns).  So it returns by an
 * indirect jump, predicted from where it went before; and calls of it are
 * jumps too, for a call without a return would put all that follow out of step.
 */
#define RETURNS_ELSEWHERE __attribute__((noinline)) ARCH_RETURNS_ELSEWHERE

/* runnext and fresh may pass the FIFO, but not for ever. */
static ALWAYS_INLINE struct g *hot(struct p *p)
{
	struct g *g = a_load(&p->runnext, relaxed);

	if (g) {
		a_store(&p->runnext, NULL, relaxed);
		return g;
	}
	return deque_pop_back(&p->fresh);
}

static ALWAYS_INLINE struct g *cold(struct p *p)
{
	struct g *g = NULL;

	if (runq_len(&p->runq) != 0)
		g = runq_pop(&p->runq);
	if (g)
		return g;

	/* A long FIFO is cold: begin to fetch what will be needed soon. */
	const char *soon = (const char *)deque_ahead(&p->fifo);

	__builtin_prefetch(soon);
	__builtin_prefetch(soon + CPU_LINE);
	return deque_pop_front(&p->fifo);
}

static ALWAYS_INLINE struct g *choose(struct p *p)
{
	struct g *g;

	if (likely(p->streak < STREAK)) {
		g = hot(p);
		if (likely(g)) {
			p->streak++;
			return g;
		}
	}
	p->streak = 0;
	g = cold(p);
	return g ? g : hot(p);
}

/* May g run here and now?  Then it is ours to resume. */
static ALWAYS_INLINE bool fit(struct m *m, struct g *g)
{
	return likely(!g->bound || g->bound == m) &&
	       likely(live_take(&g->ctx.live, &g->rest));
}

static ALWAYS_INLINE struct g *next_of(struct m *m, struct p *p)
{
	struct g *g;

	if (unlikely(--p->due == 0) ||
	    unlikely(a_load(&p->attention, relaxed) != 0)) {
		p->due++;
		return NULL;
	}
	g = choose(p);
	if (likely(g) && unlikely(!fit(m, g))) {
		m->odd = g;
		return NULL;
	}
	return g;
}

/* The first dispatch: a stack, still warm from whoever ended last. */
static ALWAYS_INLINE void birth(struct p *p, struct g *g)
{
	if (likely(!g->sized))
		g->stack = stack_take(&p->stacks);
	arch_context_init(&g->ctx, g->stack);
	sanitize_birth(&g->fiber, g->stack, g->stack_size);
}

/* Everything a dispatch changes but the registers. */
static ALWAYS_INLINE void dispatch(struct p *p, struct g *g)
{
	if (!g->ctx.pc)
		birth(p, g);
	a_store(&g->state, G_RUNNING, relaxed);
	a_store(&p->tick, a_load(&p->tick, relaxed) + 1, relaxed);
}

/* Leave `from` (NULL fiber: for ever) for goroutine `to`, or for the
 * scheduler if that is NULL. */
SANITIZE_SWITCHES static ALWAYS_INLINE struct m *
leap(struct m *m, struct arch_context *from, void **fiber, struct g *to,
     _Atomic uint64_t *word, uint64_t value)
{
	struct arch_context *ctx = &m->sched;

	if (likely(m->g))
		carry_from(m, m->g);
	m->g = to;
	if (likely(to)) {
		dispatch(m_p(m), to);
		ctx = &to->ctx;
	}
	arch_control_keep(from, ctx);
	sanitize_publish(&from->live, word);
	if (likely(to))
		sanitize_leave(fiber, &to->fiber, to->stack, to->stack_size);
	else
		sanitize_leave(fiber, &m->fiber, m->stack + m->stack_size,
			       m->stack_size);
	return arch_switch(from, ctx, m, word, value);
}

/* A goroutine goes on: what others may do meanwhile is theirs to see. */
static ALWAYS_INLINE struct m *arrive(struct m *m)
{
	sanitize_arrive(&m->g->fiber);
	carry_to(m, m->g);
	wake_if_hungry(m_p(m), 0);
	return m;
}

#endif
