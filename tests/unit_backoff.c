/*
 * unit_backoff.c - waits for a line: longer in a fight, short after a rest.
 */
#include "core/backoff.h"

#include "core/m.h"
#include "test.h"

#include <pthread.h>

enum { TRIES = 10000 };

static void rest(const struct backoff *b)
{
	while (cpu_ticks() - b->since <= BACKOFF_SOON * b->span)
		;
}

/* A thread that loses its CPU in between has rested, so it may take more than
 * one fight. */
GO_TEST(each_wait_of_a_fight_is_twice_as_long_up_to_a_limit, "R62")
{
	struct m *m = arch_self();
	struct backoff *b = &m->backoff;
	uint32_t before = 0;
	bool seen = false;

	for (int i = 0; i < TRIES && !seen; i++) {
		backoff();
		EXPECT(b->pauses == BACKOFF_FIRST || b->pauses == 2 * before ||
		       (b->pauses == BACKOFF_MOST && before == BACKOFF_MOST));
		seen = before == BACKOFF_MOST && b->pauses == BACKOFF_MOST;
		before = b->pauses;
	}
	EXPECT(seen);
}

GO_TEST(after_a_rest_it_is_short_again, "R62")
{
	struct m *m = arch_self();
	struct backoff *b = &m->backoff;

	for (int i = 0; i < 10; i++)
		backoff();
	rest(b);
	backoff();
	EXPECT_EQ(b->pauses, BACKOFF_FIRST);
}

static void *loses(void *unused)
{
	EXPECT(!arch_self());
	for (int i = 0; i < 10; i++)
		backoff();
	return unused;
}

TEST(a_thread_that_is_not_the_runtimes_may_lose_too, "R80")
{
	pthread_t id;

	EXPECT_EQ(pthread_create(&id, NULL, loses, NULL), 0);
	EXPECT_EQ(pthread_join(id, NULL), 0);
}

SUITE("backoff")
