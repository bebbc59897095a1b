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

enum { KEEP_NS = 20000 };

/* An ownership lost while outside is found out on the way in. */
COLD struct m *m_enter_slow(struct m *m)
{
	fork_refuse();
	if (own_enter_slow(&m->own))
		return m;
	if (a_load(&m->blocked, relaxed))
		fatal("a call into the runtime inside leat_block_enter");
	return spare_return(m);
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

SANITIZE_SWITCHES struct m *park_part(struct m *m)
{
	struct g *g = m->g;

	a_store(&g->state, G_RUNNABLE, relaxed);
	m->parted = g;
	return arrive(leap(m, &g->ctx, &g->fiber, NULL, &m->scratch, 0));
}

/* Half of a full queue moves to the node's. */
COLD void park_spill(struct p *p, struct deque *q)
{
	struct g *half[DEQUE_CAP / 2];

	for (uint32_t i = 0; i < ARRAY_LEN(half); i++)
		half[i] = deque_pop_front(q);
	wake_submit(p->node, half, ARRAY_LEN(half));
}

void ready_slow(struct m *m, struct g *g)
{
	a_store(&g->state, G_RUNNABLE, relaxed);
	if (unlikely(!m)) {
		if (g->bound)
			wake_bound(g);
		else
			wake_submit(0, &g, 1);
		return;
	}
	/* An exclusive thread runs only what it finds in its own list. */
	if (unlikely(g->bound && (g->bound != m || m_exclusive(m)))) {
		wake_bound(g);
		return;
	}

	struct p *p = m_p(m);
	struct g *old = a_load(&p->runnext, relaxed);

	a_store(&p->runnext, g, relaxed);
	if (old)
		park_push(p, &p->fifo, old);
	if (old)
		wake_if_hungry(p, 1);
}

void park_share(struct m *m)
{
	struct p *p = m_p(m);
	struct g *g = a_load(&p->runnext, relaxed);

	if (!g || !idle_hungry(&sched.idle))
		return;
	if (m->kept != g) {
		m->kept = g;
		m->kept_since = os_now();
	} else if (os_now() - m->kept_since > KEEP_NS) {
		m->kept = NULL;
		wake_show(p);
		wake_somebody();
	}
}

void park_spawned(struct m *m, struct g *g)
{
	struct p *p = m_p(m);

	a_store(&g->state, G_RUNNABLE, relaxed);
	park_push(p, &p->fresh, g);
	wake_if_hungry(p, 1);
}

SANITIZE_SWITCHES void park_resume(struct m *m, struct g *g)
{
	leap(m, &m->sched, &m->fiber, g, &m->scratch, 0);
	sanitize_arrive(&m->fiber);
}
