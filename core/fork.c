/*
 * fork.c - the child of a fork.
 *
 *	parent                           child
 *	goroutines on threads  -fork-->  the thread that forked, and nothing else
 *
 * The other threads are gone, with whatever they were about to do to the queues, so
 * nobody there can wait or be woken.  The child may do what any thread's child may:
 * exec, or _exit, and what is async-signal-safe before that.  A call that would
 * enter the runtime ends it with a word instead of waiting for ever, or running its
 * parent's goroutines a second time: its P counts as taken, which each of those
 * finds out on the way in (own.h).
 */
#include "core/sched.h"

#include <pthread.h>

static void in_child(void)
{
	struct m *m = arch_self();

	base_alone();
	if (a_load(&sched.phase, relaxed) == SCHED_ON)
		a_store(&sched.phase, SCHED_FORKED, relaxed);
	if (m)
		a_store(&m->own.claim, OWN_TAKEN, relaxed);
}

void fork_refuse(void)
{
	if (a_load(&sched.phase, relaxed) == SCHED_FORKED)
		fatal("a call into the runtime in the child of a fork");
}

void fork_init(void)
{
	if (pthread_atfork(NULL, NULL, in_child) != 0)
		refuse("no memory to start");
}
