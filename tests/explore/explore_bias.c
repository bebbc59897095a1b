/*
 * explore_bias.c - sync/bias.c: plain stores by one thread, locked operations
 * by all, and never both at once.
 *
 *	M0, M1, M2     threads of the runtime; a use adds one to `sum`, plainly
 *	               if the thread is told that it is alone
 *	foreign        a thread that is none
 *
 *	case            who has it first     and then
 *	born            M0                   M1 comes, once or twice
 *	born_three      M0                   M1 and M2 come
 *	born_foreign    M0                   a foreign thread comes
 *	asks            nobody               M0 asks for it while M1 uses it
 *	both_ask        nobody               M0 and M1 ask
 *	asks_foreign    nobody               M0 asks, a foreign thread comes
 *
 * At the end nothing was lost; and whoever comes without a locked operation
 * has seen what the one before did.
 */
#include <stdbool.h>

static bool a_light_is_heavy; /* there is a membarrier */

#define BIAS_PATIENCE 2u
#include "sync/bias.c"

#include "tests/explore/explore.h"

#include <string.h>

enum { THREADS = 3 };

static struct m ms[THREADS];
static struct bias bias;
static _Atomic uint64_t sum, lock;
static uint64_t value; /* plain; whoever has LOCK */
static bool foreign[THREADS];

struct sched sched;

void *explore_word(void)
{
	int i = explore_self();

	return i >= 0 && i < THREADS && !foreign[i] ? &ms[i] : NULL;
}

bool m_touched(const void *what)
{
	bool found = false;

	for (int i = 0; i < THREADS; i++)
		found |= a_load(&ms[i].touching, acquire) == what;
	return found;
}

struct m *m_enter_slow(struct m *m)
{
	return m;
}

static void init(bool born, int foreigner)
{
	memset(ms, 0, sizeof(ms));
	memset(&bias, 0, sizeof(bias));
	memset(foreign, 0, sizeof(foreign));
	sum = lock = value = 0;
	bias.patience = BIAS_PATIENCE;
	if (born)
		bias.home = (uintptr_t)&ms[0];
	if (foreigner >= 0)
		foreign[foreigner] = true;
	explore_name(ms, sizeof(ms), "M");
	explore_name(&bias, sizeof(bias), "bias");
	explore_name((void *)&sum, sizeof(sum), "sum");
	explore_name((void *)&lock, sizeof(lock), "lock");
	explore_name(&value, sizeof(value), "value");
}

static void use(void)
{
	struct m *m = arch_self();
	bool alone = bias_enter(&bias, m);
	uint64_t was = a_load(&sum, relaxed);

	if (alone)
		a_store(&sum, was + 1, relaxed);
	else
		while (!a_cas(&sum, &was, was + 1, relaxed))
			;
	bias_leave(m);
}

/* As chan_lock, without waiting. */
static bool take(struct m *m)
{
	bool alone = bias_enter(&bias, m), got = false;
	uint64_t was = a_load(&lock, acquire);

	if (was == 0 && alone) {
		a_store(&lock, 1, relaxed);
		got = true;
	} else if (was == 0) {
		got = a_cas(&lock, &was, 1, acquire);
	}
	bias_leave(m);
	return got;
}

static void change(bool ask)
{
	struct m *m = arch_self();

	if (!take(m))
		return;
	if (ask && m)
		bias_ask(&bias, m);
	d_write(&value, d_read(&value) + 1);
	a_store(&lock, 0, release);
}

static void use_twice(void)
{
	use();
	use();
}

static void change_twice(void)
{
	change(false);
	change(false);
}

static void ask_and_use(void)
{
	change(true);
	use();
}

static void born(void)
{
	init(true, -1);
}

static void born_foreign(void)
{
	init(true, 1);
}

static void nobodys(void)
{
	init(false, -1);
}

static void nobodys_foreign(void)
{
	init(false, 1);
}

static void two(void)
{
	ASSERT(sum == 2);
}

static void three(void)
{
	ASSERT(sum == 3);
}

static void four(void)
{
	ASSERT(sum == 4);
}

#define ALL (EXPLORE_SC | EXPLORE_TSO | EXPLORE_WEAK)
#define CASE(n, bound, start, end, ...)                                 \
	{                                                               \
		.name = #n, .init = start, .check = end, .passes = ALL, \
		.thread = { __VA_ARGS__ }, .preemptions = bound         \
	}

static const struct explore_case cases[] = {
	CASE(born, EXPLORE_ANY, born, three, use_twice, use),
	CASE(born_twice, 3, born, four, use_twice, use_twice),
	CASE(born_three, 2, born, four, use_twice, use, use),
	CASE(born_foreign, EXPLORE_ANY, born_foreign, three, use_twice, use),
	CASE(locks, 3, born, NULL, change_twice, change_twice),
	CASE(asks, 3, nobodys, two, ask_and_use, use),
	CASE(asks_twice, 2, nobodys, three, ask_and_use, use_twice),
	CASE(both_ask, 2, nobodys, two, ask_and_use, ask_and_use),
	CASE(asks_foreign, 3, nobodys_foreign, two, ask_and_use, use),
};

#define HANDED                                                            \
	"an update sees the newest store; values and queues have orders " \
	"of their own"

EXPLORE(cases, "sync/bias.c sync/bias.h", { "bias.enter", NULL, HANDED },
	{ "bias.again", NULL, HANDED }, { "bias.shared", NULL, HANDED },
	{ "bias.ours", NULL, HANDED }, { "bias.await", NULL, HANDED },
	{ "bias.move", NULL, HANDED }, )
