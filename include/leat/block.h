/*
 * block.h - calls that block in the kernel: say so, and the others go on.
 *
 *	thread A            leat_block_enter ... read() ... leat_block_exit
 *	its P               |   stays with A while the call is short   |
 *	                    |   after 20 us another thread takes it    |
 *
 * A goroutine that blocks its thread without saying so is found as well, but
 * only after about 10 ms.  Nothing here touches a file descriptor: any call
 * that blocks will do (read of a file, getaddrinfo, waitpid, a foreign lock).
 *
 * On a thread that is not the runtime's all of these do nothing but call fn.
 */
#ifndef LEAT_BLOCK_H
#define LEAT_BLOCK_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Run fn(arg) on this thread and return its result, with the P handed to
 * another thread at once if any goroutine waits for it: for calls known to be
 * long.  fn must not call leat_ functions, but for those of leat/panic.h.  errno is as fn left it, if read
 * before the next call into the runtime. */
intptr_t leat_block(intptr_t (*fn)(void *arg), void *arg);

/*
 * The bracket for calls that are usually short: costs a few plain stores, and
 * the P is taken away only if the call lasts longer than about 20 us while
 * other goroutines wait.  No leat_ function may be called in between, but for
 * those of leat/panic.h; a panic leaves it by leat_defer(leat_block_exit);
 * brackets do not nest (a fatal error).  errno survives leat_block_exit.
 */
void leat_block_enter(void);
void leat_block_exit(void);

#ifdef __cplusplus
}
#endif

#endif
