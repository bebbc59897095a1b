/*
 * go.h - starting goroutines, for the rest of the library.
 */
#ifndef CORE_GO_H
#define CORE_GO_H

#include "leat/go.h"

struct m;

/* The number of the main goroutine. */
enum { GO_MAIN = 1 };

/* What is run, inside the runtime, when the goroutine ends in whatever way, on its
 * own stack with all its frames in place: with what its function returned, or 0.
 * It may leave the runtime and enter it again, or yield, and returns where the
 * goroutine runs then. */
typedef struct m *go_end_fn(struct m *m, void *arg, uintptr_t result);

struct go_end {
	go_end_fn *f; /* NULL: nothing */
	void *arg;
};

struct go_extra {
	struct go_end end;
	const void *site; /* where in the program; NULL: unknown */
	bool main;        /* the first of all */
	bool last;        /* behind all that wait for its P */
	uint64_t parent;  /* who wanted it, if it is not who starts it */
};

/* leat_go_ with all there is; a and extra may be NULL. */
int go_start(const struct leat_attr *a, const struct go_extra *extra,
	     leat_fn_ *fn, int argc, const uintptr_t *argv);

/* The same by who is inside, perhaps in the scheduler: m is not to be entered
 * nor left.  m may be NULL. */
int go_start_inside(struct m *m, const struct go_extra *extra, leat_fn_ *fn,
		    int argc, const uintptr_t *argv);

/* The main goroutine's function returned. */
void go_main_ended(int result);

#endif
