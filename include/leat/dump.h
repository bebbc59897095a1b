/*
 * dump.h - where all goroutines are.
 *
 *	SIGQUIT                  all, on stderr; ends the process (status 2); a
 *	                         second one does at once
 *	LEAT_DUMP=USR1           all, on stderr, at that signal; it goes on
 *	leat_dump(fd)            all, wherever you like
 *	leat_stack(...)          the caller's, or all, into memory
 *
 * One goroutine after the other is held for the microseconds that it takes to copy
 * its stack, at most 64 KiB of it, so each is shown as it was at an instant; who
 * would go on just then does a little later.  One that runs is asked by a signal,
 * SIGURG, on its thread: poll, epoll_wait, nanosleep and what else is never restarted
 * end with EINTR then.  A program that takes SIGURG for itself after leat_run sees
 * "stack unavailable" for these.  The text is that of Go's tracebacks; files and lines
 * need debugging information (-g).
 */
#ifndef LEAT_DUMP_H
#define LEAT_DUMP_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Write all goroutines to fd: for each its number and name, what it does or waits
 * for, the address of what it waits at and for how many minutes, its stack, and who
 * started it where.  The caller waits until it is written; others go on.  From
 * goroutines and threads, not from signal handlers.  Dumps are made one after the
 * other.  0, or
 *
 *	-EINVAL    the runtime has not been started
 *	-EAGAIN    there is no thread that could do it
 *	-ENOMEM    no memory to keep the text until it is written
 *	-ENOSYS    the process cannot be looked at: there is no /proc
 *	-E...      of write(fd, ...)
 */
int leat_dump(int fd);

/*
 * The same into memory, at most n bytes, without a zero at its end: of the calling
 * goroutine, or of all.  Returns how many bytes were written, or as above; after
 * runtime.Stack.  -EINVAL too if the caller's alone is asked for and it is not a
 * goroutine.
 */
long leat_stack(char *to, size_t n, bool all);

#ifdef __cplusplus
}
#endif

#endif
