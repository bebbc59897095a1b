/*
 * runtime.c - the runtime starts, the main goroutine ends, the runtime stops.
 *
 *	C's main thread                       threads of the runtime
 *
 *	options, topology, stacks, Ps
 *	goroutine 1 in the node's queue
 *	a thread for P 0  ------------------> runs it; others are started when
 *	sleeps                                there is work for them
 *	  .                                   goroutine 1 returns
 *	  .                <----------------- phase = DEAD, its result
 *	stops all Ps, returns the result      stay where they are
 *
 * The main thread runs no goroutine: one that computes for ever, or blocks,
 * would keep leat_run from returning.
 */
#include "leat/runtime.h"

#include "core/base.h"
#include "core/dump.h"
#include "core/go.h"
#include "core/panic.h"
#include "core/park.h"
#include "core/sched.h"

#include <stdio.h>

struct sched sched;

static struct {
	_Atomic uint32_t ended; /* futex word */
	_Atomic int result;
} main_goroutine;

static void make_nodes(void)
{
	size_t n = (size_t)sched.topology.nodes * sizeof(struct inject);

	sched.node = os_map(n, os_page());
	if (!sched.node)
		refuse("no memory to start");
}

static void start(const struct leat_options *options)
{
	int procs;

	base_before = panic_tell;
	os_signals_remember();
	options_read(&sched.options, options);
	base_where = dump_where;
	topology_load(&sched.topology, sched.options.topology);
	procs = sched.options.procs ? sched.options.procs
				    : sched.topology.procs;
	sched.policy = sched.options.clock == LEAT_CLOCK_FAKE
			       ? LEAT_IDLE_PARK
			       : sched.options.idle;
	clock_start(sched.options.clock == LEAT_CLOCK_FAKE);
	stack_init(sched.options.stack, procs);
	make_nodes();
	if (procs_make(procs) != 0)
		refuse("no memory for %d Ps", procs);
	procs_count(procs);
	a_store(&sched.automatic, sched.options.procs == 0, relaxed);
	for (int i = 1; i < procs; i++)
		idle_publish(&sched.idle, i, false);
	fork_init();
	crash_init();
	dump_init();
	dump_thread(); /* now: where it is wanted, none may be to be had */
	a_store(&sched.phase, SCHED_ON, relaxed);
}

void go_main_ended(int result)
{
	a_store(&main_goroutine.result, result, relaxed);
	a_store(&sched.phase, SCHED_DEAD, relaxed);
	/* [main.ended] pairs with [main.wait]: the result. */
	a_store(&main_goroutine.ended, 1, release);
	os_futex_wake(&main_goroutine.ended, 1);
}

int leat_run_(const struct leat_options *options, leat_fn_ *fn, int argc,
	      const uintptr_t *argv)
{
	static _Atomic uint32_t once;

	if (!fn)
		fatal("leat_run of nil func value");
	if (a_swap(&once, 1, relaxed))
		fatal("leat_run: the runtime has been started already");
	start(options);

	struct leat_attr attr = { .name = "main" };

	struct go_extra extra = { .main = true };

	if (go_start(&attr, &extra, fn, argc, argv) != 0)
		refuse("no memory for the main goroutine");
	if (!spare_start(sched_p(0)))
		refuse("cannot start a thread");
	sysmon_start();

	/* [main.wait] pairs with [main.ended]. */
	while (!a_load(&main_goroutine.ended, acquire))
		os_futex_wait(&main_goroutine.ended, 0, OS_NEVER);
	base_await_end();
	procs_end();
	return a_load(&main_goroutine.result, relaxed);
}

int leat_procs_get(void)
{
	return a_load(&sched.procs, relaxed);
}

int leat_procs_set(int n)
{
	int was = leat_procs_get();

	if (n < 1)
		return was;
	if (n > TOPOLOGY_PROCS_MAX)
		fatal("leat_procs_set: %d Ps, at most %d", n,
		      TOPOLOGY_PROCS_MAX);

	struct m *m = m_enter();

	if (!m)
		fatal("leat_procs_set: not in a goroutine");
	a_store(&sched.automatic, 0, relaxed);
	m_leave(procs_change(m, n));
	return was;
}

int leat_procs_default(void)
{
	int was = leat_procs_get();
	struct m *m = m_enter();

	if (!m)
		fatal("leat_procs_default: not in a goroutine");
	a_store(&sched.automatic, 1, relaxed);
	m_leave(procs_change(m, topology_procs_now()));
	return was;
}

int leat_cpu_count(void)
{
	return topology_cpu_count();
}

int leat_p_current(void)
{
	struct m *m = arch_self();
	struct p *p = m ? m_p(m) : NULL;

	return p ? p->id : -1;
}

int leat_node_current(void)
{
	struct m *m = arch_self();
	struct p *p = m ? m_p(m) : NULL;

	return p ? p->node : -1;
}
