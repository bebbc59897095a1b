/*
 * mark.h - a word that knows where it lies, so that a copy of it is found.
 *
 *	release             the mark is 0, and nothing is looked at
 *	debug, asan, tsan   ten bits of the address, mixed; 0 until first used
 *
 * One copy in a thousand has the same mark.
 */
#ifndef SYNC_MARK_H
#define SYNC_MARK_H

#include <stdbool.h>
#include <stdint.h>

#ifndef LEAT_MARKS
#define LEAT_MARKS 0
#endif

#define MARK_BITS 10

static inline uint64_t mark(const void *at)
{
	uint64_t x = (uintptr_t)at * UINT64_C(0x9e3779b97f4a7c15);

	return LEAT_MARKS ? x >> (64 - MARK_BITS) | 1 : 0;
}

/* The mark that was found there is neither none nor its own. */
static inline bool mark_differs(const void *at, uint64_t found)
{
	return LEAT_MARKS && found && found != mark(at);
}

#endif
