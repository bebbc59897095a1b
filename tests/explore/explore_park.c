/*
 * explore_park.c - core/park.c with its users: a goroutine stops, is found,
 * and goes on, perhaps on another thread, with its registers as they were.
 *
 *	M0, M1     threads with a P each, turning for ever (worker.c)
 *	A, B       goroutines with stacks of their own, one on each P at first
 *
 *	case              what is published before the registers are saved
 *	semaphore         nothing: the switch stores the unlocked word
 *	cross             the goroutine itself, by both at once: each thread
 *	                  wants the goroutine that the other one still saves
 *	outside           nothing; a thread that is none wakes it
 *	yields            nothing; but the other P may rob the queue
 */
#define RUNQ_CAP  2u
#define DEQUE_CAP 4u
#include "core/due.c"
#include "core/idle.c"
#include "core/inject.c"
#include "core/lock.c"
#include "core/runq.c"
#define push wake_push
#include "core/wake.c"
#undef push
#include "core/park.c"
#include "core/worker.c"

#include "tests/explore/world.h"

static _Atomic uint64_t word; /* bit lock of the object */
static struct g *waiter;      /* plain, under the lock */
static int permits;           /* likewise */
static int resumed[GS], ended;
static _Atomic(struct g *) published[2];

void *explore_word(void)
{
	int i = explore_self();

	return i < a_load(&sched.procs, relaxed) ? &ms[i] : NULL;
}

void sysmon_get_up(void)
{
}

char *stack_refill(struct stack_cache *c)
{
	static char top[16];

	(void)c;
	return top;
}

struct arch_call *arch_begin(void *with)
{
	struct m *m = with;
	struct g *g = m->g;

	arrive(m);
	m_leave(m);
	return &g->call;
}

void arch_end(uintptr_t result)
{
	(void)result;
	ended++;
	park_end(m_enter());
}

static void put(int p, struct g *g, void (*fn)(void))
{
	g->call.fn = fn;
	g->state = G_RUNNABLE;
	deque_push_back(&ps[p].fifo, g);
}

static void init(int procs, void (*a)(void), void (*b)(void))
{
	world_init(procs);
	word = 0;
	waiter = NULL;
	permits = ended = 0;
	memset(resumed, 0, sizeof(resumed));
	published[0] = published[1] = NULL;
	if (a)
		put(0, &gs[0], a);
	if (b)
		put(procs - 1, &gs[1], b);
	explore_name((void *)&word, sizeof(word), "word");
	explore_name(&waiter, sizeof(waiter), "waiter");
	explore_name(&permits, sizeof(permits), "permits");
}

static void run(int i)
{
	struct m *m = &ms[i];

	for (;;) {
		settle(m);
		turn(m, m_p(m));
	}
}

static void m0(void)
{
	run(0);
}

static void m1(void)
{
	run(1);
}

/* -- one object with one lock bit, as every later one -- */

static void take(void)
{
	uint64_t was = 0;

	while (!a_cas(&word, &was, 1, acquire)) {
		was = 0;
		a_spin();
	}
}

static void drop(void)
{
	a_store(&word, 0, release);
}

static void down(void)
{
	struct m *m = m_enter();
	int here = 42; /* on the stack, across the switch */

	take();
	int n = d_read(&permits);

	if (n > 0) {
		d_write(&permits, n - 1);
		drop();
	} else {
		d_write(&waiter, m->g);
		m = park(m, G_NOTHING, &word, 0);
		resumed[m->g - gs]++;
		ASSERT(m == arch_self());
	}
	ASSERT(here == 42);
	m_leave(m);
}

static void up(void)
{
	struct m *m = m_enter();

	take();
	struct g *g = d_read(&waiter);

	if (g)
		d_write(&waiter, NULL);
	else
		d_write(&permits, d_read(&permits) + 1);
	drop();
	if (g)
		ready(m, g);
	if (m)
		m_leave(m);
}

static void down_twice(void)
{
	down();
	down();
}

static void up_twice(void)
{
	up();
	up();
}

static void init_semaphore(void)
{
	init(2, down, up);
}

static void init_twice(void)
{
	init(2, down_twice, up_twice);
}

static void init_one_p(void)
{
	init(1, down, up);
}

static void init_outside(void)
{
	init(1, down, NULL);
}

static void both_ended(void)
{
	ASSERT(ended == 2);
}

static void a_ended(void)
{
	ASSERT(ended == 1);
}

/* -- found before it is saved -- */

static void publish(int i)
{
	struct m *m = m_enter();

	a_store(&published[i], &gs[i], release);
	struct g *other = a_swap(&published[1 - i], NULL, acq_rel);

	if (other)
		ready(m, other);
	m = park(m, G_NOTHING, &m->scratch, 0);
	ASSERT(resumed[i]++ == 0);
	m_leave(m);
}

static void publish_a(void)
{
	publish(0);
}

static void publish_b(void)
{
	publish(1);
}

static void init_cross(void)
{
	init(2, publish_a, publish_b);
}

/* Whoever was taken went on; at least one was. */
static void taken_went_on(void)
{
	ASSERT(ended >= 1);
	for (int i = 0; i < 2; i++)
		ASSERT(resumed[i] == (published[i] == NULL));
}

/* -- yield -- */

static void yields(void)
{
	struct m *m = yield(m_enter());

	ASSERT(m == arch_self());
	resumed[m->g - gs]++;
	m_leave(m);
}

static void init_yields(void)
{
	init(2, yields, NULL);
	put(0, &gs[1], yields);
}

static void both_yielded(void)
{
	ASSERT(ended == 2 && resumed[0] == 1 && resumed[1] == 1);
}

/* Weak memory has more to tell of fewer. */
static void init_yields_one(void)
{
	init(2, yields, NULL);
}

static void one_yielded(void)
{
	ASSERT(ended == 1 && resumed[0] == 1);
}

#define STRONG (EXPLORE_SC | EXPLORE_TSO)
#define WEAK   EXPLORE_WEAK
#define CASE(n, modes, bound, start, end, ...)                            \
	{                                                                 \
		.name = #n, .init = start, .check = end, .passes = modes, \
		.thread = { __VA_ARGS__ }, .may_sleep = true,             \
		.preemptions = bound                                      \
	}

static const struct explore_case cases[] = {
	CASE(one_p, STRONG | WEAK, EXPLORE_ANY, init_one_p, both_ended, m0),
	CASE(outside, STRONG | WEAK, EXPLORE_ANY, init_outside, a_ended, m0,
	     up),
	CASE(semaphore, STRONG | WEAK, 2, init_semaphore, both_ended, m0, m1),
	CASE(semaphore_twice, STRONG | WEAK, 2, init_twice, both_ended, m0, m1),
	CASE(cross, STRONG | WEAK, 2, init_cross, taken_went_on, m0, m1),
	CASE(yields, STRONG, 2, init_yields, both_yielded, m0, m1),
	CASE(yields_one, WEAK, EXPLORE_ANY, init_yields_one, one_yielded, m0,
	     m1),
};

EXPLORE(cases, "core/park.c tests/explore/switch.c",
	{ "park.ended", NULL, "not explored: counting goroutines" }, )
