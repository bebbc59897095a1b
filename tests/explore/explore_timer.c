/*
 * explore_timer.c - core/timer.c: an event is fired or stopped, once; and
 * sync/deadline.c: who fires it has left the frame of who waited.
 *
 *	fires        owner of P 0, where it was armed: its time has come
 *	stops        owner of P 1, or of P 0, while the event is BUSY
 *	quits        the same in one step; also without a P
 *	moves        to a later time, on P 1; then that comes too
 *	leaves       the last user, on P 1: it or who fires frees the event, once
 *
 *	waits        a choice, with a deadline: commits, sleeps, ends it, and
 *	             its frame is gone
 *	time         what P 0, or sysmon, does when the time has come
 *	serves       a matcher that wants the choice for its own case
 */
#define WORLD_TIMERS
#include "core/timer.c"
#include "core/wheel.c"

#include "tests/explore/channels.h"

enum { WHEN = 10, LATER = 20, NODES = 8 };

/* -- cells without addresses that change -- */

static struct timer node_cell[NODES];
static _Alignas(CPU_LINE) char event_cell[NODES][EVENT_SMALL_SIZE];

ASTRAY(bool, cell_refill, struct cell_kind *k, struct cells *from)
ASTRAY(void, cell_spill, struct cell_kind *k, struct cells *from, uint32_t n)

/* For a note of one without a P: there is no memory. */
void *cell_take_shared(struct cell_kind *k)
{
	(void)k;
	return NULL;
}

ASTRAY(void, cell_give_shared, struct cell_kind *k, void *cell)

static struct timers *timers(int p)
{
	return &ps[p].timers;
}

static void init_cells(void)
{
	world_init(2);
	memset(node_cell, 0, sizeof(node_cell));
	memset(event_cell, 0, sizeof(event_cell));
	for (int p = 0; p < 2; p++)
		for (int i = 0; i < NODES / 2; i++) {
			cell_give(&timer_nodes, &timers(p)->nodes,
				  &node_cell[p * NODES / 2 + i]);
			cell_give(&event_cells[EVENT_SMALL],
				  &timers(p)->events[EVENT_SMALL],
				  event_cell[p * NODES / 2 + i]);
		}
	workers = 2;
	explore_name(node_cell, sizeof(node_cell), "node");
	explore_name(event_cell, sizeof(event_cell), "event");
}

/* -- an event -- */

static struct event *event;
static int fired, stopped, moved, moved_armed, freed;
static int what;   /* plain: the event's own */
static int mine;   /* the same, of its last user */
static int theirs; /* the same, of who moves it */

static void note(struct event *e, struct m *m, int64_t now)
{
	uint64_t idle = event_idle(e);

	(void)m;
	(void)now;
	d_write(&what, d_read(&what) + 1);
	fired++;
	if (!event_turn(e, idle + EVENT_BUSY, idle))
		return;
	ASSERT(d_read(&mine) == 1);
	freed++;
}

static void arm(int p, int64_t when, uint64_t state)
{
	uint64_t armed;

	ASSERT(timer_arm(timers(p), event, when, 0, state, &armed));
	event_give(event, armed);
}

static void init_armed(void)
{
	init_cells();
	fired = stopped = moved = moved_armed = freed = what = mine = theirs =
		0;
	event = event_new(timers(0), EVENT_SMALL);
	event->fire = note;
	arm(0, WHEN, 0);
	explore_name(&what, sizeof(what), "what");
	explore_name(&mine, sizeof(mine), "mine");
	explore_name(&theirs, sizeof(theirs), "theirs");
}

/* All that is due on P p. */
static void come(int p, int64_t now)
{
	struct due due[2];
	uint32_t n = timers_due(timers(p), now, due, 2);

	for (uint32_t i = 0; i < n; i++)
		if (event_begin(due[i].event, due[i].armed))
			due[i].event->fire(due[i].event, NULL, now);
}

static void stop(int p)
{
	uint64_t state = event_take(event);

	d_write(&what, d_read(&what) + 1);
	if (event_armed(state))
		timer_disarm(timers(p), event, state);
	stopped += event_armed(state);
	event_give(event, event_number(state) + EVENT_IDLE);
}

static void move(int p)
{
	uint64_t state = event_take(event);

	d_write(&what, d_read(&what) + 1);
	d_write(&theirs, 1);
	moved++;
	moved_armed += event_armed(state);
	arm(p, LATER, state);
}

static void fires_0(void)
{
	timers_settle(timers(0));
	come(0, WHEN);
}

static void stops_0(void)
{
	stop(0);
	come(0, WHEN);
}

static void stops_1(void)
{
	stop(1);
}

static void quit(int p, bool slowly)
{
	uint64_t state = a_load(&event->state, relaxed);

	if (slowly ? !event_stop_slow(timers(p), event)
		   : !event_stop(timers(p), event))
		return;
	stopped++;
	/* What was moved is ours with all that its mover did. */
	if (event_number(state) == 2 * EVENT_NUMBER)
		ASSERT(d_read(&theirs) == 1);
}

static void quits_0(void)
{
	quit(0, false);
	come(0, WHEN);
}

static void quits_slowly_0(void)
{
	quit(0, true);
	come(0, WHEN);
}

/* By a thread that is not the runtime's. */
static void quits_outside(void)
{
	stopped += event_stop(NULL, event);
}

static void quits_1(void)
{
	quit(1, false);
}

static void leaves_1(void)
{
	d_write(&mine, 1);
	if (!event_leave(event))
		return;
	ASSERT(d_read(&what) == 1);
	freed++;
}

static void moves_0(void)
{
	move(0);
	come(0, LATER);
}

static void moves_1(void)
{
	move(1);
	come(1, LATER);
}

static void freed_once(void)
{
	ASSERT(fired == 1 && freed == 1);
	ASSERT(!event_armed(a_load(&event->state, relaxed)));
}

/* Whatever was left behind is found, and nothing of it fires. */
static void all_accounted(void)
{
	int was = fired;

	for (int p = 0; p < 2; p++)
		timers_settle(timers(p));
	for (int p = 0; p < 2; p++)
		come(p, WHEN);
	ASSERT(fired == was);
	for (int p = 0; p < 2; p++)
		come(p, LATER);
	ASSERT(fired + stopped + moved_armed == 1 + moved);
	ASSERT(!event_armed(a_load(&event->state, relaxed)));
	ASSERT(timers(0)->nodes.n + timers(1)->nodes.n == NODES);
}

/* -- a deadline -- */

static struct choice choice;
static struct waiter who;
static struct deadline *limit;
static _Atomic uint32_t awake, lock_bit;
static int queued; /* plain, under the bit: it may be found, and served */
static int chosen, woken, slept;

enum { SERVED = 0 };

void ready_slow(struct m *m, struct g *g)
{
	(void)m;
	ASSERT(g == &gs[0]);
	woken++;
	a_store(&awake, 1, release);
	explore_wake(&awake, 1);
}

static void init_deadline(void)
{
	init_cells();
	chosen = woken = slept = 0;
	awake = lock_bit = 0;
	queued = 1;
	a_store(&choice.state, CHOICE_AWAKE, relaxed);
	who.g = &gs[0];
	limit = deadline_arm(&ms[0], &choice, &who, WHEN);
	ASSERT(limit);
	explore_name((void *)&choice, sizeof(choice), "choice");
	explore_name((void *)&awake, sizeof(awake), "awake");
	explore_name((void *)&lock_bit, sizeof(lock_bit), "lock");
	explore_name(&queued, sizeof(queued), "queued");
}

static void locks(void)
{
	uint32_t was = 0;

	while (!a_cas(&lock_bit, &was, 1, acquire)) {
		was = 0;
		a_spin();
	}
}

static void unlocks(void)
{
	a_store(&lock_bit, 0, release);
}

/* As a select does; then the frame is another's. */
static void waits(void)
{
	uint32_t state;

	if (commit(&choice)) {
		slept = 1;
		while (!a_load(&awake, acquire))
			explore_sleep(&awake, 0);
	}
	state = a_load(&choice.state, acquire);
	ASSERT((state & CHOICE_MASK) == CHOICE_FIRED);
	chosen += state / CHOICE_INDEX == DEADLINE_INDEX ||
		  state / CHOICE_INDEX == SERVED;
	locks();
	d_write(&queued, 0);
	unlocks();
	deadline_end(&ms[0], limit);
	who.g = NULL;
	a_store(&choice.state, CHOICE_AWAKE, relaxed);
}

static void time_comes(void)
{
	struct event *e = &limit->event;
	uint64_t armed = EVENT_NUMBER + EVENT_ARMED;

	if (event_begin(e, armed))
		e->fire(e, NULL, WHEN);
}

static void serves(void)
{
	bool wake = false;

	locks();
	if (d_read(&queued)) {
		d_write(&queued, 0);
		wake = choice_claim(&choice) && choice_fire(&choice, SERVED);
	}
	unlocks();
	if (wake)
		ready_slow(NULL, who.g);
}

static void chosen_once(void)
{
	ASSERT(chosen == 1 && woken == slept);
	ASSERT(a_load(&choice.state, relaxed) == CHOICE_AWAKE);
}

static const struct explore_case cases[] = {
	ENDS(all_accounted, fire_stop, ALL, ANY, init_armed, fires_0, stops_1),
	ENDS(all_accounted, fire_quit, ALL, ANY, init_armed, fires_0, quits_1),
	ENDS(all_accounted, fire_quit_outside, ALL, ANY, init_armed, fires_0,
	     quits_outside),
	ENDS(all_accounted, quit_quit, ALL, ANY, init_armed, quits_0, quits_1),
	ENDS(all_accounted, quit_move, ALL, ANY, init_armed, quits_0, moves_1),
	ENDS(all_accounted, slow_quit_move, ALL, ANY, init_armed,
	     quits_slowly_0, moves_1),
	ENDS(all_accounted, stop_quit, ALL, ANY, init_armed, stops_0, quits_1),
	ENDS(freed_once, fire_leave, ALL, ANY, init_armed, fires_0, leaves_1),
	ENDS(all_accounted, fire_move, ALL, ANY, init_armed, fires_0, moves_1),
	ENDS(all_accounted, stop_stop, ALL, ANY, init_armed, stops_0, stops_1),
	ENDS(all_accounted, stop_move, ALL, ANY, init_armed, stops_0, moves_1),
	ENDS(all_accounted, move_move, ALL, 2, init_armed, moves_0, moves_1),
	ENDS(chosen_once, wait_time, ALL, ANY, init_deadline, waits,
	     time_comes),
	ENDS(chosen_once, wait_time_serve, ALL, 2, init_deadline, waits,
	     time_comes, serves),
};

EXPLORE(cases, "core/timer.c core/timer.h", )
