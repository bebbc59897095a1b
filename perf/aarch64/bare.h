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

/* Make *b start in fn, which never returns. */
static inline void bare_init(struct bare *b, char *top, void (*fn)(void))
{
	b->pc = (void *)fn;
	b->sp = top;
	b->fp = 0;
}

static inline __attribute__((always_inline)) void bare_switch(struct bare *from,
							      struct bare *to)
{
	register struct bare *x0 __asm__("x0") = from;
	register struct bare *x1 __asm__("x1") = to;

	/* x16, because a function entered by br from x16 may begin with
	 * "bti c"; hint 36 is "bti j". */
	__asm__ volatile(
		"adr x9, 1f\n\t"
		"mov x10, sp\n\t"
		"stp x9, x10, [x0]\n\t"
		"str x29, [x0, 16]\n\t"
		"ldp x16, x10, [x1]\n\t"
		"ldr x29, [x1, 16]\n\t"
		"mov sp, x10\n\t"
		"br x16\n"
		"1:\thint 36"
		: "+r"(x0), "+r"(x1)
		:
		: "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11",
		  "x12", "x13", "x14", "x15", "x16", "x17", "x18", "x19", "x20",
		  "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x30",
		  "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9",
		  "v10", "v11", "v12", "v13", "v14", "v15", "v16", "v17", "v18",
		  "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27",
		  "v28", "v29", "v30", "v31", "cc", "memory");
}

#endif
