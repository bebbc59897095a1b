/*
 * fake.h - the clock that stands still while any goroutine runs.
 *
 *	P a              P b                  clock      timers at 5, 8
 *	idle             runs                   0
 *	idle             idle, the last         5        moves it, wakes whose
 *	runs             idle                            timer it is
 *	...
 *	idle             idle                   8
 *
 * LEAT_CLOCK=fake: a program that mostly waits is done at once, and what it
 * measures is exact.  All goroutines wait when every P is idle, and no thread
 * that has lost its P in a blocking call, or in a computation, is still at it.
 * Threads that are not the runtime's are not known, and hold nothing up; but
 * what they wait for is a timer like the others.
 *
 * Invariant: the clock moves under the lock, and whoever moves it takes those
 * whose timers are due out of idleness before he drops it; so nobody moves it
 * on before they have run.
 *
 * After the fake time of Go's playground, and testing/synctest.
 */
#ifndef CORE_FAKE_H
#define CORE_FAKE_H

#include "core/p.h"

/* p is idle, and has looked: if all wait, move the clock to the first timer.
 * True: that is p's, which is idle no more. */
bool fake_move(struct p *p);

/* A thread that was away is not any more: what it ran is in a queue, or it seeks. */
void fake_come_back(void);

/* A thread that is not the runtime's waits until then: from begin to end the
 * clock stops there; it looks again as often as FAKE_LOOK_NS. */
struct fake_wait {
	int64_t when;
	struct fake_wait *next;
};
enum { FAKE_LOOK_NS = 100000 };
void fake_wait_begin(struct fake_wait *w, int64_t when);
void fake_wait_end(struct fake_wait *w);

#endif
