/*
 * bench.c - the benchmark program: one runtime, every benchmark in it.
 *
 *	main --> shim_open        the flags of Google Benchmark
 *	     --> leat_run(run)    the main goroutine, on a stack like any
 *	             '--> all     8 MiB: Google Benchmark and its C++ library
 *	                  '--> shim_run --> each benchmark
 *
 * The runtime starts once in a process, so LEAT_PROCS and the other settings
 * hold for all benchmarks of a run; the report starts one process a figure.
 */
#include "perf/bench.h"

#include "leat.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

struct bench_entry *bench_entries;

void bench_add(struct bench_entry *e)
{
	struct bench_entry **end = &bench_entries;

	while (*end)
		end = &(*end)->next;
	*end = e;
}

void bench_fail(struct bench *b, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(b->failed, sizeof(b->failed), format, args);
	va_end(args);
}

void bench_must(int result, const char *call)
{
	if (!result)
		return;
	fprintf(stderr, "%s: %s\n", call, strerror(-result));
	exit(1);
}

static void all(leat_wg *done, int *failed)
{
	*failed = shim_run(leat_procs_get());
	leat_wg_done(done);
}

static int run(void)
{
	static const struct leat_attr roomy = { .name = "benchmarks",
						.stack = 8 << 20 };
	leat_wg done = { 0 };
	int failed;

	leat_wg_add(&done, 1);
	must(leat_go_with(&roomy, all, &done, &failed));
	leat_wg_wait(&done);
	return failed ? 1 : 0;
}

int main(int argc, char **argv)
{
	shim_open(&argc, argv);
	return leat_run(run);
}

/* -- figures -- */

double bench_resident(void)
{
	double bytes = 0;
	unsigned long kib;
	char line[128];
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmRSS: %lu", &kib) == 1 ||
		    sscanf(line, "VmPTE: %lu", &kib) == 1)
			bytes += (double)kib * 1024;
	if (f)
		fclose(f);
	return bytes;
}

double bench_cpu(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e9 +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e3;
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

int64_t bench_percentile(int64_t *value, size_t n, double percent)
{
	size_t i = (size_t)((double)n * percent / 100);

	qsort(value, n, sizeof(*value), by_value);
	return value[i < n ? i : n - 1];
}
