/*
 * deadline.h - time as one more party: it may make the choice too.
 *
 *	who waits                           the P whose timer it is, or sysmon
 *
 *	deadline_arm: event ARMED
 *	registers, commits: ASLEEP          ARMED -> BUSY
 *	   .                                claims the choice, fires it
 *	   .                                BUSY -> IDLE
 *	goes on                 <---------- readies it
 *	deadline_end: takes the event;
 *	   who fires it has left our frame
 *
 * The event is a cell of its own, since the timer may be left in another P's
 * wheel; all else lies in the frame of who waits.
 */
#ifndef SYNC_DEADLINE_H
#define SYNC_DEADLINE_H

#include "sync/chan.h"

#include <stdint.h>

/* The choice's value if it was made by time. */
#define DEADLINE_INDEX (UINT32_MAX / CHOICE_INDEX)

struct deadline;

/* At `when` the choice is made, if it has not been, and w woken if it sleeps.
 * NULL: no memory. */
struct deadline *deadline_arm(struct m *m, struct choice *c, struct waiter *w,
			      int64_t when);
/* The choice was made, by whomever; it may be forgotten after this. */
void deadline_end(struct m *m, struct deadline *d);

/* The same for a thread that is not the runtime's: sleep until woken, or until
 * then, and make the choice if it is still to be made. */
void deadline_sleep(struct choice *c, struct waiter *w, int64_t when);

#endif
