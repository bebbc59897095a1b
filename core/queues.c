/*
 * queues.c - the channels of a dump, and who waits at each.
 *
 * What is known of a channel was seen while one who waits for it was held, so each
 * line is of moments of its own; and goroutines stand here by number, not in the
 * order of their turn, which a debugger shows (tools/leat-gdb.py).  A select waits at
 * many, and is not among them.
 */
#include "core/queues.h"

#include <stdlib.h>

enum { MOST = 100000 };

struct wait {
	const void *at;
	uint64_t id;
	bool sends;
	struct say_chan chan;
};

static struct {
	struct wait *wait;
	size_t n, room, lost;
} all;

void queues_begin(void)
{
	all.n = all.lost = 0;
}

static bool more_room(void)
{
	size_t room = all.room ? 2 * all.room : 64;
	struct wait *more =
		room > MOST ? NULL : realloc(all.wait, room * sizeof(*more));

	if (!more)
		return false;
	all.wait = more;
	all.room = room;
	return true;
}

void queues_add(const struct say *s)
{
	if (!s->sends && !s->receives)
		return;
	if (all.n == all.room && !more_room()) {
		all.lost++;
		return;
	}
	all.wait[all.n++] = (struct wait){
		.at = s->object, .id = s->id, .sends = s->sends, .chan = s->chan
	};
}

static int by_channel(const void *one, const void *other)
{
	const struct wait *a = one, *b = other;

	if (a->at != b->at)
		return (uintptr_t)a->at < (uintptr_t)b->at ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

static void say_queue(struct out *o, const struct wait *w, size_t n, bool sends)
{
	const char *between = " goroutine ";

	out_say(o, "\t%s:", sends ? "sendq" : "recvq");
	for (size_t i = 0; i < n; i++)
		if (w[i].sends == sends) {
			out_say(o, "%s%llu", between,
				(unsigned long long)w[i].id);
			between = ", ";
		}
	out_say(o, between[0] == ' ' ? " empty\n" : "\n");
}

static void say_channel(struct out *o, const struct wait *w, size_t n)
{
	const struct say_chan *c = &w->chan;

	out_say(o, "\nchannel %p: ", w->at);
	if (c->cap > 0)
		out_say(o, "%llu of %llu values, sendx %llu, recvx %llu",
			(unsigned long long)c->len, (unsigned long long)c->cap,
			(unsigned long long)c->sendx,
			(unsigned long long)c->recvx);
	else
		out_say(o, "no buffer");
	out_say(o, "%s\n", c->closed ? ", closed" : "");
	say_queue(o, w, n, true);
	say_queue(o, w, n, false);
}

void queues_say(struct out *o)
{
	if (all.n > 0)
		qsort(all.wait, all.n, sizeof(*all.wait), by_channel);
	for (size_t i = 0, end; i < all.n; i = end) {
		for (end = i;
		     end < all.n && all.wait[end].at == all.wait[i].at;)
			end++;
		say_channel(o, &all.wait[i], end - i);
	}
	if (all.lost > 0)
		out_say(o, "\n... and %zu more at channels\n", all.lost);
}
