/*
 * carry.c - errno and exceptions, from thread to thread.
 *
 * The C++ runtime is asked by weak references: nothing of it is linked for the
 * sake of these, and a program that has none has zeros.
 */
#include "core/carry.h"

#include "core/os.h"

/* Of the Itanium C++ ABI. */
struct carry_exceptions *__cxa_get_globals(void) __attribute__((weak));
void __cxa_end_catch(void) __attribute__((weak));

static struct carry_exceptions none; /* of all threads: not to be written */

void carry_begin(struct m *m)
{
	m->err = os_errno_here();
	m->exceptions = __cxa_get_globals ? __cxa_get_globals() : &none;
}

void carry_away(struct m *m, struct g *g)
{
	g->caught = m->exceptions->caught;
	g->on_their_way = m->exceptions->on_their_way;
	g->excepted = true;
	*m->exceptions = (struct carry_exceptions){ NULL, 0 };
}

void carry_back(struct m *m, struct g *g)
{
	m->exceptions->caught = g->caught;
	m->exceptions->on_their_way = g->on_their_way;
	g->excepted = false;
}

void carry_count(const struct m *m, void **caught, unsigned *on_their_way)
{
	*caught = m->exceptions->caught;
	*on_their_way = m->exceptions->on_their_way;
}

static __attribute__((noinline)) struct carry_exceptions *here(void)
{
	return ((struct m *)arch_self())->exceptions;
}

/* A destructor may wait: ask again where it runs. */
void carry_only(const void *caught, unsigned on_their_way)
{
	while (here()->caught && here()->caught != caught && __cxa_end_catch)
		__cxa_end_catch();
	if (here()->on_their_way != on_their_way)
		here()->on_their_way = on_their_way;
}
