/*
 * topology.h - which CPUs there are for us, and how far apart they are.
 *
 *	machine --- node --- cache --- core --- PU      hwloc's words; a PU is
 *	                                                the kernel's CPU
 *
 * Loaded once, at the start, restricted to the affinity mask of the calling
 * thread.  PUs are numbered 0 .. pus-1: one hyperthread of each core first,
 * core by core and node by node, then the siblings in the same order.  So a
 * program that takes half of the Ps gets whole cores.
 *
 *	numa:2 core:2 pu:2      node 0          node 1
 *	                     core   core     core   core
 *	                     0  4   1  5     2  6   3  7
 *
 * P i lives on PU i modulo the number of PUs.
 */
#ifndef CORE_TOPOLOGY_H
#define CORE_TOPOLOGY_H

#include <stdbool.h>
#include <stdint.h>

enum { TOPOLOGY_PROCS_MAX = 1024 };

/* How far another P is, nearest first. */
enum distance {
	SAME_PU,    /* more Ps than PUs: they share one */
	SAME_CORE,  /* the other hyperthread */
	SAME_CACHE, /* the same node and last cache (L3, or L2 without one) */
	SAME_NODE,  /* the same NUMA node */
	REMOTE,
	DISTANCES
};

struct topology {
	int pus;   /* allowed PUs, at least 1; may exceed TOPOLOGY_PROCS_MAX */
	int nodes; /* NUMA nodes that have allowed PUs, at least 1 */
	int procs; /* the default number of Ps: PUs, or less by quota */
	bool synthetic;
};

/* Whom P `self` robs, nearest first: order[0 .. n).  Class d is
 * order[end[d-1] .. end[d]), where end[-1] is 0. */
struct steal_order {
	int n;
	int end[DISTANCES];
	uint16_t *order;
};

/* Load; synthetic is an hwloc description or NULL for this machine.  Refuses
 * (one line, status 2) a description that makes no sense.  No quota bears on a
 * synthetic machine. */
void topology_load(struct topology *t, const char *synthetic);

/* NUMA node, 0 .. nodes-1, of P i. */
int topology_node(int p);
/* The kernel's number of P i's CPU; -1 if synthetic. */
int topology_cpu(int p);
enum distance topology_distance(int p, int q);
/* Fill o for P self among np Ps; o->order has room for np - 1.  Where groups
 * are of one size, no two Ps have the same first victim in a class. */
void topology_steal_order(int self, int np, struct steal_order *o);

/* Pin a thread, 0: the calling one, to P i's CPU; 0 or -E....  Nothing if
 * synthetic. */
int topology_pin(int tid, int i);
/* Let it run on all allowed CPUs. */
int topology_unpin(int tid);
/* The same, and move it now to one that is not of the first np Ps, if there is
 * one; of P i's node, if that has one. */
int topology_move_off(int tid, int i, int np);
/* Is that CPU one of the first np Ps'? */
bool topology_in_use(int cpu, int np);

/* CPUs in the affinity mask at the start (runtime.NumCPU); the pretended ones
 * if synthetic. */
int topology_cpu_count(void);
/* The tightest quota, in CPUs, of the cgroup and all its ancestors (v1 and
 * v2), rounded up, at least 1; 0 for none.  root is "/" but for tests, which
 * lay out a tree of their own.  In quota.c. */
int topology_quota(const char *root);
/* Where quotas are looked for: "/", but NULL (nowhere) on a synthetic machine,
 * and whatever a test sets before the start. */
extern const char *topology_quota_root;
/* topology.procs as of now: the quota may have changed. */
int topology_procs_now(void);
/* The default number of Ps: no more than PUs and quota, but two even if the
 * quota is less, as in Go: with one, a P throttled by the kernel takes
 * everything with it. */
int topology_procs(int pus, int quota);

#endif
