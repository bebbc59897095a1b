/*
 * test_chan_threads.c - threads at channels: those that are not the runtime's,
 * and goroutines that are bound to one.
 *
 *	goroutine      free        waits parked
 *	               pinned      waits parked; goes on on the same thread
 *	               locked      its thread sleeps, nobody else runs on it
 *	thread         foreign     sleeps; waits in one line with the goroutines
 */
#include "leat.h"

#include "measure.h"
#include "test.h"
#include "waits.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#define MS 1000000ll

typedef leat_chan(int) ints;

/* -- threads that are not the runtime's -- */

static void join(pthread_t *id, int n)
{
	leat_block_enter();
	for (int i = 0; i < n; i++)
		pthread_join(id[i], NULL);
	leat_block_exit();
}

static struct {
	ints to, fro;
	int n;
} talk;

static void *counts_up(void *unused)
{
	for (int i = 0; i < talk.n; i++)
		leat_send(talk.to, i);
	leat_close(talk.to);
	return unused;
}

static void *sends_back(void *unused)
{
	int next = 0;

	leat_range(v, talk.to) {
		EXPECT_EQ(v, next++);
		leat_send(talk.fro, v);
	}
	leat_close(talk.fro);
	return unused;
}

static void sends_back_inside(void)
{
	sends_back(NULL);
}

static void counts_up_inside(void)
{
	counts_up(NULL);
}

static void start_talk(int cap)
{
	talk.n = (int)test_count(300);
	talk.to = leat_make(int, cap);
	talk.fro = leat_make(int, cap);
}

/* Everything comes back, in order. */
static void end_talk(void)
{
	int next = 0;

	leat_range(v, talk.fro)
		EXPECT_EQ(v, next++);
	EXPECT_EQ(next, talk.n);
	EXPECT_EQ(leat_try_recv(talk.to, NULL), -EPIPE);
}

TEST(channels_need_no_runtime, "R31 R61 R85")
{
	pthread_t id[2];

	for (int cap = 0; cap < 3; cap++) {
		start_talk(cap);
		pthread_create(&id[0], NULL, counts_up, NULL);
		pthread_create(&id[1], NULL, sends_back, NULL);
		end_talk();
		pthread_join(id[0], NULL);
		pthread_join(id[1], NULL);
		leat_release(talk.to);
		leat_release(talk.fro);
	}
}

GO_TEST(threads_talk_with_goroutines, "R31 R61 R85")
{
	leat_wg group = { 0 };
	pthread_t id;

	for (int i = 0; i < 6; i++) {
		start_talk(i / 2);
		if (i % 2) {
			pthread_create(&id, NULL, counts_up, NULL);
			leat_wg_go(&group, sends_back_inside);
		} else {
			pthread_create(&id, NULL, sends_back, NULL);
			leat_wg_go(&group, counts_up_inside);
		}
		end_talk();
		leat_wg_wait(&group);
		join(&id, 1);
		leat_release(talk.to);
		leat_release(talk.fro);
	}
}

static atomic_int ended;

static void *waits_for_the_end(void *c)
{
	about_to_wait();
	EXPECT(!leat_recv((ints)c, NULL));
	atomic_fetch_add(&ended, 1);
	return NULL;
}

static void waits_inside(ints c)
{
	waits_for_the_end((void *)c);
}

static void *closes(void *c)
{
	EXPECT_EQ(leat_shut((ints)c), 0);
	return NULL;
}

GO_TEST(a_thread_closes_for_threads_and_goroutines, "R31 R78")
{
	for (int cap = 0; cap < 2; cap++) {
		ints c = leat_make(int, cap);
		leat_wg group = { 0 };
		pthread_t id[9];

		for (int i = 0; i < 8; i++) {
			leat_wg_go(&group, waits_inside, c);
			until_waiting(1);
			pthread_create(&id[i], NULL, waits_for_the_end,
				       (void *)c);
			until_thread_waits();
		}
		EXPECT_EQ(atomic_load(&ended), 0);
		pthread_create(&id[8], NULL, closes, (void *)c);
		join(id, 9);
		leat_wg_wait(&group);
		EXPECT_EQ(atomic_exchange(&ended, 0), 16);
		leat_release(c);
	}
}

static void *does_not_wait(void *unused)
{
	int v = 7, two[2] = { 1, 2 };

	for (int cap = 0; cap < 3; cap++) {
		ints c = leat_make(int, cap);

		EXPECT_EQ(leat_try_recv(c, &v), -EAGAIN);
		if (cap > 0)
			EXPECT_EQ(leat_send_n(c, two, 2), cap);
		EXPECT_EQ(leat_try_send(c, 3), -EAGAIN);
		EXPECT_EQ(leat_len(c), cap);
		EXPECT_EQ(leat_shut(c), 0);
		EXPECT_EQ(leat_shut(c), -EPIPE);
		EXPECT_EQ(leat_offer(c, 4), -EPIPE);
		EXPECT_EQ(leat_recv_n(c, two, 2), cap);
		EXPECT_EQ(leat_try_recv(c, &v), -EPIPE);
		leat_release(c);
	}
	return unused;
}

TEST(a_thread_has_every_operation, "R31 R66 R68 R72")
{
	does_not_wait(NULL);
}

GO_TEST(a_thread_beside_the_runtime_has_every_operation, "R31 R66 R68 R72")
{
	pthread_t id;

	pthread_create(&id, NULL, does_not_wait, NULL);
	join(&id, 1);
}

static void *sends_on_closed(void *unused)
{
	ints c = leat_make(int, 1);

	leat_close(c);
	leat_send(c, 1);
	return unused;
}

TEST_DIES(a_send_on_closed_panics_without_the_runtime, "R31 R73 X11",
	  "panic: send on closed channel")
{
	sends_on_closed(NULL);
}

GO_TEST_DIES(a_send_on_closed_panics_on_a_thread, "R31 R73 X11",
	     "panic: send on closed channel")
{
	pthread_t id;

	pthread_create(&id, NULL, sends_on_closed, NULL);
	join(&id, 1);
}

TEST_DIES(a_close_of_nil_panics_without_the_runtime, "R31 R74 X11",
	  "panic: close of nil channel")
{
	leat_close((ints)NULL);
}

/* -- bound goroutines -- */

enum bond { FREE, PINNED, LOCKED, BONDS };

static void bind(enum bond how)
{
	if (how == PINNED)
		leat_pin();
	if (how == LOCKED)
		leat_thread_lock();
}

static void release_bond(enum bond how)
{
	if (how == PINNED)
		leat_unpin();
	if (how == LOCKED)
		leat_thread_unlock();
}

static void answers(ints in, ints out, enum bond how)
{
	bind(how);

	pid_t home = gettid();

	leat_range(v, in) {
		EXPECT(how == FREE || home == gettid());
		leat_send(out, v + 1);
		EXPECT(how == FREE || home == gettid());
	}
	release_bond(how);
	leat_close(out);
}

static void asks(int cap, enum bond me, enum bond you)
{
	ints to = leat_make(int, cap), fro = leat_make(int, cap);
	leat_wg group = { 0 };
	/* Who is locked switches threads at each wait. */
	bool slow = me == LOCKED || you == LOCKED;
	int v, rounds = (int)test_count(slow ? 50 : 2000);

	leat_wg_go(&group, answers, to, fro, you);
	bind(me);

	pid_t home = gettid();

	for (int i = 0; i < rounds; i++) {
		leat_send(to, i);
		EXPECT(leat_recv(fro, &v));
		EXPECT_EQ(v, i + 1);
		EXPECT(me == FREE || home == gettid());
	}
	leat_close(to);
	EXPECT(!leat_recv(fro, &v));
	release_bond(me);
	leat_wg_wait(&group);
	leat_release(to);
	leat_release(fro);
}

GO_TEST(who_is_bound_comes_back_to_its_thread, "R62 R64")
{
	for (int i = 0; i < BONDS * BONDS * 2; i++)
		asks(i % 2, (enum bond)(i / 2 % BONDS),
		     (enum bond)(i / 2 / BONDS));
}

static void asks_often(atomic_int *left, int cap, enum bond how)
{
	while (atomic_load(left) > 0)
		asks(cap, FREE, how);
}

GO_TEST(channels_work_while_the_number_of_Ps_changes, "R30 R62 R64")
{
	atomic_int left = (int)test_count(100);
	leat_wg group = { 0 };
	unsigned seed = 1;

	for (int i = 0; i < 8; i++)
		leat_wg_go(&group, asks_often, &left, i % 3,
			   (enum bond)(i % BONDS));
	for (; atomic_load(&left) > 0; atomic_fetch_sub(&left, 1)) {
		leat_procs_set(1 + rand_r(&seed) % 16);
		for (int i = rand_r(&seed) % 30; i > 0; i--)
			leat_yield();
	}
	leat_wg_wait(&group);
}

/* -- nobody burns -- */

static int64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1000 * MS + t.tv_nsec;
}

static void waits_both_ways(ints full, ints empty, int i)
{
	about_to_wait();
	if (i % 2)
		leat_offer(full, i);
	else
		leat_recv(empty, NULL);
}

static ints empty_outside;

static void *waits_outside(void *unused)
{
	about_to_wait();
	leat_recv(empty_outside, NULL);
	return unused;
}

static void look_at_the_clock(void)
{
	struct timespec pause = { .tv_nsec = 200 * MS };
	int64_t before;

	leat_block_enter();
	nanosleep(&pause, NULL); /* whoever looks around, stops */
	before = cpu_ns();
	nanosleep(&pause, NULL);
	EXPECT(cpu_ns() - before < 40 * MS * test_slow());
	leat_block_exit();
}

GO_TEST(who_waits_at_a_channel_uses_no_CPU, "R64")
{
	ints full = leat_make(int, 1), empty = leat_make(int, 0);
	leat_wg group = { 0 };
	pthread_t id[4];

	leat_send(full, 1);
	for (int i = 0; i < 100; i++)
		leat_wg_go(&group, waits_both_ways, full, empty, i);
	until_waiting(100);
	empty_outside = empty;
	for (int i = 0; i < 4; i++) {
		pthread_create(&id[i], NULL, waits_outside, NULL);
		until_thread_waits();
	}
	look_at_the_clock();
	leat_close(full);
	leat_close(empty);
	leat_wg_wait(&group);
	leat_block_enter();
	for (int i = 0; i < 4; i++)
		pthread_join(id[i], NULL);
	leat_block_exit();
	leat_release(full);
	leat_release(empty);
}

SUITE("chan threads")
