/*
 * waiter.c - waiting and waking, for goroutines and threads alike.
 */
#include "sync/waiter.h"

#include "core/os.h"

void waiter_init(struct waiter *w, struct m *m)
{
	w->next = NULL;
	w->g = m ? m->g : NULL;
	a_store(&w->woken, 0, relaxed);
}

struct m *waiter_wait(struct waiter *w, struct m *m, enum g_reason why,
		      _Atomic uint64_t *word, uint64_t value)
{
	if (likely(m))
		return park(m, why, word, value);

	/* [waiter.unlock] pairs with [wg.lock]: the list as we leave it. */
	a_store(word, value, release);
	/* [waiter.wait] pairs with [waiter.wake]. */
	while (!a_load(&w->woken, acquire))
		os_futex_wait(&w->woken, 0, OS_NEVER);
	return NULL;
}

void waiter_wake(struct waiter *w, struct m *m)
{
	if (likely(w->g)) {
		ready(m, w->g);
		return;
	}
	/* [waiter.wake] pairs with [waiter.wait].  The node may be gone after
	 * this; the wake goes to an address, and a stray one is harmless. */
	a_store(&w->woken, 1, release);
	os_futex_wake(&w->woken, 1);
}
