/*
 * explore_idle.c - core/idle.c with its users, core/wake.c and core/worker.c:
 * no goroutine waits in a queue while its P sleeps.
 *
 *	producer    a P that pushes goroutines to its runq, or a thread that
 *	            has none and uses the node's queue, or the inbox of a P;
 *	            then it tells somebody
 *	worker      a P that turns (worker.c) for ever: takes, steals, sleeps
 *
 * In the end the producers have returned and the workers sleep.  Then every
 * goroutine has been resumed once, nobody counts as searching, and those who
 * sleep are those who count as idle.
 */
#define RUNQ_CAP 2u
#include "core/due.c"
#include "core/idle.c"
#include "core/inject.c"
#include "core/lock.c"
#include "core/runq.c"
#include "core/sysmon.c"
#include "core/wake.c"
#include "core/worker.c"

#include "tests/explore/world.h"

enum { PRODUCER };

static int made, resumed[GS], workers;
static int payload[GS]; /* plain: written before a goroutine is queued */

/* Nothing private but what the inbox and the node's queue gave. */
struct g *park_next(struct m *m)
{
	return deque_pop_front(&m_p(m)->fifo);
}

bool park_take(struct m *m, struct g *g)
{
	(void)m;
	(void)g;
	return true;
}

void park_resume(struct m *m, struct g *g)
{
	ASSERT(d_read(&payload[g - gs]) == 1);
	ASSERT(resumed[g - gs]++ == 0);
	a_store(&m_p(m)->tick, 1, relaxed);
}

static void init(int procs)
{
	world_init(procs);
	memset(resumed, 0, sizeof(resumed));
	memset(payload, 0, sizeof(payload));
	made = 0;
	workers = procs - 1;
}

static void init_one(void)
{
	init(2);
}

static void init_two(void)
{
	init(3);
}

static struct g *make(void)
{
	int i = made++;

	d_write(&payload[i], 1);
	return &gs[i];
}

static void push_one(void)
{
	ASSERT(runq_push(&ps[PRODUCER].runq, make()));
	wake_somebody();
}

static void push_two(void)
{
	push_one();
	push_one();
}

static void submit(void)
{
	struct g *g = make();

	wake_submit(0, &g, 1);
}

static void place(void)
{
	wake_place(&ps[1], make());
}

static void place_two(void)
{
	place();
	place();
}

static void work(int p)
{
	for (;;)
		turn(&ms[p], &ps[p]);
}

static void work_one(void)
{
	work(1);
}

static void work_two(void)
{
	work(2);
}

/* What it resumes runs for ever, so the rest is for the other worker. */
static void hog(int p)
{
	while (a_load(&ps[p].tick, relaxed) == 0)
		turn(&ms[p], &ps[p]);
}

static void hog_one(void)
{
	hog(1);
}

static void hog_two(void)
{
	hog(2);
}

static void all_done(void)
{
	uint64_t state = a_load(&sched.idle.state, relaxed);

	for (int i = 0; i < made; i++)
		ASSERT(resumed[i] == 1);
	ASSERT(idle_searching(state) == 0);
	ASSERT(idle_count(state) == (uint32_t)workers);
	ASSERT(a_load(&sched.idle.mask[0], relaxed) ==
	       (workers == 1 ? 2u : 6u));
}

static void all_run(void)
{
	ASSERT(resumed[0] == 1 && resumed[1] == 1);
	ASSERT(a_load(&sched.idle.state, relaxed) == 0);
	ASSERT(a_load(&sched.idle.mask[0], relaxed) == 0);
}

/* Sysmon sleeps only while everybody is idle. */
static void init_watched(void)
{
	init(2);
	sched.procs = 1;
	sched.p[0] = &ps[1];
	ps[1].id = 0;
	ps[1].victims.n = 0;
	memset(ps[1].victims.end, 0, sizeof(ps[1].victims.end));
}

static void watcher(void)
{
	sleep_long(OS_NEVER);
}

/* A busy P arms a timer, and sysmon goes to sleep: not for longer than that. */
enum { WHEN = 1000 };

static void arms(void)
{
	timers_by(&ps[1].timers, WHEN);
	due_tell(WHEN);
}

static void dozes(void)
{
	doze(0, LOOK_IDLE_NS);
}

static void is_covered(void)
{
	ASSERT(world_deadline <= WHEN + LATE_NS);
}

#define STRONG (EXPLORE_SC | EXPLORE_TSO)
#define WEAK   EXPLORE_WEAK
#define CASE(n, modes, bound, start, end, ...)                            \
	{                                                                 \
		.name = #n, .init = start, .check = end, .passes = modes, \
		.thread = { __VA_ARGS__ }, .may_sleep = true,             \
		.preemptions = bound                                      \
	}
#define LARGE(n, modes, bound, start, end, ...)                           \
	{                                                                 \
		.name = #n, .init = start, .check = end, .passes = modes, \
		.thread = { __VA_ARGS__ }, .may_sleep = true,             \
		.preemptions = bound, .large = true                       \
	}

static const struct explore_case cases[] = {
	CASE(one_push, STRONG | WEAK, EXPLORE_ANY, init_one, all_done, push_one,
	     work_one),
	CASE(submit_from_outside, STRONG | WEAK, EXPLORE_ANY, init_one,
	     all_done, submit, work_one),
	CASE(place_in_an_inbox, STRONG | WEAK, EXPLORE_ANY, init_one, all_done,
	     place, work_one),
	CASE(place_twice, STRONG | WEAK, 2, init_one, all_done, place_two,
	     work_one),
	LARGE(two_pushes, STRONG | WEAK, 2, init_one, all_done, push_two,
	      work_one),
	LARGE(two_producers, STRONG | WEAK, 2, init_one, all_done, push_one,
	      submit, work_one),
	LARGE(two_workers, STRONG, 2, init_two, all_done, push_one, work_one,
	      work_two),
	LARGE(two_workers_weak, WEAK, 1, init_two, all_done, push_one, work_one,
	      work_two),
	LARGE(two_workers_two_pushes, STRONG, 2, init_two, all_done, push_two,
	      work_one, work_two),
	CASE(two_hogs, STRONG, 2, init_two, all_run, push_two, hog_one,
	     hog_two),
	CASE(two_hogs_weak, WEAK, 1, init_two, all_run, push_two, hog_one,
	     hog_two),
	{ .name = "sysmon_gets_up",
	  .init = init_watched,
	  .passes = STRONG | WEAK,
	  .preemptions = 2,
	  .thread = { submit, hog_one, watcher } },
	CASE(sysmon_knows_of_a_timer, STRONG | WEAK, EXPLORE_ANY, init_watched,
	     is_covered, arms, dozes),
};

EXPLORE(cases, "core/idle.c core/wake.c core/worker.c core/sysmon.c core/due.h",
	{ "idle.count", NULL, "for the fake clock" },
	{ "idle.set", NULL, "the fence after it decides (idle.rescan)" },
	{ "idle.look", NULL, "the fence before it decides (idle.submit)" },
	{ "idle.clear", NULL,
	  "what the P needs comes with its note, or by the fence before" },
	{ "wake.look", NULL,
	  "both sides update the mask after it, and that orders as much" },
	{ "wake.note", "release", "a waker learns nothing from the sleeper" },
	{ "sleep.note", NULL,
	  "a P that saw too little looks again before it sleeps" },
	{ "wake.attend", NULL,
	  "an update sees the newest store: it would take load buffering" },
	{ "worker.attend", NULL,
	  "an update sees the newest store: it would take load buffering" },
	{ "idle.note", NULL, "not explored: spinning" },
	{ "sysmon.back", NULL, "not explored: no thread to be had" },
	{ "wake.bound", NULL, "not explored: goroutines bound to threads" },
	{ "wake.thread", NULL, "not explored: goroutines bound to threads" },
	{ "worker.wired", NULL, "not explored: goroutines bound to threads" },
	{ "wake.stale", NULL, "not explored: Ps that go out of use" }, )
