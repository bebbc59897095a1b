/*
 * mutants.c - would the cases notice if an order were weaker than written?
 *
 *	acquire, release    relaxed
 *	acq_rel             acquire, release
 *	seq_cst             acq_rel (a load: acquire, a store: release)
 *	light, heavy        no fence at all
 *
 * For each site of the files that a program names and each weaker order, the
 * cases that pass are run again with that one order weakened; the first
 * failure kills the mutant.  A mutant that nobody kills is a gap in the cases,
 * an order that is stronger than it need be, or something the models cannot
 * show; the case's file lists it with the reason, or the test fails.
 *
 * A site is named by the label in the comment above it.
 */
#include "tests/explore/engine.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern struct explore_site *__start_explore_sites[], *__stop_explore_sites[];

static const struct {
	int order;
	const char *name;
} names[] = {
	{ EXPLORE_relaxed, "relaxed" }, { EXPLORE_acquire, "acquire" },
	{ EXPLORE_release, "release" }, { EXPLORE_acq_rel, "acq_rel" },
	{ EXPLORE_seq_cst, "seq_cst" }, { EXPLORE_light, "light" },
	{ EXPLORE_heavy, "heavy" },
};

static const char *name_of(int order)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].order == order)
			return names[i].name;
	return "?";
}

static bool same(const struct explore_site *a, const struct explore_site *b)
{
	return a->line == b->line && !strcmp(a->file, b->file) &&
	       !strcmp(a->text, b->text);
}

/* A header's site may be there several times: once per use that is inlined by
 * hand, but it is one line of source. */
static bool first_of_its_kind(struct explore_site **s)
{
	for (struct explore_site **t = __start_explore_sites; t < s; t++)
		if (same(*t, *s))
			return false;
	return true;
}

static const char *file_of(const struct explore_site *s)
{
	return s->file + (strncmp(s->file, "./", 2) ? 0 : 2);
}

static void set(const struct explore_site *like, int order)
{
	for (struct explore_site **t = __start_explore_sites;
	     t < __stop_explore_sites; t++)
		if (same(*t, like))
			(*t)->order = (enum explore_order)order;
}

static long hits(const struct explore_site *like)
{
	long n = 0;

	for (struct explore_site **t = __start_explore_sites;
	     t < __stop_explore_sites; t++)
		n += same(*t, like) ? (*t)->hits : 0;
	return n;
}

/* The last [label] "pairs with" in the lines just above the site. */
static const char *label(const struct explore_site *s)
{
	static char text[256], line[512];
	FILE *f = fopen(s->file, "r");
	int at = 0, found = -100;

	snprintf(text, sizeof(text), "%s:%d", file_of(s), s->line);
	while (f && at < s->line && fgets(line, sizeof(line), f)) {
		char *open = strchr(line, '['),
		     *close = open ? strstr(open, "] pairs with") : NULL;

		at++;
		if (!close)
			continue;
		snprintf(text, sizeof(text), "%.*s", (int)(close - open - 1),
			 open + 1);
		found = at;
	}
	if (f)
		fclose(f);
	if (found < s->line - 6)
		snprintf(text, sizeof(text), "%s:%d", file_of(s), s->line);
	return text;
}

/* The orders one step weaker than what is written; returns how many. */
static int weaker(const struct explore_site *s, int *order)
{
	switch (s->written) {
	case EXPLORE_relaxed:
		return 0;
	case EXPLORE_acq_rel:
		order[0] = EXPLORE_acquire;
		order[1] = EXPLORE_release;
		return 2;
	case EXPLORE_seq_cst:
		order[0] = !strcmp(s->verb, "a_load")    ? EXPLORE_acquire
			   : !strcmp(s->verb, "a_store") ? EXPLORE_release
							 : EXPLORE_acq_rel;
		return 1;
	default:
		order[0] = EXPLORE_relaxed;
		return 1;
	}
}

static bool killed_by(const struct explore_case *c, unsigned mode,
		      bool *exhausted)
{
	if (!(c->passes & mode) || c->large)
		return false;
	bool all, killed = explore_mode(c, mode, NULL, NULL, &all) == FAILED;

	*exhausted &= all || killed;
	return killed;
}

static bool killed_in_time(const struct explore_case *c, size_t cases,
			   bool *exhausted)
{
	static const unsigned mode[] = { EXPLORE_WEAK, EXPLORE_TSO };

	*exhausted = true;
	for (int m = 0; m < 2; m++)
		for (size_t i = 0; i < cases; i++)
			if (killed_by(&c[i], mode[m], exhausted)) {
				printf("killed by %s/%s, run %ld: %s\n",
				       c[i].name, mode_name(mode[m]),
				       search_count.runs, failure);
				return true;
			}
	return false;
}

/* Run all that could notice, and say who did: all of them a little, before one
 * that takes long and sees nothing keeps us from one that sees it at once. */
static bool killed(const struct explore_case *c, size_t cases, bool *exhausted)
{
	static const long most[] = { 1000, 30000, 1000000, LONG_MAX };
	bool dead = false;

	*exhausted = false;
	for (int i = 0; i < 4 && !dead && !*exhausted; i++) {
		explore_runs = most[i];
		dead = killed_in_time(c, cases, exhausted);
	}
	/* The last one is without a bound. */
	return dead;
}

static const struct explore_survivor *expected(const char *name, const char *to,
					       const struct explore_survivor *s)
{
	for (; s->label; s++)
		if (!strcmp(s->label, name) && (!s->to || !strcmp(s->to, to)))
			return s;
	return NULL;
}

static struct {
	int killed, survived, wrong;
} count;

/* EXPLORE_MUTANTS=all: also those that are listed as survivors. */
static bool every;

static void one(const struct explore_site *site, int order,
		const struct explore_case *c, size_t cases,
		const struct explore_survivor *s)
{
	bool exhausted;
	const char *name = label(site);
	const struct explore_survivor *e = expected(name, name_of(order), s);

	printf("mutant %-20s %s -> %-8s ", name, name_of((int)site->written),
	       name_of(order));
	fflush(stdout);
	if (e && !every) {
		printf("taken to survive: %s\n", e->why);
		count.survived++;
		return;
	}
	set(site, order);
	bool dead = killed(c, cases, &exhausted);

	set(site, (int)site->written);
	count.killed += dead;
	count.survived += !dead;
	count.wrong += dead == !!e;
	if (dead && e)
		printf("FAIL listed as a survivor\n");
	if (!dead)
		printf("survives%s: %s\n", exhausted ? "" : " (NOT exhausted)",
		       e                 ? e->why
		       : hits(site) == 0 ? "FAIL no case comes here"
					 : "FAIL not listed");
}

int mutants_run(const struct explore_case *c, size_t cases, const char *files,
		const struct explore_survivor *s)
{
	const char *which = getenv("EXPLORE_MUTANTS");

	every = which && !strcmp(which, "all");
	for (struct explore_site **t = __start_explore_sites;
	     t < __stop_explore_sites; t++) {
		int order[2], n = weaker(*t, order);

		if (!strstr(files, file_of(*t)) || !first_of_its_kind(t))
			continue;
		for (int i = 0; i < n; i++)
			one(*t, order[i], c, cases, s);
	}
	if (*files)
		printf("mutants: %d killed, %d survive, %d not as listed\n",
		       count.killed, count.survived, count.wrong);
	return count.wrong;
}

/* LABEL:ORDER, for looking at a mutant with --replay. */
bool mutants_set(const char *name)
{
	bool found = false;

	for (struct explore_site **t = __start_explore_sites;
	     t < __stop_explore_sites; t++) {
		int order[2], n = weaker(*t, order);
		char text[300];

		for (int i = 0; i < n; i++) {
			snprintf(text, sizeof(text), "%s=%s", label(*t),
				 name_of(order[i]));
			if (strcmp(text, name))
				continue;
			set(*t, order[i]);
			found = true;
		}
	}
	return found;
}
