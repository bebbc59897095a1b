/*
 * time.c - the clock, and sleep.
 *
 * Nobody can stop a sleeper's timer.
 */
#include "leat/time.h"

#include "core/clock.h"
#include "core/due.h"
#include "core/fake.h"
#include "core/os.h"
#include "core/park.h"

leat_time leat_now(void)
{
	return clock_now();
}

leat_duration leat_until(leat_time t)
{
	int64_t now = clock_now();

	if (t == LEAT_NEVER)
		return LEAT_NEVER;
	return t < now - LEAT_NEVER ? -LEAT_NEVER : t - now;
}

leat_duration leat_since(leat_time t)
{
	return -leat_until(t);
}

leat_time leat_after_now(leat_duration d)
{
	int64_t now = clock_now();

	return d > LEAT_NEVER - now ? LEAT_NEVER : now + d;
}

SANITIZE_SWITCHES static void sleep_here(struct m *m, leat_time t)
{
	struct timer spare;

	timer_sleep(&m_p(m)->timers, &spare, m->g, t);
	/* Others may run here, and long. */
	if (p_waiting(m_p(m)) > 0)
		due_tell(t);
	m_leave(park(m, G_SLEEP, &m->scratch, 0));
}

static void sleep_fake(leat_time t)
{
	struct fake_wait w;

	fake_wait_begin(&w, t);
	while (clock_now() < t)
		os_sleep(FAKE_LOOK_NS);
	fake_wait_end(&w);
}

/* On a thread of its own. */
static void sleep_there(leat_time t)
{
	static _Atomic uint32_t never;

	if (unlikely(clock_is_fake)) {
		sleep_fake(t);
		return;
	}
	while (clock_now() < t)
		os_futex_wait(&never, 0, t);
}

void leat_sleep_until(leat_time t)
{
	struct m *m;

	if (t <= clock_now())
		return;
	m = m_enter();
	if (m)
		sleep_here(m, t);
	else
		sleep_there(t);
}

void leat_sleep(leat_duration d)
{
	if (d > 0)
		leat_sleep_until(leat_after_now(d));
}
