/*
 * bench_floor.c - what the machine takes for itself, to judge the rest by.
 *
 *	floor_locked   one locked operation on a line that nobody else has
 *	floor_line     a cache line to the other core and back
 *	floor_futex    a turn given by futex and given back: on one core with
 *	               LEAT_PROCS=1, else on two
 *
 * Two threads of our own do the turns, on the first CPUs that the process was
 * given; the goroutine meanwhile waits in leat_block, and its thread sleeps.
 * floor_switch stands in bench_switch.c, beside what it is the floor of.
 */
#include "cpu.h"
#include "perf/bench.h"

#include "leat.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

BENCH(floor_locked)
{
	_Atomic uint64_t line = 0;

	bench_start(b);
	for (uint64_t i = 0; i < b->n; i++)
		atomic_fetch_add(&line, 1);
	bench_stop(b);
	if (line != b->n)
		bench_fail(b, "the compiler left some out");
}

static cpu_set_t allowed; /* before the runtime pins its threads */

__attribute__((constructor)) static void allowed_read(void)
{
	sched_getaffinity(0, sizeof(allowed), &allowed);
}

/* The i-th CPU we may use, or the last one there is. */
static int nth_cpu(int i)
{
	int found = 0;

	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &allowed))
			continue;
		found = cpu;
		if (i-- == 0)
			break;
	}
	return found;
}

struct side {
	struct duel *duel;
	uint32_t me;
	int cpu;
};

struct duel {
	_Alignas(CPU_LINE) _Atomic uint32_t turn;
	_Alignas(CPU_LINE) struct bench *b;
	void (*await)(_Atomic uint32_t *turn, uint32_t mine);
	void (*pass)(_Atomic uint32_t *turn, uint32_t other);
	struct side side[2];
	bool two_cores;
};

static void spin_await(_Atomic uint32_t *turn, uint32_t mine)
{
	while (atomic_load_explicit(turn, memory_order_acquire) != mine)
		cpu_relax();
}

static void spin_pass(_Atomic uint32_t *turn, uint32_t other)
{
	atomic_store_explicit(turn, other, memory_order_release);
}

static void futex_await(_Atomic uint32_t *turn, uint32_t mine)
{
	while (atomic_load(turn) != mine)
		syscall(SYS_futex, turn, FUTEX_WAIT_PRIVATE, !mine, NULL);
}

static void futex_pass(_Atomic uint32_t *turn, uint32_t other)
{
	atomic_store(turn, other);
	syscall(SYS_futex, turn, FUTEX_WAKE_PRIVATE, 1);
}

static void *fight(void *arg)
{
	struct side *s = arg;
	struct duel *d = s->duel;
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(s->cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);

	/* The first turn only shows that both are there. */
	for (uint64_t i = 0; i <= d->b->n; i++) {
		d->await(&d->turn, s->me);
		if (s->me == 0 && i == 1)
			bench_start(d->b);
		d->pass(&d->turn, !s->me);
	}
	if (s->me == 0) {
		d->await(&d->turn, 0);
		bench_stop(d->b);
	}
	return NULL;
}

static intptr_t fight_both(void *arg)
{
	struct duel *d = arg;
	pthread_t thread[2];

	for (uint32_t i = 0; i < 2; i++) {
		d->side[i] =
			(struct side){ d, i, nth_cpu(d->two_cores ? i : 0) };
		must(-pthread_create(&thread[i], NULL, fight, &d->side[i]));
	}
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	return 0;
}

static void duel(struct duel *d)
{
	d->two_cores = leat_procs_get() > 1;
	leat_block(fight_both, d);
}

BENCH(floor_line)
{
	struct duel d = { .b = b, .await = spin_await, .pass = spin_pass };

	if (leat_procs_get() < 2)
		bench_fail(b, "needs two cores");
	else
		duel(&d);
}

BENCH(floor_futex)
{
	struct duel d = { .b = b, .await = futex_await, .pass = futex_pass };

	duel(&d);
}
