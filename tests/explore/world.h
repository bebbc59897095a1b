/*
 * world.h - a small runtime for cases that run the scheduler's own files.
 *
 * A case includes the .c files it is about, then this: Ps and Ms in pairs, M i
 * on thread i, one NUMA node, everybody everybody's victim, policy `park`.
 * The kernel is the explorer's; what the files call beyond that is not here.
 */
#ifndef WORLD_H
#define WORLD_H

#include "core/fake.h"
#include "core/os.h"
#include "core/sched.h"

#include <errno.h>
#include <string.h>

enum { PROCS = 3, GS = 4 };

struct sched sched;
static struct p ps[PROCS];
static struct m ms[PROCS];
static struct inject node;
static struct g gs[GS];
static int64_t world_deadline; /* when the latest sleep would end */
static bool world_moves;       /* time may have come when a sleep begins */
static int64_t world_now;

static void world_init(int procs)
{
	static uint16_t others[PROCS][PROCS];

	memset(&sched, 0, sizeof(sched));
	memset(ps, 0, sizeof(ps));
	memset(ms, 0, sizeof(ms));
	memset(gs, 0, sizeof(gs));
	memset(&node, 0, sizeof(node));
	world_deadline = world_now = 0;
	world_moves = false;
	sched.procs = procs;
	sched.policy = LEAT_IDLE_PARK;
	sched.topology.nodes = 1;
	sched.node = &node;
	sched.watched = 1;
	for (int i = 0; i < procs; i++) {
		struct steal_order *o = &ps[i].victims;

		sched.p[i] = &ps[i];
		ps[i].id = i;
		ps[i].due = 1000;
		ps[i].random = 1;
		ps[i].timers.expiry = OS_NEVER;
		ps[i].m = &ms[i];
		ms[i].p = &ps[i];
		ms[i].own.inside = 1;
		o->order = others[i];
		for (int k = 0; k < procs; k++)
			if (k != i)
				o->order[o->n++] = (uint16_t)k;
		for (int d = SAME_CORE; d < DISTANCES; d++)
			o->end[d] = o->n;
	}
	explore_name(&sched.idle, sizeof(sched.idle), "idle");
	explore_name(&sched, sizeof(sched), "sched");
	explore_name(&node, sizeof(node), "node");
	explore_name(&ps[0], sizeof(ps[0]), "P0");
	explore_name(&ps[1], sizeof(ps[1]), "P1");
	explore_name(&ps[2], sizeof(ps[2]), "P2");
	explore_name(ms, sizeof(ms), "M");
	explore_name(gs, sizeof(gs), "G");
}

/* A sleep does not end by itself: its time has come before, or never does. */
int os_futex_wait(_Atomic uint32_t *word, uint32_t value, int64_t deadline)
{
	if (world_moves && deadline != OS_NEVER && explore_choose(2)) {
		world_now = deadline;
		return -ETIMEDOUT;
	}
	world_deadline = deadline;
	explore_sleep(word, value);
	world_deadline = 0;
	return 0;
}

void os_futex_wake(_Atomic uint32_t *word, int n)
{
	explore_wake(word, n);
}

int64_t os_now(void)
{
	return world_now;
}

void stack_flush(struct stack_cache *c, uint32_t left)
{
	(void)c;
	(void)left;
}

/* No memory: the node's queue is then a list. */
void *os_map(size_t n, size_t align)
{
	(void)n;
	(void)align;
	return NULL;
}

size_t os_page(void)
{
	return 4096;
}

ASTRAY(bool, spare_start, struct p *p)
ASTRAY(bool, spare_wait, struct m *m)
ASTRAY(bool, spare_serve, struct m *m)
ASTRAY(void, spare_hand_over, struct m *m)
ASTRAY(struct m *, spare_return, struct m *m)
ASTRAY(void, procs_halt, struct m *m)
#ifndef WORLD_TIMERS
ASTRAY(void, timers_settle, struct timers *ts)
ASTRAY(uint32_t, timers_due, struct timers *ts, int64_t now, struct due *due,
       uint32_t n)
ASTRAY(int64_t, wheel_next, const struct wheel *w)
ASTRAY(void, wheel_clear, struct wheel *w, struct spoke **list)
struct cell_kind timer_nodes, event_cells[EVENT_SIZES];
ASTRAY(bool, cell_refill, struct cell_kind *k, struct cells *from)
ASTRAY(void, cell_spill, struct cell_kind *k, struct cells *from, uint32_t n)
ASTRAY(void *, cell_take_shared, struct cell_kind *k)
ASTRAY(void, cell_give_shared, struct cell_kind *k, void *cell)
ASTRAY(uint64_t, event_take, struct event *e)
ASTRAY(bool, event_stop_slow, struct timers *ts, struct event *e)
ASTRAY(bool, timer_arm, struct timers *ts, struct event *e, int64_t when,
       int64_t period, uint64_t state, uint64_t *armed)
ASTRAY(void, timer_disarm, struct timers *ts, struct event *e, uint64_t state)
#endif
ASTRAY(void, os_unmap, void *at, size_t n)
ASTRAY(void, g_spill, struct g_cache *c, uint32_t n)
ASTRAY(void, stack_spill, struct stack_cache *c)
ASTRAY(void, stack_credit_back, struct stack_cache *c)
ASTRAY(void, stack_give_sized, char *top)
ASTRAY(size_t, stack_trim, void)
ASTRAY(int, os_thread, void *(*fn)(void *), void *arg, size_t size)
bool clock_is_fake;
_Atomic int64_t clock_fake;
ASTRAY(bool, fake_move, struct p *p)
ASTRAY(void, fake_wait_begin, struct fake_wait *w, int64_t when)
ASTRAY(void, fake_wait_end, struct fake_wait *w)
ASTRAY(void, os_timer_slack, void)
ASTRAY(void, os_sleep, int64_t ns)
ASTRAY(void, os_slice, int tid, int64_t ns)
ASTRAY(int, topology_unpin, int tid)
ASTRAY(int, topology_move_off, int tid, int i, int np)

#endif
