/*
 * unit_live.c - a saved context and its stack: one resumes, or one trims.
 */
#include "core/live.h"

#include "core/os.h"
#include "test.h"

#include <pthread.h>

static _Atomic uint32_t live, rest;

/* -- one after the other -- */

TEST(what_is_being_saved_cannot_be_resumed, "R13 R15")
{
	a_store(&live, 1, relaxed);
	EXPECT(!live_take(&live, &rest));
	a_store(&live, 0, relaxed);
	EXPECT(live_take(&live, &rest));
	EXPECT_EQ(a_load(&live, relaxed), 1);
	EXPECT(!live_take(&live, &rest));
}

TEST(what_is_being_trimmed_cannot_be_resumed, "R13 R15")
{
	live_announce(&rest);
	EXPECT(live_hold(&live, &rest));
	EXPECT(!live_take(&live, &rest));
	EXPECT_EQ(a_load(&live, relaxed), 0);
	live_let_go(&rest, REST_DONE);
	EXPECT(live_take(&live, &rest));
}

TEST(what_runs_cannot_be_trimmed, "R13 R15")
{
	EXPECT(live_take(&live, &rest));
	live_announce(&rest);
	EXPECT(!live_hold(&live, &rest));
	EXPECT_EQ(a_load(&rest, relaxed), REST_NONE);
}

TEST(who_runs_again_loses_the_trimmers_mark, "R13")
{
	a_store(&rest, REST_SEEN, relaxed);
	EXPECT(live_take(&live, &rest));
	EXPECT_EQ(a_load(&rest, relaxed), REST_NONE);
	a_store(&live, 0, relaxed);
	a_store(&rest, REST_DONE, relaxed);
	EXPECT(live_take(&live, &rest));
	EXPECT_EQ(a_load(&rest, relaxed), REST_NONE);
}

/* -- at once: dispatchers, and the one trimmer -- */

enum { DISPATCHERS = 2 };

/* A queue of one: whose turn it is to take the goroutine from it. */
static _Atomic int queue;

static uint64_t stack; /* plain; whoever has the right touches it */
static _Atomic uint32_t holders;
static _Atomic bool over;
static _Atomic size_t trims;

static void touch(void)
{
	EXPECT_EQ(a_add(&holders, 1, relaxed), 0);
	stack++;
	EXPECT_EQ(a_sub(&holders, 1, relaxed), 1);
}

struct dispatcher {
	int me;
	size_t times;
};

static void *dispatches(void *arg)
{
	struct dispatcher *d = arg;

	for (size_t turn = 0; !a_load(&over, relaxed); turn++) {
		for (size_t i = turn % 64; i > 0; i--)
			a_spin();
		if (a_load(&queue, relaxed) != d->me ||
		    !live_take(&live, &rest)) {
			a_yield();
			continue;
		}
		touch();
		d->times++;
		/* Queued for the other before it is saved. */
		a_store(&queue, (d->me + 1) % DISPATCHERS, relaxed);
		a_store(&live, 0, release);
	}
	return NULL;
}

/* As trim.c goes: a mark first, and only what still bears it is trimmed. */
static void trim_often(size_t wanted)
{
	for (size_t turn = 0; a_load(&trims, relaxed) < wanted; turn++) {
		if (a_load(&rest, relaxed) == REST_NONE)
			a_store(&rest, REST_SEEN, relaxed);
		for (size_t i = turn % 32; i > 0; i--)
			a_spin();
		if (a_load(&rest, relaxed) != REST_SEEN) {
			a_yield();
			continue;
		}
		live_announce(&rest);
		a_heavy();
		if (!live_hold(&live, &rest))
			continue;
		touch();
		a_add(&trims, 1, relaxed);
		live_let_go(&rest, REST_DONE);
	}
}

static void everybody(size_t wanted)
{
	struct dispatcher d[DISPATCHERS] = { 0 };
	size_t total;
	pthread_t id[DISPATCHERS];

	for (int i = 0; i < DISPATCHERS; i++) {
		d[i].me = i;
		pthread_create(&id[i], NULL, dispatches, &d[i]);
	}
	trim_often(wanted);
	a_store(&over, true, relaxed);
	total = a_load(&trims, relaxed);
	for (int i = 0; i < DISPATCHERS; i++) {
		pthread_join(id[i], NULL);
		total += d[i].times;
	}
	EXPECT_EQ(stack, total);
	printf("%zu trims, %zu runs ", a_load(&trims, relaxed),
	       total - a_load(&trims, relaxed));
}

TEST(a_stack_is_never_trimmed_and_run_at_once, "R13 R15")
{
	everybody(test_count(50000));
}

TEST(nor_is_it_without_a_cheap_fence, "R13 R15")
{
	a_light_is_heavy = true;
	everybody(test_count(50000));
}

SUITE("live")
