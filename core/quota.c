/*
 * quota.c - how many CPUs' worth of time the cgroups allow.
 *
 *	/proc/self/cgroup      who we are in each hierarchy
 *	/proc/self/mountinfo   where each hierarchy is mounted, from where down
 *
 *	mounted "/kube" at /sys/fs/cgroup; we are "/kube/pod/box":
 *
 *	/sys/fs/cgroup            cpu.max  400000 100000      4
 *	/sys/fs/cgroup/pod        cpu.max  150000 100000      2 <- tightest
 *	/sys/fs/cgroup/pod/box    cpu.max  max 100000         no limit
 *
 * A limit binds everybody below it, so each level up to the mount point
 * counts; Go's runtime reads only the last (golang/go#81180).  Version 1 has
 * cpu.cfs_quota_us (-1: no limit) and cpu.cfs_period_us.  Where both versions
 * are mounted, both are asked: the one without the cpu controller has no such
 * files.
 *
 * In a cgroup namespace paths are relative to where it was made, and "/.."
 * leads out of it.  A hierarchy mounted from above the namespace does hold us,
 * but the names down to us are hidden: only its mount point counts.  One that
 * does not hold us is ignored.  What cannot be read or makes no sense is no
 * limit.
 */
#include "core/topology.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct mount {
	char *top; /* the cgroup that the mount point shows */
	char *point;
	bool unified; /* version 2 */
};

static FILE *open_under(const char *root, const char *dir, const char *name)
{
	char path[2 * PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s%s/%s", root, dir, name);

	return n < (int)sizeof(path) ? fopen(path, "re") : NULL;
}

static int tighter(int a, int b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

/* The first numbers of a file, -1 for those that are missing. */
static void numbers(FILE *f, long long *a, long long *b)
{
	*a = *b = -1;
	if (!f)
		return;
	if (fscanf(f, "%lld %lld", a, b) < 1)
		*a = -1;
	fclose(f);
}

/* One level's own limit; 0 for none. */
static int limit(const char *root, const char *dir, bool unified)
{
	long long quota, period, none;

	if (unified) {
		numbers(open_under(root, dir, "cpu.max"), &quota, &period);
	} else {
		numbers(open_under(root, dir, "cpu.cfs_quota_us"), &quota,
			&none);
		numbers(open_under(root, dir, "cpu.cfs_period_us"), &period,
			&none);
	}
	if (quota <= 0 || period <= 0)
		return 0;
	long long cpus = (quota - 1) / period + 1;
	return cpus < INT_MAX ? (int)cpus : INT_MAX;
}

/* A word of a list with commas. */
static bool lists(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (;; list++) {
		if (strncmp(list, word, n) == 0 && strchr(",", list[n]))
			return true;
		list = strchr(list, ',');
		if (!list)
			return false;
	}
}

/* "\040" is a blank. */
static void unescape(char *text)
{
	char *to = text;

	for (; *text; to++) {
		unsigned c;
		if (*text == '\\' && sscanf(text + 1, "%3o", &c) == 1) {
			*to = (char)c;
			text += 4;
		} else {
			*to = *text++;
		}
	}
	*to = '\0';
}

/*
 *	35 24 0:30 /top /point rw,nosuid shared:9 - cgroup source rw,cpu
 *	         0    1      2         3        any number up to the dash
 *
 * False for what is not a hierarchy with CPU limits.
 */
static bool parse(char *line, struct mount *m)
{
	char *field, *rest = line;

	line[strcspn(line, "\n")] = '\0';
	for (int i = 0; i < 3; i++)
		strsep(&rest, " ");
	m->top = strsep(&rest, " ");
	m->point = strsep(&rest, " ");
	do
		field = strsep(&rest, " ");
	while (field && strcmp(field, "-") != 0);
	const char *type = strsep(&rest, " ");
	strsep(&rest, " ");
	const char *options = strsep(&rest, " ");
	if (!options)
		return false;
	unescape(m->top);
	unescape(m->point);
	m->unified = strcmp(type, "cgroup2") == 0;
	return m->unified ||
	       (strcmp(type, "cgroup") == 0 && lists(options, "cpu"));
}

static const char *after_ups(const char *path)
{
	while (strncmp(path, "/..", 3) == 0 && (!path[3] || path[3] == '/'))
		path += 3;
	return path;
}

/* What leads from the mounted top to us: "" or "/a/b".  NULL if top does not
 * hold us. */
static const char *below(const char *top, const char *us)
{
	size_t n = strcmp(top, "/") == 0 ? 0 : strlen(top);

	if (strncmp(us, top, n) == 0 && (!us[n] || us[n] == '/'))
		return after_ups(us + n) == us + n ? us + n : NULL;
	return *after_ups(top) ? NULL : "";
}

/* The tightest limit from us up to the mount point. */
static int climb(const char *root, const struct mount *m, const char *us)
{
	char dir[2 * PATH_MAX];
	const char *down = below(m->top, us);
	size_t floor = strlen(m->point);
	int found = 0;

	if (!down || floor + strlen(down) >= sizeof(dir))
		return 0;
	stpcpy(stpcpy(dir, m->point), down);
	for (;;) {
		found = tighter(found, limit(root, dir, m->unified));
		char *last = strrchr(dir + floor, '/');
		if (!last)
			return found;
		*last = '\0';
	}
}

/* Our path in version 2, whose list of controllers is empty, or in the
 * version 1 hierarchy of a controller; "/" is "".  NULL if we have none. */
static char *find(const char *root, const char *controller)
{
	FILE *f = open_under(root, "/proc/self", "cgroup");
	char *line = NULL, *found = NULL;
	size_t room = 0;

	while (f && !found && getline(&line, &room, f) > 0) {
		char *path = line;
		strsep(&path, ":");
		char *list = strsep(&path, ":");
		if (!path || !(*controller ? lists(list, controller) : !*list))
			continue;
		path[strcspn(path, "\n")] = '\0';
		found = strdup(strcmp(path, "/") == 0 ? "" : path);
	}
	free(line);
	if (f)
		fclose(f);
	return found;
}

int topology_quota(const char *root)
{
	char *us[] = { find(root, "cpu"), find(root, "") };
	FILE *f = open_under(root, "/proc/self", "mountinfo");
	char *line = NULL;
	size_t room = 0;
	int found = 0;

	while (f && getline(&line, &room, f) > 0) {
		struct mount m;
		if (parse(line, &m) && us[m.unified])
			found = tighter(found, climb(root, &m, us[m.unified]));
	}
	free(line);
	if (f)
		fclose(f);
	free(us[0]);
	free(us[1]);
	return found;
}
