/*
 * os.h - the only system calls; each may be made to fail by tests.
 *
 * Results are 0 or a value, and -E... on failure; errno is left alone.
 */
#ifndef CORE_OS_H
#define CORE_OS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OS_NEVER INT64_MAX

/* MADV_GUARD_INSTALL, Linux 6.13: touching the range is SIGSEGV, no mapping
 * is split, and MADV_DONTNEED leaves it so.  Older headers have no name. */
enum { OS_GUARD_INSTALL = 102 };

struct iovec;

/* Address space: reserve n bytes, readable, writable, committed when touched;
 * NULL if there is none.  align is a power of two of at least a page. */
void *os_map(size_t n, size_t align);
void os_unmap(void *at, size_t n);
size_t os_page(void);

/* One piece of advice for many ranges in as few calls as the kernel allows;
 * process_madvise, else madvise one by one.  After a failure some of the
 * ranges have been advised. */
int os_advise(const struct iovec *range, size_t n, int advice);
int os_protect_none(void *at, size_t n);
/* Give the mapping a name in /proc/self/maps where the kernel can. */
void os_name(void *at, size_t n, const char *name);
/* May the byte be read?  Finds out without a signal; true if it cannot. */
bool os_readable(const void *at);

/* Sleep while *word == value, until woken or until the deadline (absolute,
 * CLOCK_MONOTONIC nanoseconds; OS_NEVER).  -ETIMEDOUT, -EAGAIN, -EINTR or 0. */
int os_futex_wait(_Atomic uint32_t *word, uint32_t value, int64_t deadline);
/* Wake up to n sleepers. */
void os_futex_wake(_Atomic uint32_t *word, int n);

int64_t os_now(void); /* CLOCK_MONOTONIC, nanoseconds */
void os_sleep(int64_t ns);

/* Start a detached thread: fn(arg), with all signals blocked.  stack is a size in
 * bytes. */
int os_thread(void *(*fn)(void *), void *arg, size_t stack);
/* The signals that the calling thread takes; and take them too. */
void os_signals_remember(void);
void os_signals_as_remembered(void);
/* The kernel's number of the calling thread, and of its CPU; -1: unknown. */
int os_thread_id(void);
/* Send it a signal: 0 or -E.... */
int os_signal_thread(int tid, int sig);
/* How many threads the process has, or -E.... */
int os_threads(void);
/* The same without those that block SIGINT and SIGTERM. */
int os_threads_heard(void);
int os_cpu(void);
/* Restrict a thread, 0: the calling one, to these CPUs (a cpu_set_t of n
 * bytes). */
int os_pin(int tid, const void *set, size_t n);
/* The slice a thread asks of the kernel's scheduler (EEVDF, Linux 6.12), 100 us
 * to 100 ms, 0 for the usual one.  Who wakes goes before those on its CPU that
 * asked for longer ones.  Where the kernel has none, nothing. */
void os_slice(int tid, int64_t ns);
/* The calling thread is not to be like whoever made it, who may be pinned, and
 * a hog: any CPU of the process's, and the usual slice. */
void os_be_nobodys(void);
/* The calling thread's timers are not to be rounded for power's sake. */
void os_timer_slack(void);

/* All of text to fd, 0 or -E...; in signal handlers too. */
int os_write(int fd, const char *text, size_t n);
/* End the process, without atexit. */
_Noreturn void os_exit(int status);
_Noreturn void os_abort(void);
/* errno as a value: to carry it to another thread, for nothing else. */
int os_errno(void);
void os_errno_set(int e);
/* Where the calling thread has it. */
int *os_errno_here(void);
/* The number that a file of /proc begins with. */
int64_t os_number(const char *path);

/* For tests: the n-th call from now of the kind named fails, and every n-th
 * after it if `every`; n = 0 ends it.  LEAT_FAIL="map:3,thread:every:2" does
 * the same from outside.  True if there is such a kind:
 *
 *	map     NULL            batch    process_madvise is not there
 *	advise  -EINVAL         futex    a wait ends with -EINTR
 *	protect -ENOMEM         thread   -EAGAIN        pin  -EINVAL
 */
bool os_fail(const char *kind, unsigned n, bool every);

#endif
