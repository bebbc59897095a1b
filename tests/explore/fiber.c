/*
 * fiber.c - threads that run only when told to.
 *
 *	fiber_make      getcontext, makecontext: a stack, entered once, which
 *	                leaves its start in a jmp_buf and comes back
 *	fiber_switch    _setjmp here, _longjmp there: no system call
 *	fiber_restart   here = start: the frame at the bottom is still there
 *
 * The library's own switch (arch/) is left out on purpose: what is explored
 * should not carry the explorer.
 */
#undef _FORTIFY_SOURCE /* its longjmp takes another stack for an error */
#include "tests/explore/fiber.h"

#include <stdlib.h>
#include <string.h>

enum { STACK = 256 * 1024 };

static struct fiber *newborn;
static ucontext_t maker;

static void begin(void)
{
	struct fiber *f = newborn;

	if (!_setjmp(f->start))
		swapcontext(&f->born, &maker);
	f->run();
	abort();
}

void fiber_make(struct fiber *f, void (*run)(void))
{
	f->run = run;
	getcontext(&f->born);
	f->born.uc_stack.ss_sp = malloc(STACK);
	f->born.uc_stack.ss_size = STACK;
	if (!f->born.uc_stack.ss_sp)
		abort();
	makecontext(&f->born, begin, 0);
	newborn = f;
	swapcontext(&maker, &f->born);
	fiber_restart(f);
}

void fiber_restart(struct fiber *f)
{
	memcpy(&f->here, &f->start, sizeof(f->here));
}

void fiber_switch(struct fiber *from, struct fiber *to)
{
	if (!_setjmp(from->here))
		_longjmp(to->here, 1);
}
