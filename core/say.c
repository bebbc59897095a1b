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
	START_BYTES = 128,  /* arch_start is shorter */
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
	if (!to->object || !say_chan_look)
		return;
	to->sends = g->reason == G_CHAN_SEND;
	to->receives = g->reason == G_CHAN_RECEIVE;
	if (to->sends || to->receives)
		say_chan_look(to->object, &to->chan);
}

/* -- places -- */

/* The text of a place in the code, with all functions that are inlined there.
 * NULL: there was no memory for it. */
struct text {
	char *all;    /* of these all, */
	char *calls;  /* without the library's, but for what programs call, */
	char *users;  /* without any of the library's */
	char *origin; /* of the first that is neither; its name is a line */
};

static struct place {
	uintptr_t pc;
	bool call; /* pc is where one returns to, so the byte before it counts */
	struct text text;
} places[PLACES];

_Atomic uint32_t say_progress;

static void forget(struct place *p)
{
	free(p->text.all);
	free(p->text.calls);
	free(p->text.users);
	free(p->text.origin);
	*p = (struct place){ 0 };
}

void say_forget(void)
{
	for (size_t i = 0; i < PLACES; i++)
		forget(&places[i]);
}

struct making {
	struct out all, calls, users, origin;
	const char *module; /* the file that it is in, */
	uintptr_t offset;   /* where in that, or in its function */
};

static void put(struct out *o, const char *text)
{
	out_put(o, text, strlen(text));
}

static void make_where(struct out *o, const struct making *mk,
		       const struct unwind_place *at)
{
	put(o, "\t");
	if (at->file && at->dir && at->file[0] != '/') {
		put(o, at->dir);
		put(o, "/");
	}
	put(o, at->file ? at->file : mk->module);
	if (at->file)
		out_say(o, ":%d", at->line);
	if (!at->inlined)
		out_say(o, " +0x%tx", mk->offset);
	put(o, "\n");
}

static void make_line(struct out *o, const struct making *mk,
		      const struct unwind_place *at)
{
	const char *name = at->function ? at->function : "?";
	size_t n = strlen(name);

	if (strncmp(name, "leat_", 5) == 0 && name[n - 1] == '_')
		n--; /* what a macro of that name calls */
	out_put(o, name, n);
	put(o, at->inlined ? "(...)\n" : "()\n");
	make_where(o, mk, at);
}

static void make_one(void *arg, const struct unwind_place *at)
{
	struct making *mk = arg;
	bool called = at->plain && strncmp(at->plain, "leat_", 5) == 0;

	if (at->function && !at->inlined)
		mk->offset += at->offset;
	make_line(&mk->all, mk, at);
	if (!at->ours || called)
		make_line(&mk->calls, mk, at);
	if (at->ours || called)
		return;
	make_line(&mk->users, mk, at);
	if (mk->origin.all == 0) {
		put(&mk->origin, at->function ? at->function : "?");
		put(&mk->origin, "\n");
		make_where(&mk->origin, mk, at);
	}
}

/* Whole lines. */
static char *made(struct out *o, char *text)
{
	out_flush(o);
	if (o->room == 0)
		o->to[-1] = '\n';
	*o->to = '\0';
	return strdup(text);
}

#define IN(text)                                                 \
	{                                                        \
		.fd = -1, .to = (text), .room = sizeof(text) - 1 \
	}

/* pc is where to look, and `more` bytes before what is shown. */
static void make(struct text *to, uintptr_t pc, uintptr_t more)
{
	static char all[8192], calls[8192], users[8192], origin[8192];
	struct making mk = {
		.all = IN(all),
		.calls = IN(calls),
		.users = IN(users),
		.origin = IN(origin),
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
	to->all = made(&mk.all, all);
	to->calls = made(&mk.calls, calls);
	to->users = made(&mk.users, users);
	to->origin = made(&mk.origin, origin);
	a_add(&say_progress, 1, relaxed);
}

static const struct text *text_of(uintptr_t pc, bool call)
{
	struct place *p = &places[(pc ^ pc >> 10) % PLACES];

	if (p->pc != pc || p->call != call || !p->text.users) {
		forget(p);
		p->pc = pc;
		p->call = call;
		make(&p->text, pc - call, call);
	}
	return &p->text;
}

static void put_text(struct out *o, const char *text)
{
	put(o, text ? text : "?()\n\tno memory\n");
}

static bool has_users(const struct text *t)
{
	return t->users && *t->users;
}

/* -- frames -- */

enum { LAST = SHOWN + 1 }; /* the bottom comes off */

struct at {
	uintptr_t pc;
	bool call;
};

static struct {
	size_t n;
	struct at first[OURS + SHOWN], last[LAST];
} frames;

static bool one_more(void *arg, uintptr_t pc, bool call)
{
	struct at at = { pc, call };

	(void)arg;
	if (frames.n < OURS + SHOWN)
		frames.first[frames.n] = at;
	frames.last[frames.n % LAST] = at;
	if (++frames.n % 1024 == 0)
		a_add(&say_progress, 1, relaxed);
	return frames.n < FURTHEST;
}

static const struct at *frame(size_t i)
{
	return i < OURS + SHOWN ? &frames.first[i] : &frames.last[i % LAST];
}

static const struct text *frame_text(size_t i)
{
	return text_of(frame(i)->pc, frame(i)->call);
}

/* Has the walk come to the bottom of a goroutine's stack? */
static bool bottom(void)
{
	return frames.n > 0 &&
	       frame(frames.n - 1)->pc - (uintptr_t)arch_start < START_BYTES;
}

/* How many are only the library's, on the way to where it waits. */
static size_t ours(void)
{
	size_t i = 0;

	while (i < OURS && i + 1 < frames.n && !has_users(frame_text(i)))
		i++;
	return i;
}

void say_entry(struct out *o, const struct say *s)
{
	put_text(o, text_of((uintptr_t)s->entry, false)->all);
}

static void say_frame(struct out *o, const struct text *t, bool all, bool first)
{
	if (all || (first && !has_users(t)))
		put_text(o, t->all);
	else
		put_text(o, first ? t->users : t->calls);
}

void say_frames(struct out *o, const struct unwind_from *from, bool all,
		const struct say *who)
{
	size_t i, left, shown = 0;
	bool more;

	frames.n = 0;
	unwind_walk(from, one_more, NULL);
	more = frames.n == FURTHEST || (from->cut && !bottom());
	if (!all && frames.n > 1 && bottom())
		frames.n--;
	i = all ? 0 : ours();
	/* What it began with may have ended by a call of what is ours. */
	if (who && i + 1 == frames.n && !has_users(frame_text(i))) {
		say_entry(o, who);
		return;
	}
	left = frames.n - i;
	for (; i < frames.n; i++) {
		say_frame(o, frame_text(i), all, shown == 0);
		if (++shown == SHOWN && left > 2 * SHOWN) {
			out_say(o, "...%zu frames elided...\n",
				left - 2 * SHOWN);
			i += left - 2 * SHOWN;
		}
	}
	if (more)
		put(o, "...additional frames elided...\n");
}

void say_origin(struct out *o, const struct say *s)
{
	const char *text, *end;

	if (!s->site)
		return;
	text = text_of((uintptr_t)s->site, true)->origin;
	if (!text || !(end = strchr(text, '\n')))
		return;
	put(o, "created by ");
	out_put(o, text, (size_t)(end - text));
	out_say(o, " in goroutine %llu", (unsigned long long)s->parent);
	put(o, end);
}

void say_header(struct out *o, const struct say *s)
{
	a_add(&say_progress, 1, relaxed);
	if (o->fd >= 0 || o->all > 0)
		put(o, "\n");
	out_say(o, "goroutine %llu", (unsigned long long)s->id);
	if (s->name[0])
		out_say(o, " (%s)", s->name);
	out_say(o, " [%s", s->state);
	if (s->minutes > 0)
		out_say(o, ", %u minutes", s->minutes);
	if (s->locked)
		put(o, ", locked to thread");
	if (s->object)
		out_say(o, ", %p", s->object);
	put(o, "]:\n");
}
