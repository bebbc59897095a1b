/*
 * sanitize.h - AddressSanitizer: it keeps a fake stack per context and must
 * know the bounds of the stack it comes to.
 *
 * After sanitizer/common_interface_defs.h; see none/sanitize.h for the calls.
 */
#ifndef CORE_SANITIZE_H
#define CORE_SANITIZE_H

#include "arch/arch.h"

#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <stddef.h>
#include <stdint.h>

#define SANITIZE_SWITCHES __attribute__((no_sanitize("address")))
#define SANITIZE_NOT      __attribute__((no_sanitize("address")))

enum { SANITIZE_THREADS = 0 }; /* it has none of its own */

static inline void sanitize_thread(void **mine)
{
	*mine = NULL;
}

/* The frames of whoever had the stack before never returned. */
static inline void sanitize_birth(void **its, char *top, size_t size)
{
	*its = NULL;
	__asan_unpoison_memory_region(top - size, size);
}

static inline void sanitize_end(void **its, void **grave)
{
	(void)its;
	(void)grave;
}

static inline void sanitize_leave(void **from, void **to, char *top,
				  size_t size)
{
	(void)to;
	__sanitizer_start_switch_fiber(from, top - size, size);
}

static inline void sanitize_publish(_Atomic uint32_t *live,
				    _Atomic uint64_t *word)
{
	(void)live;
	(void)word;
}

static inline void sanitize_arrive(void **mine)
{
	__sanitizer_finish_switch_fiber(*mine, NULL, NULL);
}

static inline void sanitize_tell(void *what)
{
	(void)what;
}

static inline void sanitize_hear(void *what)
{
	(void)what;
}

/* What is left is not poisoned any more. */
static inline _Noreturn void sanitize_jump(struct leat_frame *frame)
{
	__asan_handle_no_return();
	arch_jump(frame);
}

#endif
