/*
 * fiber.h - threads that run only when told to.
 */
#ifndef FIBER_H
#define FIBER_H

#include <setjmp.h>
#include <ucontext.h>

struct fiber {
	jmp_buf here;  /* where it goes on */
	jmp_buf start; /* where it began */
	void (*run)(void);
	ucontext_t born;
};

/* Make f run run(), which must not return, when it is first switched to. */
void fiber_make(struct fiber *f, void (*run)(void));
/* Back to the start; what is on its stack is forgotten. */
void fiber_restart(struct fiber *f);
void fiber_switch(struct fiber *from, struct fiber *to);

#endif
