/*
 * clock.c - the rate of the CPU's counter.
 */
#include "core/clock.h"

#include "core/os.h"

#include <stdio.h>
#include <string.h>

enum {
	TRIES = 16,
	LEARN_NS = 10000000,
	WINDOW_NS = 100000,
	MARGIN_NS = 64, /* the counter may be read a little early */
	EXACT = 4096,   /* a rate is learnt as exactly as that */
};

_Atomic uint64_t clock_rate, clock_window;
bool clock_is_fake;
_Atomic int64_t clock_fake = CLOCK_FAKE_START;

/* The clock, and the counter just before and after it. */
struct sample {
	uint64_t before, after;
	int64_t now;
};

static struct sample origin; /* before == 0: the counter is of no use */

static struct sample sample(void)
{
	struct sample s;

	s.before = cpu_ticks();
	s.now = os_now();
	s.after = cpu_ticks();
	return s;
}

static uint64_t width(const struct sample *s)
{
	return s->after - s->before;
}

/* Does the kernel trust it? */
static bool is_trusted(void)
{
	char name[64] = "";
	FILE *f = fopen("/sys/devices/system/clocksource/clocksource0/"
			"current_clocksource",
			"re");

	if (!f)
		return false;
	if (!fgets(name, sizeof(name), f))
		name[0] = '\0';
	fclose(f);
	name[strcspn(name, "\n")] = '\0';
	return strcmp(name, CPU_CLOCKSOURCE) == 0;
}

void clock_start(bool fake)
{
	clock_is_fake = fake;
	if (fake)
		return;
	if (!is_trusted())
		return;
	origin = sample();
	for (int i = 1; i < TRIES; i++) {
		struct sample s = sample();

		if (width(&s) < width(&origin))
			origin = s;
	}
}

/* Both samples, and what may have passed while they were taken, are small beside
 * what passed between them.  Whoever comes first; another finds the same. */
static void learn(const struct sample *s)
{
	uint64_t ticks = s->before - origin.before, rate;
	int64_t ns = s->now - origin.now;

	if (origin.before == 0 || a_load(&clock_rate, relaxed) ||
	    ns < LEARN_NS || width(s) + width(&origin) > ticks / EXACT)
		return;
	rate = (uint64_t)(((unsigned __int128)ns << 32) / ticks);
	rate += rate >> 10;
	a_store(&clock_rate, rate, relaxed);
	/* [clock.learnt] pairs with [clock.known], [clock.good]. */
	a_store(&clock_window, ((uint64_t)WINDOW_NS << 32) / rate, release);
}

/* Somebody slews the clock, and by more than we allow for: never again.  The
 * clock was read after r->ticks, and now before s->after: so it has gone faster
 * than the rate for certain. */
static void mistrust(const struct clock_reading *r, const struct sample *s)
{
	uint64_t ns = (uint64_t)(s->now + MARGIN_NS - r->now);
	uint64_t rate = a_load(&clock_rate, relaxed);

	if (rate > 0 && r->ticks > 0 &&
	    (unsigned __int128)ns << 32 >
		    (unsigned __int128)rate * (s->after - r->ticks))
		a_store(&clock_window, 0, relaxed);
}

int64_t clock_read(struct clock_reading *r)
{
	struct sample s;

	if (unlikely(clock_is_fake))
		return clock_now();
	s = sample();

	mistrust(r, &s);

	/* [clock.known] pairs with [clock.learnt]. */
	if (unlikely(a_load(&clock_window, acquire) == 0))
		learn(&s);
	r->ticks = s.before;
	r->now = s.now + MARGIN_NS;
	return r->now;
}
