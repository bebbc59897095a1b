/*
 * deadline.c - a choice made by time.
 */
#include "sync/deadline.h"

#include "core/os.h"
#include "core/timer.h"

struct deadline {
	struct event event;
	struct choice *choice;
	struct waiter *who;
};

static uint64_t idle(const struct event *e)
{
	return event_number(a_load(&e->state, relaxed)) + EVENT_IDLE;
}

static void fires(struct event *e, struct m *m)
{
	struct deadline *d = container_of(e, struct deadline, event);
	struct g *g = d->who->g;
	bool asleep = choice_claim(d->choice) &&
		      choice_fire(d->choice, DEADLINE_INDEX);

	/* Awake, it may be gone after this. */
	event_give(e, idle(e));
	if (asleep)
		ready(m, g);
}

struct deadline *deadline_arm(struct m *m, struct choice *c, struct waiter *w,
			      int64_t when)
{
	struct timers *ts = &m_p(m)->timers;
	struct event *e = event_new(ts);
	struct deadline *d;
	uint64_t armed;

	if (!e)
		return NULL;
	d = container_of(e, struct deadline, event);
	if (!timer_arm(ts, e, when, 0, idle(e), &armed)) {
		event_free(ts, e);
		return NULL;
	}
	e->fire = fires;
	d->choice = c;
	d->who = w;
	event_give(e, armed);
	return d;
}

void deadline_end(struct m *m, struct deadline *d)
{
	struct timers *ts = &m_p(m)->timers;
	uint64_t state = event_take(&d->event);

	if (event_armed(state))
		timer_disarm(ts, &d->event, state);
	event_give(&d->event, event_number(state) + EVENT_IDLE);
	event_free(ts, &d->event);
}

void deadline_sleep(struct choice *c, struct waiter *w, int64_t when)
{
	/* [deadline.wait] pairs with [waiter.wake]. */
	while (!a_load(&w->woken, acquire)) {
		os_futex_wait(&w->woken, 0, when);
		if (when == OS_NEVER || os_now() < when)
			continue;
		/* Too late, if somebody is about to wake us. */
		when = OS_NEVER;
		if (choice_claim(c)) {
			choice_fire(c, DEADLINE_INDEX);
			return;
		}
	}
}
