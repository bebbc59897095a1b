/*
 * arch.h - everything the runtime asks of a CPU.
 *
 * A port is one folder: cpu.h (pause, ticks), context.h (the switch, inline),
 * entry.S (the bottom of a stack, the thread's word), registers.c (for unwinding).
 * The build puts arch/$(ARCH) on the include path, so nothing outside names a CPU.
 *
 *	arch_switch(from, to, with, addr, value)
 *
 *	on from's stack            save pc, sp, fp in *from
 *	                           load pc, sp, fp of *to
 *	on to's stack              from->live := 0      release
 *	                           *addr      := value  release
 *	                           go to pc; arch_switch there returns `with`
 *
 * Nothing is pushed: the asm names every register but sp and fp as clobbered,
 * so the compiler saves what is live and only that, and describes where.
 *
 * The two stores come last, when this thread is done with from's stack, even
 * for a signal that arrives in between.  Whoever reads either of them with
 * acquire may resume *from at once, on any thread.
 *
 * A function that switches must not hold a variable-length array and an
 * over-aligned local at once: clang then keeps its frame in a register that
 * the switch clobbers (it warns).  The floating-point status flags belong to
 * the thread, and so does the shadow stack: it has none, entry.S does not
 * carry the mark that would let glibc enable one.
 */
#ifndef ARCH_ARCH_H
#define ARCH_ARCH_H

#include "cpu.h" /* CPU_LINE, cpu_relax(), cpu_fence_after_locked(), cpu_ticks() */

#include <stddef.h>
#include <stdint.h>

struct arch_context {
	void *pc, *sp, *fp;
	uint32_t fpcontrol; /* MXCSR, FPCR */
	uint16_t x87;       /* x87 control word */
	uint16_t reserved;
	_Atomic uint32_t live; /* 1 from before it is resumed to its saving */
};

/* A call in registers: up to six words. */
struct arch_call {
	void (*fn)(void);
	uintptr_t arg[6];
};

/* Suspend the caller into *from and go on with *to; returns what the one that
 * later resumes *from gives as `with`, perhaps on another thread. */
static inline void *arch_switch(struct arch_context *from,
				struct arch_context *to, void *with, void *addr,
				uint64_t value);

/* Give *to its floating-point control words and keep those of *from; right
 * before arch_switch.  Costs most of what a switch costs, so it is apart. */
static inline void arch_control_keep(struct arch_context *from,
				     const struct arch_context *to);

/* Record the caller's floating-point control words in *c. */
static inline void arch_control_save(struct arch_context *c);

/* Make *c start, on the stack below top (aligned to 16), with arch_begin, and
 * with the control words that the ABI starts a program with. */
static inline void arch_context_init(struct arch_context *c, void *top);

/* Core defines these two.  A fresh context calls arch_begin(with), then what
 * it returned, then arch_end with its result. */
struct arch_call *arch_begin(void *with);
_Noreturn void arch_end(uintptr_t result);

/* The thread's word: which M this is.  The only thread-local variable there
 * is, and no compiler knows of it, so none keeps its address over a switch.
 * The result is good until the next switch.  NULL at first. */
static inline void *arch_self(void);
void arch_self_set(void *self);

/* The bottom of every stack, where a fresh context begins.  Not for calls. */
void arch_start(void);

/* A thread's registers out of its ucontext_t, in the order of DWARF; returns the
 * pc.  cpu.h says how many (ARCH_REGISTERS), and which two are saved for a context
 * that does not run (ARCH_REGISTER_FP, ARCH_REGISTER_SP). */
uintptr_t arch_registers(const void *context, uintptr_t *to);

/* An address of code as it was before it was signed, where a CPU signs them. */
static inline uintptr_t arch_code(uintptr_t saved);

/* Return 1 from leat_frame_enter_(frame) once more (leat/panic.h): the function
 * that called it is there yet, and goes on with its registers as they were. */
struct leat_frame;
_Noreturn void arch_jump(const struct leat_frame *frame);

/* ARCH_RETURNS_ELSEWHERE: an attribute of functions that return on another
 * goroutine's call than the latest (core/dispatch.h); empty where the compiler
 * has none. */

#include "context.h" /* the five inline functions above */

#endif
