/*
 * fake.c - the clock moves when all wait.
 */
#include "core/fake.h"

#include "core/lock.h"
#include "core/os.h"
#include "core/sched.h"

static struct lock lock; /* of the clock's moves, and of the list */
static struct fake_wait *threads;

/* Idle, it may still be about to find what came at that moment. */
static bool finds_nothing(struct p *p)
{
	return p_waiting(p) == 0 && !a_load(&p->inbox, relaxed);
}

static bool all_idle(uint64_t state)
{
	return idle_count(state) == (uint32_t)a_load(&sched.procs, relaxed) &&
	       idle_searching(state) == 0;
}

/* With the lock: nobody runs, and nothing is ready to.  Who is away does not come
 * back meanwhile, so that is asked last: a thread from outside may have woken a P
 * that blocks by now.  A P that was woken, and has emptied a queue before we looked
 * there, is idle no more by the state after it. */
static bool all_wait(void)
{
	/* [fake.idle] pairs with [idle.count]. */
	uint64_t state = a_load(&sched.idle.state, acquire);

	if (!all_idle(state))
		return false;
	for (int i = 0; i < a_load(&sched.procs, relaxed); i++)
		if (!finds_nothing(sched_p(i)))
			return false;
	if (a_load(&sched.seekers, relaxed) > 0 || sched_nodes_wait() ||
	    spare_bound_ready() || sched_stopping())
		return false;
	/* [fake.again] pairs with [idle.clear]: the looks come before it.  Who emptied
	 * a queue did not release that; but it had been woken, by acquiring, after it
	 * was idle no more, and on the CPUs we know a store is seen by all at once. */
	a_fence(seq_cst);
	return a_load(&sched.idle.state, relaxed) == state &&
	       a_load(&sched.away, relaxed) == 0;
}

static int64_t first(void)
{
	int procs = a_load(&sched.phase, relaxed) == SCHED_DEAD
			    ? 0
			    : a_load(&sched.procs, relaxed);
	int64_t first = OS_NEVER;

	for (int i = 0; i < procs; i++) {
		int64_t t = a_load(&sched_p(i)->timers.expiry, relaxed);

		first = t < first ? t : first;
	}
	for (struct fake_wait *w = threads; w; w = w->next)
		first = w->when < first ? w->when : first;
	return first;
}

/* Out of idleness with those whose timers are due; true: p is one of them. */
static bool rouse_due(struct p *p, int64_t now)
{
	int procs = a_load(&sched.procs, relaxed);
	bool ours = false;

	for (int i = 0; i < procs; i++) {
		struct p *q = sched_p(i);

		if (a_load(&q->timers.expiry, relaxed) > now ||
		    !idle_withdraw(&sched.idle, i))
			continue;
		if (q == p)
			ours = true;
		else if (!wake_p(q))
			idle_publish(&sched.idle, i, true);
	}
	return ours;
}

bool fake_move(struct p *p)
{
	bool ours = false, dead = a_load(&sched.phase, relaxed) == SCHED_DEAD;
	int64_t then;

	lock_take(&lock);
	/* When main has ended, only threads go on. */
	if ((dead || all_wait()) && (then = first()) != OS_NEVER) {
		if (then > a_load(&clock_fake, relaxed))
			/* [fake.move] pairs with [clock.fake]. */
			a_store(&clock_fake, then, release);
		ours = !dead && rouse_due(p, a_load(&clock_fake, relaxed));
	}
	lock_drop(&lock);
	return ours;
}

void fake_come_back(void)
{
	lock_take(&lock);
	a_sub(&sched.away, 1, relaxed);
	lock_drop(&lock);
	/* The goroutine may have run elsewhere by now, and all wait since. */
	fake_move(NULL);
}

void fake_wait_begin(struct fake_wait *w, int64_t when)
{
	lock_take(&lock);
	w->when = when;
	w->next = threads;
	threads = w;
	lock_drop(&lock);
	fake_move(NULL);
}

void fake_wait_end(struct fake_wait *w)
{
	struct fake_wait **at = &threads;

	lock_take(&lock);
	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	lock_drop(&lock);
	/* It may have been what the others waited for. */
	fake_move(NULL);
}
