/*
 * unit_switch_aarch64.h - registers and control words, for unit_switch.c.
 */
#ifndef UNIT_SWITCH_CPU_H
#define UNIT_SWITCH_CPU_H

#include <stdint.h>
#include <ucontext.h>

/* clang-format off */
/* Put seed + 1 ... seed + 19 in the registers that a function keeps for its
 * caller, call hop, and return 0 if they are still there. */
__attribute__((noinline)) static uint64_t
registers_lost(void (*hop)(void), uint64_t seed)
{
	register uint64_t x0 __asm__("x0") = (uint64_t)hop;
	register uint64_t x1 __asm__("x1") = seed;

	__asm__ volatile(
		"stp	x29, x1, [sp, -16]!\n\t"
		".irp r, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29\n\t"
		"add	x1, x1, 1\n\t"
		"mov	x\\r, x1\n\t"
		".endr\n\t"
		".irp r, 8, 9, 10, 11, 12, 13, 14, 15\n\t"
		"add	x1, x1, 1\n\t"
		"fmov	d\\r, x1\n\t"
		".endr\n\t"
		"blr	x0\n\t"
		"mov	x0, 0\n\t"
		"ldr	x1, [sp, 8]\n\t"
		".irp r, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29\n\t"
		"add	x1, x1, 1\n\t"
		"eor	x2, x\\r, x1\n\t"
		"orr	x0, x0, x2\n\t"
		".endr\n\t"
		".irp r, 8, 9, 10, 11, 12, 13, 14, 15\n\t"
		"add	x1, x1, 1\n\t"
		"fmov	x2, d\\r\n\t"
		"eor	x2, x2, x1\n\t"
		"orr	x0, x0, x2\n\t"
		".endr\n\t"
		"ldp	x29, x1, [sp], 16"
		: "+r"(x0), "+r"(x1)
		:
		: "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10",
		  "x11", "x12", "x13", "x14", "x15", "x16", "x17", "x18",
		  "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26",
		  "x27", "x28", "x30", "v0", "v1", "v2", "v3", "v4", "v5",
		  "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14",
		  "v15", "v16", "v17", "v18", "v19", "v20", "v21", "v22",
		  "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30",
		  "v31", "memory", "cc");
	return x0;
}
/* clang-format on */

static void load_control(uint64_t fpcr)
{
	__asm__ volatile("msr fpcr, %0" : : "r"(fpcr));
}

static void round_up(void)
{
	load_control(1 << 22);
}

enum { CONTROL_WORDS = 1 };

static void round_up_one(int word)
{
	(void)word;
	round_up();
}

/* Division by zero becomes an exception, where the CPU has exceptions. */
static void trap_division(void)
{
	load_control(1 << 9);
}

/* The stack pointer that a signal found. */
static void *stopped_sp(const void *ucontext)
{
	const ucontext_t *u = ucontext;

	return (void *)u->uc_mcontext.sp;
}

#endif
