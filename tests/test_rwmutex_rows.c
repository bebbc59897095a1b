/*
 * test_rwmutex_rows.c - locks that are read so often that each thread counts for
 * itself (sync/rows.h).
 */
#include "leat.h"

#include "measure.h"
#include "test.h"
#include "waits.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#define MS LEAT_MILLISECOND

enum { OFTEN = LEAT_RWMUTEX_STREAK + 100 };

static leat_rwmutex rw;

static void read_often(leat_rwmutex *lock)
{
	for (int i = 0; i < OFTEN; i++) {
		leat_rwmutex_rlock(lock);
		leat_rwmutex_runlock(lock);
	}
}

/* -- the same rules -- */

GO_TEST(what_may_be_tried_beside_what, "R163 R164 R165 R166 R167")
{
	for (int i = 0; i < 10; i++) {
		read_often(&rw);
		EXPECT(leat_rwmutex_try_rlock(&rw));
		EXPECT(leat_rwmutex_try_rlock(&rw));
		EXPECT(!leat_rwmutex_try_lock(&rw));
		EXPECT(leat_rwmutex_try_rlock(&rw));
		leat_rwmutex_runlock(&rw);
		leat_rwmutex_runlock(&rw);
		EXPECT(!leat_rwmutex_try_lock(&rw));
		leat_rwmutex_runlock(&rw);
		EXPECT(leat_rwmutex_try_lock(&rw));
		EXPECT(!leat_rwmutex_try_lock(&rw));
		EXPECT(!leat_rwmutex_try_rlock(&rw));
		leat_rwmutex_unlock(&rw);
	}
}

GO_TEST(who_read_before_goes_on_reading, "R163 R166")
{
	for (int round = 0; round < 10; round++) {
		/* Some count in the lock, some in a row. */
		leat_rwmutex_rlock(&rw);
		leat_rwmutex_rlock(&rw);
		read_often(&rw);
		leat_rwmutex_rlock(&rw);
		EXPECT(!leat_rwmutex_try_lock(&rw));
		leat_rwmutex_runlock(&rw);
		leat_rwmutex_runlock(&rw);
		EXPECT(!leat_rwmutex_try_lock(&rw));
		leat_rwmutex_runlock(&rw);
		EXPECT(leat_rwmutex_try_lock(&rw));
		leat_rwmutex_unlock(&rw);
	}
}

static atomic_int inside;
static long plain[8]; /* all the same, but while one writes */

static void read_once(bool yields)
{
	long was;

	leat_rwmutex_rlock(&rw);
	EXPECT(atomic_fetch_add(&inside, 1) < 10000);
	was = plain[0];
	if (yields)
		leat_yield();
	for (int k = 1; k < 8; k++)
		EXPECT_EQ(plain[k], was);
	atomic_fetch_sub(&inside, 1);
	leat_rwmutex_runlock(&rw);
}

static void write_once(void)
{
	leat_rwmutex_lock(&rw);
	EXPECT_EQ(atomic_fetch_add(&inside, 10000), 0);
	for (int k = 0; k < 8; k++)
		plain[k]++;
	EXPECT_EQ(atomic_fetch_sub(&inside, 10000), 10000);
	leat_rwmutex_unlock(&rw);
}

static atomic_int writers;

/* Reads until all have written. */
static void reads(int yields)
{
	for (int i = 1; atomic_load(&writers) > 0; i++)
		read_once(yields && i % yields == 0);
}

static void writes(int times)
{
	for (int i = 0; i < times; i++) {
		for (int k = 0; k < 3 * OFTEN; k++)
			read_once(k % 100 == 0);
		write_once();
	}
	atomic_fetch_sub(&writers, 1);
}

static void *reads_on_a_thread(void *unused)
{
	reads(0);
	return unused;
}

GO_TEST(who_writes_is_alone_and_who_reads_is_not, "R163 R164 R166 R167 R178")
{
	int times = (int)test_count(200);
	pthread_t thread;
	leat_wg all = { 0 };

	atomic_store(&writers, 3);
	EXPECT_EQ(pthread_create(&thread, NULL, reads_on_a_thread, NULL), 0);
	for (int i = 0; i < 5; i++)
		leat_wg_go(&all, reads, i % 2 ? 10 : 1000);
	for (int i = 0; i < 3; i++)
		leat_wg_go(&all, writes, times);
	leat_wg_wait(&all);
	leat_block_enter();
	pthread_join(thread, NULL);
	leat_block_exit();
	EXPECT_EQ(plain[0], 3l * times);
}

static void *reads_often_and_writes(void *unused)
{
	for (int i = 0; i < 10; i++) {
		read_often(&rw);
		write_once();
	}
	return unused;
}

TEST(threads_need_no_runtime, "R163 R164")
{
	pthread_t thread[3];

	for (int i = 0; i < 3; i++)
		EXPECT_EQ(pthread_create(&thread[i], NULL,
					 reads_often_and_writes, NULL),
			  0);
	for (int i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	EXPECT_EQ(plain[0], 30);
}

/* -- a writer waits for those who read by a row -- */

static bool wrote;

static void writes_and_says(leat_wg *all)
{
	about_to_wait();
	leat_rwmutex_lock(&rw);
	wrote = true;
	leat_rwmutex_unlock(&rw);
	leat_wg_done(all);
}

static void unlocks(void)
{
	leat_rwmutex_runlock(&rw);
}

static void *unlocks_on_a_thread(void *unused)
{
	unlocks();
	return unused;
}

/* rows: how many of the three readers count there. */
static void start_writer(leat_wg *all, int rows)
{
	for (int i = rows; i < 3; i++)
		leat_rwmutex_rlock(&rw);
	read_often(&rw);
	for (int i = 0; i < rows; i++)
		leat_rwmutex_rlock(&rw);
	leat_wg_add(all, 1);
	leat_go(writes_and_says, all);
	until_waiting(1);
	EXPECT(!leat_rwmutex_try_rlock(&rw));
}

GO_TEST(the_last_reader_lets_it_go_on, "R166 R169")
{
	for (int rows = 0; rows <= 3; rows++) {
		leat_wg all = { 0 };

		wrote = false;
		start_writer(&all, rows);
		leat_rwmutex_runlock(&rw);
		leat_rwmutex_runlock(&rw);
		for (int i = 0; i < 10; i++)
			leat_yield();
		EXPECT(!wrote);
		leat_rwmutex_runlock(&rw);
		leat_wg_wait(&all);
		EXPECT(wrote);
	}
}

GO_TEST(whoever_that_is, "R159 R166")
{
	for (int rows = 0; rows <= 3; rows++) {
		leat_wg all = { 0 }, two = { 0 };
		pthread_t thread;

		start_writer(&all, rows);
		leat_wg_go(&two, unlocks);
		leat_wg_go(&two, unlocks);
		leat_wg_wait(&two);
		EXPECT_EQ(pthread_create(&thread, NULL, unlocks_on_a_thread,
					 NULL),
			  0);
		leat_wg_wait(&all);
		pthread_join(thread, NULL);
	}
}

GO_TEST(who_came_to_read_meanwhile_is_let_in, "R169")
{
	for (int i = 0; i < 10; i++) {
		leat_wg all = { 0 };

		start_writer(&all, 2);
		leat_wg_go(&all, read_once, false);
		leat_wg_go(&all, read_once, true);
		for (int k = 0; k < 10; k++)
			leat_yield();
		for (int k = 0; k < 3; k++)
			leat_rwmutex_runlock(&rw);
		leat_wg_wait(&all);
	}
}

/* -- waits that have an end -- */

GO_TEST(a_writer_gives_up_and_others_read_on, "R163 R169 R201")
{
	leat_ctx *ctx = leat_with_timeout(leat_background(), 20 * MS);

	leat_rwmutex_rlock(&rw);
	read_often(&rw);
	leat_rwmutex_rlock(&rw);
	EXPECT_EQ(leat_rwmutex_lock_until(&rw, leat_after_now(MS)), -ETIMEDOUT);
	EXPECT_EQ(leat_rwmutex_rlock_until(&rw, 0), 0);
	EXPECT_EQ(leat_rwmutex_lock_until(&rw, 0), -ETIMEDOUT);
	EXPECT_EQ(leat_rwmutex_lock_ctx(ctx, &rw), -ECANCELED);
	EXPECT_EQ(leat_rwmutex_rlock_ctx(leat_background(), &rw), 0);
	for (int i = 0; i < 3; i++)
		leat_rwmutex_runlock(&rw);
	leat_go_after(MS, unlocks);
	EXPECT_EQ(leat_rwmutex_lock_until(&rw, LEAT_NEVER), 0);
	leat_rwmutex_unlock(&rw);
	read_often(&rw);
	EXPECT_EQ(leat_rwmutex_lock_until(&rw, 0), 0);
	leat_rwmutex_unlock(&rw);
	leat_ctx_release(ctx);
}

static atomic_long late, had;

static void writes_in_time(int times, int64_t us)
{
	for (int i = 0; i < times; i++) {
		if (leat_rwmutex_lock_until(
			    &rw, leat_after_now((i % 7) * us)) != 0) {
			atomic_fetch_add(&late, 1);
		} else {
			EXPECT_EQ(atomic_fetch_add(&inside, 10000), 0);
			plain[0]++;
			for (int k = 1; k < 8; k++)
				plain[k] = plain[0];
			atomic_fetch_sub(&inside, 10000);
			atomic_fetch_add(&had, 1);
			leat_rwmutex_unlock(&rw);
		}
		for (int k = 0; k < OFTEN; k++)
			read_once(k % 100 == 0);
	}
	atomic_fetch_sub(&writers, 1);
}

GO_TEST(either_it_is_locked_or_it_was_too_late, "R163 R201")
{
	int times = (int)test_count(300);
	leat_wg all = { 0 };

	atomic_store(&writers, 4);
	for (int i = 0; i < 4; i++) {
		leat_wg_go(&all, reads, 5);
		leat_wg_go(&all, writes_in_time, times,
			   (i + 1) * 5 * LEAT_MICROSECOND);
	}
	leat_wg_wait(&all);
	EXPECT_EQ(plain[0], atomic_load(&had));
	EXPECT_EQ(atomic_load(&had) + atomic_load(&late), 4l * times);
	EXPECT(leat_rwmutex_try_lock(&rw));
	leat_rwmutex_unlock(&rw);
}

/* -- readers that block and move -- */

static intptr_t sleeps_in_the_kernel(void *unused)
{
	usleep(20);
	return (intptr_t)unused;
}

static void reads_at_length(int times)
{
	for (int i = 0; i < times; i++) {
		leat_rwmutex_rlock(&rw);
		EXPECT(atomic_fetch_add(&inside, 1) < 10000);
		if (i % 3 == 0)
			leat_yield();
		else if (i % 3 == 1)
			leat_sleep(10 * LEAT_MICROSECOND);
		else
			leat_block(sleeps_in_the_kernel, NULL);
		atomic_fetch_sub(&inside, 1);
		leat_rwmutex_runlock(&rw);
	}
}

/* They come in on one thread, and go out on another. */
GO_TEST(readers_may_wait_block_and_move, "R163 R166 R167")
{
	int times = (int)test_count(300);
	leat_wg all = { 0 };

	for (int i = 0; i < times / 10 + 1; i++) {
		read_often(&rw);
		for (int k = 0; k < 6; k++)
			leat_wg_go(&all, reads_at_length, 10);
		leat_yield();
		write_once();
		leat_wg_wait(&all);
	}
	EXPECT_EQ(plain[0], times / 10 + 1);
}

/* -- columns -- */

GO_TEST(a_new_lock_at_an_old_address_starts_anew, "R153 R167")
{
	leat_rwmutex *lock = malloc(sizeof *lock);

	for (int i = 0; i < 1000; i++) {
		memset(lock, 0, sizeof *lock);
		/* What the word counted when the rows came is in the column. */
		for (int k = 0; k < i % 4; k++)
			leat_rwmutex_rlock(lock);
		read_often(lock);
		EXPECT_EQ(leat_rwmutex_try_lock(lock), i % 4 == 0);
		if (i % 4 == 0)
			leat_rwmutex_unlock(lock);
		for (int k = 0; k < i % 4; k++)
			leat_rwmutex_runlock(lock);
		if (i % 3 == 0) {
			leat_rwmutex_lock(lock);
			leat_rwmutex_unlock(lock);
		}
	}
	free(lock);
}

GO_TEST(when_there_is_no_column_left_it_counts_by_itself, "R163 R167")
{
	enum { LOCKS = 17000 };
	leat_rwmutex *lock = calloc(LOCKS, sizeof *lock);

	if (test_slow() > 1)
		SKIP("takes long");
	for (int i = 0; i < LOCKS; i++) {
		read_often(&lock[i]);
		leat_rwmutex_rlock(&lock[i]);
		EXPECT(!leat_rwmutex_try_lock(&lock[i]));
		leat_rwmutex_runlock(&lock[i]);
	}
	EXPECT(lock[0].column_ != 0);
	EXPECT_EQ(lock[LOCKS - 1].column_, 0);
	for (int i = 0; i < LOCKS; i++)
		EXPECT(leat_rwmutex_try_lock(&lock[i]));
	free(lock);
}

struct counted {
	leat_rwmutex rw;
	int users;
};

static void lets_go(struct counted *c)
{
	leat_rwmutex_rlock(&c->rw);
	EXPECT(c->users > 0);
	leat_rwmutex_runlock(&c->rw);
	leat_rwmutex_lock(&c->rw);

	bool last = --c->users == 0;

	leat_rwmutex_unlock(&c->rw);
	if (last) {
		memset(c, 0xff, sizeof *c);
		free(c);
	}
}

GO_TEST(the_last_who_writes_may_free_it, "R163 R167")
{
	leat_wg all = { 0 };

	for (int round = 0; round < (int)test_count(2000); round++) {
		struct counted *c = calloc(1, sizeof *c);

		c->users = 4;
		read_often(&c->rw);
		for (int i = 0; i < 4; i++)
			leat_wg_go(&all, lets_go, c);
		if (round % 4 == 0)
			leat_wg_wait(&all);
	}
	leat_wg_wait(&all);
}

/* -- misuse -- */

GO_TEST_DIES(who_ends_to_read_too_often_is_found_by_who_writes, "R168",
	     "fatal error: sync: RUnlock of unlocked RWMutex")
{
	read_often(&rw);
	leat_rwmutex_runlock(&rw);
	leat_rwmutex_lock(&rw);
}

GO_TEST_DIES(an_unlocked_lock_is_not_unlocked, "R168",
	     "fatal error: sync: Unlock of unlocked RWMutex")
{
	read_often(&rw);
	leat_rwmutex_unlock(&rw);
}

SUITE("rwmutex rows")
