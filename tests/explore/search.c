/*
 * search.c - depth first through all turns, each reached by running again.
 *
 *	turn    0   1   2   3   4   5
 *	of      2   3   2   2   2   2
 *	taken   0   2   1   0   1   1       the next run takes
 *	        0   2   1   1               turn 3, forgets 4 and 5
 *
 * A run is cut where it reaches a state that another run has been in with as
 * many preemptions left.  States are compared by a hash of the partial order
 * of the steps that led there: same order of dependent steps, same state (as
 * CHESS does; Musuvathi and Qadeer, PLDI 2007).  This is sound as long as
 * threads share only what explore.h allows; two of 10^6 states collide in one
 * of 10^5 programs.
 */
#include "tests/explore/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct turn {
	unsigned char of, taken;
	char code;
} turn[STEPS];
static int turns, at; /* known so far; reached in this run */
static const char *script;
struct search_count search_count;

/* States seen: the hash's upper bits, and below them how many preemptions
 * were left. */
enum { FIRST_BITS = 12, LAST_BITS = 25, LEFT = 255 };
static uint64_t *seen;
static int bits;

static void forget_states(void)
{
	free(seen);
	bits = FIRST_BITS;
	seen = calloc(1ul << bits, sizeof(*seen));
	if (!seen)
		abort();
}

void search_begin(const char *replay)
{
	turns = at = 0;
	script = replay;
	search_count = (struct search_count){ 0 };
	forget_states();
}

void search_run(void)
{
	at = 0;
	search_count.runs++;
}

bool search_next(void)
{
	for (turns = at; turns > 0; turns--) {
		struct turn *t = &turn[turns - 1];

		if (++t->taken < t->of)
			return true;
	}
	return false;
}

bool search_fresh(void)
{
	return at >= turns && !script;
}

static int scripted(int n, const char *code)
{
	if (!*script)
		return 0;
	for (int i = 0; i < n; i++)
		if (*script == code[i]) {
			script++;
			return i;
		}
	threads_fail("the schedule says '%c' where '%.*s' is possible", *script,
		     n, code);
}

int search_pick(int n, const char *code)
{
	if (n == 1)
		return 0;
	if (at == STEPS)
		threads_fail("more than %d turns", STEPS);
	struct turn *t = &turn[at];

	if (script)
		*t = (struct turn){ n, scripted(n, code), 0 };
	else if (at >= turns) {
		*t = (struct turn){ n, 0, 0 };
		turns = at + 1;
	} else if (t->of != n)
		threads_fail("the case is not the same from run to run");
	t->code = code[t->taken];
	at++;
	return t->taken;
}

const char *search_schedule(void)
{
	static char text[STEPS + 1];

	for (int i = 0; i < at; i++)
		text[i] = turn[i].code;
	text[at] = 0;
	return text;
}

static uint64_t *slot(uint64_t key)
{
	uint64_t mask = (1ul << bits) - 1, i = key >> (64 - bits);

	while (seen[i] && (seen[i] ^ key) > LEFT)
		i = (i + 1) & mask;
	return &seen[i];
}

static void grow(void)
{
	uint64_t *old = seen, n = 1ul << bits;

	bits++;
	seen = calloc(1ul << bits, sizeof(*seen));
	if (!seen)
		abort();
	for (uint64_t i = 0; i < n; i++)
		if (old[i])
			*slot(old[i]) = old[i];
	free(old);
}

bool search_known(uint64_t key, int left)
{
	if (plain)
		return false;

	uint64_t tag = (key & ~(uint64_t)LEFT) | (unsigned)left;
	uint64_t *s = slot(tag);

	if (*s && (*s & LEFT) >= (unsigned)left)
		return true;
	if (!*s) {
		if (bits == LAST_BITS && search_count.states >> (bits - 1))
			return false; /* full: nothing is cut any more */
		search_count.states++;
	}
	*s = tag;
	if (bits < LAST_BITS && search_count.states >> (bits - 1))
		grow();
	return false;
}
