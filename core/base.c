/*
 * base.c - last words.
 *
 * Everything here works on any stack and inside a signal handler: the text is
 * made in a buffer of our own and written by one system call.
 */
#include "core/base.h"
#include "core/os.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

int (*base_who)(char *text, size_t n);

static int clip(int len, size_t room)
{
	return len < 0 ? 0 : (size_t)len < room ? len : (int)room - 1;
}

static _Noreturn void last_words(const char *prefix, bool who,
				 const char *format, va_list args)
{
	char text[1024];
	size_t room = sizeof(text) - 1;
	int n = clip(snprintf(text, room, "%s", prefix), room);

	n += clip(vsnprintf(text + n, room - n, format, args), room - n);
	text[n++] = '\n';
	if (who && base_who && sizeof(text) - n > 1)
		n += clip(base_who(text + n, sizeof(text) - n),
			  sizeof(text) - n);
	os_write_error(text, (size_t)n);
	os_exit(2);
}

void fatal(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	last_words("fatal error: ", true, format, args);
}

void panics(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	last_words("panic: ", true, format, args);
}

void refuse(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	last_words("leat: ", false, format, args);
}

void bug(const char *what, const char *file, int line)
{
	char text[256];
	int n = snprintf(text, sizeof(text), "leat: bug: %s, %s:%d\n", what,
			 file, line);

	os_write_error(text, (size_t)clip(n, sizeof(text)));
	abort();
}
