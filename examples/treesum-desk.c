/*
 * treesum-desk.c - at most so many open files: a semaphore that hands over.
 *
 *	desk_take   a desk is free:   take it
 *	            none is:          join the queue and park
 *	desk_give   somebody waits:   give it to the first of the queue
 *	            nobody does:      put it on top of the free ones, where it
 *	                              is taken next, still in the cache
 *
 * Each goroutine in the queue parks in a WaitGroup of its own, which lives on
 * its stack and has one thing to wait for: a desk.  A flag guards the queue;
 * nobody parks while holding it, so it is held for a few instructions, and who
 * finds it taken lets the other goroutines of its P go first.
 */
#include "treesum.h"

#include "leat.h"

#include <sys/resource.h>

enum {
	DESKS = 64,
	OTHER_FDS = 16, /* the standard three, a pipe, the runtime's */
};

struct turn {
	leat_wg called;
	struct desk *desk;
	struct turn *next;
};

static struct {
	atomic_flag held;
	struct desk *free;
	struct turn *first, **last;
} desks = { .held = ATOMIC_FLAG_INIT, .last = &desks.first };

static void lock(void)
{
	/* [desk.lock] pairs with [desk.unlock]: both lists as left. */
	while (atomic_flag_test_and_set_explicit(&desks.held,
						 memory_order_acquire))
		leat_yield();
}

static void unlock(void)
{
	/* [desk.unlock] pairs with [desk.lock]: both lists are whole. */
	atomic_flag_clear_explicit(&desks.held, memory_order_release);
}

struct desk *desk_take(void)
{
	struct turn turn = { 0 };

	leat_wg_add(&turn.called, 1);
	lock();
	struct desk *desk = desks.free;
	if (desk) {
		desks.free = desk->next;
	} else {
		*desks.last = &turn;
		desks.last = &turn.next;
	}
	unlock();
	if (desk)
		return desk;
	leat_wg_wait(&turn.called);
	return turn.desk;
}

void desk_give(struct desk *desk)
{
	lock();
	struct turn *turn = desks.first;
	if (turn) {
		desks.first = turn->next;
		if (!desks.first)
			desks.last = &desks.first;
	} else {
		desk->next = desks.free;
		desks.free = desk;
	}
	unlock();
	if (turn) {
		turn->desk = desk;
		leat_wg_done(&turn->called);
	}
}

/* As many desks as the limit on descriptors allows, once raised. */
void desks_make(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < DESKS + OTHER_FDS) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
		getrlimit(RLIMIT_NOFILE, &limit);
	}
	rlim_t n = limit.rlim_cur > OTHER_FDS ? limit.rlim_cur - OTHER_FDS : 1;
	n = n < DESKS ? n : DESKS;
	struct desk *all = allocate(n * sizeof *all);
	for (rlim_t i = 0; i < n; i++) {
		all[i].next = desks.free;
		desks.free = &all[i];
	}
}
