/*
 * unit_steal.c - who robs whom, on machines that are not there.
 *
 *	numa:2 core:4 pu:2     P   0  1  2  3   4  5  6  7    one of each core
 *	                           8  9 10 11  12 13 14 15    its sibling
 *	                           - node 0 -  - node 1 -
 */
#include "core/sched.h"

#include "leat.h"
#include "measure.h"
#include "test.h"

#define TWO_NODES "numa:2 core:4 pu:2"

static void on_machine(const char *topology, int procs, int (*fn)(void))
{
	struct leat_options options = { .procs = procs, .topology = topology };

	unsetenv("LEAT_PROCS");
	EXPECT_EQ(leat_run_with(&options, fn), 0);
}

static int node_of(int p)
{
	return p / 4 % 2;
}

/* -- orders -- */

/* The class in which p robs q; -1 if never, or if more than once. */
static int class_of(int p, int q)
{
	const struct steal_order *o = &sched.p[p]->victims;
	int found = -1, class = 0;

	for (int i = 0; i < o->n; i++) {
		while (i >= o->end[class])
			class ++;
		if (o->order[i] != q)
			continue;
		EXPECT_EQ(found, -1);
		found = class;
	}
	return found;
}

static int check_two_nodes(void)
{
	EXPECT_EQ(leat_procs_get(), 16);
	EXPECT_EQ(sched.topology.nodes, 2);
	for (int p = 0; p < 16; p++) {
		EXPECT_EQ(sched.p[p]->node, node_of(p));
		EXPECT_EQ(sched.p[p]->victims.n, 15);
		EXPECT_EQ(class_of(p, p), -1);
		for (int q = 0; q < 16; q++) {
			int class = class_of(p, q);

			if (q == p)
				continue;
			if (node_of(q) != node_of(p))
				EXPECT_EQ(class, REMOTE);
			else if (q == (p + 8) % 16)
				EXPECT_EQ(class, SAME_CORE);
			else
				EXPECT(class == SAME_CACHE ||
				       class == SAME_NODE);
		}
	}
	return 0;
}

TEST(two_nodes_rob_sibling_node_and_remote, "R18 R27")
{
	on_machine(TWO_NODES, 16, check_two_nodes);
}

static int check_caches(void)
{
	/* l3:2 in each node, core:2 below each: P 0 1 | 2 3 | 4 5 | 6 7. */
	for (int p = 0; p < 8; p++)
		for (int q = 0; q < 8; q++) {
			if (q == p)
				continue;
			EXPECT_EQ(class_of(p, q), p / 2 == q / 2   ? SAME_CACHE
						  : p / 4 == q / 4 ? SAME_NODE
								   : REMOTE);
		}
	return 0;
}

TEST(who_shares_a_cache_is_robbed_first, "R18 R27")
{
	on_machine("numa:2 l3:2 core:2 pu:1", 8, check_caches);
}

static int check_change(void)
{
	/* 4 Ps on 2 nodes of 1 core: 0 and 2 share a PU, 1 and 3 as well. */
	leat_procs_set(2);
	EXPECT_EQ(sched.p[0]->victims.n, 1);
	EXPECT_EQ(class_of(0, 1), REMOTE);
	leat_procs_set(4);
	for (int p = 0; p < 4; p++) {
		EXPECT_EQ(sched.p[p]->victims.n, 3);
		EXPECT_EQ(class_of(p, (p + 2) % 4), SAME_PU);
		EXPECT_EQ(class_of(p, (p + 1) % 4), REMOTE);
		EXPECT_EQ(class_of(p, (p + 3) % 4), REMOTE);
	}
	leat_procs_set(1);
	EXPECT_EQ(sched.p[0]->victims.n, 0);
	return 0;
}

TEST(a_change_of_the_number_of_Ps_makes_new_orders, "R18 R30")
{
	on_machine("numa:2 core:1 pu:1", 4, check_change);
}

static int check_half(void)
{
	/* Half of the Ps: whole cores, no siblings. */
	for (int p = 0; p < 8; p++)
		for (int q = 0; q < 8; q++)
			if (q != p)
				EXPECT(class_of(p, q) != SAME_CORE);
	return 0;
}

TEST(half_of_the_Ps_are_whole_cores, "R19")
{
	on_machine(TWO_NODES, 8, check_half);
}

/* -- running there -- */

static _Atomic int64_t sum;
static _Atomic uint32_t on_node[2];

static void adds(int depth, leat_wg *up)
{
	leat_wg group = { 0 };

	a_add(&sum, 1, relaxed);
	for (int i = 0; depth > 0 && i < 4; i++) {
		leat_wg_add(&group, 1);
		leat_go(adds, depth - 1, &group);
	}
	leat_wg_wait(&group);
	leat_wg_done(up);
}

static int run_tree(void)
{
	leat_wg group = { 0 };

	leat_wg_add(&group, 1);
	leat_go(adds, 6, &group);
	leat_wg_wait(&group);
	EXPECT_EQ(a_load(&sum, relaxed), 5461);
	return 0;
}

TEST(a_tree_runs_on_a_machine_of_four_nodes, "R8 R27")
{
	on_machine("numa:4 l3:2 core:2 pu:2", 0, run_tree);
}

static void tells_node(leat_wg *group)
{
	int p = leat_p_current(), node = leat_node_current();

	EXPECT_EQ(node, node_of(p));
	a_add(&on_node[node], 1, relaxed);
	leat_wg_done(group);
}

/* One at a time, everybody else idle: it comes to its node. */
static int place_on_nodes(void)
{
	uint32_t times = (uint32_t)test_count(500), right = 0;

	for (uint32_t i = 0; i < times; i++) {
		struct leat_attr attr = { .place = LEAT_ON_NODE,
					  .index = (int)i % 2 };
		uint32_t before = a_load(&on_node[i % 2], relaxed);
		leat_wg group = { 0 };

		leat_wg_add(&group, 1);
		EXPECT_EQ(leat_go_with(&attr, tells_node, &group), 0);
		leat_wg_wait(&group);
		right += a_load(&on_node[i % 2], relaxed) - before;
	}
	printf("%u of %u on the node asked for ", right, times);
	EXPECT(right >= times - times / 10);
	return 0;
}

TEST(what_is_placed_on_a_node_starts_there, "R20")
{
	on_machine(TWO_NODES, 16, place_on_nodes);
}

static int place_on_Ps(void)
{
	uint32_t times = (uint32_t)test_count(500), right = 0;

	for (uint32_t i = 0; i < times; i++) {
		int index = (int)i % 16;
		struct leat_attr attr = { .place = LEAT_ON_P, .index = index };
		uint32_t before = a_load(&on_node[node_of(index)], relaxed);
		leat_wg group = { 0 };

		leat_wg_add(&group, 1);
		EXPECT_EQ(leat_go_with(&attr, tells_node, &group), 0);
		leat_wg_wait(&group);
		right += a_load(&on_node[node_of(index)], relaxed) - before;
	}
	printf("%u of %u on the node of the P asked for ", right, times);
	EXPECT(right >= times - times / 10);
	return 0;
}

TEST(what_is_placed_on_a_P_starts_on_its_node, "R20")
{
	on_machine(TWO_NODES, 16, place_on_Ps);
}

/* With one P of another node busy and all others of its own: none starves. */
static _Atomic bool enough;

static void turns(leat_wg *group)
{
	while (!a_load(&enough, relaxed))
		leat_yield();
	leat_wg_done(group);
}

static int busy_everywhere(void)
{
	struct leat_attr far = { .place = LEAT_ON_NODE, .index = 1 };
	leat_wg group = { 0 }, placed = { 0 };

	leat_procs_set(1); /* P 0, of node 0, alone */
	leat_wg_add(&group, 4);
	for (int i = 0; i < 4; i++)
		leat_go(turns, &group);
	leat_wg_add(&placed, 100);
	for (int i = 0; i < 100; i++)
		leat_go_with(&far, tells_node, &placed);
	leat_wg_wait(&placed);
	a_store(&enough, true, relaxed);
	leat_wg_wait(&group);
	return 0;
}

TEST(work_for_a_node_that_has_no_P_is_done_by_others, "R20 R27")
{
	on_machine(TWO_NODES, 16, busy_everywhere);
}

SUITE("steal")
