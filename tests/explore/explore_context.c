/*
 * explore_context.c - sync/cancel.c and sync/context.c: a tree of contexts is
 * cancelled while some join it, and some end.
 *
 *	root <--- child <--- grand
 *
 *	cancels     the root, or the child: each is cancelled once, all below too
 *	derives     a child of the root: born before, told; born after, told too
 *	releases    the last reference to the child: it is freed, once, and
 *	            nobody has it then
 *	asks        for the channel: closed, if there is an error
 *	looks       at the error: what was done before the cancel is seen
 *	time        the child's deadline comes
 *	follows     a function: started, or stopped
 *
 * What a context has is written by who makes it, and again when it is freed:
 * plainly.
 */

#include "sync/cancel.c"
#undef RETRY_NS
#include "sync/follow.c"

#include "sync/context.c"

#include "tests/explore/explore.h"

#include <string.h>

enum { CELLS_OF = 6, ROOM = 640 };

struct sched sched;
struct cell_kind timer_nodes, event_cells[EVENT_SIZES];

static _Alignas(CPU_LINE) char cell[CELLS_OF][ROOM];
static int body[CELLS_OF]; /* plain: of the context in that cell */
static int taken, freed;
static _Atomic uint32_t closed[CELLS_OF];
static int started, stopped;
static int news; /* plain: what happened before a cancel */
static leat_ctx_func *func;
static struct leat_ctx *root, *child, *grand, *born;
static struct canceller *due;

static int place_of(const void *at)
{
	return (int)(((const char *)at - cell[0]) / ROOM);
}

/* -- what the files call -- */

void *explore_word(void)
{
	return NULL;
}

void *cell_take_shared(struct cell_kind *k)
{
	(void)k;
	ASSERT(taken < CELLS_OF);
	return cell[taken++];
}

void cell_give_shared(struct cell_kind *k, void *at)
{
	(void)k;
	d_write(&body[place_of(at)], -1);
	freed++;
}

void choice_rest(int turn)
{
	(void)turn;
	a_spin();
}

void chan_begin(struct leat_chan_ *c, uint32_t size, uint32_t cap)
{
	(void)size;
	(void)cap;
	a_store(&c->users, 1, relaxed);
	a_store(&c->word, 0, relaxed);
	d_write(&body[place_of(c)], 1);
}

int leat_chan_shut_(struct leat_chan_ *c)
{
	a_store(&closed[place_of(c)], 1, release);
	a_or(&c->word, CHAN_SHUT, release);
	return 0;
}

bool event_stop_slow(struct timers *ts, struct event *e)
{
	(void)ts;
	for (;;) {
		uint64_t state = a_load(&e->state, acquire);

		if ((state & EVENT_STATE) == EVENT_IDLE)
			return false;
		if ((state & EVENT_STATE) == EVENT_BUSY)
			a_spin();
		else if (a_cas(&e->state, &state,
			       event_number(state) + EVENT_IDLE, relaxed))
			return true;
	}
}

int go_start(const struct leat_attr *a, const struct go_extra *extra,
	     leat_fn_ *fn, int argc, const uintptr_t *argv)
{
	(void)a;
	(void)extra;
	(void)fn;
	(void)argc;
	(void)argv;
	d_read(&body[place_of(func)]);
	started++;
	return 0;
}

int go_start_inside(struct m *m, const struct go_extra *extra, leat_fn_ *fn,
		    int argc, const uintptr_t *argv)
{
	(void)m;
	(void)extra;
	(void)fn;
	(void)argc;
	due = (struct canceller *)argv[0];
	return 0;
}

ASTRAY(bool, cell_refill, struct cell_kind *k, struct cells *c)
ASTRAY(void, cell_spill, struct cell_kind *k, struct cells *c, uint32_t n)
ASTRAY(struct m *, m_enter_slow, struct m *m)
ASTRAY(bool, timer_arm, struct timers *ts, struct event *e, int64_t when,
       int64_t period, uint64_t was, uint64_t *armed)
ASTRAY(void, wheel_clear, struct wheel *w, struct spoke **slot)
ASTRAY(void, due_rouse, void)
ASTRAY(int, errand, void (*f)(struct m *m, void *arg), void *arg)
ASTRAY(int, leat_select_, const struct leat_case *cases, int n, unsigned how)
ASTRAY(leat_time, leat_after_now, leat_duration d)
ASTRAY(void, leat_sleep, leat_duration d)
ASTRAY(int64_t, os_now, void)

bool clock_is_fake;
_Atomic int64_t clock_fake;

leat_error leat_error_retain(leat_error e)
{
	return e;
}

void leat_error_release(leat_error e)
{
	(void)e;
}

const struct leat_error_value leat_canceled_ = LEAT_ERROR("canceled"),
			      leat_deadline_exceeded_ = LEAT_ERROR("late"),
			      leat_no_memory_ = LEAT_ERROR("memory");

_Noreturn void leat_panic_(struct leat_value v)
{
	explore_fail(v.error->text, 0, "panic");
}

/* -- the tree -- */

static const struct leat_error_value early = LEAT_ERROR("early");

static void init(void)
{
	memset(cell, 0, sizeof(cell));
	memset(body, 0, sizeof(body));
	memset((void *)closed, 0, sizeof(closed));
	taken = freed = started = stopped = news = 0;
	born = NULL;
	due = NULL;
	explore_name(cell, sizeof(cell), "cell");
	explore_name(body, sizeof(body), "body");
	explore_name(&news, sizeof(news), "news");
	root = leat_with_cancel(leat_background());
	child = leat_with_cancel(root);
	grand = leat_with_cancel(child);
}

/* It has a deadline, which may come; nobody but its holder has the child. */
static void init_timed(void)
{
	init();
	leat_ctx_release(grand);
	child->event.fire = expires;
	canceller_of(child)->in_time = LEAT_DEADLINE_EXCEEDED;
	event_give(&child->event, EVENT_NUMBER + EVENT_ARMED);
}

static void cancels_root(void)
{
	d_write(&news, 1);
	leat_cancel_cause(root, &early);
	ASSERT(leat_ctx_err(grand) == LEAT_CANCELED);
}

static void cancels_root_alone(void)
{
	leat_cancel(root);
}

static void cancels_child(void)
{
	leat_cancel(child);
	ASSERT(leat_ctx_err(child) == LEAT_CANCELED);
	ASSERT(leat_ctx_err(grand) == LEAT_CANCELED);
}

static void derives(void)
{
	born = leat_with_cancel(root);
	d_write(&body[place_of(born)], 2);
}

static void releases(void)
{
	d_write(&body[place_of(child)], 3);
	leat_ctx_release(grand);
	leat_ctx_release(child);
}

static void releases_child(void)
{
	leat_ctx_release(child);
}

static void asks(void)
{
	leat_ctx_done(child);
	if (leat_ctx_err(child))
		ASSERT(a_load(&closed[place_of(child)], acquire) == 1);
	if (leat_ctx_err(child) && leat_ctx_cause(child) == &early)
		ASSERT(d_read(&body[place_of(child)]) == 1);
}

static void looks(void)
{
	if (leat_ctx_err(root))
		ASSERT(d_read(&news) == 1);
}

/* The root alone, and two that have it. */
static void init_two(void)
{
	init();
	leat_ctx_release(grand);
	leat_ctx_release(child);
	leat_ctx_retain(root);
	leat_ctx_retain(root);
}

static void lets_go(void)
{
	d_read(&body[place_of(root)]);
	leat_ctx_release(root);
}

static void lets_go_twice(void)
{
	lets_go();
	leat_ctx_release(root);
}

static void time_comes(void)
{
	if (!event_begin(&child->event, EVENT_NUMBER + EVENT_ARMED))
		return;
	expires(&child->event, NULL, 0);
	if (due)
		in_time(due);
}

static void nothing(void)
{
}

static void init_func(void)
{
	uintptr_t none = 0;

	init();
	func = leat_ctx_after_func_(child, nothing, 0, &none);
}

static void stops(void)
{
	d_read(&body[place_of(func)]);
	stopped = leat_ctx_func_stop(func);
	leat_ctx_func_release(func);
}

/* -- in the end -- */

static void let_go(void)
{
	leat_ctx_release(root);
	ASSERT(freed == taken);
	for (int i = 0; i < taken; i++)
		ASSERT(body[i] == -1);
}

static void all_gone(void)
{
	ASSERT(freed == taken);
}

static void all_told(void)
{
	ASSERT(leat_ctx_err(root) && leat_ctx_err(child) &&
	       leat_ctx_err(grand));
	leat_ctx_release(child);
	leat_ctx_release(grand);
	let_go();
}

static void born_told(void)
{
	ASSERT(leat_ctx_err(born) == LEAT_CANCELED);
	leat_ctx_release(born);
	all_told();
}

static void closed_if_asked(void)
{
	ASSERT(closed[place_of(child)] == 1);
	all_told();
}

static void func_once(void)
{
	ASSERT(started + stopped == 1);
	all_told();
}

#define ROW(n, start, ...)                                                    \
	.name = #n, .init = start, .thread = { __VA_ARGS__ },                 \
	.passes = EXPLORE_SC | EXPLORE_TSO | EXPLORE_WEAK, .may_sleep = true, \
	.preemptions = 3
#define ENDS(end, ...)                         \
	{                                      \
		ROW(__VA_ARGS__), .check = end \
	}

static const struct explore_case cases[] = {
	ENDS(all_told, cancel_cancel, init, cancels_root, cancels_child),
	ENDS(born_told, cancel_derive, init, cancels_root, derives),
	ENDS(let_go, cancel_release, init, cancels_root_alone, releases),
	ENDS(closed_if_asked, cancel_ask, init, cancels_root, asks),
	ENDS(all_told, cancel_look, init, cancels_root, looks),
	ENDS(all_gone, release_release, init_two, lets_go, lets_go_twice),
	ENDS(let_go, time_release, init_timed, time_comes, releases_child),
	ENDS(let_go, time_cancel_release, init_timed, time_comes,
	     cancels_root_alone, releases_child),
	ENDS(func_once, cancel_stop, init_func, cancels_root, stops),
};

EXPLORE(cases, "sync/cancel.c sync/context.c sync/follow.c", )
