/*
 * unit_switch_x86_64.h - registers and control words, for unit_switch.c.
 */
#ifndef UNIT_SWITCH_CPU_H
#define UNIT_SWITCH_CPU_H

#include <stdint.h>
#include <ucontext.h>

/* clang-format off */
/* Put seed + 1 ... seed + 6 in the registers that a function keeps for its
 * caller, call hop, and return 0 if they are still there. */
__attribute__((noinline)) static uint64_t
registers_lost(void (*hop)(void), uint64_t seed)
{
	uint64_t lost;

	__asm__ volatile(
		"movq	%%rsp, %%rax\n\t"
		"subq	$128, %%rsp\n\t" /* the red zone */
		"andq	$-16, %%rsp\n\t"
		"pushq	%%rax\n\t"
		"pushq	%%rbp\n\t"
		"pushq	%%rsi\n\t"
		"pushq	%%rsi\n\t"
		"leaq	1(%%rsi), %%rbx\n\t"
		"leaq	2(%%rsi), %%rbp\n\t"
		"leaq	3(%%rsi), %%r12\n\t"
		"leaq	4(%%rsi), %%r13\n\t"
		"leaq	5(%%rsi), %%r14\n\t"
		"leaq	6(%%rsi), %%r15\n\t"
		"call	*%%rdi\n\t"
		"popq	%%rsi\n\t"
		"popq	%%rsi\n\t"
		"xorl	%%eax, %%eax\n\t"
		".irp r, rbx, rbp, r12, r13, r14, r15\n\t"
		"incq	%%rsi\n\t"
		"xorq	%%rsi, %%\\r\n\t"
		"orq	%%\\r, %%rax\n\t"
		".endr\n\t"
		"popq	%%rbp\n\t"
		"popq	%%rsp"
		: "=&a"(lost), "+D"(hop), "+S"(seed)
		:
		: "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13",
		  "r14", "r15", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4",
		  "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
		  "xmm12", "xmm13", "xmm14", "xmm15", "st", "st(1)", "st(2)",
		  "st(3)", "st(4)", "st(5)", "st(6)", "st(7)", "memory", "cc");
	return lost;
}
/* clang-format on */

static void load_control(uint32_t mxcsr, uint16_t x87)
{
	__asm__ volatile("ldmxcsr %0\n\tfldcw %1" : : "m"(mxcsr), "m"(x87));
}

static void round_up(void)
{
	load_control(0x1f80 | 2 << 13, 0x037f | 2 << 10);
}

/* Two words, each of which is to be noticed alone. */
enum { CONTROL_WORDS = 2 };

static void round_up_one(int word)
{
	load_control(word == 0 ? 0x1f80 | 2 << 13 : 0x1f80,
		     word == 1 ? 0x037f | 2 << 10 : 0x037f);
}

/* Division by zero becomes an exception, now or at the next instruction. */
static void trap_division(void)
{
	load_control(0x1f80 & ~(1 << 9), 0x037f & ~(1 << 2));
}

/* The stack pointer that a signal found. */
static void *stopped_sp(const void *ucontext)
{
	const ucontext_t *u = ucontext;

	return (void *)u->uc_mcontext.gregs[REG_RSP];
}

#endif
