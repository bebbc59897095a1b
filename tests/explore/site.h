/*
 * site.h - what shadow/core/atomic.h is made of.
 *
 * A site is one use of a word in the source.  at and size name the memory;
 * values go in and out as size bytes.
 */
#ifndef SITE_H
#define SITE_H

#include <stdbool.h>
#include <stddef.h>

enum explore_order {
	EXPLORE_relaxed = 0,
	EXPLORE_acquire = 1,
	EXPLORE_release = 2,
	EXPLORE_acq_rel = 3,
	EXPLORE_seq_cst = 7,
	EXPLORE_light = 8,
	EXPLORE_heavy = 16,
};
enum explore_verb {
	EXPLORE_add,
	EXPLORE_sub,
	EXPLORE_or,
	EXPLORE_and,
	EXPLORE_swap,
};
struct explore_site {
	const char *file;
	int line;
	const char *verb, *text;
	enum explore_order written, order; /* order: maybe a mutant's */
	long hits;
};
void *explore_load(const volatile void *at, size_t size, void *out,
		   struct explore_site *site);
void explore_store(const volatile void *at, size_t size, const void *value,
		   struct explore_site *site);
void *explore_change(const volatile void *at, size_t size, void *value,
		     enum explore_verb verb, struct explore_site *site);
bool explore_cas(const volatile void *at, size_t size, void *want,
		 const void *value, struct explore_site *site);
void explore_fence(struct explore_site *site);
void explore_spin(struct explore_site *site);
void *explore_read(const volatile void *at, size_t size, void *out,
		   struct explore_site *site);
void explore_write(const volatile void *at, size_t size, const void *value,
		   struct explore_site *site);

#endif
