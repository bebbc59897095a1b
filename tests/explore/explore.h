/*
 * explore.h - run a small concurrent program in every way it can go.
 *
 *	static const struct explore_case cases[] = {
 *		{ .name = "two_writers", .init = init, .check = check,
 *		  .thread = { writer, writer },
 *		  .passes = EXPLORE_SC | EXPLORE_TSO },
 *	};
 *	EXPLORE(cases, "core/name.c", )
 *
 * One run: init(), then the threads in some interleaving, then check(); the
 * next run takes another turn at the last place where there was one, until
 * none is left.  Steps are the words of shadow/core/atomic.h; what stands
 * between two of them is one step with the first.  So threads may share plain
 * variables only where the words order them, or where it does not matter who
 * comes first (a count).  Runs must not depend on anything else: no clock, no
 * malloc'd addresses.
 *
 *	mode   memory
 *	SC     one step after the other; every load sees the last store
 *	TSO    x86: stores wait in a buffer of their thread, first in first out
 *	WEAK   C11 without load buffering: a load may see any store that the
 *	       orders do not hide; races on d_read and d_write are found
 *
 * A case names the modes it passes in and those it must fail in, with a part
 * of what the failure says: the second kind proves that the first can fail.
 */
#ifndef EXPLORE_H
#define EXPLORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EXPLORE_SC = 1, EXPLORE_TSO = 2, EXPLORE_WEAK = 4 };
enum { EXPLORE_THREADS = 6 };

struct explore_case {
	const char *name;
	void (*init)(void), (*check)(void); /* either may be NULL */
	void (*thread[EXPLORE_THREADS])(void);
	unsigned passes, fails; /* modes */
	const char *says;       /* in the message of a run that fails */
	bool large;             /* not for mutants */
	bool may_sleep;         /* threads asleep in the end are all right */
	int preemptions;        /* 0: the default, 2; EXPLORE_ANY: no bound */
};
enum { EXPLORE_ANY = 100 };

/* A mutant that no case kills, and why that is right. */
struct explore_survivor {
	const char *label; /* of the comment above the order, or file:line */
	const char *to;    /* the weaker order, or NULL for all */
	const char *why;
};

/* In a thread, or in check(). */
#define ASSERT(cond) \
	((cond) ? (void)0 : explore_fail(__FILE__, __LINE__, #cond))
_Noreturn void explore_fail(const char *file, int line, const char *what);

/* What the files of a case call, but never in it. */
#define ASTRAY(type, name, ...)                                               \
	_Pragma("GCC diagnostic push")                                        \
		_Pragma("GCC diagnostic ignored \"-Wunused-parameter\"") type \
		name(__VA_ARGS__)                                             \
	{                                                                     \
		explore_fail(#name, 0, "called");                             \
	}                                                                     \
	_Pragma("GCC diagnostic pop")

/* Drop this run: it is not one the case is about. */
#define ASSUME(cond) ((cond) ? (void)0 : explore_drop())
void explore_drop(void);

/* Which thread this is, from 0; and any number below n, all of them tried. */
int explore_self(void);
int explore_choose(int n);

/* The kernel: sleep if *word == value, until somebody wakes the word. */
void explore_sleep(_Atomic uint32_t *word, uint32_t value);
void explore_wake(_Atomic uint32_t *word, int n);

/* A name for an object, in traces. */
void explore_name(const void *at, size_t size, const char *name);

/* Words that are stored to again when those who read them have claimed what
 * they read (slots of a ring): WEAK checks that the orders say so. */
void explore_reused(const void *at, size_t size);

/* A program: its cases, the files whose orders are weakened one by one, and
 * which of those nobody notices. */
#define EXPLORE(cases, files, ...)                                           \
	int main(int argc, char **argv)                                      \
	{                                                                    \
		static const struct explore_survivor survivors[] = {         \
			__VA_ARGS__{ NULL, NULL, NULL }                      \
		};                                                           \
		return explore_main(argc, argv, cases,                       \
				    sizeof(cases) / sizeof(cases[0]), files, \
				    survivors);                              \
	}
int explore_main(int argc, char **argv, const struct explore_case *c,
		 size_t cases, const char *files,
		 const struct explore_survivor *s);

#endif
