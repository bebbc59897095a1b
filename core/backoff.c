/*
 * backoff.c - a wait for a line that somebody else needs as much.
 */
#include "core/backoff.h"

#include "core/base.h"
#include "core/m.h"

static void pause_for(uint32_t n)
{
	while (n-- > 0)
		a_spin();
}

COLD void backoff(void)
{
	struct m *m = arch_self();
	struct backoff *b;
	uint64_t now;

	if (unlikely(!m)) {
		pause_for(BACKOFF_FIRST);
		return;
	}
	b = &m->backoff;
	now = cpu_ticks();
	if (now - b->since > BACKOFF_SOON * b->span)
		b->pauses = BACKOFF_FIRST;
	else if (b->pauses < BACKOFF_MOST)
		b->pauses *= 2;
	pause_for(b->pauses);
	b->since = cpu_ticks();
	b->span = b->since - now;
}
