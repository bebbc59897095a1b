/*
 * deadlock.c - the question, and the answer; see deadlock.h.
 *
 * Threads are counted in /proc: whoever is there beside those of the library may
 * wake a goroutine.  Where that cannot be read it is the same as if there were one.
 */
#include "core/deadlock.h"

#include "core/base.h"
#include "core/dump.h"
#include "core/park.h"
#include "core/sched.h"

#include "sanitize.h"

enum { AGAIN_NS = 1000000000 };

static _Atomic(struct deadlock_helper *) helpers;

void deadlock_add(struct deadlock_helper *h)
{
	h->next = a_load(&helpers, relaxed);
	/* [deadlock.add] pairs with [deadlock.helpers]. */
	while (!a_cas(&helpers, &h->next, h, release))
		;
}

/* -- who else there is -- */

static bool others(void)
{
	/* The caller of leat_run, sysmon, and who dumps. */
	int ours = 2 + dump_there() + spare_threads();

	/* [deadlock.helpers] pairs with [deadlock.add]. */
	for (struct deadlock_helper *h = a_load(&helpers, acquire); h;
	     h = h->next) {
		if (h->may_wake())
			return true;
		ours++;
	}
	if (SANITIZE_THREADS) /* but helpers and sysmon are deaf, too */
		return os_threads_heard() != 1 + spare_threads();
	return os_threads() != ours;
}

/* When the first timer is due; OS_NEVER: none is armed. */
static int64_t first_due(void)
{
	int64_t first = OS_NEVER;

	for (int i = 0; i < a_load(&sched.procs, relaxed); i++) {
		struct timers *ts = &sched_p(i)->timers;
		int64_t due = a_load(&ts->notes, relaxed)
				      ? 0
				      : a_load(&ts->expiry, relaxed);

		if (due < first)
			first = due;
	}
	return first;
}

/* -- with all Ps stopped -- */

static size_t waiting;

static bool all_wait(void)
{
	struct g *g;

	waiting = 0;
	for (size_t i = 0; (g = g_at(i)); i++) {
		switch (a_load(&g->state, relaxed)) {
		case G_WAITING:
			waiting++;
			break;
		case G_DEAD:
			break;
		default:
			return false;
		}
	}
	return first_due() == OS_NEVER;
}

static _Noreturn void report(void)
{
	base_dying();
	if (waiting == 0) {
		base_say("fatal error: no goroutines (main called "
			 "runtime.Goexit) - deadlock!\n");
	} else {
		base_say("fatal error: all goroutines are asleep - "
			 "deadlock!\n");
		dump_waiting();
	}
	base_exit();
}

int64_t deadlock_possible(void)
{
	int64_t due = first_due(), again = os_now() + AGAIN_NS;

	if (due != OS_NEVER)
		return due > again ? due : again;
	return a_load(&sched.away, relaxed) || a_load(&sched.loose, relaxed) ||
			       others()
		       ? again
		       : 0;
}

int64_t deadlock_look(void)
{
	if (procs_stopped(all_wait) && !others())
		report();
	return os_now() + AGAIN_NS;
}
