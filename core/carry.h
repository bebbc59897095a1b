/*
 * carry.h - what others keep in the thread, and a goroutine takes along.
 *
 *	                   in the thread            while it does not run
 *	errno              errno                    g->err
 *	C++ exceptions     __cxa_get_globals()      g->exceptions, if there are any
 *
 * An exception belongs to its thread while it is on its way (destructors) and
 * while it is caught (catch blocks); whoever waits in one of them goes on, perhaps
 * on another thread, with what it had.  The two words of the C++ runtime are those
 * of the Itanium C++ ABI, 2.2.2: the newest exception that is caught, and how many
 * are on their way.  A program without C++ has none, and shows zeros.
 *
 * A library of C++ that is loaded later, by a program without, is not seen.
 *
 * Both are reached by the thread itself, through addresses that it looked up when
 * it began; the compiler sees no thread-local variable here.
 */
#ifndef CORE_CARRY_H
#define CORE_CARRY_H

#include "core/m.h"

struct carry_exceptions {
	void *caught;
	unsigned on_their_way;
};

/* This thread's, for m. */
void carry_begin(struct m *m);

/* The rare cases: there are exceptions. */
COLD void carry_away(struct m *m, struct g *g);
COLD void carry_back(struct m *m, struct g *g);

/* Has what runs here caught any, or are there some on their way? */
static ALWAYS_INLINE bool carry_any(const struct m *m)
{
	return m->exceptions->caught || m->exceptions->on_their_way;
}

/* g, which runs here, is about to be left. */
static ALWAYS_INLINE void carry_from(struct m *m, struct g *g)
{
	g->err = *m->err;
	if (unlikely(carry_any(m)))
		carry_away(m, g);
}

/* It goes on here. */
static ALWAYS_INLINE void carry_to(struct m *m, struct g *g)
{
	*m->err = g->err;
	if (unlikely(g->excepted))
		carry_back(m, g);
}

/* How things are, and that they are as then: the newer ones are over, in the
 * goroutine that runs here. */
void carry_count(const struct m *m, void **caught, unsigned *on_their_way);
void carry_only(const void *caught, unsigned on_their_way);

#endif
