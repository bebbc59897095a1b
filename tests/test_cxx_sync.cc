/*
 * test_cxx_sync.cc - what is done once, and groups, from C++17.
 */
#include "leat.h"
#include "test.h"

#include <atomic>
#include <cerrno>
#include <stdexcept>
#include <string>

/* -- once -- */

static leat_once once;

static void appends(std::string *to, const std::string &what, double times)
{
	for (; times >= 1; times--)
		*to += what;
}

static void throws_once(int *runs)
{
	++*runs;
	throw std::runtime_error("out of it");
}

struct point_of_origin {
	int x, y;
};

static int origins;

static point_of_origin find_origin()
{
	origins++;
	return { 3, 4 };
}

static leat_once_value(point_of_origin) origin = LEAT_ONCE_VALUE(find_origin);

GO_TEST(what_is_done_once_may_take_any_arguments, "R154 R155")
{
	std::string text;

	for (int i = 0; i < 3; i++)
		leat_once_do(&once, appends, &text, "ab", 2.5);
	EXPECT_STR(text.c_str(), "abab");
	EXPECT(leat_once_done(&once));
	EXPECT_EQ(leat_once_get(&origin).x, 3);
	EXPECT_EQ(leat_once_get(&origin).y, 4);
	EXPECT_EQ(origins, 1);
}

static void does_what_throws(int *runs, std::atomic<int> *caught)
{
	try {
		leat_once_do(&once, throws_once, runs);
	} catch (const std::runtime_error &) {
		++*caught;
	}
}

GO_TEST(an_exception_counts_as_done_and_goes_on, "R156")
{
	std::atomic<int> caught{ 0 };
	int runs = 0;
	leat_wg all = {};

	for (int i = 0; i < 10; i++)
		leat_wg_go(&all, does_what_throws, &runs, &caught);
	leat_wg_wait(&all);
	EXPECT_EQ(runs, 1);
	EXPECT_EQ(caught.load(), 1);
}

/* -- groups -- */

static const struct leat_error_value broken = LEAT_ERROR("broken");

static leat_error adds(std::atomic<int> *sum, short n, const std::string *text)
{
	*sum += n + static_cast<int>(text->size());
	return nullptr;
}

static leat_error breaks()
{
	return &broken;
}

static leat_error waits_for(leat_ctx *ctx, std::atomic<int> *told)
{
	leat_recv(leat_ctx_done(ctx), nullptr);
	++*told;
	return leat_ctx_err(ctx);
}

GO_TEST(a_group_has_functions_of_many_types, "errgroup")
{
	std::atomic<int> sum{ 0 };
	std::string text = "four";
	leat_group all = {};

	leat_group_set_limit(&all, 3);
	for (int i = 1; i <= 100; i++)
		EXPECT_EQ(leat_group_go(&all, adds, &sum, i, &text), 0);
	EXPECT(leat_group_wait(&all) == nullptr);
	EXPECT_EQ(sum.load(), 5450);
	leat_group_set_limit(&all, 0);
	EXPECT_EQ(leat_group_try_go(&all, breaks), -EAGAIN);
}

GO_TEST(the_first_error_ends_a_group, "errgroup")
{
	std::atomic<int> told{ 0 };
	leat_group all = {};
	leat_ctx *ctx = leat_group_with_ctx(&all, leat_background());

	for (int i = 0; i < 10; i++)
		leat_group_go_ctx(ctx, &all, waits_for, ctx, &told);
	leat_group_try_go(&all, breaks);
	EXPECT(leat_group_wait(&all) == &broken);
	EXPECT_EQ(told.load(), 10);
}

/* -- maps -- */

enum class colour { RED = 1, BLUE = 4 };

static bool sums(const void *key, void *value, void *sum)
{
	*static_cast<uintptr_t *>(sum) += reinterpret_cast<uintptr_t>(value);
	return *static_cast<const char *>(key) != 0;
}

GO_TEST(a_map_takes_words_of_many_types, "R173")
{
	static leat_map by_name = LEAT_MAP_OF(&leat_map_strings);
	leat_map numbers = {};
	std::string text = "one";
	std::string *got = nullptr;
	uintptr_t sum = 0;
	long n = 0;

	EXPECT_EQ(leat_map_store(&numbers, colour::BLUE, &text), 0);
	EXPECT(leat_map_load(&numbers, 4, &got) && got == &text);
	EXPECT_EQ(leat_map_load_or_store(&by_name, text.c_str(), 1, nullptr),
		  0);
	EXPECT_EQ(leat_map_swap(&by_name, "one", 2, &n), 1);
	EXPECT_EQ(leat_map_compare_and_swap(&by_name, "one", n + 1, 3), 1);
	EXPECT_EQ(leat_map_range(&by_name, sums, &sum), 0);
	EXPECT_EQ(sum, 3);
	EXPECT(leat_map_compare_and_delete(&by_name, "one", 3));
	EXPECT(leat_map_load_and_delete(&numbers, 4, &got));
	EXPECT(!leat_map_delete(&numbers, 4));
	EXPECT_EQ(leat_map_len(&numbers), 0);
	leat_map_free(&by_name);
	leat_map_free(&numbers);
}

/* -- a value that cannot be made -- */

static std::atomic<int> tries{ 0 };

static long cannot()
{
	tries++;
	leat_sleep(LEAT_MILLISECOND);
	throw std::runtime_error("cannot");
}

static leat_once_value(long) never_made = LEAT_ONCE_VALUE(cannot);

static void asks_for_it(std::atomic<int> *caught)
{
	try {
		EXPECT_EQ(leat_once_get(&never_made), 0);
	} catch (const std::runtime_error &) {
		++*caught;
	}
	EXPECT(!std::uncaught_exceptions());
}

GO_TEST(who_asked_first_has_the_exception_the_others_zero, "R156")
{
	std::atomic<int> caught{ 0 };
	leat_wg all = {};

	for (int i = 0; i < 8; i++)
		leat_wg_go(&all, asks_for_it, &caught);
	leat_wg_wait(&all);
	EXPECT_EQ(tries.load(), 1);
	EXPECT_EQ(caught.load(), 1);
}

GO_TEST(a_semaphore_has_as_many_as_an_expression_says, "B.3")
{
	const bool many = leat_procs_get() > 0;
	leat_sema some = LEAT_SEMA(many ? 3 : 1);

	EXPECT(leat_sema_try_acquire(&some, 3));
	EXPECT(!leat_sema_try_acquire(&some, 1));
	leat_sema_release(&some, 3);
}

/* -- pools -- */

static void *new_string(void *text)
{
	return new std::string(static_cast<const char *>(text));
}

static void delete_string(void *string)
{
	delete static_cast<std::string *>(string);
}

GO_TEST(a_pool_makes_and_drops_objects, "pool")
{
	static leat_pool strings = LEAT_POOL(new_string, delete_string);
	char text[] = "a text that is too long to lie in the string itself";

	strings.arg = text;
	leat_pin();
	auto *one = static_cast<std::string *>(leat_pool_get(&strings));

	EXPECT(*one == text);
	leat_pool_put(&strings, one);
	EXPECT(leat_pool_get(&strings) == one);
	leat_pool_put(&strings, one);
	leat_unpin();
	leat_pool_free(&strings);
}

SUITE("cxx_sync")
