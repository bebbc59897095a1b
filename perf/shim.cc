/*
 * shim.cc - the C benchmarks, made known to Google Benchmark.
 *
 * Its own clock is not used: it would count the set-up, and it would read the
 * thread's CPU time in a goroutine that may have changed threads.
 */
#include "perf/bench.h"

#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <string>

static int failures;

static const char *verdict(const struct bench &b)
{
	if (b.failed[0])
		return b.failed;
	if (b.ns <= 0)
		return "nothing was timed";
	return nullptr;
}

static void measure(benchmark::State &state, const bench_entry *e)
{
	struct bench b = {};

	b.n = state.max_iterations;
	while (state.KeepRunningBatch(state.max_iterations))
		e->run(&b);

	if (const char *why = verdict(b)) {
		failures++;
		fprintf(stderr, "%s: %s\n", e->name, why);
		state.SkipWithError(why);
		return;
	}
	state.SetIterationTime((double)b.ns * 1e-9);
	if (b.each)
		state.counters["each"] = b.each;
}

void shim_open(int *argc, char **argv)
{
	benchmark::Initialize(argc, argv);
	if (benchmark::ReportUnrecognizedArguments(*argc, argv))
		exit(2);
}

int shim_run(int procs)
{
	for (const bench_entry *e = bench_entries; e; e = e->next) {
		auto *known = benchmark::RegisterBenchmark(e->name, measure, e);

		known->UseManualTime();
		if (e->once)
			known->Iterations(1);
	}
	benchmark::AddCustomContext("procs", std::to_string(procs));
	if (!benchmark::RunSpecifiedBenchmarks())
		failures++;
	benchmark::Shutdown();
	return failures;
}
