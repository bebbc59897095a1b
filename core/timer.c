/*
 * timer.c - timers in the wheel of their P, and events.
 */
#include "core/timer.h"

#define NODE_SIZE 64 /* on one line */

_Static_assert(sizeof(struct timer) <= NODE_SIZE, "a timer fits its cell");

struct cell_kind timer_nodes = { .name = "leat timers", .size = NODE_SIZE };
struct cell_kind event_cells[] = {
	[EVENT_SMALL] = { .name = "leat events", .size = EVENT_SMALL_SIZE },
	[EVENT_MIDDLE] = { .name = "leat contexts", .size = EVENT_MIDDLE_SIZE },
	[EVENT_LARGE] = { .name = "leat clocks", .size = EVENT_LARGE_SIZE },
};

/* -- events -- */

/* It takes a few steps, unless they have lost their CPU. */
static void pause_for(int turn)
{
	if (turn < 100)
		a_spin();
	else
		a_yield();
}

uint64_t event_take(struct event *e)
{
	for (int turn = 0;; turn++) {
		uint64_t state = a_load(&e->state, relaxed), busy;

		if ((state & EVENT_STATE) == EVENT_BUSY) {
			pause_for(turn);
			continue;
		}
		busy = event_number(state) + EVENT_BUSY;
		/* [event.take] pairs with [event.give], [event.turn]. */
		if (a_cas(&e->state, &state, busy, acquire))
			return state;
	}
}

/* -- the wheel, by its owner -- */

static struct timer *timer_of(struct spoke *s)
{
	return container_of(s, struct timer, spoke);
}

/* Without memory for it t is dropped when its time has come. */
static void leave_note(struct timers *ts, struct timers *home, struct timer *t,
		       struct event *e, uint64_t armed)
{
	struct timer *n = ts ? cell_take(&timer_nodes, &ts->nodes)
			     : cell_take_shared(&timer_nodes);

	if (!n)
		return;
	note_about(n) = &t->spoke;
	n->what.event = e;
	d_write(&n->armed, armed);
	n->below = a_load(&home->notes, relaxed);
	/* [timer.note] pairs with [timer.read]. */
	while (!a_cas(&home->notes, &n->below, n, release))
		;
}

static void read_notes(struct timers *ts)
{
	/* [timer.read] pairs with [timer.note]. */
	struct timer *n = a_swap(&ts->notes, NULL, acquire);

	for (struct timer *below; n; n = below) {
		below = n->below;
		timer_forget(ts, timer_of(note_about(n)), n->what.event,
			     d_read(&n->armed));
		cell_give(&timer_nodes, &ts->nodes, n);
	}
}

/* t was of that arming, which is over. */
static void leave_timer(struct timers *ts, struct timer *t, struct event *e,
			uint64_t armed)
{
	/* It may change while we look, but not to or from us. */
	struct timers *home = a_load(&t->home, relaxed);

	if (!home)
		return;
	if (home == ts)
		timer_forget(ts, t, e, armed);
	else
		leave_note(ts, home, t, e, armed);
}

void timer_disarm(struct timers *ts, struct event *e, uint64_t was)
{
	leave_timer(ts, a_load(&e->timer, relaxed), e, was);
}

bool event_stop_slow(struct timers *ts, struct event *e)
{
	for (int turn = 0;; turn++) {
		/* [event.look] pairs with [event.give], [event.turn]: the
		 * timer, and all else, if it still is armed then. */
		uint64_t state = a_load(&e->state, acquire);
		struct timer *t = a_load(&e->timer, relaxed);

		if ((state & EVENT_STATE) == EVENT_IDLE)
			return false;
		if ((state & EVENT_STATE) == EVENT_BUSY) {
			pause_for(turn);
			continue;
		}
		if (a_cas(&e->state, &state, event_number(state) + EVENT_IDLE,
			  relaxed)) {
			leave_timer(ts, t, e, state);
			return true;
		}
	}
}

/* Its timer, out of the wheel; or a new one. */
static struct timer *again(struct timers *ts, struct event *e, uint64_t was)
{
	struct timer *t = a_load(&e->timer, relaxed);

	if (event_armed(was) && timer_is_ours(ts, t, e, was)) {
		wheel_remove(&ts->wheel, &t->spoke);
		return t;
	}
	if (event_armed(was))
		timer_disarm(ts, e, was);
	return cell_take(&timer_nodes, &ts->nodes);
}

bool timer_arm(struct timers *ts, struct event *e, int64_t when, int64_t period,
	       uint64_t was, uint64_t *armed)
{
	struct timer *t = again(ts, e, was);

	if (!t)
		return false;
	timer_begin(ts, t, e, when, period, was, armed);
	return true;
}

void timer_sleep(struct timers *ts, struct timer *spare, struct g *g,
		 int64_t when)
{
	struct timer *t = cell_take(&timer_nodes, &ts->nodes);

	if (likely(t)) {
		t->armed = SLEEPER;
	} else {
		t = spare;
		t->armed = SLEEPER_FRAME;
	}
	t->what.sleeper = g;
	timer_add(ts, t, when);
}

/* Its time has come: again a period later, or never again. */
static void done(struct timers *ts, struct timer *t, int64_t now)
{
	if (t->period == 0) {
		timer_drop(ts, t);
		return;
	}

	/* Ticks that were missed are not made up for. */
	int64_t latest = now - (now - t->spoke.when) % t->period;

	wheel_add(&ts->wheel, &t->spoke,
		  t->period > WHEEL_NEVER - latest ? WHEEL_NEVER
						   : latest + t->period);
}

/* Does it still stand?  While somebody has the event, it may. */
static bool in_force(const struct timer *t)
{
	uint64_t state = a_load(&t->what.event->state, relaxed);

	return event_number(state) == event_number(t->armed) &&
	       (state & EVENT_STATE) != EVENT_IDLE;
}

uint32_t timers_due(struct timers *ts, int64_t now, struct due *due, uint32_t n)
{
	uint32_t got = 0;
	struct spoke *s;

	while (got < n && (s = wheel_expire(&ts->wheel, now))) {
		struct timer *t = timer_of(s);

		/* All that are dropped now stay at hand: some may have to be
		 * set again, whether there is memory or not. */
		if (got == 0 && ts->nodes.n > CELLS - n)
			cell_spill(&timer_nodes, &ts->nodes,
				   ts->nodes.n - (CELLS - n));

		if (t->armed <= SLEEPER_FRAME) {
			due[got++] = (struct due){ .sleeper = t->what.sleeper };
			if (likely(t->armed == SLEEPER))
				timer_drop(ts, t);
		} else if (in_force(t)) {
			due[got++] = (struct due){ .event = t->what.event,
						   .armed = t->armed };
			done(ts, t, now);
		} else {
			timer_drop(ts, t);
		}
	}
	return got;
}

void timers_settle(struct timers *ts)
{
	if (a_load(&ts->notes, relaxed))
		read_notes(ts);
	if (ts->wheel.pending)
		wheel_settle(&ts->wheel);
}

void timers_move(struct timers *from, struct timers *to)
{
	struct spoke *s;

	timers_settle(from);
	while ((s = wheel_any(&from->wheel)))
		timer_add(to, timer_of(s), s->when);
	timers_publish(from);
	cell_spill(&timer_nodes, &from->nodes, from->nodes.n);
	for (int i = 0; i < EVENT_SIZES; i++)
		cell_spill(&event_cells[i], &from->events[i],
			   from->events[i].n);
}
