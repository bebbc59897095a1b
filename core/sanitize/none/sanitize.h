/*
 * sanitize.h - what a sanitizer must be told about switches: nothing.
 *
 * Three headers of this name stand side by side; the build's include path
 * chooses one.
 *
 *	call             when
 *	sanitize_thread  a thread of the runtime starts: its own context
 *	sanitize_birth   a goroutine got its stack
 *	sanitize_end     it will not come back; grave is the thread's
 *	sanitize_leave   right before a switch away; from is NULL for the last
 *	sanitize_arrive  right after, on the new stack
 *	sanitize_publish the switch stores to these two, with release
 *	sanitize_tell    what happened before is seen by who hears of what; for
 *	sanitize_hear    what another library orders
 *	sanitize_jump    leaves frames: a recovered panic's way, arch_jump's
 */
#ifndef CORE_SANITIZE_H
#define CORE_SANITIZE_H

#include "arch/arch.h"

#include <stddef.h>
#include <stdint.h>

#define SANITIZE_SWITCHES
#define SANITIZE_NOT

enum { SANITIZE_THREADS = 0 }; /* it has none of its own */

static inline void sanitize_thread(void **mine)
{
	(void)mine;
}

static inline void sanitize_birth(void **its, char *top, size_t size)
{
	(void)its;
	(void)top;
	(void)size;
}

static inline void sanitize_end(void **its, void **grave)
{
	(void)its;
	(void)grave;
}

static inline void sanitize_leave(void **from, void **to, char *top,
				  size_t size)
{
	(void)from;
	(void)to;
	(void)top;
	(void)size;
}

static inline void sanitize_publish(_Atomic uint32_t *live,
				    _Atomic uint64_t *word)
{
	(void)live;
	(void)word;
}

static inline void sanitize_arrive(void **mine)
{
	(void)mine;
}

static inline void sanitize_tell(void *what)
{
	(void)what;
}

static inline void sanitize_hear(void *what)
{
	(void)what;
}

static inline _Noreturn void sanitize_jump(struct leat_frame *frame)
{
	arch_jump(frame);
}

#endif
