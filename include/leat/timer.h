/*
 * timer.h - what is to happen later, once or again and again.
 *
 *	leat_timer *t = leat_timer_new(2 * LEAT_SECOND);
 *
 *	switch (leat_select(leat_on_recv(work, &job),
 *			    leat_on_recv(leat_timer_chan(t), NULL))) {
 *	...
 *	}
 *	leat_timer_stop(t);
 *	leat_timer_release(t);
 *
 *	leat_timer_new    sends the time on its channel, once
 *	leat_ticker_new   sends it again and again
 *	leat_after_func   starts a goroutine, once
 *
 *	            new, reset            its time has come
 *	stopped -----------------> set -----------------> expired
 *	   ^  ^                     | |  ^  |                |
 *	   |  '------- stop --------' |  '--' a ticker       |
 *	   '------- stop, if nobody has received the value --'
 *
 * Nothing happens before its time, and of two the earlier first; what it starts
 * or wakes holds up no other timer.  All from the clock of leat_now.  Any call
 * here may be made by any number of goroutines at once, and by threads that are
 * not the runtime's; none waits for anything but another's few steps, except
 * that new and reset need a goroutine for a moment if they are called on such
 * a thread.
 *
 * A timer is counted, and its channel with it: new gives one reference, and
 * each leat_retain of the channel one more; leat_timer_release, or leat_release
 * of the channel, takes one back.  When the last is gone, the memory goes: of
 * what sends at once, for nobody can receive it; of what starts a goroutine when
 * it has started it, unless it was stopped.
 *
 * A goroutine that computes without calling Leat does not fire its own P's timers;
 * another thread does, some 50 to 400 us after their time.  So who only polls the
 * channel may see the value that much later.
 *
 * After Go's time.Timer and time.Ticker as they are since Go 1.23: leat_len and
 * leat_cap of the channel are 0, though a value may be there to be received;
 * after a stop or reset no value of before can be received; and stop and reset
 * count a value that nobody has received as not sent.
 */
#ifndef LEAT_TIMER_H
#define LEAT_TIMER_H

#include "leat/call.h"
#include "leat/chan.h"
#include "leat/time.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct leat_timer leat_timer;

typedef leat_receiver(leat_time) leat_time_receiver;

/* Send the time on its channel at least d from now; at that moment.  NULL: no
 * memory.  After time.NewTimer. */
leat_timer *leat_timer_new(leat_duration d);
leat_timer *leat_timer_new_at(leat_time when);

/* Send the time every d from now on, d at least 1: else "panic: non-positive
 * interval for NewTicker".  The channel has room for one; what comes while there
 * is none is dropped.  To stop it does not close the channel.  NULL: no memory.
 * After time.NewTicker. */
leat_timer *leat_ticker_new(leat_duration d);

/* Its channel; it lives as long as the timer, or as who has retained it.  NULL
 * for what starts a goroutine. */
leat_time_receiver leat_timer_chan(leat_timer *t);

/* Not any more.  True: it was set, or it is sending and nobody has received
 * that; false: it has expired or was stopped before.  What starts a goroutine
 * and has done so is not stopped by that.  NULL: "panic: time: Stop called on
 * uninitialized Timer". */
bool leat_timer_stop(leat_timer *t);

/* At least d from now instead, whether it was set or not; of a ticker, every d
 * from now on.  1 or 0: what leat_timer_stop would have returned; -ENOMEM: it is
 * stopped.  NULL: "panic: time: Reset called on uninitialized Timer"; d below 1
 * for a ticker: "panic: non-positive interval for Ticker.Reset". */
int leat_timer_reset(leat_timer *t, leat_duration d);
/* The same at that moment; a ticker goes on from there as before. */
int leat_timer_reset_at(leat_timer *t, leat_time when);

/* One reference more, and less; of NULL, nothing. */
leat_timer *leat_timer_retain(leat_timer *t);
void leat_timer_release(leat_timer *t);

/* A channel that is sent the time once, d from now; every d.  It is the caller's:
 * leat_release it.  Nil: no memory, or, for leat_tick, d below 1.  After
 * time.After and time.Tick.  (leat_select_until needs neither.) */
leat_time_receiver leat_after(leat_duration d);
leat_time_receiver leat_tick(leat_duration d);

/*
 * leat_after_func(d, fn, args...), leat_after_func_at(when, fn, args...) - start
 * fn(args...) in a goroutine of its own then; the arguments are copied now.  A
 * timer, or NULL: no memory.  If there is none at its time, it is tried again
 * every millisecond.  A nil fn is fatal, as in leat_go.  After time.AfterFunc.
 *
 * leat_go_after(d, fn, args...) - the same without a timer to stop it by: 0, or
 * -ENOMEM.
 */
leat_timer *leat_after_func_(leat_duration d, leat_fn_ *fn, int argc,
			     const uintptr_t *argv);
leat_timer *leat_after_func_at_(leat_time when, leat_fn_ *fn, int argc,
				const uintptr_t *argv);
int leat_go_after_(leat_duration d, leat_fn_ *fn, int argc,
		   const uintptr_t *argv);

#ifdef __cplusplus
}

template <class T, class R, class... P, class... A>
inline T leat_call_later_(T (*by)(int64_t, leat_fn_ *, int, const uintptr_t *),
			  int64_t then, R (*fn)(P...), A &&...args)
{
	static_assert(sizeof...(P) == sizeof...(A),
		      "leat_after_func: wrong number of arguments");
	static_assert(sizeof...(P) <= 6,
		      "leat_after_func: at most six arguments");
	static_assert(leat_no_floats_<A...>(),
		      "leat_after_func: pass a floating value by pointer");
	const uintptr_t argv[] = { leat_word_<P>(static_cast<A &&>(args))...,
				   0 };
	return by(then, reinterpret_cast<leat_fn_ *>(fn), (int)sizeof...(P),
		  argv);
}

#define leat_after_func(d, ...) \
	leat_call_later_(leat_after_func_, (d), __VA_ARGS__)
#define leat_after_func_at(when, ...) \
	leat_call_later_(leat_after_func_at_, (when), __VA_ARGS__)
#define leat_go_after(d, ...) leat_call_later_(leat_go_after_, (d), __VA_ARGS__)

#else

#define leat_call_later_(by, then, ...)                                      \
	(__extension__({                                                     \
		(void)sizeof(__typeof__(leat_call_(__VA_ARGS__)) *);         \
		const uintptr_t leat_argv_[] = { leat_words_(__VA_ARGS__) }; \
		by((then), (leat_fn_ *)leat_first_(__VA_ARGS__),             \
		   leat_count_(__VA_ARGS__), leat_argv_);                    \
	}))
#define leat_after_func(d, ...) \
	leat_call_later_(leat_after_func_, d, __VA_ARGS__)
#define leat_after_func_at(when, ...) \
	leat_call_later_(leat_after_func_at_, when, __VA_ARGS__)
#define leat_go_after(d, ...) leat_call_later_(leat_go_after_, d, __VA_ARGS__)

#endif

#endif
