/*
 * test_rwmutex.c - the rules of Go's sync.RWMutex, one by one.
 */
#include "leat.h"

#include "measure.h"
#include "test.h"
#include "waits.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#define MS LEAT_MILLISECOND

static leat_rwmutex rw;

/* -- who excludes whom -- */

GO_TEST(a_lock_of_zeros_is_unlocked, "R153 R163")
{
	static leat_rwmutex still;
	leat_rwmutex here = { 0 };

	leat_rwmutex_lock(&here);
	leat_rwmutex_unlock(&here);
	leat_rwmutex_rlock(&here);
	leat_rwmutex_runlock(&here);
	leat_rwmutex_rlock(&still);
	leat_rwmutex_runlock(&still);
	leat_rwmutex_lock(&still);
	leat_rwmutex_unlock(&still);
}

GO_TEST(what_may_be_tried_beside_what, "R163 R164 R165 R166")
{
	for (int i = 0; i < 10; i++) {
		EXPECT(leat_rwmutex_try_rlock(&rw));
		EXPECT(leat_rwmutex_try_rlock(&rw));
		EXPECT(!leat_rwmutex_try_lock(&rw));
		leat_rwmutex_runlock(&rw);
		EXPECT(!leat_rwmutex_try_lock(&rw));
		leat_rwmutex_runlock(&rw);
		EXPECT(leat_rwmutex_try_lock(&rw));
		EXPECT(!leat_rwmutex_try_lock(&rw));
		EXPECT(!leat_rwmutex_try_rlock(&rw));
		leat_rwmutex_unlock(&rw);
	}
}

static atomic_int inside;

static void reads_with_all(leat_wg *all_in, leat_wg *all)
{
	leat_rwmutex_rlock(&rw);
	atomic_fetch_add(&inside, 1);
	leat_wg_done(all_in);
	leat_wg_wait(all_in);
	leat_rwmutex_runlock(&rw);
	leat_wg_done(all);
}

GO_TEST(ten_thousand_read_at_once, "R165")
{
	int n = (int)test_count(10000);
	leat_wg all_in = { 0 }, all = { 0 };

	leat_wg_add(&all_in, n);
	leat_wg_add(&all, n);
	for (int i = 0; i < n; i++)
		leat_go(reads_with_all, &all_in, &all);
	leat_wg_wait(&all);
	EXPECT_EQ(atomic_load(&inside), n);
	EXPECT(leat_rwmutex_try_lock(&rw));
	leat_rwmutex_unlock(&rw);
}

static long plain[8]; /* all the same, but while one writes */

static void reads(int times, int yields)
{
	for (int i = 0; i < times; i++) {
		leat_rwmutex_rlock(&rw);

		int n = atomic_fetch_add(&inside, 1);
		long was = plain[0];

		EXPECT(n >= 0 && n < 10000);
		if (yields && i % yields == 0)
			leat_yield();
		for (int k = 1; k < 8; k++)
			EXPECT_EQ(plain[k], was);
		atomic_fetch_sub(&inside, 1);
		leat_rwmutex_runlock(&rw);
	}
}

static void writes(int times, int yields)
{
	for (int i = 0; i < times; i++) {
		leat_rwmutex_lock(&rw);
		EXPECT_EQ(atomic_fetch_add(&inside, 10000), 0);
		for (int k = 0; k < 8; k++) {
			plain[k]++;
			if (yields && i % yields == 0)
				leat_yield();
		}
		EXPECT_EQ(atomic_fetch_sub(&inside, 10000), 10000);
		leat_rwmutex_unlock(&rw);
	}
}

/* Go's HammerRWMutex, for several numbers of readers. */
GO_TEST(who_writes_is_alone_and_who_reads_is_not, "R163 R164 R166 R178")
{
	static const int readers[] = { 1, 3, 10 };
	int times = (int)test_count(3000);
	leat_wg all = { 0 };
	long wrote = 0;

	for (int r = 0; r < 3; r++) {
		for (int i = 0; i < readers[r]; i++)
			leat_wg_go(&all, reads, times, i % 2 ? 10 : 0);
		leat_wg_go(&all, writes, times, 10);
		leat_wg_go(&all, writes, times, 0);
		leat_wg_wait(&all);
		wrote += 2l * times;
		EXPECT_EQ(plain[0], wrote);
	}
}

static void *reads_on_a_thread(void *times)
{
	reads(*(int *)times, 0);
	return NULL;
}

static void *writes_on_a_thread(void *times)
{
	writes(*(int *)times, 0);
	return NULL;
}

GO_TEST(threads_take_part, "R163 R164 R166")
{
	int times = (int)test_count(3000);
	pthread_t thread[4];
	leat_wg all = { 0 };

	for (int i = 0; i < 4; i++)
		EXPECT_EQ(pthread_create(&thread[i], NULL,
					 i % 2 ? reads_on_a_thread
					       : writes_on_a_thread,
					 &times),
			  0);
	for (int i = 0; i < 4; i++)
		leat_wg_go(&all, reads, times, 10);
	leat_wg_go(&all, writes, times, 10);
	leat_wg_wait(&all);
	leat_block_enter();
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	leat_block_exit();
	EXPECT_EQ(plain[0], 3l * times);
}

/* -- nobody starves -- */

static char happened[16];
static int happenings;

static void notes(char what)
{
	happened[happenings++] = what;
}

static void reads_and_notes(leat_wg *all, char me)
{
	about_to_wait();
	leat_rwmutex_rlock(&rw);
	notes(me);
	leat_yield();
	leat_rwmutex_runlock(&rw);
	leat_wg_done(all);
}

static void writes_and_notes(leat_wg *all, char me)
{
	about_to_wait();
	leat_rwmutex_lock(&rw);
	notes(me);
	leat_rwmutex_unlock(&rw);
	leat_wg_done(all);
}

GO_TEST(a_writer_that_waits_keeps_new_readers_out, "R166 R169")
{
	leat_wg all = { 0 };

	leat_procs_set(1);
	leat_wg_add(&all, 3);
	leat_rwmutex_rlock(&rw);
	leat_go(writes_and_notes, &all, 'w');
	until_waiting(1);
	EXPECT(!leat_rwmutex_try_rlock(&rw));
	leat_go(reads_and_notes, &all, 'r');
	until_waiting(1);
	leat_go(reads_and_notes, &all, 's');
	until_waiting(1);
	leat_rwmutex_runlock(&rw);
	leat_wg_wait(&all);
	EXPECT_EQ(happened[0], 'w');
}

GO_TEST(readers_are_let_in_before_the_next_writer, "R169")
{
	leat_wg all = { 0 };

	leat_procs_set(1);
	leat_wg_add(&all, 4);
	leat_rwmutex_lock(&rw);
	leat_go(writes_and_notes, &all, 'w');
	until_waiting(1);
	leat_go(writes_and_notes, &all, 'x');
	until_waiting(1);
	leat_go(reads_and_notes, &all, 'r');
	until_waiting(1);
	leat_go(reads_and_notes, &all, 's');
	until_waiting(1);
	leat_rwmutex_unlock(&rw);
	leat_wg_wait(&all);
	EXPECT(memchr("rs", happened[0], 2) && memchr("rs", happened[1], 2));
	EXPECT(memchr("wx", happened[2], 2) && memchr("wx", happened[3], 2));
}

static atomic_bool over;

static void reads_on_and_on(leat_wg *all)
{
	while (!atomic_load(&over)) {
		leat_rwmutex_rlock(&rw);
		leat_yield();
		leat_rwmutex_runlock(&rw);
	}
	leat_wg_done(all);
}

static void writes_on_and_on(leat_wg *all)
{
	while (!atomic_load(&over)) {
		leat_rwmutex_lock(&rw);
		leat_yield();
		leat_rwmutex_unlock(&rw);
	}
	leat_wg_done(all);
}

GO_TEST(readers_without_end_let_a_writer_in, "R169")
{
	leat_wg all = { 0 };

	leat_wg_add(&all, 8);
	for (int i = 0; i < 8; i++)
		leat_go(reads_on_and_on, &all);
	for (int i = 0; i < 100; i++) {
		leat_rwmutex_lock(&rw);
		leat_rwmutex_unlock(&rw);
	}
	atomic_store(&over, true);
	leat_wg_wait(&all);
}

GO_TEST(writers_without_end_let_a_reader_in, "R169")
{
	leat_wg all = { 0 };

	leat_wg_add(&all, 4);
	for (int i = 0; i < 4; i++)
		leat_go(writes_on_and_on, &all);
	for (int i = 0; i < 100; i++) {
		leat_rwmutex_rlock(&rw);
		leat_rwmutex_runlock(&rw);
	}
	atomic_store(&over, true);
	leat_wg_wait(&all);
}

/* -- others may unlock it -- */

static void unlocks(bool wrote)
{
	if (wrote)
		leat_rwmutex_unlock(&rw);
	else
		leat_rwmutex_runlock(&rw);
}

GO_TEST(another_goroutine_may_unlock_it, "R159 R163")
{
	leat_rwmutex_lock(&rw);
	leat_go(unlocks, true);
	leat_rwmutex_rlock(&rw);
	leat_go_after(MS, unlocks, false);
	leat_rwmutex_lock(&rw);
	leat_rwmutex_unlock(&rw);
}

/* -- waits that have an end -- */

GO_TEST(it_is_waited_for_until_a_moment_and_not_before, "R163 R201")
{
	leat_time when;

	EXPECT_EQ(leat_rwmutex_lock_until(&rw, 0), 0);
	EXPECT_EQ(leat_rwmutex_rlock_until(&rw, 0), -ETIMEDOUT);
	EXPECT_EQ(leat_rwmutex_lock_until(&rw, 0), -ETIMEDOUT);
	when = leat_after_now(MS);
	EXPECT_EQ(leat_rwmutex_rlock_until(&rw, when), -ETIMEDOUT);
	EXPECT(leat_now() >= when);
	when = leat_after_now(MS);
	EXPECT_EQ(leat_rwmutex_lock_until(&rw, when), -ETIMEDOUT);
	EXPECT(leat_now() >= when);
	leat_rwmutex_unlock(&rw);

	EXPECT_EQ(leat_rwmutex_rlock_until(&rw, 0), 0);
	EXPECT_EQ(leat_rwmutex_rlock_until(&rw, 0), 0);
	when = leat_after_now(MS);
	EXPECT_EQ(leat_rwmutex_lock_until(&rw, when), -ETIMEDOUT);
	EXPECT(leat_now() >= when);
	leat_rwmutex_runlock(&rw);
	leat_go_after(MS, unlocks, false);
	EXPECT_EQ(leat_rwmutex_lock_until(&rw, LEAT_NEVER), 0);
	leat_go_after(MS, unlocks, true);
	EXPECT_EQ(leat_rwmutex_rlock_until(&rw, leat_after_now(LEAT_HOUR)), 0);
	leat_rwmutex_runlock(&rw);
	EXPECT(leat_rwmutex_try_lock(&rw));
	leat_rwmutex_unlock(&rw);
}

static void gives_up(leat_wg *all)
{
	about_to_wait();
	EXPECT_EQ(leat_rwmutex_lock_until(&rw, leat_after_now(20 * MS)),
		  -ETIMEDOUT);
	leat_wg_done(all);
}

GO_TEST(a_writer_that_gives_up_lets_in_who_came_after_it, "R169")
{
	leat_wg all = { 0 }, late = { 0 };

	leat_procs_set(1);
	leat_rwmutex_rlock(&rw);
	leat_wg_add(&late, 1);
	leat_wg_add(&all, 2);
	leat_go(gives_up, &late);
	until_waiting(1);
	leat_go(reads_and_notes, &all, 'r');
	until_waiting(1);
	leat_go(reads_and_notes, &all, 's');
	until_waiting(1);
	leat_wg_wait(&all);
	leat_wg_wait(&late);
	leat_rwmutex_runlock(&rw);
	EXPECT(leat_rwmutex_try_lock(&rw));
	leat_rwmutex_unlock(&rw);
}

GO_TEST(a_cancel_ends_the_wait_and_leaves_the_lock, "R133 R141")
{
	leat_ctx *ctx = leat_with_timeout(leat_background(), MS);

	EXPECT_EQ(leat_rwmutex_lock_ctx(ctx, &rw), 0);
	EXPECT_EQ(leat_rwmutex_rlock_ctx(ctx, &rw), -ECANCELED);
	EXPECT_EQ(leat_rwmutex_lock_ctx(ctx, &rw), -ECANCELED);
	leat_rwmutex_unlock(&rw);
	EXPECT_EQ(leat_rwmutex_rlock_ctx(ctx, &rw), 0);
	EXPECT_EQ(leat_rwmutex_rlock_ctx(ctx, &rw), 0);
	EXPECT_EQ(leat_rwmutex_lock_ctx(ctx, &rw), -ECANCELED);
	leat_rwmutex_runlock(&rw);
	leat_rwmutex_runlock(&rw);
	EXPECT_EQ(leat_rwmutex_lock_ctx(leat_background(), &rw), 0);
	leat_rwmutex_unlock(&rw);
	leat_ctx_release(ctx);
}

static atomic_long late, wrote;

static void both_in_time(int times, int64_t us)
{
	for (int i = 0; i < times; i++) {
		leat_time when = leat_after_now((i % 7) * us);
		bool write = i % 4 == 0;

		if ((write ? leat_rwmutex_lock_until(&rw, when)
			   : leat_rwmutex_rlock_until(&rw, when)) != 0) {
			atomic_fetch_add(&late, 1);
			continue;
		}
		if (write) {
			EXPECT_EQ(atomic_fetch_add(&inside, 10000), 0);
			plain[0]++;
			atomic_fetch_add(&wrote, 1);
		} else {
			EXPECT(atomic_fetch_add(&inside, 1) < 10000);
		}
		if (i % 3 == 0)
			leat_yield();
		atomic_fetch_sub(&inside, write ? 10000 : 1);
		unlocks(write);
	}
}

static void *is_late_on_a_thread(void *times)
{
	both_in_time(*(int *)times, 20 * LEAT_MICROSECOND);
	return NULL;
}

GO_TEST(either_it_is_locked_or_it_was_too_late, "R163 R201")
{
	int times = (int)test_count(2000);
	pthread_t thread;
	leat_wg all = { 0 };

	EXPECT_EQ(pthread_create(&thread, NULL, is_late_on_a_thread, &times),
		  0);
	for (int i = 0; i < 6; i++)
		leat_wg_go(&all, both_in_time, times,
			   (i + 1) * 5 * LEAT_MICROSECOND);
	leat_wg_wait(&all);
	leat_block_enter();
	pthread_join(thread, NULL);
	leat_block_exit();
	EXPECT_EQ(plain[0], atomic_load(&wrote));
	EXPECT(leat_rwmutex_try_lock(&rw));
	leat_rwmutex_unlock(&rw);
}

/* -- the memory of a lock -- */

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

GO_TEST(the_last_who_writes_may_free_it, "R163")
{
	leat_wg all = { 0 };

	for (int round = 0; round < (int)test_count(10000); round++) {
		struct counted *c = calloc(1, sizeof *c);

		c->users = 4;
		for (int i = 0; i < 4; i++)
			leat_wg_go(&all, lets_go, c);
		if (round % 16 == 0)
			leat_wg_wait(&all);
	}
	leat_wg_wait(&all);
}

/* -- misuse -- */

GO_TEST_DIES(an_unlocked_lock_is_not_unlocked, "R168",
	     "fatal error: sync: Unlock of unlocked RWMutex")
{
	leat_rwmutex_unlock(&rw);
}

GO_TEST_DIES(nor_is_one_that_is_read, "R168",
	     "fatal error: sync: Unlock of unlocked RWMutex")
{
	leat_rwmutex_rlock(&rw);
	leat_rwmutex_unlock(&rw);
}

GO_TEST_DIES(nobody_ends_to_read_who_has_not_begun, "R168",
	     "fatal error: sync: RUnlock of unlocked RWMutex")
{
	leat_rwmutex_rlock(&rw);
	leat_rwmutex_runlock(&rw);
	leat_rwmutex_runlock(&rw);
}

GO_TEST_DIES(nor_while_it_is_written, "R168",
	     "fatal error: sync: RUnlock of unlocked RWMutex")
{
	leat_rwmutex_lock(&rw);
	leat_rwmutex_runlock(&rw);
}

#define NIL_DIES(name, call)                                          \
	TEST_DIES(a_nil_lock_dies_in_##name, "R163",                  \
		  "fatal error: leat_rwmutex_" #name ": nil RWMutex") \
	{                                                             \
		call;                                                 \
	}

NIL_DIES(lock, leat_rwmutex_lock(NULL))
NIL_DIES(rlock, leat_rwmutex_rlock(NULL))
NIL_DIES(unlock, leat_rwmutex_unlock(NULL))
NIL_DIES(runlock, leat_rwmutex_runlock(NULL))
NIL_DIES(try_lock, leat_rwmutex_try_lock(NULL))
NIL_DIES(try_rlock, leat_rwmutex_try_rlock(NULL))
NIL_DIES(lock_until, leat_rwmutex_lock_until(NULL, 0))
NIL_DIES(rlock_until, leat_rwmutex_rlock_until(NULL, 0))
NIL_DIES(lock_ctx, leat_rwmutex_lock_ctx(leat_background(), NULL))
NIL_DIES(rlock_ctx, leat_rwmutex_rlock_ctx(leat_background(), NULL))

GO_TEST_DIES(a_copy_of_a_used_lock_is_found, "R170",
	     "fatal error: sync: RWMutex is copied")
{
	leat_rwmutex copy[2];

	if (!test_under("debug") && !test_under("asan") && !test_under("tsan"))
		SKIP("built without marks");
	leat_rwmutex_rlock(&rw);
	copy[0] = copy[1] = rw;
	/* One of two has another mark; most likely the first. */
	leat_rwmutex_runlock(&copy[0]);
	leat_rwmutex_runlock(&copy[1]);
}

SUITE("rwmutex")
