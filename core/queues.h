/*
 * queues.h - the channels of a dump, and who waits at each.
 *
 *	channel 0x55d0c8a3b2a0: 4 of 4 values, sendx 2, recvx 2
 *		sendq: goroutine 7, 9
 *		recvq: empty
 */
#ifndef CORE_QUEUES_H
#define CORE_QUEUES_H

#include "core/say.h"

void queues_begin(void);
/* Remember what s waits at, if that is a channel. */
void queues_add(const struct say *s);
void queues_say(struct out *o);

#endif
