/*
 * procs.c - all Ps stop, and how many there are.
 *
 *	a P's thread is           is stopped by
 *	in the scheduler          itself: it sees `stopping` and waits (HALTED)
 *	in a goroutine's code     a claim: it waits when it calls the runtime
 *	                          (CLAIMED), or loses the P (TAKEN)
 *	asleep, idle              being woken into the scheduler
 *	none                      the clearing of its idle bit: nobody else can
 *	                          give it a thread (OURS)
 *
 * No signal, so no goroutine is stopped at an arbitrary instruction; one that
 * only computes goes on computing, without a P.
 *
 * Ps are made once and never freed; those with a number of sched.procs or more
 * are out of use, empty, and not idle.
 */
#include "core/due.h"
#include "core/park.h"
#include "core/sched.h"

#include "leat/go.h"

#include <errno.h>

enum { RUNS, HALTED, CLAIMED, OURS };

static struct lock stop_lock;

_Noreturn void procs_freeze(void)
{
	static _Atomic uint32_t never;

	for (;;)
		os_futex_wait(&never, 0, OS_NEVER);
}

void procs_halt(struct m *m)
{
	/* [procs.wait] pairs with [procs.go]. */
	uint32_t stop = a_load(&sched.stopping, acquire);

	if (!(stop & 1))
		return;
	/* [procs.halt] pairs with [procs.see]: the P as we leave it. */
	a_store(&m_p(m)->halted, stop, release);
	/* [procs.again] pairs with [procs.go]: perhaps without a P. */
	while (a_load(&sched.stopping, acquire) == stop)
		os_futex_wait(&sched.stopping, stop, OS_NEVER);
}

/* One attempt; what is stopped already stays so. */
static void halt_one(struct p *p)
{
	struct m *m = p_m(p);

	/* [procs.see] pairs with [procs.halt]. */
	if (a_load(&p->halted, acquire) == a_load(&sched.stopping, relaxed)) {
		p->halt = HALTED;
	} else if (!m) {
		if (idle_withdraw(&sched.idle, p->id))
			p->halt = OURS;
	} else if (own_claim(&m->own)) {
		if (m_p(m) == p)
			p->halt = CLAIMED;
		else
			own_release(&m->own);
	} else {
		wake_attention(p);
	}
}

/* Stop all but `self`, which may be NULL; the lock is held until go. */
static void stop(struct p *self)
{
	int left = a_load(&sched.procs, relaxed) - (self != NULL);

	a_add(&sched.stopping, 1, relaxed);
	for (int turn = 0; left > 0; turn++) {
		for (int i = 0; i < a_load(&sched.procs, relaxed); i++) {
			struct p *p = sched_p(i);

			if (p == self || p->halt != RUNS)
				continue;
			halt_one(p);
			left -= p->halt != RUNS;
		}
		if (left > 0)
			os_sleep(turn < 10 ? 1000 : 50000);
	}
}

static void settle_search(struct p *p)
{
	if (p->searching)
		idle_found(&sched.idle);
	p->searching = false;
}

/* Its thread, which was claimed, loses it. */
static void take_from(struct m *m, struct p *p)
{
	spare_away(m, true);
	a_store(&m->p, NULL, relaxed);
	a_store(&p->m, NULL, relaxed);
	own_take(&m->own);
}

/* The same for one that is inside: halted, or the caller's. */
static void detach(struct m *m, struct p *p)
{
	settle_search(p);
	own_part(&m->own);
	a_store(&m->p, NULL, relaxed);
	a_store(&p->m, NULL, relaxed);
}

static void release_one(struct p *p, bool used)
{
	struct m *m = p_m(p);

	switch (p->halt) {
	case HALTED:
		if (!used)
			detach(m, p);
		break;
	case CLAIMED:
		if (used)
			own_release(&m->own);
		else
			take_from(m, p);
		break;
	case OURS:
		if (used)
			idle_publish(&sched.idle, p->id, true);
		else
			idle_found(&sched.idle);
		break;
	}
	p->halt = RUNS;
}

/* Let all go on; the first `was` of them were stopped. */
static void go(struct p *self, int was)
{
	int procs = a_load(&sched.procs, relaxed);

	for (int i = 0; i < was; i++)
		if (sched_p(i) != self)
			release_one(sched_p(i), i < procs);
	for (int i = was; i < procs; i++)
		idle_publish(&sched.idle, i, false);
	/* [procs.go] pairs with [procs.wait], [procs.again]. */
	a_add(&sched.stopping, 1, release);
	os_futex_wake(&sched.stopping, INT32_MAX);
}

/* How long a P with nothing to do looks around: about what a sleep and a wake
 * cost, but not where it would take the CPU from somebody with work. */
static int64_t spin_time(int procs)
{
	if (sched.policy == LEAT_IDLE_SPIN)
		return OS_NEVER;
	if (procs == 1 || procs > topology_cpu_count())
		return 0;
	return 20000;
}

void procs_count(int n)
{
	a_store(&sched.spin, spin_time(n), relaxed);
	a_store(&sched.procs, n, relaxed);
}

static struct p *make(int id)
{
	struct p *p = os_map(sizeof(*p), os_page());

	if (!p)
		return NULL;
	p->id = id;
	p->node = topology_node(id);
	p->due = GLOBAL_EVERY;
	p->random = 0x9e3779b97f4a7c15ull * (uint64_t)(id + 1);
	p->stacks.node = p->node;
	p->victims.order = os_map(
		TOPOLOGY_PROCS_MAX * sizeof(*p->victims.order), os_page());
	timers_publish(&p->timers);
	return p->victims.order ? p : NULL;
}

int procs_make(int n)
{
	for (int i = 0; i < n; i++) {
		struct p *p = sched_p(i);

		if (!p && !(p = make(i)))
			return -ENOMEM;
		/* [procs.made] pairs with [sched.p]: the P before its address.
		 */
		a_store(&sched.p[i], p, release);
	}
	if (stack_caches(n) != 0)
		return -ENOMEM;
	for (int i = 0; i < n; i++)
		topology_steal_order(i, n, &sched_p(i)->victims);
	return 0;
}

static void submit(struct p *p, struct g *g)
{
	inject_push(&sched.node[p->node], &g, 1);
}

/* All that waits at a P that goes out of use; its timers go to another. */
static void empty(struct p *p, struct p *heir)
{
	struct g *g;

	wake_show(p);
	while ((g = runq_pop(&p->runq)) || (g = deque_pop_front(&p->fifo)) ||
	       (g = deque_pop_front(&p->fresh)))
		submit(p, g);
	/* Where the FIFO was full it could not be shown. */
	g = a_load(&p->runnext, relaxed);
	if (g)
		submit(p, g);
	a_store(&p->runnext, NULL, relaxed);
	/* [procs.drain] pairs with [wake.push]. */
	g = a_swap(&p->inbox, NULL, acquire);
	for (struct g *next; g; g = next) {
		next = g->next;
		submit(p, g);
	}
	timers_move(&p->timers, &heir->timers);
	stack_flush(&p->stacks, 0);
	g_cache_drain(&p->gs);
}

struct m *procs_change(struct m *m, int n)
{
	/* Not asleep in here: whoever holds it waits for us to halt. */
	while (!lock_try(&stop_lock))
		m = park_part(m);
	if (n == a_load(&sched.procs, relaxed)) {
		lock_drop(&stop_lock);
		return m;
	}

	struct p *self = m_p(m), *heir = NULL;
	int was = a_load(&sched.procs, relaxed);

	stop(self);
	if (procs_make(n) == 0) {
		procs_count(n);
		/* [procs.fewer] pairs with [wake.look]: who puts something
		 * into an inbox after it was emptied sees the new number. */
		a_fence(seq_cst);
		heir = self->id < n ? self : sched_p(0);
		for (int i = n; i < was; i++)
			empty(sched_p(i), heir);
	}
	if (self->id >= a_load(&sched.procs, relaxed))
		spare_away(m, true);
	go(self, was);
	if (heir && heir != self)
		wake_attention(heir);
	if (heir)
		due_tell(a_load(&heir->timers.expiry, relaxed));
	if (self->id >= a_load(&sched.procs, relaxed))
		detach(m, self);
	lock_drop(&stop_lock);
	if (!m_p(m))
		m = spare_return(m);
	wake_somebody();
	return m;
}

/* -- as the cgroup's quota changes -- */

static void follow(int n)
{
	struct m *m = m_enter();

	if (a_load(&sched.automatic, relaxed))
		m = procs_change(m, n);
	m_leave(m);
}

void procs_review(void)
{
	struct leat_attr attr = { .name = "leat: procs" };
	int n;

	if (!a_load(&sched.automatic, relaxed))
		return;
	n = topology_procs_now();
	/* Without memory for a goroutine: at the next review. */
	if (n != a_load(&sched.procs, relaxed))
		leat_go_with(&attr, follow, n);
}

bool procs_stopped(bool (*f)(void))
{
	bool answer;

	if (!lock_try(&stop_lock))
		return false;
	stop(NULL);
	answer = f();
	go(NULL, a_load(&sched.procs, relaxed));
	lock_drop(&stop_lock);
	return answer;
}

void procs_end(void)
{
	lock_take(&stop_lock);
	stop(NULL);
	for (int i = 0; i < a_load(&sched.procs, relaxed); i++)
		if (sched_p(i)->halt == CLAIMED)
			take_from(p_m(sched_p(i)), sched_p(i));
	lock_drop(&stop_lock);
}
