/*
 * test_words.c - last words that no other suite hears.  lint-deaths.sh sees to it that
 * each way to end has a test.
 */
#include "leat.h"

#include "test.h"
#include "traces.h"

#include <limits.h>
#include <pthread.h>

static int nothing(void)
{
	return 0;
}

TEST_DIES(a_main_that_is_nil_is_refused, "B.1",
	  "fatal error: leat_run of nil func value\n")
{
	leat_run_(NULL, NULL, 0, NULL);
}

/* -- inside a blocking call -- */

static void works(void)
{
	for (;;)
		leat_yield();
}

GO_TEST_DIES(who_blocks_may_not_call_the_runtime, "B.1",
	     "fatal error: a call into the runtime inside leat_block_enter\n")
{
	leat_procs_set(1);
	leat_go(works);
	leat_block_enter();
	usleep(100000); /* its P goes to who works */
	leat_yield();
}

GO_TEST_DIES(who_blocks_may_not_end, "B.1",
	     "fatal error: leat_goexit inside leat_block_enter\n")
{
	leat_block_enter();
	leat_goexit();
}

static intptr_t ends_the_bracket(void *unused)
{
	(void)unused;
	leat_block_exit();
	return 0;
}

GO_TEST_DIES(what_blocks_may_not_end_the_bracket, "B.1",
	     "fatal error: leat_block: the function called the runtime\n")
{
	leat_block(ends_the_bracket, NULL);
}

/* -- places -- */

GO_TEST_DIES(a_place_that_there_is_not_is_refused, "B.1",
	     "fatal error: leat_go_with: unknown place 99\n")
{
	struct leat_attr attr = { .place = (enum leat_place)99 };

	leat_go_with(&attr, nothing);
}

GO_TEST_DIES(pins_do_not_nest_for_ever, "B.1",
	     "fatal error: leat_pin: nested too deep\n")
{
	for (;;)
		leat_pin();
}

GO_TEST_DIES(locks_to_threads_do_not_nest_for_ever, "B.1",
	     "fatal error: leat_thread_lock: nested too deep\n")
{
	for (;;)
		leat_thread_lock();
}

TEST_DIES(the_number_of_Ps_is_set_by_goroutines, "B.1",
	  "fatal error: leat_procs_default: not in a goroutine\n")
{
	leat_procs_default();
}

/* -- handles -- */

GO_TEST_DIES(a_context_of_ones_own_has_operations, "B.1",
	     "fatal error: leat_ctx_custom: nil ops\n")
{
	leat_ctx_custom(NULL, NULL);
}

GO_TEST_DIES(a_function_of_a_context_is_not_nil, "B.1",
	     "fatal error: leat_ctx_func_stop: nil function\n")
{
	leat_ctx_func_stop(NULL);
}

/* What is gone may be somebody else's by now; if it is not yet, it is seen. */
static void not_under_a_sanitizer(void)
{
	if (test_under("asan") || test_under("tsan"))
		SKIP("a sanitizer says it first");
}

GO_TEST_DIES(a_channel_is_released_once, "B.1",
	     "fatal error: leat_release of a channel that was released before")
{
	leat_chan(int) c = leat_make(int, 1);

	not_under_a_sanitizer();
	leat_release(c);
	leat_release(c);
}

static leat_error gives(void *unused, const char *key, void **value)
{
	(void)unused;
	(void)key;
	*value = NULL;
	return NULL;
}

GO_TEST_DIES(a_landing_is_released_once, "B.1",
	     "fatal error: leat_landing_release: released more often than had")
{
	leat_flight flight = { 0 };
	leat_landing *l;

	not_under_a_sanitizer();
	l = leat_flight_do(&flight, "key", gives, NULL);
	leat_landing_release(l);
	leat_landing_release(l);
}

/* -- limits -- */

static intptr_t naps(void *unused)
{
	(void)unused;
	usleep(500000);
	return 0;
}

static void blocks(leat_wg *all)
{
	leat_block(naps, NULL);
	leat_wg_done(all);
}

static int blocks_often(void)
{
	leat_wg all = { 0 };

	EXPECT_EQ(leat_threads_max(0), 10000);
	EXPECT_EQ(leat_threads_max(8), 10000);
	EXPECT_EQ(leat_threads_max(-1), 8);
	leat_procs_set(2);
	leat_wg_add(&all, 100);
	for (int i = 0; i < 100; i++)
		leat_go(blocks, &all);
	leat_wg_wait(&all);
	return 0;
}

TEST(more_threads_than_allowed_are_the_end, "R12 B.1")
{
	int status;

	ends_with(blocks_often, "none", &status);
	EXPECT_EQ(WEXITSTATUS(status), 2);
	EXPECT_STR(text, "runtime: program exceeds 8-thread limit\n"
			 "fatal error: thread exhaustion\n");
}

TEST_DIES(a_thread_that_defers_needs_a_key, "B.1",
	  "fatal error: leat_defer: no key for this thread\n")
{
	pthread_key_t key;

	while (pthread_key_create(&key, NULL) == 0)
		;
	leat_defer(nothing);
}

static void not_under_an_emulator(void)
{
	if (test_under("qemu"))
		SKIP("it needs memory, too");
}

/* So much more address space from now on. */
static void limit_memory(size_t more)
{
	FILE *f = fopen("/proc/self/statm", "r");
	unsigned long pages = 0;
	struct rlimit limit;

	EXPECT(f && fscanf(f, "%lu", &pages) == 1);
	fclose(f);
	limit.rlim_cur = limit.rlim_max =
		pages * (unsigned long)sysconf(_SC_PAGESIZE) + more;
	EXPECT_EQ(setrlimit(RLIMIT_AS, &limit), 0);
}

static void *defers_without_memory(void *unused)
{
	limit_memory(0);
	for (size_t n = 1 << 20; n > 0; n /= 2)
		for (void *got = &n; got;) {
			got = malloc(n);
			__asm__ volatile("" ::"r"(got) : "memory");
		}
	leat_defer(nothing);
	return unused;
}

TEST_DIES(a_thread_that_defers_needs_memory, "B.1",
	  "fatal error: leat_defer: no memory for this thread\n")
{
	pthread_t thread;

	not_under_a_sanitizer();
	not_under_an_emulator();
	pthread_create(&thread, NULL, defers_without_memory, NULL);
	pthread_join(thread, NULL);
}

GO_TEST_DIES(a_select_of_many_needs_memory, "B.1",
	     "fatal error: select: no memory for 4000000 cases\n")
{
	enum { MANY = 4000000 };
	leat_chan(int) c = leat_make(int, 0);
	struct leat_case *cases;
	int got;

	not_under_a_sanitizer();
	not_under_an_emulator();
	leat_sleep(20 * MS); /* all threads have been started */
	cases = mmap(NULL, MANY * sizeof(*cases), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	EXPECT(cases != MAP_FAILED);
	cases[0] = leat_on_recv(c, &got);
	limit_memory(16 << 20);
	leat_select_(cases, MANY, 0);
}

/* -- without memory at the start -- */

static bool said[3];

static void start_without(const char *which, int n)
{
	static const char *const words[] = {
		"leat: no memory to start\n",
		"leat: no memory for 2 Ps\n",
		"leat: no memory for the main goroutine\n",
	};
	char faults[40];
	int status;

	snprintf(faults, sizeof(faults), "%s:%d", which, n);
	setenv("LEAT_FAIL", faults, 1);
	ends_with(nothing, "none", &status);
	for (int i = 0; i < 3; i++)
		if (strcmp(text, words[i]) == 0) {
			EXPECT_EQ(WEXITSTATUS(status), 2);
			said[i] = true;
		}
}

TEST(what_there_is_no_memory_for_at_the_start_is_said, "R30")
{
	setenv("LEAT_PROCS", "2", 1);
	for (int n = 1; n < 30; n++)
		start_without("map", n);
	for (int i = 0; i < 3; i++)
		EXPECT(said[i]);
}

SUITE("words")
