/*
 * unit_switch.c - a switch keeps what it must and publishes what it says.
 *
 *	thread        to_routine -->  arch_start
 *	                                arch_begin
 *	                                call.fn(six words)
 *	                       <--        to_thread
 *	              to_routine -->
 *	                       <--      arch_end(result)
 *
 * The thread sanitizer has to be told of a switch, and of the stores that the
 * switch makes; its functions are weak here and absent in other builds.
 */
#include "core/atomic.h"

#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>

#ifdef __x86_64__
#include "unit_switch_x86_64.h"
#else
#include "unit_switch_aarch64.h"
#endif

#include "test.h"

#define WEAK     __attribute__((weak))
#define NOINLINE __attribute__((noinline))

WEAK void *__tsan_get_current_fiber(void);
WEAK void *__tsan_create_fiber(unsigned flags);
WEAK void __tsan_switch_to_fiber(void *fiber, unsigned flags);
WEAK void __tsan_release(void *addr);

struct side {
	struct arch_context context;
	void *fiber;
	uint64_t nothing; /* where a switch stores that has nothing to say */
};

static struct side thread, routine;
static struct arch_call call;
static void *begun;
static uint64_t result;
static _Alignas(16) char stack[1 << 16];

NOINLINE static void *go_to(struct side *from, struct side *to, void *with,
			    void *addr, uint64_t value)
{
	arch_control_keep(&from->context, &to->context);
	a_store(&to->context.live, 1, relaxed);
	if (__tsan_switch_to_fiber) {
		__tsan_release(&from->context.live);
		__tsan_release(addr);
		__tsan_switch_to_fiber(to->fiber, 0);
	}
	return arch_switch(&from->context, &to->context, with, addr, value);
}

static void to_routine(void)
{
	go_to(&thread, &routine, &call, &thread.nothing, 0);
}

static void to_thread(void)
{
	go_to(&routine, &thread, NULL, &routine.nothing, 0);
}

struct arch_call *arch_begin(void *with)
{
	begun = with;
	return &call;
}

void arch_end(uintptr_t value)
{
	result = value;
	to_thread();
	abort();
}

static void this_side(struct side *s)
{
	a_store(&s->context.live, 1, relaxed);
	s->fiber = __tsan_get_current_fiber ? __tsan_get_current_fiber() : NULL;
}

static void prepare(void (*fn)(void))
{
	this_side(&thread);
	call.fn = fn;
	arch_context_init(&routine.context, stack + sizeof stack);
	routine.fiber = __tsan_create_fiber ? __tsan_create_fiber(0) : NULL;
}

static uint64_t digits(uint64_t a, uint64_t b, uint64_t c, uint64_t d,
		       uint64_t e, uint64_t f)
{
	return ((((a * 10 + b) * 10 + c) * 10 + d) * 10 + e) * 10 + f;
}

TEST(six_words_arrive_and_the_result_comes_back, "arch")
{
	prepare((void (*)(void))digits);
	for (int i = 0; i < 6; i++)
		call.arg[i] = (uintptr_t)i + 1;
	to_routine();
	EXPECT_EQ(result, 123456);
	EXPECT(begun == &call);
}

static uint64_t lost_there;

static void keep_registers(void)
{
	lost_there |= registers_lost(to_thread, 0xfeed0000);
	lost_there |= registers_lost(to_thread, 0xbeef0000);
}

TEST(registers_are_kept_on_both_sides, "arch")
{
	prepare(keep_registers);
	EXPECT_EQ(registers_lost(to_routine, 0x1000), 0);
	EXPECT_EQ(registers_lost(to_routine, 0x2000), 0);
	EXPECT_EQ(registers_lost(to_routine, 0x3000), 0);
	EXPECT_EQ(lost_there, 0);
}

/* More than fits in registers, of each kind, computed on one side of a switch
 * and used on the other.  All small integers: the sum is exact. */
NOINLINE static long double hold(const uint64_t *n, void (*hop)(void))
{
	long double p = n[0], q = p + n[1], r = q + n[2], s = r + n[3];
	double t = n[4], u = t + n[5], v = u + n[6], w = v + n[7];
	uint64_t a = n[8], b = a + n[9], c = b + n[10], d = c + n[11],
		 e = d + n[12], f = e + n[13], g = f + n[14], h = g + n[15];

	if (hop == to_routine)
		arch_switch(&thread.context, &routine.context, &thread,
			    &thread.nothing, 0);
	else
		arch_switch(&routine.context, &thread.context, NULL,
			    &routine.nothing, 0);
	return p + q + r + s + t + u + v + w + a + b + c + d + e + f + g + h;
}

static uint64_t numbers[2][16];
static long double held_there;

static void hold_there(void)
{
	held_there = hold(numbers[1], to_thread);
}

TEST(values_that_the_compiler_holds_are_kept, "arch")
{
	if (__tsan_switch_to_fiber)
		SKIP("bare switches are hidden from the thread sanitizer");
	for (uint64_t i = 0; i < 16; i++) {
		numbers[0][i] = 1;
		numbers[1][i] = 100;
	}
	prepare(hold_there);
	EXPECT(hold(numbers[0], to_routine) == 4 * 5 / 2 * 2 + 8 * 9 / 2);
	to_routine();
	EXPECT(held_there == 100 * (4 * 5 / 2 * 2 + 8 * 9 / 2));
}

/* Bit 0: double is rounded up; bit 1: long double is. */
NOINLINE static int rounded_up(void)
{
	volatile double one = 1, tiny = 0x1p-200;
	volatile long double One = 1, Tiny = 0x1p-200L;

	return (one + tiny > 1) | (One + Tiny > 1) << 1;
}

static int up_there[3];

static void round_there(void)
{
	up_there[0] = rounded_up();
	round_up();
	to_thread();
	up_there[1] = rounded_up();
	to_thread();
	up_there[2] = rounded_up();
}

TEST(a_rounding_mode_stays_with_its_context, "arch")
{
	prepare(round_there);
	to_routine();
	EXPECT_EQ(up_there[0], 0);
	EXPECT_EQ(rounded_up(), 0);
	to_routine();
	EXPECT_EQ(up_there[1], 3);
	EXPECT_EQ(rounded_up(), 0);
	round_up();
	to_routine();
	EXPECT_EQ(up_there[2], 3);
	EXPECT_EQ(rounded_up(), 3);
}

TEST(each_control_word_is_noticed_alone, "arch")
{
	for (int word = 0; word < CONTROL_WORDS; word++) {
		prepare(round_there);
		round_up_one(word);
		int up = rounded_up();
		EXPECT(up != 0);
		to_routine();
		EXPECT_EQ(up_there[0], 0);
		EXPECT_EQ(rounded_up(), up);
	}
}

static long double zero, infinite;

static void divide_there(void)
{
	volatile long double one = 1;

	infinite = one / zero;
	to_thread();
}

TEST(an_exception_flag_is_no_exception_elsewhere, "arch")
{
	volatile long double one = 1;

	prepare(divide_there);
	trap_division();
	to_routine();
	one = one + one;
	EXPECT(infinite > 1 && one == 2);
}

static uint32_t live_there;
static uint64_t word_there;
static uint64_t word;

static void look(uint64_t *addr)
{
	for (;;) {
		live_there = a_load(&thread.context.live, relaxed);
		word_there = *addr;
		to_thread();
	}
}

TEST(the_switch_clears_live_and_stores_the_value, "arch")
{
	uint64_t local = 5;

	prepare((void (*)(void))look);
	call.arg[0] = (uintptr_t)&word;
	go_to(&thread, &routine, NULL, &word, 0x123456789abcdef0);
	EXPECT_EQ(live_there, 0);
	EXPECT_EQ(word_there, 0x123456789abcdef0);
	EXPECT_EQ(a_load(&routine.context.live, relaxed), 0);
	EXPECT_EQ(a_load(&thread.context.live, relaxed), 1);
	go_to(&thread, &routine, NULL, &local, 6);
	EXPECT_EQ(word_there, 0x123456789abcdef0);
	EXPECT_EQ(local, 6);
}

/*
 * A page that cannot be written stops a switch at the store it is at:
 *
 *	| pc sp fp ...   | live ...       | word           |
 *	  may be written   not yet          not yet
 */
struct stop {
	void *at, *sp;
	struct arch_context seen;
};

static struct arch_context *early;
static struct stop stops[2];
static int stopped;

/* Look, spoil what the switch must have read by now, and let it go on. */
static void look_on(int number, siginfo_t *info, void *ucontext)
{
	char *page = (char *)((uintptr_t)info->si_addr & -getpagesize());

	(void)number;
	if (stopped == 2)
		_exit(1);
	stops[stopped].at = info->si_addr;
	stops[stopped].sp = stopped_sp(ucontext);
	memcpy(&stops[stopped].seen, early,
	       offsetof(struct arch_context, live));
	stopped++;
	routine.context.pc = routine.context.sp = routine.context.fp = NULL;
	mprotect(page, getpagesize(), PROT_READ | PROT_WRITE);
}

static void return_early(void)
{
	arch_switch(&routine.context, early, NULL, &routine.nothing, 0);
}

static char *map_pages(int n)
{
	return mmap(NULL, n * getpagesize(), PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void watch_stores(void)
{
	static char signal_stack[1 << 16];
	stack_t there = { .ss_sp = signal_stack,
			  .ss_size = sizeof signal_stack };
	struct sigaction act = { .sa_sigaction = look_on,
				 .sa_flags = SA_SIGINFO | SA_ONSTACK };

	sigaltstack(&there, NULL);
	sigaction(SIGSEGV, &act, NULL);
}

TEST(the_stores_come_last, "arch")
{
	if (__tsan_switch_to_fiber)
		SKIP("bare switches are hidden from the thread sanitizer");
	char *pages = map_pages(3), *live = pages + getpagesize();
	uint64_t *stored = (uint64_t *)(live + getpagesize());

	early = (void *)(live - offsetof(struct arch_context, live));
	prepare(return_early);
	watch_stores();
	mprotect(live, 2 * getpagesize(), PROT_NONE);
	arch_switch(early, &routine.context, NULL, stored, 9);
	EXPECT_EQ(stopped, 2);
	EXPECT(stops[0].at == live);
	EXPECT(stops[1].at == stored);
	EXPECT_EQ(*stored, 9);
	for (int i = 0; i < 2; i++) {
		EXPECT(stops[i].sp == stack + sizeof stack);
		EXPECT(stops[i].seen.pc == early->pc && early->pc);
		EXPECT(stops[i].seen.sp == early->sp && early->sp);
		EXPECT(stops[i].seen.fp == early->fp && early->fp);
	}
}

TEST(a_switch_to_oneself_returns, "arch")
{
	this_side(&thread);
	EXPECT(go_to(&thread, &thread, &word, &word, 7) == &word);
	EXPECT_EQ(word, 7);
}

static uintptr_t frame_there, bottom_there;

/* Alignment by the ABI, and the chain of frames that ends in zero. */
NOINLINE static void measure(void)
{
	_Alignas(16) volatile char aligned[16] = { 0 };
	void **frame = __builtin_frame_address(0);

	frame_there = (uintptr_t)frame | (uintptr_t)aligned;
	bottom_there = (uintptr_t)*frame;
}

TEST(a_stack_is_aligned_and_its_chain_ends, "arch")
{
	prepare(measure);
	to_routine();
	EXPECT_EQ(frame_there % 16, 0);
	EXPECT_EQ(bottom_there, 0);
}

/* A leaf: with optimization its array lies below the stack pointer. */
NOINLINE static int red_zone_lost(void)
{
	volatile unsigned char z[120];
	int lost = 0;

	for (int i = 0; i < (int)sizeof z; i++)
		z[i] = (unsigned char)(i ^ 0x55);
	arch_switch(&thread.context, &routine.context, NULL, &thread.nothing,
		    0);
	for (int i = 0; i < (int)sizeof z; i++)
		lost += z[i] != (unsigned char)(i ^ 0x55);
	return lost;
}

TEST(a_leaf_function_may_switch, "arch")
{
	if (__tsan_switch_to_fiber)
		SKIP("no function is a leaf under the thread sanitizer");
	prepare(to_thread);
	EXPECT_EQ(red_zone_lost(), 0);
}

enum { ROUNDS = 2000 };

static _Atomic uint64_t turn;
static uint64_t visits, strangers;

/* Counts in its own frame, on two threads in turn; whoever reads `turn` finds
 * it saved. */
static void shuttle(void)
{
	struct side *back = begun;
	uint64_t n = 0;

	for (;;) {
		uint64_t next = !a_load(&turn, relaxed);
		visits = ++n;
		strangers += arch_self() != back;
		back = go_to(&routine, back, NULL, &turn, next);
	}
}

static void *ride(void *arg)
{
	struct side here;
	uint64_t mine = (uintptr_t)arg;

	this_side(&here);
	arch_self_set(&here);
	for (uint64_t i = 0; i < test_count(ROUNDS); i++) {
		for (int spins = 0; a_load(&turn, acquire) != mine; spins++)
			spins < 100 ? cpu_relax() : (void)sched_yield();
		go_to(&here, &routine, &here, &here.nothing, 0);
	}
	return NULL;
}

TEST(a_context_goes_on_upon_another_thread, "arch")
{
	pthread_t other;

	prepare(shuttle);
	EXPECT(arch_self() == NULL);
	EXPECT_EQ(pthread_create(&other, NULL, ride, (void *)1), 0);
	ride((void *)0);
	EXPECT_EQ(pthread_join(other, NULL), 0);
	EXPECT_EQ(visits, 2 * test_count(ROUNDS));
	EXPECT_EQ(strangers, 0);
}

static void bounce(void)
{
	for (;;)
		to_thread();
}

/* In the kernel's strict mode any call but read, write and exit kills. */
static void switch_strictly(void)
{
	if (prctl(PR_SET_SECCOMP, 1) != 0)
		_exit(TEST_SKIPPED);
	for (int i = 0; i < 1000; i++)
		to_routine();
	syscall(SYS_exit, 0);
}

TEST(a_switch_makes_no_system_call, "arch")
{
	int status;
	pid_t child;

	if (__tsan_switch_to_fiber)
		SKIP("the thread sanitizer has threads of its own");
	prepare(bounce);
	child = fork();
	if (child == 0)
		switch_strictly();
	EXPECT_EQ(waitpid(child, &status, 0), child);
	EXPECT(WIFEXITED(status));
	if (WEXITSTATUS(status) == TEST_SKIPPED)
		SKIP("no strict mode here");
	EXPECT_EQ(WEXITSTATUS(status), 0);
}

SUITE("switch")
