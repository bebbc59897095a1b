/*
 * signal.h - the signals of the process, as values in a channel or as the end of
 * a context.
 *
 *	leat_ctx *ctx = leat_signal_ctx(leat_background(), SIGINT, SIGTERM);
 *
 *	serve(ctx);                     until somebody presses Ctrl-C
 *	leat_signal_ctx_stop(ctx);      the next Ctrl-C ends the process
 *	leat_ctx_release(ctx);
 *
 *	                           what the process did with it before
 *	notify, signal_ctx   -->   sent to each channel, ends each context
 *	the last of those ends     the same as before the first
 *	ignore               -->   nothing
 *	reset                -->   the same as before Leat changed it
 *
 * A value is sent if the channel has room at that moment; nobody waits.  So the
 * channel needs a buffer: of one value for one signal.  Signals of one kind that
 * come faster than they are passed on may become one, as in the kernel.
 *
 * Calls with no signals mean all that can be had.  -EINVAL, and nothing is done,
 * for SIGKILL and SIGSTOP, for those that a fault raises (SIGSEGV, SIGBUS, SIGFPE,
 * SIGILL, SIGTRAP), which are no news but a crash, and for what is no signal.
 *
 * All may be called by any number of goroutines at once, and by threads that are
 * not the runtime's; none waits but for what has come to be sent.  The handler runs
 * on whatever thread the kernel picks, for a few instructions; calls it interrupts
 * are restarted (SA_RESTART).  A child of fork keeps the handlers, which do nothing
 * there, until it calls exec.  After Go's os/signal.
 */
#ifndef LEAT_SIGNAL_H
#define LEAT_SIGNAL_H

#include "leat/chan.h"
#include "leat/context.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * leat_signal_notify(c, SIGINT, ...) - send these, too, to a channel of int, which
 * it holds a reference of.  0; -EINVAL; -ENOMEM, -EAGAIN: no memory, no thread.  A
 * nil channel is "panic: os/signal: Notify using nil channel".
 *
 * leat_signal_ctx(parent, SIGINT, ...) - a context derived from parent that one of
 * these ends: its error is LEAT_CANCELED, its cause says "interrupt signal
 * received".  NULL where leat_signal_notify would return an error.  To be given
 * back twice: by leat_signal_ctx_stop, and by leat_ctx_release.
 *
 * leat_signal_ignore(SIGHUP, ...), leat_signal_reset(SIGHUP, ...) - nobody gets
 * them any more, and neither does the process; or they do what they did before.
 */
int leat_signal_notify_(struct leat_chan_ *c, const int *sigs, int n);
leat_ctx *leat_signal_ctx_(leat_ctx *parent, const int *sigs, int n);
int leat_signal_ignore_(const int *sigs, int n);
int leat_signal_reset_(const int *sigs, int n);

/* No more is sent to c once it has returned.  Nothing, if c gets none. */
void leat_signal_stop_(struct leat_chan_ *c);

/* No signal ends it any more; it is cancelled, if it was not.  A second time it
 * does nothing. */
void leat_signal_ctx_stop(leat_ctx *ctx);

/* Is it ignored, by us or since before the process began? */
bool leat_signal_ignored(int sig);

/* "interrupt", "terminated", "signal 42": as Go says it; a constant. */
const char *leat_signal_text(int sig);

#ifdef __cplusplus
}

template <class T, class D, class... S>
inline int leat_signal_notify(T (*c)(D *), S... sigs)
{
	static_assert(leat_sends_<D>(), "leat: send on a receive-only channel");
	static_assert(sizeof(typename leat_same_<T>::type) == sizeof(int),
		      "leat: signals are sent as int");
	const int s[] = { sigs..., 0 };
	return leat_signal_notify_(leat_chan_of_(c), s, (int)sizeof...(S));
}

template <class T, class D> inline void leat_signal_stop(T (*c)(D *))
{
	leat_signal_stop_(leat_chan_of_(c));
}

template <class... S>
inline leat_ctx *leat_signal_ctx(leat_ctx *parent, S... sigs)
{
	const int s[] = { sigs..., 0 };
	return leat_signal_ctx_(parent, s, (int)sizeof...(S));
}

template <class... S> inline int leat_signal_ignore(S... sigs)
{
	const int s[] = { sigs..., 0 };
	return leat_signal_ignore_(s, (int)sizeof...(S));
}

template <class... S> inline int leat_signal_reset(S... sigs)
{
	const int s[] = { sigs..., 0 };
	return leat_signal_reset_(s, (int)sizeof...(S));
}

#else

/* 0 in front, so that there may be none. */
#define leat_sigs_(...) ((const int[]){ 0, ##__VA_ARGS__ })
#define leat_sigs_n_(...) \
	((int)(sizeof(leat_sigs_(__VA_ARGS__)) / sizeof(int)) - 1)

#define leat_sig_chan_(c)                                                   \
	((struct leat_chan_ *)((uintptr_t)leat_chan_to_(c) +                \
			       0 * sizeof(struct {                          \
				       _Static_assert(                      \
					       _Generic((leat_elem_(c) *)0, \
							int * : 1,          \
							default : 0),       \
					       "leat: signals are sent as " \
					       "int");                      \
				       int leat_unused_;                    \
			       })))
#define leat_signal_notify(c, ...)                                          \
	leat_signal_notify_(leat_sig_chan_(c), leat_sigs_(__VA_ARGS__) + 1, \
			    leat_sigs_n_(__VA_ARGS__))
#define leat_signal_stop(c) leat_signal_stop_(leat_chan_to_(c))
#define leat_signal_ctx(parent, ...)                            \
	leat_signal_ctx_((parent), leat_sigs_(__VA_ARGS__) + 1, \
			 leat_sigs_n_(__VA_ARGS__))
#define leat_signal_ignore(...)                          \
	leat_signal_ignore_(leat_sigs_(__VA_ARGS__) + 1, \
			    leat_sigs_n_(__VA_ARGS__))
#define leat_signal_reset(...)                          \
	leat_signal_reset_(leat_sigs_(__VA_ARGS__) + 1, \
			   leat_sigs_n_(__VA_ARGS__))

#endif

#endif
