/*
 * lists.h - what channels mean, on plain lists: does an order explain what
 * happened?
 *
 *	list      goes(l, o)                     by itself: a send into a buffer
 *	1 2       meets(l, o, p)                 two at one instant, without one
 *	          explains(l)                    one after the other, backtracking
 *	          stuck(l)                       and nobody waits for what is there
 *
 * After Wing and Gong (Testing and verifying concurrent objects, 1993): a
 * search through the orders that keep each thread's own, and, in timed cases,
 * that of operations which did not overlap.  Part of channels.h.
 */
#ifndef LISTS_H
#define LISTS_H

struct lists {
	uint64_t value[CHANS][VALUES];
	int len[CHANS];
	bool shut[CHANS];
	int done[THREADS]; /* operations of each thread */
};

static int chan_of(const struct way *w)
{
	return w->c == c ? 0 : 1;
}

static bool can_now(const struct lists *l, const struct way *w)
{
	int i = chan_of(w);

	if (l->shut[i])
		return true;
	return w->sends ? l->len[i] < (int)w->c->ring.cap : l->len[i] > 0;
}

static const struct op *next_op(const struct lists *l, int t)
{
	return l->done[t] < count[t] ? &history[t][l->done[t]] : NULL;
}

/* Everything that had ended before o began is done. */
static bool in_time(const struct lists *l, const struct op *o)
{
	for (int t = 0; timed && t < THREADS; t++) {
		const struct op *before = next_op(l, t);

		if (before && before != o && before->ended &&
		    before->end < o->begin)
			return false;
	}
	return true;
}

/* o by itself, as it says that it went; false: that cannot be. */
static bool goes(struct lists *l, const struct op *o)
{
	const struct way *w = &o->way[o->did];
	int i = chan_of(w);

	if (o->did == NONE) {
		for (int k = 0; k < o->n; k++)
			if (can_now(l, &o->way[k]))
				return false;
		return true;
	}
	if (o->n == 0) {
		bool was = l->shut[i];

		l->shut[i] = true;
		return o->ok == !was;
	}
	if (!can_now(l, w))
		return false;
	if (w->sends) {
		if (l->shut[i])
			return !o->ok;
		l->value[i][l->len[i]++] = w->value;
		return o->ok;
	}
	if (l->len[i] == 0)
		return !o->ok && w->value == 0;
	if (!o->ok || w->value != l->value[i][0])
		return false;
	l->len[i]--;
	for (int k = 0; k < l->len[i]; k++)
		l->value[i][k] = l->value[i][k + 1];
	return true;
}

/* Two at one instant, without a buffer: may a send and b receive? */
static bool fits(const struct lists *l, const struct way *a,
		 const struct way *b)
{
	return a->c == b->c && a->sends && !b->sends && !l->shut[chan_of(a)] &&
	       a->c->ring.cap == 0;
}

static bool meets(const struct lists *l, const struct op *a, const struct op *b)
{
	return a->n && b->n && a->did >= 0 && b->did >= 0 && a->ok && b->ok &&
	       fits(l, &a->way[a->did], &b->way[b->did]) &&
	       a->way[a->did].value == b->way[b->did].value;
}

/* Those who wait in the end: none has what it waits for. */
static bool stuck(const struct lists *l)
{
	for (int t = 0; t < THREADS; t++) {
		const struct op *o = next_op(l, t);

		for (int k = 0; o && k < o->n; k++) {
			if (can_now(l, &o->way[k]))
				return false;
			for (int u = 0; u < THREADS; u++) {
				const struct op *p = next_op(l, u);

				for (int j = 0; p && p != o && j < p->n; j++)
					if (fits(l, &o->way[k], &p->way[j]))
						return false;
			}
		}
	}
	return true;
}

static bool explains(const struct lists *l);

/* The next operation of thread t, then all others. */
static bool step_of(const struct lists *l, int t, const struct op *o)
{
	struct lists after = *l;

	after.done[t]++;
	if (goes(&after, o) && explains(&after))
		return true;
	for (int u = 0; u < THREADS; u++) {
		const struct op *p = next_op(l, u);

		if (u == t || !p || !p->ended || !in_time(l, p) ||
		    !meets(l, o, p))
			continue;
		after = *l;
		after.done[t]++;
		after.done[u]++;
		if (explains(&after))
			return true;
	}
	return false;
}

static bool explains(const struct lists *l)
{
	bool more = false;

	for (int t = 0; t < THREADS; t++) {
		const struct op *o = next_op(l, t);

		if (!o || !o->ended)
			continue;
		more = true;
		if (in_time(l, o) && step_of(l, t, o))
			return true;
	}
	return !more && stuck(l);
}

#endif
