/*
 * group.h - goroutines that belong together, and the first error of theirs.
 *
 *	leat_group all = { 0 };
 *	leat_ctx *ctx = leat_group_with_ctx(&all, parent);      or not
 *
 *	leat_group_set_limit(&all, 8);                          or not
 *	for (int i = 0; i < n; i++)
 *		leat_group_go(&all, fetch, ctx, url[i]);    leat_error fetch(...)
 *	leat_error e = leat_group_wait(&all);
 *
 *	          fetch  |---------|
 *	          fetch     |----X  error: ctx is cancelled, with it as the cause
 *	          fetch        |----|      sees that, and ends
 *	wait    ---------------------> all have ended: the first error
 *
 * All-zero is ready to use: no context, no limit.  It belongs to the caller, who
 * waits for it once, and must stay in place (not be copied) until a wait has said
 * that all have ended; after that it is as new, but for its limit, and may be used
 * again or freed.  So no goroutine of a group outlives the scope that has it.
 *
 * A function of the group returns NULL or an error, of which it gives the group a
 * reference.  The first is kept, the others are released.  One that ends by
 * leat_goexit has none.  What a function did happens before the return of the wait.
 *
 * Every call works from goroutines, those of the group included, and from threads
 * that are not the runtime's.  After errgroup of golang.org/x/sync, whose words the
 * fatal errors speak; they end the process with status 2.
 */
#ifndef LEAT_GROUP_H
#define LEAT_GROUP_H

#include "leat/call.h"
#include "leat/context.h"
#include "leat/error.h"
#include "leat/sema.h"
#include "leat/time.h"
#include "leat/waitgroup.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct leat_group { /* private */
	leat_wg members;
	leat_sema limit;
	bool limited;
	leat_error first;
	leat_ctx *ctx;
} leat_group;

/* A context for its functions, derived from parent: cancelled with the first error
 * as its cause, or else when they have been waited for.  It is the group's, and
 * lives until then; who needs it longer retains it.  NULL: no memory.  Not twice,
 * and not while functions run: fatal. */
leat_ctx *leat_group_with_ctx(leat_group *group, leat_ctx *parent);

/* No more than n at a time from now on; negative: any number; 0: none may start.
 * "panic: errgroup: modify limit while n goroutines in the group are still active",
 * an error: any goroutines, and any change (Go counts only those started under a
 * limit, and always takes it away). */
void leat_group_set_limit(leat_group *group, int n);

/*
 * leat_group_go(group, fn, args...) - start fn(args...) in a goroutine of the
 * group.  fn returns leat_error, which the compiler checks; the arguments are as
 * those of leat_go.  At the limit it waits, first come first served, until another
 * has ended: a function of the group that starts more may then wait for itself.
 * 0, or -ENOMEM: it could not be started; that is an error of the group's too,
 * LEAT_NO_MEMORY, so it needs no look.
 *
 * leat_group_try_go(group, fn, args...) - the same, but at the limit -EAGAIN, at
 * once.
 *
 * leat_group_go_ctx(ctx, group, fn, args...) - the same, but waiting no longer than
 * until ctx is cancelled: -ECANCELED, and nothing was started.  With a limit, one
 * that is cancelled already starts nothing.
 */
int leat_group_start_(leat_group *group, int how, leat_ctx *ctx, leat_fn_ *fn,
		      int argc, const uintptr_t *argv);
enum { LEAT_GROUP_GO_, LEAT_GROUP_TRY_, LEAT_GROUP_CTX_ };

/* Wait until all functions have ended; the first error, or NULL.  Its reference is
 * the caller's: leat_error_release.  By one at a time. */
leat_error leat_group_wait(leat_group *group);

/* The same, but no longer than until then, or until ctx is cancelled: 0, and the
 * error in *first (NULL: not wanted); or -ETIMEDOUT, -ECANCELED: some still run, and are to be waited
 * for again.  -ENOMEM: as leat_wg_wait_until.  To tell them to end, cancel the
 * parent of their context. */
int leat_group_wait_until(leat_group *group, leat_error *first, leat_time when);
int leat_group_wait_ctx(leat_ctx *ctx, leat_group *group, leat_error *first);

#ifdef __cplusplus
}

template <class... P, class... A>
LEAT_INLINE_ int leat_group_words_(leat_group *group, int how, leat_ctx *ctx,
				   leat_error (*fn)(P...), A &&...args)
{
	static_assert(sizeof...(P) == sizeof...(A),
		      "leat_group_go: wrong number of arguments");
	static_assert(sizeof...(P) <= 6,
		      "leat_group_go: at most six arguments");
	static_assert(leat_no_floats_<A...>(),
		      "leat_group_go: pass a floating value by pointer");
	const uintptr_t argv[] = { leat_word_<P>(static_cast<A &&>(args))...,
				   0 };
	return leat_group_start_(group, how, ctx,
				 reinterpret_cast<leat_fn_ *>(fn),
				 (int)sizeof...(P), argv);
}

template <class... P, class... A>
LEAT_INLINE_ int leat_group_go(leat_group *group, leat_error (*fn)(P...),
			       A &&...args)
{
	return leat_group_words_(group, LEAT_GROUP_GO_, nullptr, fn,
				 static_cast<A &&>(args)...);
}

template <class... P, class... A>
LEAT_INLINE_ int leat_group_try_go(leat_group *group, leat_error (*fn)(P...),
				   A &&...args)
{
	return leat_group_words_(group, LEAT_GROUP_TRY_, nullptr, fn,
				 static_cast<A &&>(args)...);
}

template <class... P, class... A>
LEAT_INLINE_ int leat_group_go_ctx(leat_ctx *ctx, leat_group *group,
				   leat_error (*fn)(P...), A &&...args)
{
	return leat_group_words_(group, LEAT_GROUP_CTX_, ctx, fn,
				 static_cast<A &&>(args)...);
}

#else

#define leat_group_go(group, ...) \
	leat_group_words_(group, LEAT_GROUP_GO_, NULL, __VA_ARGS__)
#define leat_group_try_go(group, ...) \
	leat_group_words_(group, LEAT_GROUP_TRY_, NULL, __VA_ARGS__)
#define leat_group_go_ctx(ctx, group, ...) \
	leat_group_words_(group, LEAT_GROUP_CTX_, ctx, __VA_ARGS__)

#define leat_group_words_(group, how, ctx, ...)                                \
	(__extension__({                                                       \
		_Static_assert(                                                \
			_Generic((__typeof__(leat_call_(__VA_ARGS__)) *)0,     \
				 leat_error * : 1, default : 0),               \
			"leat_group_go: the function must return leat_error"); \
		const uintptr_t leat_argv_[] = { leat_words_(__VA_ARGS__) };   \
		leat_group_start_((group), (how), (ctx),                       \
				  (leat_fn_ *)leat_first_(__VA_ARGS__),        \
				  leat_count_(__VA_ARGS__), leat_argv_);       \
	}))

#endif

#endif
