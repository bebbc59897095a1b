/*
 * bench_tree.c - trees of goroutines that wait for their children.
 *
 *	skynet     a root, 10, 100 ... 10^6 leaves, each with its number; the
 *	           sums go up.  After github.com/atemerev/skynet, with a
 *	           WaitGroup where that has a channel
 *	fib        fib(n) = fib(n-1) in a goroutine + fib(n-2) here
 *	fib_both   fib(n) = fib(n-1) in a goroutine + fib(n-2) in another
 *
 * One tree goes before the timed ones, so that all meet warm stacks.
 */
#include "perf/bench.h"

#include "leat.h"

static void skynet_node(uint64_t first, uint64_t size, uint64_t *sum,
			leat_wg *up)
{
	uint64_t part[10];
	leat_wg down = { 0 };

	*sum = first;
	if (size > 1) {
		leat_wg_add(&down, 10);
		for (int i = 0; i < 10; i++)
			must(leat_go(skynet_node, first + i * (size / 10),
				     size / 10, &part[i], &down));
		leat_wg_wait(&down);
		*sum = 0;
		for (int i = 0; i < 10; i++)
			*sum += part[i];
	}
	leat_wg_done(up);
}

static void skynet_tree(struct bench *b)
{
	uint64_t sum;
	leat_wg done = { 0 };

	leat_wg_add(&done, 1);
	skynet_node(0, 1000000, &sum, &done);
	if (sum != 499999500000)
		bench_fail(b, "the sum is %ju", (uintmax_t)sum);
}

BENCH(skynet)
{
	skynet_tree(b);
	bench_start(b);
	for (uint64_t i = 0; i < b->n; i++)
		skynet_tree(b);
	bench_stop(b);
}

enum { FIB_OF = 27, FIB = 196418 };

static int fork_one(int n);

static void fork_one_branch(int n, int *result, leat_wg *up)
{
	*result = fork_one(n);
	leat_wg_done(up);
}

static int fork_one(int n)
{
	int a, b;
	leat_wg down = { 0 };

	if (n < 2)
		return n;
	leat_wg_add(&down, 1);
	must(leat_go(fork_one_branch, n - 1, &a, &down));
	b = fork_one(n - 2);
	leat_wg_wait(&down);
	return a + b;
}

static void fork_both(int n, int *result, leat_wg *up)
{
	int a, b;
	leat_wg down = { 0 };

	*result = n;
	if (n >= 2) {
		leat_wg_add(&down, 2);
		must(leat_go(fork_both, n - 1, &a, &down));
		must(leat_go(fork_both, n - 2, &b, &down));
		leat_wg_wait(&down);
		*result = a + b;
	}
	leat_wg_done(up);
}

static int fork_both_root(int n)
{
	int result;
	leat_wg done = { 0 };

	leat_wg_add(&done, 1);
	fork_both(n, &result, &done);
	return result;
}

static void fib_check(struct bench *b, int result)
{
	if (result != FIB)
		bench_fail(b, "fib(%d) is %d", FIB_OF, result);
}

BENCH(fib)
{
	fib_check(b, fork_one(FIB_OF));
	bench_start(b);
	for (uint64_t i = 0; i < b->n; i++)
		fib_check(b, fork_one(FIB_OF));
	bench_stop(b);
}

BENCH(fib_both)
{
	fib_check(b, fork_both_root(FIB_OF));
	bench_start(b);
	for (uint64_t i = 0; i < b->n; i++)
		fib_check(b, fork_both_root(FIB_OF));
	bench_stop(b);
}
