/*
 * unit_own.c - the owner of a P and its claimers never meet.
 *
 * What is owned here is a counter; it is plain, so that ThreadSanitizer finds
 * any two who touch it without having handed it over.
 */
#include "core/own.h"

#include "core/os.h"
#include "test.h"

#include <pthread.h>

enum { CLAIMERS = 3 };

static struct own own;
static uint64_t counter;
static _Atomic uint32_t holders;
static _Atomic bool over;

/* Nobody else is between these two. */
static void hold(void)
{
	EXPECT_EQ(a_add(&holders, 1, relaxed), 0);
	counter++;
}

static void let_go(void)
{
	EXPECT_EQ(a_sub(&holders, 1, relaxed), 1);
}

/* -- one after the other -- */

TEST(a_thread_inside_cannot_be_claimed, "R18 R27")
{
	EXPECT(own_enter(&own));
	EXPECT(!own_claim(&own));
	EXPECT_EQ(a_load(&own.claim, relaxed), OWN_FREE);
	own_leave(&own);
	EXPECT(own_claim(&own));
}

TEST(what_one_has_claimed_no_other_can, "R18")
{
	EXPECT(own_claim(&own));
	EXPECT(!own_claim(&own));
	own_release(&own);
	EXPECT(own_claim(&own));
}

TEST(what_was_released_is_the_threads_again, "R18")
{
	EXPECT(own_claim(&own));
	own_release(&own);
	EXPECT(own_enter(&own));
}

TEST(what_was_taken_is_gone, "R18")
{
	EXPECT(own_claim(&own));
	own_take(&own);
	EXPECT(!own_enter(&own));
	EXPECT_EQ(a_load(&own.inside, relaxed), 1);
	EXPECT(!own_claim(&own));
}

TEST(what_a_thread_gave_up_is_gone, "R18")
{
	EXPECT(own_enter(&own));
	own_part(&own);
	own_leave(&own);
	EXPECT(!own_claim(&own));
	EXPECT(!own_enter(&own));
	own_renew(&own);
	EXPECT_EQ(a_load(&own.claim, relaxed), OWN_FREE);
	own_leave(&own);
	EXPECT(own_enter(&own));
}

static void *releases_later(void *unused)
{
	os_sleep(5000000);
	counter = 7;
	own_release(&own);
	return unused;
}

TEST(who_comes_while_one_looks_waits_for_the_answer, "R18")
{
	pthread_t id;

	EXPECT(own_claim(&own));
	pthread_create(&id, NULL, releases_later, NULL);
	EXPECT(own_enter(&own));
	EXPECT_EQ(counter, 7);
	pthread_join(id, NULL);
}

/* -- all at once -- */

static _Atomic size_t claimed;

static void rest(size_t turns)
{
	while (turns-- > 0)
		a_spin();
}

static void *claims(void *unused)
{
	while (!a_load(&over, relaxed)) {
		/* Who finds somebody inside looks again a while later, as
		 * sysmon does: in between the thread can give its P up. */
		if (!own_claim(&own)) {
			rest(64);
			continue;
		}
		hold();
		let_go();
		own_release(&own);
		rest(a_add(&claimed, 1, relaxed) % 64);
	}
	return unused;
}

/* Go in and out until others have claimed it so often. */
static size_t enter_and_leave(size_t wanted)
{
	size_t times = 0;

	for (; a_load(&claimed, relaxed) < wanted; times++) {
		EXPECT(own_enter(&own));
		hold();
		let_go();
		own_leave(&own);
		rest(times % 16);
	}
	return times;
}

static void own_against(int claimers, size_t wanted)
{
	pthread_t id[CLAIMERS];
	size_t times;

	for (int i = 0; i < claimers; i++)
		pthread_create(&id[i], NULL, claims, NULL);
	times = enter_and_leave(wanted);
	a_store(&over, true, relaxed);
	for (int i = 0; i < claimers; i++)
		pthread_join(id[i], NULL);
	EXPECT(own_enter(&own));
	EXPECT_EQ(counter, times + a_load(&claimed, relaxed));
	printf("%zu times, %zu claims ", times, a_load(&claimed, relaxed));
}

TEST(an_owner_and_a_claimer_never_meet, "R18 R27")
{
	own_against(1, test_count(50000));
}

TEST(an_owner_and_many_claimers_never_meet, "R18 R27")
{
	own_against(CLAIMERS, test_count(20000));
}

TEST(without_a_cheap_fence_they_do_not_meet_either, "R18 R27")
{
	a_light_is_heavy = true;
	own_against(1, test_count(50000));
}

/* A claimer who looks while the thread gives up does not undo it. */
TEST(what_is_given_up_under_a_claim_stays_given_up, "R18 R25")
{
	pthread_t id;

	pthread_create(&id, NULL, claims, NULL);
	for (size_t i = 0; i < test_count(3000); i++) {
		EXPECT(own_enter(&own));
		rest(i % 32); /* somebody begins to look */
		own_part(&own);
		own_leave(&own);
		rest(i % 64);
		EXPECT(!own_enter(&own));
		own_renew(&own);
		own_leave(&own);
		rest(i % 16);
	}
	a_store(&over, true, relaxed);
	pthread_join(id, NULL);
}

/* What is taken goes to another: two owners, one thing, and a claimer that
 * carries it to and fro. */
static struct own pair[2];
static _Atomic int whose;

static void *carries(void *unused)
{
	while (!a_load(&over, relaxed)) {
		int from = a_load(&whose, relaxed);

		if (!own_claim(&pair[from])) {
			rest(64);
			continue;
		}
		hold();
		let_go();
		rest(a_add(&claimed, 1, relaxed) % 256);
		a_store(&whose, 1 - from, relaxed);
		own_take(&pair[from]);
		/* As a spare thread is given a P: its word is TAKEN. */
		own_release(&pair[1 - from]);
	}
	return unused;
}

static void uses(struct own *mine, size_t wanted)
{
	size_t times = 0;

	for (size_t i = 0; a_load(&claimed, relaxed) < wanted || !times; i++) {
		if (own_enter(mine)) {
			hold();
			let_go();
			times++;
		} else {
			a_yield();
		}
		own_leave(mine);
		rest(i % 16);
	}
}

static void *uses_the_second(void *wanted)
{
	uses(&pair[1], (size_t)wanted);
	return NULL;
}

TEST(what_goes_from_one_to_another_is_with_one_of_them, "R18 R27")
{
	size_t wanted = test_count(2000);
	pthread_t user, carrier;

	own_take(&pair[1]);
	pthread_create(&user, NULL, uses_the_second, (void *)wanted);
	pthread_create(&carrier, NULL, carries, NULL);
	uses(&pair[0], wanted);
	pthread_join(user, NULL);
	a_store(&over, true, relaxed);
	pthread_join(carrier, NULL);
	EXPECT_EQ(a_load(&holders, relaxed), 0);
}

SUITE("own")
