/*
 * once.c - what is done once, by whoever needs it first.
 *
 *	state	| who came last : 61 | LOCK RUNNING OVER |
 *
 *	       begin              begin: LOCK, puts itself in the list, and the
 *	 0 ------------> RUNNING  switch away stores RUNNING and the list's
 *	                   |      new head, without LOCK
 *	                   | end, or the end of the goroutine inside fn
 *	                   v
 *	                 OVER     the list is the one who ended it's
 *
 * Invariants: OVER is the last value of the word.  The list, through the nodes'
 * next, is put together under LOCK; while LOCK is set nobody but its holder changes
 * the word.  A node leads to the one that came before it.
 *
 * Linearization points: of the one call that runs fn, the compare-and-swap to
 * RUNNING; of others, that to OVER, or their load that sees it.  The nodes are in
 * the waiters' frames: nothing is reclaimed.  The compare-and-swap to OVER is the
 * last touch of the Once by whoever ran fn, and the load that sees it, or its step
 * into the list, that of the others.
 *
 * That fn has ended is a deferred call, so that a panic or leat_goexit in fn ends it
 * in its place among those of the program: what fn deferred is done by then, and
 * what its caller did is not.
 */
#include "leat/once.h"

#include "core/base.h"
#include "core/panic.h"
#include "sync/waiter.h"

enum { OVER = LEAT_ONCE_DONE_, RUNNING = 2, LOCK = 4, FLAGS = 7 };

_Static_assert(sizeof(leat_once) == 8, "a Once is one word");
_Static_assert(_Alignof(struct waiter) > FLAGS,
	       "a waiter's address has room for the flags");

static _Atomic uint64_t *word_of(leat_once *once)
{
	return (_Atomic uint64_t *)&once->state;
}

static struct waiter *last_of(uint64_t was)
{
	return (struct waiter *)(uintptr_t)(was & ~(uint64_t)FLAGS);
}

/* -- the end of fn -- */

/* First come, first woken. */
static void wake_all(struct waiter *last, struct m *m)
{
	struct waiter *first = NULL, *next;

	for (; last; last = next) {
		next = d_read(&last->next);
		last->next = first;
		first = last;
	}
	for (; first; first = next) {
		next = first->next;
		waiter_wake(first, m);
	}
}

/* Without a switch: an exception may be on its way through here, and it belongs to
 * the thread.  LOCK's holder is on another one, about to wait. */
static void finish(leat_once *once, struct m *m)
{
	_Atomic uint64_t *word = word_of(once);

	for (int turn = 0;;) {
		uint64_t was = a_load(word, relaxed);

		if (was & LOCK) {
			waiter_pause(NULL, turn++);
			continue;
		}
		/* [once.done] pairs with [once.seen], [switch.word],
		 * [waiter.unlock]: the results for them, the list for us. */
		if (a_cas(word, &was, OVER, acq_rel)) {
			wake_all(last_of(was), m);
			return;
		}
	}
}

/* fn has ended somehow. */
static void ended(leat_once *once)
{
	struct m *m = m_enter();

	finish(once, m);
	if (m)
		m_leave(m);
}

void leat_once_end_(struct leat_once_turn_ *turn)
{
	panic_take_back(&turn->deferred);
	ended(turn->once);
}

/* -- its begin -- */

COLD void leat_once_nil_(void)
{
	fatal("leat_once_do: nil Once");
}

SANITIZE_SWITCHES bool leat_once_begin_(leat_once *once, leat_fn_ *fn,
					struct leat_once_turn_ *turn)
{
	if (!fn)
		fatal("leat_once_do: nil func value");

	_Atomic uint64_t *word = word_of(once);
	struct m *m = m_enter();
	bool runs = false;

	for (int n = 0;;) {
		/* [once.seen] pairs with [once.done], [switch.word],
		 * [waiter.unlock]: what fn did; or who came before us, of
		 * whom our own store tells the one who ends it. */
		uint64_t was = a_load(word, acquire);

		if (was == OVER)
			break;
		if (was == 0) {
			runs = a_cas(word, &was, RUNNING, relaxed);
			if (!runs)
				continue;
			turn->once = once;
			panic_defer(&turn->deferred, (leat_fn_ *)ended, once);
			break;
		}
		if (was & LOCK) {
			m = waiter_pause(m, n++);
			continue;
		}
		if (a_cas(word, &was, was | LOCK, relaxed)) {
			struct waiter me;

			waiter_init(&me, m);
			d_write(&me.next, last_of(was));
			/* Go's Once waits for its Mutex. */
			m = waiter_wait(&me, m, G_MUTEX, word,
					(uintptr_t)&me | RUNNING);
			break;
		}
	}
	if (m)
		m_leave(m);
	return runs;
}

/* -- with words for arguments -- */

typedef void word_fn(uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t,
		     uintptr_t);

/* As a goroutine's first frame calls it: six registers, of which fn takes some. */
void leat_once_do_(leat_once *once, leat_fn_ *fn, uintptr_t w1, uintptr_t w2,
		   uintptr_t w3, uintptr_t w4, uintptr_t w5, uintptr_t w6)
{
	struct leat_once_turn_ turn;

	if (leat_once_begin_(once, fn, &turn)) {
		((word_fn *)fn)(w1, w2, w3, w4, w5, w6);
		leat_once_end_(&turn);
	}
}
