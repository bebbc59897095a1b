/*
 * bare.h - the least a switch can do on this CPU, to measure others by.
 *
 *	save pc, sp, fp; load pc, sp, fp; jump
 *
 * The compiler saves what it has in other registers, and at a switch in a
 * short loop that is little.  No store for anybody else, no control words.
 */
#ifndef BARE_H
#define BARE_H

struct bare {
	void *pc, *sp, *fp;
};

/* Make *b start in fn, which never returns, as if called: the stack pointer
 * is 8 off a multiple of 16. */
static inline void bare_init(struct bare *b, char *top, void (*fn)(void))
{
	b->pc = (void *)fn;
	b->sp = top - 8;
	b->fp = 0;
}

static inline __attribute__((always_inline)) void bare_switch(struct bare *from,
							      struct bare *to)
{
	__asm__ volatile("leaq 1f(%%rip), %%rax\n\t"
			 "movq %%rax, 0(%[from])\n\t"
			 "movq %%rsp, 8(%[from])\n\t"
			 "movq %%rbp, 16(%[from])\n\t"
			 "movq 8(%[to]), %%rsp\n\t"
			 "movq 16(%[to]), %%rbp\n\t"
			 "jmp *0(%[to])\n"
			 "1:\tendbr64"
			 : [from] "+D"(from), [to] "+S"(to)
			 :
			 : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11",
			   "r12", "r13", "r14", "r15", "xmm0", "xmm1", "xmm2",
			   "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
			   "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
			   "xmm15", "cc", "memory");
}

#endif
