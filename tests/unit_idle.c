/*
 * unit_idle.c - the account of who is idle and who searches.
 */
#include "core/idle.h"

#include "core/os.h"
#include "test.h"

#include <pthread.h>

enum { PROCS = 130 }; /* three words of the mask, the last not full */

static struct idle idle;

static uint32_t idle_now(void)
{
	return idle_count(a_load(&idle.state, relaxed));
}

static uint32_t searching_now(void)
{
	return idle_searching(a_load(&idle.state, relaxed));
}

static bool bit(int p)
{
	return a_load(&idle.mask[p / 64], relaxed) >> (p % 64) & 1;
}

/* -- transitions, one by one -- */

TEST(at_first_all_are_busy, "R18")
{
	EXPECT(!idle_hungry(&idle));
	EXPECT_EQ(idle_wake(&idle, PROCS), -1);
	EXPECT_EQ(idle_pick(&idle, PROCS), -1);
}

TEST(a_busy_one_becomes_idle, "R18")
{
	idle_publish(&idle, 65, false);
	EXPECT(idle_hungry(&idle));
	EXPECT_EQ(idle_now(), 1);
	EXPECT_EQ(searching_now(), 0);
	EXPECT(bit(65));
}

TEST(a_searching_one_becomes_idle, "R18")
{
	EXPECT(idle_search(&idle, PROCS));
	EXPECT_EQ(searching_now(), 1);
	idle_publish(&idle, 3, true);
	EXPECT_EQ(idle_now(), 1);
	EXPECT_EQ(searching_now(), 0);
	EXPECT(bit(3));
}

TEST(an_idle_one_that_wakes_searches, "R18")
{
	idle_publish(&idle, 129, false);
	EXPECT(idle_withdraw(&idle, 129));
	EXPECT_EQ(idle_now(), 0);
	EXPECT_EQ(searching_now(), 1);
	EXPECT(!bit(129));
	EXPECT(!idle_withdraw(&idle, 129));
	EXPECT_EQ(searching_now(), 1);
}

TEST(an_idle_one_that_is_woken_searches, "R18")
{
	idle_publish(&idle, 129, false);
	EXPECT_EQ(idle_wake(&idle, PROCS), 129);
	EXPECT_EQ(idle_now(), 0);
	EXPECT_EQ(searching_now(), 1);
	EXPECT(!idle_withdraw(&idle, 129)); /* it is the waker's */
}

TEST(nobody_is_woken_while_one_searches, "R18")
{
	idle_publish(&idle, 1, false);
	idle_publish(&idle, 2, false);
	EXPECT_EQ(idle_wake(&idle, PROCS), 1);
	EXPECT_EQ(idle_wake(&idle, PROCS), -1);
	EXPECT_EQ(idle_pick(&idle, PROCS), 2); /* but this asks nobody */
	EXPECT_EQ(searching_now(), 2);
}

TEST(the_last_one_to_find_work_wakes_the_next, "R18 R27")
{
	idle_publish(&idle, 1, false);
	idle_publish(&idle, 2, false);
	idle_pick(&idle, PROCS);
	idle_pick(&idle, PROCS);
	EXPECT(!idle_found(&idle));
	EXPECT(idle_found(&idle));
	EXPECT_EQ(searching_now(), 0);
	EXPECT(!idle_hungry(&idle));
}

TEST(at_most_half_of_the_busy_ones_search, "R18")
{
	int searching = 0;

	for (int p = 0; p < 10; p++)
		idle_publish(&idle, p, false);
	while (searching < 100 && idle_search(&idle, 30))
		searching++;
	EXPECT_EQ(searching, 10); /* of 20 */
}

TEST(the_only_busy_one_may_search, "R18 R27")
{
	EXPECT(idle_search(&idle, 1));
	EXPECT(!idle_search(&idle, 1));
}

/* -- any sequence: the same as a plain table says -- */

enum what { BUSY, SEARCHING, IDLE };

static enum what table[PROCS];

static uint32_t in_table(enum what w)
{
	uint32_t n = 0;

	for (int p = 0; p < PROCS; p++)
		n += table[p] == w;
	return n;
}

static void lowest_is(int p)
{
	for (int i = 0; i < PROCS; i++)
		if (table[i] == IDLE) {
			EXPECT_EQ(p, i);
			table[i] = SEARCHING;
			return;
		}
	EXPECT_EQ(p, -1);
}

static void step(int p, int choice)
{
	switch (table[p]) {
	case BUSY:
		if (choice == 0) {
			idle_publish(&idle, p, false);
			table[p] = IDLE;
		} else if (choice == 1) {
			bool few = 2 * in_table(SEARCHING) <
					   PROCS - in_table(IDLE) ||
				   in_table(SEARCHING) == 0;

			EXPECT_EQ(idle_search(&idle, PROCS), few);
			table[p] = few ? SEARCHING : BUSY;
		} else if (in_table(SEARCHING) == 0) {
			lowest_is(idle_wake(&idle, PROCS));
		} else {
			EXPECT_EQ(idle_wake(&idle, PROCS), -1);
		}
		break;
	case SEARCHING:
		if (choice == 0) {
			idle_publish(&idle, p, true);
			table[p] = IDLE;
		} else {
			EXPECT_EQ(idle_found(&idle), in_table(SEARCHING) == 1);
			table[p] = BUSY;
		}
		break;
	case IDLE:
		if (choice == 0) {
			EXPECT(idle_withdraw(&idle, p));
			table[p] = SEARCHING;
		} else if (choice == 1) {
			lowest_is(idle_pick(&idle, PROCS));
		}
		break;
	}
}

TEST(after_any_steps_the_account_is_right, "R18")
{
	unsigned seed = 1;

	for (size_t i = 0; i < test_count(200000); i++) {
		int p = rand_r(&seed) % PROCS;

		step(p, rand_r(&seed) % 3);
		EXPECT_EQ(idle_now(), in_table(IDLE));
		EXPECT_EQ(searching_now(), in_table(SEARCHING));
		EXPECT_EQ(bit(p), table[p] == IDLE);
	}
}

/* -- threads: a tiny scheduler; work is a number of tokens -- */

enum { WORKERS = 6, PRODUCERS = 2 };

static _Atomic int64_t tokens, eaten;
static _Atomic uint32_t note[WORKERS];
static _Atomic bool over;

static void wake_one(void)
{
	int p = idle_wake(&idle, WORKERS);

	if (p < 0)
		return;
	a_store(&note[p], 1, release);
	os_futex_wake(&note[p], 1);
}

static bool eat(void)
{
	int64_t n = a_load(&tokens, relaxed);

	while (n > 0)
		if (a_cas(&tokens, &n, n - 1, relaxed)) {
			a_add(&eaten, 1, relaxed);
			return true;
		}
	return false;
}

/* Sleeps until woken, with no clock to help. */
static void sleep_idle(int p, bool searching)
{
	a_store(&note[p], 0, relaxed);
	idle_publish(&idle, p, searching);
	if (a_load(&tokens, relaxed) == 0 && !a_load(&over, relaxed))
		while (a_load(&note[p], acquire) == 0)
			os_futex_wait(&note[p], 0, OS_NEVER);
	if (!idle_withdraw(&idle, p)) /* woken: the note is on its way */
		while (a_load(&note[p], acquire) == 0)
			a_yield();
}

static void *eats(void *arg)
{
	int p = (int)(intptr_t)arg;
	bool searching = false;

	for (;;) {
		if (eat()) {
			if (searching && idle_found(&idle) &&
			    a_load(&tokens, relaxed) > 0)
				wake_one();
			searching = false;
			continue;
		}
		if (a_load(&over, relaxed))
			break;
		if (!searching)
			searching = idle_search(&idle, WORKERS);
		if (a_load(&tokens, relaxed) > 0)
			continue;
		sleep_idle(p, searching);
		searching = true;
	}
	if (searching)
		idle_found(&idle);
	return NULL;
}

static void *produces(void *arg)
{
	unsigned seed = 1 + (unsigned)(intptr_t)arg;

	for (size_t i = 0; i < test_count(100000); i++) {
		a_add(&tokens, 1 + rand_r(&seed) % 3, relaxed);
		wake_one();
		for (int k = rand_r(&seed) % 2000; k > 0; k--)
			a_spin();
		/* Often enough all have eaten all and sleep. */
		if (i % 64 == 0)
			while (a_load(&tokens, relaxed) > 0)
				a_yield();
	}
	return NULL;
}

static void call_all_home(void)
{
	a_store(&over, true, relaxed);
	a_fence(seq_cst);
	for (int p; (p = idle_pick(&idle, WORKERS)) >= 0;) {
		a_store(&note[p], 1, release);
		os_futex_wake(&note[p], 1);
	}
}

TEST(no_token_lies_about_while_all_sleep, "R18 R27")
{
	pthread_t worker[WORKERS], producer[PRODUCERS];

	for (intptr_t i = 0; i < WORKERS; i++)
		pthread_create(&worker[i], NULL, eats, (void *)i);
	for (intptr_t i = 0; i < PRODUCERS; i++)
		pthread_create(&producer[i], NULL, produces, (void *)i);
	for (int i = 0; i < PRODUCERS; i++)
		pthread_join(producer[i], NULL);
	while (a_load(&tokens, relaxed) > 0)
		a_yield();
	call_all_home();
	for (int i = 0; i < WORKERS; i++)
		pthread_join(worker[i], NULL);
	printf("%jd eaten ", (intmax_t)a_load(&eaten, relaxed));
	EXPECT_EQ(a_load(&idle.state, relaxed), 0);
	for (int p = 0; p < WORKERS; p++)
		EXPECT(!bit(p));
}

SUITE("idle")
