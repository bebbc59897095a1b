/*
 * guard.c - pages that must not be touched, below every stack.
 *
 *	way       costs              what it splits   how many
 *	madvise   0.2 us, batched    nothing          no limit
 *	mprotect  2 us               two mappings     vm.max_map_count / 2
 *	none      nothing            nothing          no limit, said on stderr
 *
 * What surprises: whether madvise guards is found out by looking at a guarded
 * page, since an emulator may answer "done" and do nothing.  A range that
 * madvise refuses all the same (locked in memory, before Linux 6.15) gets its
 * guard by mprotect.  Both survive MADV_DONTNEED.
 */
#include "core/guard.h"

#include "core/atomic.h"
#include "core/base.h"
#include "core/os.h"

#include <errno.h>
#include <stdio.h>
#include <sys/uio.h>
#include <unistd.h>

/* Mappings are the whole process's: leave it a sixteenth of them. */
enum { MAPPINGS_DEFAULT = 65530, MAPPINGS_SPARE = 16, MAPPINGS_A_GUARD = 2 };

static bool by_madvise;
static int64_t mappings;     /* vm.max_map_count */
static _Atomic int64_t left; /* guards that mprotect may still make */
static _Atomic size_t missing;

static bool madvise_guards(void)
{
	size_t page = os_page();
	struct iovec range = { os_map(page, page), page };

	if (!range.iov_base)
		return false;

	bool does = os_advise(&range, 1, OS_GUARD_INSTALL) == 0 &&
		    !os_readable(range.iov_base);
	os_unmap(range.iov_base, page);
	return does;
}

void guard_init(void)
{
	by_madvise = madvise_guards();
	mappings = os_number("/proc/sys/vm/max_map_count");
	if (mappings <= 0)
		mappings = MAPPINGS_DEFAULT;
	a_store(&left,
		(mappings - mappings / MAPPINGS_SPARE) / MAPPINGS_A_GUARD,
		relaxed);
}

static COLD void complain(void)
{
	char text[320];
	int n = snprintf(text, sizeof text,
			 "leat: from here on new stacks have no guard page: "
			 "this kernel makes guards by mprotect only, and "
			 "vm.max_map_count is %lld\n"
			 "leat: raise it (sysctl -w vm.max_map_count=%lld) or "
			 "run Linux 6.13 or later\n",
			 (long long)mappings, (long long)mappings * 16);

	os_write(STDERR_FILENO, text, (size_t)n);
}

static void protect(const struct iovec *range)
{
	if (a_sub(&left, 1, relaxed) > 0 &&
	    os_protect_none(range->iov_base, range->iov_len) == 0)
		return;
	a_store(&left, 0, relaxed);
	if (a_add(&missing, 1, relaxed) == 0)
		complain();
}

int guard_install(const struct iovec *range, size_t n)
{
	if (by_madvise) {
		int failed = os_advise(range, n, OS_GUARD_INSTALL);

		if (failed == 0 || failed == -ENOMEM)
			return failed;
	}
	for (size_t i = 0; i < n; i++)
		protect(&range[i]);
	return 0;
}

const char *guard_kind(void)
{
	if (guard_missing() > 0)
		return "none";
	return by_madvise ? "madvise" : "mprotect";
}

size_t guard_missing(void)
{
	return a_load(&missing, relaxed);
}
