/*
 * value.c - what a panic is about, as text.
 *
 *	               leat_value_text       on stderr, at the end
 *	bool           true                  true
 *	integer        -7                    -7
 *	float          1.5                   1.5
 *	text, error    a                     a
 *	               b                     	b
 *	pointer        0x1234                (void *) 0x1234
 */
#include "core/value.h"

#include "core/base.h"
#include "core/out.h"

#include <stdio.h>
#include <string.h>

bool value_is_nil(const struct leat_value *v)
{
	switch (v->kind) {
	case LEAT_VALUE_NONE:
		return true;
	case LEAT_VALUE_TEXT:
		return !v->text;
	case LEAT_VALUE_POINTER:
		return !v->pointer;
	case LEAT_VALUE_ERROR:
		return !v->error;
	default:
		return false;
	}
}

int leat_value_text(const struct leat_value *v, char *text, size_t n)
{
	if (!v || value_is_nil(v))
		return snprintf(text, n, "nil");
	switch (v->kind) {
	case LEAT_VALUE_BOOL:
		return snprintf(text, n, "%s", v->b ? "true" : "false");
	case LEAT_VALUE_INT:
		return snprintf(text, n, "%jd", v->i);
	case LEAT_VALUE_UINT:
		return snprintf(text, n, "%ju", v->u);
	case LEAT_VALUE_FLOAT:
		return snprintf(text, n, "%g", v->f);
	case LEAT_VALUE_TEXT:
		return snprintf(text, n, "%s", v->text);
	case LEAT_VALUE_POINTER:
		return snprintf(text, n, "%p", v->pointer);
	default:
		return snprintf(text, n, "%s", leat_error_text(v->error));
	}
}

/* A line that is not the first is set in. */
static void say_lines(const char *text)
{
	const char *end;

	while ((end = strchr(text, '\n'))) {
		out_put(&base_out, text, (size_t)(end - text));
		base_put("\n\t");
		text = end + 1;
	}
	base_put(text);
}

void value_say(const struct leat_value *v)
{
	char text[64];

	switch (v->kind) {
	case LEAT_VALUE_TEXT:
		say_lines(v->text);
		break;
	case LEAT_VALUE_ERROR:
		say_lines(leat_error_text(v->error));
		break;
	case LEAT_VALUE_POINTER:
		base_say("(void *) %p", v->pointer);
		break;
	default:
		leat_value_text(v, text, sizeof(text));
		base_say("%s", text);
	}
}
