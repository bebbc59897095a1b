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

static uint64_t widen(const volatile void *value, size_t size)
{
	uint64_t v = 0;

	memcpy(&v, (const void *)value, size); /* little endian */
	return v;
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

	if (place_contended(p, false))
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
	bool drains = model->drains && site->order == EXPLORE_seq_cst;
	bool silent =
		!places_heavy(false) && model->silent(true, (int)site->order);

	if ((place_contended(p, true) || drains) && !silent)
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
		struct place outside = { .at = (const void *)at, .size = size };
		uint64_t v;

		u->old = peek(&outside);
		if (!update_apply(u, size, &v))
			return false;
		poke(&outside, v);
		return true;
	}
	struct place *p = place_of(at, size);

	if (place_contended(p, true) || model->drains)
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
	places_heavy(site->order == EXPLORE_heavy);
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
	static struct explore_site site = {
		.file = __FILE__, .line = __LINE__, .verb = "sleep", .text = ""
	};
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
	static struct explore_site site = {
		.file = __FILE__, .line = __LINE__, .verb = "wake", .text = ""
	};
	struct place *p = place_of(word, sizeof(*word));
	struct update u = { EXPLORE_add, 0, 0, 0 };
	uint32_t version;

	uint64_t there;

	threads_point(&site, p);
	model->fence(EXPLORE_seq_cst);
	/* Who sleeps is decided in the order of these, as of writes.  But
	 * nothing is written: the word may be gone, and its memory another's. */
	there = peek(p);
	model->change(p, &u, EXPLORE_relaxed, &version);
	poke(p, there);
	tell(&site, p, ", it is", u.old);
	threads_wake(word, n);
}
