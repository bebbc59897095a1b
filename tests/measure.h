/*
 * measure.h - time and memory, as tests need them.
 */
#ifndef MEASURE_H
#define MEASURE_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static inline int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static inline void burn(int64_t ns)
{
	for (int64_t end = now_ns() + ns; now_ns() < end;)
		;
}

static inline long resident_kb(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (!f || fscanf(f, "%*d %ld", &pages) != 1)
		pages = 0;
	if (f)
		fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static inline long free_gb(void)
{
	return (sysconf(_SC_AVPHYS_PAGES) >> 10) * sysconf(_SC_PAGESIZE) >> 20;
}

/* Of the thread that runs the caller now.  Neither this nor pthread_self may be
 * known to the compiler as a constant of the thread: it would ask once, and a
 * goroutine changes threads. */
static __attribute__((noinline, unused)) int errno_now(void)
{
	__asm__ volatile("" ::: "memory");
	return errno;
}

#endif
