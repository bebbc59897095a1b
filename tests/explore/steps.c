/*
 * steps.c - the words of atomic.h, in terms of a model.
 *
 * Memory itself always holds what the last store in its order wrote, so that
 * init(), check() and a debugger read it as usual.  Outside of threads a word
 * is a plain access.
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
	script = replay;
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

	return digit < n &&
	       (strchr(hex, script[digit]) - hex) >> (i % 4) & 1;
}

static bool contended(struct place *p, bool writes)
{
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
	static char text[PLACES / 4 + 1];

	memset(text, 0, sizeof(text));
	for (int i = 0; i < places; i += 4) {
		int digit = 0;

		for (int k = i; k < i + 4 && k < places; k++)
			digit |= use_of(place[k].at)->contended << (k - i);
		text[i / 4] = "0123456789abcdef"[digit];
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
			threads_fail("%s: %zu and %zu bytes",
				     place_name(p->at), p->size, size);
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

static uint64_t widen(const volatile void *value, size_t size)
{
	uint64_t v = 0;

	memcpy(&v, (const void *)value, size); /* little endian */
	return v;
}

uint64_t peek(const struct place *p)
{
	return widen(p->at, p->size);
}

void poke(struct place *p, uint64_t value)
{
	p->version += value != peek(p);
	memcpy((void *)p->at, &value, p->size);
}

static uint64_t updated(const struct update *u)
{
	switch (u->verb) {
	case EXPLORE_add:
		return u->old + u->operand;
	case EXPLORE_sub:
		return u->old - u->operand;
	case EXPLORE_or:
		return u->old | u->operand;
	case EXPLORE_and:
		return u->old & u->operand;
	}
	return u->operand;
}

bool update_apply(const struct update *u, size_t size, uint64_t *value)
{
	uint64_t v = updated(u);

	*value = 0;
	memcpy(value, &v, size);
	return u->verb != CAS || u->old == u->want;
}

static void saw(struct place *p, uint32_t version)
{
	for (int i = 0; i < self->n_seen; i++)
		if (self->seen[i].place == p) {
			self->seen[i].version = version;
			return;
		}
	if (self->n_seen == SEEN) /* forget the oldest: it spins less well */
		memmove(self->seen, self->seen + 1,
			sizeof(self->seen[0]) * (size_t)--self->n_seen);
	self->seen[self->n_seen].place = p;
	self->seen[self->n_seen++].version = version;
}

static const char *order_name(int order)
{
	switch (order) {
	case EXPLORE_relaxed:
		return "relaxed";
	case EXPLORE_acquire:
		return "acquire";
	case EXPLORE_release:
		return "release";
	case EXPLORE_acq_rel:
		return "acq_rel";
	case EXPLORE_seq_cst:
		return "seq_cst";
	}
	return "";
}

static void tell(struct explore_site *s, struct place *p, const char *how,
		 uint64_t value)
{
	if (!tracing)
		return;
	const char *order = order_name((int)s->order);

	trace(explore_self(), "%s(%s%s%s)%s 0x%llx   %s:%d [%s]", s->verb,
	      s->text, *s->text && *order ? ", " : "", order, how,
	      (unsigned long long)value, s->file, s->line,
	      p ? place_name(p->at) : "all");
}

void *explore_load(const volatile void *at, size_t size, void *out,
		   struct explore_site *site)
{
	if (!self)
		return memcpy(out, (const void *)at, size);

	struct place *p = place_of(at, size);
	uint32_t version;

	if (contended(p, false))
		threads_point(site, p);
	site->hits++;
	uint64_t v = model->load(p, (int)site->order, &version);

	saw(p, version);
	tell(site, p, " =", v);
	return memcpy(out, &v, size);
}

void explore_store(const volatile void *at, size_t size, const void *value,
		   struct explore_site *site)
{
	if (!self) {
		memcpy((void *)at, value, size);
		return;
	}
	struct place *p = place_of(at, size);

	if (contended(p, true) && !model->silent(true, (int)site->order))
		threads_point(site, p);
	site->hits++;
	model->store(p, widen(value, size), (int)site->order);
	tell(site, p, " <-", widen(value, size));
}

static bool change(const volatile void *at, size_t size, struct update *u,
		   struct explore_site *site)
{
	uint32_t version;

	if (!self) {
		struct place outside = { .at = (const void *)at,
					 .size = size };
		uint64_t v;

		u->old = peek(&outside);
		if (!update_apply(u, size, &v))
			return false;
		poke(&outside, v);
		return true;
	}
	struct place *p = place_of(at, size);

	if (contended(p, true) || model->drains)
		threads_point(site, p);
	site->hits++;
	bool done = model->change(p, u, (int)site->order, &version);

	saw(p, version);
	tell(site, p, done ? " was" : " fails on", u->old);
	return done;
}

void *explore_change(const volatile void *at, size_t size, void *value,
		     enum explore_verb verb, struct explore_site *site)
{
	struct update u = { (int)verb, widen(value, size), 0, 0 };

	change(at, size, &u, site);
	return memcpy(value, &u.old, size);
}

bool explore_cas(const volatile void *at, size_t size, void *want,
		 const void *value, struct explore_site *site)
{
	struct update u = { CAS, widen(value, size), widen(want, size), 0 };
	bool done = change(at, size, &u, site);

	if (!done)
		memcpy(want, &u.old, size);
	return done;
}

void explore_fence(struct explore_site *site)
{
	if (!self)
		return;
	if (!model->silent(false, (int)site->order))
		threads_point(site, NULL);
	site->hits++;
	model->fence((int)site->order);
	tell(site, NULL, "", 0);
}

void explore_spin(struct explore_site *site)
{
	if (!self)
		return;
	self->site = site;
	trace(explore_self(), "spins   %s:%d", site->file, site->line);
	threads_spin();
}

void *explore_read(const volatile void *at, size_t size, void *out,
		   struct explore_site *site)
{
	if (!self)
		return memcpy(out, (const void *)at, size);

	struct place *p = place_of(at, size);

	if (!model->read)
		return explore_load(at, size, out, site);
	self->site = site;
	uint64_t v = model->read(p);

	tell(site, p, " =", v);
	return memcpy(out, &v, size);
}

void explore_write(const volatile void *at, size_t size, const void *value,
		   struct explore_site *site)
{
	if (!self || !model->write) {
		explore_store(at, size, value, site);
		return;
	}
	struct place *p = place_of(at, size);

	self->site = site;
	model->write(p, widen(value, size));
	tell(site, p, " <-", widen(value, size));
}

/* The kernel looks at the word between full barriers. */
void explore_sleep(_Atomic uint32_t *word, uint32_t value)
{
	static struct explore_site site = { .file = __FILE__,
					    .line = __LINE__,
					    .verb = "sleep",
					    .text = "" };
	struct place *p = place_of(word, sizeof(*word));
	struct update u = { EXPLORE_add, 0, 0, 0 };
	uint32_t version;

	threads_point(&site, p);
	model->fence(EXPLORE_seq_cst);
	model->change(p, &u, EXPLORE_relaxed, &version);
	tell(&site, p, u.old == value ? ", for it is" : ", not: it is", u.old);
	if (u.old == value)
		threads_sleep(word);
}

void explore_wake(_Atomic uint32_t *word, int n)
{
	static struct explore_site site = { .file = __FILE__,
					    .line = __LINE__,
					    .verb = "wake",
					    .text = "" };
	struct place *p = place_of(word, sizeof(*word));
	struct update u = { EXPLORE_add, 0, 0, 0 };
	uint32_t version;

	threads_point(&site, p);
	model->fence(EXPLORE_seq_cst);
	/* Who sleeps is decided in the order of these, as of writes. */
	model->change(p, &u, EXPLORE_relaxed, &version);
	tell(&site, p, ", it is", u.old);
	threads_wake(word, n);
}
