/*
 * select.h - wait for one of several sends and receives.
 *
 *	switch (leat_select(leat_on_recv(jobs, &job),
 *			    leat_on_recv_ok(done, NULL, &open),
 *			    leat_on_send(results, 42))) {
 *	case 0: ...             a job came
 *	case 1: ...             done was closed, or something came
 *	case 2: ...             somebody took 42
 *	}
 *
 * The answer is the place of the case in the list, from 0.  Exactly one case
 * happens, and nothing of the others.  If several can happen, one is chosen by
 * chance, each with the same likelihood; the same channel may stand in several
 * cases, in both directions.  A nil channel never happens; a closed one can
 * always be received from (zero, false); a send on a closed one, if it is
 * chosen, is "panic: send on closed channel".  Channels and values are
 * evaluated once.  With no case at all it waits for ever.
 *
 * Works from any goroutine, and from threads that are not the runtime's.  The
 * same as Go's select statement; break and return in a case do what they do in
 * any switch.
 */
#ifndef LEAT_SELECT_H
#define LEAT_SELECT_H

#include "leat/chan.h"
#include "leat/time.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One case; to be made by the words below. */
struct leat_case {
	struct leat_chan_ *chan_;
	void *elem_;
	bool *ok_;
	bool send_;
};

enum {
	LEAT_TRY_ = 1,   /* do not wait */
	LEAT_FIRST_ = 2, /* the first that can happen, not any */
};

int leat_select_(const struct leat_case *cases, int n, unsigned how);
int leat_select_until_(const struct leat_case *cases, int n, unsigned how,
		       leat_time when);

#ifdef __cplusplus
}
#endif

/*
 * leat_on_send(c, v) - send v on c.
 * leat_on_recv(c, p) - receive from c into *p; p may be NULL.
 * leat_on_recv_ok(c, p, ok) - the same; *ok becomes what leat_recv would return.
 *
 * leat_select(cases...) - wait until one can happen; which it was.
 * leat_try_select(cases...) - the same without waiting: -1 if none can happen at
 * this instant (a select with default).
 * leat_select_until(when, cases...) - the same, but no longer than until that
 * moment: -1 if none could happen by then; -ENOMEM, at once, if there is no
 * memory for a timer.  LEAT_NEVER: as leat_select.
 * leat_select_first(cases...), leat_try_select_first(cases...),
 * leat_select_first_until(when, cases...) - of several that can happen, the first
 * in the list: for a channel with priority.
 */
#ifdef __cplusplus

template <class T, class D>
inline leat_case leat_on_send(T (*c)(D *),
			      const typename leat_same_<T>::type &v)
{
	static_assert(leat_sends_<D>(), "leat: send on a receive-only channel");
	return { leat_chan_of_(c), const_cast<T *>(&v), nullptr, true };
}

template <class T, class D>
inline leat_case leat_on_recv_ok(T (*c)(D *), typename leat_same_<T>::type *p,
				 bool *ok)
{
	static_assert(leat_receives_<D>(),
		      "leat: receive on a send-only channel");
	return { leat_chan_of_(c), p, ok, false };
}

template <class T, class D>
inline leat_case leat_on_recv(T (*c)(D *), typename leat_same_<T>::type *p)
{
	return leat_on_recv_ok(c, p, nullptr);
}

template <class... C> inline int leat_select_how_(unsigned how, const C &...c)
{
	const leat_case cases[] = { c..., leat_case() };

	return leat_select_(cases, (int)sizeof...(c), how);
}

template <class... C> inline int leat_select(const C &...c)
{
	return leat_select_how_(0, c...);
}

template <class... C> inline int leat_try_select(const C &...c)
{
	return leat_select_how_(LEAT_TRY_, c...);
}

template <class... C>
inline int leat_select_how_until_(unsigned how, leat_time when, const C &...c)
{
	const leat_case cases[] = { c..., leat_case() };

	return leat_select_until_(cases, (int)sizeof...(c), how, when);
}

template <class... C>
inline int leat_select_until(leat_time when, const C &...c)
{
	return leat_select_how_until_(0, when, c...);
}

template <class... C>
inline int leat_select_first_until(leat_time when, const C &...c)
{
	return leat_select_how_until_(LEAT_FIRST_, when, c...);
}

template <class... C> inline int leat_select_first(const C &...c)
{
	return leat_select_how_(LEAT_FIRST_, c...);
}

template <class... C> inline int leat_try_select_first(const C &...c)
{
	return leat_select_how_(LEAT_TRY_ | LEAT_FIRST_, c...);
}

#else

#define leat_on_send(c, v)                  \
	((struct leat_case){                \
		.chan_ = leat_chan_to_(c),  \
		.elem_ = leat_value_(c, v), \
		.send_ = true,              \
	})
#define leat_on_recv(c, p) leat_on_recv_ok(c, p, NULL)
#define leat_on_recv_ok(c, p, ok)            \
	((struct leat_case){                 \
		.chan_ = leat_chan_from_(c), \
		.elem_ = leat_place_(c, p),  \
		.ok_ = (ok),                 \
	})

#define leat_cases_(...) ((const struct leat_case[]){ __VA_ARGS__ })
#define leat_select_how_(how, ...)                           \
	leat_select_(leat_cases_(__VA_ARGS__),               \
		     (int)(sizeof leat_cases_(__VA_ARGS__) / \
			   sizeof(struct leat_case)),        \
		     (how))

#define leat_select_how_until_(how, when, ...)                     \
	leat_select_until_(leat_cases_(__VA_ARGS__),               \
			   (int)(sizeof leat_cases_(__VA_ARGS__) / \
				 sizeof(struct leat_case)),        \
			   (how), (when))
#define leat_select_until(when, ...) \
	leat_select_how_until_(0, when, __VA_ARGS__)
#define leat_select_first_until(when, ...) \
	leat_select_how_until_(LEAT_FIRST_, when, __VA_ARGS__)
#define leat_select(...)       leat_select_how_(0, __VA_ARGS__)
#define leat_try_select(...)   leat_select_how_(LEAT_TRY_, __VA_ARGS__)
#define leat_select_first(...) leat_select_how_(LEAT_FIRST_, __VA_ARGS__)
#define leat_try_select_first(...) \
	leat_select_how_(LEAT_TRY_ | LEAT_FIRST_, __VA_ARGS__)

#endif

#endif
