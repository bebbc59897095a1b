/*
 * bench_switch.c - one context switch, without a scheduler.
 *
 *	loop (the goroutine)         bounce (a stack of its own)
 *	   arch_switch      ------->    arch_switch
 *	                    <-------
 *
 * floor_switch is the same two loops around the least a switch can do.
 */
#include "arch/arch.h"
#include "bare.h"
#include "perf/bench.h"

#include <stddef.h>

static _Alignas(64) char stack[16384];
static char *const top = stack + sizeof(stack);

static struct bare bare_here, bare_there;

static void bare_bounce(void)
{
	for (;;)
		bare_switch(&bare_there, &bare_here);
}

BENCH(floor_switch)
{
	bare_init(&bare_there, top, bare_bounce);
	bench_start(b);
	for (uint64_t i = 0; i < b->n; i += 2)
		bare_switch(&bare_here, &bare_there);
	bench_stop(b);
}

static struct arch_context here, there;
static uint64_t word; /* where a switch stores for others */

/* Returns what it is given. */
static void bounce(void)
{
	void *with = NULL;

	for (;;)
		with = arch_switch(&there, &here, with, &word, 0);
}

/* A context that begins with a function of ours, where arch_context_init
 * would begin it with a goroutine. */
static void begin_with(struct arch_context *c, void (*fn)(void))
{
	struct bare first;

	bare_init(&first, top, fn);
	arch_context_init(c, top);
	c->pc = first.pc;
	c->sp = first.sp;
	c->fp = first.fp;
}

/* A function entered by a jump cannot see what came with the first switch, so
 * bounce's first answer is NULL and comes before the start. */
BENCH(raw_switch)
{
	uintptr_t wrong = 0;

	begin_with(&there, bounce);
	arch_switch(&here, &there, NULL, &word, 1);
	bench_start(b);
	for (uintptr_t i = 0; i < b->n; i += 2)
		wrong |= i ^ (uintptr_t)arch_switch(&here, &there, (void *)i,
						    &word, 1);
	bench_stop(b);
	if (wrong || word != 0)
		bench_fail(b, "a switch brought back something else");
}
