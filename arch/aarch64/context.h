/*
 * context.h - the switch of AArch64.
 *
 *	x0 with    x1 from    x2 to    x3 addr    x4 value
 *	x16 to->pc    x6 to->sp
 *
 * It leaves by br: the CPU predicts that ret goes back to the latest call,
 * which is ours and not theirs.  By x16, because a branch by x16 or x17 may
 * land on a "bti c" (arch_start, which is a function) as on a "bti j" (the
 * end of the switch).  BTI is written as hint, which every assembler takes.
 * Nothing signs a saved pc; the return address that the function that
 * switches keeps on its stack is signed with a sp that comes back unchanged.
 *
 * Unwinding is right at every instruction.  Until x29 is replaced, the rules
 * of the function that switches hold.  From then on ARCH_IN_FLIGHT describes a
 * frame without a body whose caller is *to: return address in x16 (not
 * signed), CFA in x6, x29 the caller's, and no other register of any use.  A
 * debugger shows the function that leaves on top of the stack that it goes
 * to.  The rules of the function hold again from the nop on, because unwinders
 * look up a saved pc minus one.
 *
 * The two stores are release stores, after which the saved context is seen:
 * [switch.live] pairs with [live.look], [live.hold].
 * Likewise [switch.word] pairs with [once.done], [once.seen], [rw.in], [rw.column], [sema.take], [cond.lock], [mutex.lock], [wg.lock], [wg.leave], [chan.lock], [chan.ours],
 * [chan.ours_too], [bias.await], [m.touches].
 *
 * Offsets are passed as constants, never as memory operands, which the
 * compiler might address by sp.
 */
#ifndef ARCH_CONTEXT_H
#define ARCH_CONTEXT_H

#include "arch/arch.h"

/* clang-format off */
/* The function has signed its return address: in flight that is undone. */
#ifdef __ARM_FEATURE_PAC_DEFAULT
#define ARCH_UNSIGNED ".cfi_negate_ra_state\n\t"
#else
#define ARCH_UNSIGNED
#endif

#ifdef __GCC_HAVE_DWARF2_CFI_ASM
#define ARCH_IN_FLIGHT						\
	".cfi_remember_state\n\t"				\
	".cfi_def_cfa x6, 0\n\t"				\
	".cfi_register x30, x16\n\t"				\
	".cfi_same_value x29\n\t"				\
	".irp r, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28\n\t"	\
	".cfi_undefined \\r\n\t"				\
	".endr\n\t"						\
	".irp r, 72, 73, 74, 75, 76, 77, 78, 79\n\t" /* d8... */\
	".cfi_undefined \\r\n\t"				\
	".endr\n\t" ARCH_UNSIGNED
#define ARCH_LANDED ".cfi_restore_state\n\t"
#else
#define ARCH_IN_FLIGHT
#define ARCH_LANDED
#endif

/* A vector register's name stands for all of it. */
#define ARCH_CLOBBER						\
	"x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12",	\
	"x13", "x14", "x15", "x16", "x17", "x18", "x19", "x20",	\
	"x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28",	\
	"x30", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7",	\
	"v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15",	\
	"v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23",	\
	"v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31",	\
	"memory", "cc"

#ifdef __ARM_FEATURE_SVE
#define ARCH_CLOBBER_MORE					\
	, "p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8",	\
	"p9", "p10", "p11", "p12", "p13", "p14", "p15"
#else
#define ARCH_CLOBBER_MORE
#endif

__attribute__((always_inline)) static inline void *
arch_switch(struct arch_context *from, struct arch_context *to, void *with,
	    void *addr, uint64_t value)
{
	register void *x0 __asm__("x0") = with;
	register struct arch_context *x1 __asm__("x1") = from;
	register struct arch_context *x2 __asm__("x2") = to;
	register void *x3 __asm__("x3") = addr;
	register uint64_t x4 __asm__("x4") = value;

	__asm__ volatile(
		"adr	x5, 1f\n\t"
		"mov	x6, sp\n\t"
		"stp	x5, x6, [x1, %c[pc]]\n\t"
		"str	x29, [x1, %c[fp]]\n\t"
		"ldp	x16, x6, [x2, %c[pc]]\n\t"
		"ldr	x29, [x2, %c[fp]]\n\t"
		ARCH_IN_FLIGHT
		"mov	sp, x6\n\t"
		"add	x5, x1, %c[live]\n\t"
		"stlr	wzr, [x5]\n\t"
		"stlr	x4, [x3]\n\t"
		"br	x16\n\t"
		ARCH_LANDED
		"nop\n"
		"1:\n\t"
		"hint	36" /* bti j */
		: "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3), "+r"(x4)
		: [pc] "i"(offsetof(struct arch_context, pc)),
		  [fp] "i"(offsetof(struct arch_context, fp)),
		  [live] "i"(offsetof(struct arch_context, live))
		: ARCH_CLOBBER ARCH_CLOBBER_MORE);
	return x0;
}
/* clang-format on */

_Static_assert(offsetof(struct arch_context, sp) ==
		       offsetof(struct arch_context, pc) + 8,
	       "pc and sp travel as a pair");

#define ARCH_RETURNS_ELSEWHERE

/* Initial-exec: one load of the offset and one of the word, in a program, a
 * position-independent one and a shared library alike. */
__attribute__((always_inline)) static inline void *arch_self(void)
{
	void *self, *base;

	__asm__ volatile("mrs	%1, tpidr_el0\n\t"
			 "adrp	%0, :gottprel:arch_word\n\t"
			 "ldr	%0, [%0, #:gottprel_lo12:arch_word]\n\t"
			 "ldr	%0, [%1, %0]"
			 : "=&r"(self), "=&r"(base));
	return self;
}

static inline void arch_control_save(struct arch_context *c)
{
	uint64_t fpcr;

	__asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
	c->fpcontrol = (uint32_t)fpcr;
}

/* FPCR holds no status.  Writing it is slow and reading is not, so it
 * compares first. */
static inline void arch_control_keep(struct arch_context *from,
				     const struct arch_context *to)
{
	arch_control_save(from);
	if (__builtin_expect(from->fpcontrol != to->fpcontrol, 0))
		__asm__ volatile("msr fpcr, %0"
				 :
				 : "r"((uint64_t)to->fpcontrol));
}

static inline void arch_context_init(struct arch_context *c, void *top)
{
	c->pc = (char *)arch_start + 4; /* past its nop */
	c->sp = top;
	c->fp = NULL;
	c->fpcontrol = 0;
}

#endif
