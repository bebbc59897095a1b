/*
 * test_panic.c - defer, panic and recover in one goroutine, or one thread.
 *
 * Retold from Go's rules (spec: Defer statements, Handling panics) and from what its
 * test/defer*.go, test/recover*.go and src/runtime/panic and crash tests look at.
 */
#include "leat.h"

#include "test.h"
#include "trail.h"

#include <pthread.h>

/* -- defer -- */

static int in_order(void)
{
	leat_defer(mark, 'a');
	leat_defer(mark, 'b');
	leat_defer(mark, 'c');
	mark('.');
	return (int)strlen(trail);
}

GO_TEST(deferred_calls_run_last_first_after_the_result_is_made, "R32 R33")
{
	EXPECT_EQ(in_order(), 1);
	EXPECT_STR(trail, ".cba");
}

static void keeps_arguments(void)
{
	int c = '1';

	leat_defer(mark, c);
	c = '2';
	leat_defer(mark, c);
	c = '3';
}

GO_TEST(arguments_are_evaluated_where_it_is_deferred, "R33")
{
	keeps_arguments();
	EXPECT_STR(trail, "21");
}

static uintptr_t words[6];

static int six(char a, short b, int c, long d, const char *e, bool f)
{
	words[0] = (uintptr_t)a;
	words[1] = (uintptr_t)b;
	words[2] = (uintptr_t)c;
	words[3] = (uintptr_t)d;
	words[4] = (uintptr_t)e;
	words[5] = f;
	return 7;
}

static void defers_six(void)
{
	leat_defer(six, 'a', -2, -3, 4, recovered, true);
}

GO_TEST(six_arguments_arrive, "R33")
{
	defers_six();
	EXPECT_EQ(words[0], 'a');
	EXPECT_EQ((short)words[1], -2);
	EXPECT_EQ((int)words[2], -3);
	EXPECT_EQ(words[3], 4);
	EXPECT_EQ(words[4], (uintptr_t)recovered);
	EXPECT_EQ(words[5], 1);
}

static int leaves(int how)
{
	leat_defer(mark, 'f');
	for (int i = 0; i < 3; i++) {
		leat_defer(mark, '0' + i);
		if (how == 0)
			continue;
		if (how == 1)
			break;
		if (how == 2)
			return 5;
		goto out;
	}
	mark('-');
	return 4;
out:
	mark('o');
	return 6;
}

GO_TEST(it_belongs_to_its_block_however_that_is_left, "R32 B.1")
{
	EXPECT_EQ(leaves(0), 4);
	EXPECT_EQ(leaves(1), 4);
	EXPECT_EQ(leaves(2), 5);
	EXPECT_EQ(leaves(3), 6);
	EXPECT_STR(trail, "012-f"
			  "0-f"
			  "0f"
			  "0of");
}

/* -- panic -- */

static void panics_plainly(void)
{
	leat_recoverable();
	leat_defer(rescue);
	leat_defer(mark, 'b');
	leat_defer(mark, 'a');
	leat_panic("boom");
	mark('!');
}

GO_TEST(deferred_calls_run_while_a_panic_goes_up, "R34 R37 R40 R41 R42")
{
	panics_plainly();
	mark('.');
	EXPECT_STR(trail, "abR.");
	EXPECT_STR(recovered, "boom");
}

/* It never comes back, and gcc sees that. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winfinite-recursion"
static void deep(int n)
{
	leat_defer(mark, 'a' + n);
	if (n > 0)
		deep(n - 1);
	else
		leat_panic(3);
	mark('!');
}

#pragma GCC diagnostic pop

static int sets(int *result)
{
	struct leat_value v;

	if (leat_recover(&v))
		*result = (int)v.i;
	return 0;
}

static int from_deep(void)
{
	int result = 1;

	leat_recoverable(result);
	leat_defer(mark, 'z');
	leat_defer(sets, &result);
	leat_defer(mark, 'y');
	result = 2;
	deep(4);
	mark('!');
	return -1;
}

GO_TEST(it_goes_through_all_calls_and_the_result_is_the_variables,
	"R34 R37 R42")
{
	EXPECT_EQ(from_deep(), 3);
	EXPECT_STR(trail, "abcdeyz");
}

/* The compiler may keep what lives on in registers, which the deep calls use. */
static long without_trail(long a)
{
	long sum = 0;

	for (int i = 0; i < 4; i++) {
		memset(trail, 0, sizeof(trail));
		sum += from_deep() * a;
	}
	return sum;
}

GO_TEST(who_called_has_its_registers_as_they_were, "R15 R42")
{
	EXPECT_EQ(without_trail(5), 60);
}

static double floats(double x, double y)
{
	double sum = 0;

	for (int i = 0; i < 3; i++) {
		memset(trail, 0, sizeof(trail));
		sum += x * from_deep() + y;
		x += 0.5;
		y -= 0.25;
	}
	return sum;
}

GO_TEST(and_its_floating_point_ones, "R15 R42")
{
	EXPECT(floats(1, 2) == 3 * (1 + 1.5 + 2) + 2 + 1.75 + 1.5);
}

static void takes(leat_mutex *mu)
{
	leat_recoverable();
	leat_defer(rescue);
	leat_mutex_lock(mu);
	leat_defer(leat_mutex_unlock, mu);
	leat_panic("inside");
}

GO_TEST(a_deferred_unlock_unlocks, "R35")
{
	leat_mutex mu = { 0 };

	takes(&mu);
	EXPECT(leat_mutex_try_lock(&mu));
	leat_mutex_unlock(&mu);
}

static void member(leat_wg *wg)
{
	leat_recoverable();
	leat_defer(leat_wg_done, wg);
	leat_defer(counts, "member");
	leat_panic("member");
}

GO_TEST(a_deferred_done_counts_down, "R36 R38")
{
	leat_wg wg = { 0 };

	leat_wg_add(&wg, 3);
	for (int i = 0; i < 3; i++)
		leat_go(member, &wg);
	leat_wg_wait(&wg);
	EXPECT_EQ(atomic_load(&rescued), 3);
}

/* -- recover -- */

GO_TEST(without_a_panic_there_is_nothing_to_recover, "R43")
{
	struct leat_value v = { .kind = LEAT_VALUE_INT, .i = 7 };

	EXPECT(!leat_recover(&v));
	EXPECT(!leat_recover(NULL));
	EXPECT_EQ(v.i, 7);
	panics_plainly();
	EXPECT(!leat_recover(&v));
}

static void rescue_twice(void)
{
	rescue();
	rescue();
}

static void recovers_once(void)
{
	leat_recoverable();
	leat_defer(rescue);
	leat_defer(rescue_twice);
	leat_panic(1);
}

GO_TEST(one_recover_takes_one_panic, "R41 R43")
{
	recovers_once();
	EXPECT_STR(trail, "Rnn");
}

static void panics_again(const char *text)
{
	leat_panic(text);
}

static void replaces(void)
{
	leat_recoverable();
	leat_defer(rescue);
	leat_defer(mark, 'b');
	leat_defer(panics_again, "second");
	leat_defer(mark, 'a');
	leat_panic("first");
}

GO_TEST(a_panic_in_a_deferred_call_takes_the_place_of_the_first, "R44")
{
	replaces();
	EXPECT_STR(trail, "abR");
	EXPECT_STR(recovered, "second");
	EXPECT(!leat_recover(NULL));
}

/* A deferred call that has a panic of its own, and recovers it inside. */
static void minds_its_own(void)
{
	mark('(');
	panics_plainly();
	mark(')');
}

static void two_levels(void)
{
	leat_recoverable();
	leat_defer(rescue);
	leat_defer(minds_its_own);
	leat_panic("outer");
}

GO_TEST(a_panic_inside_a_deferred_call_leaves_the_outer_one_alone, "R44 R37")
{
	two_levels();
	EXPECT_STR(trail, "(abR)R");
	EXPECT_STR(recovered, "outer");
}

/* In there no panic made the deferred call run: its block was left. */
static void tidies_up(void)
{
	leat_defer(rescue);
	mark('(');
}

static void covered(void)
{
	leat_recoverable();
	leat_defer(rescue);
	leat_defer(tidies_up);
	leat_panic("outer");
}

GO_TEST(a_deferred_call_of_a_block_that_ends_is_not_about_the_panic, "R37 R43")
{
	covered();
	EXPECT_STR(trail, "(nR");
}

static void panics_in_cover(void)
{
	leat_recoverable();
	leat_defer(panics_again, "of the cover");
	mark('(');
}

static void cover_left(void)
{
	leat_recoverable();
	leat_defer(rescue);
	leat_defer(panics_in_cover);
	leat_panic("outer");
}

GO_TEST(a_panic_of_a_block_that_ends_replaces_the_outer_one, "R44")
{
	cover_left();
	EXPECT_STR(trail, "(R");
	EXPECT_STR(recovered, "of the cover");
	EXPECT(!leat_recover(NULL));
}

static void recovers_and_raises(void)
{
	struct leat_value v;

	EXPECT(leat_recover(&v));
	mark('r');
	leat_panic(v);
}

static void raised_again(void)
{
	leat_recoverable();
	leat_defer(rescue);
	leat_defer(recovers_and_raises);
	leat_panicf("number %d", 5);
}

GO_TEST(a_recovered_panic_can_be_raised_again, "R37 R44 B.1")
{
	raised_again();
	EXPECT_STR(trail, "rR");
	EXPECT_STR(recovered, "number 5");
}

static void rest_panics(void)
{
	leat_recoverable();
	leat_defer(rescue);
	leat_defer(panics_again, "rest");
	leat_defer(rescue);
	leat_panic("first");
}

GO_TEST(what_is_left_to_run_after_recovery_may_panic_too, "R44 R42")
{
	rest_panics();
	EXPECT_STR(trail, "RR");
	EXPECT_STR(recovered, "rest");
}

static void helper(void)
{
	rescue();
}

static void helped(void)
{
	leat_recoverable();
	leat_defer(helper);
	leat_panic("x");
}

GO_TEST(a_deferred_function_may_let_another_recover, "R37")
{
	helped();
	EXPECT_STR(trail, "R");
}

static void of_outer(void)
{
	panics_again("goes through");
	mark('!');
}

static void passes(void)
{
	leat_recoverable();
	leat_defer(rescue);
	of_outer();
	mark('!');
}

static void outer_goes_on(void)
{
	leat_recoverable();
	leat_defer(rescue);
	passes();
	mark('.');
}

GO_TEST(only_the_function_that_recovers_returns, "R42")
{
	outer_goes_on();
	EXPECT_STR(trail, "R.n");
}

static int sum_until_recovered(int n)
{
	int sum = 0;

	for (int i = 0; i < n; i++) {
		memset(trail, 0, sizeof(trail));
		panics_plainly();
		sum += trail[2] == 'R';
	}
	return sum;
}

GO_TEST(a_loop_of_panics_ends_where_it_began, "R42")
{
	EXPECT_EQ(sum_until_recovered((int)test_count(100000)),
		  (int)test_count(100000));
}

static void waits(leat_chan(int) c)
{
	int got = 0;

	EXPECT(leat_recv(c, &got));
	EXPECT_EQ(got, 5);
	mark('w');
}

static void sends(leat_chan(int) c)
{
	leat_send(c, 5);
}

static void waits_while_panicking(leat_chan(int) c)
{
	leat_recoverable();
	leat_defer(rescue);
	leat_defer(waits, c);
	leat_panic("slow");
}

GO_TEST(deferred_calls_may_wait, "R34")
{
	leat_chan(int) c = leat_make(int, 0);

	leat_go(sends, c);
	waits_while_panicking(c);
	EXPECT_STR(trail, "wR");
	leat_release(c);
}

/* -- threads -- */

static void *on_a_thread(void *arg)
{
	panics_plainly();
	EXPECT(!leat_recover(NULL));
	return arg;
}

TEST(a_thread_that_is_not_the_runtimes_has_defers_too, "R34 R37")
{
	pthread_t thread;

	EXPECT_EQ(pthread_create(&thread, NULL, on_a_thread, NULL), 0);
	pthread_join(thread, NULL);
	EXPECT_STR(trail, "abR");
	panics_plainly();
	EXPECT_STR(trail, "abRabR");
}

/* -- a long way -- */

static void leaves_and_comes(leat_wg *wg, int rounds)
{
	leat_defer(leat_wg_done, wg);
	for (int i = 0; i < rounds; i++) {
		int got = 0;

		leat_yield();
		(void)got;
	}
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winfinite-recursion"
static int risky(int depth, int turn)
{
	int sum = depth;

	leat_defer(leat_yield);
	leat_yield();
	if (depth > 0)
		sum += risky(depth - 1, turn);
	else
		leat_panic(turn);
	return sum;
}

#pragma GCC diagnostic pop

static int guarded(int depth, int turn)
{
	int result = -1;

	leat_recoverable(result);
	leat_defer(sets, &result);
	return risky(depth, turn);
}

static void many_turns(leat_wg *wg, int rounds)
{
	leat_defer(leat_wg_done, wg);
	for (int i = 0; i < rounds; i++)
		EXPECT_EQ(guarded(i % 20, i), i);
}

GO_TEST(panics_cross_threads_with_their_goroutines, "R38 R39 R42")
{
	enum { EACH = 8 };
	leat_wg wg = { 0 };

	leat_wg_add(&wg, 2 * EACH);
	for (int i = 0; i < EACH; i++) {
		leat_go(many_turns, &wg, (int)test_count(3000));
		leat_go(leaves_and_comes, &wg, (int)test_count(10000));
	}
	leat_wg_wait(&wg);
}

SUITE("panic")
