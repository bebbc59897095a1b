/*
 * base.h - what every file may use.
 *
 *	fatal   a bug in the program: "fatal error: ...", status 2
 *	refuse  a setting that makes no sense: "leat: ...", status 2
 *	bug     a broken invariant of ours: file and line, abort
 */
#ifndef CORE_BASE_H
#define CORE_BASE_H

#include <stddef.h>

#define likely(x)     __builtin_expect(!!(x), 1)
#define unlikely(x)   __builtin_expect(!!(x), 0)
#define ARRAY_LEN(a)  (sizeof(a) / sizeof((a)[0]))
#define PRINTF(f, a)  __attribute__((format(printf, f, a)))
#define COLD          __attribute__((cold, noinline))
#define ALWAYS_INLINE inline __attribute__((always_inline))
#define container_of(p, type, member) \
	((type *)((char *)(p)-offsetof(type, member)))

/* Report a bug in the program, with Go's words where Go has words, and the
 * goroutine that met it; exit status 2.  Callable on any stack, in a signal
 * handler too: it allocates nothing and takes no lock. */
COLD PRINTF(1, 2) _Noreturn void fatal(const char *format, ...);

/* The same for what a deferred call could recover from: "panic: ...". */
COLD PRINTF(1, 2) _Noreturn void panics(const char *format, ...);

/* Who met it, as text: set by the scheduler, which knows. */
extern int (*base_who)(char *text, size_t n);

/* Report a setting that makes no sense; exit status 2. */
COLD PRINTF(1, 2) _Noreturn void refuse(const char *format, ...);

/* Kept in release builds, for paths where it costs nothing that matters. */
#define check(cond) (likely(cond) ? (void)0 : bug(#cond, __FILE__, __LINE__))
COLD _Noreturn void bug(const char *what, const char *file, int line);

#endif
