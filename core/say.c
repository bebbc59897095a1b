/*
 * say.c - a goroutine, as text.
 *
 * The text of a place in the code costs a search in debugging information, and
 * goroutines by the thousand wait in the same places, so it is kept.
 */
#include "core/say.h"

#include "core/atomic.h"
#include "core/os.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	PLACES = 1024,      /* whose text is kept */
	SHOWN = 50,         /* frames at either end of a long stack, */
	FURTHEST = 1 << 20, /* which is not followed beyond this; */
	OURS = 32,          /* and in which the library's come first, so many */
};

static const char *const reasons[] = {
	[G_NOTHING] = "running",
	[G_WAIT_GROUP] = "sync.WaitGroup.Wait",
	[G_YIELD] = "runnable",
	[G_CHAN_SEND] = "chan send",
	[G_CHAN_RECEIVE] = "chan receive",
	[G_CHAN_SEND_NIL] = "chan send (nil chan)",
	[G_CHAN_RECEIVE_NIL] = "chan receive (nil chan)",
	[G_SELECT] = "select",
	[G_SELECT_NONE] = "select (no cases)",
	[G_SLEEP] = "sleep",
	[G_COND] = "sync.Cond.Wait",
	[G_MUTEX] = "sync.Mutex.Lock",
	[G_RWMUTEX] = "sync.RWMutex.Lock",
	[G_RWMUTEX_READ] = "sync.RWMutex.RLock",
	[G_SEMA] = "semaphore.Acquire",
};

const char *say_state(const struct g *g)
{
	switch (a_load(&g->state, relaxed)) {
	case G_RUNNING:
		return "running";
	case G_RUNNABLE:
		return "runnable";
	case G_DEAD:
		return "dead";
	default:
		return g->reason < ARRAY_LEN(reasons) ? reasons[g->reason]
						      : "?";
	}
}

/* Has it an object that others know by its address? */
static bool has_object(const struct g *g)
{
	switch (g->reason) {
	case G_WAIT_GROUP:
	case G_CHAN_SEND:
	case G_CHAN_RECEIVE:
	case G_COND:
	case G_MUTEX:
	case G_RWMUTEX:
	case G_RWMUTEX_READ:
	case G_SEMA:
		return g->on && a_load(&g->state, relaxed) == G_WAITING;
	default:
		return false;
	}
}

void say_take(struct say *to, const struct g *g, const char *state)
{
	*to = (struct say){
		.id = a_load(&g->id, relaxed),
		.parent = g->parent,
		.state = state,
		.object = has_object(g) ? g->on : NULL,
		.locked = g->thread_locks > 0,
		.entry = (const void *)g->call.fn,
		.site = g->site,
	};
	if (g->name)
		snprintf(to->name, sizeof(to->name), "%s", g->name);
}

/* -- places -- */

/* The text of a place in the code, with all functions that are inlined there. */
struct text {
	char *all;   /* of these all, */
	char *calls; /* without the library's, but for what programs call, */
	char *users; /* without any of the library's */
	bool bottom; /* of a goroutine's stack */
};

static struct place {
	uintptr_t pc;
	struct text text;
} places[PLACES];

static void forget(struct place *p)
{
	free(p->text.all);
	free(p->text.calls);
	free(p->text.users);
	*p = (struct place){ 0 };
}

void say_forget(void)
{
	for (size_t i = 0; i < PLACES; i++)
		forget(&places[i]);
}

struct making {
	struct out all, calls, users;
	const char *module; /* the file that it is in, */
	uintptr_t offset;   /* where in that, or in its function */
	bool bottom;
};

static void make_line(struct out *o, const struct making *mk,
		      const struct unwind_place *at)
{
	const char *name = at->function ? at->function : "?";
	size_t n = strlen(name);

	if (strncmp(name, "leat_", 5) == 0 && name[n - 1] == '_')
		n--; /* what a macro of that name calls */
	out_say(o, "%.*s(%s)\n\t", (int)n, name, at->inlined ? "..." : "");
	if (!at->file)
		out_say(o, "%s", mk->module);
	else if (at->dir && at->file[0] != '/')
		out_say(o, "%s/%s:%d", at->dir, at->file, at->line);
	else
		out_say(o, "%s:%d", at->file, at->line);
	if (at->inlined)
		out_say(o, "\n");
	else
		out_say(o, " +0x%tx\n", mk->offset);
}

static void make_one(void *arg, const struct unwind_place *at)
{
	struct making *mk = arg;
	bool ours = at->ours, called = false;

	if (at->function) {
		mk->bottom |= strcmp(at->function, "arch_start") == 0;
		called = strncmp(at->function, "leat_", 5) == 0;
	}
	if (at->function && !at->inlined)
		mk->offset += at->offset;
	make_line(&mk->all, mk, at);
	if (!ours || called)
		make_line(&mk->calls, mk, at);
	if (!ours && !called)
		make_line(&mk->users, mk, at);
}

static char *made(struct out *o, char *text)
{
	out_flush(o);
	*o->to = '\0';
	return strdup(text);
}

/* pc is where to look, and `more` bytes before what is shown. */
static void make(struct place *p, uintptr_t pc, uintptr_t more)
{
	static char all[8192], calls[8192], users[8192];
	struct making mk = {
		.all = { .fd = -1, .to = all, .room = sizeof(all) - 1 },
		.calls = { .fd = -1, .to = calls, .room = sizeof(calls) - 1 },
		.users = { .fd = -1, .to = users, .room = sizeof(users) - 1 },
		.offset = more,
	};
	uintptr_t offset = pc;
	struct unwind_place nothing = { 0 };

	mk.module = unwind_file(pc, &offset);
	if (!mk.module)
		mk.module = "?";
	if (!unwind_name(pc, make_one, &mk)) {
		mk.offset += offset;
		make_one(&mk, &nothing);
	}
	p->text.all = made(&mk.all, all);
	p->text.calls = made(&mk.calls, calls);
	p->text.users = made(&mk.users, users);
	p->text.bottom = mk.bottom;
}

/* call: pc is where a call returns to, so the one before it counts. */
static const struct text *text_of(uintptr_t pc, bool call)
{
	struct place *p = &places[(pc ^ pc >> 10) % PLACES];

	if (p->pc != pc || !p->text.users) {
		forget(p);
		p->pc = pc;
		make(p, pc - call, call);
	}
	return &p->text;
}

/* -- frames -- */

static struct {
	size_t n;
	uintptr_t first[OURS + SHOWN], last[SHOWN];
} frames;

static bool one_more(void *arg, uintptr_t pc)
{
	(void)arg;
	if (frames.n < OURS + SHOWN)
		frames.first[frames.n] = pc;
	frames.last[frames.n % SHOWN] = pc;
	return ++frames.n < FURTHEST;
}

static const struct text *frame(size_t i)
{
	return text_of(i < OURS + SHOWN ? frames.first[i]
					: frames.last[i % SHOWN],
		       i > 0);
}

/* How many are only the library's, on the way to where it waits. */
static size_t ours(void)
{
	size_t i = 0;

	while (i < OURS && i + 1 < frames.n && !*frame(i)->users)
		i++;
	return i;
}

void say_entry(struct out *o, const struct say *s)
{
	out_say(o, "%s", text_of((uintptr_t)s->entry, false)->all);
}

void say_frames(struct out *o, const struct unwind_from *from, bool all,
		const struct say *who)
{
	size_t i, left, shown = 0;

	frames.n = 0;
	unwind_walk(from, one_more, NULL);
	if (!all && frames.n > 1 && frame(frames.n - 1)->bottom)
		frames.n--;
	i = all ? 0 : ours();
	/* What it began with may have ended by a call of what is ours. */
	if (who && i + 1 == frames.n && !*frame(i)->users) {
		say_entry(o, who);
		return;
	}
	left = frames.n - i;
	for (; i < frames.n; i++) {
		const struct text *t = frame(i);

		out_say(o, "%s",
			all          ? t->all
			: shown == 0 ? *t->users ? t->users : t->all
				     : t->calls);
		if (++shown == SHOWN && left > 2 * SHOWN) {
			out_say(o, "...%zu frames elided...\n",
				left - 2 * SHOWN);
			i += left - 2 * SHOWN;
		}
	}
}

void say_origin(struct out *o, const struct say *s)
{
	const char *text, *end;

	if (!s->site)
		return;
	text = text_of((uintptr_t)s->site, true)->all;
	end = strchr(text, '(');
	out_say(o, "created by %.*s in goroutine %llu%s", (int)(end - text),
		text, (unsigned long long)s->parent, strchr(end, '\n'));
}

void say_header(struct out *o, const struct say *s)
{
	const char *open = s->name[0] ? " (" : "";
	const char *close = s->name[0] ? ")" : "";

	out_say(o, "\ngoroutine %llu%s%s%s [%s", (unsigned long long)s->id,
		open, s->name, close, s->state);
	if (s->minutes > 0)
		out_say(o, ", %u minutes", s->minutes);
	if (s->locked)
		out_say(o, ", locked to thread");
	if (s->object)
		out_say(o, ", %p", s->object);
	out_say(o, "]:\n");
}
