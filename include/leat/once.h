/*
 * once.h - what is done once, by whoever needs it first.
 *
 *	static leat_once opened;
 *	static leat_once_value(struct table *) primes = LEAT_ONCE_VALUE(sieve);
 *
 *	leat_once_do(&opened, open_log, "log", 3);
 *	struct table *t = leat_once_get(&primes);       t = sieve(), once
 *
 *	      first call            fn has ended
 *	 NEW -----------> RUNNING --------------> DONE
 *	                  others wait             others return at once
 *
 * All-zero is ready to use; there is nothing to destroy.  It belongs to the
 * caller and must stay in place (not be copied) once it was used.  Whoever runs fn
 * touches it for the last time before any call returns; so who has returned may
 * free it, if nobody else is still to call.  Every call works from any number of
 * goroutines and from threads that are not the runtime's.  What fn did happens
 * before the return of any call.
 *
 * fn runs in the goroutine, or on the thread, of the first call.  It has ended when
 * it has returned, and also when it has called leat_goexit or left by a panic or, in
 * C++, an exception, which goes on to the first caller: DONE all the same, and not
 * tried again.  If fn itself calls with the same Once, it waits for itself, for ever.
 * It must not be left otherwise, by longjmp or pthread_exit, nor by an exception
 * where C called: others would wait for ever.
 *
 * After Go's sync.Once and sync.OnceValue.  There is no form with a deadline or a
 * context, as there is none in Go: the first call is fn's own, and ends with it; one
 * that others are to give up waiting for is a goroutine and a channel that it closes.
 */
#ifndef LEAT_ONCE_H
#define LEAT_ONCE_H

#include "leat/panic.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct leat_once {
	uint64_t state; /* private: who waits, and LEAT_ONCE_DONE_ */
} leat_once;

#define LEAT_ONCE_DONE_ 1

#ifdef __cplusplus
[[noreturn]]
#else
_Noreturn
#endif
void leat_once_nil_(void);

/* Has fn ended?  Then its results are there to be seen.  Never waits. */
static inline bool leat_once_done(const leat_once *once)
{
	if (__builtin_expect(!once, 0))
		leat_once_nil_();
	/* Pairs with [once.done], as [once.seen] does. */
	return __atomic_load_n(&once->state, __ATOMIC_ACQUIRE) ==
	       LEAT_ONCE_DONE_;
}

/*
 * leat_once_do(once, fn, args...) - call fn(args...), if this is the first call
 * with that Once; return when fn has ended, whoever called it.  The arguments are
 * evaluated each time and checked as those of leat_go; the result is dropped.  In
 * C++ they may be of any type.  A nil function is fatal, unless fn has ended.
 */
void leat_once_do_(leat_once *once, leat_fn_ *fn, uintptr_t w1, uintptr_t w2,
		   uintptr_t w3, uintptr_t w4, uintptr_t w5, uintptr_t w6);

/* A call of fn, from begin, if that is true, to end. */
struct leat_once_turn_ {
	leat_once *once;
	struct leat_deferred_ deferred; /* its end, however it comes */
};
bool leat_once_begin_(leat_once *once, leat_fn_ *fn,
		      struct leat_once_turn_ *turn);
void leat_once_end_(struct leat_once_turn_ *turn);

static inline bool leat_once_over_(const leat_once *once)
{
	return __builtin_expect(leat_once_done(once), 1);
}

/*
 * leat_once_value(T) is a T that fn makes when it is first asked for:
 *
 *	leat_once_value(T) v = LEAT_ONCE_VALUE(fn);     T fn(void)
 *	leat_once_get(&v)                               its value
 *
 * T may be a structure.  If fn did not return, the value is all zeros.  In C, who
 * passes one to a function gives the type a name, by typedef.
 */
#ifdef __cplusplus
}

struct leat_once_run_ : leat_once_turn_ {
	bool runs;

	leat_once_run_(leat_once *o, leat_fn_ *fn)
	    : leat_once_turn_(), runs(leat_once_begin_(o, fn, this))
	{
	}
	leat_once_run_(const leat_once_run_ &) = delete;
	~leat_once_run_()
	{
		if (runs)
			leat_once_end_(this);
	}
};

template <class R, class... P, class... A>
inline void leat_once_do(leat_once *once, R (*fn)(P...), A &&...args)
{
	static_assert(sizeof...(P) == sizeof...(A),
		      "leat_once_do: wrong number of arguments");
	if (leat_once_over_(once))
		return;

	leat_once_run_ turn(once, reinterpret_cast<leat_fn_ *>(fn));

	if (turn.runs)
		fn(static_cast<A &&>(args)...);
}

template <class T> struct leat_once_value_ {
	leat_once once_;
	T (*make_)();
	T value_;
};

#define leat_once_value(T) leat_once_value_<T>
#define LEAT_ONCE_VALUE(fn)  \
	{                    \
		{ 0 }, (fn), \
		{            \
		}            \
	}

template <class T> inline T leat_once_get(leat_once_value_<T> *v)
{
	if (leat_once_over_(reinterpret_cast<leat_once *>(v)))
		return v->value_;

	leat_once_run_ turn(&v->once_, reinterpret_cast<leat_fn_ *>(v->make_));

	if (turn.runs)
		v->value_ = v->make_();
	return v->value_; /* a copy, made before the turn ends */
}

#else

/* Words, not an array of them: what is done needs none, and stores none. */
static inline void leat_once_words_(leat_once *once, leat_fn_ *fn, uintptr_t w1,
				    uintptr_t w2, uintptr_t w3, uintptr_t w4,
				    uintptr_t w5, uintptr_t w6)
{
	if (!leat_once_over_(once))
		leat_once_do_(once, fn, w1, w2, w3, w4, w5, w6);
}

#define leat_once_six_(...) leat_once_six2_(__VA_ARGS__)
#define leat_once_six2_(once, fn, w1, w2, w3, w4, w5, w6, ...) \
	leat_once_words_(once, (leat_fn_ *)(fn), w1, w2, w3, w4, w5, w6)

#define leat_once_do(once, ...)                                             \
	(__extension__({                                                    \
		(void)sizeof(__typeof__(leat_call_(__VA_ARGS__)) *);        \
		leat_once_six_(once, leat_first_(__VA_ARGS__),              \
			       leat_words_(__VA_ARGS__), 0, 0, 0, 0, 0, 0); \
	}))

#define leat_once_value(T)        \
	struct {                  \
		leat_once once_;  \
		T (*make_)(void); \
		T value_;         \
	}
#define LEAT_ONCE_VALUE(fn)   \
	{                     \
		.make_ = (fn) \
	}

#define leat_once_get(v)                                             \
	(__extension__({                                             \
		__typeof__(v) const leat_value_ = (v);               \
		__typeof__(leat_value_->value_) leat_result_;        \
		struct leat_once_turn_ leat_turn_;                   \
		if (!leat_once_done((leat_once *)leat_value_) &&     \
		    leat_once_begin_(&leat_value_->once_,            \
				     (leat_fn_ *)leat_value_->make_, \
				     &leat_turn_)) {                 \
			leat_result_ = leat_value_->make_();         \
			leat_value_->value_ = leat_result_;          \
			leat_once_end_(&leat_turn_);                 \
		} else {                                             \
			leat_result_ = leat_value_->value_;          \
		}                                                    \
		leat_result_;                                        \
	}))

#endif

#endif
