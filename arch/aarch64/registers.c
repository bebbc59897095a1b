/*
 * registers.c - what a signal handler is given, as unwinders number it.
 *
 * The numbers are those of DWARF for the Arm 64-bit Architecture: x0 to x30, sp.
 */
#include "arch/arch.h"

#include <ucontext.h>

uintptr_t arch_registers(const void *context, uintptr_t *to)
{
	const ucontext_t *uc = context;

	for (int i = 0; i < ARCH_REGISTERS - 1; i++)
		to[i] = (uintptr_t)uc->uc_mcontext.regs[i];
	to[ARCH_REGISTER_SP] = (uintptr_t)uc->uc_mcontext.sp;
	return (uintptr_t)uc->uc_mcontext.pc;
}
