/*
 * context.h - the switch of x86-64.
 *
 *	rdi from    rsi to    rdx addr    rcx value    rax with
 *	r8  to->pc  r9  to->sp
 *
 * It leaves by jmp, not ret: the CPU predicts that ret goes back to the latest
 * call, which is ours and not theirs (12 ns against 1.3).
 *
 * Unwinding is right at every instruction.  Until rbp is replaced, the rules
 * of the function that switches hold.  From then on ARCH_IN_FLIGHT describes a
 * frame without a body whose caller is *to: return address in r8, CFA in r9,
 * rbp the caller's, and no other register of any use.  A debugger shows the
 * function that leaves on top of the stack that it goes to.  The rules of
 * the function hold again from the nop on, because unwinders look up a saved
 * pc minus one.
 *
 * The two stores are release stores, after which the saved context is seen:
 * [switch.live] pairs with [live.look], [live.hold].
 * Likewise [switch.word] pairs with [once.done], [once.seen], [rw.in], [rw.column], [sema.take], [cond.lock], [mutex.lock], [wg.lock], [wg.leave], [chan.lock], [chan.ours],
 * [chan.ours_too], [bias.await], [m.touches].
 *
 * Offsets are passed as constants, never as memory operands, which the
 * compiler might address by rsp.
 */
#ifndef ARCH_CONTEXT_H
#define ARCH_CONTEXT_H

#include "arch/arch.h"

/* clang-format off */
#ifdef __GCC_HAVE_DWARF2_CFI_ASM
#define ARCH_IN_FLIGHT						\
	".cfi_remember_state\n\t"				\
	".cfi_def_cfa %%r9, 0\n\t"				\
	".cfi_register %%rip, %%r8\n\t"				\
	".cfi_same_value %%rbp\n\t"				\
	".irp r, 3, 12, 13, 14, 15\n\t" /* 3 is rbx */		\
	".cfi_undefined \\r\n\t"				\
	".endr\n\t"
#define ARCH_LANDED ".cfi_restore_state\n\t"
#else
#define ARCH_IN_FLIGHT
#define ARCH_LANDED
#endif

/* A vector register's name stands for all of it.  The x87 stack counts: with
 * LTO the user's own code may surround a switch. */
#define ARCH_CLOBBER						\
	"rbx", "r8", "r9", "r10", "r11", "r12", "r13", "r14",	\
	"r15", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",	\
	"xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",	\
	"xmm12", "xmm13", "xmm14", "xmm15", "st", "st(1)",	\
	"st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)",	\
	"memory", "cc"

#ifdef __AVX512F__
#define ARCH_CLOBBER_MORE					\
	, "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21",	\
	"xmm22", "xmm23", "xmm24", "xmm25", "xmm26", "xmm27",	\
	"xmm28", "xmm29", "xmm30", "xmm31", "k0", "k1", "k2",	\
	"k3", "k4", "k5", "k6", "k7"
#else
#define ARCH_CLOBBER_MORE
#endif

__attribute__((always_inline)) static inline void *
arch_switch(struct arch_context *from, struct arch_context *to, void *with,
	    void *addr, uint64_t value)
{
	__asm__ volatile(
		"leaq	1f(%%rip), %%r8\n\t"
		"movq	%%r8, %c[pc](%%rdi)\n\t"
		"movq	%%rsp, %c[sp](%%rdi)\n\t"
		"movq	%%rbp, %c[fp](%%rdi)\n\t"
		"movq	%c[pc](%%rsi), %%r8\n\t"
		"movq	%c[sp](%%rsi), %%r9\n\t"
		"movq	%c[fp](%%rsi), %%rbp\n\t"
		ARCH_IN_FLIGHT
		"movq	%%r9, %%rsp\n\t"
		"movl	$0, %c[live](%%rdi)\n\t"
		"movq	%%rcx, (%%rdx)\n\t"
		"jmp	*%%r8\n\t"
		ARCH_LANDED
		"nop\n"
		"1:\n\t"
		"endbr64"
		: "+D"(from), "+S"(to), "+a"(with), "+d"(addr), "+c"(value)
		: [pc] "i"(offsetof(struct arch_context, pc)),
		  [sp] "i"(offsetof(struct arch_context, sp)),
		  [fp] "i"(offsetof(struct arch_context, fp)),
		  [live] "i"(offsetof(struct arch_context, live))
		: ARCH_CLOBBER ARCH_CLOBBER_MORE);
	return with;
}
/* clang-format on */

#if __has_attribute(function_return)
#define ARCH_RETURNS_ELSEWHERE __attribute__((function_return("thunk-extern")))
#else
#define ARCH_RETURNS_ELSEWHERE
#endif

/* Initial-exec: one load of the offset and one of the word, in a program, a
 * position-independent one and a shared library alike. */
__attribute__((always_inline)) static inline void *arch_self(void)
{
	void *self;

	__asm__ volatile("movq	arch_word@gottpoff(%%rip), %0\n\t"
			 "movq	%%fs:(%0), %0"
			 : "=r"(self));
	return self;
}

static inline void arch_control_save(struct arch_context *c)
{
	__asm__ volatile("stmxcsr %0\n\tfnstcw %1"
			 : "=m"(c->fpcontrol), "=m"(c->x87));
}

/* The low six bits of MXCSR are status.  Loading either word is slow and
 * storing is not, so it compares first.  fnclex: a flag that another context
 * left standing must not become an exception where it is not masked. */
static inline void arch_control_keep(struct arch_context *from,
				     const struct arch_context *to)
{
	arch_control_save(from);
	if (__builtin_expect(((from->fpcontrol ^ to->fpcontrol) & ~63u) ||
				     from->x87 != to->x87,
			     0))
		__asm__ volatile("ldmxcsr %0\n\tfnclex\n\tfldcw %1"
				 :
				 : "m"(to->fpcontrol), "m"(to->x87));
}

static inline void arch_context_init(struct arch_context *c, void *top)
{
	c->pc = (char *)arch_start + 4; /* past its nop */
	c->sp = top;
	c->fp = NULL;
	c->fpcontrol = 0x1f80;
	c->x87 = 0x037f;
}

#endif
