/*
 * test_cxx_panic.cc - defer, panic and recover in C++, and exceptions beside them.
 */
#include "leat.h"
#include "test.h"

#include <atomic>
#include <stdexcept>
#include <string>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

static std::string trail;

static void mark(char c)
{
	trail += c;
}

static void rescue(void)
{
	struct leat_value v;
	char text[100];

	if (leat_recover(&v)) {
		leat_value_text(&v, text, sizeof(text));
		trail += std::string("[") + text + "]";
		if (v.kind == LEAT_VALUE_ERROR)
			leat_error_release(v.error);
	} else {
		mark('n');
	}
}

enum class colour : short { RED = -3 };

static long seven(colour c, const char *text, long n)
{
	trail += text;
	trail += c == colour::RED ? 'r' : '?';
	return n;
}

static int in_order()
{
	leat_defer(mark, 'a');
	leat_defer(seven, colour::RED, "text", 7);
	mark('.');
	return (int)trail.size();
}

GO_TEST(deferred_calls_run_last_first_and_take_any_word, "R32 R33")
{
	EXPECT_EQ(in_order(), 1);
	EXPECT(trail == ".textra");
}

template <class T> static void raises(T value)
{
	leat_recoverable();
	leat_defer(rescue);
	leat_defer(mark, 'b');
	leat_panic(value);
}

GO_TEST(a_panic_has_a_value_of_many_types, "R34 R37 R45")
{
	raises("text");
	raises(-3);
	raises(7u);
	raises(true);
	raises(0.5);
	raises(leat_errorf("job %d", 7));
	raises(nullptr);
	EXPECT(trail == "b[text]b[-3]b[7]b[true]b[0.5]b[job 7]"
			"b[panic called with nil argument]");
}

static int from_within(int result)
{
	leat_recoverable(result);
	leat_defer(mark, 'z');
	leat_defer(rescue);
	for (result = 0; result < 10; result++)
		if (result == 7)
			leat_panic("seven");
	return -1;
}

GO_TEST(the_result_is_the_variables, "R42")
{
	EXPECT_EQ(from_within(3), 7);
	EXPECT(trail == "[seven]z");
}

/* -- exceptions -- */

static void throws()
{
	leat_defer(mark, 't');
	throw std::runtime_error("thrown");
}

static void passes_on()
{
	leat_defer(rescue);
	leat_defer(mark, 'p');
	throws();
}

GO_TEST(an_exception_runs_what_is_deferred_and_is_no_panic, "R34 C++")
{
	try {
		passes_on();
		mark('!');
	} catch (const std::runtime_error &e) {
		trail += e.what();
	}
	EXPECT(trail == "tpnthrown");
	EXPECT(!leat_recover(nullptr));
	raises(1);
	EXPECT(trail == "tpnthrownb[1]");
}

static void catches_inside()
{
	try {
		throws();
	} catch (const std::runtime_error &) {
		mark('c');
	}
}

static void panic_and_exception()
{
	leat_recoverable();
	leat_defer(rescue);
	leat_defer(catches_inside);
	leat_panic("outer");
}

GO_TEST(a_deferred_call_may_throw_and_catch, "R34 C++")
{
	panic_and_exception();
	EXPECT(trail == "tc[outer]");
}

static void panics_while_caught()
{
	leat_recoverable();
	leat_defer(rescue);
	try {
		throws();
	} catch (const std::runtime_error &e) {
		raises(e.what());
		mark('.');
	}
}

GO_TEST(a_panic_may_be_raised_and_recovered_in_a_catch, "R37 C++")
{
	panics_while_caught();
	EXPECT(trail == "tb[thrown].n");
}

/* -- each goroutine has its own -- */

static void throws_and_waits(int n, std::atomic<int> *ok)
{
	for (int i = 0; i < (int)test_count(300); i++) {
		try {
			throw n;
		} catch (int caught) {
			leat_yield();
			if (i % 3 == 0) {
				try {
					leat_yield();
					throw std::to_string(n);
				} catch (const std::string &text) {
					leat_yield();
					EXPECT(text == std::to_string(n));
					EXPECT_EQ(std::uncaught_exceptions(),
						  0);
				}
			}
			EXPECT_EQ(caught, n);
			try {
				leat_yield();
				throw;
			} catch (int again) {
				EXPECT_EQ(again, n);
			}
		}
		EXPECT(!std::current_exception());
	}
	ok->fetch_add(1);
}

GO_TEST(who_waits_in_a_catch_finds_its_own_exception, "R14 C++")
{
	std::atomic<int> ok(0);
	leat_wg all = {};

	for (int i = 0; i < 40; i++)
		leat_wg_go(&all, throws_and_waits, i, &ok);
	leat_wg_wait(&all);
	EXPECT_EQ(ok.load(), 40);
}

struct waits_on_its_way {
	int before = std::uncaught_exceptions();

	~waits_on_its_way()
	{
		for (int i = 0; i < 3; i++) {
			EXPECT_EQ(std::uncaught_exceptions(), before + 1);
			leat_yield();
		}
		EXPECT_EQ(std::uncaught_exceptions(), before + 1);
	}
};

static void waits_in_a_destructor(std::atomic<int> *ok)
{
	for (int i = 0; i < (int)test_count(300); i++) {
		try {
			waits_on_its_way here;

			throw i;
		} catch (int caught) {
			EXPECT_EQ(caught, i);
			EXPECT_EQ(std::uncaught_exceptions(), 0);
		}
	}
	ok->fetch_add(1);
}

static void never_throws(std::atomic<int> *ok)
{
	for (int i = 0; i < 300; i++) {
		EXPECT_EQ(std::uncaught_exceptions(), 0);
		EXPECT(!std::current_exception());
		leat_yield();
	}
	ok->fetch_add(1);
}

GO_TEST(or_in_a_destructor_on_its_way, "R14 C++")
{
	std::atomic<int> ok(0);
	leat_wg all = {};

	for (int i = 0; i < 10; i++) {
		leat_wg_go(&all, waits_in_a_destructor, &ok);
		leat_wg_go(&all, never_throws, &ok);
	}
	leat_wg_wait(&all);
	EXPECT_EQ(ok.load(), 20);
}

static void ends_in_a_catch()
{
	try {
		throw 1;
	} catch (int) {
		leat_goexit();
	}
}

GO_TEST(who_ends_in_a_catch_leaves_nothing_behind, "R14 C++")
{
	leat_wg all = {};
	std::atomic<int> ok(0);

	for (int i = 0; i < 100; i++)
		leat_wg_go(&all, ends_in_a_catch);
	leat_wg_wait(&all);
	for (int i = 0; i < 10; i++)
		leat_wg_go(&all, never_throws, &ok);
	leat_wg_wait(&all);
	EXPECT(!std::current_exception());
}

#ifdef __SANITIZE_ADDRESS__
static void leaks_from_here()
{
	__lsan_disable();
}

static void leaks_to_here()
{
	__lsan_enable();
}
#else
static void leaks_from_here()
{
}

static void leaks_to_here()
{
}
#endif

static void panics_out_of_a_catch()
{
	leat_recoverable();
	leat_defer(rescue);
	try {
		throw std::to_string(7);
	} catch (const std::string &) {
		leat_panic("out");
	}
}

/* The exception that is on its way then is lost; see leat/panic.h. */
struct panics_at_its_end {
	panics_at_its_end()
	{
		leaks_from_here();
	}
	~panics_at_its_end()
	{
		leaks_to_here();
		leat_panic("on its way");
	}
};

static void panics_out_of_a_destructor()
{
	leat_recoverable();
	leat_defer(rescue);
	panics_at_its_end here;

	throw 1;
}

GO_TEST(a_recovered_panic_ends_the_catches_that_it_leaves, "R37 C++")
{
	try {
		throw 5;
	} catch (int) {
		panics_out_of_a_catch();
		EXPECT(std::current_exception());
		try {
			throw;
		} catch (int n) {
			EXPECT_EQ(n, 5);
		}
	}
	EXPECT(!std::current_exception());
	try {
		panics_out_of_a_destructor();
		mark('.');
	} catch (int) {
		mark('!');
	}
	EXPECT_EQ(std::uncaught_exceptions(), 0);
	EXPECT(trail == "[out][on its way].");
}

static void throws_on()
{
	throw 3;
}

static void throws_out_of_a_block()
{
	try {
		leat_defer(throws_on);
	} catch (int) {
		mark('c');
	}
}

static void cover_by_exception()
{
	leat_recoverable();
	leat_defer(rescue);
	leat_defer(throws_out_of_a_block);
	leat_panic("outer");
}

GO_TEST(an_exception_out_of_a_block_that_ends_forgets_nothing, "R37 C++")
{
	cover_by_exception();
	EXPECT(trail == "c[outer]");
}

/* As a function in C does it, which cannot count what is caught. */
static void recovers_as_in_c()
{
	leat_recoverable();
	leat_saved_.counts_ = false;
	leat_defer(rescue);
	try {
		throw std::to_string(7);
	} catch (const std::string &) {
		leat_panic("c");
	}
}

GO_TEST(a_catch_that_was_left_ends_with_its_goroutine, "R37 C++")
{
	std::atomic<int> ok(0);

	for (int i = 0; i < 50; i++) {
		leat_wg all = {};

		leat_wg_go(&all, recovers_as_in_c);
		leat_wg_wait(&all);
		leat_wg_go(&all, never_throws, &ok);
		leat_wg_wait(&all);
	}
	EXPECT_EQ(ok.load(), 50);
}

static bool throws_in_range(const void *, void *, void *)
{
	throw 4;
}

GO_TEST(an_exception_may_leave_a_range_and_a_blocking_call, "R173 R25 C++")
{
	leat_map map = {};

	EXPECT_EQ(leat_map_store(&map, 1, 2), 0);
	for (int i = 0; i < 100; i++) {
		try {
			leat_map_range(&map, throws_in_range, nullptr);
			mark('!');
		} catch (int n) {
			EXPECT_EQ(n, 4);
		}
		try {
			leat_block([](void *) -> intptr_t { throw 6; },
				   nullptr);
			mark('!');
		} catch (int n) {
			EXPECT_EQ(n, 6);
		}
		leat_yield();
	}
	raises(1);
	EXPECT(trail == "b[1]");
	leat_map_free(&map);
}

/* -- the end -- */

static void throws_and_panics()
{
	leat_defer(throws_on);
	leat_panic("x");
}

GO_TEST_DIES(no_exception_leaves_what_a_panic_runs, "R34 C++",
	     "fatal error: C++ exception out of a deferred call")
{
	try {
		throws_and_panics();
	} catch (int) {
	}
}

GO_TEST_DIES(an_exception_that_nobody_catches_is_named, "R39 C++",
	     "panic: C++ exception std::runtime_error: boom\n\ngoroutine 1 ")
{
	throw std::runtime_error("boom");
}

static void throws_a_number()
{
	throw 7;
}

GO_TEST_DIES(in_a_child_too_and_of_any_type, "R39 C++",
	     "panic: C++ exception int\n\ngoroutine")
{
	leat_wg all = {};

	leat_wg_go(&all, throws_a_number);
	leat_wg_wait(&all);
}

SUITE("cxx_panic")
