/*
 * unit_topology.c - who lives where and who robs whom, on machines that we
 * describe.
 *
 * Steal orders are written with a bar after each class:
 *
 *	same PU | same core | same cache | same node | remote
 */
#include "core/topology.h"
#include "test.h"

#include <sched.h>

static struct topology load(const char *synthetic)
{
	struct topology t;

	topology_load(&t, synthetic);
	return t;
}

static struct steal_order order(int self, int np)
{
	static uint16_t room[TOPOLOGY_PROCS_MAX];
	struct steal_order o = { .order = room };

	topology_steal_order(self, np, &o);
	return o;
}

static const char *victims(int self, int np)
{
	static char text[8192];
	struct steal_order o = order(self, np);
	char *to = text;

	for (int d = 0, i = 0; d < DISTANCES; d++) {
		for (; i < o.end[d]; i++)
			to += sprintf(to, "%d ", o.order[i]);
		if (d < DISTANCES - 1)
			to += sprintf(to, "| ");
	}
	to[to > text ? -1 : 0] = '\0';
	return text;
}

/* Everybody but self once, in classes of ascending and right distance. */
static void expect_complete(int self, int np)
{
	struct steal_order o = order(self, np);
	bool seen[TOPOLOGY_PROCS_MAX] = { 0 };

	seen[self] = true;
	EXPECT_EQ(o.n, np - 1);
	EXPECT_EQ(o.end[DISTANCES - 1], o.n);
	for (int d = 0, i = 0; d < DISTANCES; d++)
		for (; i < o.end[d]; i++) {
			EXPECT(o.order[i] < np && !seen[o.order[i]]);
			seen[o.order[i]] = true;
			EXPECT_EQ(topology_distance(self, o.order[i]), d);
		}
}

/* No two Ps enter a class at the same victim. */
static void expect_spread(int np)
{
	bool first[DISTANCES][TOPOLOGY_PROCS_MAX] = { 0 };

	for (int p = 0; p < np; p++) {
		struct steal_order o = order(p, np);
		for (int d = 0, from = 0; d < DISTANCES; from = o.end[d++]) {
			if (from == o.end[d])
				continue;
			EXPECT(!first[d][o.order[from]]);
			first[d][o.order[from]] = true;
		}
	}
}

TEST(one_cpu_is_one_node_and_robs_nobody, "R20")
{
	struct topology t = load("numa:1 core:1 pu:1");

	EXPECT_EQ(t.pus, 1);
	EXPECT_EQ(t.nodes, 1);
	EXPECT_EQ(t.procs, 1);
	EXPECT(t.synthetic);
	EXPECT_EQ(topology_cpu_count(), 1);
	EXPECT_EQ(order(0, 1).n, 0);
}

TEST(first_hyperthreads_come_before_siblings_node_by_node, "R20")
{
	static const int nodes[] = { 0, 0, 0, 0, 1, 1, 1, 1,
				     0, 0, 0, 0, 1, 1, 1, 1 };
	struct topology t = load("numa:2 core:4 pu:2");

	EXPECT_EQ(t.pus, 16);
	EXPECT_EQ(t.nodes, 2);
	EXPECT_EQ(t.procs, 16);
	for (int p = 0; p < 16; p++) {
		EXPECT_EQ(topology_node(p), nodes[p]);
		EXPECT_EQ(topology_distance(p, (p + 8) % 16), SAME_CORE);
		EXPECT_EQ(topology_distance(p, p), SAME_PU);
	}
	EXPECT_EQ(topology_distance(0, 1), SAME_NODE);
	EXPECT_EQ(topology_distance(0, 4), REMOTE);
	EXPECT_EQ(topology_distance(12, 7), SAME_NODE);
}

TEST(two_nodes_of_hyperthreads_rob_sibling_node_remote, "R20")
{
	load("numa:2 core:4 pu:2");
	EXPECT_STR(victims(0, 16), "| 8 | | 1 9 2 10 3 11 | "
				   "4 12 5 13 6 14 7 15");
	EXPECT_STR(victims(8, 16), "| 0 | | 9 2 10 3 11 1 | "
				   "12 5 13 6 14 7 15 4");
	EXPECT_STR(victims(1, 16), "| 9 | | 2 10 3 11 0 8 | "
				   "5 13 6 14 7 15 4 12");
	EXPECT_STR(victims(15, 16), "| 7 | | 12 5 13 6 14 4 | "
				    "11 0 8 1 9 2 10 3");
	expect_spread(16);
}

TEST(four_nodes_of_two_cores_rob_the_next_node_first, "R20")
{
	struct topology t = load("numa:4 core:2 pu:1");

	EXPECT_EQ(t.nodes, 4);
	EXPECT_EQ(topology_node(7), 3);
	EXPECT_STR(victims(0, 8), "| | | 1 | 2 3 4 5 6 7");
	EXPECT_STR(victims(3, 8), "| | | 2 | 5 6 7 0 1 4");
	EXPECT_STR(victims(6, 8), "| | | 7 | 0 1 2 3 4 5");
	expect_spread(8);
}

TEST(a_shared_cache_is_nearer_than_the_node, "R20")
{
	struct topology t = load("package:2 numa:2 l3:2 core:2 pu:2");

	EXPECT_EQ(t.pus, 32);
	EXPECT_EQ(t.nodes, 4);
	EXPECT_EQ(topology_distance(0, 16), SAME_CORE);
	EXPECT_EQ(topology_distance(0, 17), SAME_CACHE);
	EXPECT_EQ(topology_distance(0, 2), SAME_NODE);
	EXPECT_EQ(topology_distance(0, 4), REMOTE);
	EXPECT_STR(victims(0, 32), "| 16 | 1 17 | 2 18 3 19 | "
				   "4 20 5 21 6 22 7 23 8 24 9 25 "
				   "10 26 11 27 12 28 13 29 14 30 15 31");
	EXPECT_STR(victims(5, 32), "| 21 | 4 20 | 7 23 6 22 | "
				   "9 25 10 26 11 27 12 28 13 29 14 30 15 31 "
				   "0 16 1 17 2 18 3 19 8 24");
	expect_spread(32);
}

TEST(an_l2_counts_as_the_shared_cache_where_there_is_no_l3, "R20")
{
	load("numa:1 l2:2 core:2 pu:1");
	EXPECT_STR(victims(0, 4), "| | 1 | 2 3 |");
	load("numa:1 l3:1 l2:2 core:2 pu:1");
	EXPECT_STR(victims(0, 4), "| | 1 2 3 | |");
}

TEST(two_nodes_under_one_cache_are_remote, "R20")
{
	load("l3:1 numa:2 core:1 pu:1");
	EXPECT_EQ(topology_distance(0, 1), REMOTE);
}

TEST(the_smallest_node_around_a_cpu_is_its_own, "R20")
{
	struct topology t = load("[numa] package:2 [numa] core:1 pu:1");

	EXPECT_EQ(t.nodes, 2);
	EXPECT_EQ(topology_distance(0, 1), REMOTE);
}

TEST(cpus_without_known_cores_are_no_siblings, "R20")
{
	load("numa:1 pu:3");
	EXPECT_STR(victims(0, 3), "| | | 1 2 |");
}

TEST(more_ps_than_pus_share_them_in_turn, "R18 R30")
{
	struct topology t = load("core:2 pu:1");

	EXPECT_EQ(t.procs, 2);
	EXPECT_EQ(topology_node(1023), 0);
	EXPECT_EQ(topology_distance(0, 4), SAME_PU);
	EXPECT_EQ(topology_distance(1, 4), SAME_NODE);
	EXPECT_STR(victims(2, 5), "4 0 | | | 3 1 |");
	EXPECT_STR(victims(1, 5), "3 | | | 0 2 4 |");
}

TEST(fewer_ps_than_pus_rob_only_those_there_are, "R30")
{
	load("numa:2 core:4 pu:2");
	EXPECT_STR(victims(4, 6), "| | | 5 | 0 1 2 3");
	EXPECT_STR(victims(5, 6), "| | | 4 | 1 2 3 0");
	EXPECT_STR(victims(0, 2), "| | | 1 |");
}

TEST(every_steal_order_is_complete, "R20")
{
	static const char *const machines[] = {
		"pu:1",
		"core:3 pu:1",
		"numa:2 core:4 pu:2",
		"package:2 numa:2 l3:2 core:2 pu:2",
		"numa:3 core:5 pu:4",
		"2 3 2",
	};

	for (size_t i = 0; i < sizeof(machines) / sizeof(*machines); i++) {
		load(machines[i]);
		for (int np = 1; np <= 70; np += 3)
			for (int self = 0; self < np; self++)
				expect_complete(self, np);
	}
}

TEST(a_machine_of_2048_cpus_has_1024_ps_by_default, "R30")
{
	struct topology t = load("numa:2 core:1024 pu:1");

	EXPECT_EQ(t.pus, 2048);
	EXPECT_EQ(topology_cpu_count(), 2048);
	EXPECT_EQ(t.procs, TOPOLOGY_PROCS_MAX);
	expect_complete(1023, 1024);
}

TEST(a_described_machine_pins_nothing, "R20")
{
	cpu_set_t before, after;

	load("numa:2 core:4 pu:2");
	sched_getaffinity(0, sizeof(before), &before);
	EXPECT_EQ(topology_pin(0, 5), 0);
	EXPECT_EQ(topology_unpin(0), 0);
	sched_getaffinity(0, sizeof(after), &after);
	EXPECT(CPU_EQUAL(&before, &after));
	EXPECT_EQ(topology_cpu(5), -1);
}

TEST(the_quota_limits_ps_to_no_less_than_two, "B.1")
{
	EXPECT_EQ(topology_procs(8, 0), 8);
	EXPECT_EQ(topology_procs(8, 1), 2);
	EXPECT_EQ(topology_procs(8, 2), 2);
	EXPECT_EQ(topology_procs(8, 3), 3);
	EXPECT_EQ(topology_procs(8, 9), 8);
	EXPECT_EQ(topology_procs(1, 1), 1);
	EXPECT_EQ(topology_procs(4000, 0), TOPOLOGY_PROCS_MAX);
	EXPECT_EQ(topology_procs(4000, 2000), TOPOLOGY_PROCS_MAX);
}

SUITE("topology")
