/*
 * unit_quota.c - CPU limits of cgroups, read from trees of our own.
 *
 *	root/proc/self/cgroup       who we are
 *	root/proc/self/mountinfo    where hierarchies are mounted
 *	root/cg/...                 one of them
 */
#include "core/topology.h"

#include "leat.h"
#include "measure.h"
#include "test.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <sys/stat.h>

#define CGROUP2 "30 23 0:26 / /cg rw,nosuid shared:4 - cgroup2 cgroup2 rw\n"
#define CPU1    "31 23 0:27 / /cpu rw shared:5 - cgroup cgroup rw,cpu,cpuacct\n"

static char root[] = "/tmp/quota.XXXXXX";
static bool made;

static int fell(const char *path, const struct stat *s, int kind, struct FTW *f)
{
	(void)s, (void)kind, (void)f;
	return remove(path);
}

static void clear(void)
{
	nftw(root, fell, 16, FTW_DEPTH | FTW_PHYS);
}

/* Write root/name, making folders on the way. */
static void put(const char *name, const char *text)
{
	char path[PATH_MAX];

	if (!made) {
		made = true;
		EXPECT(mkdtemp(root));
		atexit(clear);
	}
	snprintf(path, sizeof(path), "%s/%s", root, name);
	for (char *at = path + strlen(root) + 1; (at = strchr(at, '/')); at++) {
		*at = '\0';
		mkdir(path, 0700);
		*at = '/';
	}
	FILE *f = fopen(path, "w");
	EXPECT(f);
	fputs(text, f);
	fclose(f);
}

static void here(const char *cgroup, const char *mountinfo)
{
	put("proc/self/cgroup", cgroup);
	put("proc/self/mountinfo", mountinfo);
}

static int v2(const char *limit)
{
	here("0::/a\n", CGROUP2);
	put("cg/a/cpu.max", limit);
	return topology_quota(root);
}

static int v1(const char *quota, const char *period)
{
	here("4:cpu,cpuacct:/a\n0::/\n", CPU1);
	put("cpu/a/cpu.cfs_quota_us", quota);
	put("cpu/a/cpu.cfs_period_us", period);
	return topology_quota(root);
}

TEST(version_2_is_rounded_up, "B.1")
{
	EXPECT_EQ(v2("150000 100000\n"), 2);
	EXPECT_EQ(v2("200000 100000\n"), 2);
	EXPECT_EQ(v2("200001 100000\n"), 3);
	EXPECT_EQ(v2("1000 100000\n"), 1);
	EXPECT_EQ(v2("7000 2000\n"), 4);
}

TEST(version_1_is_rounded_up, "B.1")
{
	EXPECT_EQ(v1("250000\n", "100000\n"), 3);
	EXPECT_EQ(v1("50000\n", "50000\n"), 1);
	EXPECT_EQ(v1("1000\n", "100000\n"), 1);
}

TEST(no_limit_is_zero, "B.1")
{
	EXPECT_EQ(v2("max 100000\n"), 0);
	EXPECT_EQ(v2("max\n"), 0);
	EXPECT_EQ(v1("-1\n", "100000\n"), 0);
}

TEST(nonsense_is_no_limit, "B.1")
{
	EXPECT_EQ(v2(""), 0);
	EXPECT_EQ(v2("abc 100000\n"), 0);
	EXPECT_EQ(v2("100000\n"), 0);
	EXPECT_EQ(v2("100000 0\n"), 0);
	EXPECT_EQ(v2("0 100000\n"), 0);
	EXPECT_EQ(v2("-5 -1\n"), 0);
	EXPECT_EQ(v2("9223372036854775807 1\n"), INT_MAX);
	EXPECT_EQ(v1("", "100000\n"), 0);
	EXPECT_EQ(v1("100000\n", ""), 0);
	EXPECT_EQ(v1("100000\n", "0\n"), 0);
}

TEST(an_ancestor_tighter_than_the_leaf_counts, "B.1")
{
	here("0::/a/b/c\n", CGROUP2);
	put("cg/a/cpu.max", "300000 100000\n");
	put("cg/a/b/cpu.max", "max 100000\n");
	put("cg/a/b/c/cpu.max", "800000 100000\n");
	EXPECT_EQ(topology_quota(root), 3);
}

TEST(the_leaf_counts_where_it_is_tightest, "B.1")
{
	here("0::/a/b/c\n", CGROUP2);
	put("cg/a/cpu.max", "800000 100000\n");
	put("cg/a/b/c/cpu.max", "300000 100000\n");
	EXPECT_EQ(topology_quota(root), 3);
}

TEST(version_1_has_ancestors_too, "B.1")
{
	here("9:cpuset:/z\n4:cpu,cpuacct:/a/b\n", CPU1);
	put("cpu/a/cpu.cfs_quota_us", "200000\n");
	put("cpu/a/cpu.cfs_period_us", "100000\n");
	put("cpu/a/b/cpu.cfs_quota_us", "-1\n");
	put("cpu/a/b/cpu.cfs_period_us", "100000\n");
	EXPECT_EQ(topology_quota(root), 2);
}

TEST(the_mount_point_itself_counts, "B.1")
{
	here("0::/\n", CGROUP2);
	put("cg/cpu.max", "500000 100000\n");
	EXPECT_EQ(topology_quota(root), 5);
}

TEST(strangers_do_not_count, "B.1")
{
	here("0::/a/b\n", CGROUP2);
	put("cg/b/cpu.max", "100000 100000\n");
	put("cg/a/c/cpu.max", "100000 100000\n");
	put("cg/a/b/c/cpu.max", "100000 100000\n");
	put("cpu.max", "100000 100000\n");
	EXPECT_EQ(topology_quota(root), 0);
}

TEST(a_hybrid_finds_the_controller_in_version_1, "B.1")
{
	here("4:cpu,cpuacct:/a\n0::/u\n", CPU1 CGROUP2);
	put("cpu/a/cpu.cfs_quota_us", "600000\n");
	put("cpu/a/cpu.cfs_period_us", "100000\n");
	put("cg/u/cgroup.procs", "1\n");
	EXPECT_EQ(topology_quota(root), 6);
}

TEST(of_both_versions_the_tighter_counts, "B.1")
{
	here("4:cpu,cpuacct:/a\n0::/u\n", CGROUP2 CPU1);
	put("cpu/a/cpu.cfs_quota_us", "600000\n");
	put("cpu/a/cpu.cfs_period_us", "100000\n");
	put("cg/u/cpu.max", "400000 100000\n");
	EXPECT_EQ(topology_quota(root), 4);
}

TEST(other_controllers_are_not_cpu, "B.1")
{
	here("4:cpuset,cpuacct:/a\n",
	     "31 23 0:27 / /cpu rw - cgroup cgroup rw,cpuset,cpuacct\n");
	put("cpu/a/cpu.cfs_quota_us", "600000\n");
	put("cpu/a/cpu.cfs_period_us", "100000\n");
	EXPECT_EQ(topology_quota(root), 0);
}

TEST(other_hierarchies_have_no_cpu_limits, "B.1")
{
	here("4:cpu:/a\n5:cpuset:/a\n",
	     "31 23 0:27 / /set rw - cgroup cgroup rw,cpuset\n"
	     "32 23 0:28 / /tmp rw - tmpfs cgroup rw,cpu\n");
	put("set/a/cpu.cfs_quota_us", "600000\n");
	put("set/a/cpu.cfs_period_us", "100000\n");
	put("tmp/a/cpu.cfs_quota_us", "600000\n");
	put("tmp/a/cpu.cfs_period_us", "100000\n");
	EXPECT_EQ(topology_quota(root), 0);
}

TEST(a_container_sees_its_part_of_the_tree, "B.1")
{
	here("0::/kube/pod/box\n",
	     "30 23 0:26 /kube/pod /cg ro - cgroup2 cgroup2 rw\n");
	put("cg/cpu.max", "200000 100000\n");
	put("cg/box/cpu.max", "900000 100000\n");
	EXPECT_EQ(topology_quota(root), 2);
}

TEST(a_mount_of_a_cgroup_whose_name_only_begins_like_ours_is_not_ours, "B.1")
{
	here("0::/pods\n", "30 23 0:26 /pod /cg ro - cgroup2 cgroup2 rw\n");
	put("cg/cpu.max", "200000 100000\n");
	put("cgs/cpu.max", "200000 100000\n");
	EXPECT_EQ(topology_quota(root), 0);
}

TEST(outside_of_our_namespace_no_limit_below_it_is_ours, "B.1")
{
	here("0::/../..\n", CGROUP2);
	put("cg/cpu.max", "200000 100000\n");
	put("cpu.max", "100000 100000\n");
	EXPECT_EQ(topology_quota(root), 0);
	put("proc/self/cgroup", "0::/../sibling\n");
	EXPECT_EQ(topology_quota(root), 0);
}

TEST(a_mount_from_above_the_namespace_holds_us_somewhere, "B.1")
{
	here("0::/x\n", "30 23 0:26 /../.. /cg ro - cgroup2 cgroup2 rw\n");
	put("cg/cpu.max", "300000 100000\n");
	put("cg/x/cpu.max", "100000 100000\n");
	EXPECT_EQ(topology_quota(root), 3);
	put("proc/self/cgroup", "0::/../../x\n");
	EXPECT_EQ(topology_quota(root), 1);
}

TEST(a_name_with_dots_is_a_name, "B.1")
{
	here("0::/..a/...\n", CGROUP2);
	put("cg/..a/cpu.max", "300000 100000\n");
	EXPECT_EQ(topology_quota(root), 3);
}

TEST(several_mounts_are_all_asked, "B.1")
{
	here("0::/a\n", "30 23 0:26 /b /cg/b ro - cgroup2 cgroup2 rw\n"
			"31 23 0:26 / /gone ro - cgroup2 cgroup2 rw\n" CGROUP2);
	put("cg/a/cpu.max", "300000 100000\n");
	put("cg/b/cpu.max", "100000 100000\n");
	EXPECT_EQ(topology_quota(root), 3);
}

TEST(mount_points_and_cgroups_may_have_odd_names, "B.1")
{
	here("1:name=systemd:/x\n0::/a:b c\n",
	     "30 23 0:26 / /c\\040g rw master:1 propagate_from:2 unbindable - "
	     "cgroup2 none rw\n");
	put("c g/a:b c/cpu.max", "300000 100000\n");
	EXPECT_EQ(topology_quota(root), 3);
}

TEST(a_deleted_cgroup_still_has_ancestors, "B.1")
{
	here("0::/a/b (deleted)\n", CGROUP2);
	put("cg/a/cpu.max", "300000 100000\n");
	EXPECT_EQ(topology_quota(root), 3);
}

TEST(missing_and_broken_files_are_no_limit, "B.1")
{
	EXPECT_EQ(topology_quota("/nonexistent"), 0);
	here("", "");
	EXPECT_EQ(topology_quota(root), 0);
	here("0\n::\n:\n\n0::/a", "\n-\n1 2 3\n1 2 3 / /cg - cgroup2\n"
				  "1 2 3 / /cg rw - cgroup2 x");
	EXPECT_EQ(topology_quota(root), 0);
	here("0::/a\n", "a b c d e f g h i j k l m n o\n" CGROUP2);
	put("cg/a/cpu.max", "300000 100000\n");
	EXPECT_EQ(topology_quota(root), 3);
}

TEST(a_path_longer_than_any_path_is_no_limit, "B.1")
{
	static char cgroup[20000] = "0::";

	for (int i = 0; i < 9000; i++)
		strcpy(cgroup + 3 + 2 * i, "/a");
	here(cgroup, CGROUP2);
	EXPECT_EQ(topology_quota(root), 0);
	cgroup[3 + 2 * 2040] = '\0';
	here(cgroup, CGROUP2);
	put("cg/a/cpu.max", "300000 100000\n");
	EXPECT_EQ(topology_quota(root), 3);
}

TEST(this_machine_answers, "B.1")
{
	EXPECT(topology_quota("/") >= 0);
}

/* -- while the program runs -- */

static void until(int procs)
{
	int64_t end = now_ns() + 20000000000 * test_slow();

	while (leat_procs_get() != procs) {
		EXPECT(now_ns() < end);
		leat_yield();
	}
}

static int follows(void)
{
	EXPECT_EQ(leat_procs_get(), 3);
	v2("500000 100000\n");
	until(5);
	v2("1000 100000\n");
	until(2);
	v2("max 100000\n");
	until(8);
	return 0;
}

static int is_set_by_hand(void)
{
	int64_t end = now_ns() + 1500000000;

	EXPECT_EQ(leat_procs_set(3), 3);
	v2("500000 100000\n");
	while (now_ns() < end) {
		EXPECT_EQ(leat_procs_get(), 3);
		leat_yield();
	}
	EXPECT_EQ(leat_procs_default(), 3);
	EXPECT_EQ(leat_procs_get(), 5);
	v2("400000 100000\n");
	until(4);
	return 0;
}

/* Eight CPUs that are not there, and quotas of our own. */
static void with_quota(const char *limit, int (*fn)(void))
{
	struct leat_options options = { .topology = "core:8 pu:1" };

	unsetenv("LEAT_PROCS");
	v2(limit);
	topology_quota_root = root;
	EXPECT_EQ(leat_run_with(&options, fn), 0);
}

TEST(the_number_of_Ps_follows_the_quota, "R30 B.1")
{
	with_quota("250000 100000\n", follows);
}

TEST(a_number_set_by_hand_stays_until_the_default_is_asked_for, "R30 B.1")
{
	with_quota("300000 100000\n", is_set_by_hand);
}

SUITE("quota")
