/*
 * due.c - timers fire.
 */
#include "core/due.h"

#include "core/park.h"

enum { BATCH = 64 };

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
 * the queue, one in three of those who run is ours at least. */
static bool is_full(struct p *p)
{
	uint32_t tick = a_load(&p->tick, relaxed);

	if (deque_len(&p->fifo) >= BATCH && tick - p->fired < 3 * BATCH)
		return true;
	p->fired = tick;
	return false;
}

/* On m's P, in order; how many. */
static uint32_t fire_some(struct m *m, int64_t now)
{
	struct p *p = m_p(m);
	struct due due[BATCH];
	uint32_t n;

	if (is_full(p))
		return 0;
	n = timers_due(&p->timers, now, due, BATCH);
	for (uint32_t i = 0; i < n; i++)
		fire_in_order(&due[i], m, now);
	timers_publish(&p->timers);
	return n;
}

void due_fire(struct m *m, struct p *p)
{
	int64_t now = os_now();

	if (now < a_load(&p->timers.expiry, relaxed))
		return;
	if (fire_some(m, now) > 0)
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
