/*
 * error.c - errors as values: constants, and counted ones with their text.
 */
#include "leat/error.h"

#include "core/atomic.h"
#include "core/value.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct leat_error_value leat_canceled_ = LEAT_ERROR("context canceled");
const struct leat_error_value leat_deadline_exceeded_ =
	LEAT_ERROR("context deadline exceeded");
const struct leat_error_value leat_no_memory_ = LEAT_ERROR("out of memory");

struct counted {
	struct leat_error_value value;
	uint32_t users;
	char text[];
};

static _Atomic uint32_t *users_of(leat_error e)
{
	return e ? (_Atomic uint32_t *)e->users_ : NULL;
}

leat_error error_make(leat_error inner, const char *format, va_list args)
{
	const char *between = inner ? ": " : "";
	const char *behind = inner ? inner->text : "";
	struct counted *c;
	va_list again;
	size_t room;
	int n;

	va_copy(again, args);
	n = vsnprintf(NULL, 0, format, args);
	room = (n < 0 ? 0 : (size_t)n) + 1;
	c = malloc(sizeof(*c) + room + strlen(between) + strlen(behind));
	if (c) {
		if (vsnprintf(c->text, room, format, again) < 0)
			c->text[0] = '\0';
		strcat(strcat(c->text, between), behind);
		c->value = (struct leat_error_value){
			.text = c->text,
			.wrapped_ = leat_error_retain(inner),
			.users_ = &c->users,
		};
		a_store(users_of(&c->value), 1, relaxed);
	}
	va_end(again);
	return c ? &c->value : LEAT_NO_MEMORY;
}

leat_error leat_errorf(const char *format, ...)
{
	va_list args;
	leat_error e;

	va_start(args, format);
	e = error_make(NULL, format, args);
	va_end(args);
	return e;
}

leat_error leat_error_wrap(leat_error inner, const char *format, ...)
{
	va_list args;
	leat_error e;

	va_start(args, format);
	e = error_make(inner, format, args);
	va_end(args);
	return e;
}

leat_error leat_error_unwrap(leat_error e)
{
	return e ? e->wrapped_ : NULL;
}

bool leat_error_is(leat_error e, leat_error that)
{
	if (!that)
		return !e;
	while (e && e != that)
		e = e->wrapped_;
	return e != NULL;
}

const char *leat_error_text(leat_error e)
{
	return e ? e->text : "<nil>";
}

leat_error leat_error_retain(leat_error e)
{
	if (users_of(e))
		a_add(users_of(e), 1, relaxed);
	return e;
}

void leat_error_release(leat_error e)
{
	/* [error.release] pairs with [error.release]: the last one sees what
	 * the others did. */
	while (users_of(e) && a_sub(users_of(e), 1, acq_rel) == 1) {
		leat_error inner = e->wrapped_;

		free((void *)(uintptr_t)e);
		e = inner;
	}
}
