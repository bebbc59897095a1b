/*
 * wheel.c - deadlines move down the levels until their time has come.
 *
 *	tick of the wheel     .. 5 | 12 | 60        digits in base 64
 *	a deadline            .. 5 | 13 |  7        differs in digit 1: level 1,
 *	                                            slot 13
 *
 * The first slot in use, when its time has come, becomes the wheel's tick: what
 * is in it agrees with that in one digit more, and moves to a lower level.
 */
#include "core/wheel.h"

#include <stddef.h>
#include <string.h>

enum {
	RUNS = 40, /* of 2^n timers: more than memory holds */
	FEW = 8,
};

static uint64_t tick_of(int64_t when)
{
	return (uint64_t)when >> WHEEL_TICK;
}

static uint64_t digit(uint64_t tick, int level)
{
	return tick >> level * WHEEL_DIGIT & (WHEEL_SLOTS - 1);
}

/* -- in order -- */

/* Of two with the same deadline the one of a goes first. */
static struct spoke *merge(struct spoke *a, struct spoke *b)
{
	struct spoke *list, **end = &list;

	while (a && b) {
		struct spoke **first = b->when < a->when ? &b : &a;

		*end = *first;
		end = &(*first)->next;
		*first = *end;
	}
	*end = a ? a : b;
	return list;
}

/* What is in order already, cut from the front of the list. */
static struct spoke *run(struct spoke **list)
{
	struct spoke *first = *list, *last = first;

	while (last->next && last->next->when >= last->when)
		last = last->next;
	*list = last->next;
	last->next = NULL;
	return first;
}

/* By deadline.  A natural merge sort: what was in order costs one pass. */
static struct spoke *sorted(struct spoke *list)
{
	struct spoke *runs[RUNS] = { NULL };
	struct spoke *all = NULL;

	while (list) {
		struct spoke *one = run(&list);
		int n = 0;

		for (; n < RUNS - 1 && runs[n]; n++) {
			one = merge(runs[n], one);
			runs[n] = NULL;
		}
		runs[n] = merge(runs[n], one);
	}
	for (int n = 0; n < RUNS; n++)
		all = merge(runs[n], all);
	return all;
}

/* -- places -- */

void wheel_clear(struct wheel *w, struct spoke **list)
{
	size_t i = (size_t)(list - w->slot[0][0]) / WHEEL_WAYS;
	size_t level = i / WHEEL_SLOTS;

	list = w->slot[level][i % WHEEL_SLOTS];
	for (int way = 0; way < WHEEL_WAYS; way++)
		if (list[way])
			return;
	w->used[level] &= ~(1ull << i % WHEEL_SLOTS);
	if (w->used[level] == 0)
		w->levels &= ~(1u << level);
}

/* Those whose tick has been opened join the ones that are next. */
static void add_due(struct wheel *w, struct spoke *late)
{
	struct spoke **link = &w->due;

	if (!late)
		return;
	for (struct spoke *s = merge(w->due, sorted(late)); s; s = s->next) {
		s->link = link;
		*link = s;
		link = &s->next;
	}
}

static void put(struct wheel *w, struct spoke *s, uint64_t tick)
{
	int level = (63 - __builtin_clzll(tick ^ w->tick)) / WHEEL_DIGIT;
	uint64_t slot = digit(tick, level);

	wheel_link(&w->slot[level][slot][w->way++ % WHEEL_WAYS], s);
	w->used[level] |= 1ull << slot;
	w->levels |= 1u << level;
}

/* One of each list in turn; the next one of it is fetched meanwhile. */
static void put_all(struct wheel *w, struct spoke **list)
{
	struct spoke *late = NULL;
	bool more;

	do {
		more = false;
		for (int way = 0; way < WHEEL_WAYS; way++) {
			struct spoke *s = list[way];
			uint64_t tick;

			if (!s)
				continue;
			more = true;
			tick = tick_of(s->when);
			list[way] = s->next;
			__builtin_prefetch(s->next);
			if (tick > w->tick) {
				put(w, s, tick);
			} else {
				s->next = late;
				late = s;
			}
		}
	} while (more);
	add_due(w, late);
}

void wheel_settle(struct wheel *w)
{
	struct spoke *list[WHEEL_WAYS] = { w->pending };

	w->pending = NULL;
	put_all(w, list);
}

/* The first slot in use: its level, or -1, and where it is; *tick: when it
 * begins. */
static int first(const struct wheel *w, int *slot, uint64_t *tick)
{
	int level, shift;

	if (w->levels == 0)
		return -1;
	level = __builtin_ctz(w->levels);
	shift = level * WHEEL_DIGIT;
	*slot = __builtin_ctzll(w->used[level]);
	/* Its digits above are the wheel's, those below are 0. */
	*tick = (w->tick >> shift >> WHEEL_DIGIT << WHEEL_DIGIT |
		 (uint64_t)*slot)
		<< shift;
	return level;
}

/* -- time passes -- */

/* The first slot, if its time has come. */
static bool open_slot(struct wheel *w, uint64_t until)
{
	struct spoke *list[WHEEL_WAYS];
	uint64_t tick;
	int slot, level = first(w, &slot, &tick);

	if (level < 0 || tick > until) {
		if (until > w->tick)
			w->tick = until;
		return false;
	}
	w->tick = tick;
	memcpy(list, w->slot[level][slot], sizeof(list));
	memset(w->slot[level][slot], 0, sizeof(list));
	wheel_clear(w, w->slot[level][slot]);
	put_all(w, list);
	return true;
}

struct spoke *wheel_expire(struct wheel *w, int64_t now)
{
	struct spoke *s;

	if (w->pending && w->soonest <= now)
		wheel_settle(w);
	for (;;) {
		s = w->due;
		if (s && s->when > now)
			return NULL;
		if (s) {
			wheel_remove(w, s);
			return s;
		}
		if (!open_slot(w, tick_of(now)))
			return NULL;
	}
}

/* The first of a slot that begins at `start`. */
static int64_t first_of(struct spoke *const *list, int64_t start)
{
	int64_t least = WHEEL_NEVER;
	int n = 0;

	for (int way = 0; way < WHEEL_WAYS; way++)
		for (const struct spoke *s = list[way]; s; s = s->next) {
			if (n++ == FEW)
				return start;
			if (s->when < least)
				least = s->when;
		}
	return least;
}

int64_t wheel_next(const struct wheel *w)
{
	int64_t next = w->pending ? w->soonest : WHEEL_NEVER;
	int64_t other = WHEEL_NEVER;
	uint64_t tick;
	int slot, level;

	if (w->due)
		other = w->due->when;
	else if ((level = first(w, &slot, &tick)) >= 0)
		other = first_of(w->slot[level][slot],
				 (int64_t)(tick << WHEEL_TICK));
	return other < next ? other : next;
}

struct spoke *wheel_any(struct wheel *w)
{
	struct spoke *s = w->pending ? w->pending : w->due;
	uint64_t tick;
	int slot, level;

	if (!s && (level = first(w, &slot, &tick)) >= 0)
		for (int way = 0; way < WHEEL_WAYS && !s; way++)
			s = w->slot[level][slot][way];
	if (s)
		wheel_remove(w, s);
	return s;
}
