/*
 * atomic.h - C11 atomics, with the order as the last word of every call.
 *
 *	head = a_load(&q->head, acquire);
 *
 * Every access to a word that two threads share goes through these names, so
 * that the same source runs here and, with another atomic.h earlier on the
 * include path (tests/explore), under the explorer of interleavings.
 *
 * A failed a_cas is always relaxed and stores what it saw in *want; a path
 * that needs more from a failure loads again and says so.
 *
 * Orders that are not relaxed carry a label and name their partners in the
 * comment right above: "[push.tail] pairs with [steal.tail]: why."
 *
 * Store-then-load on both sides (Dekker) needs seq_cst on both sides; or, when
 * one side is rare, a_light() on the hot side and a_heavy() on the rare one:
 * the hot side pays nothing but keeps its program order as compiled, and the
 * rare side makes every other thread of the process pass a full barrier.  Where
 * the kernel cannot do that, [light.fence] pairs with [heavy.fence].
 */
#ifndef CORE_ATOMIC_H
#define CORE_ATOMIC_H

#include "arch/arch.h"
#include "core/base.h"

#include <stdatomic.h>
#include <stdbool.h>

#define a_load(p, mo)     atomic_load_explicit((p), memory_order_##mo)
#define a_store(p, v, mo) atomic_store_explicit((p), (v), memory_order_##mo)
#define a_add(p, v, mo)   atomic_fetch_add_explicit((p), (v), memory_order_##mo)
#define a_sub(p, v, mo)   atomic_fetch_sub_explicit((p), (v), memory_order_##mo)
#define a_or(p, v, mo)    atomic_fetch_or_explicit((p), (v), memory_order_##mo)
#define a_and(p, v, mo)   atomic_fetch_and_explicit((p), (v), memory_order_##mo)
#define a_swap(p, v, mo)  atomic_exchange_explicit((p), (v), memory_order_##mo)
#define a_fence(mo)       atomic_thread_fence(memory_order_##mo)
#define a_cas(p, want, v, mo)                    \
	atomic_compare_exchange_strong_explicit( \
		(p), (want), (v), memory_order_##mo, memory_order_relaxed)

/* The two halves of an asymmetric fence.  a_heavy is in os.c: membarrier. */
#define a_light()                                            \
	(__builtin_expect(a_light_is_heavy, 0)               \
		 ? atomic_thread_fence(memory_order_seq_cst) \
		 : atomic_signal_fence(memory_order_seq_cst))
void a_heavy(void);
extern bool a_light_is_heavy; /* no membarrier here: both sides pay */

/* Behind a_cas, a_swap ... with seq_cst: before all loads to come, also those
 * that are not seq_cst, of another library perhaps. */
#define a_fence_after() cpu_fence_after_locked()

/* One turn of a loop that waits for another thread; a_yield for one that may
 * not be running, on the same CPU perhaps. */
#define a_spin() cpu_relax()
void a_yield(void);

/* Plain data that a protocol hands over; the explorer checks for races. */
#define d_read(p)     (*(p))
#define d_write(p, v) (*(p) = (v))

#endif
