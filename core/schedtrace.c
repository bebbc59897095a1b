/*
 * schedtrace.c - the line of Go's schedtrace, so that eyes and tools that know it
 * know this.
 *
 *	SCHED 1009ms: gomaxprocs=2 idleprocs=1 threads=4 spinningthreads=0
 *	needspinning=0 idlethreads=1 runqueue=0 [ 4 0 ] schedticks=[ 812 77 ]
 *
 *	word             here
 *	threads          of the runtime: those that run goroutines or could
 *	spinningthreads  Ps that look around for work
 *	needspinning     1: work waits, and nobody looks for it
 *	idlethreads      those that wait for a P
 *	runqueue         goroutines that wait in the queues of NUMA nodes
 *	[ ... ]          those that wait at each P
 *	schedticks       goroutines that each P has switched to
 *
 * Nothing is stopped for it, so numbers that belong together may be of different
 * moments.
 */
#include "core/schedtrace.h"

#include "core/out.h"
#include "core/sched.h"

static uint32_t queued(void)
{
	uint32_t n = 0;

	for (int i = 0; i < sched.topology.nodes; i++)
		n += inject_len(&sched.node[i]);
	return n;
}

static void say(int64_t ms)
{
	struct out o = { .fd = base_out.fd };
	uint64_t state = a_load(&sched.idle.state, relaxed);
	int procs = a_load(&sched.procs, relaxed);
	bool work = queued() > 0;

	for (int i = 0; i < procs; i++)
		work |= p_waiting(sched_p(i)) > 0;
	out_say(&o,
		"SCHED %lldms: gomaxprocs=%d idleprocs=%u threads=%d "
		"spinningthreads=%u needspinning=%d idlethreads=%d "
		"runqueue=%u [",
		(long long)ms, procs, idle_count(state), spare_threads(),
		idle_searching(state),
		work && idle_count(state) > 0 && !idle_searching(state),
		spare_waiting(), queued());
	for (int i = 0; i < procs; i++)
		out_say(&o, " %u", p_waiting(sched_p(i)));
	out_say(&o, " ] schedticks=[");
	for (int i = 0; i < procs; i++)
		out_say(&o, " %u", a_load(&sched_p(i)->tick, relaxed));
	out_say(&o, " ]\n");
	out_flush(&o);
}

int64_t schedtrace_look(int64_t now)
{
	static int64_t start, next;
	int64_t every = sched.options.schedtrace;

	if (every == 0)
		return OS_NEVER;
	if (start == 0)
		start = next = now;
	if (now < next)
		return next;
	say((now - start) / 1000000);
	next += every;
	if (next < now)
		next = now + every; /* not one for each that was missed */
	return next;
}
