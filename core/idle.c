/*
 * idle.c - exact wake-ups: no goroutine waits in a queue while its P sleeps,
 * and nobody is woken when somebody looks for work already.
 *
 *	producer                        P out of work
 *
 *	put the goroutine in a queue    idle++ , its bit set
 *	fence                           searching--
 *	searching == 0 and idle > 0?    fence
 *	   clear a bit, wake that P     look at every queue once more
 *	                                   found: clear the bit
 *	                                   nothing: sleep
 *
 * Each side writes, fences, then reads what the other wrote, so one of them
 * sees the other.  The P stays counted as searching until it is visible as
 * idle: in between, a producer that sees it searching may leave the work to
 * it, because it looks again afterwards.
 *
 *	word    written by                      what it promises
 *	state   everybody, by addition          idle counts at least the bits
 *	mask    p sets its bit; whoever         whoever clears a bit decides
 *	        clears it owns the transition   what P p does next
 *
 * idle is raised before the bit is set and lowered by whoever clears it, so it
 * never goes below zero.  Linearization points: publish at the set of the bit,
 * wake and withdraw at its clearing.  Nothing is reclaimed.
 *
 * After "Worker thread parking/unparking" in Go's proc.go and tokio's idle.rs.
 */
#include "core/idle.h"

static bool clear_bit(struct idle *i, int p)
{
	uint64_t bit = 1ull << (p % 64);

	/* [idle.clear] pairs with [idle.set], [idle.clear], [fake.again]. */
	return a_and(&i->mask[p / 64], ~bit, acq_rel) & bit;
}

/* IDLE -> SEARCHING for some P, on its behalf; -1 if none has its bit set. */
int idle_pick(struct idle *i, int procs)
{
	for (int w = 0; w * 64 < procs; w++) {
		/* [idle.look] pairs with [idle.set]. */
		uint64_t mask = a_load(&i->mask[w], seq_cst);

		for (; mask; mask &= mask - 1) {
			int p = w * 64 + __builtin_ctzll(mask);

			if (!clear_bit(i, p))
				continue;
			a_add(&i->state, SEARCHING_ONE - IDLE_ONE, relaxed);
			return p;
		}
	}
	return -1;
}

int idle_wake(struct idle *i, int procs)
{
	/* [idle.submit] pairs with [idle.rescan], [idle.found]: see the table
	 * above. */
	a_fence(seq_cst);
	uint64_t state = a_load(&i->state, relaxed);

	if (idle_searching(state) != 0 || idle_count(state) == 0)
		return -1;
	return idle_pick(i, procs);
}

bool idle_search(struct idle *i, int procs)
{
	uint64_t state = a_load(&i->state, relaxed);
	uint32_t busy = (uint32_t)procs - idle_count(state);

	if (2 * idle_searching(state) >= busy && idle_searching(state) > 0)
		return false;
	a_add(&i->state, SEARCHING_ONE, relaxed);
	return true;
}

bool idle_found(struct idle *i)
{
	uint64_t was = a_sub(&i->state, SEARCHING_ONE, relaxed);

	if (idle_searching(was) != 1)
		return false;
	/* [idle.found] pairs with [idle.submit]: a producer that still saw us
	 * searching relied on us; we look for its work after this. */
	a_fence(seq_cst);
	return true;
}

void idle_publish(struct idle *i, int p, bool searching)
{
	/* [idle.count] pairs with [fake.idle]: its timers. */
	a_add(&i->state, IDLE_ONE, release);

	/* [idle.set] pairs with [idle.look], [idle.clear]. */
	a_or(&i->mask[p / 64], 1ull << (p % 64), seq_cst);
	if (searching)
		a_sub(&i->state, SEARCHING_ONE, relaxed);

	/* [idle.rescan] pairs with [idle.submit], [wake.look]. */
	a_fence(seq_cst);
}

bool idle_withdraw(struct idle *i, int p)
{
	uint64_t mask = a_load(&i->mask[p / 64], relaxed);

	/* A look first: the line is everybody's. */
	if (!(mask >> (p % 64) & 1) || !clear_bit(i, p))
		return false;
	a_add(&i->state, SEARCHING_ONE - IDLE_ONE, relaxed);
	return true;
}
