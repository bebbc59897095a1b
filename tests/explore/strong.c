/*
 * strong.c - the models SC and TSO.
 *
 *	            +--------------------+
 *	store ----> | buffer of a thread | ----> memory        (TSO)
 *	            +--------------------+  flush: a turn of its own
 *	load: the newest in the own buffer, else memory
 *	read-modify-write, seq_cst store, seq_cst fence: own buffer empty after
 *	heavy fence: every buffer empty after
 *
 * SC is TSO whose buffers are always empty.
 *
 * When a store leaves its buffer matters only to a thread about to look at
 * that word, or to write it.  So a flush is offered only then: any earlier one
 * could as well have been made then (P. Sewell and others, "x86-TSO", 2010,
 * for the machine).
 */
#include "tests/explore/engine.h"

#include <string.h>

enum { BUFFER = 12 };

static struct buffer {
	struct entry {
		struct place *p;
		uint64_t value, hash;
	} e[BUFFER];
	int n;
	uint64_t hash; /* of all that left it */
} buffer[EXPLORE_THREADS];
bool strong_buffers;

static void reset(void)
{
	for (int i = 0; i < EXPLORE_THREADS; i++) {
		buffer[i].n = 0;
		buffer[i].hash = 0;
	}
}

static void write_now(int t, struct place *p, uint64_t value, uint64_t hash)
{
	p->wrote = mix(mix(hash, p->wrote), p->read);
	p->read = 0;
	poke(p, value);
	threads_wrote(&thread[t], p);
}

static void flush(int t)
{
	struct buffer *b = &buffer[t];
	struct entry e = b->e[0];

	memmove(b->e, b->e + 1, sizeof(b->e[0]) * (size_t)--b->n);
	write_now(t, e.p, e.value, e.hash);
	b->hash = mix(b->hash, e.p->wrote);
	trace(t, "   . %s <- 0x%llx in memory", place_name(e.p->at),
	      (unsigned long long)e.value);
}

static void drain(int t)
{
	while (buffer[t].n)
		flush(t);
}

/* Does thread t care what p holds in memory, or when it changes? */
static bool cares(int t, const struct place *p)
{
	if (thread[t].wants == p)
		return true;
	if (thread[t].state == SPINNING)
		for (int i = 0; i < thread[t].n_seen; i++)
			if (thread[t].seen[i].place == p)
				return true;
	for (int i = 0; i < buffer[t].n; i++)
		if (buffer[t].e[i].p == p)
			return true;
	return false;
}

static bool can_flush(int t)
{
	if (plain)
		return buffer[t].n > 0;
	for (int i = 0; i < buffer[t].n; i++)
		for (int u = 0; u < threads; u++)
			if (u != t && cares(u, buffer[t].e[i].p))
				return true;
	/* Its own spinning needs its own store in memory. */
	return buffer[t].n && thread[t].state == SPINNING;
}

static uint64_t load(struct place *p, int order, uint32_t *version)
{
	struct buffer *b = &buffer[self - thread];

	(void)order;
	*version = p->version;
	for (int i = b->n; i-- > 0;)
		if (b->e[i].p == p) {
			self->hash = mix_step(self->hash, 'f', p);
			return b->e[i].value;
		}
	self->hash = mix(mix_step(self->hash, 'l', p), p->wrote);
	p->read += self->hash;
	return peek(p);
}

static void store(struct place *p, uint64_t value, int order)
{
	int t = explore_self();
	struct buffer *b = &buffer[t];

	self->hash = mix_step(self->hash, 's', p);
	if (b->n == BUFFER)
		flush(t);
	b->e[b->n++] = (struct entry){ p, value, self->hash };
	if (!strong_buffers || order == EXPLORE_seq_cst)
		drain(t);
}

static bool change(struct place *p, struct update *u, int order,
		   uint32_t *version)
{
	uint64_t value;

	(void)order;
	drain(explore_self());
	u->old = peek(p);
	self->hash = mix(mix_step(self->hash, 'c', p), p->wrote);

	bool done = update_apply(u, p->size, &value);

	if (done) {
		write_now(explore_self(), p, value, self->hash);
		self->hash = p->wrote;
	} else
		p->read += self->hash;
	*version = p->version;
	return done;
}

static void fence(int order)
{
	if (order == EXPLORE_seq_cst)
		drain(explore_self());
	if (order == EXPLORE_heavy)
		for (int i = 0; i < threads; i++)
			drain(i);
}

static bool silent(bool is_store, int order)
{
	if (is_store)
		return strong_buffers && order != EXPLORE_seq_cst;
	return !strong_buffers ||
	       (order != EXPLORE_seq_cst && order != EXPLORE_heavy);
}

static void settle(struct place *p, uint32_t version)
{
	(void)p;
	(void)version;
}

static uint64_t hash(void)
{
	uint64_t sum = 0;

	for (int i = 0; i < threads; i++)
		sum += mix(buffer[i].hash, (uint64_t)i + 100);
	return sum;
}

const struct model strong_model = {
	.reset = reset,
	.drains = true,
	.load = load,
	.store = store,
	.change = change,
	.fence = fence,
	.silent = silent,
	.settle = settle,
	.can_flush = can_flush,
	.flush = flush,
	.hash = hash,
};
