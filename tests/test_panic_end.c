/*
 * test_panic_end.c - what nobody recovers, and what ends a goroutine.
 *
 * The words are those of Go 1.26: each text here was compared with what its twin in
 * Go prints.
 */
#include "leat.h"

#include "test.h"

#include <pthread.h>

static void raises(const char *text)
{
	leat_panic(text);
}

static void rescue(void)
{
	leat_recover(NULL);
}

/* -- nobody recovers -- */

GO_TEST_DIES(a_panic_ends_the_process, "R39 R45", "panic: boom\n\ngoroutine 1 ")
{
	leat_panic("boom");
}

GO_TEST_DIES(so_does_one_about_a_number, "R45", "panic: -7\n\ngoroutine")
{
	leat_panic(-7);
}

GO_TEST_DIES(or_a_truth, "R45", "panic: true\n\ngoroutine")
{
	leat_panic((bool)true);
}

GO_TEST_DIES(or_a_fraction, "R45", "panic: 1.5\n\ngoroutine")
{
	leat_panic(1.5);
}

GO_TEST_DIES(or_a_place, "R45", "panic: (void *) 0x1234\n\ngoroutine")
{
	leat_panic((void *)0x1234);
}

GO_TEST_DIES(or_nothing, "R45 B.1", "panic: panic called with nil argument\n\n")
{
	leat_panic(NULL);
}

GO_TEST_DIES(or_an_error, "R45", "panic: job 7: late\n\ngoroutine")
{
	static const struct leat_error_value late = LEAT_ERROR("late");

	leat_panic(leat_error_wrap(&late, "job %d", 7));
}

GO_TEST_DIES(lines_are_set_in, "R45", "panic: a\n\tb\n\tc\n\ngoroutine")
{
	leat_panic("a\nb\nc");
}

GO_TEST_DIES(a_long_text_is_told_in_full, "R45", "xyz\n\ngoroutine")
{
	static char text[3000];

	memset(text, '.', sizeof(text) - 4);
	strcpy(text + sizeof(text) - 4, "xyz");
	leat_panic(text);
}

GO_TEST_DIES(a_panic_in_a_child_ends_the_process, "R38 R39",
	     "panic: child\n\ngoroutine")
{
	leat_wg never = { 0 };

	leat_recoverable();
	leat_defer(rescue);
	leat_wg_add(&never, 1);
	leat_go(raises, "child");
	leat_wg_wait(&never);
}

static void *raises_outside(void *arg)
{
	raises(arg);
	return NULL;
}

GO_TEST_DIES(a_panic_on_a_thread_ends_the_process, "R39",
	     "panic: outside\n\non a thread that is not the runtime's")
{
	pthread_t thread;

	pthread_create(&thread, NULL, raises_outside, "outside");
	pthread_join(thread, NULL);
}

TEST_DIES(without_a_runtime_too, "R39", "panic: outside\n")
{
	leat_panic("outside");
}

static void deferred_first(void)
{
	fputs("deferred, ", stderr);
}

GO_TEST_DIES(deferred_calls_run_before_the_end, "R34 R39",
	     "deferred, panic: late\n\ngoroutine")
{
	leat_defer(deferred_first);
	leat_panic("late");
}

/* -- several -- */

GO_TEST_DIES(both_are_told, "R44", "panic: first\n\tpanic: second\n\ngoroutine")
{
	leat_recoverable();
	leat_defer(raises, "second");
	leat_panic("first");
}

static void recovers_then_raises(const char *text)
{
	EXPECT(leat_recover(NULL));
	leat_panic(text);
}

static void raises_the_same(void)
{
	struct leat_value v;

	EXPECT(leat_recover(&v));
	leat_panic(v);
}

GO_TEST_DIES(one_that_was_recovered_is_told_too, "R44",
	     "panic: first [recovered]\n\tpanic: second\n\ngoroutine")
{
	leat_recoverable();
	leat_defer(recovers_then_raises, "second");
	leat_panic("first");
}

GO_TEST_DIES(three_are_told, "R44",
	     "panic: first [recovered]\n\tpanic: second\n\tpanic: third\n\n")
{
	leat_recoverable();
	leat_defer(raises, "third");
	leat_defer(recovers_then_raises, "second");
	leat_panic("first");
}

GO_TEST_DIES(the_same_again_is_told_once, "R44 B.1",
	     "panic: message [recovered, repanicked]\n\ngoroutine")
{
	leat_recoverable();
	leat_defer(raises_the_same);
	leat_panic("message");
}

GO_TEST_DIES(also_behind_another, "R44 B.1",
	     "panic: first [recovered]\n"
	     "\tpanic: second [recovered, repanicked]\n\ngoroutine")
{
	leat_recoverable();
	leat_defer(raises_the_same);
	leat_defer(recovers_then_raises, "second");
	leat_panic("first");
}

static void leaves_a_block(void)
{
	leat_defer(raises, "second");
}

GO_TEST_DIES(a_block_between_changes_nothing, "R44",
	     "panic: first\n\tpanic: second\n\ngoroutine")
{
	leat_defer(leaves_a_block);
	leat_panic("first");
}

static void raises_value(const struct leat_value *v)
{
	leat_panic(*v);
}

static void raises_from_a_block(void)
{
	struct leat_value v;

	EXPECT(leat_recover(&v));
	leat_defer(raises_value, &v);
}

static void recovers_then_unlocks(void)
{
	static leat_mutex mu;

	EXPECT(leat_recover(NULL));
	leat_mutex_unlock(&mu);
}

GO_TEST_DIES(the_same_again_from_a_block_is_told_once, "R44 B.1",
	     "panic: message [recovered, repanicked]\n\ngoroutine")
{
	leat_recoverable();
	leat_defer(raises_from_a_block);
	leat_panic("message");
}

GO_TEST_DIES(a_fatal_error_tells_them_too, "R44 X3",
	     "panic: first [recovered]\n"
	     "\tfatal error: sync: unlock of unlocked mutex\n\ngoroutine")
{
	leat_recoverable();
	leat_defer(recovers_then_unlocks);
	leat_panic("first");
}

static void raises_slowly(leat_wg *wg)
{
	leat_defer(leat_yield);
	leat_defer(leat_wg_done, wg);
	leat_panic("on its way");
}

GO_TEST_DIES(the_end_of_main_waits_for_a_panic_on_its_way, "R39",
	     "panic: on its way\n\ngoroutine")
{
	leat_wg wg = { 0 };

	leat_wg_add(&wg, 1);
	leat_go(raises_slowly, &wg);
	leat_wg_wait(&wg);
}

static void raises_too(leat_wg *never, const char *text)
{
	(void)never;
	leat_panic(text);
}

GO_TEST_DIES(of_many_panics_one_is_told, "R39", "panic: one of many\n\n")
{
	leat_wg never = { 0 };

	leat_wg_add(&never, 1);
	for (int i = 0; i < 200; i++)
		leat_go(raises_too, &never, "one of many");
	leat_wg_wait(&never);
}

static void releases_then_raises(void)
{
	struct leat_value v;

	EXPECT(leat_recover(&v));
	leat_error_release(v.error);
	leat_panic("second");
}

GO_TEST_DIES(one_that_was_released_is_told_too, "R44",
	     "panic: number 5 [recovered]\n\tpanic: second\n\ngoroutine")
{
	leat_recoverable();
	leat_defer(releases_then_raises);
	leat_panicf("number %d", 5);
}

/* -- misuse -- */

GO_TEST_DIES(who_recovers_says_where_it_goes_on, "R37",
	     "fatal error: leat_recover: the function that deferred this call "
	     "does not say leat_recoverable before it\n")
{
	leat_defer(rescue);
	leat_panic("x");
}

static void nobody(void (*fn)(void))
{
	leat_defer(fn);
}

GO_TEST_DIES(a_nil_function_is_not_deferred, "R32",
	     "fatal error: defer of nil func value")
{
	nobody(NULL);
}

static void unlocks(void)
{
	static leat_mutex mu;

	leat_mutex_unlock(&mu);
}

GO_TEST_DIES(a_fatal_error_cannot_be_recovered, "X3",
	     "fatal error: sync: unlock of unlocked mutex\n")
{
	leat_recoverable();
	leat_defer(rescue);
	unlocks();
}

/* -- leat_goexit -- */

static char trail[32];

static void mark(int c)
{
	trail[strlen(trail)] = (char)c;
}

static void finds_nothing(void)
{
	mark(leat_recover(NULL) ? '!' : 'n');
}

static void exits(leat_wg *wg)
{
	leat_recoverable();
	leat_defer(leat_wg_done, wg);
	leat_defer(mark, 'b');
	leat_defer(finds_nothing);
	{
		leat_defer(mark, 'a');
		leat_goexit();
	}
}

static void expect_trail(void (*fn)(leat_wg *), const char *want)
{
	leat_wg wg = { 0 };

	leat_wg_add(&wg, 1);
	leat_go(fn, &wg);
	leat_wg_wait(&wg);
	EXPECT_STR(trail, want);
}

GO_TEST(goexit_runs_what_is_deferred_and_is_no_panic, "B.1 R32")
{
	expect_trail(exits, "anb");
}

static void raises_and_recovers(void)
{
	leat_recoverable();
	leat_defer(mark, 'r');
	leat_defer(rescue);
	leat_panic("inside");
}

static void panic_within_exit(leat_wg *wg)
{
	leat_recoverable();
	leat_defer(leat_wg_done, wg);
	leat_defer(finds_nothing);
	leat_defer(raises_and_recovers);
	leat_goexit();
}

GO_TEST(a_panic_recovered_inside_a_deferred_call_leaves_the_end_alone, "B.1")
{
	expect_trail(panic_within_exit, "rn");
}

static void exits_and_panics(void)
{
	leat_defer(raises, "on the way");
	leat_goexit();
}

static void recovers_on_the_way(void)
{
	leat_recoverable();
	leat_defer(mark, 'c');
	leat_defer(rescue);
	exits_and_panics();
	mark('!');
}

static void panic_replaces_exit(leat_wg *wg)
{
	leat_defer(leat_wg_done, wg);
	leat_defer(finds_nothing);
	recovers_on_the_way();
	mark('!');
}

GO_TEST(an_end_goes_on_after_a_panic_on_its_way_was_recovered, "B.1")
{
	expect_trail(panic_replaces_exit, "cn");
}

static void exit_replaces_panic(leat_wg *wg)
{
	leat_recoverable();
	leat_defer(leat_wg_done, wg);
	leat_defer(finds_nothing);
	leat_defer(leat_goexit);
	leat_panic("hello");
}

GO_TEST(an_end_takes_the_place_of_a_panic, "B.1")
{
	expect_trail(exit_replaces_panic, "n");
}

static void panics_after_exit(void)
{
	leat_defer(raises, "hello");
	leat_goexit();
}

GO_TEST_DIES(a_panic_on_the_way_out_is_one_like_others, "B.1 R39",
	     "panic: hello\n\ngoroutine")
{
	leat_wg never = { 0 };

	leat_wg_add(&never, 1);
	leat_go(panics_after_exit);
	leat_wg_wait(&never);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winfinite-recursion" /* it never returns */
static void ends_deep(int n)
{
	leat_defer(mark, 'a' + n);
	if (n > 0)
		ends_deep(n - 1);
	else
		leat_goexit();
	mark('!');
}

#pragma GCC diagnostic pop

static void ends_from_below(leat_wg *wg)
{
	leat_defer(leat_wg_done, wg);
	ends_deep(5);
}

GO_TEST(it_runs_those_of_all_its_calls, "B.1 R32")
{
	expect_trail(ends_from_below, "abcdef");
}

static void short_life(int turn)
{
	leat_defer(leat_yield);
	if (turn % 2 == 0)
		leat_goexit();
}

GO_TEST(who_gets_the_goroutine_next_finds_nothing_of_it, "B.1 R26")
{
	leat_wg wg = { 0 };

	for (size_t i = 0; i < test_count(50000); i++)
		leat_wg_go(&wg, short_life, (int)i);
	leat_wg_wait(&wg);
}

SUITE("panic_end")
