/*
 * test_idle.c - what it costs when there is nothing to do, and how soon work
 * is taken up when it comes.
 */
#include "leat.h"

#include "measure.h"
#include "test.h"

#include <dirent.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

#define MS 1000000ll

static int64_t cpu_ns(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return (r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000 * MS +
	       (r.ru_utime.tv_usec + r.ru_stime.tv_usec) * 1000;
}

static void sleep_ns(int64_t ns)
{
	struct timespec t = { ns / 1000000000, ns % 1000000000 };

	while (nanosleep(&t, &t) != 0)
		;
}

/* -- nothing to do -- */

static struct {
	leat_wg ready, gate, gone;
	int parked;
	bool locked;           /* each has a thread of its own */
	int64_t settle, watch; /* ns */
	double permille, most; /* of a CPU */
} idle;

static void parks(void)
{
	if (idle.locked)
		leat_thread_lock();
	leat_wg_done(&idle.ready);
	leat_wg_wait(&idle.gate);
	if (idle.locked)
		leat_thread_unlock();
	leat_wg_done(&idle.gone);
}

enum { WINDOWS = 8 };

/* A thread of its own, so that all goroutines wait.  Some window is to show it:
 * what else goes on in the machine makes the same work dearer. */
static void *watches(void *unused)
{
	sleep_ns(idle.settle);
	idle.permille = 1000;
	for (int i = 0; i < WINDOWS && idle.permille >= idle.most; i++) {
		int64_t used = cpu_ns(), start = now_ns();

		sleep_ns(idle.watch);
		used = cpu_ns() - used;

		double part = 1000. * (double)used / (double)(now_ns() - start);

		if (part < idle.permille)
			idle.permille = part;
	}
	leat_wg_done(&idle.gate);
	return unused;
}

static int all_wait(void)
{
	pthread_t id;

	leat_wg_add(&idle.ready, idle.parked);
	leat_wg_add(&idle.gone, idle.parked);
	leat_wg_add(&idle.gate, 1);
	for (int i = 0; i < idle.parked; i++)
		EXPECT_EQ(leat_go(parks), 0);
	leat_wg_wait(&idle.ready);
	if (idle.locked)
		leat_thread_lock();
	pthread_create(&id, NULL, watches, NULL);
	leat_wg_wait(&idle.gate);
	if (idle.locked)
		leat_thread_unlock();
	pthread_join(id, NULL);
	leat_wg_wait(&idle.gone);
	return 0;
}

/* While all wait, of a CPU, in parts in a thousand. */
static bool uses_less(double most, enum leat_idle how, int parked)
{
	struct leat_options options = { .idle = how };

	if (!test_under("release") && !test_under("lto"))
		SKIP("what the tool uses is not ours");
	idle.parked = parked;
	idle.most = most;
	unsetenv("LEAT_IDLE");
	EXPECT_EQ(leat_run_with(&options, all_wait), 0);
	printf("%.3f %% of a CPU ", idle.permille / 10);
	return idle.permille < most;
}

TEST(a_hundred_thousand_that_wait_use_little_CPU, "R7 R18")
{
	/* Their stacks are looked at, once, some thousands a second. */
	idle.settle = 500 * MS;
	idle.watch = 1000 * MS;
	EXPECT(uses_less(1, LEAT_IDLE_PARK, 100000));
}

TEST(parked_Ps_use_no_CPU, "R18")
{
	idle.settle = 4000 * MS;
	idle.watch = 1000 * MS;
	EXPECT(uses_less(1, LEAT_IDLE_PARK, 1000));
}

TEST(adaptive_Ps_use_next_to_no_CPU, "R18")
{
	idle.settle = 500 * MS;
	idle.watch = 1000 * MS;
	EXPECT(uses_less(10, LEAT_IDLE_ADAPTIVE, 1000));
}

/* A thread that waits for the one goroutine that may run on it sleeps, too. */
TEST(locked_goroutines_that_wait_use_no_CPU, "R18 R20")
{
	idle.locked = true;
	idle.settle = 4000 * MS;
	idle.watch = 1000 * MS;
	EXPECT(uses_less(1, LEAT_IDLE_PARK, 10));
}

TEST(nor_do_adaptive_ones, "R18 R20")
{
	idle.locked = true;
	idle.settle = 1000 * MS;
	idle.watch = 500 * MS;
	EXPECT(uses_less(10, LEAT_IDLE_ADAPTIVE, 10));
}

/* -- who never sleeps -- */

/* Threads that have a CPU or want one, but for the caller. */
static int awake(void)
{
	DIR *tasks = opendir("/proc/self/task");
	int n = 0;

	for (struct dirent *e; tasks && (e = readdir(tasks));) {
		char path[300], state = 0;
		FILE *f;

		snprintf(path, sizeof path, "/proc/self/task/%s/stat",
			 e->d_name);
		f = fopen(path, "r");
		if (f && fscanf(f, "%*d (%*[^)]) %c", &state) == 1)
			n += state == 'R';
		if (f)
			fclose(f);
	}
	if (tasks)
		closedir(tasks);
	return n - 1;
}

enum { SAMPLES = 20 };

static int samples_awake;

static void *samples(void *unused)
{
	sleep_ns(20 * MS);
	for (int i = 0; i < SAMPLES; i++) {
		samples_awake += awake() > 0;
		sleep_ns(5 * MS);
	}
	leat_wg_done(&idle.gate);
	return unused;
}

static int waits(void)
{
	pthread_t id;

	leat_wg_add(&idle.gate, 1);
	pthread_create(&id, NULL, samples, NULL);
	leat_wg_wait(&idle.gate);
	pthread_join(id, NULL);
	return 0;
}

TEST(spinning_Ps_do_not_sleep, "R18")
{
	struct leat_options options = { .idle = LEAT_IDLE_SPIN };

	unsetenv("LEAT_IDLE");
	EXPECT_EQ(leat_run_with(&options, waits), 0);
	EXPECT(samples_awake >= SAMPLES * 9 / 10);
}

TEST(spinning_may_be_asked_for_from_outside, "R18")
{
	setenv("LEAT_IDLE", "spin", 1);
	EXPECT_EQ(leat_run(waits), 0);
	EXPECT(samples_awake >= SAMPLES * 9 / 10);
}

TEST(parking_may_be_asked_for_from_outside, "R18")
{
	struct leat_options options = { .idle = LEAT_IDLE_SPIN };

	setenv("LEAT_IDLE", "park", 1);
	EXPECT_EQ(leat_run_with(&options, waits), 0);
	EXPECT(samples_awake <= SAMPLES / 2); /* sysmon, now and then */
}

/* -- work comes -- */

enum { TIMES = 101 };

static int64_t took[TIMES];

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int64_t median_of(int64_t *t, int n)
{
	qsort(t, (size_t)n, sizeof *t, by_value);
	printf("median %lld us, worst %lld us ", (long long)t[n / 2] / 1000,
	       (long long)t[n - 1] / 1000);
	return t[n / 2];
}

static leat_wg bell;
static _Atomic int64_t rung;
static atomic_int answered;

static void *rings(void *unused)
{
	for (int i = 0; i < TIMES; i++) {
		while (atomic_load(&answered) < i)
			sleep_ns(100000);
		sleep_ns(1 * MS); /* all Ps go to sleep */
		atomic_store(&rung, now_ns());
		leat_wg_done(&bell);
	}
	return unused;
}

GO_TEST(an_idle_P_wakes_when_a_thread_brings_work, "R18 R31")
{
	pthread_t id;

	leat_wg_add(&bell, 1);
	pthread_create(&id, NULL, rings, NULL);
	for (int i = 0; i < TIMES; i++) {
		leat_wg_wait(&bell);
		took[i] = now_ns() - atomic_load(&rung);
		leat_wg_add(&bell, 1);
		atomic_store(&answered, i + 1);
	}
	EXPECT(median_of(took, TIMES) < 5 * MS * test_slow());
	pthread_join(id, NULL);
}

static void starts_at(int64_t *when, int64_t ns, leat_wg *group)
{
	*when = now_ns();
	burn(ns);
	leat_wg_done(group);
}

/* One on each CPU, each on an idle P but the first. */
GO_TEST(runnable_goroutines_run_at_once_on_idle_Ps, "R18 R19")
{
	enum { ROUNDS = 21 };
	int64_t started[2], late[ROUNDS];

	if (leat_cpu_count() < 2)
		SKIP("one CPU");
	leat_procs_set(2);
	for (int round = 0; round < ROUNDS; round++) {
		leat_wg group = { 0 };

		leat_wg_add(&group, 2);
		leat_block_enter();
		sleep_ns(2 * MS); /* the other P goes to sleep */
		leat_block_exit();

		int64_t start = now_ns();

		for (int i = 0; i < 2; i++)
			leat_go(starts_at, &started[i], 10 * MS, &group);
		leat_wg_wait(&group);
		late[round] = started[0] > started[1] ? started[0] : started[1];
		late[round] -= start;
	}
	/* One after the other, the second would be 10 ms late. */
	EXPECT(median_of(late, ROUNDS) < 5 * MS);
}

static void spawns_while_computing(int64_t *started, leat_wg *group)
{
	leat_go(starts_at, started, 0, group);
	burn(20 * MS); /* never lets it run here */
	leat_wg_done(group);
}

GO_TEST(who_computes_does_not_keep_what_it_spawned, "R18 R19 R27")
{
	enum { ROUNDS = 11 };
	int64_t late[ROUNDS];

	if (leat_cpu_count() < 2)
		SKIP("one CPU");
	leat_procs_set(2);
	for (int round = 0; round < ROUNDS; round++) {
		leat_wg group = { 0 };
		int64_t start = now_ns();

		leat_wg_add(&group, 2);
		leat_go(spawns_while_computing, &late[round], &group);
		leat_wg_wait(&group);
		late[round] -= start;
	}
	EXPECT(median_of(late, ROUNDS) < 8 * MS);
}

/* -- no system calls -- */

static volatile sig_atomic_t calls, last_call;

static void on_call(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	calls++;
	last_call = info->si_syscall;
}

/* From now on a system call of this thread is a signal, but for those with
 * which a test ends. */
static void watch_system_calls(void)
{
	enum { NR = offsetof(struct seccomp_data, nr) };
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NR),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof filter / sizeof *filter, filter };
	struct sigaction action = { .sa_sigaction = on_call,
				    .sa_flags = SA_SIGINFO };

	sigaction(SIGSYS, &action, NULL);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		SKIP("no seccomp");
}

static void yields(int n, leat_wg *group)
{
	while (n-- > 0)
		leat_yield();
	leat_wg_done(group);
}

static void pings(leat_wg *mine, leat_wg *other, int n, leat_wg *group)
{
	while (n-- > 0) {
		leat_wg_wait(mine);
		leat_wg_add(mine, 1);
		leat_wg_done(other);
	}
	leat_wg_done(group);
}

/* What goroutines do all day: spawn, yield, wait, wake, end. */
static void all_day(int n)
{
	leat_wg group = { 0 }, a = { 0 }, b = { 0 };

	leat_wg_add(&group, 12);
	for (int i = 0; i < 10; i++)
		leat_go(yields, n, &group);
	leat_wg_add(&b, 1);
	leat_go(pings, &a, &b, n, &group);
	leat_go(pings, &b, &a, n, &group);
	leat_wg_wait(&group);
	for (int i = 0; i < n; i++) {
		leat_wg_add(&group, 1);
		leat_go(yields, 1, &group);
		leat_wg_wait(&group);
	}
	for (int i = 0; i < n; i++) {
		leat_pin();
		leat_block_enter();
		leat_block_exit();
		leat_unpin();
	}
}

GO_TEST(no_system_call_is_made_while_there_is_work, "R16")
{
	if (test_under("asan") || test_under("tsan") || test_under("qemu"))
		SKIP("others make system calls here");
	leat_procs_set(1);
	all_day(1000); /* stacks, caches, the first touch of pages */
	watch_system_calls();
	all_day(1000);
	if (calls > 0)
		printf("%d calls, the last is number %d ", (int)calls,
		       (int)last_call);
	fflush(stdout);
	_exit(calls > 0);
}

SUITE("idle")
