/*
 * out.c - text on its way out.
 */
#include "core/out.h"

#include "core/os.h"

#include <stdio.h>
#include <string.h>

static void write_all(struct out *o, const char *text, size_t n)
{
	if (o->error)
		return;
	if (o->fd >= 0) {
		o->error = os_write(o->fd, text, n);
		return;
	}
	if (n > o->room)
		n = o->room;
	if (n > 0)
		memcpy(o->to, text, n);
	o->to += n;
	o->room -= n;
}

void out_flush(struct out *o)
{
	write_all(o, o->text, o->n);
	o->n = 0;
}

/* What does not fit into a whole buffer, once that is empty. */
static void say_long(struct out *o, const char *format, va_list args, size_t n)
{
	if (o->error)
		return;
	if (o->fd >= 0) {
		vdprintf(o->fd, format, args);
		return;
	}
	vsnprintf(o->to, o->room, format, args);
	if (n > o->room)
		n = o->room;
	o->to += n;
	o->room -= n;
}

void out_say_list(struct out *o, const char *format, va_list args)
{
	size_t room = sizeof(o->text) - o->n;
	va_list again;
	int n;

	va_copy(again, args);
	n = vsnprintf(o->text + o->n, room, format, args);
	if (n >= (int)room && o->n > 0) {
		va_list once_more;

		out_flush(o);
		va_copy(once_more, again);
		room = sizeof(o->text);
		n = vsnprintf(o->text, room, format, once_more);
		va_end(once_more);
	}
	if (n >= (int)room)
		say_long(o, format, again, (size_t)n);
	else if (n > 0)
		o->n += (size_t)n;
	va_end(again);
	if (n > 0)
		o->all += (size_t)n;
	if (o->line && o->n > 0 && o->text[o->n - 1] == '\n')
		out_flush(o);
}

void out_say(struct out *o, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	out_say_list(o, format, args);
	va_end(args);
}
