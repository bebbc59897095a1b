/*
 * base.c - last words.
 *
 * Everything here works on any stack and inside a signal handler: the text is
 * made in a buffer of our own, and a line is written by one system call.
 */
#include "core/base.h"

#include "core/atomic.h"
#include "core/os.h"
#include "core/out.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void (*base_before)(void), (*base_where)(bool others);

/* The thread whose words are the last ones. */
static _Atomic int dying;

bool base_try_dying(void)
{
	int other = 0, me = os_thread_id();

	return a_cas(&dying, &other, me, relaxed) || other == me;
}

void base_dying(void)
{
	while (!base_try_dying())
		pause();
}

void base_alone(void)
{
	a_store(&dying, 0, relaxed);
}

void base_await_end(void)
{
	while (a_load(&dying, relaxed) != 0)
		pause();
}

struct out base_out = { .fd = STDERR_FILENO, .line = true };

void base_say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	out_say_list(&base_out, format, args);
	va_end(args);
}

void base_put(const char *text)
{
	out_put(&base_out, text, strlen(text));
}

bool base_core;

void base_exit(void)
{
	if (base_core)
		os_abort();
	os_exit(2);
}

static _Noreturn void end(bool others)
{
	if (base_where)
		base_where(others);
	base_exit();
}

void base_end(void)
{
	end(false);
}

void fatal(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	base_dying();
	if (base_before)
		base_before();
	base_say("fatal error: ");
	out_say_list(&base_out, format, args);
	base_say("\n");
	end(true);
}

void refuse(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	base_dying();
	base_say("leat: ");
	out_say_list(&base_out, format, args);
	base_say("\n");
	os_exit(2);
}

void bug(const char *what, const char *file, int line)
{
	base_dying();
	base_say("leat: bug: %s, %s:%d\n", what, file, line);
	abort();
}
