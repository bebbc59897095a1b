/*
 * gdb-unwind.c - what gdb-unwind.sh steps through.
 *
 *	main > visit > hop        arch_start > arch_begin
 *	                          arch_start > trip > back
 *	                          arch_start > arch_end
 *
 * One first entry, one round trip and one end.  visit and trip each keep a
 * value where a caller's value must be found again while hop and back, or
 * what they switch to, run above them: in the frame and in a register.
 */
#include "arch/arch.h"

#define NOINLINE __attribute__((noinline))

static struct arch_context thread, routine;
static struct arch_call call;
static uint64_t word;
static _Alignas(16) char stack[1 << 14];

void begin_steps(void), end_steps(void);

NOINLINE static void hop(void)
{
	arch_switch(&thread, &routine, &call, &word, 1);
	__asm__ volatile(""); /* the call of hop is not the last thing */
}

NOINLINE static void back(void)
{
	arch_switch(&routine, &thread, NULL, &word, 2);
	__asm__ volatile("");
}

NOINLINE static uintptr_t trip(uintptr_t a, uintptr_t b)
{
	register uintptr_t kept __asm__(KEPT) = 0x7219;

	__asm__ volatile("" : "+r"(kept));
	back();
	__asm__ volatile("" : "+r"(kept));
	return a + b + kept;
}

struct arch_call *arch_begin(void *with)
{
	return with;
}

void arch_end(uintptr_t result)
{
	arch_switch(&routine, &thread, NULL, &word, result);
	for (;;)
		;
}

NOINLINE static void visit(void)
{
	register uintptr_t kept __asm__(KEPT) = 0x5157;

	__asm__ volatile("" : "+r"(kept));
	hop();
	hop();
	__asm__ volatile("" : "+r"(kept));
}

NOINLINE void begin_steps(void)
{
	__asm__ volatile("");
}

NOINLINE void end_steps(void)
{
	__asm__ volatile("");
}

int main(void)
{
	call.fn = (void (*)(void))trip;
	call.arg[0] = 1;
	call.arg[1] = 2;
	arch_context_init(&routine, stack + sizeof stack);
	begin_steps();
	visit();
	end_steps();
	return word != 3 + 0x7219;
}
