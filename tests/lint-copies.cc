/*
 * lint-copies.cc - what tools/leat-copies must find in C++, and what it must not.
 * Never linked.
 */
#include "leat.h"

struct queue {
	int n;
	leat_mutex mu;
};

class shared
{
      public:
	leat_wg wg;
	int n;
};

struct derived {
	derived(const derived &other) : mu(other.mu) /* found */
	{
	}
	leat_mutex mu;
};

/* Made of something else. */
struct server {
	explicit server(const queue &like) : n(like.n)
	{
	}
	leat_mutex mu = {};
	int n;
};

extern queue queues[2];
extern shared shareds[2];

void takes(queue q); /* found */
void looks(const queue &q);

queue gives()
{
	return queues[0]; /* found */
}

int copies()
{
	queue mine = queues[0];    /* found */
	shared theirs(shareds[1]); /* found */

	queues[0] = queues[1]; /* found */
	shareds[0] = theirs;   /* found */
	takes(mine);           /* found */
	return theirs.n;
}

int keeps()
{
	queue q{}, *at = &queues[1];
	queue &same = q;
	leat_mutex mu = {};
	server from(queues[0]);

	mu = {};
	mu = leat_mutex{};
	*at = queue{};
	looks(same);
	leat_mutex_lock(&mu);
	return same.n + shareds[0].n + from.n;
}
