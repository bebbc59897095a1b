/*
 * deadlock.h - when nothing can ever run again.
 *
 *	sysmon: everything has been at rest for some looks
 *	    a timer is armed, a call blocks, work waits        no
 *	    somebody else could wake a goroutine:              not now; asked
 *	      a thread that is not ours, a signal that is      again in a second
 *	      asked for, a callback that is still to run
 *	    all Ps are stopped, and every goroutine waits      deadlock: say who
 *	                                                       waits for what, end
 *
 * That all Ps have stopped in the scheduler is what makes the answer exact: none
 * of them has just found something, or is about to wake somebody, for it would
 * have done so before it stopped.  A goroutine that is woken is RUNNABLE before
 * it can be found in any queue.
 *
 * The words are Go's, whose checkdead counts threads for the same question.
 */
#ifndef CORE_DEADLOCK_H
#define CORE_DEADLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* A thread of the library's own that is not an M, and may call functions of the
 * program's: may it do so without anybody's doing?  Registered once, for ever. */
struct deadlock_helper {
	bool (*may_wake)(void);
	struct deadlock_helper *next;
};

void deadlock_add(struct deadlock_helper *h);

/* Something may run: when to ask again, unless it does; not before the first timer.
 * 0: nothing that is easily seen. */
int64_t deadlock_possible(void);

/* Ends the process if nothing can ever run again.  Else the same. */
int64_t deadlock_look(void);

#endif
