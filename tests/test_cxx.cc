/*
 * test_cxx.cc - the public headers from C++17, and C++ code in goroutines.
 */
#include "leat.h"
#include "test.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <memory>
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

/* -- channels -- */

/* Whoever may use a channel when its maker lets go has a reference of its own:
 * a parameter named to, or questions. */

static_assert(
	!std::is_convertible<leat_chan(int), leat_sender(int)>() &&
		!std::is_convertible<leat_chan(int), leat_receiver(int)>(),
	"both ways become one way by their words only");
static_assert(
	!std::is_convertible<leat_sender(int), leat_chan(int)>() &&
		!std::is_convertible<leat_receiver(int), leat_chan(int)>(),
	"and never again both");
static_assert(!std::is_convertible<leat_chan(int), leat_chan(long)>(),
	      "elements have one type");

struct point {
	double x, y;
};

template <class T> static T sent_and_received(const T &value)
{
	auto c = leat_make(T, 1);
	T got;

	leat_send(c, value);
	EXPECT(leat_recv(c, &got));
	leat_release(c);
	return got;
}

GO_TEST(elements_of_many_types_pass, "R49 R50")
{
	std::string text = "its address";
	point p = sent_and_received(point{ 1.5, -2.5 });
	auto three = sent_and_received(std::array<int, 3>{ 7, 8, 9 });

	EXPECT(p.x == 1.5 && p.y == -2.5);
	EXPECT(three[0] == 7 && three[1] == 8 && three[2] == 9);
	EXPECT(sent_and_received(colour::RED) == colour::RED);
	EXPECT(sent_and_received(&text) == &text);
	EXPECT(sent_and_received(&answer)(6, 7) == 42);
	EXPECT_EQ(sent_and_received(true), 1);
	EXPECT_EQ(sent_and_received<signed char>(-3), -3);
	EXPECT_EQ(sent_and_received(INT64_MIN), INT64_MIN);
}

template <class T>
static void relay(typename leat_receiver(T) from, typename leat_sender(T) to)
{
	leat_range(value, from)
		leat_send(to, value);
	leat_close(to);
	leat_release(to);
}

GO_TEST(typed_ends_reach_a_function_made_from_a_template, "R53 R54 R58 R85")
{
	leat_chan(long) in = leat_make(long, 0), out = leat_make(long, 3);
	std::vector<long> got;
	leat_wg group = {};

	EXPECT_EQ(leat_wg_go(&group, relay<long>, leat_recv_end(in),
			     leat_send_end(leat_retain(out))),
		  0);
	for (long i = 1; i <= 3; i++)
		leat_send(in, i * i);
	leat_close(in);
	leat_range(square, out)
		got.push_back(square);
	EXPECT(got == (std::vector<long>{ 1, 4, 9 }));
	leat_wg_wait(&group);
	leat_release(in);
	leat_release(out);
}

static leat_receiver(int) count_from(leat_chan(int) c, int *calls)
{
	++*calls;
	return leat_recv_end(c);
}

GO_TEST(range_asks_for_its_channel_once, "R85")
{
	leat_chan(int) c = leat_make(int, 3);
	int calls = 0, sum = 0;

	for (int i = 1; i <= 3; i++)
		leat_send(c, i);
	leat_close(c);
	leat_range(value, count_from(c, &calls))
		sum += value;
	EXPECT_EQ(sum, 6);
	EXPECT_EQ(calls, 1);
	leat_release(c);
}

GO_TEST(operations_that_do_not_wait_say_what_they_did, "R63 R68 R69 X11")
{
	leat_chan(int) c = leat_make(int, 1);
	int got = 7;

	EXPECT_EQ(leat_try_recv(c, &got), -EAGAIN);
	EXPECT_EQ(got, 7);
	EXPECT_EQ(leat_offer(c, 1), 0);
	EXPECT_EQ(leat_try_send(c, 2), -EAGAIN);
	EXPECT_EQ(leat_len(c), 1);
	EXPECT_EQ(leat_cap(c), 1);
	EXPECT_EQ(leat_shut(c), 0);
	EXPECT_EQ(leat_shut(c), -EPIPE);
	EXPECT_EQ(leat_offer(c, 3), -EPIPE);
	EXPECT_EQ(leat_try_recv(c, &got), 0);
	EXPECT_EQ(got, 1);
	EXPECT_EQ(leat_try_recv(c, &got), -EPIPE);
	EXPECT_EQ(got, 0);
	EXPECT(!leat_recv(c, nullptr));
	leat_release(c);
}

static void send_all(leat_sender(long) to, const std::vector<long> *values)
{
	for (size_t sent = 0; sent < values->size();)
		sent += leat_send_n(to, values->data() + sent,
				    values->size() - sent);
	leat_close(to);
	leat_release(to);
}

GO_TEST(a_vector_goes_through_in_batches, "R61 R69")
{
	leat_chan(long) c = leat_make(long, 16);
	std::vector<long> values, got;
	std::array<long, 10> few;
	leat_wg group = {};

	for (long i = 0; i < 1000; i++)
		values.push_back(i * i);
	EXPECT_EQ(leat_wg_go(&group, send_all, leat_send_end(leat_retain(c)),
			     &values),
		  0);
	while (size_t n = leat_recv_n(c, few.data(), few.size()))
		got.insert(got.end(), few.begin(), few.begin() + n);
	EXPECT(got == values);
	leat_wg_wait(&group);
	leat_release(c);
}

static void produce(leat_sender(std::string *) to)
{
	for (const char *word : { "who", "owns", "it" })
		leat_send(to, new std::string(word));
	leat_close(to);
	leat_release(to);
}

GO_TEST(a_pointer_hands_over_what_it_owns, "R50 R51")
{
	leat_chan(std::string *) c = leat_make(std::string *, 0);
	std::string all;
	leat_wg group = {};

	EXPECT_EQ(leat_wg_go(&group, produce, leat_send_end(leat_retain(c))),
		  0);
	leat_range(word, c)
		all += *std::unique_ptr<std::string>(word);
	EXPECT_STR(all.c_str(), "whoownsit");
	leat_wg_wait(&group);
	leat_release(c);
}

struct question {
	int of;
	leat_sender(int) answer;
};

static void answerer(leat_receiver(question) questions)
{
	leat_range(q, questions) {
		leat_send(q.answer, q.of * 2);
		leat_release(q.answer);
	}
	leat_release(questions);
}

GO_TEST(a_channel_travels_in_a_channel, "R51")
{
	leat_chan(question) questions = leat_make(question, 0);
	leat_chan(int) mine = leat_make(int, 0);
	leat_wg group = {};
	int got = 0;

	EXPECT_EQ(leat_wg_go(&group, answerer,
			     leat_recv_end(leat_retain(questions))),
		  0);
	leat_send(questions, { 21, leat_send_end(leat_retain(mine)) });
	EXPECT(leat_recv(mine, &got));
	EXPECT_EQ(got, 42);
	leat_close(questions);
	leat_wg_wait(&group); /* it has references to both */
	leat_release(questions);
	leat_release(mine);
}

static void until_done(leat_receiver(leat_signal) done, leat_wg *group)
{
	EXPECT(!leat_recv(done, nullptr));
	leat_wg_done(group);
}

GO_TEST(a_close_reaches_everybody_who_waits_for_it, "R49 R78 R88")
{
	leat_chan(leat_signal) done = leat_make(leat_signal, 0);
	leat_wg group = {};

	leat_wg_add(&group, 100);
	for (int i = 0; i < 100; i++)
		EXPECT_EQ(leat_go(until_done, leat_recv_end(done), &group), 0);
	leat_close(done);
	leat_wg_wait(&group);
	leat_release(done);
}

/* -- time -- */

static std::atomic<int> later;

static void adds(int a, short b)
{
	later += a + b;
}

GO_TEST(functions_run_later, "R189 R191")
{
	leat_timer *t = leat_after_func(LEAT_HOUR, adds, 100, 1);
	leat_time_receiver c = leat_after(1000);
	leat_time when = 0;

	EXPECT(leat_recv(c, &when));
	EXPECT(when > 0);
	leat_release(c);
	EXPECT_EQ(leat_go_after(1, adds, 2, 3), 0);
	while (later < 5)
		leat_sleep(LEAT_MICROSECOND);
	EXPECT(leat_timer_stop(t));
	leat_timer_release(t);
	EXPECT_EQ(later, 5);
}

/* -- atomics -- */

static_assert(sizeof(leat_atomic_ptr(point)) == sizeof(point *) &&
		      alignof(leat_atomic_i64) == 8,
	      "in C++ as in C");

template <class A, class T> static void changes(T one, T other)
{
	A x = LEAT_ATOMIC(one);
	const A &same = x;

	EXPECT(leat_atomic_load(&same) == one);
	EXPECT(!leat_atomic_cas(&x, other, one));
	EXPECT(leat_atomic_cas(&x, one, other));
	EXPECT(leat_atomic_swap(&x, one) == other);
	leat_atomic_store(&x, other);
	EXPECT(leat_atomic_load(&same) == other);
}

template <class A, class T> static void computes()
{
	A x = {};

	changes<A, T>(3, static_cast<T>(-1));
	EXPECT(leat_atomic_add(&x, -1) == static_cast<T>(-1));
	EXPECT(leat_atomic_add(&x, 7) == 6);
	EXPECT(leat_atomic_and(&x, 3) == 6);
	EXPECT(leat_atomic_or(&x, 9) == 2);
	EXPECT(leat_atomic_load(&x) == 11);
}

TEST(atomics_of_every_type_do_the_same_in_cxx, "R175")
{
	static int a, b;

	computes<leat_atomic_i32, int32_t>();
	computes<leat_atomic_i64, int64_t>();
	computes<leat_atomic_u32, uint32_t>();
	computes<leat_atomic_u64, uint64_t>();
	computes<leat_atomic_uintptr, uintptr_t>();
	changes<leat_atomic_bool>(true, false);
	changes<leat_atomic_ptr(int)>(&a, &b);
	changes<leat_atomic_ptr(const int), const int *>(&a, nullptr);
}

static leat_atomic_i64 atomic_sum;

static void adds_up(int n)
{
	for (int i = 0; i < n; i++)
		leat_atomic_add(&atomic_sum, 1);
}

GO_TEST(an_atomic_loses_nothing, "R175")
{
	leat_wg group = {};

	for (int i = 0; i < 8; i++)
		EXPECT_EQ(leat_wg_go(&group, adds_up, 1000), 0);
	leat_wg_wait(&group);
	EXPECT_EQ(leat_atomic_load(&atomic_sum), 8000);
}

/* -- one call for all -- */

static leat_error makes_text(void *word, const char *key, void **value)
{
	leat_sleep(1000);
	*value = new std::string(key + *static_cast<std::string *>(word));
	return nullptr;
}

GO_TEST(a_landing_carries_an_object_that_is_deleted_once, "singleflight")
{
	std::string word = "7";
	leat_flight f = {};
	f.drop = [](void *text) { delete static_cast<std::string *>(text); };

	leat_landing *l = leat_flight_start(&f, "user", makes_text, &word);
	leat_landing *other = leat_flight_do(&f, "user", makes_text, &word);

	EXPECT(*static_cast<std::string *>(other->value) == "user7");
	EXPECT(!leat_recv(leat_landing_done(l), nullptr));
	leat_landing_release(l);
	leat_landing_release(other);
}

/* -- contexts -- */

static const struct leat_error_value tired = LEAT_ERROR("tired");

GO_TEST(a_context_ends_a_wait, "R118 R126")
{
	leat_ctx *ctx = leat_with_timeout(leat_background(), 1000);
	leat_ctx *other = leat_with_cancel(leat_background());
	leat_chan(int) c = leat_make(int, 1);
	leat_ctx_func *f = leat_ctx_after_func(other, adds, 10, 20);
	int got = 0;

	EXPECT_EQ(leat_recv_ctx(ctx, c, &got), -ECANCELED);
	EXPECT(leat_ctx_err(ctx) == LEAT_DEADLINE_EXCEEDED);
	EXPECT_EQ(leat_send_ctx(other, c, 5), 0);
	EXPECT_EQ(leat_recv_ctx(other, c, &got), 0);
	EXPECT_EQ(got, 5);
	leat_cancel_cause(other, &tired);
	EXPECT(leat_ctx_cause(other) == &tired);
	while (later < 30)
		leat_sleep(LEAT_MICROSECOND);
	leat_ctx_func_release(f);
	leat_ctx_release(other);
	leat_ctx_release(ctx);
	leat_release(c);
}

/* -- select -- */

GO_TEST(a_wait_has_an_end, "R107")
{
	leat_chan(int) c = leat_make(int, 1);
	int got = 0;

	EXPECT_EQ(leat_recv_until(c, &got, leat_after_now(1000)), -ETIMEDOUT);
	EXPECT_EQ(leat_send_until(c, 5, leat_after_now(1000)), 0);
	EXPECT_EQ(leat_send_until(c, 5, leat_after_now(1000)), -ETIMEDOUT);
	EXPECT_EQ(leat_select_until(leat_after_now(1000), leat_on_send(c, 6)),
		  -1);
	EXPECT_EQ(leat_select_first_until(LEAT_NEVER, leat_on_recv(c, &got)),
		  0);
	EXPECT_EQ(got, 5);
	leat_release(c);
}

GO_TEST(a_select_tells_which_case_happened, "R90 R91 R92 R98 R99")
{
	leat_chan(int) full = leat_make(int, 1), empty = leat_make(int, 1);
	leat_chan(int) nil = nullptr, shut = leat_make(int, 0);
	int got = 0;
	bool open = true;

	leat_send(full, 5);
	leat_close(shut);
	EXPECT_EQ(leat_try_select(), -1);
	EXPECT_EQ(leat_try_select(leat_on_recv(empty, &got),
				  leat_on_send(full, 6), leat_on_send(nil, 7)),
		  -1);
	EXPECT_EQ(
		leat_select(leat_on_recv(nil, &got), leat_on_recv(full, &got)),
		1);
	EXPECT_EQ(got, 5);
	EXPECT_EQ(leat_select(leat_on_recv_ok(shut, &got, &open),
			      leat_on_recv(full, nullptr)),
		  0);
	EXPECT(!open && got == 0);
	EXPECT_EQ(leat_select_first(leat_on_send(empty, 8),
				    leat_on_recv(shut, nullptr)),
		  0);
	EXPECT_EQ(leat_try_select_first(leat_on_send(empty, 9),
					leat_on_recv(empty, &got)),
		  1);
	EXPECT_EQ(got, 8);
	leat_release(full);
	leat_release(empty);
	leat_release(shut);
}

static void take_one(leat_receiver(point) from, point *to, leat_wg *group)
{
	for (int i = 0; i < 3; i++)
		leat_yield(); /* so that the select is asleep, or about to be */
	EXPECT_EQ(leat_select(leat_on_recv(from, to)), 0);
	leat_wg_done(group);
}

/* The value of the case is a temporary of the caller's. */
GO_TEST(what_a_sleeping_select_sends_lives_until_it_is_over, "R91 R93 R108")
{
	leat_chan(point) points = leat_make(point, 0);
	leat_chan(leat_signal) never = leat_make(leat_signal, 0);
	leat_wg group = {};
	point got = {};

	leat_wg_add(&group, 1);
	EXPECT_EQ(leat_go(take_one, leat_recv_end(points), &got, &group), 0);
	switch (leat_select(leat_on_recv(never, nullptr),
			    leat_on_send(points, { 0.5, 0.25 }))) {
	case 0:
		EXPECT(!"nobody sends this");
		break;
	case 1:
		break;
	}
	leat_wg_wait(&group);
	EXPECT(got.x == 0.5 && got.y == 0.25);
	leat_release(points);
	leat_release(never);
}

static void work_until_done(leat_receiver(int) work,
			    leat_receiver(leat_signal) done, long *sum,
			    leat_wg *group)
{
	for (int value;;) {
		switch (leat_select(leat_on_recv(work, &value),
				    leat_on_recv(done, nullptr))) {
		case 0:
			*sum += value;
			continue;
		case 1:
			leat_wg_done(group);
			return;
		}
	}
}

GO_TEST(a_worker_takes_work_until_it_is_told_to_stop, "R97 R105 R109")
{
	leat_chan(int) work = leat_make(int, 0);
	leat_chan(leat_signal) done = leat_make(leat_signal, 0);
	leat_wg group = {};
	std::vector<long> sum(4);
	long all = 0;

	leat_wg_add(&group, 4);
	for (long &mine : sum)
		EXPECT_EQ(leat_go(work_until_done, leat_recv_end(work),
				  leat_recv_end(done), &mine, &group),
			  0);
	for (int i = 1; i <= 1000; i++)
		leat_send(work, i);
	leat_close(done);
	leat_wg_wait(&group);
	for (long mine : sum)
		all += mine;
	EXPECT_EQ(all, 500500);
	leat_release(work);
	leat_release(done);
}

GO_TEST_DIES(a_case_that_sends_on_a_closed_channel_panics, "R100",
	     "send on closed channel")
{
	leat_chan(int) c = leat_make(int, 1);

	leat_close(c);
	leat_select(leat_on_send(c, 1));
}

SUITE("cxx")
