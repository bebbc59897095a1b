/*
 * everybody.h - the same work by goroutines and by threads that are not the
 * runtime's, at once.
 */
#ifndef EVERYBODY_H
#define EVERYBODY_H

#include "leat.h"
#include "test.h"

#include <pthread.h>

enum { GOROUTINES = 6, THREADS = 2, ALL = GOROUTINES + THREADS };

struct worker {
	void (*work)(unsigned me);
	unsigned me;
	leat_wg *done;
};

static void run_worker(struct worker *w)
{
	w->work(w->me);
	leat_wg_done(w->done);
}

static void *run_thread(void *worker)
{
	run_worker(worker);
	return NULL;
}

/* work(0), work(1), ... at once, some of them on threads. */
static void everybody(void (*work)(unsigned me))
{
	struct worker w[ALL];
	pthread_t thread[THREADS];
	leat_wg done = { 0 };

	leat_wg_add(&done, ALL);
	for (unsigned i = 0; i < ALL; i++) {
		w[i] = (struct worker){ work, i, &done };
		if (i < THREADS)
			EXPECT_EQ(pthread_create(&thread[i], NULL, run_thread,
						 &w[i]),
				  0);
		else
			EXPECT_EQ(leat_go(run_worker, &w[i]), 0);
	}
	leat_wg_wait(&done);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
}

#endif
