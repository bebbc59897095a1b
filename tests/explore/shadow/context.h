/*
 * context.h - the switch, under the explorer: tests/explore/switch.c.
 */
#ifndef ARCH_CONTEXT_H
#define ARCH_CONTEXT_H

#include "arch/arch.h"

void *explore_switch(struct arch_context *from, struct arch_context *to,
		     void *with, void *addr, uint64_t value);
void explore_begin_at(struct arch_context *c);

#define ARCH_RETURNS_ELSEWHERE

void *explore_word(void); /* the case's own, if it has Ms */

static inline void *arch_self(void)
{
	return explore_word();
}

static inline void *arch_switch(struct arch_context *from,
				struct arch_context *to, void *with, void *addr,
				uint64_t value)
{
	return explore_switch(from, to, with, addr, value);
}

static inline void arch_context_init(struct arch_context *c, void *top)
{
	(void)top;
	explore_begin_at(c);
}

static inline void arch_control_keep(struct arch_context *from,
				     const struct arch_context *to)
{
	(void)from;
	(void)to;
}

static inline void arch_control_save(struct arch_context *c)
{
	(void)c;
}

#endif
