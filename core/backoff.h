/*
 * backoff.h - who loses a race for a line steps back for a while.
 *
 *	thread a     uses the line | loses | waits        | comes back, takes it
 *	thread b     wins it | uses it, uses it, uses it  | loses | waits
 *
 * To move a line from CPU to CPU costs as much as a dozen operations on it where
 * it is.  So two threads that want it at every step are faster in turns than
 * one for one.  The wait is counted in pauses of the CPU, which makers lengthen
 * for this very use; where measured, a line there and back took ten of them (140
 * and 14 ns).
 *
 * A loss soon after the last one is a fight, and the wait is doubled; one after
 * a longer time is bad luck, and costs a short wait.  "Soon" is in terms of the
 * last wait, on whatever clock the CPU has.
 *
 * Exponential backoff after Anderson (The performance of spin lock alternatives,
 * 1990); on a failed compare-and-swap after Dice, Hendler and Mirsky (Lightweight
 * contention management for efficient compare-and-swap operations, 2013).
 */
#ifndef CORE_BACKOFF_H
#define CORE_BACKOFF_H

#include <stdint.h>

enum {
	BACKOFF_FIRST = 4, /* pauses */
	BACKOFF_MOST = 64, /* then a turn is a hundred operations long */
	BACKOFF_SOON = 64, /* waits */
};

/* Of one thread, for all that it fights for. */
struct backoff {
	uint64_t since, span; /* the last wait: its end; how long it was */
	uint32_t pauses;
};

/* The calling thread has lost a race, and may try again after this. */
void backoff(void);

#endif
