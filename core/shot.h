/*
 * shot.h - copies of the stacks of goroutines that go on.
 *
 *	goroutine          how its stack is had
 *
 *	waits, runnable    it is held, as the trimmer does it, copied, let go: who
 *	                   would resume it meanwhile waits for microseconds
 *	runs, blocks       a signal to its thread; the handler copies
 *
 * No lock is taken that a goroutine could hold, wherever it was interrupted: there
 * is room before, and the thread goes on.  For the dump thread, one batch at a time.
 */
#ifndef CORE_SHOT_H
#define CORE_SHOT_H

#include "core/say.h"

enum {
	SHOTS = 16, /* at a time */
	SHOT_COPY =
		64 << 10, /* so much of each stack, from its newest frame on */
};

struct shot {
	_Atomic uint32_t done; /* by a signal handler */
	bool taken;            /* else it could not be had */
	struct g *g;
	uint32_t rest; /* before it was held */
	struct say say;
	struct unwind_from from; /* without bytes: it has not run yet */
	_Alignas(16) char bytes[SHOT_COPY];
};

/* Memory for them: false, there is none. */
bool shot_room(void);
struct shot *shot(size_t i);

/* The first n are of these, as far as they wait. */
void shot_held(struct g **g, size_t n);

/* Be ready for the signal, once; who had it before gets what is not for us. */
void shot_listen(void);
/* As many as it returns are of threads that may run a goroutine, from *at on, which
 * is 0 at first; 0: there are no more.  One of them is not to be asked. */
size_t shot_running(size_t *at, const struct m *except);
/* Of this one; NULL: it could not be had. */
const struct shot *shot_of(struct m *m);

#endif
