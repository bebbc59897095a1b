/*
 * unit_sleep.c - a P that sleeps gets up by itself when its time has come.
 *
 *	goroutine on P 0            thread
 *
 *	expiry = now + 2 ms
 *	parks; P 0 sleeps           sees it asleep, and puts the goroutine in
 *	                            its own queue, without a word
 *	is found there when P 0
 *	gets up: how late is it?
 */
#include "core/park.h"
#include "core/sched.h"

#include "leat.h"
#include "test.h"

#include <pthread.h>

enum { TIMES = 101, SLEEP_NS = 2000000 };

static int64_t late[TIMES];
static struct g *_Atomic parked;
static _Atomic bool missed, over;

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* The note alone may be that of its last sleep. */
static bool asleep(struct p *p)
{
	return a_load(&sched.idle.mask[0], acquire) & 1 &&
	       a_load(&p->note, acquire) == NOTE_ASLEEP;
}

static void queue(struct p *p, struct g *g)
{
	int64_t left = a_load(&p->expiry, relaxed) - os_now();

	/* Asleep for a while yet: its queue is ours. */
	if (left > 500000 && asleep(p)) {
		a_store(&parked, NULL, relaxed);
		deque_push_back(&p->fifo, g);
	} else if (left < 0) {
		a_store(&parked, NULL, relaxed);
		a_store(&missed, true, relaxed);
		ready(NULL, g);
	}
}

static void *queues(void *unused)
{
	while (!a_load(&over, relaxed)) {
		struct g *g = a_load(&parked, acquire);

		if (g)
			queue(sched.p[0], g);
		os_sleep(50000);
	}
	return unused;
}

static int64_t sleep_once(void)
{
	_Atomic uint64_t unused = 0;
	struct m *m = m_enter();
	int64_t deadline = os_now() + SLEEP_NS;

	EXPECT(m);
	a_store(&m_p(m)->expiry, deadline, relaxed);
	a_store(&parked, m->g, release);
	m = park(m, G_NOTHING, &unused, 0);

	int64_t now = os_now();

	a_store(&m_p(m)->expiry, OS_NEVER, relaxed);
	m_leave(m);
	return now - deadline;
}

static int sleep_often(void)
{
	pthread_t id;

	pthread_create(&id, NULL, queues, NULL);
	for (int i = 0; i < TIMES; i++) {
		do {
			a_store(&missed, false, relaxed);
			late[i] = sleep_once();
		} while (a_load(&missed, relaxed));
		EXPECT(late[i] >= 0);
	}
	a_store(&over, true, relaxed);
	pthread_join(id, NULL);
	return 0;
}

/* As good as one futex wait: a clock rounded for power's sake (50 us) or a
 * tick (1 ms, 4 ms) would show. */
static void sleep_on_time(enum leat_idle how)
{
	struct leat_options options = { .procs = 1, .idle = how };

	if (test_under("tsan"))
		SKIP("the queue is changed behind its owner's back");
	unsetenv("LEAT_PROCS");
	unsetenv("LEAT_IDLE");
	EXPECT_EQ(leat_run_with(&options, sleep_often), 0);
	qsort(late, TIMES, sizeof *late, by_value);
	printf("median %lld ns late, worst %lld ", (long long)late[TIMES / 2],
	       (long long)late[TIMES - 1]);
	EXPECT(late[TIMES / 2] < 200000 * test_slow());
}

TEST(a_parked_P_gets_up_on_time, "R18 R24")
{
	sleep_on_time(LEAT_IDLE_PARK);
}

TEST(an_adaptive_P_gets_up_on_time, "R18 R24")
{
	sleep_on_time(LEAT_IDLE_ADAPTIVE);
}

SUITE("sleep")
