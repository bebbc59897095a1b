/*
 * unit_machine.c - this machine through its affinity mask, and descriptions
 * that make no sense.
 */
#include "core/os.h"
#include "core/topology.h"
#include "test.h"

#include <sched.h>

static struct topology load(const char *synthetic)
{
	struct topology t;

	topology_load(&t, synthetic);
	return t;
}

static cpu_set_t affinity(void)
{
	cpu_set_t set;

	EXPECT_EQ(sched_getaffinity(0, sizeof(set), &set), 0);
	return set;
}

static int last_cpu(void)
{
	cpu_set_t set = affinity();
	int cpu = CPU_SETSIZE - 1;

	while (!CPU_ISSET(cpu, &set))
		cpu--;
	return cpu;
}

static void restrict_to(int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	EXPECT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
}

TEST(this_machine_has_the_cpus_of_the_affinity_mask, "R30 B.1")
{
	cpu_set_t set = affinity();
	struct topology t = load(NULL);

	EXPECT_EQ(t.pus, CPU_COUNT(&set));
	EXPECT_EQ(topology_cpu_count(), t.pus);
	EXPECT(!t.synthetic);
	EXPECT(t.nodes >= 1 && t.nodes <= t.pus);
	EXPECT_EQ(t.procs, topology_procs(t.pus, topology_quota("/")));
	for (int p = 0; p < t.pus; p++) {
		EXPECT(CPU_ISSET(topology_cpu(p), &set));
		CPU_CLR(topology_cpu(p), &set);
		EXPECT(topology_node(p) < t.nodes);
	}
}

TEST(a_mask_of_one_cpu_leaves_one_pu, "R30 B.1")
{
	int cpu = last_cpu();

	restrict_to(cpu);
	struct topology t = load(NULL);
	EXPECT_EQ(t.pus, 1);
	EXPECT_EQ(t.procs, 1);
	EXPECT_EQ(t.nodes, 1);
	EXPECT_EQ(topology_node(0), 0);
	EXPECT_EQ(topology_cpu(0), cpu);
	EXPECT_EQ(topology_cpu(7), cpu);
	EXPECT_EQ(topology_pin(0, 7), 0);
	EXPECT_EQ(sched_getcpu(), cpu);
}

TEST(each_p_is_pinned_to_its_own_cpu_and_unpinned_to_all, "R18")
{
	cpu_set_t all = affinity();
	struct topology t = load(NULL);

	for (int p = 0; p < 2 * t.pus; p++) {
		EXPECT_EQ(topology_pin(0, p), 0);
		EXPECT_EQ(sched_getcpu(), topology_cpu(p));
		cpu_set_t set = affinity();
		EXPECT_EQ(CPU_COUNT(&set), 1);
	}
	EXPECT_EQ(topology_unpin(0), 0);
	cpu_set_t set = affinity();
	EXPECT(CPU_EQUAL(&set, &all));
}

TEST(who_is_moved_off_goes_where_no_P_is, "R18 R27")
{
	cpu_set_t all = affinity();
	struct topology t = load(NULL);
	int elsewhere = 0;

	EXPECT(topology_in_use(topology_cpu(0), 1));
	EXPECT(!topology_in_use(-1, t.pus));
	if (t.pus < 2)
		SKIP("one CPU");
	EXPECT(!topology_in_use(topology_cpu(1), 1));
	EXPECT(topology_in_use(topology_cpu(1), 2));
	/* The kernel may move it back at any moment. */
	for (int i = 0; i < 100; i++) {
		EXPECT_EQ(topology_pin(0, 0), 0);
		EXPECT_EQ(topology_move_off(0, 0, 1), 0);
		elsewhere += sched_getcpu() != topology_cpu(0);
	}
	EXPECT(elsewhere > 50);
	EXPECT_EQ(topology_move_off(0, 0, t.pus), 0);
	cpu_set_t set = affinity();
	EXPECT(CPU_EQUAL(&set, &all));
}

TEST(a_pin_that_the_kernel_refuses_is_an_error, "R18")
{
	load(NULL);
	EXPECT(os_fail("pin", 1, true));
	EXPECT(topology_pin(0, 0) < 0);
	EXPECT(topology_unpin(0) < 0);
	EXPECT(topology_move_off(0, 0, 1) < 0);
}

/* What hwloc finds is replaced by its own variable; the mask stays ours. */
static struct topology load_as(const char *seen)
{
	cpu_set_t set = affinity();

	if (CPU_COUNT(&set) < 2 || !CPU_ISSET(0, &set) || !CPU_ISSET(1, &set))
		SKIP("no CPUs 0 and 1");
	if (access("/sys/devices/system/cpu", R_OK | X_OK) != 0)
		SKIP("no sysfs, so hwloc is not asked");
	CPU_ZERO(&set);
	CPU_SET(0, &set);
	CPU_SET(1, &set);
	sched_setaffinity(0, sizeof(set), &set);
	setenv("HWLOC_SYNTHETIC", seen, 1);
	return load(NULL);
}

/* CPUs 0 and 1 are hwloc's 0 and 2; its 0 and 1 share a core. */
TEST(the_kernel_numbers_cpus_otherwise_than_hwloc, "R20")
{
	struct topology t = load_as("numa:2 core:1 pu:2(indexes=0,2,1,3)");

	EXPECT_EQ(t.pus, 2);
	EXPECT_EQ(topology_cpu(0), 0);
	EXPECT_EQ(topology_cpu(1), 1);
	EXPECT_EQ(topology_distance(0, 1), REMOTE);
	EXPECT_EQ(topology_pin(0, 1), 0);
	EXPECT_EQ(sched_getcpu(), 1);
}

TEST(what_is_not_allowed_does_not_count, "R30 B.1")
{
	struct topology t = load_as("numa:4 core:2 pu:2");

	EXPECT_EQ(t.pus, 2);
	EXPECT_EQ(t.nodes, 1);
	EXPECT_EQ(topology_distance(0, 1), SAME_CORE);
}

TEST(nodes_are_counted_from_zero_among_those_allowed, "R20")
{
	struct topology t =
		load_as("numa:4 core:2 pu:1(indexes=6,7,0,5,2,3,1,4)");

	EXPECT_EQ(t.pus, 2);
	EXPECT_EQ(t.nodes, 2);
	EXPECT_EQ(topology_cpu(0), 0);
	EXPECT_EQ(topology_node(0), 0);
	EXPECT_EQ(topology_cpu(1), 1);
	EXPECT_EQ(topology_node(1), 1);
	EXPECT_EQ(topology_distance(0, 1), REMOTE);
}

TEST(cpus_that_hwloc_does_not_know_make_one_flat_node, "R20")
{
	struct topology t = load_as("core:1 pu:1");

	EXPECT_EQ(t.pus, 2);
	EXPECT_EQ(t.nodes, 1);
	EXPECT_EQ(topology_cpu(0), 0);
	EXPECT_EQ(topology_cpu(1), 1);
	EXPECT_EQ(topology_distance(0, 1), SAME_NODE);
}

/* Half a millisecond where nobody else runs. */
TEST(loading_takes_well_under_a_tenth_of_a_second, "D.8")
{
	int64_t start = os_now();

	load(NULL);
	EXPECT((os_now() - start) / 100000000 < (int64_t)test_slow());
}

#define REFUSES(name, text, says)    \
	TEST_DIES(name, "B.1", says) \
	{                            \
		load(text);          \
	}

REFUSES(a_word_is_no_machine, "banana",
	"leat: LEAT_TOPOLOGY=banana: not a machine as hwloc writes it, such as "
	"\"numa:2 core:4 pu:2\"\n")
REFUSES(a_blank_is_no_machine, " ", "leat: LEAT_TOPOLOGY= : not a machine")
REFUSES(a_machine_needs_pus, "numa:2 core:4", "LEAT_TOPOLOGY=numa:2 core:4: ")
REFUSES(a_machine_of_zero_is_refused, "pu:0", "LEAT_TOPOLOGY=pu:0: ")
REFUSES(a_negative_machine_is_refused, "pu:-1", "LEAT_TOPOLOGY=pu:-1: ")
REFUSES(junk_behind_a_machine_is_refused, "core:2 pu:2 x",
	"LEAT_TOPOLOGY=core:2 pu:2 x: ")
REFUSES(too_many_cpus_are_refused, "pu:4097",
	"LEAT_TOPOLOGY=pu:4097: more than 4096 CPUs\n")
REFUSES(too_many_cpus_in_levels_are_refused, "numa:64 core:64 pu:2",
	": more than 4096 CPUs\n")
REFUSES(a_number_beyond_all_numbers_is_refused, "99999999999999999999999 2",
	": more than 4096 CPUs\n")
REFUSES(numbers_that_overflow_are_refused, "4 4611686018427387905",
	": more than 4096 CPUs\n")

SUITE("machine")
