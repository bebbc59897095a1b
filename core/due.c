/*
 * due.c - timers fire.
 */
#include "core/due.h"

#include "core/park.h"

enum { BATCH = 64, PATIENCE_NS = 1000000 };

_Static_assert((int)BATCH <= (int)CELLS,
	       "timers_due keeps at hand what has come");

static void fire(const struct due *d, struct m *m, int64_t now)
{
	if (!d->event)
		ready(m, d->sleeper);
	else if (event_begin(d->event, d->armed))
		d->event->fire(d->event, m, now);
}

/* Whoever is readied joins those that wait, in the order of the timers: not by
 * runnext, where the latest would pass the others. */
static void fire_in_order(const struct due *d, struct m *m, int64_t now)
{
	struct p *p = m_p(m);
	struct g *next = a_load(&p->runnext, relaxed), *g;

	a_store(&p->runnext, NULL, relaxed);
	fire(d, m, now);
	g = a_load(&p->runnext, relaxed);
	a_store(&p->runnext, next, relaxed);
	if (g)
		park_push(p, &p->fifo, g);
}

/* Where many have come, those whom they wake or start have their turn before
 * the next ones: they leave behind stacks for them, warm ones.  If others fill
 * the queue, one in three of those who run is ours at least; and if they take
 * long, a batch each millisecond. */
static bool is_full(struct p *p, int64_t now)
{
	return deque_len(&p->fifo) >= BATCH &&
	       a_load(&p->tick, relaxed) - p->fired.tick < 3 * BATCH &&
	       now - p->fired.at < PATIENCE_NS;
}

/* On m's P, in order; how many. */
static uint32_t fire_some(struct m *m, int64_t now)
{
	struct p *p = m_p(m);
	uint32_t before = deque_len(&p->fifo), n;
	struct due due[BATCH];

	n = timers_due(&p->timers, now, due, BATCH);
	for (uint32_t i = 0; i < n; i++)
		fire_in_order(&due[i], m, now);
	timers_publish(&p->timers);
	if (deque_len(&p->fifo) != before) {
		p->fired.tick = a_load(&p->tick, relaxed);
		p->fired.at = now;
	}
	return n;
}

void due_fire(struct m *m, struct p *p)
{
	int64_t now = clock_now();

	if (now < a_load(&p->timers.expiry, relaxed))
		return;
	if (!is_full(p, now) && fire_some(m, now) > 0)
		wake_if_hungry(p, 1);
}

uint32_t due_relieve(struct m *claimed, struct p *p, int64_t now)
{
	uint32_t n = fire_some(claimed, now);
	bool hungry = n > 0 && idle_hungry(&sched.idle);

	if (hungry)
		wake_show(p);
	own_release(&claimed->own);
	if (hungry)
		wake_somebody();
	return n;
}

COLD void due_rouse(void)
{
	if (a_swap(&sched.told, 1, relaxed) == 0)
		os_futex_wake(&sched.told, 1);
}
