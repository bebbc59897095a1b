/*
 * switch.c - arch_switch between fibers, with the stores of the real one.
 *
 *	on from's stack     the saved registers: plain data, written
 *	                    the registers of *to: plain data, read
 *	on to's stack       from->live = 0      release
 *	                    *addr = value       release
 *
 * So a thread may resume *from between these two, as on a CPU, and the models
 * tell whether it may: a context taken too early is a race on its registers.
 */
#include "core/atomic.h"
#include "tests/explore/engine.h"

enum { CONTEXTS = 16 };

static struct slot {
	const struct arch_context *c;
	struct fiber fiber;
	bool made;
} slots[CONTEXTS];

/* What a thread does when it has come to the other stack. */
static struct landing {
	struct arch_context *from;
	void *with, *addr;
	uint64_t value;
} landing[EXPLORE_THREADS];

static struct slot *slot_of(const struct arch_context *c)
{
	for (int i = 0; i < CONTEXTS; i++)
		if (!slots[i].c || slots[i].c == c) {
			slots[i].c = c;
			return &slots[i];
		}
	threads_fail("more than %d contexts", CONTEXTS);
}

static void *land(void)
{
	struct landing l = landing[explore_self()];

	/* [switch.live] pairs with [live.look], [live.hold]. */
	a_store(&l.from->live, 0, release);
	/* [switch.word] pairs with whatever takes the word. */
	a_store((_Atomic uint64_t *)l.addr, l.value, release);
	return l.with;
}

static void begin(void)
{
	struct arch_call *call = arch_begin(land());

	call->fn();
	arch_end(0);
}

void explore_begin_at(struct arch_context *c)
{
	struct slot *s = slot_of(c);

	if (!s->made)
		fiber_make(&s->fiber, begin);
	s->made = true;
	fiber_restart(&s->fiber);
	c->pc = s;
}

void *explore_switch(struct arch_context *from, struct arch_context *to,
		     void *with, void *addr, uint64_t value)
{
	int t = explore_self();

	d_write(&from->fp, from);
	(void)d_read(&to->fp);
	landing[t] = (struct landing){ from, with, addr, value };
	trace(t, "switches from %s to", place_name(from));
	trace(t, "              %s", place_name(to));
	fiber_switch(&slot_of(from)->fiber, &slot_of(to)->fiber);
	return land();
}

/* Only cases with goroutines have these. */
__attribute__((weak)) struct arch_call *arch_begin(void *with)
{
	(void)with;
	threads_fail("no goroutines here");
}

__attribute__((weak)) void arch_end(uintptr_t result)
{
	(void)result;
	threads_fail("no goroutines here");
}
