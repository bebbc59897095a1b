/*
 * unwind.h - from a stack to the functions that are on it.
 *
 *	struct unwind_from            unwind_walk            unwind_name
 *	pc, registers, and the  --->  the pc of each   --->  function, file and
 *	bytes of the stack            frame                  line; likewise those
 *	                                                     inlined there
 *
 * The stack may be a copy, taken of a goroutine that runs on meanwhile.  libdw
 * (elfutils) does the work: call frame information, symbols, lines, of whatever the
 * process has loaded.  It allocates memory, and takes a deep stack: for one thread
 * that exists for this (dump.c), never for a signal handler or a goroutine.
 */
#ifndef CORE_UNWIND_H
#define CORE_UNWIND_H

#include "arch/arch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct unwind_from {
	uintptr_t pc;
	bool whole; /* all registers are known; else sp and fp */
	uintptr_t reg[ARCH_REGISTERS];
	uintptr_t at;      /* the bytes are those of the stack from here on */
	const char *bytes; /* NULL: none */
	size_t n;
	bool cut; /* and there is more of it */
};

/* A place in the code: unknown parts are NULL, or 0. */
struct unwind_place {
	const char *function;   /* in C++ with its scopes, without parameters */
	const char *plain;      /* without scopes */
	uintptr_t offset;       /* in the function */
	const char *dir, *file; /* dir: what file is relative to, or NULL */
	int line;
	bool inlined; /* into the next place */
	bool ours;    /* the library's own */
};

/* See what the process has loaded now.  False: nothing can be told. */
bool unwind_ready(void);

/* Call `visit` with the pc of each frame, from the newest on, until it says false.
 * call: it is where a call returns to, which may be in the next function already;
 * else where it was interrupted. */
typedef bool unwind_visit(void *arg, uintptr_t pc, bool call);

void unwind_walk(const struct unwind_from *from, unwind_visit *visit,
		 void *arg);

/* Call `visit` with the place of an instruction, and with those that it is inlined
 * to, from the innermost on.  False: it is not known. */
bool unwind_name(uintptr_t pc,
		 void (*visit)(void *arg, const struct unwind_place *place),
		 void *arg);

/* The file that holds it, and where in it; NULL: unknown. */
const char *unwind_file(uintptr_t pc, uintptr_t *offset);

#endif
