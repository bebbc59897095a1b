/*
 * test_deadlock.c - when nothing can ever run again, and when something can.
 *
 * The words are Go's; the cases are those of its runtime/crash_test.go and of the
 * requirements, R221 to R228.
 */
#include "leat.h"

#include "test.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

#define MS LEAT_MILLISECOND
/* Under qemu the process has a thread of the emulator's, who knows what for. */
#define ALONE()                                             \
	do {                                                \
		if (test_under("qemu"))                     \
			SKIP("a thread more than we know"); \
	} while (0)
#define ASLEEP "fatal error: all goroutines are asleep - deadlock!\n\n"
#define MAIN   ASLEEP "goroutine 1 (main) "

/* -- one -- */

GO_TEST_DIES(a_receive_from_nobody, "R221 R228 X6", MAIN "[chan receive, 0x")
{
	ALONE();

	leat_chan(int) c = leat_make(int, 0);
	int got;

	leat_recv(c, &got);
}

GO_TEST_DIES(a_range_over_a_channel_that_nobody_closes, "R222 R228",
	     MAIN "[chan receive, 0x")
{
	ALONE();

	leat_chan(int) c = leat_make(int, 3);

	for (int i = 0; i < 3; i++)
		leat_send(c, i);
	leat_range(n, c)
		EXPECT(n < 3);
}

GO_TEST_DIES(a_send_to_nobody, "R223 R228", MAIN "[chan send, 0x")
{
	ALONE();

	leat_chan(int) c = leat_make(int, 0);

	leat_send(c, 1);
}

GO_TEST_DIES(a_send_to_a_full_channel, "R223 R228", MAIN "[chan send, 0x")
{
	ALONE();

	leat_chan(int) c = leat_make(int, 1);

	leat_send(c, 1);
	leat_send(c, 2);
}

GO_TEST_DIES(a_receive_from_nil, "R224 R228", MAIN "[chan receive (nil chan)]")
{
	ALONE();

	leat_chan(int) c = NULL;
	int got;

	leat_recv(c, &got);
}

GO_TEST_DIES(a_send_to_nil, "R224 R228", MAIN "[chan send (nil chan)]")
{
	ALONE();

	leat_chan(int) c = NULL;

	leat_send(c, 1);
}

GO_TEST_DIES(a_select_of_nothing, "R224 R228", MAIN "[select (no cases)]")
{
	ALONE();

	leat_select();
}

GO_TEST_DIES(a_select_of_nothing_ready, "R224 R228", MAIN "[select]")
{
	ALONE();

	leat_chan(int) a = leat_make(int, 0), b = leat_make(int, 0);

	leat_select(leat_on_recv(a, NULL), leat_on_send(b, 1));
}

GO_TEST_DIES(a_lock_taken_twice, "R225 R228", MAIN "[sync.Mutex.Lock, 0x")
{
	ALONE();

	leat_mutex mu = { 0 };

	leat_mutex_lock(&mu);
	leat_mutex_lock(&mu);
}

GO_TEST_DIES(a_lock_to_write_beside_ones_own_to_read, "R225 R228",
	     MAIN "[sync.RWMutex.Lock, 0x")
{
	ALONE();

	leat_rwmutex mu = { 0 };

	leat_rwmutex_rlock(&mu);
	leat_rwmutex_lock(&mu);
}

GO_TEST_DIES(a_lock_to_read_inside_ones_own_to_write, "R225 R228",
	     MAIN "[sync.RWMutex.RLock, 0x")
{
	ALONE();

	leat_rwmutex mu = { 0 };

	leat_rwmutex_lock(&mu);
	leat_rwmutex_rlock(&mu);
}

GO_TEST_DIES(a_wait_for_one_who_was_not_done, "R227 R228",
	     MAIN "[sync.WaitGroup.Wait, 0x")
{
	ALONE();

	leat_wg wg = { 0 };

	leat_wg_add(&wg, 1);
	leat_wg_wait(&wg);
}

GO_TEST_DIES(a_condition_that_nobody_signals, "R228",
	     MAIN "[sync.Cond.Wait, 0x")
{
	ALONE();

	leat_mutex mu = { 0 };
	leat_cond cond = { 0 };

	leat_mutex_lock(&mu);
	leat_cond_wait(&cond, &mu);
}

GO_TEST_DIES(permits_that_are_not_there, "R228", MAIN "[semaphore.Acquire, 0x")
{
	ALONE();

	leat_sema sema = LEAT_SEMA(1);

	leat_sema_acquire(&sema, 1);
	leat_sema_acquire(&sema, 1);
}

static void once_inside(leat_once *once)
{
	leat_once_do(once, once_inside, once);
}

GO_TEST_DIES(a_once_inside_itself, "R225 R228", MAIN "[sync.Mutex.Lock, 0x")
{
	ALONE();

	leat_once once = { 0 };

	leat_once_do(&once, once_inside, &once);
}

/* -- several -- */

static void locks_two(leat_mutex *a, leat_mutex *b, leat_wg *all)
{
	leat_mutex_lock(a);
	leat_wg_done(all);
	leat_wg_wait(all);
	leat_mutex_lock(b);
}

GO_TEST_DIES(three_that_wait_for_each_others_locks, "R226 R228",
	     "[sync.Mutex.Lock, 0x")
{
	ALONE();

	leat_mutex mu[3] = { 0 };
	leat_wg all = { 0 }, never = { 0 };

	leat_wg_add(&all, 3);
	leat_wg_add(&never, 1);
	for (int i = 0; i < 3; i++)
		leat_go(locks_two, &mu[i], &mu[(i + 1) % 3], &all);
	leat_wg_wait(&never);
}

static void receives(leat_chan(int) c)
{
	leat_recv(c, NULL);
}

GO_TEST_DIES(each_is_told_with_its_name, "R228", "(reader) [chan receive, 0x")
{
	ALONE();

	const struct leat_attr attr = { .name = "reader" };
	leat_chan(int) c = leat_make(int, 0);
	leat_wg never = { 0 };

	leat_go_with(&attr, receives, c);
	leat_wg_add(&never, 1);
	leat_wg_wait(&never);
}

GO_TEST_DIES(and_with_who_made_it, "R228", "in goroutine 1\n")
{
	ALONE();

	leat_chan(int) c = leat_make(int, 0);

	leat_go(receives, c);
	receives(c);
}

GO_TEST_DIES(of_very_many_some_are_told, "R228", "\n... and ")
{
	ALONE();

	leat_chan(int) c = leat_make(int, 0);

	for (int i = 0; i < 3000; i++)
		leat_go(receives, c);
	receives(c);
}

/* -- the end of main -- */

GO_TEST_DIES(main_ends_itself_alone, "B.1 R228",
	     "fatal error: no goroutines (main called runtime.Goexit) - "
	     "deadlock!\n")
{
	ALONE();

	leat_goexit();
}

static void works_a_while(void)
{
	leat_sleep(30 * MS);
	fputs("worked, ", stderr);
}

GO_TEST_DIES(main_ends_itself_and_others_go_on, "B.1 R228",
	     "worked, fatal error: no goroutines (main called runtime.Goexit)")
{
	ALONE();

	leat_go(works_a_while);
	leat_goexit();
}

GO_TEST_DIES(main_ends_itself_and_others_wait, "B.1 R228", ASLEEP "goroutine ")
{
	ALONE();

	leat_chan(int) c = leat_make(int, 0);

	leat_go(receives, c);
	leat_goexit();
}

GO_TEST_DIES(an_end_within_a_panic_is_one_too, "B.1 R44",
	     "fatal error: no goroutines (main called runtime.Goexit)")
{
	ALONE();

	leat_defer(leat_goexit);
	leat_panic("hello");
}

/* -- after a while -- */

GO_TEST_DIES(after_the_last_timer, "R228", MAIN "[chan receive, 0x")
{
	ALONE();

	leat_chan(int) c = leat_make(int, 0);

	leat_sleep(50 * MS);
	leat_recv(c, NULL);
}

static void *ends_soon(void *arg)
{
	nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
	return arg;
}

GO_TEST_DIES(after_the_last_thread_that_could_do_something, "R228",
	     MAIN "[chan receive, 0x")
{
	ALONE();

	leat_chan(int) c = leat_make(int, 0);
	pthread_t thread;

	pthread_create(&thread, NULL, ends_soon, NULL);
	pthread_detach(thread);
	leat_recv(c, NULL);
}

GO_TEST_DIES(after_the_last_signal_was_asked_for, "R228",
	     MAIN "[chan receive, 0x")
{
	ALONE();

	leat_chan(int) c = leat_make(int, 1);
	int got;

	leat_signal_notify(c, SIGUSR1);
	raise(SIGUSR1);
	EXPECT(leat_recv(c, &got));
	leat_signal_stop(c);
	leat_recv(c, NULL);
}

GO_TEST_DIES(beside_threads_of_the_library, "R228 R173",
	     MAIN "[chan receive, 0x")
{
	static leat_map map;
	leat_chan(int) c = leat_make(int, 0);

	ALONE();

	for (long i = 0; i < 5000; i++)
		EXPECT_EQ(leat_map_store(&map, i, i), 0);
	for (long i = 0; i < 5000; i++)
		EXPECT(leat_map_delete(&map, i));
	leat_recv(c, NULL);
}

/* -- and when it is none -- */

static leat_chan(int) late;

static void *sends_late(void *arg)
{
	nanosleep(&(struct timespec){ .tv_nsec = 700000000 }, NULL);
	leat_send(late, 7);
	return arg;
}

static void expect_seven(void)
{
	int got = 0;

	EXPECT(leat_recv(late, &got));
	EXPECT_EQ(got, 7);
	leat_release(late);
}

GO_TEST(a_thread_may_come, "R228")
{
	pthread_t thread;

	late = leat_make(int, 0);
	pthread_create(&thread, NULL, sends_late, NULL);
	expect_seven();
	pthread_join(thread, NULL);
}

static intptr_t sleeps(void *arg)
{
	sends_late(arg);
	return 0;
}

static intptr_t only_sleeps(void *arg)
{
	nanosleep(&(struct timespec){ .tv_nsec = 700000000 }, NULL);
	return (intptr_t)arg;
}

static void blocks(void)
{
	leat_block(only_sleeps, NULL);
	leat_send(late, 7);
}

static void blocks_in_silence(void)
{
	sleeps(NULL);
}

GO_TEST(a_blocking_call_may_end, "R228 R25")
{
	late = leat_make(int, 0);
	leat_go(blocks);
	expect_seven();
	late = leat_make(int, 0);
	leat_go(blocks_in_silence);
	expect_seven();
}

static void computes(void)
{
	struct timespec a, b;

	clock_gettime(CLOCK_MONOTONIC, &a);
	do
		clock_gettime(CLOCK_MONOTONIC, &b);
	while ((b.tv_sec - a.tv_sec) * 1000 +
		       (b.tv_nsec - a.tv_nsec) / 1000000 <
	       700);
	leat_send(late, 7);
}

GO_TEST(one_who_computes_may_come, "R228")
{
	late = leat_make(int, 0);
	leat_go(computes);
	expect_seven();
}

static void sends_seven(void)
{
	leat_send(late, 7);
}

GO_TEST(a_timer_may_come, "R228")
{
	late = leat_make(int, 0);
	leat_timer_release(leat_after_func(700 * MS, sends_seven));
	expect_seven();
}

GO_TEST(a_signal_may_come, "R228")
{
	leat_chan(int) c = leat_make(int, 1);
	int got;

	if (test_under("tsan"))
		SKIP("it keeps back what comes while all threads sleep");
	leat_signal_notify(c, SIGALRM);
	alarm(1);
	EXPECT(leat_recv(c, &got));
	EXPECT_EQ(got, SIGALRM);
	leat_signal_stop(c);
	leat_release(c);
}

static void relay(leat_chan(int) in, leat_chan(int) out)
{
	int n;

	while (leat_recv(in, &n))
		leat_send(out, n);
	leat_close(out);
	leat_release(in);
	leat_release(out);
}

/* Never idle for long, and never for ever. */
GO_TEST(ones_who_only_wait_for_each_other_are_left_alone, "R228")
{
	leat_chan(int) there = leat_make(int, 0), back = leat_make(int, 0);
	leat_time until = leat_after_now(test_count(1500) * MS);
	int n = 0, got;

	leat_retain(there);
	leat_retain(back);
	leat_go(relay, there, back);
	while (leat_now() < until) {
		leat_send(there, n);
		EXPECT(leat_recv(back, &got));
		EXPECT_EQ(got, n++);
		if (n % 100 == 0)
			leat_sleep(n % 7 * MS);
	}
	leat_close(there);
	EXPECT(!leat_recv(back, &got));
	leat_release(there);
	leat_release(back);
}

SUITE("deadlock")
