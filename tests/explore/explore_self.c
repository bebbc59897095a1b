/*
 * explore_self.c - the explorer against itself: random programs, explored with
 * all reductions and with none, must end in the same ways.
 *
 *	reduction                          without
 *	known states are cut               every run goes to its end
 *	turns only at contended words      at every step
 *	stores are buffered silently       a turn before each
 *	a flush when somebody cares        whenever something is buffered
 *
 *	explore_self [FIRST [COUNT]]       seeds; 300 and 100
 */
#include "core/atomic.h"
#include "tests/explore/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPS = 4, WORDS = 3, THREADS = 3, ENDS = 4096 };
enum { LOAD, STORE = 2, ADD = 4, COMPARE, FENCE, ASYMMETRIC, KINDS };

static struct op {
	unsigned kind, word, value;
	enum explore_order order;
} program[THREADS][OPS];
static int ops[THREADS], users;
static _Atomic uint32_t word[WORDS];
static uint32_t result[THREADS][OPS];

static unsigned seed;

static unsigned below(unsigned n)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % n;
}

static void invent(unsigned from)
{
	static const enum explore_order orders[] = {
		EXPLORE_relaxed, EXPLORE_acquire, EXPLORE_release,
		EXPLORE_acq_rel, EXPLORE_seq_cst
	};

	seed = from * 2654435761u;
	users = below(3) ? 2 : 3;
	for (int t = 0; t < users; t++) {
		ops[t] = users == 2 ? 2 + below(3) : 1 + below(3);
		for (int i = 0; i < ops[t]; i++)
			program[t][i] = (struct op){
				.kind = below(KINDS),
				.word = below(2) + (below(8) == 0),
				.value = 1 + below(3) + 10 * (unsigned)t,
				.order = orders[below(5)],
			};
	}
}

static void step(struct op *o, uint32_t *out, uint32_t before)
{
	struct explore_site site = {
		.file = "", .verb = "", .text = "", .order = o->order
	};
	void *at = (void *)&word[o->word];

	switch (o->kind) {
	case LOAD:
	case LOAD + 1:
		explore_load(at, 4, out, &site);
		break;
	case STORE:
	case STORE + 1:
		explore_store(at, 4, &o->value, &site);
		break;
	case ADD:
		*out = o->value;
		explore_change(at, 4, out, EXPLORE_add, &site);
		break;
	case COMPARE:
		*out = before;
		if (explore_cas(at, 4, out, &o->value, &site))
			*out = 100;
		break;
	case ASYMMETRIC:
		site.order = o->value % 2 ? EXPLORE_heavy : EXPLORE_light;
		/* fall through */
	case FENCE:
		explore_fence(&site);
	}
}

static void run(void)
{
	int t = explore_self();

	for (int i = 0; i < ops[t]; i++)
		step(&program[t][i], &result[t][i], i ? result[t][i - 1] : 0);
}

static void init(void)
{
	memset((void *)word, 0, sizeof(word));
	memset(result, 0, sizeof(result));
}

/* The ways it can end: what was read, what is left. */
static uint64_t end[ENDS];
static int ends;

static void note_end(void)
{
	uint64_t h = 1;

	for (int t = 0; t < users; t++)
		for (int i = 0; i < ops[t]; i++)
			h = mix(h, result[t][i]);
	for (int i = 0; i < WORDS; i++)
		h = mix(h, word[i]);
	for (int i = 0; i < ends; i++)
		if (end[i] == h)
			return;
	ASSERT(ends < ENDS);
	end[ends++] = h;
}

static long runs[2];

/* A hash of the set of ends; 0 if it takes too long. */
static uint64_t explore(unsigned mode, bool without)
{
	struct explore_case c = { .name = "random",
				  .init = init,
				  .check = note_end,
				  .thread = { run, run },
				  .preemptions = EXPLORE_ANY };
	uint64_t sum = 0;
	bool exhausted;

	if (users == 3)
		c.thread[2] = run;
	plain = without;
	ends = 0;
	if (explore_mode(&c, mode, NULL, NULL, &exhausted) == FAILED ||
	    !exhausted)
		return 0;
	runs[without] += search_count.runs;
	for (int i = 0; i < ends; i++)
		sum += mix(end[i], 0);
	return mix(sum, (uint64_t)ends);
}

int main(int argc, char **argv)
{
	unsigned first = argc > 1 ? (unsigned)atoi(argv[1]) : 300;
	unsigned count = argc > 2 ? (unsigned)atoi(argv[2]) : 100;
	int passed = 0, failed = 0, left_out = 0;

	explore_seconds = 1;
	for (unsigned s = first; s < first + count; s++)
		for (unsigned mode = EXPLORE_SC; mode <= EXPLORE_WEAK;
		     mode *= 2) {
			invent(s);
			uint64_t with = explore(mode, false);
			uint64_t without = explore(mode, true);

			if (!with || !without)
				left_out++;
			else if (with == without)
				passed++;
			else {
				failed++;
				printf("FAIL seed %u in %s\n", s,
				       mode_name(mode));
			}
		}
	printf("random programs: %ld runs with reductions, %ld without, "
	       "%d too long\n",
	       runs[0], runs[1], left_out);
	printf("%d passed, %d failed\n", passed, failed);
	return failed != 0;
}
