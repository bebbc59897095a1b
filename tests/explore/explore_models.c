/*
 * explore_models.c - small models of protocols, and each of their known
 * mistakes, which must be found.
 *
 *	defer     the switch stores the unlocked word: nobody finds a
 *	          goroutine before its registers are saved
 *	on_cpu    it is found earlier, and a flag says when it is saved
 *	cross     each worker picks what the other still saves
 *	idle      publish, fence, look: producer and worker
 *	bias      a marker and a light fence against a heavy one
 */
#include "core/atomic.h"

static _Atomic int lock, on_cpu[2], ready, tail, idle, searching, mode, op[2];
static int queued, saved, local; /* plain */
static int woke, slept, found;

static void init(void)
{
	lock = ready = tail = idle = mode = op[0] = op[1] = 0;
	on_cpu[0] = on_cpu[1] = searching = 1;
	queued = saved = local = woke = slept = found = 0;
}

/* -- defer and on_cpu: the goroutine parks, a waker queues it -- */

static void take(void)
{
	int was = 0;

	while (!a_cas(&lock, &was, 1, acquire)) {
		was = 0;
		a_spin();
	}
}

static void enqueue(void)
{
	take();
	d_write(&queued, 1);
	d_write(&local, 5);
}

#define DEFER(name, mo)                \
	static void name(void)         \
	{                              \
		enqueue();             \
		d_write(&saved, 42);   \
		a_store(&lock, 0, mo); \
	}
DEFER(defer, release)
DEFER(defer_relaxed, relaxed)

#define ON_CPU(name, mo)                    \
	static void name(void)              \
	{                                   \
		enqueue();                  \
		a_store(&lock, 0, release); \
		d_write(&saved, 42);        \
		a_store(&on_cpu[0], 0, mo); \
	}
ON_CPU(park_on_cpu, release)
ON_CPU(park_on_cpu_relaxed, relaxed)

static void waker(void)
{
	take();
	int q = d_read(&queued);

	d_write(&queued, 0);
	a_store(&lock, 0, release);
	if (q)
		a_store(&ready, 1, release);
}

static void go_on(void)
{
	ASSERT(d_read(&saved) == 42 && d_read(&local) == 5);
	d_write(&local, 6);
}

static void resumer(void)
{
	if (a_load(&ready, acquire))
		go_on();
}

#define RESUMER(name, mo)                      \
	static void name(void)                 \
	{                                      \
		if (!a_load(&ready, acquire))  \
			return;                \
		while (a_load(&on_cpu[0], mo)) \
			a_spin();              \
		go_on();                       \
	}
RESUMER(resumer_waits, acquire)
RESUMER(resumer_waits_relaxed, relaxed)

/* -- cross: worker i leaves goroutine i for the other one -- */

static void wait_for(int i)
{
	while (a_load(&on_cpu[i], acquire))
		a_spin();
}

static void wait_on_its_stack(int i)
{
	wait_for(1 - i);
	a_store(&on_cpu[i], 0, release);
}

static void wait_elsewhere(int i)
{
	a_store(&on_cpu[i], 0, release);
	wait_for(1 - i);
}

#define WORKER(name, how, i)   \
	static void name(void) \
	{                      \
		how(i);        \
	}
WORKER(stack_0, wait_on_its_stack, 0)
WORKER(stack_1, wait_on_its_stack, 1)
WORKER(elsewhere_0, wait_elsewhere, 0)
WORKER(elsewhere_1, wait_elsewhere, 1)

/* -- idle -- */

#define PRODUCER(name, fence)                              \
	static void name(void)                             \
	{                                                  \
		a_store(&tail, 1, release);                \
		fence;                                     \
		woke = a_load(&searching, relaxed) == 0 && \
		       a_load(&idle, relaxed) > 0;         \
	}
PRODUCER(producer, a_fence(seq_cst))
PRODUCER(producer_bare, )
PRODUCER(producer_acq_rel, a_fence(acq_rel))

#define SLEEPER(name, first, then, fence)       \
	static void name(void)                  \
	{                                       \
		first;                          \
		then;                           \
		fence;                          \
		found = a_load(&tail, acquire); \
		slept = !found;                 \
	}
#define PUBLISH a_add(&idle, 1, relaxed)
#define LEAVE   a_sub(&searching, 1, relaxed)
SLEEPER(sleeper, PUBLISH, LEAVE, a_fence(seq_cst))
SLEEPER(sleeper_acq_rel, PUBLISH, LEAVE, a_fence(acq_rel))
SLEEPER(sleeper_leaves_only, LEAVE, , a_fence(seq_cst))

/* Publishes when it has looked, instead. */
static void sleeper_publishes_late(void)
{
	sleeper_leaves_only();
	PUBLISH;
}

static void somebody_knows(void)
{
	ASSERT(!slept || woke);
}

/* -- bias: the owner adds without a locked operation -- */

enum { NONE, BIASED, BUSY };

static void add(void)
{
	int t = a_load(&tail, relaxed);

	while (!a_cas(&tail, &t, t + 1, relaxed))
		;
}

static void revoke(void)
{
	int m = BIASED;

	if (!a_cas(&mode, &m, BUSY, seq_cst))
		return;
	a_heavy();
	while (a_load(&op[0], acquire))
		a_spin();
	a_store(&mode, NONE, release);
}

static void other(void)
{
	revoke();
	add();
}

static void other_light(void)
{
	int m = BIASED;

	if (a_cas(&mode, &m, BUSY, seq_cst)) {
		a_light();
		while (a_load(&op[0], acquire))
			a_spin();
		a_store(&mode, NONE, release);
	}
	add();
}

#define OWNER(name, mark, fence)                                             \
	static void name(void)                                               \
	{                                                                    \
		mark;                                                        \
		fence;                                                       \
		if (a_load(&mode, acquire) == BIASED)                        \
			a_store(&tail, a_load(&tail, relaxed) + 1, relaxed); \
		else                                                         \
			add();                                               \
		a_store(&op[0], 0, release);                                 \
	}
OWNER(owner, a_store(&op[0], 1, relaxed), a_light())
OWNER(owner_unmarked, , a_light())
OWNER(owner_unfenced, a_store(&op[0], 1, relaxed), )

static void init_bias(void)
{
	init();
	mode = BIASED;
}

static void both_added(void)
{
	ASSERT(tail == 2);
}

#define SC   EXPLORE_SC
#define TSO  EXPLORE_TSO
#define WEAK EXPLORE_WEAK
#define ALL  (SC | TSO | WEAK)
#define CASE(n, start, end, p, f, text, ...)                          \
	{                                                             \
		.name = #n, .init = start, .check = end, .passes = p, \
		.fails = f, .says = text, .thread = { __VA_ARGS__ },  \
		.preemptions = EXPLORE_ANY                            \
	}

static const struct explore_case cases[] = {
	CASE(defer, init, NULL, ALL, 0, "", defer, waker, resumer),
	CASE(defer_relaxed, init, NULL, SC | TSO, WEAK, "race on",
	     defer_relaxed, waker, resumer),
	CASE(on_cpu, init, NULL, ALL, 0, "", park_on_cpu, waker, resumer_waits),
	CASE(on_cpu_not_asked, init, NULL, 0, ALL, "", park_on_cpu, waker,
	     resumer),
	CASE(on_cpu_relaxed, init, NULL, SC | TSO, WEAK, "race on",
	     park_on_cpu_relaxed, waker, resumer_waits),
	CASE(on_cpu_asked_relaxed, init, NULL, SC | TSO, WEAK, "race on",
	     park_on_cpu, waker, resumer_waits_relaxed),
	CASE(cross_on_stacks, init, NULL, 0, ALL, "deadlock, a spins", stack_0,
	     stack_1),
	CASE(cross_elsewhere, init, NULL, ALL, 0, "", elsewhere_0, elsewhere_1),
	CASE(idle, init, somebody_knows, ALL, 0, "", producer, sleeper),
	CASE(idle_no_fence, init, somebody_knows, SC, TSO | WEAK, "slept",
	     producer_bare, sleeper),
	CASE(idle_producer_acq_rel, init, somebody_knows, SC, TSO | WEAK,
	     "slept", producer_acq_rel, sleeper),
	CASE(idle_sleeper_acq_rel, init, somebody_knows, SC | TSO, WEAK,
	     "slept", producer, sleeper_acq_rel),
	CASE(idle_published_late, init, somebody_knows, 0, ALL, "slept",
	     producer, sleeper_publishes_late),
	CASE(bias, init_bias, both_added, ALL, 0, "", owner, other),
	CASE(bias_no_marker, init_bias, both_added, 0, ALL, "tail == 2",
	     owner_unmarked, other),
	CASE(bias_no_light_fence, init_bias, both_added, SC | TSO, WEAK,
	     "tail == 2", owner_unfenced, other),
	CASE(bias_no_heavy_fence, init_bias, both_added, SC, TSO | WEAK,
	     "tail == 2", owner, other_light),
};

EXPLORE(cases, "", )
