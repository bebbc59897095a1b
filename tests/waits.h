/*
 * waits.h - how a test knows that a goroutine or a thread waits by now.
 *
 *	the test, on the only P         the other
 *	starts it
 *	until_waiting: yields ----->    about_to_wait(): notes its thread
 *	                                sends, receives ...: parks
 *	runs again <-----------------'
 *	   on the thread that was noted: so the other is off it, and waits
 *	   on another (the P was taken from it): it gets a while
 *
 * With more than one P it gets that while each time.  A thread that is not the
 * runtime's waits when the kernel says that it sleeps.
 */
#ifndef WAITS_H
#define WAITS_H

#include "leat.h"

#include "measure.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

static atomic_int waits_begun;
static _Atomic pid_t waits_thread;
static int waits_seen; /* by the test */

static inline void about_to_wait(void)
{
	atomic_store(&waits_thread, gettid());
	atomic_fetch_add(&waits_begun, 1);
}

/* Until n more have called about_to_wait, and wait. */
static inline void until_waiting(int n)
{
	waits_seen += n;
	while (atomic_load(&waits_begun) < waits_seen)
		leat_yield();
	if (leat_procs_get() > 1 || gettid() != atomic_load(&waits_thread))
		burn(2000000);
}

/* The letter of the thread's state; 0 if it is gone. */
static inline char thread_state(pid_t thread)
{
	char path[64], state = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)thread);
	f = fopen(path, "r");
	if (f && fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		state = 0;
	if (f)
		fclose(f);
	return state;
}

/* Until one more has, and it is a thread. */
static inline void until_thread_waits(void)
{
	waits_seen++;
	while (atomic_load(&waits_begun) < waits_seen ||
	       thread_state(atomic_load(&waits_thread)) != 'S')
		sched_yield();
}

#endif
