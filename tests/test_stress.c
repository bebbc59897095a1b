/*
 * test_stress.c - programs made by chance; every goroutine is accounted for.
 *
 *	round   seed --> main --> some lives --> children ... until the budget
 *	                  |         |             of goroutines is spent
 *	                  |         '-- steps: spawn, wait, yield, compute, block,
 *	                  |             pin, lock, change the number of Ps, exit
 *	                  '-- waits for all; nobody may be left, or counted twice
 *
 * A round that fails or hangs says its seed; LEAT_TEST_SEED=n runs that one
 * program again and again.  The order in which threads run is not in the seed.
 */
#include "leat.h"

#include "measure.h"
#include "test.h"

#include <stdatomic.h>

#define MS 1000000ll

enum { SECONDS = 8, BUDGET = 2000, STEPS = 12, DEPTH = 6 };

#define CHECK(cond)                                                            \
	do {                                                                   \
		if (!(cond))                                                   \
			test_fail(__FILE__, __LINE__, "LEAT_TEST_SEED=%u: %s", \
				  world.seed, #cond);                          \
	} while (0)

static struct {
	unsigned seed;
	bool calm; /* nobody changes the number of Ps */
	leat_wg all;
	atomic_int budget;
	atomic_long born, lived;
} world;

/* What one goroutine is in the midst of. */
struct self {
	unsigned seed;
	int depth;
	uint64_t id;
	int pins, locks;
	pid_t thread; /* of whom is bound */
};

static unsigned chance(struct self *s, unsigned n)
{
	s->seed = s->seed * 1664525 + 1013904223;
	return (s->seed >> 8) % n;
}

/* A goroutine is itself, and where it ought to be. */
static void look_at(struct self *s)
{
	CHECK(leat_goid() == s->id);
	if (s->pins || s->locks)
		CHECK(s->thread == gettid());
}

/* -- steps -- */

static void life(unsigned seed, int depth);

static bool spend(void)
{
	if (atomic_fetch_sub(&world.budget, 1) > 0)
		return true;
	atomic_fetch_add(&world.budget, 1);
	return false;
}

static void spawn(struct self *s)
{
	static const size_t sizes[] = { 0, 0, 0, 0, 32 << 10, 1 << 20 };
	struct leat_attr attr = { .stack = sizes[chance(s, 6)] };

	if (s->depth == 0 || !spend())
		return;
	if (chance(s, 8) == 0)
		attr.place = LEAT_ON_NODE;
	else if (world.calm && chance(s, 4) == 0)
		attr = (struct leat_attr){
			.place = LEAT_ON_P,
			.index = (int)chance(s, (unsigned)leat_procs_get())
		};
	leat_wg_add(&world.all, 1);
	atomic_fetch_add(&world.born, 1);
	CHECK(leat_go_with(&attr, life, chance(s, 1u << 24), s->depth - 1) ==
	      0);
}

static void errand(unsigned turns, atomic_int *sum)
{
	for (unsigned i = 0; i < turns; i++)
		leat_yield();
	atomic_fetch_add(sum, 1);
	if (turns % 2)
		leat_goexit();
}

/* Children of its own, and their result. */
static void fork_and_join(struct self *s)
{
	int n = 1 + (int)chance(s, 8);
	atomic_int sum = 0;
	leat_wg group = { 0 };

	for (int i = 0; i < n; i++)
		CHECK(leat_wg_go(&group, errand, chance(s, 4), &sum) == 0);
	leat_wg_wait(&group);
	CHECK(atomic_load(&sum) == n);
}

static intptr_t naps(void *ns)
{
	struct timespec t = { .tv_nsec = (intptr_t)ns };

	return nanosleep(&t, NULL);
}

static void block(struct self *s)
{
	intptr_t ns = chance(s, 4) ? (intptr_t)chance(s, 60000) : 300000;

	switch (chance(s, 3)) {
	case 0:
		leat_block(naps, (void *)ns);
		break;
	case 1:
		leat_block_enter();
		naps((void *)ns);
		leat_block_exit();
		break;
	default:
		naps((void *)ns); /* unsaid */
	}
}

static void bind(struct self *s)
{
	if (chance(s, 2)) {
		leat_pin();
		s->pins++;
	} else {
		leat_thread_lock();
		s->locks++;
	}
	if (s->pins + s->locks == 1)
		s->thread = gettid();
}

static void unbind(struct self *s)
{
	if (s->pins && (chance(s, 2) || !s->locks)) {
		leat_unpin();
		s->pins--;
	} else if (s->locks) {
		leat_thread_unlock();
		s->locks--;
	}
}

static void compute(struct self *s)
{
	burn(chance(s, 200) ? chance(s, 20000) : 12 * MS); /* or lose the P */
}

static void step(struct self *s)
{
	unsigned what = chance(s, 100);

	if (what < 30)
		spawn(s);
	else if (what < 50)
		leat_yield();
	else if (what < 65)
		fork_and_join(s);
	else if (what < 75)
		compute(s);
	else if (what < 80)
		block(s);
	else if (what < 84)
		bind(s);
	else if (what < 94)
		unbind(s);
	else if (what == 94 && !world.calm)
		leat_procs_set(1 + (int)chance(s, 16));
	look_at(s);
}

/* Ends in one of several ways, bound to a thread perhaps. */
static void life(unsigned seed, int depth)
{
	struct self s = { .seed = seed, .depth = depth, .id = leat_goid() };

	for (unsigned i = 1 + chance(&s, STEPS); i > 0; i--)
		step(&s);
	if (chance(&s, 4))
		while (s.pins || s.locks)
			unbind(&s);
	atomic_fetch_add(&world.lived, 1);
	leat_wg_done(&world.all);
	if (chance(&s, 8) == 0)
		leat_goexit();
}

/* -- rounds -- */

/* If the process dies or hangs, this is what the suite says. */
static void announce(unsigned seed)
{
	world.seed = seed;
	snprintf(test_note->text, sizeof test_note->text,
		 "LEAT_TEST_SEED=%u: crashed, or did not end", seed);
	test_note->line = __LINE__;
	test_note->file = __FILE__;
}

static void play(unsigned seed, bool calm)
{
	struct self s = { .seed = seed, .depth = DEPTH, .id = leat_goid() };
	int64_t deadline;

	announce(seed);
	world.calm = calm;
	atomic_store(&world.budget, BUDGET / (int)test_slow());
	do
		spawn(&s);
	while (atomic_load(&world.budget) > BUDGET / 2 / (int)test_slow());
	leat_wg_wait(&world.all);
	CHECK(atomic_load(&world.born) == atomic_load(&world.lived));
	deadline = now_ns() + 5000 * MS * test_slow();
	while (leat_goroutine_count() > 1) {
		CHECK(now_ns() < deadline);
		leat_yield();
	}
	test_note->file = NULL;
}

static void play_all(bool calm)
{
	const char *text = getenv("LEAT_TEST_SEED");
	unsigned first = text ? (unsigned)strtoul(text, NULL, 10)
			      : (unsigned)now_ns() ^ (unsigned)getpid();
	int64_t end = now_ns() + SECONDS / 2 * 1000 * MS;
	unsigned rounds = 0;

	first %= 1u << 30;
	for (; now_ns() < end; rounds++)
		play(text ? first : first + rounds, calm);
	printf("%u rounds from seed %u, %ld goroutines ", rounds, first,
	       atomic_load(&world.born));
}

GO_TEST(programs_made_by_chance_lose_nobody, "R1 R18 R20 R21 R25 R27")
{
	play_all(true);
}

GO_TEST(nor_do_they_while_the_number_of_Ps_changes, "R1 R18 R25 R27 R30")
{
	play_all(false);
}

SUITE("stress")
