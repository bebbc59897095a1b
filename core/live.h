/*
 * live.h - who may resume a saved context, and who may touch its stack.
 *
 *	dispatcher                        trimmer (sysmon)
 *
 *	live == 0?   (acquire)            rest = HELD
 *	live = 1                          heavy fence
 *	light fence                       live == 0?
 *	rest == 0?                           yes: the stack below sp is dead,
 *	   yes: resume                            give its memory back
 *	   no:  HELD: live = 0, wait              rest = DONE
 *	        else: rest = 0, resume       no:  rest = 0
 *
 * Each side writes, then looks at the other's word, so at least one of them
 * sees the other.
 *
 *	rest     meaning                              written by
 *	0        ran since the trimmer last came      the dispatcher, trimmer
 *	SEEN     the trimmer came once since it ran   the trimmer
 *	HELD     its stack is being trimmed           the trimmer
 *	DONE     trimmed, and it has not run since    the trimmer
 *
 * live is also 1 while a goroutine that is already in some queue is still
 * being saved; the switch stores 0 when that is done.
 */
#ifndef CORE_LIVE_H
#define CORE_LIVE_H

#include "core/atomic.h"

#include <stdbool.h>
#include <stdint.h>

enum { REST_NONE, REST_SEEN, REST_HELD, REST_DONE };

/* Take the right to resume it; false: not now. */
static ALWAYS_INLINE bool live_take(_Atomic uint32_t *live,
				    _Atomic uint32_t *rest)
{
	/* [live.look] pairs with [switch.live], [live.back]: the saved
	 * registers. */
	if (unlikely(a_load(live, acquire) != 0))
		return false;
	a_store(live, 1, relaxed);
	a_light();

	/* [live.rest] pairs with [live.done]: the trimmed stack. */
	uint32_t r = a_load(rest, acquire);

	if (likely(r == REST_NONE))
		return true;
	/* By compare-and-swap: the trimmer may announce itself meanwhile. */
	if (r != REST_HELD && a_cas(rest, &r, REST_NONE, relaxed))
		return true;
	/* [live.back] pairs with [live.look], [live.hold]. */
	a_store(live, 0, release);
	return false;
}

/* The trimmer's side: announce, then, after one a_heavy() for many, ask. */
static inline void live_announce(_Atomic uint32_t *rest)
{
	a_store(rest, REST_HELD, relaxed);
}

static inline bool live_hold(_Atomic uint32_t *live, _Atomic uint32_t *rest)
{
	/* [live.hold] pairs with [switch.live], [live.back], [go.fresh]:
	 * the saved sp. */
	if (a_load(live, acquire) == 0)
		return true;
	a_store(rest, REST_NONE, relaxed);
	return false;
}

static inline void live_let_go(_Atomic uint32_t *rest, uint32_t as)
{
	/* [live.done] pairs with [live.rest]. */
	a_store(rest, as, release);
}

#endif
