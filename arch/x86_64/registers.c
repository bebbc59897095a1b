/*
 * registers.c - what a signal handler is given, as unwinders number it.
 *
 * The numbers are those of the System V ABI's DWARF register mapping.
 */
#include "arch/arch.h"

#include <ucontext.h>

uintptr_t arch_registers(const void *context, uintptr_t *to)
{
	static const unsigned char order[ARCH_REGISTERS] = {
		REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI,
		REG_RBP, REG_RSP, REG_R8,  REG_R9,  REG_R10, REG_R11,
		REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP,
	};
	const ucontext_t *uc = context;

	for (int i = 0; i < ARCH_REGISTERS; i++)
		to[i] = (uintptr_t)uc->uc_mcontext.gregs[order[i]];
	return (uintptr_t)uc->uc_mcontext.gregs[REG_RIP];
}
