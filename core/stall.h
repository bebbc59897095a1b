/*
 * stall.h - LEAT_STALL: who keeps a thread for long is named, with its stack.
 */
#ifndef CORE_STALL_H
#define CORE_STALL_H

#include "core/shot.h"

#include <stdint.h>

/* Look around if it is time, and call `tell` for each that has run for so long
 * without a break, once.  When to look next: OS_NEVER if it is not wanted. */
int64_t stall_look(int64_t now,
		   void (*tell)(const struct shot *s, int64_t since));

#endif
