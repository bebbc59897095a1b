/*
 * test_atomic_many.c - atomics used by many: nothing is lost, and what one has
 * done the others see.
 *
 *	together()    the same function in goroutines and in threads, at once
 *	meet()        two go on at the same moment, as nearly as can be
 */
#include "leat.h"

#include "test.h"

#include <pthread.h>
#include <sched.h>

/* -- exact totals -- */

enum { GOS = 4, THREADS = 4, ALL_OF_THEM = GOS + THREADS };

struct part {
	void (*play)(int i, int rounds);
	int i, rounds;
};

static void plays(const struct part *p)
{
	p->play(p->i, p->rounds);
}

static void *plays_outside(void *p)
{
	plays(p);
	return NULL;
}

/* play(0 .. gos-1, rounds) in goroutines, and from there on in threads. */
static void apart(int gos, int threads, void (*play)(int i, int rounds),
		  int rounds)
{
	struct part part[ALL_OF_THEM];
	pthread_t id[THREADS];
	leat_wg group = { 0 };
	pthread_attr_t free;
	cpu_set_t cpus;

	/* Not where our thread is pinned. */
	EXPECT_EQ(sched_getaffinity(getppid(), sizeof cpus, &cpus), 0);
	pthread_attr_init(&free);
	pthread_attr_setaffinity_np(&free, sizeof cpus, &cpus);
	for (int i = 0; i < gos + threads; i++)
		part[i] = (struct part){ play, i, rounds };
	for (int i = 0; i < threads; i++)
		EXPECT_EQ(pthread_create(&id[i], &free, plays_outside,
					 &part[gos + i]),
			  0);
	for (int i = 0; i < gos; i++)
		EXPECT_EQ(leat_wg_go(&group, plays, &part[i]), 0);
	leat_wg_wait(&group);
	leat_block_enter();
	for (int i = 0; i < threads; i++)
		pthread_join(id[i], NULL);
	leat_block_exit();
	pthread_attr_destroy(&free);
}

static void together(void (*play)(int i, int rounds), int rounds)
{
	apart(GOS, THREADS, play, rounds);
}

static struct {
	leat_atomic_i32 i32;
	leat_atomic_u32 u32;
	leat_atomic_i64 i64;
	leat_atomic_u64 u64;
	leat_atomic_uintptr word;
} sum;

static void adds(int i, int rounds)
{
	for (int n = 0; n < rounds; n++) {
		leat_atomic_add(&sum.i32, 1);
		leat_atomic_add(&sum.u32, -3);
		leat_atomic_add(&sum.i64, INT64_C(1) << 32);
		leat_atomic_add(&sum.u64, i);
		leat_atomic_add(&sum.word, 1);
	}
}

GO_TEST(no_add_is_lost, "R175 E21")
{
	const int rounds = (int)test_count(50000), n = ALL_OF_THEM * rounds;

	together(adds, rounds);
	EXPECT_EQ(leat_atomic_load(&sum.i32), n);
	EXPECT_EQ(leat_atomic_load(&sum.u32), (uint32_t)(-3 * n));
	EXPECT_EQ(leat_atomic_load(&sum.i64), (int64_t)n << 32);
	EXPECT_EQ(leat_atomic_load(&sum.u64),
		  ALL_OF_THEM * (ALL_OF_THEM - 1) / 2 * rounds);
	EXPECT_EQ(leat_atomic_load(&sum.word), n);
}

static unsigned char *claimed;

static void claims(int i, int rounds)
{
	(void)i;
	while (rounds-- > 0)
		claimed[leat_atomic_add(&sum.i32, 1) - 1]++;
}

GO_TEST(each_new_value_is_given_to_one_only, "R175")
{
	const int rounds = (int)test_count(50000);

	claimed = calloc(ALL_OF_THEM, (size_t)rounds);
	together(claims, rounds);
	for (int i = 0; i < ALL_OF_THEM * rounds; i++)
		EXPECT_EQ(claimed[i], 1);
	free(claimed);
}

static void compares(int i, int rounds)
{
	for (int n = 0; n < rounds; n++) {
		int64_t was;

		do
			was = leat_atomic_load(&sum.i64);
		while (!leat_atomic_cas(&sum.i64, was, was + i));
	}
}

GO_TEST(what_compare_and_swap_computes_is_exact, "R175 R176")
{
	const int rounds = (int)test_count(20000);

	together(compares, rounds);
	EXPECT_EQ(leat_atomic_load(&sum.i64),
		  ALL_OF_THEM * (ALL_OF_THEM - 1) / 2 * rounds);
}

static leat_atomic_ptr(const char) token;
static leat_atomic_u64 put, got;

static void swaps(int i, int rounds)
{
	static const char place[ALL_OF_THEM];

	for (int n = 0; n < rounds; n++) {
		leat_atomic_add(&put, (uintptr_t)&place[i]);
		leat_atomic_add(&got,
				(uintptr_t)leat_atomic_swap(&token, &place[i]));
	}
}

GO_TEST(what_is_swapped_in_comes_out_once, "R175")
{
	together(swaps, (int)test_count(50000));
	leat_atomic_add(&got, (uintptr_t)leat_atomic_load(&token));
	EXPECT(leat_atomic_load(&got) == leat_atomic_load(&put));
}

static void masks(int i, int rounds)
{
	const uint64_t mine = UINT64_C(0x0101010101010101) << i;

	for (int n = 0; n < rounds; n++) {
		EXPECT((leat_atomic_or(&sum.u64, mine) & mine) == 0);
		EXPECT((leat_atomic_load(&sum.u64) & mine) == mine);
		EXPECT((leat_atomic_and(&sum.u64, ~mine) & mine) == mine);
	}
	leat_atomic_or(&sum.u64, mine);
}

GO_TEST(each_has_its_own_bits, "R175")
{
	together(masks, (int)test_count(30000));
	EXPECT(leat_atomic_load(&sum.u64) == UINT64_MAX);
}

static void halves(int i, int rounds)
{
	for (int n = 0; n < rounds; n++) {
		uint64_t seen = leat_atomic_load(&sum.u64);
		uint32_t next = (uint32_t)seen + (uint32_t)i + 1;

		EXPECT(seen >> 32 == (uint32_t)seen);
		leat_atomic_store(&sum.u64, (uint64_t)next << 32 | next);
	}
}

GO_TEST(no_half_of_a_value_is_seen, "R175")
{
	together(halves, (int)test_count(50000));
}

static leat_atomic_bool taken;
static long inside; /* plain: who took it has it alone */

static void takes_turns(int i, int rounds)
{
	(void)i;
	while (rounds-- > 0) {
		while (!leat_atomic_cas(&taken, false, true))
			leat_yield();
		inside++;
		leat_atomic_store(&taken, false);
	}
}

GO_TEST(a_flag_is_taken_by_one_only, "R175 R178")
{
	const int rounds = (int)test_count(5000);

	together(takes_turns, rounds);
	EXPECT_EQ(inside, (long)ALL_OF_THEM * rounds);
}

/* -- what two see of each other -- */

static leat_atomic_u64 came;

/* Until both have called it the n-th time; n from 1. */
static void meet(int n)
{
	leat_atomic_add(&came, 1);
	for (int turn = 0; leat_atomic_load(&came) < 2 * (uint64_t)n; turn++)
		if (turn > 1000) {
			leat_yield();
			sched_yield(); /* both on one CPU */
		}
}

/* Store buffering: each sets its own and looks at the other's. */
enum { CELLS = 20000 };

static struct cell {
	_Alignas(64) leat_atomic_i32 number[2];
	_Alignas(64) leat_atomic_bool flag[2];
	_Alignas(64) leat_atomic_ptr(struct cell) self[2];
	bool saw[2][3];
} cell[CELLS];

static void sets_and_looks(int i, int rounds)
{
	for (int n = 0; n < rounds; n++) {
		struct cell *c = &cell[n];

		meet(3 * n + 1);
		leat_atomic_store(&c->number[i], 1);
		c->saw[i][0] = leat_atomic_load(&c->number[!i]) != 0;
		meet(3 * n + 2);
		leat_atomic_store(&c->flag[i], true);
		c->saw[i][1] = leat_atomic_load(&c->flag[!i]);
		meet(3 * n + 3);
		leat_atomic_store(&c->self[i], c);
		c->saw[i][2] = leat_atomic_load(&c->self[!i]) != NULL;
	}
}

static void one_sees_the_other(int gos, int threads)
{
	const int rounds = (int)test_count(CELLS - 1);

	/* 7.2, on x86: a bare C program shows it, in one of twenty rounds. */
	if (test_under("qemu"))
		SKIP("qemu lets an ldar go before an earlier stlr");
	apart(gos, threads, sets_and_looks, rounds);
	for (int n = 0; n < rounds; n++)
		for (int kind = 0; kind < 3; kind++)
			EXPECT(cell[n].saw[0][kind] || cell[n].saw[1][kind]);
}

GO_TEST(of_two_goroutines_one_sees_the_other, "R175 R178")
{
	one_sees_the_other(2, 0);
}

GO_TEST(of_two_threads_one_sees_the_other, "R175 R178")
{
	one_sees_the_other(0, 2);
}

GO_TEST(of_a_goroutine_and_a_thread_one_sees_the_other, "R175 R178")
{
	one_sees_the_other(1, 1);
}

/* Message passing: plain data, and a flag, from 2 to something else. */
static struct {
	leat_atomic_i32 flag;
	int data;
} message;

static void raise_flag(int how)
{
	leat_atomic_i32 *flag = &message.flag;

	switch (how) {
	case 0:
		leat_atomic_store(flag, 1);
		break;
	case 1:
		EXPECT_EQ(leat_atomic_swap(flag, 1), 2);
		break;
	case 2:
		EXPECT(leat_atomic_cas(flag, 2, 1));
		break;
	case 3:
		EXPECT_EQ(leat_atomic_add(flag, -1), 1);
		break;
	case 4:
		EXPECT_EQ(leat_atomic_or(flag, 1), 2);
		break;
	default:
		EXPECT_EQ(leat_atomic_and(flag, 1), 2);
	}
}

static bool is_raised(int how)
{
	leat_atomic_i32 *flag = &message.flag;

	switch (how) {
	case 0:
		return leat_atomic_load(flag) != 2;
	case 1:
		return leat_atomic_swap(flag, 2) != 2;
	case 2:
		return !leat_atomic_cas(flag, 2, 2); /* a failure sees, too */
	case 3:
		return leat_atomic_add(flag, 0) != 2;
	case 4:
		return leat_atomic_or(flag, 0) != 2;
	default:
		return leat_atomic_and(flag, -1) != 2;
	}
}

enum { WAYS = 6 };

static void passes(int i, int rounds)
{
	for (int n = 0; n < rounds; n++) {
		int with = n % (WAYS * WAYS);

		if (i == 0)
			leat_atomic_store(&message.flag, 2);
		meet(2 * n + 1);
		if (i == 0) {
			message.data = n;
			raise_flag(with / WAYS);
		} else {
			while (!is_raised(with % WAYS)) {
				leat_yield();
				sched_yield();
			}
			EXPECT_EQ(message.data, n);
		}
		meet(2 * n + 2);
	}
}

GO_TEST(what_was_written_before_is_seen_with_the_flag, "R175 R178")
{
	apart(2, 0, passes, (int)test_count(20000) + WAYS * WAYS);
}

GO_TEST(a_thread_passes_messages_too, "R31 R175 R178")
{
	apart(1, 1, passes, (int)test_count(20000) + WAYS * WAYS);
}

/* An object that is filled in, and then stored. */
struct point {
	int x, y;
};

static leat_atomic_ptr(const struct point) current;

static void publishes(int i, int rounds)
{
	static struct point version[CELLS];
	int last = 0;

	for (int n = 1; n < rounds; n++) {
		if (i == 0) {
			version[n] = (struct point){ n, -n };
			leat_atomic_store(&current, &version[n]);
			continue;
		}
		const struct point *p = leat_atomic_load(&current);

		if (p) {
			EXPECT_EQ(p->y, -p->x);
			EXPECT(p->x >= last);
			last = p->x;
		}
	}
}

GO_TEST(who_sees_an_object_sees_all_of_it_and_never_an_older_one, "R175 R178")
{
	together(publishes, (int)test_count(CELLS - 1));
	EXPECT_EQ(leat_atomic_load(&current)->x,
		  (int)test_count(CELLS - 1) - 1);
}

SUITE("atomic_many")
