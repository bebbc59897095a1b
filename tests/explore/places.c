/*
 * places.c - the words of shared memory, and what is known of each.
 *
 *	place    a word in this run: address, size, hashes for the search
 *	use      a word over all runs: who uses it, is it written
 *	name     an object that a case has named, for traces
 *	reused   the words of explore_reused()
 */
#include "tests/explore/engine.h"

#include <stdio.h>
#include <string.h>

static struct place place[PLACES];
static int places;

/* By address, over all runs: which threads use it, and whether any writes.
 * Steps on what is not contended need no turn.  When a word turns out to be,
 * the search begins again, knowing it. */
static struct use {
	const void *at;
	unsigned threads;
	bool written, contended;
} use[256];
static const char *script; /* a replay knows: one bit a place, in hex */

/* A heavy fence shows what others have buffered, so no store is silent where
 * there is one; found out like contention. */
static bool heavy;
bool plain;

static unsigned char where[256]; /* by address: index + 1 */
static struct name {
	const char *at, *name;
	size_t size;
} names[32];
static int n_names;

void places_reset(void)
{
	places = 0;
	memset(where, 0, sizeof(where));
}

void uses_forget(const char *replay)
{
	memset(use, 0, sizeof(use));
	heavy = replay && *replay == 'h';
	script = heavy ? replay + 1 : replay;
}

static struct use *use_of(const void *at)
{
	size_t i = mix(1, (uintptr_t)at) % 256;

	while (use[i].at && use[i].at != at)
		i = (i + 1) % 256;
	use[i].at = at;
	return &use[i];
}

static bool scripted(int i)
{
	size_t n = strlen(script), digit = (size_t)i / 4;
	const char *hex = "0123456789abcdef";

	return digit < n && (strchr(hex, script[digit]) - hex) >> (i % 4) & 1;
}

bool place_contended(struct place *p, bool writes)
{
	if (plain)
		return true;
	if (script)
		return scripted(p->index);

	struct use *u = use_of(p->at);

	if (u->contended)
		return true;
	u->threads |= 1u << explore_self();
	u->written |= writes;
	if (!u->written || !(u->threads & (u->threads - 1)))
		return false;
	u->contended = true;
	threads_again();
}

const char *uses_script(void)
{
	static char text[PLACES / 4 + 2];
	char *at = text;

	memset(text, 0, sizeof(text));
	if (heavy)
		*at++ = 'h';
	for (int i = 0; i < places; i += 4) {
		int digit = 0;

		for (int k = i; k < i + 4 && k < places; k++)
			digit |= use_of(place[k].at)->contended << (k - i);
		*at++ = "0123456789abcdef"[digit];
	}
	return text;
}

struct place *place_at(int i)
{
	return i < places ? &place[i] : NULL;
}

struct place *place_of(const volatile void *at, size_t size)
{
	size_t i = mix(0, (uintptr_t)at) % sizeof(where);

	for (; where[i]; i = (i + 1) % sizeof(where)) {
		struct place *p = &place[where[i] - 1];

		if (p->at == at && p->size == size)
			return p;
		if (p->at == at)
			threads_fail("%s: %zu and %zu bytes", place_name(p->at),
				     p->size, size);
	}
	if (places == PLACES || size > sizeof(uint64_t))
		threads_fail("more than %d words, or one too wide", PLACES);

	struct place *p = &place[places++];
	uint64_t born = mix(0, (uintptr_t)at);

	where[i] = (unsigned char)places;
	*p = (struct place){ (const void *)at, size, 0, born, 0, places - 1 };
	return p;
}

void explore_name(const void *at, size_t size, const char *name)
{
	for (int i = 0; i < n_names; i++)
		if (names[i].at == at)
			return;
	if (n_names < (int)(sizeof(names) / sizeof(names[0])))
		names[n_names++] = (struct name){ at, name, size };
}

static struct {
	const char *at;
	size_t size;
} reused;

void explore_reused(const void *at, size_t size)
{
	reused.at = at;
	reused.size = size;
}

bool place_reused(const void *at)
{
	return (size_t)((const char *)at - reused.at) < reused.size;
}

const char *place_name(const void *at)
{
	static char text[64];

	for (int i = 0; i < n_names; i++) {
		size_t off = (size_t)((const char *)at - names[i].at);

		if (off >= names[i].size)
			continue;
		snprintf(text, sizeof(text), off ? "%s+%zu" : "%s",
			 names[i].name, off);
		return text;
	}
	snprintf(text, sizeof(text), "%p", at);
	return text;
}

/* The first heavy fence of a search begins it again. */
bool places_heavy(bool here)
{
	if (here && !heavy && !script) {
		heavy = true;
		threads_again();
	}
	return heavy || plain;
}

uint64_t peek(const struct place *p)
{
	uint64_t v = 0;

	memcpy(&v, p->at, p->size); /* little endian */
	return v;
}

void poke(struct place *p, uint64_t value)
{
	p->version += value != peek(p);
	memcpy((void *)p->at, &value, p->size);
}
