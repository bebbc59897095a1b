/*
 * due.c - timers fire.
 */
#include "core/due.h"

#include "core/park.h"

enum { BATCH = 64 };

static void fire(const struct due *d, struct m *m)
{
	if (!d->event)
		ready(m, d->sleeper);
	else if (event_try(d->event, d->armed))
		d->event->fire(d->event, m);
}

/* Whoever is readied joins those that wait, in the order of the timers: not by
 * runnext, where the latest would pass the others. */
static void fire_in_order(const struct due *d, struct m *m, struct p *p)
{
	struct g *next = a_load(&p->runnext, relaxed), *g;

	a_store(&p->runnext, NULL, relaxed);
	fire(d, m);
	g = a_load(&p->runnext, relaxed);
	a_store(&p->runnext, next, relaxed);
	if (g)
		park_push(p, &p->fifo, g);
}

void due_fire(struct m *m, struct p *p)
{
	struct timers *ts = &p->timers;
	int64_t now = os_now();
	struct due due[BATCH];
	uint32_t n;

	if (now < a_load(&ts->expiry, relaxed))
		return;
	do {
		n = timers_due(ts, now, due, BATCH);
		for (uint32_t i = 0; i < n; i++)
			fire_in_order(&due[i], m, p);
	} while (n == BATCH);
	timers_publish(ts);
	wake_if_hungry(p, 1);
}

/* A sleeper goes where it would if its P looked itself. */
static bool queue(const struct due *d, struct p *p)
{
	if (d->event || d->sleeper->bound)
		return false;
	a_store(&d->sleeper->state, G_RUNNABLE, relaxed);
	park_push(p, &p->fifo, d->sleeper);
	return true;
}

uint32_t due_relieve(struct m *claimed, struct p *p, int64_t now)
{
	struct due due[BATCH];
	uint32_t n = timers_due(&p->timers, now, due, BATCH), left = 0;

	timers_publish(&p->timers);
	for (uint32_t i = 0; i < n; i++)
		if (!queue(&due[i], p))
			due[left++] = due[i];
	if (left < n && idle_hungry(&sched.idle))
		wake_show(p);
	own_release(&claimed->own);
	if (left < n)
		wake_somebody();
	for (uint32_t i = 0; i < left; i++)
		fire(&due[i], NULL);
	return n;
}

COLD void due_rouse(void)
{
	if (a_swap(&sched.told, 1, relaxed) == 0)
		os_futex_wake(&sched.told, 1);
}
