/*
 * wheel.h - deadlines in order: the timers of one P.
 *
 *	           pending: as they come, last in first; most are taken back
 *	              |     before anybody looks at them (wheel_settle)
 *	              v
 *	level 8 .. 1, 0      64 slots each; a slot of level n is as long as all
 *	 |||||||||||||||     of level n - 1.  A bit for each that is not empty
 *	              |
 *	              |      when the slot's time has come: to lower levels, and
 *	              v      from level 0, sorted, to
 *	             due     by nanoseconds: nothing comes before its time, and
 *	                     nothing before what is due earlier
 *
 * A deadline lies in the level of the highest digit, in base 64, in which its
 * tick differs from the wheel's: so a level is later than all below it, and the
 * first slot in use of the lowest level in use is what comes first.  Nine levels
 * of a microsecond's ticks reach further than 63 bits of nanoseconds do: there
 * is no list of what is too far away.
 *
 *	add, remove      O(1)
 *	expiry           each timer moves down at most once a level
 *	next             O(1)
 *
 * A slot is eight lists, which are filled in turn and gone through in turn: so a CPU
 * fetches eight timers at once, and does not wait for one to learn where the next
 * one is.  What was set long ago is in no cache.
 *
 * All of it is its owner's: no atomics.  Hierarchical wheel after Varghese and
 * Lauck (Hashed and hierarchical timing wheels, 1987); the pending list after
 * tokio's registration queue (RFC 7384); the sorted slot, which makes a wheel
 * exact, is ours.
 */
#ifndef CORE_WHEEL_H
#define CORE_WHEEL_H

#include "core/base.h"

#include <stdbool.h>
#include <stdint.h>

#define WHEEL_NEVER INT64_MAX

enum {
	WHEEL_DIGIT = 6,
	WHEEL_SLOTS = 1 << WHEEL_DIGIT,
	WHEEL_LEVELS = 9,
	WHEEL_WAYS = 8,  /* a line of pointers */
	WHEEL_TICK = 10, /* 2^10 ns */
};

/* One deadline, in at most one wheel; part of whatever it is for. */
struct spoke {
	struct spoke *next, **link; /* link: what points to it */
	int64_t when;               /* nanoseconds, not below 0 */
};

/* All zeroes is empty, at time 0. */
struct wheel {
	struct spoke *pending, *due;
	int64_t soonest; /* of the pending; not later than that */
	uint64_t tick;   /* no slot of an earlier one is in use */
	uint32_t levels; /* bit n: level n is in use */
	uint64_t used[WHEEL_LEVELS];
	uint32_t way; /* where the next one goes */
	_Alignas(64) struct spoke *slot[WHEEL_LEVELS][WHEEL_SLOTS][WHEEL_WAYS];
};

static ALWAYS_INLINE void wheel_link(struct spoke **list, struct spoke *s)
{
	s->next = *list;
	s->link = list;
	if (s->next)
		s->next->link = &s->next;
	*list = s;
}

static ALWAYS_INLINE void wheel_add(struct wheel *w, struct spoke *s,
				    int64_t when)
{
	s->when = when;
	if (!w->pending || when < w->soonest)
		w->soonest = when;
	wheel_link(&w->pending, s);
}

/* A list of a slot was left empty: its bit, if that was the last. */
void wheel_clear(struct wheel *w, struct spoke **list);

static ALWAYS_INLINE void wheel_remove(struct wheel *w, struct spoke *s)
{
	struct spoke **link = s->link;

	*link = s->next;
	if (s->next)
		s->next->link = link;
	else if (unlikely((uintptr_t)link - (uintptr_t)w->slot <
			  sizeof(w->slot)))
		wheel_clear(w, link);
}

/* The pending ones to their places. */
void wheel_settle(struct wheel *w);

/* One that is due at `now`, removed, the earliest first; NULL: none is. */
struct spoke *wheel_expire(struct wheel *w, int64_t now);

/* Nothing is due before this; WHEEL_NEVER: nothing at all is in it.  If a slot
 * holds few, it is the time of the first of them; else its beginning. */
int64_t wheel_next(const struct wheel *w);

/* Any one, removed, whenever it is due; NULL: it is empty. */
struct spoke *wheel_any(struct wheel *w);

#endif
