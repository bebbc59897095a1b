/*
 * go.h - goroutines: start one, give way, end, and say where to run.
 *
 *	leat_go(fn, args...)      runnable --> running --> done
 *	                             ^            |
 *	                             |            v
 *	                             '--- waiting (channel, lock, group ...)
 *
 * A goroutine is a function running on a stack of its own, switched in user
 * space among the threads of the runtime.  Nobody joins it and nobody can
 * kill it; it ends when its function returns.  Any call here may let other
 * goroutines run and may return on another thread, unless its text says
 * otherwise: keep no address of errno or of a _Thread_local variable across
 * one (leat_pin makes a scope in which that is allowed).
 *
 * Called wrongly - a nil function, a stack size beyond 1 GiB, a P that does
 * not exist - a call prints one line, "fatal error: ...", and ends the process
 * with status 2.
 */
#ifndef LEAT_GO_H
#define LEAT_GO_H

#include "leat/call.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where a new goroutine starts. */
enum leat_place {
	LEAT_ANYWHERE, /* on the P of the caller, or of whoever is idle */
	LEAT_ON_P,     /* first on P number `index`; it may be stolen later */
	LEAT_ON_NODE,  /* first on some P of NUMA node `index`; likewise */
};

/* How a goroutine differs from the rest; zero is the default everywhere. */
struct leat_attr {
	const char *name;      /* for reports; kept by address, not copied */
	size_t stack;          /* bytes, at most 1 GiB; 0: the runtime's size */
	enum leat_place place; /* where it is queued first */
	int index;             /* of the P or the node, from 0 */
};

/*
 * leat_go(fn, args...) - start fn(args...) in a new goroutine.
 *
 * The caller goes on at once; the arguments are evaluated here, in the caller,
 * and copied.  The compiler checks them against fn's prototype.  From threads
 * that are not the runtime's it works too, once leat_run has started.
 *
 * Returns 0, or -ENOMEM when there is no memory for another stack: nothing was
 * started then and nothing is lost.
 *
 * leat_go_with(attr, fn, args...) - the same, with attributes; attr is read
 * before it returns and may be NULL.
 */
int leat_go_(const struct leat_attr *attr, leat_fn_ *fn, int argc,
	     const uintptr_t *argv);

/* Let the other goroutines of this P run before going on.  After Go's
 * runtime.Gosched.  On a thread that is not the runtime's: sched_yield. */
void leat_yield(void);

#ifdef __cplusplus
[[noreturn]]
#else
_Noreturn
#endif
/* End the calling goroutine here, as if its function returned, after all the calls
 * that it has deferred; nothing recovers from that.  In the main goroutine it ends
 * only that one: the others go on, leat_run does not return, and when the last of
 * them has ended that is a deadlock (runtime.Goexit). */
void leat_goexit(void);

/* The number of the calling goroutine, from 1 (main); 0 on a thread that runs
 * none.  Numbers are not used twice.  Never waits. */
uint64_t leat_goid(void);

/*
 * errno, which each goroutine has for itself: it is kept while others run, and 0
 * when a goroutine begins.  A compiler takes the address of `errno` for the same
 * in a whole function and may keep it over a call that ends on another thread, so
 * ask here for what a call before that one left, or copy errno at once.  Never
 * wait.
 */
int leat_errno(void);
void leat_errno_set(int e);

/* How many goroutines exist now, the running ones, the waiting ones and the
 * caller included.  Never waits; exact when nobody else starts or ends. */
size_t leat_goroutine_count(void);

/*
 * A scope without migration: between leat_pin and leat_unpin the goroutine
 * waits, yields and resumes, but always on the same thread, so that pointers
 * to _Thread_local variables and to errno stay good.  Other goroutines run on
 * the thread meanwhile.  Scopes nest.  Do nothing on foreign threads.
 * leat_unpin without leat_pin is a fatal error.
 */
void leat_pin(void);
void leat_unpin(void);

/*
 * Wire the goroutine to its thread, as runtime.LockOSThread: it runs nowhere
 * else and nothing else runs there, so it may change the thread's state
 * (name spaces, signal mask, GL context).  Calls nest and are undone one by
 * one; a goroutine that ends while locked takes its thread with it.  Each
 * wait of a locked goroutine costs two thread switches; leat_pin is cheaper.
 */
void leat_thread_lock(void);
void leat_thread_unlock(void);

#ifdef __cplusplus
}

/* C++: the same checks, exact to the parameter's type. */
template <class R, class... P, class... A>
LEAT_INLINE_ int leat_go_with(const struct leat_attr *attr, R (*fn)(P...),
			      A &&...args)
{
	static_assert(sizeof...(P) == sizeof...(A),
		      "leat_go: wrong number of arguments");
	static_assert(sizeof...(P) <= 6, "leat_go: at most six arguments");
	static_assert(leat_no_floats_<A...>(),
		      "leat_go: pass a floating value by pointer");
	const uintptr_t argv[] = { leat_word_<P>(static_cast<A &&>(args))...,
				   0 };
	return leat_go_(attr, reinterpret_cast<leat_fn_ *>(fn),
			(int)sizeof...(P), argv);
}

template <class R, class... P, class... A>
LEAT_INLINE_ int leat_go(R (*fn)(P...), A &&...args)
{
	return leat_go_with(nullptr, fn, static_cast<A &&>(args)...);
}

#else

#define leat_go(...) leat_go_with(NULL, __VA_ARGS__)

#define leat_go_with(attr, ...)                                              \
	(__extension__({                                                     \
		(void)sizeof(__typeof__(leat_call_(__VA_ARGS__)) *);         \
		const uintptr_t leat_argv_[] = { leat_words_(__VA_ARGS__) }; \
		leat_go_((attr), (leat_fn_ *)leat_first_(__VA_ARGS__),       \
			 leat_count_(__VA_ARGS__), leat_argv_);              \
	}))

#endif

#endif
