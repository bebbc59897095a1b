/*
 * wake.c - who is told that there is work.
 *
 *	work came to                  and is told
 *	a P's private queues          nobody, unless a P is idle: then half of
 *	                              it moves to the runq, and one idle P wakes
 *	the node's queue              one idle P
 *	an inbox                      that P, by its attention word
 *
 * The word of a sleeping P:
 *
 *	            the P itself               a waker
 *	NONE  --- about to sleep ---> ASLEEP --- swap ---> WOKEN, and a futex wake
 *	NONE  --------------- swap by a waker -----------> WOKEN, nothing more
 *	WOKEN --- before it is published as idle again --> NONE
 *
 * A waker touches the word only after it has cleared the P's idle bit (idle.c),
 * so a late WOKEN costs at most one look around for nothing.
 */
#include "core/sched.h"

#include "core/park.h"

/* The front of q, passing over what may not leave this thread. */
static struct g *movable(struct deque *q)
{
	for (uint32_t n = deque_len(q); n > 0; n--) {
		struct g *g = deque_pop_front(q);

		if (!g->bound)
			return g;
		deque_push_back(q, g);
	}
	return NULL;
}

COLD static void show(struct p *p, uint32_t n)
{
	while (n-- > 0 && runq_len(&p->runq) < RUNQ_CAP) {
		struct g *g = movable(&p->fifo);

		if (!g)
			g = movable(&p->fresh);
		if (!g)
			return;
		runq_push(&p->runq, g);
	}
}

void wake_share(struct p *p, uint32_t keep)
{
	uint32_t n = deque_len(&p->fifo) + deque_len(&p->fresh);

	if (keep > 0 && a_load(&p->runnext, relaxed))
		keep--;
	if (runq_len(&p->runq) > 0) {
		/* Shown before, and its fence paid; but is anybody up? */
		if (idle_searching(a_load(&sched.idle.state, relaxed)) == 0)
			wake_somebody();
		return;
	}
	if (n <= keep)
		return;
	show(p, (n - keep + 1) / 2);
	if (runq_len(&p->runq) > 0)
		wake_somebody();
}

void wake_show(struct p *p)
{
	struct g *g = a_load(&p->runnext, relaxed);

	if (g && deque_push_back(&p->fifo, g))
		a_store(&p->runnext, NULL, relaxed);
	show(p, deque_len(&p->fifo) + deque_len(&p->fresh));
}

void wake_somebody(void)
{
	int procs = a_load(&sched.procs, relaxed);
	int p = idle_wake(&sched.idle, procs);

	if (p < 0 || wake_p(sched_p(p)))
		return;

	/* No thread for that one: another, which has one, will do. */
	int other = idle_pick(&sched.idle, procs);

	idle_publish(&sched.idle, p, true);
	if (other >= 0 && !wake_p(sched_p(other)))
		idle_publish(&sched.idle, other, true);
}

bool wake_p(struct p *p)
{
	if (!p_m(p)) {
		sysmon_rouse();
		p->searching = true;
		if (spare_start(p))
			return true;
		p->searching = false;
		return false;
	}
	/* [wake.note] pairs with [idle.note], [sleep.note]: what there is to
	 * do is visible to whoever sees the note. */
	if (a_swap(&p->note, NOTE_WOKEN, acq_rel) == NOTE_ASLEEP)
		os_futex_wake(&p->note, 1);
	return true;
}

void wake_attention(struct p *p)
{
	/* [wake.attend] pairs with [worker.attend]: what there is to see. */
	a_store(&p->attention, 1, release);
	/* [wake.look] pairs with [idle.rescan], [procs.fewer]: either p sees the word before
	 * it sleeps, or we see its idle bit. */
	a_fence(seq_cst);
	if (!idle_withdraw(&sched.idle, p->id))
		sysmon_rouse();
	else if (!wake_p(p))
		idle_publish(&sched.idle, p->id, true);
}

void wake_submit(int node, struct g *const *g, uint32_t n)
{
	inject_push(&sched.node[node], g, n);
	sysmon_rouse();
	wake_somebody();
}

static void push(_Atomic(struct g *) *list, struct g *g)
{
	struct g *top = a_load(list, relaxed);

	do {
		g->next = top;
		/* [wake.push] pairs with [worker.drain], [wake.stale],
		 * [procs.drain]. */
	} while (!a_cas(list, &top, g, release));
}

void wake_bound(struct g *g)
{
	struct m *m = g->bound;

	push(&m->bound, g);
	/* [wake.bound] pairs with [spare.bound]: a thread that gives up its P
	 * looks at its list afterwards. */
	a_fence(seq_cst);

	struct p *p = a_load(&m->p, relaxed);

	if (p) {
		wake_attention(p);
		return;
	}
	a_store(&m->note, 1, relaxed);
	os_futex_wake(&m->note, 1);
}

void wake_place(struct p *p, struct g *g)
{
	push(&p->inbox, g);
	wake_attention(p);
	if (p->id < a_load(&sched.procs, relaxed))
		return;

	/* p went out of use meanwhile: whatever is there is for anybody. */
	/* [wake.stale] pairs with [wake.push]. */
	g = a_swap(&p->inbox, NULL, acquire);
	while (g) {
		struct g *next = g->next;

		wake_submit(p->node, &g, 1);
		g = next;
	}
}
