/*
 * park.c - switches between goroutines, and to the scheduler and back.
 *
 *	   goroutine A          scheduler (m->sched)          goroutine B
 *	       |     nothing at hand     |                         |
 *	       |------------------------>| finds work, sleeps ...  |
 *	       |                         |------------------------>|
 *	       |         the next one is at hand                   |
 *	       |<--------------------------------------------------|
 *
 * Order among what is at hand: see p.h.  Nothing slow happens here, for the
 * caller may hold the lock bit of what it waits for: stealing, sleeping and
 * polling are the scheduler's (worker.c).
 *
 *	A is saved, live = 0, *word = value   [switch.live], [switch.word]:
 *	                                      release, in arch_switch
 *	B's live was 0                        [live.look]: acquire
 *
 * A goroutine that cannot be taken (live.h) was queued before its switch was
 * over, perhaps by a thread that itself waits for one that we hold; so nobody
 * waits for it here: it is put aside, and looked at again from the scheduler's
 * context, where this thread holds back nobody.
 */
#include "core/park.h"

#include "core/live.h"
#include "core/sched.h"

#include "sanitize.h"

/* An ownership lost while outside is found out on the way in. */
COLD struct m *m_enter_slow(struct m *m)
{
	return spare_return(m);
}

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
	return g ? g : deque_pop_front(&p->fifo);
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

struct g *park_next(struct m *m)
{
	struct g *g = choose(m_p(m));

	if (g && !fit(m, g)) {
		m->odd = g;
		return NULL;
	}
	return g;
}

bool park_take(struct m *m, struct g *g)
{
	if (fit(m, g))
		return true;
	m->odd = g;
	return false;
}

/* The first dispatch: a stack, still warm from whoever ended last. */
static ALWAYS_INLINE void birth(struct p *p, struct g *g)
{
	if (likely(!g->sized))
		g->stack = stack_take(&p->stacks);
	arch_context_init(&g->ctx, g->stack);
	sanitize_birth(&g->fiber, g->stack - g->stack_size, g->stack_size);
}

/* Everything a dispatch changes but the registers. */
static ALWAYS_INLINE void dispatch(struct m *m, struct p *p, struct g *g)
{
	if (!g->ctx.pc)
		birth(p, g);
	a_store(&g->state, G_RUNNING, relaxed);
	a_store(&p->tick, a_load(&p->tick, relaxed) + 1, relaxed);
	m->g = g;
}

/* Leave `from` (NULL fiber: for ever) for goroutine `to`, or for the
 * scheduler if that is NULL. */
SANITIZE_SWITCHES static ALWAYS_INLINE struct m *
leap(struct m *m, struct arch_context *from, void **fiber, struct g *to,
     void *word, uint64_t value)
{
	struct arch_context *ctx;

	if (likely(to)) {
		dispatch(m, m_p(m), to);
		sanitize_leave(fiber, &to->fiber, to->stack - to->stack_size,
			       to->stack_size);
		ctx = &to->ctx;
	} else {
		m->g = NULL;
		sanitize_leave(fiber, &m->fiber, m->stack, m->stack_size);
		ctx = &m->sched;
	}
	sanitize_publish(&from->live, (void *)word);
	arch_control_keep(from, ctx);
	return arch_switch(from, ctx, m, word, value);
}

/* A goroutine goes on: what others may do meanwhile is theirs to see. */
static ALWAYS_INLINE struct m *arrive(struct m *m)
{
	sanitize_arrive(&m->g->fiber);
	if (unlikely(idle_hungry(&sched.idle)))
		wake_share(m_p(m), 0);
	return m;
}

SANITIZE_SWITCHES struct m *park(struct m *m, enum g_reason why,
				 _Atomic uint64_t *word, uint64_t value)
{
	struct g *g = m->g;

	g->reason = why;
	a_store(&g->state, G_WAITING, relaxed);
	return arrive(
		leap(m, &g->ctx, &g->fiber, next_of(m, m_p(m)), word, value));
}

SANITIZE_SWITCHES struct m *park_part(struct m *m)
{
	struct g *g = m->g;

	a_store(&g->state, G_RUNNABLE, relaxed);
	m->parted = g;
	return arrive(leap(m, &g->ctx, &g->fiber, NULL, &m->scratch, 0));
}

/* Half of a full queue moves to the node's. */
static COLD void spill(struct p *p, struct deque *q)
{
	struct g *first = deque_pop_front(q), *last = first;
	uint32_t n = 1;

	for (struct g *g; n < DEQUE_CAP / 2 && (g = deque_pop_front(q)); n++) {
		last->next = g;
		last = g;
	}
	wake_submit(p->node, first, last, n);
}

static ALWAYS_INLINE void push(struct p *p, struct deque *q, struct g *g)
{
	if (likely(deque_push_back(q, g)))
		return;
	spill(p, q);
	deque_push_back(q, g);
}

SANITIZE_SWITCHES struct m *yield(struct m *m)
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
	push(p, &p->fifo, g);
	return arrive(leap(m, &g->ctx, &g->fiber, next, &m->scratch, 0));
}

void ready(struct m *m, struct g *g)
{
	a_store(&g->state, G_RUNNABLE, relaxed);
	if (unlikely(!m)) {
		if (g->bound)
			wake_bound(g);
		else
			wake_submit(0, g, g, 1);
		return;
	}
	if (unlikely(g->bound && g->bound != m)) {
		wake_bound(g);
		return;
	}

	struct p *p = m_p(m);
	struct g *old = a_load(&p->runnext, relaxed);

	a_store(&p->runnext, g, relaxed);
	if (old)
		push(p, &p->fifo, old);
	if (unlikely(idle_hungry(&sched.idle)) && old)
		wake_share(p, 1);
}

void park_spawned(struct m *m, struct g *g)
{
	struct p *p = m_p(m);

	a_store(&g->state, G_RUNNABLE, relaxed);
	push(p, &p->fresh, g);
	if (unlikely(idle_hungry(&sched.idle)))
		wake_share(p, 1);
}

SANITIZE_SWITCHES void park_end(struct m *m)
{
	struct g *g = m->g;
	struct p *p = m_p(m);

	a_store(&p->ended, a_load(&p->ended, relaxed) + 1, relaxed);
	a_store(&g->state, G_DEAD, relaxed);
	g->ctx.pc = NULL;
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

SANITIZE_SWITCHES void park_resume(struct m *m, struct g *g)
{
	leap(m, &m->sched, &m->fiber, g, &m->scratch, 0);
	sanitize_arrive(&m->fiber);
}
