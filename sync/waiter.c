/*
 * waiter.c - waiting and waking of threads that are not the runtime's.
 */
#include "sync/waiter.h"

#include "core/os.h"

enum { PATIENCE = 4 }; /* turns */

struct m *waiter_pause(struct m *m, int turn)
{
	if (turn < PATIENCE) {
		backoff();
		return m;
	}
	/* Its holder may wait for this very CPU. */
	if (!m || turn % 16 == 0)
		a_yield();
	return m ? yield(m) : NULL;
}

void waiter_never(enum g_reason why)
{
	static _Atomic uint32_t never;
	struct m *m = m_enter();

	fork_refuse();
	if (m)
		park(m, why, &m->scratch, 0);
	for (;;)
		os_futex_wait(&never, 0, OS_NEVER);
}

void waiter_sleep(struct waiter *w, _Atomic uint64_t *word, uint64_t value)
{
	/* [waiter.unlock] pairs with [wg.lock], [wg.leave], [chan.lock],
	 * [mutex.lock], [rw.in], [cond.lock],
	 * [sema.take], [rw.column], [once.done], [once.seen]: the list as we leave it. */
	a_store(word, value, release);
	fork_refuse();
	/* [waiter.wait] pairs with [waiter.wake]. */
	while (!a_load(&w->woken, acquire))
		os_futex_wait(&w->woken, 0, OS_NEVER);
}

void waiter_rouse(struct waiter *w)
{
	/* [waiter.wake] pairs with [waiter.wait], [deadline.wait].
	 * The node may be gone after this; the wake goes to
	 * an address, and a stray one is harmless. */
	a_store(&w->woken, 1, release);
	os_futex_wake(&w->woken, 1);
}
