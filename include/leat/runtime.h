/*
 * runtime.h - start the runtime, set it, ask it.
 *
 *	C main ---- leat_run(main, ...) ------------------------> result
 *	                 |                                          ^
 *	                 '--> goroutine 1: main(...) --- returns ---'
 *	                      the other goroutines stop where they are
 *
 * The runtime has one P ("processor": a right to run goroutines, with its own
 * queues) per CPU the process may use, each held by a thread pinned there.
 *
 * Settings come from struct leat_options and from the environment, which
 * wins.  A value that makes no sense prints one line naming it and ends the
 * process with status 2.
 *
 *	LEAT_PROCS=n            how many Ps, 1 to 1024
 *	LEAT_IDLE=park|adaptive|spin
 *	LEAT_STACK=n[K|M|G]     bytes of a goroutine's stack, 16K to 1G
 *	LEAT_PIN=yes|no         pin each P's thread to its CPU
 *	LEAT_CLOCK=real|fake    fake: time moves when all wait, for tests
 *	LEAT_TRACEBACK=none|single|all|system|crash
 *	                        what a fatal end shows, as Go's GOTRACEBACK
 *	LEAT_STALL=20ms         name who keeps a thread for so long
 *	LEAT_SCHEDTRACE=1000    the scheduler in a line, each so many ms
 *	LEAT_DUMP=USR1          a signal that shows all goroutines (dump.h)
 *	LEAT_TOPOLOGY=text      pretend this machine, in hwloc's synthetic
 *	                        form ("numa:2 core:4 pu:2"); pins nothing
 */
#ifndef LEAT_RUNTIME_H
#define LEAT_RUNTIME_H

#include "leat/call.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a thread of the runtime does when no goroutine is runnable. */
enum leat_idle {
	LEAT_IDLE_ADAPTIVE, /* look around for as long as a sleep and wake
			       would cost, then sleep */
	LEAT_IDLE_PARK,     /* sleep at once: no CPU while idle */
	LEAT_IDLE_SPIN,     /* never sleep, never a system call */
};

enum leat_pin {
	LEAT_PIN_YES, /* each P's thread on a CPU of its own */
	LEAT_PIN_NO,  /* wherever the kernel puts it */
};

enum leat_clock {
	LEAT_CLOCK_REAL, /* CLOCK_MONOTONIC */
	LEAT_CLOCK_FAKE, /* starts at one hour, stands still while any
			    goroutine runs, and moves to the first timer when
			    all wait: for tests.  A blocking call, and one that
			    computes, hold it up; a goroutine that polls or
			    yields in a loop does for ever.  Threads that are
			    not the runtime's do not, but what they wait for
			    counts.  idle is park.  After Go's synctest */
};

/* Zero in a member means the default given here. */
struct leat_options {
	int procs;             /* one P per CPU allowed by the affinity mask
				  and the cgroup quota of all ancestors */
	enum leat_idle idle;   /* adaptive */
	size_t stack;          /* 256 KiB of address space; only touched pages
				  cost memory */
	enum leat_pin pin;     /* pinned */
	const char *topology;  /* of this machine */
	enum leat_clock clock; /* the real one */
};

/*
 * leat_run(fn, args...) - start the runtime, run fn(args...) as the main
 * goroutine, and return its int.
 *
 * When it returns, the remaining goroutines have been stopped at their next
 * call into the runtime and stay stopped, as the process of a Go program ends
 * with main.  The runtime starts once in a process: a second leat_run is a
 * fatal error, and so is one inside a goroutine.  The threads that run goroutines
 * take the signals that its caller takes, whoever had them started.
 *
 * If nothing can ever run again - each goroutine waits for another, no timer is
 * armed, no signal asked for, and the process has no thread that is not the
 * library's - it is "fatal error: all goroutines are asleep - deadlock!", with all
 * that wait, for what, and where they were started.  That is looked for once
 * everything has been at rest for some ten milliseconds.
 *
 * A process that runs goroutines may fork, from anywhere: the child may exec or _exit,
 * and before that do what is async-signal-safe.  A call there that would wait, start
 * a goroutine or otherwise enter the runtime is a fatal error.  For goroutines on
 * both sides, fork before leat_run.
 *
 * leat_run_with(options, fn, args...) - the same with settings; options may be
 * NULL.
 */
int leat_run_(const struct leat_options *options, leat_fn_ *fn, int argc,
	      const uintptr_t *argv);

/* How many Ps there are now: how many goroutines can run at one instant.
 * 0 before leat_run. */
int leat_procs_get(void);

/* Set the number of Ps, 1 to 1024, and return what it was; n < 1 only asks.
 * Stops all Ps for the change, so it waits until each is between two
 * goroutines or inside one's own code (microseconds), as
 * runtime.GOMAXPROCS(n).  Call it from a goroutine.  From then on the number
 * does not follow the cgroup's quota any more. */
int leat_procs_set(int n);

/* Set the number of Ps to what it is when nothing is said: one per allowed
 * CPU, or as many as the cgroups' quotas are worth (at least 2); and follow
 * those quotas from now on: they are read again about once a second while
 * there is work.  Returns what it was.  The same as
 * runtime.SetDefaultGOMAXPROCS.  Call it from a goroutine. */
int leat_procs_default(void);

/* Set how many threads there may be that run goroutines, blocked ones too, and return
 * what it was: 10,000 at first; n < 1 only asks.  Who would need one more ends the
 * process: it blocks ever more and nothing of it comes back.  As
 * debug.SetMaxThreads.  Any time, from anywhere. */
int leat_threads_max(int n);

/* How many CPUs the process may use: its affinity mask, not the quota
 * (runtime.NumCPU). */
int leat_cpu_count(void);

/* The P, from 0, and the NUMA node that run the caller now; -1 on a thread
 * that has none.  The answer may be old when it arrives, but for a pinned
 * goroutine. */
int leat_p_current(void);
int leat_node_current(void);

#ifdef __cplusplus
}

template <class... P, class... A>
inline int leat_run_with(const struct leat_options *options, int (*fn)(P...),
			 A &&...args)
{
	static_assert(sizeof...(P) == sizeof...(A),
		      "leat_run: wrong number of arguments");
	static_assert(sizeof...(P) <= 6, "leat_run: at most six arguments");
	static_assert(leat_no_floats_<A...>(),
		      "leat_run: pass a floating value by pointer");
	const uintptr_t argv[] = { leat_word_<P>(static_cast<A &&>(args))...,
				   0 };
	return leat_run_(options, reinterpret_cast<leat_fn_ *>(fn),
			 (int)sizeof...(P), argv);
}

template <class... P, class... A>
inline int leat_run(int (*fn)(P...), A &&...args)
{
	return leat_run_with(nullptr, fn, static_cast<A &&>(args)...);
}

#else

#define leat_run(...) leat_run_with(NULL, __VA_ARGS__)

#define leat_run_with(options, ...)                                          \
	(__extension__({                                                     \
		_Static_assert(                                              \
			__builtin_types_compatible_p(                        \
				__typeof__(leat_call_(__VA_ARGS__)), int),   \
			"leat_run: the function must return int");           \
		const uintptr_t leat_argv_[] = { leat_words_(__VA_ARGS__) }; \
		leat_run_((options), (leat_fn_ *)leat_first_(__VA_ARGS__),   \
			  leat_count_(__VA_ARGS__), leat_argv_);             \
	}))

#endif

#endif
