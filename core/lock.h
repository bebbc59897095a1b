/*
 * lock.h - a lock between threads, for the runtime's own rare paths.
 *
 *	0 free    1 held    2 held, and somebody may sleep on it
 *
 * Never held across a switch, never taken by anything a goroutine does often.
 * Spins briefly, then sleeps in the kernel (Drepper, "Futexes Are Tricky",
 * 2011, mutex 3).
 */
#ifndef CORE_LOCK_H
#define CORE_LOCK_H

#include <stdbool.h>
#include <stdint.h>

/* All zeroes is free. */
struct lock {
	_Atomic uint32_t word;
};

void lock_take(struct lock *l);
/* Take it if it is free. */
bool lock_try(struct lock *l);
void lock_drop(struct lock *l);

#endif
