/*
 * lint-copies.c - what tools/leat-copies must find, and what it must not.  Never
 * linked.
 */
#include "leat.h"

struct queue {
	int n;
	leat_mutex mu;
};

typedef struct {
	struct queue q[2];
} box;

struct holder {
	struct {
		leat_wg wg;
	} in;
	long n;
};

struct plain {
	leat_mutex *mu;
	leat_time at;
};

/* What it points to is not in it. */
struct list {
	struct node {
		leat_mutex mu;
	} * head;
	long n;
};
static leat_once_value(long) unused;
typedef struct list list;

extern struct queue queues[2];
extern box boxes[2];
extern struct holder holders[2];
extern struct plain plains[2];
extern list lists[2];
extern leat_atomic_i64 counts[2];
extern leat_once_value(long) first;

void takes(struct queue q);             /* found */
void takes_const(const struct queue q); /* found */
void looks(const struct queue *q);
void takes_plain(struct plain p);

struct queue gives(void)
{
	return queues[0]; /* found */
}

long copies(const leat_rwmutex *rw)
{
	leat_rwmutex mine = *rw; /* found */
	box inner = boxes[0];    /* found */
	struct queue *at = &queues[0];

	queues[0] = queues[1];                         /* found */
	*at = inner.q[1];                              /* found */
	takes(*at);                                    /* found */
	holders[0] = *(1 ? &holders[1] : &holders[0]); /* found */
	counts[0] = counts[1];                         /* found */
	return mine.state > 0;
}

long keeps(void)
{
	struct queue q = { 0 }, *at = &queues[1];
	struct plain p = plains[0];
	leat_mutex mu;
	leat_sema sema = LEAT_SEMA(3);

	mu = (leat_mutex){ 0 };
	q = (struct queue){ .n = 1 };
	*at = (struct queue){ 0 };
	q = ((struct queue){ .n = 2 });
	plains[1] = p;
	lists[0] = lists[1];
	{
		struct local {
			leat_mutex mu;
		} local = { 0 };

		(void)&local;
	}
	takes_plain(p);
	looks(&q);
	leat_mutex_lock(&mu);
	leat_sema_acquire(&sema, 1);
	leat_atomic_store(&counts[0], leat_atomic_load(&counts[1]));
	(void)*at;
	(void)sizeof(*at);
	return leat_once_get(&first) + holders[0].n + !unused.once_.state;
}
