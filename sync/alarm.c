/*
 * alarm.c - timers as users have them: an event, and what it does.
 *
 *	func     starts a goroutine
 *	clock    sends the time; its channel is in the same piece of memory, and
 *	         both have one count of references
 *
 *	who gives the last reference back       who fires it, at that time
 *
 *	clock: event_stop waits for BUSY        sends; BUSY -> IDLE; looks at it
 *	       frees it                         no more
 *	func:  event_leave                      starts it; BUSY -> IDLE
 *	       was it IDLE? frees it            was it LEFT? frees it
 *
 * An event that is BUSY is held for a few steps: whoever holds it never gives way
 * to another goroutine, which might wait for it on the same P.  So the channel
 * is locked without pauses (chan_tick, chan_take_back), and never biased.
 *
 * The channel is an ordinary one with room for one value, so all that can be
 * done with a channel is done in the ordinary way.  That it looks as if it had
 * no buffer, after Go 1.23, is made of two things: its length and capacity are
 * not told, and whatever sets or stops the timer takes back what is in it.
 *
 * Linearization points: out of ARMED; for a value that is taken back, or that is
 * received meanwhile, those of the ring.
 */
#include "leat/timer.h"

#include "core/base.h"
#include "core/clock.h"
#include "core/due.h"
#include "core/go.h"
#include "core/os.h"
#include "core/panic.h"
#include "core/park.h"
#include "core/timer.h"
#include "sync/chan.h"
#include "sync/errand.h"

#include <errno.h>

#define RETRY_NS 1000000

struct leat_timer {
	struct event event;
	_Atomic uint32_t users; /* references; a clock's are its channel's */
	bool is_clock, is_ticker;
	int64_t period; /* a ticker's; 0 */
};

struct func {
	struct leat_timer timer;
	leat_fn_ *fn;
	int argc;
	uintptr_t arg[6];
	uint64_t parent; /* who set it first */
};

struct clock {
	struct leat_timer timer;
	struct leat_chan_ chan; /* its slot lies behind it */
};

_Static_assert(sizeof(struct func) <= EVENT_SMALL_SIZE, "a func fits its cell");
_Static_assert(sizeof(struct clock) + sizeof(struct slot) + WORD <=
		       EVENT_LARGE_SIZE,
	       "a clock fits its cell");

static struct func *func_of(struct event *e)
{
	return container_of(e, struct func, timer.event);
}

static struct clock *clock_of(struct event *e)
{
	return container_of(e, struct clock, timer.event);
}

static struct leat_chan_ *chan_of(struct leat_timer *t)
{
	return &clock_of(&t->event)->chan;
}

static _Atomic uint32_t *users_of(struct leat_timer *t)
{
	return t->is_clock ? &chan_of(t)->users : &t->users;
}

/* A moment at least d from now. */
static leat_time from_now(leat_duration d)
{
	struct m *m = arch_self();
	int64_t now = m ? clock_ahead(&m->reading) : clock_now();

	return d > LEAT_NEVER - now ? LEAT_NEVER : now + d;
}

static struct timers *timers_of(struct m *m)
{
	return m ? &m_p(m)->timers : NULL;
}

static void leave(struct m *m)
{
	if (m)
		m_leave(m);
}

/* -- the time has come -- */

static void starts(struct event *e, struct m *m, int64_t now)
{
	struct timers *ts = timers_of(m);
	struct func *f = func_of(e);
	const struct go_extra last = { .last = true, .parent = f->parent };
	uint64_t idle = event_idle(e), armed;

	if (likely(go_start_inside(m, &last, f->fn, f->argc, f->arg) == 0)) {
		if (event_turn(e, idle + EVENT_BUSY, idle))
			event_free(ts, e, EVENT_SMALL);
		return;
	}
	/* The timer that has just come is at hand. */
	check(timer_arm(ts, e, now + RETRY_NS, 0, idle, &armed));
	event_turn(e, idle + EVENT_BUSY, armed);
}

static void sends(struct event *e, struct m *m, int64_t now)
{
	struct clock *c = clock_of(e);
	bool again = c->timer.is_ticker;

	chan_tick(&c->chan, &now, m);
	event_give(e, event_idle(e) + (again ? EVENT_ARMED : EVENT_IDLE));
}

/* -- set -- */

enum { AS_BEFORE = -1 };

static leat_time not_before_0(leat_time when)
{
	return when > 0 ? when : 0;
}

/* 1, 0: it was set, or not; -ENOMEM: it is not.  A ticker's period may be
 * AS_BEFORE. */
static int set(struct m *m, struct leat_timer *t, int64_t when, int64_t period)
{
	uint64_t was = event_take(&t->event), armed;
	bool active = event_armed(was);

	if (t->is_clock && chan_take_back(chan_of(t)))
		active = true;
	if (period != AS_BEFORE)
		t->period = period;
	if (!timer_arm(timers_of(m), &t->event, not_before_0(when), t->period,
		       was, &armed)) {
		event_give(&t->event, event_number(was) + EVENT_IDLE);
		return -ENOMEM;
	}
	event_give(&t->event, armed);
	due_tell(when);
	return active;
}

struct order {
	struct leat_timer *timer;
	int64_t when, period;
	int result;
};

static void carry_out(struct m *m, void *order)
{
	struct order *o = order;

	o->result = set(m, o->timer, o->when, o->period);
}

static COLD int set_there(struct leat_timer *t, int64_t when, int64_t period)
{
	struct order o = { t, when, period, 0 };
	int rc = errand(carry_out, &o);

	return rc == 0 ? o.result : rc;
}

/* -- new -- */

/* A new one is set for the first time; NULL: no memory. */
static ALWAYS_INLINE struct leat_timer *begin(struct m *m, struct leat_timer *t,
					      int64_t when, int64_t period)
{
	struct event *e = &t->event;
	uint64_t armed;
	bool done;

	t->period = period;
	if (likely(m)) {
		done = timer_arm_first(&m_p(m)->timers, e, not_before_0(when),
				       period, event_idle(e), &armed);
		event_give(e, done ? armed : event_idle(e));
		due_tell(when);
	} else {
		event_give(e, event_idle(e));
		done = set_there(t, when, period) >= 0;
	}
	if (likely(done))
		return t;
	event_free(timers_of(m), e, t->is_clock ? EVENT_LARGE : EVENT_SMALL);
	return NULL;
}

static void release_chan(struct leat_chan_ *c);

static const struct chan_owner clocks = { release_chan };

static leat_timer *new_clock(leat_time when, leat_duration period)
{
	struct m *m = m_enter();
	struct event *e = event_new(timers_of(m), EVENT_LARGE);
	struct leat_timer *t = NULL;

	if (likely(e)) {
		struct clock *c = clock_of(e);

		e->fire = sends;
		c->timer.is_clock = true;
		c->timer.is_ticker = period > 0;
		chan_begin(&c->chan, sizeof(leat_time), 1);
		a_store(&c->chan.bias.foreign, true, relaxed);
		c->chan.owner = &clocks;
		t = begin(m, &c->timer, when, period);
	}
	leave(m);
	return t;
}

leat_timer *leat_timer_new_at(leat_time when)
{
	return new_clock(when, 0);
}

leat_timer *leat_timer_new(leat_duration d)
{
	return new_clock(from_now(d), 0);
}

leat_timer *leat_ticker_new(leat_duration d)
{
	if (d <= 0)
		panics("non-positive interval for NewTicker");
	return new_clock(from_now(d), d);
}

static ALWAYS_INLINE leat_timer *new_func(leat_time when, leat_fn_ *fn,
					  int argc, const uintptr_t *argv)
{
	struct leat_timer *t = NULL;
	struct event *e;
	struct m *m;

	if (unlikely(!fn))
		fatal("leat_after_func of nil func value");
	m = m_enter();
	e = event_new(timers_of(m), EVENT_SMALL);
	if (likely(e)) {
		struct func *f = func_of(e);

		e->fire = starts;
		f->timer.is_clock = false;
		f->timer.is_ticker = false;
		a_store(&f->timer.users, 1, relaxed);
		f->fn = fn;
		f->argc = argc;
		for (int i = 0; i < argc; i++)
			f->arg[i] = argv[i];
		f->parent = m ? m->g->id : 0;
		t = begin(m, &f->timer, when, 0);
	}
	leave(m);
	return t;
}

leat_timer *leat_after_func_at_(leat_time when, leat_fn_ *fn, int argc,
				const uintptr_t *argv)
{
	return new_func(when, fn, argc, argv);
}

leat_timer *leat_after_func_(leat_duration d, leat_fn_ *fn, int argc,
			     const uintptr_t *argv)
{
	return new_func(from_now(d), fn, argc, argv);
}

int leat_go_after_(leat_duration d, leat_fn_ *fn, int argc,
		   const uintptr_t *argv)
{
	leat_timer *t = leat_after_func_(d, fn, argc, argv);

	leat_timer_release(t);
	return t ? 0 : -ENOMEM;
}

/* -- stop, and set again -- */

bool leat_timer_stop(leat_timer *t)
{
	struct m *m;
	bool active;

	if (unlikely(!t))
		panics("time: Stop called on uninitialized Timer");
	m = m_enter();
	if (t->is_clock) {
		uint64_t was = event_take(&t->event);

		active = event_armed(was);
		if (active)
			timer_disarm(timers_of(m), &t->event, was);
		if (chan_take_back(chan_of(t)))
			active = true;
		event_give(&t->event, event_number(was) + EVENT_IDLE);
	} else {
		active = event_stop(timers_of(m), &t->event);
	}
	leave(m);
	return active;
}

static int set_again(struct leat_timer *t, int64_t when, int64_t period)
{
	struct m *m = m_enter();
	int rc;

	if (unlikely(!m)) {
		rc = set_there(t, when, period);
		if (rc < 0)
			leat_timer_stop(t);
		return rc;
	}
	rc = set(m, t, when, period);
	m_leave(m);
	return rc;
}

int leat_timer_reset_at(leat_timer *t, leat_time when)
{
	if (unlikely(!t))
		panics("time: Reset called on uninitialized Timer");
	return set_again(t, when, AS_BEFORE);
}

int leat_timer_reset(leat_timer *t, leat_duration d)
{
	if (unlikely(!t))
		panics("time: Reset called on uninitialized Timer");
	if (unlikely(t->is_ticker) && d <= 0)
		panics("non-positive interval for Ticker.Reset");
	return set_again(t, from_now(d), t->is_ticker ? d : 0);
}

/* -- references, and the channel -- */

leat_time_receiver leat_timer_chan(leat_timer *t)
{
	if (unlikely(!t))
		fatal("leat_timer_chan: nil timer");
	return t->is_clock ? (leat_time_receiver)(uintptr_t)chan_of(t) : NULL;
}

leat_timer *leat_timer_retain(leat_timer *t)
{
	if (t)
		a_add(users_of(t), 1, relaxed);
	return t;
}

/* Nobody else has it: clocks will never be looked at, and a func that is set
 * frees itself. */
static ALWAYS_INLINE void end(struct leat_timer *t)
{
	struct m *m = m_enter();
	struct timers *ts = timers_of(m);

	a_store(users_of(t), 0, relaxed);
	if (t->is_clock) {
		check(!chan_of(t)->recvq.first);
		event_stop(ts, &t->event);
		event_free(ts, &t->event, EVENT_LARGE);
	} else if (event_leave(&t->event)) {
		event_free(ts, &t->event, EVENT_SMALL);
	}
	leave(m);
}

static void release(struct leat_timer *t)
{
	_Atomic uint32_t *users = users_of(t);
	uint32_t was;

	/* [alarm.last] pairs with [alarm.release]: with one reference left
	 * nobody else can make another. */
	if (likely(a_load(users, acquire) == 1)) {
		end(t);
		return;
	}
	/* [alarm.release] pairs with [alarm.release], [alarm.last]: the last
	 * one sees all that the others did. */
	was = a_sub(users, 1, acq_rel);
	if (was == 0)
		fatal("leat_timer_release of a timer that was released before");
	if (was == 1)
		end(t);
}

void leat_timer_release(leat_timer *t)
{
	if (t)
		release(t);
}

static void release_chan(struct leat_chan_ *c)
{
	release(&container_of(c, struct clock, chan)->timer);
}

leat_time_receiver leat_after(leat_duration d)
{
	leat_timer *t = leat_timer_new(d);

	return t ? leat_timer_chan(t) : NULL;
}

leat_time_receiver leat_tick(leat_duration d)
{
	leat_timer *t = d > 0 ? leat_ticker_new(d) : NULL;

	return t ? leat_timer_chan(t) : NULL;
}
