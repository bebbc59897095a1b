/*
 * unit_lock.c - the lock between threads.
 */
#include "core/lock.h"

#include "core/atomic.h"
#include "core/os.h"
#include "test.h"

#include <pthread.h>

enum { THREADS = 8, ROUNDS = 50000 };

static struct lock lock;
static struct {
	uint64_t a, b; /* equal, but while the lock is held */
} shared;
static size_t rounds;

static void *add(void *arg)
{
	(void)arg;
	for (size_t i = 0; i < rounds; i++) {
		lock_take(&lock);
		EXPECT_EQ(shared.a, shared.b);
		shared.a++;
		if (i % 64 == 0) /* long enough that others go to sleep */
			os_sleep(20000);
		shared.b++;
		lock_drop(&lock);
	}
	return NULL;
}

TEST(eight_threads_never_hold_it_together, "R22")
{
	pthread_t thread[THREADS];

	rounds = test_count(ROUNDS);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, add, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	EXPECT_EQ(shared.a, rounds * THREADS);
	EXPECT_EQ(shared.b, rounds * THREADS);
	EXPECT_EQ(a_load(&lock.word, relaxed), 0);
}

static void *take_and_drop(void *arg)
{
	lock_take(arg);
	lock_drop(arg);
	return NULL;
}

TEST(who_waits_long_sleeps_and_is_woken, "R22")
{
	pthread_t thread[3];

	lock_take(&lock);
	for (int i = 0; i < 3; i++)
		pthread_create(&thread[i], NULL, take_and_drop, &lock);
	while (a_load(&lock.word, relaxed) != 2)
		os_sleep(100000);
	os_sleep(20000000);
	lock_drop(&lock);
	for (int i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	EXPECT_EQ(a_load(&lock.word, relaxed), 0);
}

TEST(a_wait_that_is_interrupted_is_waited_again, "R22")
{
	pthread_t thread;

	EXPECT(os_fail("futex", 2, true));
	lock_take(&lock);
	pthread_create(&thread, NULL, take_and_drop, &lock);
	os_sleep(20000000);
	EXPECT_EQ(a_load(&lock.word, relaxed), 2);
	lock_drop(&lock);
	pthread_join(thread, NULL);
}

SUITE("lock")
