/*
 * test_panic_value.c - what panics are about, and those of the runtime itself.
 */
#include "leat.h"

#include "test.h"
#include "trail.h"

/* -- values -- */

static char kind_of;

static void notes_kind(void)
{
	struct leat_value v;

	EXPECT(leat_recover(&v));
	kind_of = "0biuftpe"[v.kind];
	leat_value_text(&v, recovered, sizeof(recovered));
	if (v.kind == LEAT_VALUE_ERROR)
		leat_error_release(v.error);
}

#define RAISES(name, value)             \
	static void raises_##name(void) \
	{                               \
		leat_recoverable();     \
		leat_defer(notes_kind); \
		leat_panic(value);      \
	}

static const struct leat_error_value full = LEAT_ERROR("queue full");
static char writable[] = "writable";

RAISES(bool, (bool)true)
RAISES(int, -5)
RAISES(char, 'a')
RAISES(long, -5000000000l)
RAISES(unsigned, 4000000000u)
RAISES(size, sizeof(long))
RAISES(float, 1.5f)
RAISES(double, -0.25)
RAISES(literal, "text")
RAISES(array, writable)
RAISES(pointer, &full.text)
RAISES(error, &full)
RAISES(made, leat_error_wrap(&full, "job %d", 7))
RAISES(nil, NULL)
RAISES(no_text, (const char *)NULL)
RAISES(no_error, (leat_error)NULL)

static void expect_value(void (*raise)(void), char kind, const char *text)
{
	raise();
	EXPECT_EQ(kind_of, kind);
	EXPECT_STR(recovered, text);
}

GO_TEST(a_value_keeps_its_kind, "R37 R45")
{
	const char *nil = "panic called with nil argument";

	expect_value(raises_bool, 'b', "true");
	expect_value(raises_int, 'i', "-5");
	expect_value(raises_char, 'i', "97");
	expect_value(raises_long, 'i', "-5000000000");
	expect_value(raises_unsigned, 'u', "4000000000");
	expect_value(raises_size, 'u', "8");
	expect_value(raises_float, 'f', "1.5");
	expect_value(raises_double, 'f', "-0.25");
	expect_value(raises_literal, 't', "text");
	expect_value(raises_array, 't', "writable");
	raises_pointer();
	EXPECT_EQ(kind_of, 'p');
	expect_value(raises_error, 'e', "queue full");
	expect_value(raises_made, 'e', "job 7: queue full");
	expect_value(raises_nil, 'e', nil);
	expect_value(raises_no_text, 'e', nil);
	expect_value(raises_no_error, 'e', nil);
}

/* -- those of the runtime -- */

static void closes_twice(leat_chan(int) c)
{
	leat_recoverable();
	leat_defer(rescue);
	leat_close(c);
	leat_close(c);
}

static void closes_nil(void)
{
	leat_chan(int) c = NULL;

	leat_recoverable();
	leat_defer(rescue);
	leat_close(c);
}

static void sends_on_closed(leat_chan(int) c)
{
	leat_recoverable();
	leat_defer(rescue);
	leat_send(c, 1);
}

static void selects_on_closed(leat_chan(int) c)
{
	leat_chan(int) never = NULL;

	leat_recoverable();
	leat_defer(rescue);
	leat_select(leat_on_send(c, 1), leat_on_send(never, 1));
	mark('!');
}

static void sends_and_says(leat_chan(int) c, leat_wg *wg)
{
	leat_recoverable();
	leat_defer(leat_wg_done, wg);
	leat_defer(counts, "send on closed channel");
	leat_send(c, 1);
}

GO_TEST(what_channels_raise_can_be_recovered, "R79 R80 R81 X11")
{
	leat_chan(int) c = leat_make(int, 0);

	closes_twice(c);
	EXPECT_STR(recovered, "close of closed channel");
	sends_on_closed(c);
	EXPECT_STR(recovered, "send on closed channel");
	recovered[0] = '\0';
	selects_on_closed(c);
	EXPECT_STR(recovered, "send on closed channel");
	closes_nil();
	EXPECT_STR(recovered, "close of nil channel");
	EXPECT_STR(trail, "RRRR");
	leat_release(c);
}

GO_TEST(so_can_what_a_close_raises_in_who_waits, "R81 X11")
{
	leat_chan(int) c = leat_make(int, 0);
	leat_wg wg = { 0 };

	leat_wg_add(&wg, 4);
	for (int i = 0; i < 4; i++)
		leat_go(sends_and_says, c, &wg);
	for (int i = 0; i < 10; i++)
		leat_yield();
	leat_close(c);
	leat_wg_wait(&wg);
	EXPECT_EQ(atomic_load(&rescued), 4);
	leat_release(c);
}

SUITE("panic_value")
