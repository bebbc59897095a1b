/*
 * chan.h - channels: values go from goroutine to goroutine, first in first
 * out, and whoever sends or receives waits until the other side is there.
 *
 *	leat_chan(int) c = leat_make(int, 16);
 *
 *	leat_go(worker, leat_recv_end(c));      worker may only receive
 *	leat_send(c, 4);
 *	leat_close(c);
 *	leat_release(c);
 *
 *	static void worker(leat_receiver(int) jobs)
 *	{
 *		leat_range(job, jobs)
 *			work(job);
 *	}
 *
 *	operation   nil channel      open                      closed
 *	receive     waits for ever   a value, or waits         what is left, then
 *	                                                       zero and false
 *	send        waits for ever   room or a receiver, or    panic: send on
 *	                             waits                     closed channel
 *	close       panic: close of  what is left stays, who   panic: close of
 *	            nil channel      waits goes on             closed channel
 *
 * The compiler checks element types and directions.  A typed channel is a
 * pointer in disguise: to a function that takes the tag of a direction and
 * returns the element.  It is never called, needs no declaration, and is the
 * same type wherever it is written.
 *
 * Elements are copied in and out, so any type will do that a function can
 * return: put an array into a structure.  leat_signal has no bytes at all.
 *
 * Every call here may be made by any number of goroutines at once, and by
 * threads that are not the runtime's, which then sleep.  What happens before a
 * send happens before the end of its receive; what happens before a close,
 * before the receive that reports it.  All of it after Go's channels.
 *
 * A channel lives on the heap and is counted: leat_make gives one reference,
 * leat_retain another, leat_release takes one back, and the last one frees it.
 * Each goroutine that uses a channel does so under a reference, its own or one
 * that is known to outlive the use: that of a starter who waits for it, say.
 * To have received the last value, or to have seen the close, does not show
 * that who sent or closed has let go: its call may not have returned yet.
 *
 * Panics are those of leat/panic.h; their values are errors with these texts.
 */
#ifndef LEAT_CHAN_H
#define LEAT_CHAN_H

#include "leat/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The channel behind its types, and the calls behind the checks. */
struct leat_chan_;

struct leat_chan_ *leat_chan_make_(size_t size, ptrdiff_t cap);
struct leat_chan_ *leat_chan_retain_(struct leat_chan_ *c);
void leat_chan_release_(struct leat_chan_ *c);
void leat_chan_send_(struct leat_chan_ *c, const void *elem);
int leat_chan_offer_(struct leat_chan_ *c, const void *elem);
int leat_chan_try_send_(struct leat_chan_ *c, const void *elem);
int leat_chan_send_until_(struct leat_chan_ *c, const void *elem,
			  leat_time when);
size_t leat_chan_send_n_(struct leat_chan_ *c, const void *elems, size_t n);
bool leat_chan_recv_(struct leat_chan_ *c, void *elem);
int leat_chan_try_recv_(struct leat_chan_ *c, void *elem);
int leat_chan_recv_until_(struct leat_chan_ *c, void *elem, leat_time when);
size_t leat_chan_recv_n_(struct leat_chan_ *c, void *elems, size_t n);
void leat_chan_close_(struct leat_chan_ *c);
int leat_chan_shut_(struct leat_chan_ *c);
size_t leat_chan_len_(struct leat_chan_ *c);
size_t leat_chan_cap_(const struct leat_chan_ *c);

/* Tags of the directions; no such object exists. */
struct leat_both_;
struct leat_tx_;
struct leat_rx_;

#ifdef __cplusplus
}
#endif

/* A value without bytes, for channels that only signal. */
__extension__ typedef struct leat_signal {
	char leat_nothing_[0];
} leat_signal;

/*
 * leat_chan(T), leat_sender(T), leat_receiver(T) - the types: both ways, send
 * only, receive only.  Zero is the nil channel.
 *
 * leat_make(T, cap) - a channel of T that holds cap values, exactly; with
 * cap 0 a send waits for its receive.  Nil if there is no memory.  A negative
 * or impossible cap: "panic: makechan: size out of range".
 *
 * leat_send_end(c), leat_recv_end(c) - the same channel, one way only.  Not to
 * be undone.
 *
 * leat_retain(c) - one more reference; returns c.
 * leat_release(c) - one less; of the nil channel, nothing.
 *
 * leat_send(c, v) - send v, waiting for room or a receiver.
 * leat_offer(c, v) - the same, but 0, or -EPIPE where that would panic.
 * leat_try_send(c, v) - the same without waiting: -EAGAIN instead.
 * leat_send_until(c, v, when) - the same, waiting no longer than until that
 * moment: -ETIMEDOUT then; -ENOMEM, at once, if there is no memory for a timer.
 * leat_send_n(c, p, n) - send the first of n values from p, waiting, and as
 * many more as fit; how many it was.
 *
 * leat_recv(c, p) - receive into *p, waiting.  True: a value; false: the channel
 * is closed and drained, and *p is zeroed.  With p NULL what is received is
 * dropped, here and in the next three.
 * leat_try_recv(c, p) - 0; -EPIPE where leat_recv would return false; -EAGAIN
 * where it would wait (*p is as it was).
 * leat_recv_until(c, p, when) - the same, waiting no longer than until that
 * moment: -ETIMEDOUT then (*p is as it was); -ENOMEM as above.
 * leat_recv_n(c, p, n) - receive one value into p[0], waiting, and as many more,
 * up to n, as are there; how many; 0: closed and drained (or n is 0).
 * leat_range(v, c) statement - receive into a new variable v again and again,
 * until c, which is evaluated once, is closed and drained.
 *
 * leat_close(c) - no more sends.  Values in the buffer can still be received.
 * leat_shut(c) - the same, but 0, -EPIPE (closed before) or -EINVAL (nil).
 *
 * leat_len(c), leat_cap(c) - how many values are in the buffer now, and how
 * many fit.  Both 0 for nil.  Never wait.
 */
#ifdef __cplusplus

#include <type_traits>

template <class T, class D> struct leat_end_ {
	static_assert(std::is_trivially_copyable<T>::value,
		      "leat: channels copy the bytes of their elements");
	typedef T (*type)(D *);
};

#define leat_chan(...)     leat_end_<__VA_ARGS__, leat_both_>::type
#define leat_sender(...)   leat_end_<__VA_ARGS__, leat_tx_>::type
#define leat_receiver(...) leat_end_<__VA_ARGS__, leat_rx_>::type

template <class T> struct leat_same_ {
	typedef T type;
};

template <class D> inline constexpr bool leat_sends_()
{
	return !std::is_same<D, leat_rx_>::value;
}

template <class D> inline constexpr bool leat_receives_()
{
	return !std::is_same<D, leat_tx_>::value;
}

template <class T, class D> inline leat_chan_ *leat_chan_of_(T (*c)(D *))
{
	static_assert(std::is_same<D, leat_both_>::value ||
			      std::is_same<D, leat_tx_>::value ||
			      std::is_same<D, leat_rx_>::value,
		      "leat: not a channel");
	return reinterpret_cast<leat_chan_ *>(c);
}

template <class T> inline typename leat_chan(T) leat_make_(ptrdiff_t cap)
{
	return reinterpret_cast<typename leat_chan(T)>(
		leat_chan_make_(sizeof(T), cap));
}

#define leat_make(T, cap) leat_make_<T>(cap)

template <class T, class D> inline T (*leat_send_end(T (*c)(D *)))(leat_tx_ *)
{
	static_assert(leat_sends_<D>(),
		      "leat: send end of a receive-only channel");
	return reinterpret_cast<T (*)(leat_tx_ *)>(leat_chan_of_(c));
}

template <class T, class D> inline T (*leat_recv_end(T (*c)(D *)))(leat_rx_ *)
{
	static_assert(leat_receives_<D>(),
		      "leat: receive end of a send-only channel");
	return reinterpret_cast<T (*)(leat_rx_ *)>(leat_chan_of_(c));
}

template <class T, class D> inline auto leat_retain(T (*c)(D *))
{
	leat_chan_retain_(leat_chan_of_(c));
	return c;
}

template <class T, class D> inline void leat_release(T (*c)(D *))
{
	leat_chan_release_(leat_chan_of_(c));
}

template <class T, class D>
inline void leat_send(T (*c)(D *), const typename leat_same_<T>::type &v)
{
	static_assert(leat_sends_<D>(), "leat: send on a receive-only channel");
	leat_chan_send_(leat_chan_of_(c), &v);
}

template <class T, class D>
inline int leat_offer(T (*c)(D *), const typename leat_same_<T>::type &v)
{
	static_assert(leat_sends_<D>(), "leat: send on a receive-only channel");
	return leat_chan_offer_(leat_chan_of_(c), &v);
}

template <class T, class D>
inline int leat_try_send(T (*c)(D *), const typename leat_same_<T>::type &v)
{
	static_assert(leat_sends_<D>(), "leat: send on a receive-only channel");
	return leat_chan_try_send_(leat_chan_of_(c), &v);
}

template <class T, class D>
inline int leat_send_until(T (*c)(D *), const typename leat_same_<T>::type &v,
			   leat_time when)
{
	static_assert(leat_sends_<D>(), "leat: send on a receive-only channel");
	return leat_chan_send_until_(leat_chan_of_(c), &v, when);
}

template <class T, class D>
inline size_t leat_send_n(T (*c)(D *), const typename leat_same_<T>::type *p,
			  size_t n)
{
	static_assert(leat_sends_<D>(), "leat: send on a receive-only channel");
	return leat_chan_send_n_(leat_chan_of_(c), p, n);
}

template <class T, class D>
inline bool leat_recv(T (*c)(D *), typename leat_same_<T>::type *p)
{
	static_assert(leat_receives_<D>(),
		      "leat: receive on a send-only channel");
	return leat_chan_recv_(leat_chan_of_(c), p);
}

template <class T, class D>
inline int leat_try_recv(T (*c)(D *), typename leat_same_<T>::type *p)
{
	static_assert(leat_receives_<D>(),
		      "leat: receive on a send-only channel");
	return leat_chan_try_recv_(leat_chan_of_(c), p);
}

template <class T, class D>
inline int leat_recv_until(T (*c)(D *), typename leat_same_<T>::type *p,
			   leat_time when)
{
	static_assert(leat_receives_<D>(),
		      "leat: receive on a send-only channel");
	return leat_chan_recv_until_(leat_chan_of_(c), p, when);
}

template <class T, class D>
inline size_t leat_recv_n(T (*c)(D *), typename leat_same_<T>::type *p,
			  size_t n)
{
	static_assert(leat_receives_<D>(),
		      "leat: receive on a send-only channel");
	return leat_chan_recv_n_(leat_chan_of_(c), p, n);
}

template <class T, class D> inline void leat_close(T (*c)(D *))
{
	static_assert(leat_sends_<D>(),
		      "leat: close of a receive-only channel");
	leat_chan_close_(leat_chan_of_(c));
}

template <class T, class D> inline int leat_shut(T (*c)(D *))
{
	static_assert(leat_sends_<D>(),
		      "leat: close of a receive-only channel");
	return leat_chan_shut_(leat_chan_of_(c));
}

template <class T, class D> inline size_t leat_len(T (*c)(D *))
{
	return leat_chan_len_(leat_chan_of_(c));
}

template <class T, class D> inline size_t leat_cap(T (*c)(D *))
{
	return leat_chan_cap_(leat_chan_of_(c));
}

template <class T, class D> T leat_elem_of_(T (*c)(D *));

#define leat_range(v, c)                                      \
	for (decltype(leat_elem_of_(c)) v,                    \
	     (*leat_from_##v)(leat_rx_ *) = leat_recv_end(c); \
	     leat_recv(leat_from_##v, &v);)

#else

#define leat_chan(T)     __typeof__(__typeof__(T)(*)(struct leat_both_ *))
#define leat_sender(T)   __typeof__(__typeof__(T)(*)(struct leat_tx_ *))
#define leat_receiver(T) __typeof__(__typeof__(T)(*)(struct leat_rx_ *))

#define leat_elem_(c) __typeof__((c)(NULL))

/* 1 if c goes both ways or as the tag says; no channel at all is an error of
 * leat_elem_. */
#define leat_is_(c, tag)                                         \
	_Generic((c), leat_elem_(c)(*)(struct leat_both_ *) : 1, \
		 leat_elem_(c)(*)(struct tag *) : 1, default : 0)
#define leat_only_(c, tag, says)                                  \
	(0 * sizeof(struct {                                      \
		 _Static_assert(leat_is_(c, tag), "leat: " says); \
		 int leat_unused_;                                \
	 }))
#define leat_any_(c) leat_is_(c, leat_tx_) || leat_is_(c, leat_rx_)

/* The channel behind c, if it goes as the tag says. */
#define leat_chan_of_(c, tag, says) \
	((struct leat_chan_ *)((uintptr_t)(c) + leat_only_(c, tag, says)))
#define leat_chan_to_(c) \
	leat_chan_of_(c, leat_tx_, "send on a receive-only channel")
#define leat_chan_from_(c) \
	leat_chan_of_(c, leat_rx_, "receive on a send-only channel")
#define leat_chan_end_(c) \
	leat_chan_of_(c, leat_tx_, "close of a receive-only channel")
#define leat_chan_some_(c)                                                \
	((struct leat_chan_ *)((uintptr_t)(c) +                           \
			       0 * sizeof(struct {                        \
				       _Static_assert(leat_any_(c),       \
						      "leat: a channel"); \
				       int leat_unused_;                  \
			       })))

/* v as an element of c, in memory; and could v be an argument of that type?
 * Braces alone would take 3 for a structure, and "a" for a char. */
#define leat_value_(c, v) ((leat_elem_(c)[1]){ v } + leat_fits_(c, v))
#define leat_fits_(c, v) \
	(0 * sizeof(__typeof__(((int (*)(leat_elem_(c)))0)(v)) *))

/* p, to which elements of c can be written; from which they can be read. */
#define leat_place_(c, p) _Generic((p), leat_elem_(c) * : (p), void * : (p))
#define leat_source_(c, p) \
	_Generic((p), leat_elem_(c) * : (p), void * : (p), \
		 const leat_elem_(c) * : (p), const void * : (p))

#define leat_make(T, cap) \
	((leat_chan(T))leat_chan_make_(sizeof(__typeof__(T)[1]), (cap)))
#define leat_send_end(c)                            \
	((leat_sender(leat_elem_(c)))leat_chan_of_( \
		c, leat_tx_, "send end of a receive-only channel"))
#define leat_recv_end(c)                              \
	((leat_receiver(leat_elem_(c)))leat_chan_of_( \
		c, leat_rx_, "receive end of a send-only channel"))
#define leat_retain(c)  ((__typeof__(c))leat_chan_retain_(leat_chan_some_(c)))
#define leat_release(c) leat_chan_release_(leat_chan_some_(c))

#define leat_send(c, v)  leat_chan_send_(leat_chan_to_(c), leat_value_(c, v))
#define leat_offer(c, v) leat_chan_offer_(leat_chan_to_(c), leat_value_(c, v))
#define leat_try_send(c, v) \
	leat_chan_try_send_(leat_chan_to_(c), leat_value_(c, v))
#define leat_send_until(c, v, when) \
	leat_chan_send_until_(leat_chan_to_(c), leat_value_(c, v), (when))
#define leat_send_n(c, p, n) \
	leat_chan_send_n_(leat_chan_to_(c), leat_source_(c, p), (n))

#define leat_recv(c, p) leat_chan_recv_(leat_chan_from_(c), leat_place_(c, p))
#define leat_try_recv(c, p) \
	leat_chan_try_recv_(leat_chan_from_(c), leat_place_(c, p))
#define leat_recv_until(c, p, when) \
	leat_chan_recv_until_(leat_chan_from_(c), leat_place_(c, p), (when))
#define leat_recv_n(c, p, n) \
	leat_chan_recv_n_(leat_chan_from_(c), leat_place_(c, p), (n))
#define leat_range(v, c)                                             \
	for (leat_elem_(c) v,                                        \
	     (*leat_from_##v)(struct leat_rx_ *) = leat_recv_end(c); \
	     leat_recv(leat_from_##v, &v);)

#define leat_close(c) leat_chan_close_(leat_chan_end_(c))
#define leat_shut(c)  leat_chan_shut_(leat_chan_end_(c))
#define leat_len(c)   leat_chan_len_(leat_chan_some_(c))
#define leat_cap(c)   leat_chan_cap_(leat_chan_some_(c))

#endif

#endif
