/*
 * out.h - text on its way out: to a file, or into memory.
 *
 * It allocates nothing, so that last words can be said anywhere.
 */
#ifndef CORE_OUT_H
#define CORE_OUT_H

#include "core/base.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct out {
	int fd;    /* or -1: memory, of `room` bytes at `to`, */
	bool line; /* each line goes out at once */
	int error; /* -E... of the first write that failed; then nothing more */
	char *to;
	size_t room;
	bool (*more)(
		struct out *o); /* and more of it; NULL: the rest is lost */
	size_t all;             /* bytes so far, lost ones too */
	size_t n;
	char text[2048];
};

/* What is longer than such a buffer is cut: of parts that may be long, out_put. */
PRINTF(2, 3) void out_say(struct out *o, const char *format, ...);
void out_say_list(struct out *o, const char *format, va_list args);
void out_put(struct out *o, const char *text, size_t n);
/* What is still here goes out. */
void out_flush(struct out *o);

#endif
