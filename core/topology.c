/*
 * topology.c - Ps on PUs: who lives where, who is near whom.
 *
 *	place     0   1   2   3   4   5   6   7    the order of sharing: node,
 *	core      a   a   b   b   c   c   d   d    then hwloc's tree
 *	sibling   0   1   0   1   0   1   0   1
 *	P         0   4   1   5   2   6   3   7    by sibling, then place
 *
 * The machine's pus are sorted by P; by_place leads from a place back to the P,
 * and the steal orders walk it.  With more Ps than PUs, P i shares the PU of
 * P i - n.
 *
 * The victims' order by distance is Shenango's "sibling first" taken to its
 * end (Ousterhout et al., NSDI 2019).
 */
#include "core/topology.h"

#include "core/base.h"
#include "core/machine.h"
#include "core/os.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct machine machine;
static int *by_place;
static int nodes;

const char *topology_quota_root;

static int by_node_and_place(const void *a, const void *b)
{
	const struct pu *x = a, *y = b;

	if (x->node != y->node)
		return x->node < y->node ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

static int by_sibling_and_place(const void *a, const void *b)
{
	const struct pu *x = a, *y = b;

	if (x->sibling != y->sibling)
		return x->sibling < y->sibling ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

/* In the first order the PUs of a node, and in it those of a core, stand next
 * to each other: nodes and siblings are counted on the way. */
static void number(struct pu *pu, int n)
{
	int node = 0;

	qsort(pu, (size_t)n, sizeof(*pu), by_node_and_place);
	nodes = 0;
	for (int i = 0; i < n; i++) {
		if (i == 0 || pu[i].node != node)
			nodes++;
		node = pu[i].node;
		pu[i].node = nodes - 1;
		pu[i].place = i;
		if (i > 0 && pu[i].core == pu[i - 1].core)
			pu[i].sibling = pu[i - 1].sibling + 1;
	}
	qsort(pu, (size_t)n, sizeof(*pu), by_sibling_and_place);
	free(by_place);
	by_place = malloc((size_t)n * sizeof(*by_place));
	if (!by_place)
		fatal("runtime: cannot allocate memory");
	for (int i = 0; i < n; i++)
		by_place[pu[i].place] = i;
}

static bool synthetic_machine(void)
{
	return !machine.allowed;
}

int topology_procs(int pus, int quota)
{
	int n = pus < TOPOLOGY_PROCS_MAX ? pus : TOPOLOGY_PROCS_MAX;

	if (quota == 1)
		quota = 2;
	return quota == 0 || quota > n ? n : quota;
}

int topology_procs_now(void)
{
	const char *root = topology_quota_root;

	return topology_procs(machine.n, root ? topology_quota(root) : 0);
}

void topology_load(struct topology *t, const char *synthetic)
{
	machine_free(&machine);
	machine_read(&machine, synthetic);
	number(machine.pus, machine.n);
	if (!topology_quota_root && !synthetic_machine())
		topology_quota_root = "/";
	*t = (struct topology){
		.pus = machine.n,
		.nodes = nodes,
		.procs = topology_procs_now(),
		.synthetic = synthetic_machine(),
	};
}

static const struct pu *home(int p)
{
	return &machine.pus[p % machine.n];
}

int topology_node(int p)
{
	return home(p)->node;
}

int topology_cpu(int p)
{
	return synthetic_machine() ? -1 : home(p)->cpu;
}

/* The node comes before the cache: an L3 may span two nodes, their memory
 * does not. */
enum distance topology_distance(int p, int q)
{
	const struct pu *a = home(p), *b = home(q);

	if (a == b)
		return SAME_PU;
	if (a->node != b->node)
		return REMOTE;
	if (a->core == b->core)
		return SAME_CORE;
	if (a->cache != MACHINE_NONE && a->cache == b->cache)
		return SAME_CACHE;
	return SAME_NODE;
}

/* The P after p in the order of places, -1 being before the first and after
 * the last.  Ps that share a PU follow each other. */
static int next(int p, int np)
{
	int place = p < 0 ? -1 : home(p)->place;

	if (p >= 0 && p + machine.n < np)
		return p + machine.n;
	while (++place < machine.n)
		if (by_place[place] < np)
			return by_place[place];
	return -1;
}

/*
 * Each class is a ring in the order of places, entered where self would stand
 * in it but for its own group: as far behind the end of the group as self is
 * behind the group's start.  With groups of one size that is a permutation,
 * so nobody is everybody's first victim:
 *
 *	self      0   1  |  2   3  |  4   5        groups of two
 *	enters    2   3  |  4   5  |  0   1
 *
 * So the entry is the number of Ps before self in the class and in all nearer
 * ones.  Finds o->end and the entries.
 */
static void survey(int self, int np, struct steal_order *o, int *entry)
{
	bool before = true;

	memset(o->end, 0, sizeof(o->end));
	for (int p = next(-1, np); p >= 0; p = next(p, np)) {
		enum distance d = topology_distance(self, p);
		before = before && p != self;
		o->end[d] += p != self;
		entry[d] += before;
	}
	for (int d = 1; d < DISTANCES; d++) {
		o->end[d] += o->end[d - 1];
		entry[d] += entry[d - 1];
	}
	o->n = o->end[DISTANCES - 1];
}

void topology_steal_order(int self, int np, struct steal_order *o)
{
	int seen[DISTANCES] = { 0 }, entry[DISTANCES] = { 0 };

	survey(self, np, o, entry);
	for (int p = next(-1, np); p >= 0; p = next(p, np)) {
		if (p == self)
			continue;
		enum distance d = topology_distance(self, p);
		int start = d > 0 ? o->end[d - 1] : 0;
		int size = o->end[d] - start;
		int turn = seen[d]++ - entry[d] % size;
		o->order[start + (turn < 0 ? turn + size : turn)] = (uint16_t)p;
	}
}

/* To those of Ps [from, to), of P near's node if near is not -1. */
static int pin(int tid, int from, int to, int near)
{
	cpu_set_t *set = calloc(1, machine.allowed_bytes);
	int rc;

	if (!set)
		return -ENOMEM;
	for (int i = from; i < to; i++)
		if (near < 0 || home(i)->node == home(near)->node)
			CPU_SET_S((size_t)home(i)->cpu, machine.allowed_bytes,
				  set);
	rc = os_pin(tid, set, machine.allowed_bytes);
	free(set);
	return rc;
}

int topology_pin(int tid, int i)
{
	return synthetic_machine() ? 0 : pin(tid, i, i + 1, -1);
}

int topology_unpin(int tid)
{
	return synthetic_machine()
		       ? 0
		       : os_pin(tid, machine.allowed, machine.allowed_bytes);
}

int topology_move_off(int tid, int i, int np)
{
	/* The kernel refuses an empty set. */
	if (!synthetic_machine() && pin(tid, np, machine.n, i) != 0)
		pin(tid, np, machine.n, -1);
	return topology_unpin(tid);
}

bool topology_in_use(int cpu, int np)
{
	for (int i = 0; i < np && i < machine.n; i++)
		if (home(i)->cpu == cpu)
			return true;
	return false;
}

int topology_cpu_count(void)
{
	return machine.n;
}
