/*
 * test_select.c - the rules of Go's select, one by one.
 *
 *	channel is              receive case     send case
 *	nil                     never            never
 *	unbuffered, open        meets a sender   meets a receiver
 *	empty                   waits            stores
 *	full                    its value        waits
 *	closed, values left     its value        panic
 *	closed and drained      zero, false      panic
 */
#include "leat.h"

#include "measure.h"
#include "test.h"

#include <pthread.h>
#include <stdatomic.h>

typedef leat_chan(int) int_chan;

/* Long enough that who can go on has gone on; proves nothing but a fault. */
static void let_others_run(void)
{
	for (int i = 0; i < 100; i++)
		leat_yield();
	burn(1000000);
}

/* Who has ended uses no channel any more. */
static void until_alone(void)
{
	while (leat_goroutine_count() > 1)
		leat_yield();
}

static void until(atomic_bool *flag)
{
	while (!atomic_load(flag))
		leat_yield();
}

/* -- one operation in every state of a channel -- */

static const struct state {
	int cap, held; /* the values 1, 2 ... are in the buffer */
	bool nil, closed;
	bool sends, receives; /* without waiting */
} states[] = {
	{ .nil = true },
	{ .cap = 0 },
	{ .cap = 2, .sends = true },
	{ .cap = 2, .held = 1, .sends = true, .receives = true },
	{ .cap = 2, .held = 2, .receives = true },
	{ .cap = 0, .closed = true, .receives = true },
	{ .cap = 2, .closed = true, .receives = true },
	{ .cap = 2, .held = 1, .closed = true, .receives = true },
};

enum { STATES = sizeof states / sizeof *states };
enum form { ALONE, FIRST, AMONG, FORMS };

static int_chan make_in(const struct state *s)
{
	int_chan c = s->nil ? NULL : leat_make(int, s->cap);

	for (int i = 1; i <= s->held; i++)
		leat_send(c, i);
	if (s->closed)
		leat_close(c);
	return c;
}

static int_chan idle; /* nobody ever uses it */

/* Send 7 on c, or receive from it. */
static int choose(enum form form, bool try, int_chan c, bool send, int *v,
		  bool *ok)
{
	int_chan nil = NULL;
	struct leat_case it =
		send ? leat_on_send(c, 7) : leat_on_recv_ok(c, v, ok);

	switch (form) {
	case ALONE:
		return try ? leat_try_select(it) : leat_select(it);
	case FIRST:
		return try ? leat_try_select_first(it) : leat_select_first(it);
	default:
		return try ? leat_try_select(it, leat_on_recv(nil, NULL),
					     leat_on_recv(idle, NULL),
					     leat_on_send(nil, 1))
			   : leat_select(it, leat_on_send(idle, 1),
					 leat_on_recv(nil, NULL),
					 leat_on_send(nil, 1));
	}
}

static void happens(const struct state *s, bool send, enum form form, bool try)
{
	int_chan c = make_in(s);
	int v = -1;
	bool ok = s->held == 0;

	EXPECT_EQ(choose(form, try, c, send, &v, &ok), 0);
	if (send) {
		EXPECT_EQ(leat_len(c), s->held + 1);
	} else {
		EXPECT_EQ(v, s->held > 0);
		EXPECT_EQ(ok, s->held > 0);
	}
	leat_release(c);
}

static void does_not(const struct state *s, bool send, enum form form)
{
	int_chan c = make_in(s);
	int v = -1;
	bool ok = true;

	EXPECT_EQ(choose(form, true, c, send, &v, &ok), -1);
	EXPECT_EQ(v, -1);
	EXPECT(ok);
	EXPECT_EQ(leat_len(c), s->held);
	leat_release(c);
}

GO_TEST(what_can_happen_happens_at_once,
	"R66 R68 R69 R72 R75 R76 R83 R90 R91 R99 X5")
{
	idle = leat_make(int, 0);
	for (const struct state *s = states; s < states + STATES; s++)
		for (enum form form = 0; form < FORMS; form++)
			for (int try = 0; try < 2; try++) {
				if (s->sends)
					happens(s, true, form, try);
				if (s->receives)
					happens(s, false, form, try);
			}
}

GO_TEST(what_cannot_happen_is_told_at_once, "R65 R67 R70 R71 R81 R82 R92 R98")
{
	idle = leat_make(int, 0);
	EXPECT_EQ(leat_try_select(), -1);
	EXPECT_EQ(leat_try_select_first(), -1);
	for (const struct state *s = states; s < states + STATES; s++)
		for (enum form form = 0; form < FORMS; form++) {
			if (!s->sends && !s->closed)
				does_not(s, true, form);
			if (!s->receives)
				does_not(s, false, form);
		}
}

/* Somebody who waits in a select. */
struct op {
	enum form form;
	bool send;
	int_chan c;
	int at, v;
	bool ok;
	atomic_bool over;
};

static void acts(struct op *o)
{
	o->at = choose(o->form, false, o->c, o->send, &o->v, &o->ok);
	atomic_store(&o->over, true);
}

static void goes_to_wait(struct op *o, const struct state *s, bool send,
			 enum form form)
{
	*o = (struct op){ .form = form, .send = send, .v = -1 };
	o->c = make_in(s);
	leat_go(acts, o);
	let_others_run();
	EXPECT(!atomic_load(&o->over));
}

static void goes_on(struct op *o)
{
	until(&o->over);
	EXPECT_EQ(o->at, 0);
	leat_release(o->c);
}

static void waits_to_send(const struct state *s, enum form form)
{
	struct op o;
	int v;

	goes_to_wait(&o, s, true, form);
	for (int i = 1; i <= s->held; i++) {
		EXPECT(leat_recv(o.c, &v));
		EXPECT_EQ(v, i);
	}
	EXPECT(leat_recv(o.c, &v));
	EXPECT_EQ(v, 7);
	goes_on(&o);
}

static void waits_to_receive(const struct state *s, enum form form, bool close)
{
	struct op o;

	goes_to_wait(&o, s, false, form);
	if (close)
		leat_close(o.c);
	else
		leat_send(o.c, 9);
	goes_on(&o);
	EXPECT_EQ(o.v, close ? 0 : 9);
	EXPECT_EQ(o.ok, !close);
}

GO_TEST(what_cannot_happen_is_waited_for, "R67 R71 R76 R78 R80 R81 R82 R93")
{
	idle = leat_make(int, 0);
	for (const struct state *s = states; s < states + STATES; s++)
		for (enum form form = 0; form < FORMS && !s->nil; form++) {
			if (!s->sends && !s->closed)
				waits_to_send(s, form);
			if (!s->receives) {
				waits_to_receive(s, form, false);
				waits_to_receive(s, form, true);
			}
		}
}

/* -- for ever -- */

static atomic_int returned;

static void waits_for_nothing(int how)
{
	int_chan nil = NULL;
	struct leat_case r = leat_on_recv(nil, NULL), w = leat_on_send(nil, 1);

	switch (how) {
	case 0:
		leat_select();
		break;
	case 1:
		leat_select_first();
		break;
	case 2:
		leat_select(r);
		break;
	case 3:
		leat_select(w);
		break;
	case 4:
		leat_select_first(r, w);
		break;
	case 5:
		leat_select(r, w, r, w, r, w, r, w, r, w);
		break;
	}
	atomic_fetch_add(&returned, 1);
}

static void answers(int_chan asked, int_chan answer)
{
	int v;

	while (leat_recv(asked, &v))
		leat_send(answer, v + 1);
}

/* Two others go on meanwhile. */
static void converse(int times)
{
	int_chan asked = leat_make(int, 0), answer = leat_make(int, 0);
	leat_wg group = { 0 };
	int v;

	leat_wg_go(&group, answers, asked, answer);
	for (int i = 0; i < times; i++) {
		leat_send(asked, i);
		EXPECT(leat_recv(answer, &v));
		EXPECT_EQ(v, i + 1);
	}
	leat_close(asked);
	leat_wg_wait(&group);
	leat_release(asked);
	leat_release(answer);
}

GO_TEST(no_case_or_only_nil_ones_wait_for_ever, "R65 R70 R94 R98")
{
	for (int how = 0; how < 6; how++)
		leat_go(waits_for_nothing, how);
	converse(1000);
	let_others_run();
	EXPECT_EQ(atomic_load(&returned), 0);
	EXPECT(leat_goroutine_count() >= 7);
}

static void *waits_outside(void *how)
{
	waits_for_nothing((int)(intptr_t)how);
	return NULL;
}

GO_TEST(so_do_threads, "R65 R70 R94 R98")
{
	pthread_t id[6];

	for (intptr_t how = 0; how < 6; how++) {
		pthread_create(&id[how], NULL, waits_outside, (void *)how);
		pthread_detach(id[how]);
	}
	converse(1000);
	EXPECT_EQ(atomic_load(&returned), 0);
}

GO_TEST(nil_does_not_keep_others_from_happening, "R98")
{
	int_chan nil = NULL, c = leat_make(int, 1);

	for (int i = 0; i < 1000; i++) {
		int v = -1;

		EXPECT_EQ(leat_select(leat_on_recv(nil, &v),
				      leat_on_send(nil, 1), leat_on_send(c, i)),
			  2);
		EXPECT_EQ(v, -1);
		EXPECT_EQ(leat_select(leat_on_recv(nil, NULL),
				      leat_on_recv(c, &v),
				      leat_on_recv(nil, NULL)),
			  1);
		EXPECT_EQ(v, i);
	}
	leat_release(c);
}

/* -- closed channels -- */

struct wide {
	char text[3];
	long n[4];
};

GO_TEST(a_closed_one_gives_zero_bytes_again_and_again, "R68 R88 R99 X5")
{
	leat_chan(struct wide) c = leat_make(struct wide, 0);
	leat_chan(char) narrow = leat_make(char, 1);
	struct wide zero, got;
	bool ok;

	memset(&zero, 0, sizeof zero);
	leat_close(c);
	leat_close(narrow);
	for (int i = 0; i < 1000; i++) {
		char near[3] = { 1, 2, 3 };

		memset(&got, 0xaa, sizeof got);
		ok = true;
		EXPECT_EQ(leat_select(leat_on_recv_ok(c, &got, &ok)), 0);
		EXPECT(!ok && !memcmp(&got, &zero, sizeof got));
		ok = true;
		EXPECT_EQ(leat_select(leat_on_recv_ok(narrow, &near[1], &ok)),
			  0);
		EXPECT(!ok && near[0] == 1 && near[1] == 0 && near[2] == 3);
	}
	leat_release(c);
	leat_release(narrow);
}

GO_TEST(what_is_left_comes_first_then_zero_and_false, "R69 R75 R99")
{
	int_chan c = leat_make(int, 5);
	int v;
	bool ok;

	for (int i = 1; i <= 5; i++)
		leat_send(c, i);
	leat_close(c);
	for (int i = 1; i <= 8; i++) {
		EXPECT_EQ(leat_select(leat_on_recv_ok(c, &v, &ok)), 0);
		EXPECT_EQ(v, i <= 5 ? i : 0);
		EXPECT_EQ(ok, i <= 5);
	}
	leat_release(c);
}

#define SENDING_PANICS "panic: send on closed channel"

static int_chan closed_one(int cap)
{
	int_chan c = leat_make(int, cap);

	leat_close(c);
	return c;
}

GO_TEST_DIES(a_send_on_a_closed_one_panics, "R73 R100", SENDING_PANICS)
{
	leat_select(leat_on_send(closed_one(0), 1));
}

GO_TEST_DIES(so_it_does_without_waiting, "R73 R100", SENDING_PANICS)
{
	leat_try_select(leat_on_send(closed_one(2), 1));
}

GO_TEST_DIES(so_it_does_as_the_first, "R73 R100", SENDING_PANICS)
{
	leat_select_first(leat_on_send(closed_one(0), 1),
			  leat_on_recv(closed_one(0), NULL));
}

static void *sends_outside(void *op)
{
	acts(op);
	return NULL;
}

GO_TEST_DIES(so_it_does_on_a_thread, "R31 R73 R100", SENDING_PANICS)
{
	struct op o = { .send = true, .form = AMONG, .c = leat_make(int, 0) };
	pthread_t id;

	idle = leat_make(int, 0);
	pthread_create(&id, NULL, sends_outside, &o);
	let_others_run();
	leat_close(o.c);
	pthread_join(id, NULL);
}

GO_TEST_DIES(it_panics_when_chance_chooses_it, "R95 R100", SENDING_PANICS)
{
	int_chan c = closed_one(0);

	for (int i = 0; i < 1000; i++)
		EXPECT_EQ(
			leat_select(leat_on_recv(c, NULL), leat_on_send(c, 1)),
			0);
	_exit(0);
}

static void closes(int_chan c)
{
	for (int i = 0; i < 100; i++)
		leat_yield();
	leat_close(c);
}

GO_TEST_DIES(it_panics_when_closed_while_it_waits, "R79 R100", SENDING_PANICS)
{
	int_chan c = leat_make(int, 0);

	idle = leat_make(int, 0);
	leat_go(closes, c);
	leat_select(leat_on_recv(idle, NULL), leat_on_send(c, 1));
}

GO_TEST_DIES(so_it_does_with_a_full_buffer, "R79 R100", SENDING_PANICS)
{
	int_chan c = leat_make(int, 1);

	idle = leat_make(int, 0);
	leat_send(c, 1);
	leat_go(closes, c);
	leat_select(leat_on_send(c, 2), leat_on_send(idle, 1));
}

GO_TEST(a_closed_send_that_is_not_chosen_is_harmless, "R95 R100")
{
	int_chan c = closed_one(0);

	for (int i = 0; i < 1000; i++)
		EXPECT_EQ(leat_select_first(leat_on_recv(c, NULL),
					    leat_on_send(c, 1)),
			  0);
	leat_release(c);
}

/* -- evaluation, and the flow of control -- */

static char written[64];
static int_chan known[3];

static void writes(char c)
{
	size_t n = strlen(written);

	EXPECT(n + 1 < sizeof written);
	memcpy(written + n, (char[]){ c, '\0' }, 2);
}

static int_chan names(char c, int i)
{
	writes(c);
	return known[i];
}

static int value(char c)
{
	writes(c);
	return c;
}

GO_TEST(channels_and_values_are_evaluated_once_and_in_order, "R108")
{
	int v = 0;

	known[0] = leat_make(int, 1);
	known[1] = leat_make(int, 0);
	EXPECT_EQ(leat_select(leat_on_send(names('a', 0), value('b')),
			      leat_on_send(names('c', 1), value('d')),
			      leat_on_recv(names('e', 2), &v)),
		  0);
	EXPECT_STR(written, "abcde");
	written[0] = '\0';
	EXPECT_EQ(leat_try_select(leat_on_send(names('a', 0), value('b')),
				  leat_on_recv(names('c', 1), &v)),
		  -1);
	EXPECT_STR(written, "abc");
	written[0] = '\0';
	leat_go(closes, known[1]); /* so that it waits */
	EXPECT_EQ(leat_select(leat_on_send(names('a', 0), value('b')),
			      leat_on_recv(names('c', 1), &v)),
		  1);
	EXPECT_STR(written, "abc");
	EXPECT(leat_recv(known[0], &v));
	EXPECT_EQ(v, 'b');
	until_alone();
	leat_release(known[0]);
	leat_release(known[1]);
}

/* Adds up until somebody says stop. */
static int adds(int_chan in, leat_receiver(leat_signal) stop)
{
	int sum = 0, v;

	for (;;)
		switch (leat_select(leat_on_recv(in, &v),
				    leat_on_recv(stop, NULL))) {
		case 0:
			if (v < 0)
				break; /* out of the switch */
			sum += v;
			break;
		case 1:
			return sum;
		}
}

static void counts_to(int n, int_chan in, leat_chan(leat_signal) stop)
{
	for (int i = 1; i <= n; i++) {
		leat_send(in, i);
		leat_send(in, -i);
	}
	leat_close(stop);
}

GO_TEST(break_and_return_do_what_they_do_in_any_switch, "R90 R101")
{
	leat_chan(leat_signal) stop = leat_make(leat_signal, 0);
	int_chan in = leat_make(int, 0);

	leat_go(counts_to, 100, in, stop);
	EXPECT_EQ(adds(in, leat_recv_end(stop)), 5050);
	until_alone();
	leat_release(in);
	leat_release(stop);
}

GO_TEST(a_select_may_stand_in_another, "R90 R91 R108")
{
	int_chan a = leat_make(int, 1), b = leat_make(int, 1);
	int v = -1, w = -1;

	leat_send(a, 5);
	/* The value to be sent is which of two happened. */
	EXPECT_EQ(leat_select(leat_on_send(
			  b, 10 + leat_select(leat_on_recv(b, &v),
					      leat_on_recv(a, &v)))),
		  0);
	EXPECT_EQ(v, 5);
	switch (leat_select(leat_on_recv(b, &v), leat_on_recv(a, &v))) {
	case 0:
		leat_send(a, v);
		switch (leat_select(leat_on_recv(a, &w), leat_on_recv(b, &w))) {
		case 0:
			EXPECT_EQ(w, 11);
		}
		EXPECT_EQ(v, 11);
	}
	EXPECT_EQ(w, 11);
	leat_release(a);
	leat_release(b);
}

SUITE("select")
