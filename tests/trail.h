/*
 * trail.h - what deferred calls did, and what they recovered.
 */
#ifndef TRAIL_H
#define TRAIL_H

#include "leat.h"

#include "test.h"

#include <stdatomic.h>

/* What was done, in order: one letter each. */
__attribute__((unused)) static char trail[64];

__attribute__((unused)) static void mark(int c)
{
	size_t n = strlen(trail);

	EXPECT(n < sizeof(trail) - 1);
	trail[n] = (char)c;
}

__attribute__((unused)) static char recovered[200];

/* The usual deferred call: what there is, is recovered, and marked by R; else by n. */
__attribute__((unused)) static void rescue(void)
{
	struct leat_value v;

	if (leat_recover(&v)) {
		leat_value_text(&v, recovered, sizeof(recovered));
		if (v.kind == LEAT_VALUE_ERROR)
			leat_error_release(v.error);
		mark('R');
	} else {
		mark('n');
	}
}

/* For many goroutines at once: how many of them recovered this text? */
__attribute__((unused)) static _Atomic int rescued;

__attribute__((unused)) static void counts(const char *text)
{
	struct leat_value v;

	EXPECT(leat_recover(&v));
	EXPECT_STR(v.kind == LEAT_VALUE_TEXT ? v.text
					     : leat_error_text(v.error),
		   text);
	atomic_fetch_add(&rescued, 1);
}

#endif
