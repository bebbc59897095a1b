/*
 * worker.c - what a thread with a P does next.
 *
 *	settle what the last goroutine left behind
 *	stop, inbox, a thread that needs a P        (attention)
 *	the node's queue                            every 61st time
 *	own queues
 *	the node's queue, the other nodes'
 *	steal: sibling, cache, node, remote
 *	idle: look around once more, spin, sleep
 *
 * It runs on the thread's own stack, where it may take its time: no goroutine
 * is held back by it, for none is current.
 */
#include "core/due.h"
#include "core/fake.h"
#include "core/live.h"
#include "core/park.h"
#include "core/sched.h"

#include <errno.h>

enum {
	GRAB = 128,     /* at most so many from the node's queue */
	ROUNDS = 4,     /* over the victims, before giving up */
	REMOTE_MIN = 8, /* a remote P is robbed of no less, at first */
	LOOKS = 64,     /* turns of a spin between two looks at the queues */
};

static void keep(struct p *p, struct g *g)
{
	if (!deque_push_back(&p->fifo, g))
		wake_submit(p->node, &g, 1);
}

/* Everything on an inbox, linked, oldest first. */
static struct g *oldest_first(_Atomic(struct g *) *list)
{
	struct g *oldest = NULL, *g = NULL;

	if (a_load(list, relaxed))
		/* [worker.drain] pairs with [wake.push]. */
		g = a_swap(list, NULL, acquire);
	while (g) {
		struct g *next = g->next;

		g->next = oldest;
		oldest = g;
		g = next;
	}
	return oldest;
}

static void drain(struct p *p, _Atomic(struct g *) *list)
{
	for (struct g *g = oldest_first(list), *next; g; g = next) {
		next = g->next;
		keep(p, g);
	}
}

/* A goroutine that left its thread: back in line. */
static void requeue(struct m *m, struct g *g)
{
	struct p *p = m_p(m);

	if (g->bound)
		wake_bound(g);
	else if (p)
		keep(p, g);
	else
		wake_submit(sched_p(a_load(&m->pinned_to, relaxed))->node, &g,
			    1);
}

/* One turn of a wait for a thread that may have lost its CPU. */
static void relax(int turn)
{
	if (turn < 100)
		a_spin();
	else
		a_yield();
}

/* Still being saved, or trimmed, on another thread?  Here that may be waited
 * for: no goroutine is held back. */
static void await(struct g *g)
{
	for (int turn = 0; a_load(&g->ctx.live, relaxed) ||
			   a_load(&g->rest, relaxed) == REST_HELD;
	     turn++)
		relax(turn);
}

/* What is left of a goroutine that could not be buried by itself. */
static void bury(struct m *m, struct g *g)
{
	struct p *p = m_p(m);

	if (g->thread_locks) {
		m->doomed = true;
		m->wired--;
	}
	if (g->bound)
		m->bonds--;
	g->bound = NULL;
	g->pins = g->thread_locks = 0;
	if (g->sized) {
		stack_give_sized(g->stack);
	} else {
		stack_give(&p->stacks, g->stack);
		stack_unreserve(&p->stacks);
	}
	g_give(&p->gs, g);
}

static void settle(struct m *m)
{
	struct g *g;

	if ((g = m->parted)) {
		m->parted = NULL;
		requeue(m, g);
	}
	if ((g = m->odd)) {
		m->odd = NULL;
		await(g);
		requeue(m, g);
	}
	if ((g = m->corpse)) {
		m->corpse = NULL;
		bury(m, g);
	}
}

/* Take up to n of a node's queue home; the first of them is the answer. */
static struct g *from_node(struct p *p, struct inject *q, uint32_t n)
{
	struct g *g[GRAB];
	uint32_t got = inject_len(q) ? inject_take(q, g, n) : 0;

	for (uint32_t i = 1; i < got; i++)
		keep(p, g[i]);
	return got > 0 ? g[0] : NULL;
}

static uint32_t fair_share(struct inject *q)
{
	uint32_t n = inject_len(q) / (uint32_t)a_load(&sched.procs, relaxed);

	return n + 1 < GRAB ? n + 1 : GRAB;
}

static uint32_t random_below(struct p *p, uint32_t n)
{
	p->random ^= p->random << 13;
	p->random ^= p->random >> 7;
	p->random ^= p->random << 17;
	return (uint32_t)(p->random >> 33) % n;
}

/* Every 61st dispatch: the node's queue first, and the oldest spawned one
 * joins the FIFO, so that nothing waits for ever. */
static struct g *take_due(struct p *p)
{
	if (p->due > 1)
		return NULL;
	p->due = GLOBAL_EVERY;
	timers_settle(&p->timers);

	struct g *old = deque_pop_front(&p->fresh);

	if (old)
		keep(p, old);
	/* Its own node first, then, so that none starves, any. */
	int nodes = sched.topology.nodes;
	int first = p->due_turn++ % 2 ? (int)random_below(p, (uint32_t)nodes)
				      : p->node;
	struct g *g = NULL;

	for (int i = 0; !g && i < nodes; i++)
		g = from_node(p, &sched.node[(first + i) % nodes], 1);
	return g;
}

static struct g *take_elsewhere(struct p *p)
{
	struct inject *home = &sched.node[p->node];
	struct g *g = from_node(p, home, fair_share(home));

	for (int i = 0; !g && i < sched.topology.nodes; i++)
		g = from_node(p, &sched.node[i], fair_share(&sched.node[i]));
	return g;
}

static struct g *rob(struct p *p, struct p *victim)
{
	struct g *loot[RUNQ_CAP / 2];
	uint32_t n =
		runq_len(&victim->runq) ? runq_grab(&victim->runq, loot) : 0;

	for (uint32_t i = 1; i < n; i++)
		keep(p, loot[i]);
	return n > 0 ? loot[0] : NULL;
}

/* Nearest first; within a class from a random one on, so that not everybody
 * robs the same. */
static struct g *steal(struct p *p)
{
	const struct steal_order *o = &p->victims;

	for (int round = 0; round < ROUNDS; round++) {
		for (int class = 0, from = 0; class < DISTANCES;
		     from = o->end[class ++]) {
			int n = o->end[class] - from;
			int at = n > 1 ? (int)random_below(p, (uint32_t)n) : 0;

			if (class == REMOTE && round < ROUNDS / 2)
				continue;
			for (int i = 0; i < n; i++) {
				struct p *v =
					sched_p(o->order[from + (at + i) % n]);
				struct g *g = rob(p, v);

				if (g)
					return g;
			}
		}
	}
	return NULL;
}

/* Is there anything that concerns p alone? */
static bool called(struct m *m, struct p *p)
{
	return a_load(&p->attention, relaxed) || a_load(&p->inbox, relaxed) ||
	       a_load(&m->bound, relaxed) || a_load(&sched.seekers, relaxed);
}

/* Is there anything that any P could do? */
static bool plenty(void)
{
	int procs = a_load(&sched.procs, relaxed);

	if (sched_nodes_wait())
		return true;
	for (int i = 0; i < procs; i++)
		if (runq_len(&sched_p(i)->runq))
			return true;
	return false;
}

static bool visible(struct m *m, struct p *p)
{
	return called(m, p) || plenty();
}

/* While it spins, work for anybody is left to one who searches already. */
static bool tempting(struct m *m, struct p *p)
{
	return called(m, p) ||
	       (idle_searching(a_load(&sched.idle.state, relaxed)) == 0 &&
		plenty());
}

static bool noted(struct p *p)
{
	/* [idle.note] pairs with [wake.note]. */
	return a_load(&p->note, acquire) == NOTE_WOKEN;
}

/* Look around for a while, in the hope to save a sleep and a wake. */
static bool spin(struct m *m, struct p *p)
{
	int64_t until = 0;

	int64_t most = a_load(&sched.spin, relaxed);

	if (sched.policy == LEAT_IDLE_PARK || most == 0)
		return false;
	for (;;) {
		for (int i = 0; i < LOOKS; i++) {
			if (noted(p))
				return true;
			a_spin();
		}
		if (tempting(m, p))
			return true;

		int64_t now = os_now();

		if (now >= a_load(&p->timers.expiry, relaxed))
			return true;
		if (sched.policy == LEAT_IDLE_SPIN)
			continue;
		if (until == 0)
			until = now + most;
		else if (now >= until)
			return false;
	}
}

static void sleep(struct p *p)
{
	uint32_t none = NOTE_NONE;
	int64_t expiry =
		clock_is_fake ? OS_NEVER : a_load(&p->timers.expiry, relaxed);

	stack_flush(&p->stacks, STACK_CACHE / 4);
	/* [sleep.note] pairs with [wake.note]. */
	if (!a_cas(&p->note, &none, NOTE_ASLEEP, acq_rel))
		return;
	while (a_load(&p->note, relaxed) == NOTE_ASLEEP) {
		int rc = os_futex_wait(&p->note, NOTE_ASLEEP, expiry);

		/* Interrupted again and again it would be late. */
		if (rc == -ETIMEDOUT ||
		    (rc == -EINTR && expiry != OS_NEVER && os_now() >= expiry))
			return;
	}
}

/* The same before anybody is told that p is idle, for what concerns p alone: no
 * locked operation, neither here nor by who calls.  False: in vain. */
static bool linger(struct m *m, struct p *p)
{
	int64_t most = a_load(&sched.spin, relaxed), until = 0, now;

	if (sched.policy == LEAT_IDLE_PARK || most == 0)
		return false;
	do {
		for (int i = 0; i < LOOKS; i++) {
			if (called(m, p))
				return true;
			a_spin();
		}
		if (plenty())
			return true;
		now = os_now();
		if (until == 0)
			until = most == OS_NEVER ? most : now + most;
	} while (now < until && now < a_load(&p->timers.expiry, relaxed));
	return false;
}

/* BUSY or SEARCHING -> IDLE -> SEARCHING. */
static void idle(struct m *m, struct p *p, bool searching, bool lingered)
{
	bool spins = !lingered || sched.policy == LEAT_IDLE_SPIN;

	due_settle(p);
	a_store(&p->note, NOTE_NONE, relaxed);
	idle_publish(&sched.idle, p->id, searching);
	if (!visible(m, p) && !(spins && spin(m, p))) {
		if (unlikely(clock_is_fake) && fake_move(p)) {
			sysmon_rouse();
			return;
		}
		sleep(p);
	}
	/* A waker has cleared the bit: its note comes after it has counted us
	 * as searching, and no earlier may we go on. */
	if (!idle_withdraw(&sched.idle, p->id))
		for (int turn = 0; !noted(p); turn++)
			relax(turn);
	sysmon_rouse();
}

/* Something has to be seen to before the next goroutine. */
static bool interrupted(struct m *m, struct p *p)
{
	return m->odd || a_load(&p->attention, relaxed) ||
	       a_load(&p->inbox, relaxed) || a_load(&m->bound, relaxed) ||
	       (!m->sought && a_load(&sched.seekers, relaxed));
}

/* A goroutine that is ours to resume; NULL if something else comes first. */
static struct g *find(struct m *m, struct p *p)
{
	bool searching = p->searching;
	struct g *g = take_due(p), *mine = NULL;

	p->searching = false;

	for (;;) {
		due_look(m, p);
		if (!g && !(mine = park_next(m)) && !m->odd)
			g = take_elsewhere(p);
		if (!g && !mine && !m->odd) {
			if (!searching)
				searching = idle_search(
					&sched.idle,
					a_load(&sched.procs, relaxed));
			if (searching)
				g = steal(p);
		}
		if (g && park_take(m, g))
			mine = g;
		if (mine || interrupted(m, p))
			break;
		idle(m, p, searching, false);
		searching = true;
		m->sought = false;
	}
	due_tell(a_load(&p->timers.expiry, relaxed));
	if (searching && idle_found(&sched.idle) && visible(m, p))
		wake_somebody();
	return mine;
}

static bool others_wait(struct p *p)
{
	return p_waiting(p) > 0 || sched_nodes_wait();
}

/* Behind those that are gathered already. */
static void gather(struct m *m, struct g *g)
{
	if (!m->mine)
		m->mine_end = &m->mine;
	g->next = NULL;
	*m->mine_end = g;
	m->mine_end = &g->next;
}

/* The oldest ready one that is bound to this thread. */
static struct g *next_bound(struct m *m)
{
	struct g *g = oldest_first(&m->bound);

	while (g) {
		struct g *next = g->next;

		gather(m, g);
		g = next;
	}
	g = m->mine;
	if (g)
		m->mine = g->next;
	return g;
}

/* A goroutine has locked the thread: only what is bound to it runs here, and
 * the P goes elsewhere while all of those wait, or give way. */
static void turn_exclusive(struct m *m, struct p *p)
{
	struct g *g;

	due_look(m, p);
	g = next_bound(m);
	if (p->searching) {
		p->searching = false;
		if (idle_found(&sched.idle))
			wake_somebody();
	}
	/* While nobody else has any use for the P it stays with us: the one we
	 * wait for may be ready in a moment. */
	if (!g && !others_wait(p) && !plenty()) {
		if (!linger(m, p)) {
			idle(m, p, false, true);
			p->searching = true;
		}
		return;
	}
	if (!g || (g->reason == G_YIELD && others_wait(p))) {
		if (g) {
			g->reason = G_NOTHING;
			gather(m, g);
		}
		spare_hand_over(m);
		return;
	}
	a_store(&p->attention, 1, relaxed);
	due_tell(a_load(&p->timers.expiry, relaxed));
	await(g);
	if (park_take(m, g))
		park_resume(m, g);
}

static void attend(struct m *m, struct p *p)
{
	/* [worker.attend] pairs with [wake.attend]: what came before the word
	 * was set is seen, what comes after sets it again. */
	a_swap(&p->attention, 0, acquire);
	drain(p, &p->inbox);
	if (m_exclusive(m))
		return;
	for (struct g *g; (g = next_bound(m));)
		keep(p, g);
}

/*
 * With a P: one goroutine's turn, or whatever comes before it.
 *
 *	thread a, was given the P          thread b, wants it
 *	finds b's goroutine in the queue
 *	gives it to b                      seeks
 *	its own is the next
 *
 * Who sought the P keeps it until it has run something: else the two would
 * give it to each other, each for the other's goroutine, for as long as b is
 * quick to ask.
 */
static void turn(struct m *m, struct p *p)
{
	if (a_load(&p->attention, relaxed) || a_load(&p->inbox, relaxed) ||
	    m_has_bound(m))
		attend(m, p);
	if (!m->sought && a_load(&sched.seekers, relaxed) && spare_serve(m))
		return;
	if (m_exclusive(m)) {
		m->sought = false;
		turn_exclusive(m, p);
		return;
	}

	struct g *g = find(m, p);

	if (g) {
		m->sought = false;
		park_resume(m, g);
	}
}

void worker_run(struct m *m)
{
	for (;;) {
		settle(m);

		struct p *p = m_p(m);

		if (m->doomed && m->bonds == 0) {
			if (p)
				spare_hand_over(m);
			return;
		}
		if (!p) {
			if (!spare_wait(m))
				return;
		} else if (sched_stopping()) {
			procs_halt(m);
		} else {
			turn(m, p);
		}
	}
}
