/*
 * bench.h - a benchmark in C, which Google Benchmark runs in a goroutine.
 *
 *	BENCH(yield)
 *	{
 *		... set up ...
 *		bench_start(b);
 *		for (uint64_t i = 0; i < b->n; i++)
 *			leat_yield();
 *		bench_stop(b);
 *		... check the result, or bench_fail(b, "%d lost", lost) ...
 *	}
 *
 * Only the time between start and stop counts, read from CLOCK_MONOTONIC in
 * the goroutine itself; n grows from run to run until that time is long
 * enough to trust.  The same name stands in perf/go for the same program in
 * Go, and in perf/goals for what is asked of it.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bench {
	uint64_t n;       /* how many operations to do */
	int64_t begun;    /* when bench_start was called, ns */
	int64_t ns;       /* from start to stop; 0: not timed */
	double each;      /* see bench_each; 0: ns / n */
	char failed[128]; /* why, or empty */
};

struct bench_entry {
	const char *name;
	void (*run)(struct bench *b);
	bool once; /* n is 1, and one run is enough */
	struct bench_entry *next;
};

/* The names of this program, in the order of the link. */
extern struct bench_entry *bench_entries;
void bench_add(struct bench_entry *e);

#define BENCH(name)      BENCH_ENTRY_(name, false)
#define BENCH_ONCE(name) BENCH_ENTRY_(name, true)
#define BENCH_ENTRY_(name, once)                                        \
	static void name(struct bench *b);                              \
	__attribute__((constructor)) static void name##_add(void)       \
	{                                                               \
		static struct bench_entry e = { #name, name, once, 0 }; \
		bench_add(&e);                                          \
	}                                                               \
	static void name(struct bench *b)

static inline int64_t bench_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static inline void bench_start(struct bench *b)
{
	b->begun = bench_now();
}

/* May be called by another goroutine than bench_start. */
static inline void bench_stop(struct bench *b)
{
	b->ns = bench_now() - b->begun;
}

/* Report this figure instead of the time of one operation: bytes, or the
 * time of a piece where an operation is many. */
static inline void bench_each(struct bench *b, double value)
{
	b->each = value;
}

/* CPU time of the whole process, in ns. */
double bench_cpu(void);

/* Resident pages and page tables of the whole process, in bytes. */
double bench_resident(void);

/* That many percent of the n values are below it; sorts them. */
int64_t bench_percentile(int64_t *value, size_t n, double percent);

/* The i-th number of a fixed, even, irregular row (splitmix64), 63 bits. */
static inline int64_t bench_chance(uint64_t i)
{
	i = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
	i = (i ^ i >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	i = (i ^ i >> 27) * UINT64_C(0x94d049bb133111eb);
	return (int64_t)((i ^ i >> 31) >> 1);
}

/* The result is wrong: say so, and count the whole program as failed. */
__attribute__((format(printf, 2, 3))) void bench_fail(struct bench *b,
						      const char *format, ...);

/* A call that returns 0 unless the machine is too small: end here then. */
#define must(call) bench_must((call), #call)
void bench_must(int result, const char *call);

/* The shim, in C++: the flags are read before the runtime starts, and the
 * rest runs in a goroutine.  Returns how many failed. */
void shim_open(int *argc, char **argv);
int shim_run(int procs);

#ifdef __cplusplus
}
#endif

#endif
