/*
 * explore_runq_four.c - explore_runq.c with a ring of 4: a grab takes two.
 */
#define RUNQ_CAP 4u
#include "tests/explore/explore_runq.c"
