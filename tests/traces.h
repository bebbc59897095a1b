/*
 * traces.h - stacks as text.
 */
#ifndef TRACES_H
#define TRACES_H

#include "leat.h"

#include "test.h"

#define MS LEAT_MILLISECOND

/* Functions that are to be found. */
#define FOUND __attribute__((noinline))
#define HERE \
	__asm__ volatile("" ::: "memory") /* no call before it is the last */

__attribute__((unused)) static char text[1 << 20];

/* How often. */
__attribute__((unused)) static int count(const char *in, const char *what)
{
	int n = 0;

	for (; (in = strstr(in, what)); in++)
		n++;
	return n;
}

#endif
