/*
 * machine.h - the allowed CPUs and what they share, by hwloc.
 */
#ifndef CORE_MACHINE_H
#define CORE_MACHINE_H

#include <sched.h>
#include <stdint.h>

enum { MACHINE_NONE = -1, MACHINE_PRETENDED_MAX = 4096 };

struct pu {
	int cpu;       /* the kernel's number */
	int node;      /* equal for those of one NUMA node */
	int core;      /* equal for hyperthreads of one core */
	int64_t cache; /* equal for those below one cache; MACHINE_NONE */
	int place;     /* ascending order keeps those of one core together */
	int sibling;   /* 0: for the caller to fill */
};

struct machine {
	struct pu *pus; /* in no particular order */
	int n;
	cpu_set_t *allowed; /* of the real machine; NULL if synthetic */
	size_t allowed_bytes;
};

/* The calling thread's affinity mask and what hwloc knows about it, or a
 * synthetic machine; refuses (status 2) a description that makes no sense. */
void machine_read(struct machine *m, const char *synthetic);
void machine_free(struct machine *m);

#endif
