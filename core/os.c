/*
 * os.c - the only system calls; each may be made to fail by tests.
 *
 *	os_map ------> fault(MAP) ------> mmap
 *	os_advise ---> fault(ADVISE) ---> process_madvise, madvise
 *	...            |
 *	               one relaxed load while no test has asked for faults
 *
 * What surprises: errno belongs to the goroutine that calls, so every call
 * puts it back (KEEP) and hands the error out in its result.
 */
#include "core/os.h"

#include "core/atomic.h"
#include "core/base.h"
#include "core/fault.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000

/* The call's value, or -E...; errno is as it was. */
#define KEEP(call)                          \
	({                                  \
		int errno_ = errno;         \
		long value_ = (long)(call); \
		if (value_ == -1)           \
			value_ = -errno;    \
		errno = errno_;             \
		value_;                     \
	})

/* ---- memory ---- */

size_t os_page(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static char *map(size_t n)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	long at = KEEP(mmap(NULL, n, PROT_READ | PROT_WRITE, flags, -1, 0));

	return at < 0 ? NULL : (char *)at;
}

void *os_map(size_t n, size_t align)
{
	if (fault(FAULT_MAP))
		return NULL;

	char *at = map(n);
	if (!at || (uintptr_t)at % align == 0)
		return at;

	/* Map more, and cut both ends. */
	os_unmap(at, n);
	char *low = n + align > n ? map(n + align) : NULL;
	if (!low)
		return NULL;
	at = low + (-(uintptr_t)low & (align - 1));
	if (at > low)
		os_unmap(low, (size_t)(at - low));
	os_unmap(at + n, align - (size_t)(at - low));
	return at;
}

void os_unmap(void *at, size_t n)
{
	KEEP(munmap(at, n));
}

/* process_madvise wants a process: the name that Linux 6.14 gives to the
 * caller's own, else a descriptor of it, else it is of no use. */
enum { SELF = -10001, USELESS = -1 };
static _Atomic int process = SELF;

static void open_process(void)
{
	int seen = SELF;
	int fd = (int)KEEP(syscall(SYS_pidfd_open, getpid(), 0));

	if (!a_cas(&process, &seen, fd < 0 ? USELESS : fd, relaxed) && fd >= 0)
		KEEP(close(fd));
}

/* How many of the ranges, from the first, have been advised; -E... if none. */
static long advise_batch(const struct iovec *range, size_t n, int advice)
{
	int fd = a_load(&process, relaxed);
	if (fd == USELESS || fault(FAULT_BATCH))
		return -ENOSYS;

	long left = KEEP(syscall(SYS_process_madvise, fd, range, n, advice, 0));
	if (left == -EBADF && fd == SELF) {
		open_process();
		return advise_batch(range, n, advice);
	}
	if (left == -ENOSYS)
		a_store(&process, USELESS, relaxed);
	if (left < 0)
		return left;

	size_t done = 0;
	while (done < n && (size_t)left >= range[done].iov_len)
		left -= (long)range[done++].iov_len;
	return (long)done;
}

int os_advise(const struct iovec *range, size_t n, int advice)
{
	int failed = fault(FAULT_ADVISE);

	while (n > 0 && !failed) {
		size_t most = n < IOV_MAX ? n : IOV_MAX;
		long done = advise_batch(range, most, advice);

		if (done <= 0) {
			failed = (int)KEEP(madvise(range->iov_base,
						   range->iov_len, advice));
			/* Before Linux 6.13 it takes other advice only. */
			if (done == -EINVAL && !failed)
				a_store(&process, USELESS, relaxed);
			done = 1;
		}
		range += done;
		n -= (size_t)done;
	}
	return failed;
}

int os_protect_none(void *at, size_t n)
{
	int failed = fault(FAULT_PROTECT);

	return failed ? failed : (int)KEEP(mprotect(at, n, PROT_NONE));
}

void os_name(void *at, size_t n, const char *name)
{
	KEEP(prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, at, n, name));
}

bool os_readable(const void *at)
{
	int end[2];

	if (KEEP(pipe2(end, O_CLOEXEC)) < 0)
		return true;

	/* Not by a call that a sanitizer looks at. */
	bool yes = KEEP(syscall(SYS_write, end[1], at, 1)) != -EFAULT;
	KEEP(close(end[0]));
	KEEP(close(end[1]));
	return yes;
}

/* ---- time and sleep ---- */

static struct timespec timespec_of(int64_t ns)
{
	if (ns < 0)
		ns = 0;
	return (struct timespec){ ns / NS_PER_S, ns % NS_PER_S };
}

int os_futex_wait(_Atomic uint32_t *word, uint32_t value, int64_t deadline)
{
	int failed = fault(FAULT_FUTEX);
	if (failed)
		return failed;

	struct timespec at = timespec_of(deadline);
	return (int)KEEP(syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE,
				 value, deadline == OS_NEVER ? NULL : &at, NULL,
				 FUTEX_BITSET_MATCH_ANY));
}

void os_futex_wake(_Atomic uint32_t *word, int n)
{
	KEEP(syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, n, NULL, NULL, 0));
}

int64_t os_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * (int64_t)NS_PER_S + t.tv_nsec;
}

void os_sleep(int64_t ns)
{
	struct timespec until = timespec_of(os_now() + ns);

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) ==
	       EINTR)
		;
}

/* ---- threads ---- */

/* Before main, since there are fences without leat_run, too: in a map, a pool; and
 * before constructors that may use those. */
__attribute__((constructor(101))) static void register_membarrier(void)
{
	int command = MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED;

	a_light_is_heavy = KEEP(syscall(SYS_membarrier, command, 0, 0)) != 0;
}

void a_heavy(void)
{
	int command = MEMBARRIER_CMD_PRIVATE_EXPEDITED;

	if (a_light_is_heavy) {
		/* [heavy.fence] pairs with [light.fence], [bias.foreign]: as a_light(). */
		a_fence(seq_cst);
		return;
	}
	check(KEEP(syscall(SYS_membarrier, command, 0, 0)) == 0);
}

static size_t thread_stack(size_t n)
{
	size_t page = os_page(), least = (size_t)sysconf(_SC_THREAD_STACK_MIN);

	return ((n < least ? least : n) + page - 1) & -page;
}

static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL };

/* Whoever happens to start a thread is not whom it is to be like. */
static int start_blocked(const pthread_attr_t *attr, void *(*fn)(void *),
			 void *arg)
{
	sigset_t every, before;
	pthread_t id;
	int failed;

	sigfillset(&every);
	/* A fault that is blocked kills without a word. */
	for (size_t i = 0; i < ARRAY_LEN(faults); i++)
		sigdelset(&every, faults[i]);
	pthread_sigmask(SIG_SETMASK, &every, &before);
	failed = pthread_create(&id, attr, fn, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return failed;
}

int os_thread(void *(*fn)(void *), void *arg, size_t stack)
{
	int errno_ = errno, failed = -fault(FAULT_THREAD);
	pthread_attr_t attr;

	if (!failed)
		failed = pthread_attr_init(&attr);
	if (failed)
		return -failed;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	failed = pthread_attr_setstacksize(&attr, thread_stack(stack));
	if (!failed)
		failed = start_blocked(&attr, fn, arg);
	pthread_attr_destroy(&attr);
	errno = errno_;
	return -failed;
}

static sigset_t usual;

void os_signals_remember(void)
{
	pthread_sigmask(SIG_SETMASK, NULL, &usual);
	/* By which threads are asked for what they run. */
	sigdelset(&usual, SIGURG);
}

void os_signals_as_remembered(void)
{
	pthread_sigmask(SIG_SETMASK, &usual, NULL);
}

int os_pin(int tid, const void *set, size_t n)
{
	int failed = fault(FAULT_PIN);

	return failed ? failed : (int)KEEP(sched_setaffinity(tid, n, set));
}

int os_signal_thread(int tid, int sig)
{
	return (int)KEEP(syscall(SYS_tgkill, getpid(), tid, sig));
}

int os_thread_id(void)
{
	return gettid();
}

int os_threads(void)
{
	struct stat s;
	long rc = KEEP(stat("/proc/self/task", &s));

	/* A link each, and two of the folder's own. */
	return rc < 0 ? (int)rc : (int)s.st_nlink - 2;
}

/* Does thread `tid` block what a program is usually told to end by? */
static bool is_deaf(const char *tid)
{
	const unsigned long long ends =
		1ull << (SIGINT - 1) | 1ull << (SIGTERM - 1);
	unsigned long long blocked = 0;
	char path[64], line[128];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%.20s/status", tid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "SigBlk: %llx", &blocked);
	if (f)
		fclose(f);
	return (blocked & ends) == ends;
}

int os_threads_heard(void)
{
	int errno_ = errno, n = 0;
	DIR *d = opendir("/proc/self/task");

	for (struct dirent *e; d && (e = readdir(d));)
		n += e->d_name[0] != '.' && !is_deaf(e->d_name);
	if (d)
		closedir(d);
	errno = errno_;
	return d ? n : -ENOENT;
}

int os_cpu(void)
{
	return sched_getcpu();
}

/* sched_getattr(2) and sched_setattr(2): glibc has them since 2.41. */
struct attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

void os_slice(int tid, int64_t ns)
{
	struct attr a = { .size = sizeof(a) };

	if (KEEP(syscall(SYS_sched_getattr, tid, &a, sizeof(a), 0)) != 0 ||
	    a.policy != SCHED_OTHER)
		return;
	a.runtime = (uint64_t)ns;
	KEEP(syscall(SYS_sched_setattr, tid, &a, 0));
}

void os_be_nobodys(void)
{
	cpu_set_t cpus;

	if (KEEP(sched_getaffinity(getpid(), sizeof(cpus), &cpus)) == 0)
		os_pin(0, &cpus, sizeof(cpus));
	os_slice(0, 0);
}

void os_timer_slack(void)
{
	KEEP(prctl(PR_SET_TIMERSLACK, 1));
}

/* ---- words and numbers ---- */

int os_write(int fd, const char *text, size_t n)
{
	while (n > 0) {
		long wrote = KEEP(write(fd, text, n));

		if (wrote == -EINTR)
			continue;
		if (wrote == -EAGAIN) {
			struct pollfd room = { .fd = fd, .events = POLLOUT };

			KEEP(poll(&room, 1, -1));
			continue;
		}
		if (wrote <= 0)
			return wrote < 0 ? (int)wrote : -EIO;
		text += wrote;
		n -= (size_t)wrote;
	}
	return 0;
}

void os_abort(void)
{
	signal(SIGABRT, SIG_DFL);
	abort();
}

void os_exit(int status)
{
	_exit(status);
}

int64_t os_number(const char *path)
{
	char text[32] = "";
	long fd = KEEP(open(path, O_RDONLY | O_CLOEXEC));
	if (fd < 0)
		return fd;

	long n = KEEP(read((int)fd, text, sizeof text - 1));
	KEEP(close((int)fd));
	return n <= 0 ? -EIO : strtoll(text, NULL, 10);
}

/* Not inline: a compiler may keep the address of errno over a switch. */
__attribute__((noinline)) int os_errno(void)
{
	return errno;
}

__attribute__((noinline)) int *os_errno_here(void)
{
	return &errno;
}

__attribute__((noinline)) void os_errno_set(int e)
{
	errno = e;
}

bool a_light_is_heavy;

void a_yield(void)
{
	sched_yield();
}
