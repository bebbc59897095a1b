/*
 * explore_live.c - core/live.h: who may resume a context, who may touch its
 * stack.
 *
 *	runner     takes the context, runs on its stack, saves it again
 *	trimmer    announces, heavy fence, asks; then the stack is its own
 *
 * The stack and the saved registers are plain.
 */
#include "core/live.h"

static _Atomic uint32_t live, rest;
static int stack, registers; /* plain */
static int used, runs;

static void init(void)
{
	live = rest = 0;
	stack = registers = used = runs = 0;
	explore_name((void *)&live, sizeof(live), "live");
	explore_name((void *)&rest, sizeof(rest), "rest");
	explore_name(&stack, sizeof(stack), "stack");
	explore_name(&registers, sizeof(registers), "registers");
}

/* Being saved while it is in a queue already. */
static void init_leaving(void)
{
	init();
	live = 1;
}

static void init_seen(void)
{
	init();
	rest = REST_SEEN;
}

static void init_done(void)
{
	init();
	rest = REST_DONE;
}

static void use(void)
{
	d_write(&stack, d_read(&stack) + 1);
	used++;
}

static void save(void)
{
	d_write(&registers, d_read(&registers) + 1);
	/* What arch_switch does. */
	a_store(&live, 0, release);
}

static void leaver(void)
{
	use();
	save();
}

/* As worker.c does before it tries again. */
static void await(void)
{
	while (a_load(&live, relaxed) || a_load(&rest, relaxed) == REST_HELD)
		a_spin();
}

static void run(void)
{
	while (!live_take(&live, &rest))
		await();
	ASSERT(d_read(&registers) == runs);
	runs++;
	use();
	save();
}

static void run_twice(void)
{
	run();
	run();
}

static void runner_of_leaver(void)
{
	runs = 1;
	run();
}

static void trimmer(void)
{
	live_announce(&rest);
	a_heavy();
	if (!live_hold(&live, &rest))
		return;
	ASSERT(d_read(&registers) >= 0);
	use();
	live_let_go(&rest, REST_DONE);
}

static void all_counted(void)
{
	ASSERT(stack == used);
	ASSERT(live == 0);
}

#define CASE(n, start, ...)                                           \
	{                                                             \
		.name = #n, .init = start, .check = all_counted,      \
		.passes = EXPLORE_SC | EXPLORE_TSO | EXPLORE_WEAK,    \
		.thread = { __VA_ARGS__ }, .preemptions = EXPLORE_ANY \
	}

static const struct explore_case cases[] = {
	CASE(run_against_trim, init, run, trimmer),
	CASE(seen_before, init_seen, run, trimmer),
	CASE(trimmed_before, init_done, run_twice),
	CASE(run_twice_against_trim, init, run_twice, trimmer),
	CASE(run_twice_seen_before, init_seen, run_twice, trimmer),
	CASE(leave_and_run, init_leaving, leaver, runner_of_leaver),
	CASE(leave_run_and_trim, init_leaving, leaver, runner_of_leaver,
	     trimmer),
};

EXPLORE(cases, "core/live.h", )
