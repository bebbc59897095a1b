/*
 * bias.c - who has a channel for itself: how that changes.
 */
#include "sync/bias.h"

#include "core/base.h"

enum {
	CREDIT_MOST = 16, /* of a thread; births are biased while it has some */
	CREDIT_COST = 4,  /* of one that another thread came to */
	TRY_AGAIN = 64,   /* births without credit until one is tried */
	PATIENCE_MOST = 1 << 24,
};

/* Somebody moves it, or touches it, for a few steps; perhaps it has lost its
 * CPU. */
static void rest(int turn)
{
	if (turn < 100)
		a_spin();
	else
		a_yield();
}

void bias_born(struct bias *b)
{
	struct m *m = arch_self();
	bool give;

	if (!m || a_light_is_heavy)
		return;
	give = a_load(&m->credit, relaxed) > -CREDIT_MOST;
	if (!give && ++m->births % TRY_AGAIN == 0)
		give = true;
	if (give)
		a_store(&b->home, (uintptr_t)m, relaxed);
}

void bias_gone(struct bias *b)
{
	struct m *m = (struct m *)a_load(&b->home, relaxed);

	if (m && a_load(&m->credit, relaxed) < 0)
		a_add(&m->credit, 1, relaxed);
}

/* The next time must be earned by twice as much. */
static void lose_patience(struct bias *b)
{
	uint32_t patience = a_load(&b->patience, relaxed);

	if (patience < PATIENCE_MOST)
		a_store(&b->patience, 2 * patience, relaxed);
}

static bool begin(struct bias *b, uintptr_t home)
{
	/* [bias.move] pairs with [bias.shared], [bias.ours]. */
	return a_cas(&b->home, &home, home | BIAS_MOVING, acquire);
}

/* m's channel is to be everybody's. */
static void take_back(struct bias *b, uintptr_t home)
{
	struct m *m = (struct m *)home;

	if (!begin(b, home))
		return;
	/* Either m sees that it moves, or we see that m touches it. */
	a_heavy();
	/* [bias.await] pairs with [bias.leave], [switch.word]. */
	for (int turn = 0; a_load(&m->touching, acquire) == b; turn++)
		rest(turn);
	lose_patience(b);
	if (a_load(&m->credit, relaxed) > -2 * CREDIT_MOST)
		a_sub(&m->credit, CREDIT_COST, relaxed);
	/* [bias.shared] pairs with [bias.enter], [bias.again], [bias.move], [bias.peek]. */
	a_store(&b->home, 0, release);
}

static void mark_foreign(struct bias *b)
{
	if (a_load(&b->foreign, relaxed))
		return;
	a_store(&b->foreign, true, relaxed);
	/* [bias.foreign] pairs with [heavy.fence] of bias_ask: either it
	 * sees us, or we see MOVING. */
	a_fence(seq_cst);
}

COLD bool bias_enter_slow(struct bias *b, struct m *m)
{
	if (!m)
		mark_foreign(b);
	for (int turn = 0;; turn++) {
		/* [bias.again] pairs with [bias.shared], [bias.ours]. */
		uintptr_t home = a_load(&b->home, acquire);

		if (home == 0 || (m && home == (uintptr_t)m))
			return home != 0;
		bias_leave(m);
		if (home & BIAS_MOVING)
			rest(turn);
		else
			take_back(b, home);
		if (m) {
			a_store(&m->touching, b, relaxed);
			a_light();
		}
	}
}

COLD void bias_ask(struct bias *b, struct m *m)
{
	uintptr_t home = (uintptr_t)m;
	bool alone;

	if (a_light_is_heavy || a_load(&b->home, relaxed) != 0 ||
	    a_load(&b->foreign, relaxed))
		return;
	a_store(&b->home, home | BIAS_MOVING, relaxed);
	a_heavy();
	alone = !a_load(&b->foreign, relaxed) && !m_touched(b);
	if (!alone)
		lose_patience(b);
	/* [bias.ours] pairs with [bias.enter], [bias.again], [bias.move], [bias.peek]. */
	a_store(&b->home, alone ? home : 0, release);
}
