/*
 * options.c - the settings, from struct leat_options and LEAT_*.
 *
 *	member     variable        value                  as text
 *	procs      LEAT_PROCS      1 to 1024              digits
 *	idle       LEAT_IDLE       enum leat_idle         park, adaptive, spin
 *	stack      LEAT_STACK      16 KiB to 1 GiB        digits, then K, M, G
 *	pin        LEAT_PIN        enum leat_pin          yes, no
 *	clock      LEAT_CLOCK      enum leat_clock        real, fake
 *	topology   LEAT_TOPOLOGY   not empty              hwloc's
 *	-          LEAT_TRACEBACK  enum dump_level        none, single, all,
 *	                                                  system, crash
 *	-          LEAT_DUMP       a signal               HUP, USR1 ...
 *	-          LEAT_SCHEDTRACE at least 1 ms          digits: milliseconds
 *	-          LEAT_STALL      at least 100 us        digits, then us, ms, s
 *
 * A variable that is set but empty is refused like any other nonsense: it is
 * a script's mistake more often than a wish.  Numbers are digits only: no
 * blanks, signs or bases.  A member is checked even where a variable
 * overrides it, so that a bug in the program does not hide.  Variables of
 * other names are left alone: tests and programs have their own.
 */
#include "core/options.h"

#include "core/base.h"
#include "core/topology.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define STACK_LEAST   (16ul << 10)
#define STACK_MOST    (1ul << 30)
#define STACK_DEFAULT (256ul << 10)
#define STALL_LEAST   100000 /* ns */
#define MS_MOST       1000000000ul
#define HWLOC_FORM \
	"a machine as hwloc writes it, such as \"numa:2 core:4 pu:2\""

/* Longer values are cut in the message, or it would lose its end. */
#define TEXT "%.200s"

static size_t round_up(size_t n)
{
	size_t power = STACK_LEAST;

	while (power < n)
		power *= 2;
	return power;
}

/* Read digits, none being 0, up to max; what follows them, or NULL. */
static const char *digits(const char *text, size_t max, size_t *n)
{
	for (*n = 0; *text >= '0' && *text <= '9'; text++) {
		*n = *n * 10 + (size_t)(*text - '0');
		if (*n > max)
			return NULL;
	}
	return text;
}

static void read_procs(struct options *o)
{
	const char *text = getenv("LEAT_PROCS");
	size_t n;

	if (!text)
		return;
	const char *rest = digits(text, TOPOLOGY_PROCS_MAX, &n);
	if (!rest || *rest || n < 1)
		refuse("LEAT_PROCS=" TEXT ": want a number from 1 to %d", text,
		       TOPOLOGY_PROCS_MAX);
	o->procs = (int)n;
}

static size_t unit(const char *suffix)
{
	static const struct {
		const char *suffix;
		size_t bytes;
	} units[] = { { "", 1 },
		      { "K", 1ul << 10 },
		      { "M", 1ul << 20 },
		      { "G", 1ul << 30 } };

	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (strcmp(suffix, units[i].suffix) == 0)
			return units[i].bytes;
	return 0;
}

static void read_stack(struct options *o)
{
	const char *text = getenv("LEAT_STACK");
	size_t n;

	if (!text)
		return;
	const char *rest = digits(text, STACK_MOST, &n);
	n *= rest ? unit(rest) : 0;
	if (n < STACK_LEAST || n > STACK_MOST)
		refuse("LEAT_STACK=" TEXT ": want 16K to 1G bytes, as digits "
		       "and K, M, G or nothing",
		       text);
	o->stack = round_up(n);
}

/* The index among words of a variable's value; otherwise if it is not set. */
static int choice(const char *name, const char *const *words, int n,
		  const char *accepted, int otherwise)
{
	const char *text = getenv(name);

	if (!text)
		return otherwise;
	for (int i = 0; i < n; i++)
		if (strcmp(text, words[i]) == 0)
			return i;
	refuse("%s=" TEXT ": want %s", name, text, accepted);
}

static void read_choices(struct options *o)
{
	static const char *const idle[] = {
		[LEAT_IDLE_ADAPTIVE] = "adaptive",
		[LEAT_IDLE_PARK] = "park",
		[LEAT_IDLE_SPIN] = "spin",
	};
	static const char *const pin[] = {
		[LEAT_PIN_YES] = "yes",
		[LEAT_PIN_NO] = "no",
	};

	static const char *const clock[] = {
		[LEAT_CLOCK_REAL] = "real",
		[LEAT_CLOCK_FAKE] = "fake",
	};

	o->clock =
		(enum leat_clock)choice("LEAT_CLOCK", clock, ARRAY_LEN(clock),
					"real or fake", (int)o->clock);
	o->idle =
		(enum leat_idle)choice("LEAT_IDLE", idle, ARRAY_LEN(idle),
				       "park, adaptive or spin", (int)o->idle);
	o->pin = (enum leat_pin)choice("LEAT_PIN", pin, ARRAY_LEN(pin),
				       "yes or no", (int)o->pin);
}

static void read_traceback(struct options *o)
{
	static const char *const levels[] = {
		[DUMP_NONE] = "none",   [DUMP_SINGLE] = "single",
		[DUMP_ALL] = "all",     [DUMP_SYSTEM] = "system",
		[DUMP_CRASH] = "crash",
	};

	o->traceback = (enum dump_level)choice(
		"LEAT_TRACEBACK", levels, ARRAY_LEN(levels),
		"none, single, all, system or crash", DUMP_SINGLE);
}

static void read_dump(struct options *o)
{
	static const int known[] = { SIGHUP,  SIGINT,  SIGQUIT, SIGUSR1,
				     SIGUSR2, SIGPIPE, SIGALRM, SIGTERM,
				     SIGCONT, SIGPROF, SIGWINCH };
	const char *text = getenv("LEAT_DUMP");

	for (size_t i = 0; text && i < ARRAY_LEN(known); i++)
		if (strcmp(text, sigabbrev_np(known[i])) == 0)
			o->dump = known[i];
	if (text && !o->dump)
		refuse("LEAT_DUMP=" TEXT ": want a signal: HUP, INT, QUIT, "
		       "USR1, USR2, PIPE, ALRM, TERM, CONT, PROF or WINCH",
		       text);
}

static void read_schedtrace(struct options *o)
{
	const char *text = getenv("LEAT_SCHEDTRACE");
	size_t ms;

	if (!text)
		return;
	const char *rest = digits(text, MS_MOST, &ms);
	if (!rest || *rest || ms < 1)
		refuse("LEAT_SCHEDTRACE=" TEXT ": want milliseconds, 1 to %lu",
		       text, MS_MOST);
	o->schedtrace = (int64_t)ms * 1000000;
}

static void read_stall(struct options *o)
{
	static const struct {
		const char *suffix;
		int64_t ns;
	} units[] = { { "us", 1000 }, { "ms", 1000000 }, { "s", 1000000000 } };
	const char *text = getenv("LEAT_STALL");
	size_t n;

	if (!text)
		return;
	const char *rest = digits(text, MS_MOST, &n);
	for (size_t i = 0; rest && i < ARRAY_LEN(units); i++)
		if (strcmp(rest, units[i].suffix) == 0)
			o->stall = (int64_t)n * units[i].ns;
	if (o->stall < STALL_LEAST)
		refuse("LEAT_STALL=" TEXT ": want at least 100us, as digits "
		       "and us, ms or s",
		       text);
}

static void read_topology(struct options *o)
{
	const char *text = getenv("LEAT_TOPOLOGY");

	if (!text)
		return;
	if (!*text)
		refuse("LEAT_TOPOLOGY=: want " HWLOC_FORM);
	o->topology = text;
}

static void check_given(const struct leat_options *given)
{
	if (given->procs < 0 || given->procs > TOPOLOGY_PROCS_MAX)
		refuse("leat_options.procs = %d: want 1 to %d, or 0 for one "
		       "per CPU",
		       given->procs, TOPOLOGY_PROCS_MAX);
	if ((unsigned)given->idle > LEAT_IDLE_SPIN)
		refuse("leat_options.idle = %d: want LEAT_IDLE_PARK, "
		       "LEAT_IDLE_ADAPTIVE or LEAT_IDLE_SPIN",
		       (int)given->idle);
	if (given->stack &&
	    (given->stack < STACK_LEAST || given->stack > STACK_MOST))
		refuse("leat_options.stack = %zu: want %lu to %lu bytes, or 0 "
		       "for %lu",
		       given->stack, STACK_LEAST, STACK_MOST, STACK_DEFAULT);
	if ((unsigned)given->pin > LEAT_PIN_NO)
		refuse("leat_options.pin = %d: want LEAT_PIN_YES or "
		       "LEAT_PIN_NO",
		       (int)given->pin);
	if ((unsigned)given->clock > LEAT_CLOCK_FAKE)
		refuse("leat_options.clock = %d: want LEAT_CLOCK_REAL or "
		       "LEAT_CLOCK_FAKE",
		       (int)given->clock);
	if (given->topology && !*given->topology)
		refuse("leat_options.topology = \"\": want " HWLOC_FORM
		       ", or NULL");
}

void options_read(struct options *o, const struct leat_options *given)
{
	static const struct leat_options defaults;

	if (!given)
		given = &defaults;
	check_given(given);
	*o = (struct options){
		.procs = given->procs,
		.idle = given->idle,
		.stack = given->stack ? round_up(given->stack) : STACK_DEFAULT,
		.pin = given->pin,
		.topology = given->topology,
		.clock = given->clock,
	};
	read_procs(o);
	read_choices(o);
	read_stack(o);
	read_topology(o);
	read_traceback(o);
	read_dump(o);
	read_schedtrace(o);
	read_stall(o);
}
