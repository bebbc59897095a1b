/*
 * out.c - text on its way out.
 */
#include "core/out.h"

#include "core/os.h"

#include <stdio.h>
#include <string.h>

/* Into memory: into what there is, then into more, if there is any. */
static void keep(struct out *o, const char *text, size_t n)
{
	while (n > 0 && (o->room > 0 || (o->more && o->more(o)))) {
		size_t part = n < o->room ? n : o->room;

		memcpy(o->to, text, part);
		o->to += part;
		o->room -= part;
		text += part;
		n -= part;
	}
}

static void put_now(struct out *o, const char *text, size_t n)
{
	if (o->fd < 0)
		keep(o, text, n);
	else if (!o->error)
		o->error = os_write(o->fd, text, n);
}

void out_flush(struct out *o)
{
	put_now(o, o->text, o->n);
	o->n = 0;
}

void out_put(struct out *o, const char *text, size_t n)
{
	o->all += n;
	if (n > sizeof(o->text) - o->n)
		out_flush(o);
	if (n > sizeof(o->text)) {
		put_now(o, text, n);
		return;
	}
	memcpy(o->text + o->n, text, n);
	o->n += n;
	if (o->line && n > 0 && text[n - 1] == '\n')
		out_flush(o);
}

void out_say_list(struct out *o, const char *format, va_list args)
{
	char line[sizeof(o->text)];
	int n = vsnprintf(line, sizeof(line), format, args);

	if (n > 0)
		out_put(o, line,
			(size_t)n < sizeof(line) ? (size_t)n
						 : sizeof(line) - 1);
}

void out_say(struct out *o, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	out_say_list(o, format, args);
	va_end(args);
}
