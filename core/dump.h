/*
 * dump.h - goroutines with their stacks, for whoever asks, and as last words.
 */
#ifndef CORE_DUMP_H
#define CORE_DUMP_H

#include "core/base.h"

/* As the runtime starts: the signals that ask for one. */
void dump_init(void);
/* The thread for it is there, or is made now; false: it cannot. */
bool dump_thread(void);
bool dump_there(void);

/* The last words of the calling thread go on with where it is; all: and with
 * where all others are. */
COLD void dump_where(bool all);
/* A signal has interrupted it: where it was, is in its ucontext_t. */
void dump_interrupted(const void *context);
/* All that wait. */
void dump_waiting(void);

#endif
