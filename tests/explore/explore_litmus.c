/*
 * explore_litmus.c - the explorer itself: what each model must and must not
 * show.
 *
 *	store buffering      x = 1; r = y     y = 1; r = x      both read 0?
 *	message passing      x = 1; y = 1     r = y; r = x      1, then 0?
 *	independent reads    x = 1 | y = 1 | r = x; r = y | r = y; r = x
 *
 *	                     sc    tso   weak
 *	SB relaxed           no    yes   yes
 *	SB seq_cst           no    no    no
 *	MP relaxed           no    no    yes
 *	MP release/acquire   no    no    no
 *	IRIW acquire         no    no    yes
 *	IRIW seq_cst         no    no    no
 */
#include "core/atomic.h"

static _Atomic int x, y;
static int saw[4];

static void init(void)
{
	x = y = 0;
	saw[0] = saw[1] = saw[2] = saw[3] = -1;
	explore_name((void *)&x, sizeof(x), "x");
	explore_name((void *)&y, sizeof(y), "y");
}

static void not_both_zero(void)
{
	ASSERT(saw[0] || saw[1]);
}

static void not_one_then_zero(void)
{
	ASSERT(!(saw[0] == 1 && saw[1] == 0));
}

/* The readers of x = 1 and y = 1 agree on which came first. */
static void one_order(void)
{
	ASSERT(!(saw[0] == 1 && saw[1] == 0 && saw[2] == 1 && saw[3] == 0));
}

#define SIDE(name, store, i, load) \
	static void name(void)     \
	{                          \
		store;             \
		saw[i] = load;     \
	}
SIDE(sb_relaxed_a, a_store(&x, 1, relaxed), 0, a_load(&y, relaxed))
SIDE(sb_relaxed_b, a_store(&y, 1, relaxed), 1, a_load(&x, relaxed))
SIDE(sb_acq_rel_a, a_swap(&x, 1, acq_rel), 0, a_load(&y, acquire))
SIDE(sb_acq_rel_b, a_swap(&y, 1, acq_rel), 1, a_load(&x, acquire))
SIDE(sb_seq_cst_a, a_store(&x, 1, seq_cst), 0, a_load(&y, seq_cst))
SIDE(sb_seq_cst_b, a_store(&y, 1, seq_cst), 1, a_load(&x, seq_cst))
SIDE(sb_one_side_b, a_store(&y, 1, seq_cst), 1, a_load(&x, acquire))
SIDE(sb_fence_a, a_store(&x, 1, relaxed);
     a_fence(seq_cst), 0, a_load(&y, relaxed))
SIDE(sb_fence_b, a_store(&y, 1, relaxed);
     a_fence(seq_cst), 1, a_load(&x, relaxed))
SIDE(sb_light, a_store(&x, 1, relaxed); a_light(), 0, a_load(&y, relaxed))
SIDE(sb_light_b, a_store(&y, 1, relaxed); a_light(), 1, a_load(&x, relaxed))
SIDE(sb_heavy, a_store(&y, 1, relaxed); a_heavy(), 1, a_load(&x, relaxed))
SIDE(mp_relaxed_b, saw[0] = a_load(&y, relaxed), 1, a_load(&x, relaxed))
SIDE(mp_acquire_b, saw[0] = a_load(&y, acquire), 1, a_load(&x, relaxed))
SIDE(mp_fence_b, saw[0] = a_load(&y, relaxed);
     a_fence(acquire), 1, a_load(&x, relaxed))
SIDE(iriw_acquire_c, saw[0] = a_load(&x, acquire), 1, a_load(&y, acquire))
SIDE(iriw_acquire_d, saw[2] = a_load(&y, acquire), 3, a_load(&x, acquire))
SIDE(iriw_seq_cst_c, saw[0] = a_load(&x, seq_cst), 1, a_load(&y, seq_cst))
SIDE(iriw_seq_cst_d, saw[2] = a_load(&y, seq_cst), 3, a_load(&x, seq_cst))
SIDE(coherence_b, saw[0] = a_load(&x, relaxed), 1, a_load(&x, relaxed))

static void mp_relaxed_a(void)
{
	a_store(&x, 1, relaxed);
	a_store(&y, 1, relaxed);
}

static void mp_release_a(void)
{
	a_store(&x, 1, relaxed);
	a_store(&y, 1, release);
}

static void mp_fence_a(void)
{
	a_store(&x, 1, relaxed);
	a_fence(release);
	a_store(&y, 1, relaxed);
}

static void set_x(void)
{
	a_store(&x, 1, relaxed);
}

static void set_x_seq_cst(void)
{
	a_store(&x, 1, seq_cst);
}

static void set_y_seq_cst(void)
{
	a_store(&y, 1, seq_cst);
}

static void set_x_release(void)
{
	a_store(&x, 1, release);
}

static void set_y_release(void)
{
	a_store(&y, 1, release);
}

/* A read-modify-write in between carries the message on. */
static void mp_between(void)
{
	a_add(&y, 1, relaxed);
}

static void mp_two_b(void)
{
	int r = a_load(&y, acquire);

	saw[0] = r == 2;
	saw[1] = r == 2 ? a_load(&x, relaxed) : 1;
}

static void bump(void)
{
	a_add(&x, 1, relaxed);
}

static void bump_apart(void)
{
	a_store(&x, a_load(&x, relaxed) + 1, relaxed);
}

static void is_two(void)
{
	ASSERT(x == 2);
}

static void bump_by_cas(void)
{
	int was = a_load(&x, relaxed);

	while (!a_cas(&x, &was, was + 1, relaxed))
		;
}

static void wait_for_y(void)
{
	while (!a_load(&y, acquire))
		a_spin();
	saw[0] = 1;
	saw[1] = a_load(&x, relaxed);
}

static int plain;

static void write_plain(void)
{
	d_write(&plain, 1);
	a_store(&y, 1, release);
}

static void read_plain(void)
{
	if (a_load(&y, acquire))
		ASSERT(d_read(&plain) == 1);
}

static void read_plain_early(void)
{
	a_load(&y, acquire);
	saw[0] = d_read(&plain);
}

static void plain_init(void)
{
	init();
	plain = 0;
}

static _Atomic uint32_t word;

static void word_init(void)
{
	init();
	word = 0;
}

static void sleeper(void)
{
	while (a_load(&word, relaxed) == 0)
		explore_sleep(&word, 0);
}

static void waker(void)
{
	a_store(&word, 1, relaxed);
	explore_wake(&word, 1);
}

static void lazy_waker(void)
{
	if (a_load(&y, relaxed)) {
		a_store(&word, 1, relaxed);
		explore_wake(&word, 1);
	}
}

static void wait_x_set_y(void)
{
	while (!a_load(&x, acquire))
		a_spin();
	a_store(&y, 1, release);
}

static void wait_y_set_x(void)
{
	while (!a_load(&y, acquire))
		a_spin();
	a_store(&x, 1, release);
}

#define CASE(n, c, p, f, ...)                                       \
	{                                                           \
		.name = n, .init = init, .check = c,                \
		.thread = { __VA_ARGS__ }, .passes = p, .fails = f, \
		.preemptions = EXPLORE_ANY                          \
	}
#define SC   EXPLORE_SC
#define TSO  EXPLORE_TSO
#define WEAK EXPLORE_WEAK
#define ALL  (SC | TSO | WEAK)

static const struct explore_case cases[] = {
	CASE("sb_relaxed", not_both_zero, SC, TSO | WEAK, sb_relaxed_a,
	     sb_relaxed_b),
	CASE("sb_acq_rel", not_both_zero, SC | TSO, WEAK, sb_acq_rel_a,
	     sb_acq_rel_b),
	CASE("sb_seq_cst", not_both_zero, ALL, 0, sb_seq_cst_a, sb_seq_cst_b),
	CASE("sb_one_side_acquires", not_both_zero, SC | TSO, WEAK,
	     sb_seq_cst_a, sb_one_side_b),
	CASE("sb_fences", not_both_zero, ALL, 0, sb_fence_a, sb_fence_b),
	CASE("sb_one_fence", not_both_zero, SC, TSO | WEAK, sb_fence_a,
	     sb_relaxed_b),
	CASE("sb_light_and_heavy", not_both_zero, ALL, 0, sb_light, sb_heavy),
	CASE("sb_light_and_light", not_both_zero, SC, TSO | WEAK, sb_light,
	     sb_light_b),
	CASE("sb_heavy_alone", not_both_zero, SC | TSO, WEAK, sb_relaxed_a,
	     sb_heavy),
	CASE("mp_relaxed", not_one_then_zero, SC | TSO, WEAK, mp_relaxed_a,
	     mp_relaxed_b),
	CASE("mp_acquire_alone", not_one_then_zero, SC | TSO, WEAK,
	     mp_relaxed_a, mp_acquire_b),
	CASE("mp_release_alone", not_one_then_zero, SC | TSO, WEAK,
	     mp_release_a, mp_relaxed_b),
	CASE("mp_release_acquire", not_one_then_zero, ALL, 0, mp_release_a,
	     mp_acquire_b),
	CASE("mp_fences", not_one_then_zero, ALL, 0, mp_fence_a, mp_fence_b),
	CASE("mp_through_an_update", not_one_then_zero, ALL, 0, mp_release_a,
	     mp_between, mp_two_b),
	CASE("mp_spinning", not_one_then_zero, ALL, 0, mp_release_a,
	     wait_for_y),
	CASE("iriw_acquire", one_order, SC | TSO, WEAK, set_x_release,
	     set_y_release, iriw_acquire_c, iriw_acquire_d),
	CASE("iriw_seq_cst", one_order, ALL, 0, set_x_seq_cst, set_y_seq_cst,
	     iriw_seq_cst_c, iriw_seq_cst_d),
	CASE("coherence", not_one_then_zero, ALL, 0, set_x, coherence_b),
	CASE("update_is_whole", is_two, ALL, 0, bump, bump),
	CASE("load_and_store_are_not", is_two, 0, ALL, bump_apart, bump_apart),
	CASE("cas_loop", is_two, ALL, 0, bump_by_cas, bump_by_cas),
	{ .name = "cross_spin",
	  .init = init,
	  .fails = ALL,
	  .says = "deadlock, a spins at",
	  .thread = { wait_x_set_y, wait_y_set_x } },
	{ .name = "sleep_and_wake",
	  .init = word_init,
	  .passes = ALL,
	  .thread = { sleeper, waker },
	  .preemptions = EXPLORE_ANY },
	{ .name = "wake_forgotten",
	  .init = word_init,
	  .fails = ALL,
	  .says = "a sleeps on",
	  .thread = { sleeper, lazy_waker } },
	{ .name = "plain_handed_over",
	  .init = plain_init,
	  .passes = ALL,
	  .thread = { write_plain, read_plain } },
	{ .name = "plain_raced",
	  .init = plain_init,
	  .passes = SC | TSO,
	  .fails = WEAK,
	  .says = "race on",
	  .thread = { write_plain, read_plain_early } },
};

EXPLORE(cases, "", )
