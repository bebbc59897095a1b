/*
 * timer.h - what is to happen at a time, and who may still prevent it.
 *
 *	timer    in the wheel of one P; touched only by who owns that P
 *	event    what is to happen; stopped, moved, fired by anybody
 *
 *	                 disarm
 *	     .---------------------------.
 *	     v     arm                   |
 *	   IDLE --------> ARMED --> BUSY-'     number += 1 at each arming
 *	     ^    (BUSY)            | ^
 *	     '----------------------' |
 *	           fired, done        '- at its time
 *
 *	state	| number : 61 | LEFT | IDLE, ARMED or BUSY |
 *
 * Whoever makes an event BUSY has it for himself for a few steps: to arm it, to
 * disarm it, or, when its timer has come to the front of the wheel and the state
 * is still the one of that arming, to fire it.  So exactly one of those happens.
 * To disarm it and no more takes one step, ARMED to IDLE.
 *
 *	last user leaves                          who fires it
 *	LEFT                                      BUSY -> IDLE
 *	it was IDLE: frees it                     it was LEFT: frees it
 *
 *	P a owns the wheel                        P b stops the event
 *	                                          ARMED 7 -> BUSY 7
 *	                                          the timer is not b's: left there
 *	                                          BUSY 7 -> IDLE 7
 *	                                          a note to a: timer, event, 7
 *	the note comes, or the timer: armed 7,
 *	state IDLE 7, or ARMED 8 by now: dropped
 *
 * No P waits for another, and none is woken for a note: it is for the memory's
 * sake, and read when its P is at it anyway.
 *
 * Invariants: a timer with a home is in the wheel of that home, and is read,
 * written and freed by its owner alone; event->timer, and what a note is about,
 * are hints, good if the timer's home is ours and it names that event and
 * arming.  Linearization
 * points: out of ARMED.
 *
 * Reclamation: events are type-stable (cell.h) and their numbers only grow, so a
 * timer that was left behind never takes a later event for its own.
 */
#ifndef CORE_TIMER_H
#define CORE_TIMER_H

#include "core/atomic.h"
#include "core/cell.h"
#include "core/wheel.h"

struct g;
struct m;
struct event;
struct timers;

enum {
	EVENT_IDLE,
	EVENT_ARMED,
	EVENT_BUSY,
	EVENT_STATE = 3,  /* mask */
	EVENT_LEFT = 4,   /* by its users: who ends the arming frees it */
	EVENT_NUMBER = 8, /* times the number of the arming */
};

/* In a wheel, for an event or a goroutine that sleeps. */
struct timer {
	struct spoke spoke;
	_Atomic(struct timers *) home; /* whose wheel; NULL: none */
	union {
		struct event *event;
		struct g *sleeper;
	} what;
	uint64_t armed; /* the event's state while it is in force; or: */
	union {
		int64_t period;      /* 0: once */
		struct timer *below; /* in the stack of notes */
	};
};

enum {
	SLEEPER,       /* the timer is a cell */
	SLEEPER_FRAME, /* it lies in the sleeper's frame */
};

/* A note has the shape of a timer: it is of the same kind of cell, and somebody
 * may still read its home, which is NULL. */
#define note_about(n) ((n)->spoke.next)

struct event {
	_Atomic uint64_t state;
	_Atomic(struct timer *) timer; /* of the latest arming */
	/* It has come: called with the event BUSY, by who owns the P it was
	 * armed on, which is m's. */
	void (*fire)(struct event *e, struct m *m, int64_t now);
};

/* What it takes, with all that its user adds. */
enum event_size { EVENT_SMALL, EVENT_MIDDLE, EVENT_LARGE, EVENT_SIZES };

enum {
	EVENT_SMALL_SIZE = 128,
	EVENT_MIDDLE_SIZE = 256,
	EVENT_LARGE_SIZE = 640,
};

/* Of one P. */
struct timers {
	_Atomic int64_t expiry; /* when it is to be looked at; not later */
	_Atomic(struct timer *) notes; /* of what was stopped elsewhere */
	struct cells nodes, events[EVENT_SIZES];
	struct wheel wheel;
};

/* What has come: to be fired once the wheel is let go. */
struct due {
	struct event *event; /* NULL: */
	struct g *sleeper;
	uint64_t armed;
};

/* -- events -- */

/* Make it BUSY, waiting while it is; what it was. */
uint64_t event_take(struct event *e);

/* Its time has come: make it BUSY, if that arming still is in force.  Relaxed:
 * whoever armed it owned the P that we own now. */
static ALWAYS_INLINE bool event_begin(struct event *e, uint64_t armed)
{
	uint64_t state = a_load(&e->state, relaxed);

	while ((state & ~(uint64_t)EVENT_LEFT) == armed)
		if (a_cas(&e->state, &state, state + EVENT_BUSY - EVENT_ARMED,
			  relaxed))
			return true;
	return false;
}

/* Not BUSY any more.  Nothing of the event may be touched after this. */
static ALWAYS_INLINE void event_give(struct event *e, uint64_t state)
{
	/* [event.give] pairs with [event.take], [event.look],
	 * [event.look_here]. */
	a_store(&e->state, state, release);
}

/* The same where its last user may be about to leave it: from one state to
 * another.  True: he has, and only the caller knows it. */
static ALWAYS_INLINE bool event_turn(struct event *e, uint64_t from,
				     uint64_t to)
{
	/* [event.turn] pairs with [event.take], [event.look], [event.look_here],
	 * [event.left], [event.leave]: who frees it has seen what the other did. */
	return a_add(&e->state, to - from, acq_rel) & EVENT_LEFT;
}

/* Its last user leaves it, armed or not.  True: it is IDLE, to be freed. */
static ALWAYS_INLINE bool event_leave(struct event *e)
{
	uint64_t was;

	/* [event.left] pairs with [event.turn].  Nobody else can arm it. */
	if ((a_load(&e->state, acquire) & EVENT_STATE) == EVENT_IDLE)
		return true;
	/* [event.leave] pairs with [event.turn]. */
	was = a_or(&e->state, EVENT_LEFT, acq_rel);

	return (was & EVENT_STATE) == EVENT_IDLE;
}

static ALWAYS_INLINE uint64_t event_number(uint64_t state)
{
	return state & ~(uint64_t)(EVENT_STATE | EVENT_LEFT);
}

static ALWAYS_INLINE bool event_armed(uint64_t state)
{
	return (state & EVENT_STATE) == EVENT_ARMED;
}

/* As it is when nobody else knows of it. */
static ALWAYS_INLINE uint64_t event_idle(const struct event *e)
{
	return event_number(a_load(&e->state, relaxed)) + EVENT_IDLE;
}

/* -- timers of a P, by its owner -- */

extern struct cell_kind timer_nodes, event_cells[EVENT_SIZES];

/* Something is due at `when`: look no later. */
static ALWAYS_INLINE void timers_by(struct timers *ts, int64_t when)
{
	if (when < a_load(&ts->expiry, relaxed))
		a_store(&ts->expiry, when, relaxed);
}

static ALWAYS_INLINE void timer_add(struct timers *ts, struct timer *t,
				    int64_t when)
{
	a_store(&t->home, ts, relaxed);
	wheel_add(&ts->wheel, &t->spoke, when);
	timers_by(ts, when);
}

static ALWAYS_INLINE void timer_drop(struct timers *ts, struct timer *t)
{
	a_store(&t->home, NULL, relaxed);
	cell_give(&timer_nodes, &ts->nodes, t);
}

/* Is t of that arming, and here? */
static ALWAYS_INLINE bool timer_is_ours(struct timers *ts, struct timer *t,
					const struct event *e, uint64_t armed)
{
	return a_load(&t->home, relaxed) == ts && t->what.event == e &&
	       t->armed == armed;
}

/* That arming is over. */
static ALWAYS_INLINE void timer_forget(struct timers *ts, struct timer *t,
				       const struct event *e, uint64_t armed)
{
	if (!timer_is_ours(ts, t, e, armed))
		return;
	wheel_remove(&ts->wheel, &t->spoke);
	timer_drop(ts, t);
}

/* t, which is in no wheel, for the next arming of e. */
static ALWAYS_INLINE void timer_begin(struct timers *ts, struct timer *t,
				      struct event *e, int64_t when,
				      int64_t period, uint64_t was,
				      uint64_t *armed)
{
	*armed = event_number(was) + EVENT_NUMBER + EVENT_ARMED;
	t->what.event = e;
	t->armed = *armed;
	t->period = period;
	a_store(&e->timer, t, relaxed);
	timer_add(ts, t, when);
}

/* -- events, with the timers of a P of the caller's, or NULL -- */

/* An event of the caller's, and back; NULL: no memory.  A new one is idle, but
 * LEFT may be set. */
static ALWAYS_INLINE struct event *event_new(struct timers *ts,
					     enum event_size size)
{
	return likely(ts) ? cell_take(&event_cells[size], &ts->events[size])
			  : cell_take_shared(&event_cells[size]);
}

static ALWAYS_INLINE void event_free(struct timers *ts, struct event *e,
				     enum event_size size)
{
	if (likely(ts))
		cell_give(&event_cells[size], &ts->events[size], e);
	else
		cell_give_shared(&event_cells[size], e);
}

bool event_stop_slow(struct timers *ts, struct event *e);

/* Disarm it: true if it was armed. */
static ALWAYS_INLINE bool event_stop(struct timers *ts, struct event *e)
{
	/* [event.look_here] pairs with [event.give], [event.turn]. */
	uint64_t state = a_load(&e->state, acquire);
	struct timer *t = a_load(&e->timer, relaxed);

	/* (Without a P no timer is ours, not even one without a home.) */
	if (unlikely(!ts) || unlikely(!event_armed(state)) ||
	    unlikely(a_load(&t->home, relaxed) != ts) ||
	    unlikely(!a_cas(&e->state, &state, event_number(state) + EVENT_IDLE,
			    relaxed)))
		return event_stop_slow(ts, e);
	timer_forget(ts, t, e, state);
	return true;
}

/* -- with a P; the event is BUSY, or nobody else's -- */

/* A timer for it; false: no memory, and it is disarmed.  was: its state before;
 * *armed: what it is to be given back as. */
bool timer_arm(struct timers *ts, struct event *e, int64_t when, int64_t period,
	       uint64_t was, uint64_t *armed);

/* The same for one that is not armed. */
static ALWAYS_INLINE bool timer_arm_first(struct timers *ts, struct event *e,
					  int64_t when, int64_t period,
					  uint64_t was, uint64_t *armed)
{
	struct timer *t = cell_take(&timer_nodes, &ts->nodes);

	if (unlikely(!t))
		return false;
	timer_begin(ts, t, e, when, period, was, armed);
	return true;
}

/* It was armed with that state, and is not to be any more. */
void timer_disarm(struct timers *ts, struct event *e, uint64_t was);

/* For a goroutine that sleeps; nobody can stop it.  spare lies in its frame: far
 * from others of its kind, so it is used only if there is no memory. */
void timer_sleep(struct timers *ts, struct timer *spare, struct g *g,
		 int64_t when);

/* -- by the owner of the P -- */

/* Up to n of what is due at `now`; how many.  Less than n: all of it. */
uint32_t timers_due(struct timers *ts, int64_t now, struct due *due,
		    uint32_t n);
/* Drop what was stopped elsewhere; the pending ones to their places in the
 * wheel. */
void timers_settle(struct timers *ts);
/* All of them go to another P. */
void timers_move(struct timers *from, struct timers *to);

/* When to look again. */
static ALWAYS_INLINE void timers_publish(struct timers *ts)
{
	a_store(&ts->expiry, wheel_next(&ts->wheel), relaxed);
}

#endif
