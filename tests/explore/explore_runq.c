/*
 * explore_runq.c - core/runq.c: whoever takes it, every item is taken once.
 *
 *	owner      push push pop push ...       one thread, as own.h promises
 *	thieves    grab                         each once or twice
 *
 * A ring of 2, so that slots are used again while a thief still looks at them;
 * the cases of explore_runq_four.c have one of 4, where a grab takes two.
 */
#ifndef RUNQ_CAP
#define RUNQ_CAP 2u
#endif
#include "core/runq.c"

enum { ITEMS = 6 };

static struct runq q;
static struct item {
	int made; /* plain: written before the push, read by whoever takes */
} item[ITEMS + 1];
static int taken[ITEMS + 1], pushed, last_popped, last_of_thief[3];

static void init(void)
{
	q = (struct runq){ 0 };
	for (int i = 0; i <= ITEMS; i++) {
		taken[i] = 0;
		item[i].made = 0;
	}
	pushed = last_popped = 0;
	last_of_thief[0] = last_of_thief[1] = last_of_thief[2] = 0;
	explore_name(&q, sizeof(q), "q");
	explore_reused(q.slot, sizeof(q.slot));
	explore_name(item, sizeof(item), "item");
}

/* The counters are about to wrap. */
static void init_late(void)
{
	init();
	a_store(&q.head, UINT32_MAX - 1, relaxed);
	a_store(&q.tail, UINT32_MAX - 1, relaxed);
}

static void take(struct g *g, int *last)
{
	struct item *it = (struct item *)g;
	int i = (int)(it - item);

	ASSERT(i >= 1 && i <= ITEMS);
	ASSERT(d_read(&it->made) == i);
	ASSERT(taken[i]++ == 0);
	ASSERT(i > *last); /* first in, first out, as each of us sees it */
	*last = i;
}

static void push(void)
{
	int i = pushed + 1;

	d_write(&item[i].made, i);
	if (runq_push(&q, (struct g *)&item[i]))
		pushed = i;
}

static void pop(void)
{
	struct g *g = runq_pop(&q);

	if (g)
		take(g, &last_popped);
}

static void thief(void)
{
	struct g *out[RUNQ_CAP / 2 ? RUNQ_CAP / 2 : 1];
	uint32_t n = runq_grab(&q, out);

	for (uint32_t i = 0; i < n; i++)
		take(out[i], &last_of_thief[explore_self()]);
}

static void thief_twice(void)
{
	thief();
	thief();
}

static void owner(void)
{
	push();
	push();
	pop();
	push();
}

static void owner_long(void)
{
	for (uint32_t i = 0; i < RUNQ_CAP; i++)
		push();
	pop();
	push();
	push();
	pop();
}

static void owner_of_one(void)
{
	push();
	pop();
}

static void conserved(void)
{
	for (struct g *g; (g = runq_pop(&q));)
		take(g, &last_popped);
	for (int i = 1; i <= pushed; i++)
		ASSERT(taken[i] == 1);
}

#define ALL (EXPLORE_SC | EXPLORE_TSO | EXPLORE_WEAK)
#define CASE(n, ...)                                                         \
	{                                                                    \
		.name = #n, .init = init, .check = conserved, .passes = ALL, \
		.thread = { __VA_ARGS__ }, .preemptions = EXPLORE_ANY        \
	}

static const struct explore_case cases[] = {
	CASE(one_item, owner_of_one, thief),
	CASE(one_thief, owner, thief),
	{ .name = "counters_wrap",
	  .init = init_late,
	  .check = conserved,
	  .passes = ALL,
	  .thread = { owner, thief },
	  .preemptions = EXPLORE_ANY },
	CASE(thief_comes_twice, owner, thief_twice),
	CASE(slots_used_again, owner_long, thief),
	CASE(two_thieves, owner, thief, thief),
	{ .name = "two_thieves_twice",
	  .init = init,
	  .check = conserved,
	  .passes = EXPLORE_SC | EXPLORE_TSO,
	  .thread = { owner_long, thief_twice, thief } },
};

EXPLORE(cases, "core/runq.c",
	{ "pop.head", NULL,
	  "the owner's own slots; thieves need no more than the tail" },
	{ "grab.seen", NULL,
	  "an older tail makes n too large, and the thief looks again" }, )
