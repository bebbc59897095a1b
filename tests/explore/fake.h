/*
 * fake.h - what the parts of the scheduler that are not explored look like.
 *
 * A case includes the .c files it is about and this after them; a file's own
 * fakes come first and say so with FAKED_<name>.
 */
#ifndef FAKE_H
#define FAKE_H

#include "core/os.h"
#include "core/sched.h"

/* The kernel: a sleep has no deadline, for time stands still. */
int os_futex_wait(_Atomic uint32_t *word, uint32_t value, int64_t deadline)
{
	(void)deadline;
	explore_sleep(word, value);
	return 0;
}

void os_futex_wake(_Atomic uint32_t *word, int n)
{
	explore_wake(word, n);
}

int64_t os_now(void)
{
	return 0;
}

/* Called only where a case went astray. */
#define ASTRAY(type, name, ...)                                     \
	_Pragma("GCC diagnostic push")                              \
	_Pragma("GCC diagnostic ignored \"-Wunused-parameter\"") \
	type name(__VA_ARGS__)                                      \
	{                                                           \
		explore_fail(#name, 0, "called");                   \
	}                                                           \
	_Pragma("GCC diagnostic pop")

#endif
