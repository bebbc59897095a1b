/*
 * spare.c - threads without a P, and Ps that need a thread.
 *
 *	                     spare_start, given a P
 *	  spares (last in  ----------------------------> runs
 *	  first out)                                      |
 *	     ^   ^   5 s unused: ends                     | P taken, handed over
 *	     |   '----------------------------------------'
 *	     |                                            |
 *	     |   a goroutine bound to this thread waits   v
 *	  seekers (first in first out) <------------------'
 *	         given the P of whoever looks first (spare_serve)
 *
 * Both lists and the number of threads are under one lock; all of this
 * happens only when a thread blocks, hogs or is wired.  A thread sleeps on its
 * note, which is set by whoever gave it a P or a goroutine of its own.
 */
#include "core/atomic.h"
#include "core/base.h"
#include "core/fake.h"
#include "core/lock.h"
#include "core/park.h"
#include "core/sched.h"

#include <errno.h>
#include <pthread.h>

#include "sanitize.h"

#define UNUSED_NS    5000000000ll
#define THREAD_STACK (256ul << 10)

enum { MS_A_CHUNK = 16 };

static _Atomic int threads_max = 10000; /* as Go */

/* Ms are made in chunks, which are never freed. */
struct chunk {
	struct m m[MS_A_CHUNK];
	struct chunk *next;
};

static struct {
	struct lock lock;
	struct m *spare;
	struct m *seeker, **seeker_end;
	struct m *retired; /* Ms whose thread has ended */
	struct chunk *chunks;
	int spares, threads;
} pool = { .seeker_end = &pool.seeker };

/* -- lists, with the lock held -- */

static void list_spare(struct m *m)
{
	m->next = pool.spare;
	pool.spare = m;
	pool.spares++;
	m->listed = true;
}

static struct m *take_spare(void)
{
	struct m *m = pool.spare;

	if (m) {
		pool.spare = m->next;
		pool.spares--;
		m->listed = false;
	}
	return m;
}

static void drop_spare(struct m *m)
{
	struct m **at = &pool.spare;

	while (*at != m)
		at = &(*at)->next;
	*at = m->next;
	pool.spares--;
	m->listed = false;
}

static void list_seeker(struct m *m)
{
	m->next = NULL;
	*pool.seeker_end = m;
	pool.seeker_end = &m->next;
	m->listed = true;
	a_add(&sched.seekers, 1, relaxed);
}

static struct m *take_seeker(void)
{
	struct m *m = pool.seeker;

	if (m) {
		pool.seeker = m->next;
		if (!pool.seeker)
			pool.seeker_end = &pool.seeker;
		m->listed = false;
		a_sub(&sched.seekers, 1, relaxed);
	}
	return m;
}

/* -- giving -- */

/* To the P's CPU.  Who gives the P does it, not who gets it: he might wait for
 * his turn on the CPU of a hog. */
static void settle(struct m *m, const struct p *p)
{
	if ((a_load(&m->pinned_to, relaxed) != p->id || m->unsettled) &&
	    sched.options.pin == LEAT_PIN_YES)
		topology_pin(a_load(&m->tid, relaxed), p->id);
	if (m->unsettled)
		os_slice(a_load(&m->tid, relaxed), 0);
	a_store(&m->pinned_to, p->id, relaxed);
	m->unsettled = false;
}

/* With the lock held, so that a thread is in a list or has a P. */
static void give_locked(struct m *m, struct p *p)
{
	settle(m, p);
	a_store(&m->given, a_load(&m->given, relaxed) + 1, relaxed);
	own_renew(&m->own);
	/* [spare.known] pairs with [p.m]. */
	a_store(&p->m, m, release);
	/* [spare.give] pairs with [spare.given]: the P as its last thread
	 * left it. */
	a_store(&m->p, p, release);
}

static void rouse(struct m *m)
{
	/* [spare.rouse] pairs with [spare.bound]: whoever misses the note sees
	 * the P. */
	a_fence(seq_cst);
	a_store(&m->note, 1, relaxed);
	os_futex_wake(&m->note, 1);
}

/* -- threads -- */

static struct m *new_m_locked(void)
{
	if (!pool.retired) {
		struct chunk *chunk = os_map(sizeof(*chunk), os_page());

		for (int i = 0; chunk && i < MS_A_CHUNK; i++) {
			chunk->m[i].next = pool.retired;
			pool.retired = &chunk->m[i];
		}
		if (chunk) {
			chunk->next = pool.chunks;
			pool.chunks = chunk;
		}
	}

	struct m *m = pool.retired;

	if (m)
		pool.retired = m->next;
	return m;
}

bool m_touched(const void *what)
{
	bool found = false;

	lock_take(&pool.lock);
	for (struct chunk *c = pool.chunks; c; c = c->next)
		for (int i = 0; i < MS_A_CHUNK; i++)
			/* [m.touches] pairs with [bias.leave], [switch.word]. */
			found |= a_load(&c->m[i].touching, acquire) == what;
	lock_drop(&pool.lock);
	return found;
}

static void find_stack(struct m *m)
{
	pthread_attr_t attr;
	void *lo = NULL;

	if (pthread_getattr_np(pthread_self(), &attr) != 0)
		return;
	pthread_attr_getstack(&attr, &lo, &m->stack_size);
	m->stack = lo;
	pthread_attr_destroy(&attr);
}

static void retire(struct m *m)
{
	lock_take(&pool.lock);
	a_store(&m->tid, 0, relaxed);
	lock_drop(&pool.lock);
	crash_thread_end(m);
	arch_self_set(NULL);
	lock_take(&pool.lock);
	m->next = pool.retired;
	pool.retired = m;
	pool.threads--;
	lock_drop(&pool.lock);
}

static void *thread_main(void *arg)
{
	struct m *m = arg;

	arch_self_set(m);
	crash_thread(m);
	/* [spare.born] pairs with [spare.alive]: its stack for signals. */
	a_store(&m->tid, os_thread_id(), release);
	find_stack(m);
	carry_begin(m);
	sanitize_thread(&m->fiber);
	os_timer_slack();
	settle(m, m_p(m));
	os_signals_as_remembered();
	worker_run(m);
	retire(m);
	return NULL;
}

static void reset(struct m *m, struct p *p)
{
	m->g = m->parted = m->odd = m->corpse = NULL;
	m->mine = NULL;
	m->wired = 0;
	m->loose = m->away = m->sought = false;
	m->unsettled = true; /* as whoever makes the thread is */
	a_store(&m->pinned_to, -1, relaxed);
	m->bonds = 0;
	m->doomed = false;
	m->reader = NULL;
	a_store(&m->blocked, 0, relaxed);
	a_store(&m->note, 0, relaxed);
	a_store(&m->bound, NULL, relaxed);
	a_store(&m->own.inside, 1, relaxed);
	own_renew(&m->own);
	a_store(&m->p, p, relaxed);
	/* [spare.new] pairs with [p.m]: an M that was never used is whole. */
	a_store(&p->m, m, release);
}

static _Noreturn void exhausted(int max)
{
	base_dying();
	base_say("runtime: program exceeds %d-thread limit\n", max);
	fatal("thread exhaustion");
}

static bool new_thread(struct p *p)
{
	struct m *m;

	lock_take(&pool.lock);
	int max = a_load(&threads_max, relaxed);
	bool full = pool.threads >= max;

	m = full ? NULL : new_m_locked();
	pool.threads += m != NULL;
	lock_drop(&pool.lock);
	if (full)
		exhausted(max);
	if (!m)
		return false;
	reset(m, p);
	if (os_thread(thread_main, m, THREAD_STACK) == 0)
		return true;

	own_part(&m->own);
	a_store(&p->m, NULL, relaxed);
	a_store(&m->p, NULL, relaxed);
	lock_take(&pool.lock);
	m->next = pool.retired;
	pool.retired = m;
	pool.threads--;
	lock_drop(&pool.lock);
	return false;
}

/* p to the first of those that `take` takes from. */
static bool give_to(struct m *take(void), struct p *p)
{
	lock_take(&pool.lock);
	struct m *m = take();

	if (m)
		give_locked(m, p);
	lock_drop(&pool.lock);
	if (m)
		rouse(m);
	return m != NULL;
}

bool spare_start(struct p *p)
{
	/* If no thread can be made, one that wants a P for itself will do. */
	return give_to(take_spare, p) || new_thread(p) ||
	       give_to(take_seeker, p);
}

static struct p *part_from(struct m *m)
{
	struct p *p = m_p(m);

	own_part(&m->own);
	a_store(&m->p, NULL, relaxed);
	a_store(&p->m, NULL, relaxed);
	return p;
}

void spare_hand_over(struct m *m)
{
	struct p *p;

	if (m->mine)
		spare_away(m, true); /* until it seeks */
	p = part_from(m);

	/* Without a thread it is idle; whoever wakes it tries again. */
	if (!spare_start(p))
		idle_publish(&sched.idle, p->id, false);
}

void spare_away(struct m *m, bool away)
{
	if (m->away == away)
		return;
	m->away = away;
	/* Before the P goes: whoever sees that idle sees this. */
	if (away)
		a_add(&sched.away, 1, relaxed);
	else if (clock_is_fake)
		fake_come_back();
	else
		a_sub(&sched.away, 1, relaxed);
}

bool spare_bound_ready(void)
{
	bool found = false;

	lock_take(&pool.lock);
	for (struct chunk *c = pool.chunks; c; c = c->next)
		for (int i = 0; i < MS_A_CHUNK; i++)
			found |= a_load(&c->m[i].bound, relaxed) != NULL;
	lock_drop(&pool.lock);
	return found;
}

void spare_lend(struct m *m)
{
	struct p *p = part_from(m);

	spare_away(m, true);
	if (spare_start(p)) {
		/* A look at us may have shown a P whose thread blocks. */
		sysmon_rouse();
		return;
	}
	lock_take(&pool.lock);
	give_locked(m, p);
	lock_drop(&pool.lock);
	spare_away(m, false);
}

bool spare_serve(struct m *m)
{
	lock_take(&pool.lock);
	struct m *seeker = take_seeker();

	if (seeker) {
		struct p *p = m_p(m);

		if (m->mine)
			spare_away(m, true); /* until it seeks */
		own_part(&m->own);
		a_store(&m->p, NULL, relaxed);
		give_locked(seeker, p);
	}
	lock_drop(&pool.lock);
	if (seeker)
		rouse(seeker);
	return seeker != NULL;
}

/* -- waiting -- */

/* Into the right list; true if it is that of the seekers. */
static bool enlist(struct m *m)
{
	bool seek;

	lock_take(&pool.lock);
	seek = m_has_bound(m);
	if (m->listed && seek)
		drop_spare(m);
	if (!m->listed && !m_p(m)) {
		if (seek)
			list_seeker(m);
		else if (!m_exclusive(m))
			list_spare(m);
	}
	lock_drop(&pool.lock);
	return seek;
}

/* Somebody with a P is to look at the seekers. */
static void call_for_help(struct m *m)
{
	wake_somebody();
	wake_attention(sched_p(a_load(&m->pinned_to, relaxed)));
}

/* Unused for long, and there are as many as there are Ps: leave. */
static bool superfluous(struct m *m)
{
	lock_take(&pool.lock);
	bool leave = m->listed && m->bonds == 0 &&
		     pool.spares > a_load(&sched.procs, relaxed);

	if (leave)
		drop_spare(m);
	lock_drop(&pool.lock);
	return leave;
}

bool spare_wait(struct m *m)
{
	bool seeking = false;

	if (m->loose)
		a_sub(&sched.loose, 1, relaxed);
	m->loose = false;
	for (;;) {
		a_store(&m->note, 0, relaxed);
		/* [spare.bound] pairs with [wake.bound], [spare.rouse]: either we see the
		 * goroutine, or its waker sees that we have no P and sets
		 * the note. */
		a_fence(seq_cst);
		/* [spare.given] pairs with [spare.give]. */
		if (a_load(&m->p, acquire))
			break;
		if (!seeking && (seeking = enlist(m)))
			call_for_help(m);
		spare_away(m, false);

		int64_t until = seeking ? OS_NEVER : os_now() + UNUSED_NS;
		int rc = os_futex_wait(&m->note, 0, until);

		if (rc == -ETIMEDOUT && superfluous(m))
			return false;
	}
	spare_away(m, false);
	a_store(&m->blocked, 0, relaxed);
	m->sought = seeking;
	return true;
}

COLD struct m *spare_return(struct m *m)
{
	fork_refuse();
	if (a_load(&sched.phase, relaxed) == SCHED_DEAD)
		procs_freeze();
	return park_part(m);
}

/* Those that are neither without a thread nor wait for work without a P. */
size_t spare_running(struct m **to, size_t most, size_t *at)
{
	size_t n = 0, i = 0;

	lock_take(&pool.lock);
	for (struct chunk *c = pool.chunks; c; c = c->next)
		for (int k = 0; k < MS_A_CHUNK && n < most; k++, i++) {
			struct m *m = &c->m[k];

			if (i < *at)
				continue;
			++*at;
			/* A signal needs a stack of its own.
			 * [spare.alive] pairs with [spare.born]. */
			if (a_load(&m->tid, acquire) && !m->listed &&
			    m->signal_stack)
				to[n++] = m;
		}
	lock_drop(&pool.lock);
	return n;
}

int spare_threads(void)
{
	lock_take(&pool.lock);
	int n = pool.threads;

	lock_drop(&pool.lock);
	return n;
}

int leat_threads_max(int n)
{
	return n < 1 ? a_load(&threads_max, relaxed)
		     : a_swap(&threads_max, n, relaxed);
}

int spare_waiting(void)
{
	int n = 0;

	lock_take(&pool.lock);
	for (struct chunk *c = pool.chunks; c; c = c->next)
		for (int k = 0; k < MS_A_CHUNK; k++)
			n += a_load(&c->m[k].tid, relaxed) && c->m[k].listed;
	lock_drop(&pool.lock);
	return n;
}
