/*
 * machine.c - the allowed CPUs and what they share, by hwloc.
 *
 *	sched_getaffinity ---> which CPUs there are ---.
 *	                                               +--> one struct pu each
 *	hwloc ---> node, last cache, core of each -----'
 *
 * The kernel has the word on which CPUs there are, hwloc only on what they
 * share.  If hwloc fails or does not know all of them (no sysfs, or HWLOC_*
 * in the environment describes another machine), each counts as a core of
 * its own and all as one node.  The hwloc tree is gone on return.
 *
 * hwloc's index of a PU is not the kernel's; its logical order is that of the
 * tree, so neighbours share as much as possible.
 *
 * Reading takes about a millisecond on a small machine.  I/O devices, distances
 * and the like are left out, and so is the x86 back end, which costs as much
 * again: it rebinds the calling thread to every CPU in turn to ask it who it
 * is.
 */
#include "core/machine.h"

#include "core/base.h"

#include <hwloc.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *make(size_t n, size_t size)
{
	void *at = calloc(n, size);

	if (!at)
		fatal("runtime: cannot allocate memory");
	return at;
}

/* glibc fails while the set is smaller than the kernel's.  A kernel that never
 * answers (a strict seccomp filter) leaves the online CPUs. */
static void read_allowed(struct machine *m)
{
	for (size_t cpus = 1024; cpus <= 1 << 20; cpus *= 2) {
		free(m->allowed);
		m->allowed_bytes = CPU_ALLOC_SIZE(cpus);
		m->allowed = make(1, m->allowed_bytes);
		if (sched_getaffinity(0, m->allowed_bytes, m->allowed) == 0)
			return;
	}
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	for (long i = 0; i == 0 || i < online; i++)
		CPU_SET_S((size_t)i, m->allowed_bytes, m->allowed);
}

static bool allows(const struct machine *m, unsigned cpu)
{
	return !m->allowed || CPU_ISSET_S(cpu, m->allowed_bytes, m->allowed);
}

/* The nearest node is the smallest around the PU: one of fast memory, or one
 * attached to the whole machine, may hold it too. */
static int node_of(hwloc_topology_t tree, hwloc_obj_t leaf)
{
	hwloc_obj_t node = NULL, best = NULL;

	for (;;) {
		node = hwloc_get_next_obj_by_type(tree, HWLOC_OBJ_NUMANODE,
						  node);
		if (!node)
			return best ? (int)best->os_index : MACHINE_NONE;
		if (hwloc_bitmap_isset(node->cpuset, leaf->os_index) &&
		    (!best || hwloc_bitmap_weight(node->cpuset) <
				      hwloc_bitmap_weight(best->cpuset)))
			best = node;
	}
}

static struct pu describe(hwloc_topology_t tree, hwloc_obj_t leaf)
{
	struct pu pu = {
		.cpu = (int)leaf->os_index,
		.node = node_of(tree, leaf),
		.core = -1 - (int)leaf->logical_index, /* nobody else's */
		.cache = MACHINE_NONE,
		.place = (int)leaf->logical_index,
	};

	for (hwloc_obj_t o = leaf->parent; o; o = o->parent) {
		if (o->type == HWLOC_OBJ_CORE)
			pu.core = (int)o->logical_index;
		if (o->type == HWLOC_OBJ_L2CACHE ||
		    o->type == HWLOC_OBJ_L3CACHE)
			pu.cache = (int64_t)o->gp_index;
	}
	return pu;
}

/* Copy the allowed PUs; false if some are not known. */
static bool copy(struct machine *m, hwloc_topology_t tree)
{
	int n = hwloc_get_nbobjs_by_type(tree, HWLOC_OBJ_PU);
	hwloc_obj_t leaf = NULL;

	m->pus = make(n > 0 ? (size_t)n : 1, sizeof(*m->pus));
	for (;;) {
		leaf = hwloc_get_next_obj_by_type(tree, HWLOC_OBJ_PU, leaf);
		if (!leaf)
			break;
		if (allows(m, leaf->os_index))
			m->pus[m->n++] = describe(tree, leaf);
	}
	return m->n > 0 && (!m->allowed ||
			    m->n == CPU_COUNT_S(m->allowed_bytes, m->allowed));
}

/* Packages, dies and groups stay: a node hangs on the object that has its
 * CPUs, and where that is left out it counts as the whole machine's. */
static void want(hwloc_topology_t tree)
{
	hwloc_topology_set_cache_types_filter(tree,
					      HWLOC_TYPE_FILTER_KEEP_NONE);
	hwloc_topology_set_type_filter(tree, HWLOC_OBJ_L2CACHE,
				       HWLOC_TYPE_FILTER_KEEP_ALL);
	hwloc_topology_set_type_filter(tree, HWLOC_OBJ_L3CACHE,
				       HWLOC_TYPE_FILTER_KEEP_ALL);
	hwloc_topology_set_flags(tree,
				 HWLOC_TOPOLOGY_FLAG_DONT_CHANGE_BINDING |
					 HWLOC_TOPOLOGY_FLAG_NO_DISTANCES |
					 HWLOC_TOPOLOGY_FLAG_NO_MEMATTRS |
					 HWLOC_TOPOLOGY_FLAG_NO_CPUKINDS);
}

static bool discover(struct machine *m, const char *synthetic)
{
	hwloc_topology_t tree;

	if (hwloc_topology_init(&tree) != 0)
		return false;
	want(tree);
	bool known = (!synthetic ||
		      hwloc_topology_set_synthetic(tree, synthetic) == 0) &&
		     hwloc_topology_load(tree) == 0 && copy(m, tree);
	hwloc_topology_destroy(tree);
	return known;
}

/* The kernel's CPUs, nothing known about them. */
static void flat(struct machine *m)
{
	int n = CPU_COUNT_S(m->allowed_bytes, m->allowed);

	free(m->pus);
	m->pus = make((size_t)n, sizeof(*m->pus));
	m->n = 0;
	for (int cpu = 0; m->n < n; cpu++)
		if (allows(m, (unsigned)cpu))
			m->pus[m->n++] = (struct pu){
				.cpu = cpu,
				.core = cpu,
				.cache = MACHINE_NONE,
				.place = cpu,
			};
}

/* How many CPUs a description asks for: the product of its counts, which stand
 * after a colon or instead of a type.  hwloc would build any number of them,
 * for hours. */
static unsigned long counts(const char *text)
{
	unsigned long product = 1;
	int depth = 0;

	for (char last = ' '; *text; last = *text++) {
		if (strchr("([", *text))
			depth++;
		if (strchr(")]", *text))
			depth--;
		if (depth || !strchr(" \t\n:", last) ||
		    !strchr("+0123456789", *text))
			continue;
		unsigned long n = strtoul(text, NULL, 0);
		if (n > MACHINE_PRETENDED_MAX ||
		    product * n > MACHINE_PRETENDED_MAX)
			return MACHINE_PRETENDED_MAX + 1;
		product *= n;
	}
	return product;
}

static void pretend(struct machine *m, const char *synthetic)
{
	if (counts(synthetic) > MACHINE_PRETENDED_MAX)
		refuse("LEAT_TOPOLOGY=%.200s: more than %d CPUs", synthetic,
		       MACHINE_PRETENDED_MAX);
	if (!discover(m, synthetic))
		refuse("LEAT_TOPOLOGY=%.200s: not a machine as hwloc writes "
		       "it, such as \"numa:2 core:4 pu:2\"",
		       synthetic);
}

void machine_read(struct machine *m, const char *synthetic)
{
	*m = (struct machine){ 0 };
	if (synthetic) {
		pretend(m, synthetic);
		return;
	}
	read_allowed(m);
	/* Without sysfs hwloc finds nothing, and complains on stderr. */
	if (access("/sys/devices/system/cpu", R_OK | X_OK) != 0 ||
	    !discover(m, NULL))
		flat(m);
}

void machine_free(struct machine *m)
{
	free(m->pus);
	free(m->allowed);
	*m = (struct machine){ 0 };
}
