/*
 * treesum.h - what the parts of treesum share.
 *
 *	treesum.c          the walk, a goroutine per directory and file
 *	treesum-desk.c     a limit on open files, and their buffers
 *	treesum-verify.c   the same sums by other means, and the comparison
 */
#ifndef TREESUM_H
#define TREESUM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

/* What is counted; --verify compares those before UNREADABLE. */
enum kind {
	DIRS,
	FILES,
	LINKS,
	OTHERS, /* fifos, sockets, devices */
	BYTES,
	LINES,
	CHECKSUM,
	UNREADABLE,
	VANISHED,
	KINDS
};

struct tally {
	_Atomic uint64_t of[KINDS];
};

/* Relaxed: whoever reads the totals has waited for the WaitGroup before. */
static inline uint64_t add(_Atomic uint64_t *total, uint64_t n)
{
	return atomic_fetch_add_explicit(total, n, memory_order_relaxed);
}

static inline uint64_t get(const _Atomic uint64_t *total)
{
	return atomic_load_explicit(total, memory_order_relaxed);
}

/* A file's share of the checksum begins with its name, NUL included. */
static inline uint32_t crc_begin(const char *name)
{
	return crc32_z(0, (const Bytef *)name, strlen(name) + 1);
}

static inline bool dots(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

static inline double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static inline void *allocate(size_t size)
{
	void *memory = malloc(size);

	if (!memory) {
		fputs("treesum: out of memory\n", stderr);
		exit(2);
	}
	return memory;
}

enum { DESK_SIZE = 64 << 10 };

/* A buffer and the right to hold one descriptor open. */
struct desk {
	struct desk *next;
	char buffer[DESK_SIZE];
};

void desks_make(void);
struct desk *desk_take(void);
void desk_give(struct desk *desk);

/* The totals, and with the second also what other ways of counting find:
 * true if they agree. */
void table_print(const struct tally *sum);
bool table_verify(const struct tally *sum, char **roots);

#endif
