/*
 * weak.c - the model WEAK: C11 atomics, as far as a run that goes forward can
 * show them.
 *
 *	a word    0 ----- 1 ----- 2 ----- 3      its stores, oldest first
 *	                  ^       '-------'
 *	       the thread's view          what a load may see now
 *
 * A view says, per word, which stores are hidden by newer ones.  Each thread
 * has one, each store carries one:
 *
 *	store, release      carries the thread's view
 *	store, relaxed      carries the view of the last release fence
 *	load, acquire       joins what the store carries
 *	load, relaxed       keeps it for the next acquire fence
 *	read-modify-write   sees the last store, carries what that carried, too
 *	fence, seq_cst      joins the views of all such fences before it
 *	load, seq_cst       sees no less than those fences, and no less than the
 *	                    last seq_cst store to its word
 *	light, heavy        a heavy fence and a light one are as two seq_cst
 *	                    fences; light ones do not see each other (P1202)
 *
 * The order of the stores to a word is the order in which the run makes them,
 * and a load sees only stores made before it.  So what is not shown: two
 * threads' stores to two words in opposite orders (2+2W), and load buffering.
 * All else that RC11 allows is (Lahav and others, "Repairing sequential
 * consistency in C/C++11", 2017; the machine is that of Kang and others, "A
 * promising semantics", 2017, without promises).
 *
 * Stores become visible some day: a thread sees the same old store a few times
 * in a row, then a newer one, so that loops which wait for nothing else end.
 *
 * Load buffering matters where a word is used again: a reader that has claimed
 * what it read must be ordered before the store that overwrites it, or a CPU
 * might let it read that.  So stores to words named by explore_reused() check
 * the clocks of earlier loads.
 *
 * Plain data (d_read, d_write) has no turns: vector clocks say whether the
 * orders put its accesses in one order, and the run fails if not.
 */
#include "tests/explore/engine.h"

#include <string.h>

enum { HISTORY = 64, PATIENCE = 3, CLOCKS = 8 };
_Static_assert((int)CLOCKS >= (int)EXPLORE_THREADS, "a clock for each thread");

struct view {
	uint8_t at[PLACES];
	uint16_t clock[CLOCKS]; /* a full vector register is faster */
};

struct message {
	uint64_t value, hash;
	uint32_t version;
	struct view view;
};

static struct message history[PLACES][HISTORY];
static struct word {
	int last, last_seq_cst; /* index of a message; last is -1 when new */
	/* Of plain data: who wrote it last and when, who has read it since. */
	int writer;
	uint16_t written, read[EXPLORE_THREADS];
	bool reused; /* explore_reused: read[] is of loads, and these are */
	uint16_t kept[EXPLORE_THREADS]; /* of loads that were claimed since */
} word[PLACES];

static struct state {
	struct view now, at_acquire, at_release;
	uint8_t again[PLACES]; /* seen the same old store so often in a row */
} state[EXPLORE_THREADS];

/* What the fences have seen; clocks are not used: a fence alone orders no
 * plain data. */
static struct view all_seq_cst, all_heavy, all_light;
static uint64_t seq_cst_hash, heavy_hash, light_hash;

static void join_stores(struct view *restrict v,
			const struct view *restrict with)
{
	for (int i = 0; i < PLACES; i++)
		v->at[i] = v->at[i] > with->at[i] ? v->at[i] : with->at[i];
}

static void join(struct view *restrict v, const struct view *restrict with)
{
	join_stores(v, with);
	for (int i = 0; i < CLOCKS; i++)
		v->clock[i] = v->clock[i] > with->clock[i] ? v->clock[i]
							   : with->clock[i];
}

static void reset(void)
{
	for (int i = 0; i < PLACES; i++)
		word[i].last = -1;
	memset(state, 0, sizeof(state));
	memset(&all_seq_cst, 0, sizeof(all_seq_cst));
	memset(&all_heavy, 0, sizeof(all_heavy));
	memset(&all_light, 0, sizeof(all_light));
	seq_cst_hash = heavy_hash = light_hash = 0;
}

static struct state *mine(void)
{
	return &state[self - thread];
}

static void race(const struct place *p, const char *what, int with)
{
	threads_fail("race on %s: %s by %c at %s:%d, not ordered after %c",
		     place_name(p->at), what, 'a' + explore_self(),
		     self->site->file, self->site->line, 'a' + with);
}

/* The first access finds what init() left. */
static struct word *word_of(struct place *p)
{
	struct word *w = &word[p->index];

	if (w->last < 0) {
		*w = (struct word){ .writer = -1,
				    .reused = place_reused(p->at) };
		struct message *m = &history[p->index][0];

		m->value = peek(p);
		m->hash = p->wrote;
		m->version = 0;
		memset(&m->view, 0, sizeof(m->view));
	}
	return w;
}

static struct message *see(struct place *p, int i, int order)
{
	struct message *m = &history[p->index][i];
	struct state *s = mine();

	if (i == word[p->index].last || i != s->now.at[p->index])
		s->again[p->index] = 0;
	else
		s->again[p->index]++;
	s->now.at[p->index] = (uint8_t)i;
	if (i > 0) { /* what init() left carries nothing */
		join(&s->at_acquire, &m->view);
		if (order & EXPLORE_acquire)
			join(&s->now, &m->view);
	}
	self->hash = mix(self->hash, m->hash);
	return m;
}

static int oldest(struct place *p, int order)
{
	int first = mine()->now.at[p->index];

	if (first < word[p->index].last && mine()->again[p->index] >= PATIENCE)
		first++;
	if (order != EXPLORE_seq_cst)
		return first;
	if (first < all_seq_cst.at[p->index])
		first = all_seq_cst.at[p->index];
	return first < word[p->index].last_seq_cst ? word[p->index].last_seq_cst
						   : first;
}

static uint64_t load(struct place *p, int order, uint32_t *version)
{
	struct word *w = word_of(p);
	char code[HISTORY];
	int n = 0;

	for (int i = w->last; i >= oldest(p, order); i--, n++)
		code[n] = (char)('0' + n);
	self->hash = mix_step(self->hash, 'l', p);
	struct message *m = see(p, w->last - search_pick(n, code), order);

	if (w->reused)
		w->read[self - thread] = ++mine()->now.clock[self - thread];
	*version = m->version;
	return m->value;
}

static void reuse(struct place *p, struct word *w)
{
	for (int i = 0; i < threads; i++) {
		if (mine()->now.clock[i] < w->kept[i])
			race(p, "used again", i);
		w->kept[i] = 0;
	}
}

/* A read-modify-write claims what its thread loaded just before, or the thread
 * throws that away. */
static void claim(bool done)
{
	int t = explore_self();

	for (int i = 0; place_at(i); i++) {
		struct word *w = &word[i];

		if (!w->reused || w->last < 0 || !w->read[t])
			continue;
		if (done)
			w->kept[t] = w->read[t];
		w->read[t] = 0;
	}
}

static void append(struct place *p, uint64_t value, int order,
		   const struct message *continues)
{
	struct word *w = word_of(p);
	struct state *s = mine();

	if (w->last + 1 == HISTORY)
		threads_fail("more than %d stores to %s", HISTORY,
			     place_name(p->at));
	if (w->reused)
		reuse(p, w);
	struct message *old = &history[p->index][w->last],
		       *m = &history[p->index][++w->last];

	s->now.at[p->index] = (uint8_t)w->last;
	poke(p, value);
	threads_wrote(self, p);
	m->value = value;
	m->version = p->version;
	m->hash = self->hash = mix(mix_step(self->hash, 's', p), old->hash);
	m->view = order & EXPLORE_release ? s->now : s->at_release;
	m->view.at[p->index] = (uint8_t)w->last;
	if (continues)
		join(&m->view, &continues->view);
	if (order == EXPLORE_seq_cst) {
		w->last_seq_cst = w->last;
		seq_cst_hash += m->hash;
	}
}

static void store(struct place *p, uint64_t value, int order)
{
	append(p, value, order, NULL);
}

/* A compare-and-swap fails on what a load may see and it does not want. */
static int pick_update(struct place *p, const struct update *u)
{
	int last = word_of(p)->last, n = 0, index[HISTORY];
	char code[HISTORY];

	for (int i = last; i >= oldest(p, EXPLORE_relaxed); i--) {
		bool wanted = history[p->index][i].value == u->want;

		if (i != last && (u->verb != CAS || wanted))
			continue;
		code[n] = (char)('0' + last - i);
		index[n++] = i;
	}
	return index[search_pick(n, code)];
}

static bool change(struct place *p, struct update *u, int order,
		   uint32_t *version)
{
	int i = pick_update(p, u);
	uint64_t value;

	u->old = history[p->index][i].value;
	self->hash = mix_step(self->hash, 'c', p);

	bool done = update_apply(u, p->size, &value);
	struct message *m = see(p, i, done ? order : EXPLORE_relaxed);

	*version = m->version;
	claim(done);
	if (done) {
		append(p, value, order, m);
		*version = p->version;
	}
	return done;
}

static void fence_light(void)
{
	struct state *s = mine();

	join_stores(&s->now, &all_heavy);
	join_stores(&all_light, &s->now);
	self->hash = mix(mix(self->hash, 'L'), heavy_hash);
	light_hash += self->hash;
}

static void fence_seq_cst(void)
{
	struct state *s = mine();

	join(&s->now, &s->at_acquire);
	join_stores(&s->now, &all_seq_cst);
	for (int i = 0; i < PLACES; i++)
		if (place_at(i) && word[i].last >= 0 &&
		    s->now.at[i] < word[i].last_seq_cst)
			s->now.at[i] = (uint8_t)word[i].last_seq_cst;
	join_stores(&all_seq_cst, &s->now);
	s->at_release = s->now;
	self->hash = seq_cst_hash = mix(mix(self->hash, 'F'), seq_cst_hash);
}

static void fence_heavy(void)
{
	struct state *s = mine();

	fence_seq_cst();
	join_stores(&s->now, &all_heavy);
	join_stores(&s->now, &all_light);
	join_stores(&all_heavy, &s->now);
	s->at_release = s->now;
	self->hash = mix(mix(self->hash, heavy_hash), light_hash);
	heavy_hash = self->hash;
	light_hash = 0;
}

static void fence(int order)
{
	if (!self || order == EXPLORE_relaxed)
		return;
	if (order == EXPLORE_light)
		fence_light();
	else if (order == EXPLORE_heavy)
		fence_heavy();
	else if (order == EXPLORE_seq_cst)
		fence_seq_cst();
	else {
		if (order & EXPLORE_acquire)
			join(&mine()->now, &mine()->at_acquire);
		if (order & EXPLORE_release)
			mine()->at_release = mine()->now;
	}
}

static bool silent(bool is_store, int order)
{
	return !is_store && order <= EXPLORE_acq_rel;
}

static struct word *data_of(struct place *p, const char *what)
{
	struct word *w = word_of(p);
	struct view *v = &mine()->now;

	v->clock[self - thread]++;
	if (w->writer >= 0 && v->clock[w->writer] < w->written)
		race(p, what, w->writer);
	return w;
}

static uint64_t read_data(struct place *p)
{
	struct word *w = data_of(p, "read");

	w->read[self - thread] = mine()->now.clock[self - thread];
	return peek(p);
}

static void write_data(struct place *p, uint64_t value)
{
	struct word *w = data_of(p, "written");

	for (int i = 0; i < threads; i++) {
		if (mine()->now.clock[i] < w->read[i])
			race(p, "written", i);
		w->read[i] = 0;
	}
	w->writer = explore_self();
	w->written = mine()->now.clock[self - thread];
	poke(p, value);
}

static void settle(struct place *p, uint32_t version)
{
	struct view *v = &mine()->now;

	if (p->version != version)
		while (history[p->index][v->at[p->index]].version <= version)
			v->at[p->index]++;
}

const struct model weak_model = {
	.reset = reset,
	.load = load,
	.store = store,
	.change = change,
	.fence = fence,
	.read = read_data,
	.write = write_data,
	.silent = silent,
	.settle = settle,
};
