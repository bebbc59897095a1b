/*
 * show.c - all goroutines, as text, each of them once.
 *
 *	rounds: those that run are asked | all that can be held | what was missed
 *
 * What was missed has begun to wait, or to run, at the wrong moment; who still
 * cannot be had after three rounds is named without a stack.  g->told says which
 * are done.
 */
#include "core/show.h"

#include "core/queues.h"
#include "core/sched.h"

enum { ROUNDS = 3 };

static uint32_t dump; /* the number of this one */

void show_begin(void)
{
	dump++;
	say_forget();
	queues_begin();
}

void show_not(struct g *g)
{
	g->told = dump;
}

bool show_inner(void)
{
	return sched.options.traceback >= DUMP_SYSTEM;
}

void show(struct out *o, const struct shot *s)
{
	s->g->told = dump;
	queues_add(&s->say);
	say_header(o, &s->say);
	if (s->from.bytes)
		say_frames(o, &s->from, show_inner(), &s->say);
	else
		say_entry(o, &s->say);
	say_origin(o, &s->say);
}

static bool alive(const struct g *g)
{
	return a_load(&g->state, relaxed) != G_DEAD;
}

static bool wanted(const struct shot *s)
{
	return s->taken && s->g->told != dump;
}

/* All threads that may run a goroutine, some at a time. */
static size_t show_running(struct out *o, const struct m *self)
{
	size_t n, shown = 0, at = 0;

	while ((n = shot_running(&at, self)) > 0)
		for (size_t i = 0; i < n; i++)
			if (wanted(shot(i))) {
				show(o, shot(i));
				shown++;
			}
	return shown;
}

static size_t show_batch(struct out *o, struct g **g, size_t n)
{
	size_t shown = 0;

	if (n > 0)
		shot_held(g, n);
	for (size_t i = 0; i < n; i++)
		if (wanted(shot(i))) {
			show(o, shot(i));
			shown++;
		}
	return shown;
}

/* How many are left that run, or are just about to. */
static size_t show_held(struct out *o, size_t most, size_t *shown)
{
	struct g *batch[SHOTS], *g;
	size_t n = 0, found = 0, got = 0;

	for (size_t i = 0; (g = g_at(i)); i++) {
		if (g->told == dump || !alive(g))
			continue;
		found++;
		if (*shown + got >= most)
			continue;
		batch[n++] = g;
		if (n == SHOTS) {
			got += show_batch(o, batch, n);
			n = 0;
		}
	}
	got += show_batch(o, batch, n);
	*shown += got;
	return found - got;
}

/* Those that could not be had. */
static void show_rest(struct out *o)
{
	struct g *g;

	for (size_t i = 0; (g = g_at(i)); i++)
		if (g->told != dump && alive(g))
			out_say(o,
				"\ngoroutine %llu [running]:\n\tgoroutine "
				"running on other thread; stack unavailable\n",
				(unsigned long long)a_load(&g->id, relaxed));
}

void show_all(struct out *o, size_t most, const struct m *self)
{
	size_t shown = 0, left = 1;

	for (int round = 0; round < ROUNDS && left > 0; round++) {
		shown += show_running(o, self);
		left = show_held(o, most, &shown);
		if (shown >= most)
			break;
	}
	if (left > 0 && shown >= most)
		out_say(o, "\n... and %zu more\n", left);
	else if (left > 0)
		show_rest(o);
	queues_say(o);
}
