/*
 * engine.h - what the files of the explorer say to each other.
 *
 *	explore.c   the cases, one after the other; what is printed
 *	mutants.c   the same with one order weakened at a time
 *	search.c    which turn to take where; what has been seen before
 *	threads.c   whose step is next; spinning, sleeping, deadlock
 *	steps.c     the words of atomic.h, in terms of a model
 *	places.c    the words of memory, and who uses them
 *	strong.c    models SC and TSO
 *	weak.c      model WEAK
 *	fiber.c     stacks
 *	switch.c    arch_switch, for cases with goroutines
 */
#ifndef ENGINE_H
#define ENGINE_H

#include "tests/explore/explore.h"
#include "tests/explore/model.h"

/* search.c */
struct search_count {
	long runs, whole, steps, states;
};
extern struct search_count search_count;
void search_begin(const char *replay);
bool search_next(void);
void search_run(void);
int search_pick(int n, const char *code);
bool search_fresh(void);
bool search_known(uint64_t key, int left);
const char *search_schedule(void);

/* threads.c */
enum outcome { WHOLE, KNOWN, DROPPED, AGAIN, FAILED };
extern struct thread thread[EXPLORE_THREADS];
extern struct thread *self; /* NULL: not in a thread */
extern int threads;
extern const struct model *model;
extern char failure[1024];
enum outcome threads_run(const struct explore_case *c, int preemptions);
void threads_point(struct explore_site *site, const struct place *p);
void threads_spin(void);
void threads_wrote(struct thread *t, const struct place *p);
void threads_sleep(const void *word);
void threads_wake(const void *word, int n);
_Noreturn void threads_again(void);
_Noreturn void threads_fail(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

/* places.c */
extern bool plain; /* no reductions: explore_self.c */
bool place_contended(struct place *p, bool writes);
bool places_heavy(bool here);
struct place *place_of(const volatile void *at, size_t size);
struct place *place_at(int i); /* NULL beyond the last */
void places_reset(void);
void uses_forget(const char *replay);
const char *uses_script(void);
const char *place_name(const void *at);
bool place_reused(const void *at);
uint64_t peek(const struct place *p);
void poke(struct place *p, uint64_t value);

/* steps.c */
bool update_apply(const struct update *u, size_t size, uint64_t *value);

/* explore.c */
extern bool tracing;
void trace(int t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
enum outcome explore_mode(const struct explore_case *c, unsigned mode,
			  const char *replay, const char *places,
			  bool *exhausted);
const char *mode_name(unsigned mode);
/* The limits for one case in one mode. */
extern double explore_seconds;
extern long explore_runs;

/* mutants.c */
int mutants_run(const struct explore_case *c, size_t cases, const char *files,
		const struct explore_survivor *s);
bool mutants_set(const char *name);

static inline uint64_t mix(uint64_t a, uint64_t b)
{
	a = (a ^ (b + 0x9e3779b97f4a7c15)) * 0xbf58476d1ce4e5b9;
	a = (a ^ (a >> 29)) * 0x94d049bb133111eb;
	return a ^ (a >> 32);
}

static inline uint64_t mix_step(uint64_t a, int what, const struct place *p)
{
	return mix(mix(a, (uint64_t)what), (uintptr_t)p->at);
}

#endif
