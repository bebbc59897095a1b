/*
 * unit_stack.h - what the suites that look at stacks share.
 */
#ifndef UNIT_STACK_H
#define UNIT_STACK_H

#include "core/stack.h"

#include "core/os.h"
#include "test.h"

#include <sys/resource.h>

#define MIB (1ul << 20)

enum { MANY = 1000 };

static struct stack_cache cache;

__attribute__((unused)) static char *take_one(struct stack_cache *c)
{
	EXPECT_EQ(stack_reserve(c), 0);
	return stack_take(c);
}

__attribute__((unused)) static void give_one(struct stack_cache *c, char *top)
{
	stack_give(c, top);
	stack_unreserve(c);
}

/* Does touching this byte kill?  Asked of a child. */
__attribute__((unused)) static bool kills(char *at)
{
	struct rlimit none = { 0, 0 };
	int status;
	pid_t child = fork();

	if (child == 0) {
		setrlimit(RLIMIT_CORE, &none);
		signal(SIGSEGV, SIG_DFL);
		*(char *)at = 1;
		_exit(0);
	}
	waitpid(child, &status, 0);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

/* A number from a file of /proc, after the word. */
__attribute__((unused)) static size_t proc(const char *file, const char *word)
{
	char line[200];
	size_t n = 0;
	FILE *f = fopen(file, "r");

	while (fgets(line, sizeof line, f))
		if (strncmp(line, word, strlen(word)) == 0)
			n = strtoul(line + strlen(word), NULL, 10);
	fclose(f);
	return n << 10;
}

/* Bytes between these that have memory, by whole pages. */
__attribute__((unused)) static size_t resident(char *from, char *to)
{
	static unsigned char in[(STACK_MAX >> 12) + 1];
	size_t page = os_page(), n = 0;

	from -= (uintptr_t)from % page;
	EXPECT_EQ(mincore(from, (size_t)(to - from), in), 0);
	for (size_t i = 0; i * page < (size_t)(to - from); i++)
		n += in[i] & 1;
	return n * page;
}

__attribute__((unused)) static void fill(char *from, char *to, int with)
{
	for (char *at = from; at < to; at += os_page())
		*at = (char)with;
	to[-1] = (char)with;
}

__attribute__((unused)) static void expect_sound(char *top, size_t size,
						 size_t lost)
{
	struct stack_bounds b = stack_bounds_of(top, size), found;

	EXPECT_EQ((uintptr_t)top % 16, 0);
	EXPECT(b.hi == top);
	EXPECT(b.hi - b.lo >= (ptrdiff_t)(size - lost));
	EXPECT_EQ(b.lo - b.guard, os_page());
	for (char *at = b.guard; at < top; at += os_page() / 2) {
		EXPECT(stack_find(at, &found));
		EXPECT(found.guard == b.guard && found.lo == b.lo);
		EXPECT(found.hi == top);
	}
	EXPECT(stack_find(top - 1, &found) && found.hi == top);
	fill(b.lo, top, 1);
	EXPECT(kills(b.lo - 1));
	EXPECT(kills(b.guard));
}

#endif
