/*
 * sched.h - the scheduler, from inside.
 *
 *	file        question it answers
 *	park.[ch]   how does a goroutine stop, how does it go on?
 *	worker.c    what does a thread with a P do next?
 *	wake.c      who is told that there is work?
 *	spare.c     what do threads without a P do, where do Ps find threads?
 *	sysmon.c    who is stuck?
 *	procs.c     how do all stop at once, how many Ps are there?
 *	due.[ch]    whose time has come?
 *
 * There is one scheduler in a process.
 */
#ifndef CORE_SCHED_H
#define CORE_SCHED_H

#include "core/idle.h"
#include "core/m.h"
#include "core/options.h"
#include "core/os.h"
#include "core/p.h"

enum { SCHED_OFF, SCHED_ON, SCHED_DEAD, SCHED_FORKED };

struct sched {
	/* Read by all, written rarely. */
	_Atomic uint32_t phase;    /* SCHED_OFF and so on */
	_Atomic int procs;         /* Ps in use: p[0 .. procs) */
	_Atomic uint32_t stopping; /* odd: the n-th stop of all Ps is wanted */
	enum leat_idle policy;
	_Atomic int64_t spin;       /* ns an adaptive P looks around */
	_Atomic uint32_t automatic; /* procs follows the cgroup's quota */
	struct options options;
	struct topology topology;
	_Atomic(struct p *) p[TOPOLOGY_PROCS_MAX]; /* made once, never freed */
	struct inject *node;                       /* one a NUMA node */

	struct idle idle;

	/* Written by threads that have no P. */
	_Alignas(CPU_LINE) _Atomic uint64_t started, ended;
	_Atomic uint32_t seekers; /* threads that need a P themselves */
	_Atomic int loose;        /* threads that compute without a P */
	_Atomic int away;         /* those, and those that block without one */
	_Atomic uint32_t watched; /* sysmon: 0 asleep for long, 1 awake */
	_Atomic uint32_t told;    /* sysmon: 1 a timer is due before it looks */
	_Atomic int64_t covered;  /* sysmon looks in time for what is later */
};

extern struct sched sched;

/* -- worker.c -- */

/* The thread's life: with a P run goroutines, without one wait for it.
 * Returns when the thread is to end. */
void worker_run(struct m *m);

/* -- wake.c -- */

/* Show thieves some of p's work and wake one of them if need be; leave `keep`
 * goroutines at home. */
void wake_share(struct p *p, uint32_t keep);
/* Show thieves everything; tell nobody yet. */
void wake_show(struct p *p);
/* Work became visible outside any P's private queues. */
void wake_somebody(void);
/* P p, already counted as searching, is to look around.  False: it has no
 * thread and none could be made. */
bool wake_p(struct p *p);
/* Something in p's inbox, a stop, a seeker: p is to look up soon. */
void wake_attention(struct p *p);
/* To the node's queue. */
void wake_submit(int node, struct g *const *g, uint32_t n);
/* g is bound to a thread: it is queued there. */
void wake_bound(struct g *g);
/* First on P p. */
void wake_place(struct p *p, struct g *g);

/* -- spare.c -- */

/* A thread for p: a spare one, else a new one.  False: there is none to be
 * had; p stays without. */
bool spare_start(struct p *p);
/* Wait, without a P, until somebody gives one.  False: the thread is one too
 * many and is to end. */
bool spare_wait(struct m *m);
/* m, which can run nothing, gives its P to another thread. */
void spare_hand_over(struct m *m);
/* The same, but if there is no other thread, m keeps it. */
void spare_lend(struct m *m);
/* m runs a goroutine, and has no P, or has one again. */
void spare_away(struct m *m, bool away);
/* Is a goroutine ready that is bound to a thread? */
bool spare_bound_ready(void);
/* A thread waits for a P of its own: give it ours.  False: none does. */
bool spare_serve(struct m *m);
/* m has lost its P while outside: part with the goroutine, wait, go on. */
struct m *spare_return(struct m *m);
/* Threads alive. */
int spare_threads(void);
/* Those of them that wait for a P. */
int spare_waiting(void);
/* Some that may run a goroutine, at most so many; *at, 0 at first, goes on from call
 * to call, until there are none. */
size_t spare_running(struct m **to, size_t most, size_t *at);

/* -- procs.c -- */

/* f, with all Ps stopped; false, too, if they are being stopped just now. */
bool procs_stopped(bool (*f)(void));

/* -- fork.c -- */
void fork_init(void);
/* In such a child: fatal. */
COLD void fork_refuse(void);

/* -- crash.c -- */

/* Catch stack overflows, and faults; the thread needs a stack for that. */
void crash_init(void);
bool crash_thread(struct m *m);
void crash_thread_end(struct m *m);

/* -- sysmon.c -- */
void sysmon_start(void);
void sysmon_get_up(void);

/* A P leaves idleness, a blocking call ended, work came from outside: sysmon
 * may have to get up. */
static ALWAYS_INLINE void sysmon_rouse(void)
{
	a_light(); /* the other half is in sysmon.c, sleep_long */
	if (unlikely(a_load(&sched.watched, relaxed) == 0))
		sysmon_get_up();
}

/* -- procs.c -- */

/* So many are in use from now on. */
void procs_count(int n);
/* Make Ps up to n; 0 or -ENOMEM. */
int procs_make(int n);
/* m, in the scheduler, sees that a stop is wanted: waits it out, perhaps for
 * ever, and may be without a P afterwards. */
void procs_halt(struct m *m);
/* Stop all for ever: main has returned. */
void procs_end(void);
/* How leat_procs_set changes the number; from a goroutine, inside. */
struct m *procs_change(struct m *m, int n);
/* Is the quota what it was?  If not, and nobody has set the number of Ps by
 * hand, change it soon. */
void procs_review(void);
/* The runtime is over: this thread must not go on. */
_Noreturn void procs_freeze(void);

static ALWAYS_INLINE struct p *m_p(struct m *m)
{
	return a_load(&m->p, relaxed);
}

/* The common cases of wake_share: nobody is idle, or there is no work to
 * share. */
static ALWAYS_INLINE void wake_if_hungry(struct p *p, uint32_t keep)
{
	if (unlikely(idle_hungry(&sched.idle)) &&
	    deque_len(&p->fresh) + deque_len(&p->fifo) + runq_len(&p->runq) >
		    keep)
		wake_share(p, keep);
}

static ALWAYS_INLINE struct p *sched_p(int i)
{
	/* [sched.p] pairs with [procs.made]. */
	return a_load(&sched.p[i], acquire);
}

/* Is a stop of all Ps wanted? */
static ALWAYS_INLINE bool sched_stopping(void)
{
	return a_load(&sched.stopping, relaxed) & 1;
}

/* Does anything wait in the queues of the nodes? */
static inline bool sched_nodes_wait(void)
{
	for (int i = 0; i < sched.topology.nodes; i++)
		if (inject_len(&sched.node[i]) > 0)
			return true;
	return false;
}

#endif
