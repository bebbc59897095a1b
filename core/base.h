/*
 * base.h - what every file may use.
 *
 *	fatal   a bug in the program: "fatal error: ...", status 2
 *	refuse  a setting that makes no sense: "leat: ...", status 2
 *	bug     a broken invariant of ours: file and line, abort
 */
#ifndef CORE_BASE_H
#define CORE_BASE_H

#include <stdbool.h>
#include <stddef.h>

struct out;

#define likely(x)     __builtin_expect(!!(x), 1)
#define unlikely(x)   __builtin_expect(!!(x), 0)
#define ARRAY_LEN(a)  (sizeof(a) / sizeof((a)[0]))
#define PRINTF(f, a)  __attribute__((format(printf, f, a)))
#define COLD          __attribute__((cold, noinline))
#define ALWAYS_INLINE inline __attribute__((always_inline))
#define NOT_INLINE    __attribute__((noinline)) /* it wants to know its caller */
#define container_of(p, type, member) \
	((type *)((char *)(p)-offsetof(type, member)))

/* Report a bug in the program, with Go's words where Go has words, and the
 * goroutine that met it; exit status 2.  Callable on any stack, in a signal
 * handler too: it allocates nothing and takes no lock. */
COLD PRINTF(1, 2) _Noreturn void fatal(const char *format, ...);

/* The same in pieces: this process ends by what the caller says now, and whoever
 * else comes to its end meanwhile waits for that; on stderr, without limit; and
 * the last of it, where it was. */
COLD void base_dying(void);
/* False: somebody else does; do not wait. */
COLD bool base_try_dying(void);
COLD PRINTF(1, 2) void base_say(const char *format, ...);
/* Of any length. */
COLD void base_put(const char *text);
COLD _Noreturn void base_end(void);
/* The last of it, without that; with a core file if base_core. */
COLD _Noreturn void base_exit(void);
extern bool base_core;

/* All this goes here. */
extern struct out base_out;

/* Say what went on before, and where it was, and where others are: set by the
 * scheduler, which knows. */
extern void (*base_before)(void), (*base_where)(bool others);

/* In a fork's child: nobody is, whoever was. */
void base_alone(void);

/* Is somebody saying the last words?  Then wait for the end. */
void base_await_end(void);

/* Report a setting that makes no sense; exit status 2. */
COLD PRINTF(1, 2) _Noreturn void refuse(const char *format, ...);

/* Kept in release builds, for paths where it costs nothing that matters. */
#define check(cond) (likely(cond) ? (void)0 : bug(#cond, __FILE__, __LINE__))
COLD _Noreturn void bug(const char *what, const char *file, int line);

#endif
