/*
 * deadline.c - a choice made by time.
 */
#include "sync/deadline.h"

#include "core/clock.h"
#include "core/fake.h"
#include "core/os.h"
#include "core/timer.h"

struct deadline {
	struct event event;
	struct choice *choice;
	struct waiter *who;
};

static void fires(struct event *e, struct m *m, int64_t now)
{
	struct deadline *d = container_of(e, struct deadline, event);
	struct g *g = d->who->g;
	bool asleep = choice_claim(d->choice) &&
		      choice_fire(d->choice, DEADLINE_INDEX);

	(void)now;
	/* Awake, it may be gone after this. */
	event_give(e, event_idle(e));
	if (asleep)
		ready(m, g);
}

struct deadline *deadline_arm(struct m *m, struct choice *c, struct waiter *w,
			      int64_t when)
{
	struct timers *ts = &m_p(m)->timers;
	struct event *e = event_new(ts, EVENT_SMALL);
	struct deadline *d;
	uint64_t armed;

	if (!e)
		return NULL;
	d = container_of(e, struct deadline, event);
	if (!timer_arm_first(ts, e, when, 0, event_idle(e), &armed)) {
		event_free(ts, e, EVENT_SMALL);
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

	event_stop(ts, &d->event);
	event_free(ts, &d->event, EVENT_SMALL);
}

void deadline_sleep(struct choice *c, struct waiter *w, int64_t when)
{
	bool fake = unlikely(clock_is_fake) && when != OS_NEVER;
	struct fake_wait wait;

	fork_refuse();
	if (fake)
		fake_wait_begin(&wait, when);
	/* [deadline.wait] pairs with [waiter.wake]. */
	while (!a_load(&w->woken, acquire)) {
		/* The kernel does not know the fake clock: look now and then. */
		os_futex_wait(&w->woken, 0,
			      fake ? os_now() + FAKE_LOOK_NS : when);
		if (when == OS_NEVER || clock_now() < when)
			continue;
		/* Too late, if somebody is about to wake us. */
		when = OS_NEVER;
		if (choice_claim(c)) {
			choice_fire(c, DEADLINE_INDEX);
			break;
		}
	}
	if (fake)
		fake_wait_end(&wait);
}
