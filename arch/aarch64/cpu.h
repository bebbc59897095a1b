/*
 * cpu.h - AArch64.
 */
#ifndef ARCH_CPU_H
#define ARCH_CPU_H

#include <stdint.h>

#define CPU_LINE 128 /* the longest in use; most cores have 64 */

/* DWARF's numbers of them.  A call leaves where it returns to in LINK. */
enum {
	ARCH_REGISTERS = 32,
	ARCH_REGISTER_FP = 29,
	ARCH_REGISTER_LINK = 30,
	ARCH_REGISTER_SP = 31,
	ARCH_REGISTER_PC = -1,
};

/* Of user space, so its upper bits were zero before they became the signature. */
static inline uintptr_t arch_code(uintptr_t saved)
{
	return saved & 0xffffffffffff;
}

/* Not yield, which most cores take for a nop: isb lasts as long as the pause
 * of x86-64. */
static inline void cpu_relax(void)
{
	__asm__ volatile("isb" ::: "memory");
}

/* A full fence, right after an atomic change: later loads may pass its store. */
static inline void cpu_fence_after_locked(void)
{
	__asm__ volatile("dmb ish" ::: "memory");
}

/* The kernel's name for the clock that counts these. */
#define CPU_CLOCKSOURCE "arch_sys_counter"

static inline uint64_t cpu_ticks(void)
{
	uint64_t t;

	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(t));
	return t;
}

#endif
