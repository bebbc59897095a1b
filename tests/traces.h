/*
 * traces.h - stacks as text.
 */
#ifndef TRACES_H
#define TRACES_H

#include "leat.h"

#include "test.h"

#include <sys/resource.h>
#include <unistd.h>

#define MS LEAT_MILLISECOND

/* Functions that are to be found. */
#define FOUND __attribute__((noinline))
#define HERE \
	__asm__ volatile("" ::: "memory") /* no call before it is the last */

__attribute__((unused)) static char text[1 << 20];

/* How often. */
__attribute__((unused)) static int count(const char *in, const char *what)
{
	int n = 0;

	for (; (in = strstr(in, what)); in++)
		n++;
	return n;
}

/* All parts in this order, in text. */
__attribute__((unused)) static void expect_said(const char *const *parts,
						size_t n)
{
	const char *at = text;

	for (size_t i = 0; i < n; i++) {
		at = strstr(at, parts[i]);
		if (!at)
			test_fail(__FILE__, __LINE__, "no %s in:\n%.900s",
				  parts[i], text);
		at += strlen(parts[i]);
	}
}

/* fn in a process of its own, by LEAT_TRACEBACK: what it said and how it ended. */
__attribute__((unused)) static void ends_with(int (*fn)(void),
					      const char *level, int *status)
{
	const struct rlimit no_core = { 0, 0 };
	int fds[2];
	pid_t child;
	size_t n = 0;
	long got;

	EXPECT_EQ(pipe(fds), 0);
	child = fork();
	EXPECT(child >= 0);
	if (child == 0) {
		dup2(fds[1], STDERR_FILENO);
		close(fds[1]);
		setrlimit(RLIMIT_CORE, &no_core);
		setenv("LEAT_TRACEBACK", level, 1);
		_exit(leat_run(fn));
	}
	close(fds[1]);
	while ((got = read(fds[0], text + n, sizeof(text) - 1 - n)) > 0)
		n += (size_t)got;
	text[n] = '\0';
	close(fds[0]);
	EXPECT_EQ(waitpid(child, status, 0), child);
}

#endif
