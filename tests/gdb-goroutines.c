/*
 * gdb-goroutines.c - goroutines in every state, for gdb-goroutines.sh to look at.
 */
#include "leat.h"

#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#define KEEP __attribute__((noinline, used))

static leat_chan(int) none, some;
static atomic_int stop, computing;

KEEP void everybody_waits(void)
{
	__asm__ volatile("" ::: "memory");
}

static KEEP void receives(int depth)
{
	int got;

	if (depth > 0)
		receives(depth - 1);
	else
		leat_recv(none, &got);
	__asm__ volatile("" ::: "memory");
}

static KEEP void selects(void)
{
	int got;

	leat_select(leat_on_recv(none, &got), leat_on_send(some, 1));
	__asm__ volatile("" ::: "memory");
}

static KEEP void computes(void)
{
	atomic_store(&computing, 1);
	while (!atomic_load(&stop))
		__asm__ volatile("" ::: "memory");
}

static int go_main(void)
{
	struct leat_attr attr = { .name = "reader" };

	none = leat_make(int, 0);
	some = leat_make(int, 4);
	for (int i = 0; i < 6; i++) {
		int got;

		if (i >= 4)
			leat_recv(some, &got);
		leat_send(some, i);
	}
	leat_go_with(&attr, receives, 2);
	leat_sleep(20 * LEAT_MILLISECOND);
	leat_go(selects);
	leat_sleep(20 * LEAT_MILLISECOND);
	leat_go(computes);
	while (!atomic_load(&computing))
		leat_sleep(LEAT_MILLISECOND);
	everybody_waits();
	atomic_store(&stop, 1);
	return 0;
}

int main(void)
{
	return leat_run(go_main);
}
