/*
 * base.c - last words.
 *
 * Everything here works on any stack and inside a signal handler: the text is
 * made in a buffer of our own, and a line is written by one system call.
 */
#include "core/base.h"

#include "core/atomic.h"
#include "core/os.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void (*base_before)(void), (*base_where)(void);

/* The thread whose words are the last ones. */
static _Atomic int dying;

void base_dying(void)
{
	int other = 0, me = os_thread_id();

	if (a_cas(&dying, &other, me, relaxed) || other == me)
		return;
	for (;;)
		pause();
}

void base_await_end(void)
{
	while (a_load(&dying, relaxed) != 0)
		pause();
}

/* They go out line by line, or so much as there is room for. */
static struct {
	size_t n;
	char text[2048];
} words;

static void flush(void)
{
	os_write_error(words.text, words.n);
	words.n = 0;
}

static void say(const char *format, va_list args)
{
	size_t room = sizeof(words.text) - words.n;
	va_list again;
	int n;

	va_copy(again, args);
	n = vsnprintf(words.text + words.n, room, format, args);
	if (n >= (int)room) {
		flush();
		vdprintf(STDERR_FILENO, format, again);
	} else if (n > 0) {
		words.n += (size_t)n;
		if (words.text[words.n - 1] == '\n')
			flush();
	}
	va_end(again);
}

void base_say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
}

void base_end(void)
{
	if (base_where)
		base_where();
	os_exit(2);
}

void fatal(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	base_dying();
	if (base_before)
		base_before();
	base_say("fatal error: ");
	say(format, args);
	base_say("\n");
	base_end();
}

void refuse(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	base_dying();
	base_say("leat: ");
	say(format, args);
	base_say("\n");
	os_exit(2);
}

void bug(const char *what, const char *file, int line)
{
	base_dying();
	base_say("leat: bug: %s, %s:%d\n", what, file, line);
	abort();
}
