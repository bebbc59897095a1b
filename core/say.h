/*
 * say.h - a goroutine, as text.
 *
 *	goroutine 7 (reader) [chan receive, 3 minutes, 0x55d0c8a3b2a0]:
 *	leat_recv()
 *		/src/leat/sync/chan.c:301 +0x4d
 *	read_all(...)
 *		/src/server/reader.c:88
 *	serve_one()
 *		/src/server/reader.c:120 +0x61
 *	created by serve in goroutine 1
 *		/src/server/main.c:40 +0x2302
 *
 * The shape is that of Go's tracebacks, so that what reads those reads these:
 * (...) is a function that was inlined.
 */
#ifndef CORE_SAY_H
#define CORE_SAY_H

#include "core/g.h"
#include "core/out.h"
#include "core/unwind.h"

/* A channel that a goroutine waits at; sync/life.c knows.  Safe while that is
 * held. */
struct say_chan {
	uint64_t cap, len;
	uint64_t sendx,
		recvx; /* where in the buffer the next goes, and comes from */
	bool closed;
};

__attribute__((weak)) void say_chan_look(const void *chan, struct say_chan *to);

/* What is said of one, apart from its stack. */
struct say {
	uint64_t id, parent;
	char name[64];
	const char *state;
	const void *object; /* what it waits for, or NULL */
	unsigned minutes;   /* since when, if it is at least one */
	bool locked;        /* to its thread */
	const void *entry, *site;
	bool sends, receives; /* at the channel that is its object: */
	struct say_chan chan;
};

/* Of g, which is the caller's, or held. */
void say_take(struct say *to, const struct g *g, const char *state);

/* What it waits for, or does, in Go's words. */
const char *say_state(const struct g *g);

/* Grows while anything is found out; for who wonders whether it goes on. */
extern _Atomic uint32_t say_progress;

/* Text that was made before may be of what has been unloaded since. */
void say_forget(void);

void say_header(struct out *o, const struct say *s);
/* The functions on a stack.  all: the library's own, too; else only those of them
 * that programs call.  who: the goroutine that it is of, if it is of one. */
void say_frames(struct out *o, const struct unwind_from *from, bool all,
		const struct say *who);
/* The function that it begins with. */
void say_entry(struct out *o, const struct say *s);
void say_origin(struct out *o, const struct say *s);

#endif
