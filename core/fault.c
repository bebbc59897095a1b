/*
 * fault.c - system calls that fail because a test wants it.
 *
 *	         first call                os_fail
 *	UNREAD ------------> READING ----> NONE ---------> SOME
 *	                        '---------------------------^
 *	                               LEAT_FAIL is set
 *
 * While the state is NONE a call pays one relaxed load.
 */
#include "core/fault.h"

#include "core/os.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Atomic int fault_state = FAULTS_UNREAD;

static struct {
	const char *kind;
	int error;
	_Atomic bool every;
	_Atomic unsigned n; /* 0: none */
	_Atomic unsigned calls;
} faults[FAULTS] = {
	[FAULT_MAP] = { .kind = "map", .error = -ENOMEM },
	[FAULT_ADVISE] = { .kind = "advise", .error = -EINVAL },
	[FAULT_BATCH] = { .kind = "batch", .error = -ENOSYS },
	[FAULT_PROTECT] = { .kind = "protect", .error = -ENOMEM },
	[FAULT_FUTEX] = { .kind = "futex", .error = -EINTR },
	[FAULT_THREAD] = { .kind = "thread", .error = -EAGAIN },
	[FAULT_PIN] = { .kind = "pin", .error = -EINVAL },
};

static bool arm(const char *kind, unsigned n, bool every)
{
	for (int i = 0; i < FAULTS; i++) {
		if (strcmp(faults[i].kind, kind) != 0)
			continue;
		a_store(&faults[i].every, every, relaxed);
		a_store(&faults[i].calls, 0, relaxed);
		a_store(&faults[i].n, n, relaxed);
		return true;
	}
	return false;
}

static void arm_all(const char *list)
{
	for (const char *at = list; *at;) {
		char kind[16];
		unsigned n = 0;
		int end = 0;
		bool every =
			sscanf(at, "%15[a-z]:every:%u%n", kind, &n, &end) == 2;

		if (!every)
			sscanf(at, "%15[a-z]:%u%n", kind, &n, &end);
		if (n == 0 || (at[end] != ',' && at[end] != '\0') ||
		    !arm(kind, n, every))
			refuse("LEAT_FAIL=%s: not a list of kind:n or "
			       "kind:every:n, kinds being map, advise, batch, "
			       "protect, futex, thread and pin",
			       list);
		at += end + (at[end] == ',');
	}
}

static void read_once(void)
{
	int seen = FAULTS_UNREAD;

	if (a_cas(&fault_state, &seen, FAULTS_READING, relaxed)) {
		const char *list = getenv("LEAT_FAIL");

		if (list)
			arm_all(list);
		/* [fault.read] pairs with [fault.wait]: what was read comes
		 * before the news that it was. */
		a_store(&fault_state, list ? FAULTS_SOME : FAULTS_NONE,
			release);
	}
	/* [fault.wait] pairs with [fault.read], [fault.arm]. */
	while (a_load(&fault_state, acquire) == FAULTS_READING)
		a_spin();
}

COLD int fault_count(enum fault kind)
{
	read_once();

	unsigned n = a_load(&faults[kind].n, relaxed);
	if (n == 0)
		return 0;

	unsigned calls = a_add(&faults[kind].calls, 1, relaxed) + 1;
	bool hit = a_load(&faults[kind].every, relaxed) ? calls % n == 0
							: calls == n;
	return hit ? faults[kind].error : 0;
}

bool os_fail(const char *kind, unsigned n, bool every)
{
	read_once();
	if (!arm(kind, n, every))
		return false;
	/* [fault.arm] pairs with [fault.wait]. */
	a_store(&fault_state, FAULTS_SOME, release);
	return true;
}
