/*
 * options.h - the settings, from struct leat_options and LEAT_*.
 *
 * The environment wins.  Whatever makes no sense is refused: one line that
 * names the setting, its value and what would be accepted; status 2.
 */
#ifndef CORE_OPTIONS_H
#define CORE_OPTIONS_H

#include "leat/runtime.h"

#include <stdint.h>

/* How much is said when the process ends; after GOTRACEBACK. */
enum dump_level {
	DUMP_NONE,   /* no stack */
	DUMP_SINGLE, /* of who ended it; of all, if it was no panic */
	DUMP_ALL,    /* of all */
	DUMP_SYSTEM, /* and the library's own functions */
	DUMP_CRASH,  /* and then a core file */
};

struct options {
	int procs; /* 0: by topology */
	enum leat_idle idle;
	size_t stack; /* in bytes, a power of two */
	enum leat_pin pin;
	enum leat_clock clock;
	const char *topology; /* NULL: this machine */
	enum dump_level traceback;
	int dump;                  /* the signal that asks for one, or 0 */
	int64_t schedtrace, stall; /* ns, or 0 */
};

/* o := given (may be NULL), overridden by the environment. */
void options_read(struct options *o, const struct leat_options *given);

#endif
