/*
 * test_cxx.cc - the public headers from C++17, and C++ code in goroutines.
 */
#include "leat.h"
#include "test.h"

#include <atomic>
#include <stdexcept>
#include <string>
#include <vector>

enum class colour : short { RED = -3, BLUE = 4 };

static void add(std::atomic<long> *sum, long n, leat_wg *group)
{
	sum->fetch_add(n);
	leat_wg_done(group);
}

GO_TEST(goroutines_of_cxx_get_their_arguments, "R1 R2")
{
	std::atomic<long> sum{ 0 };
	leat_wg group = {};

	leat_wg_add(&group, 100);
	for (int i = 1; i <= 100; i++)
		EXPECT_EQ(leat_go(add, &sum, i, &group), 0);
	leat_wg_wait(&group);
	EXPECT_EQ(sum.load(), 5050);
}

static void six(signed char a, bool b, colour c, const std::string *d,
		unsigned long e, std::vector<long> *f)
{
	f->assign({ a, b, static_cast<long>(c), static_cast<long>(d->size()),
		    static_cast<long>(e) });
}

GO_TEST(six_arguments_of_many_types_arrive, "R2")
{
	std::string text = "four";
	std::vector<long> got;
	leat_wg group = {};

	EXPECT_EQ(leat_wg_go(&group, six, -1, true, colour::RED, &text, 5ul,
			     &got),
		  0);
	leat_wg_wait(&group);
	EXPECT(got == (std::vector<long>{ -1, 1, -3, 4, 5 }));
}

static void thrower(int depth)
{
	std::string on_the_way = "destroyed by the unwinder";

	leat_yield();
	if (depth == 0)
		throw std::runtime_error(on_the_way);
	thrower(depth - 1);
}

static void catcher(std::atomic<int> *caught)
{
	try {
		thrower(10);
	} catch (const std::runtime_error &e) {
		EXPECT_STR(e.what(), "destroyed by the unwinder");
		caught->fetch_add(1);
	}
}

GO_TEST(exceptions_are_caught_in_goroutines, "R14 R15")
{
	std::atomic<int> caught{ 0 };
	leat_wg group = {};

	for (int i = 0; i < 50; i++)
		EXPECT_EQ(leat_wg_go(&group, catcher, &caught), 0);
	leat_wg_wait(&group);
	EXPECT_EQ(caught.load(), 50);
}

static int answer(int a, int b)
{
	return a * b;
}

TEST(leat_run_returns_the_result_of_a_cxx_function, "R31")
{
	leat_options options = {};

	options.procs = 1;
	EXPECT_EQ(leat_run_with(&options, answer, 6, 7), 42);
}

SUITE("cxx")
