/*
 * threads.c - whose step is next.
 *
 *	          threads_spin            something it read has changed
 *	  READY ----------------> SPINNING -------------------> READY
 *	    |
 *	    |  threads_sleep              threads_wake
 *	    |-------------------> SLEEPING -------------------> READY
 *	    '-- returned --> DONE
 *
 * Before each of its visible steps the running thread asks who is next.  It
 * may go on; another thread that can run may go instead, which is a preemption
 * if the running one could have gone on, and those are bounded; or a buffered
 * store may go to memory, which is always free.
 *
 * A thread that spins is not run again before a word it read since it last
 * spun has changed, and not by itself: running it would change nothing.  When nobody can
 * run and nothing is buffered, somebody waits for what will never come.
 *
 * Few preemptions find most bugs: Musuvathi and Qadeer, "Iterative context
 * bounding for systematic testing of multithreaded programs", 2007.
 */
#undef _FORTIFY_SOURCE
#include "tests/explore/engine.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct thread thread[EXPLORE_THREADS], *self;
int threads;
const struct model *model;
char failure[1024];

static const struct explore_case *running;
static int bound, preemptions, steps;
static jmp_buf over;
static enum outcome outcome;
static const void *bed[EXPLORE_THREADS]; /* the word a sleeper waits for */

static _Noreturn void leave(enum outcome o)
{
	outcome = o;
	_longjmp(over, 1);
}

void threads_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(failure, sizeof(failure), format, args);
	va_end(args);
	leave(FAILED);
}

void threads_again(void)
{
	leave(AGAIN);
}

void explore_drop(void)
{
	leave(DROPPED);
}

static bool can_run(const struct thread *t)
{
	if (t->state != SPINNING)
		return t->state == READY;
	for (int i = 0; i < t->n_seen; i++)
		if (t->seen[i].place->version != t->seen[i].version)
			return true;
	return false;
}

void threads_wrote(struct thread *t, const struct place *p)
{
	for (int i = 0; i < t->n_seen; i++)
		if (t->seen[i].place == p)
			t->seen[i].version = p->version;
}

/* All that can be next, best first: a to f step, A to F flush. */
static int turns(char *code)
{
	bool going = self && self->state == READY;
	int n = 0;

	if (going)
		code[n++] = (char)('a' + (self - thread));
	if (!going || preemptions < bound)
		for (int i = 0; i < threads; i++)
			if (&thread[i] != self && can_run(&thread[i]))
				code[n++] = (char)('a' + i);
	if (self && !going && can_run(self))
		code[n++] = (char)('a' + (self - thread));
	for (int i = 0; i < threads; i++)
		if (model->can_flush && model->can_flush(i))
			code[n++] = (char)('A' + i);
	return n;
}

static void deadlock(void)
{
	char text[800] = "";
	size_t n = 0;
	bool spinning = false;

	for (int i = 0; i < threads && n < sizeof(text); i++) {
		struct thread *t = &thread[i];

		spinning |= t->state == SPINNING;
		if (t->state == SPINNING)
			n += (size_t)snprintf(text + n, sizeof(text) - n,
					      ", %c spins at %s:%d", 'a' + i,
					      t->site->file, t->site->line);
		if (t->state == SLEEPING)
			n += (size_t)snprintf(text + n, sizeof(text) - n,
					      ", %c sleeps on %s", 'a' + i,
					      place_name(bed[i]));
	}
	if (n && !(running->may_sleep && !spinning))
		threads_fail("deadlock%s", text);
	leave(WHOLE);
}

static uint64_t state(void)
{
	uint64_t sum = model->hash ? model->hash() : 0;

	for (int i = 0; i < threads; i++)
		sum += mix(thread[i].hash, (uint64_t)i + 1);
	/* Who runs matters only where leaving it would cost something. */
	if (bound < EXPLORE_ANY && self && self->state == READY)
		sum = mix(sum, (uint64_t)(self - thread) + 1);
	return sum;
}

/* Where words it read have changed, it sees at least the first change. */
static void stop_spinning(struct thread *t)
{
	t->state = READY;
	t->hash = mix(t->hash, 'w');
	for (int i = 0; i < t->n_seen; i++)
		model->settle(t->seen[i].place, t->seen[i].version);
	t->n_seen = 0;
}

static void go_to(struct thread *t)
{
	struct thread *from = self;
	static struct fiber nobody;

	self = t;
	if (t->state == SPINNING)
		stop_spinning(t);
	if (from != t)
		fiber_switch(from ? &from->fiber : &nobody, &t->fiber);
}

/* Let somebody make a step; returns when it is the caller's turn. */
static void schedule(void)
{
	char code[2 * EXPLORE_THREADS];

	for (;;) {
		int n = turns(code);

		if (n == 0)
			deadlock();
		if (++steps > STEPS)
			threads_fail("no end in %d steps", STEPS);
		if (search_fresh() &&
		    search_known(state(), bound - preemptions))
			leave(KNOWN);
		search_count.steps++;

		char next = code[search_pick(n, code)];

		if (next < 'a') {
			model->flush(next - 'A');
			continue;
		}
		struct thread *t = &thread[next - 'a'];

		if (self && self->state == READY && t != self)
			preemptions += bound < EXPLORE_ANY;
		go_to(t);
		return;
	}
}

void threads_point(struct explore_site *site, const struct place *p)
{
	self->site = site;
	self->wants = p;
	schedule();
	self->hash = mix(self->hash, 'p'); /* a fence, too, is progress */
}

void threads_spin(void)
{
	self->state = SPINNING;
	self->wants = NULL;
	schedule();
}

void threads_sleep(const void *word)
{
	bed[self - thread] = word;
	self->state = SLEEPING;
	self->wants = NULL;
	schedule();
}

void threads_wake(const void *word, int n)
{
	while (n-- > 0) {
		char code[EXPLORE_THREADS];
		int asleep = 0;

		for (int i = 0; i < threads; i++)
			if (thread[i].state == SLEEPING && bed[i] == word)
				code[asleep++] = (char)('0' + i);
		if (!asleep)
			return;
		struct thread *t =
			&thread[code[search_pick(asleep, code)] - '0'];

		t->state = READY;
		t->hash = mix(t->hash, self->hash);
		trace((int)(t - thread), "woken");
	}
}

int explore_self(void)
{
	return (int)(self - thread);
}

int explore_choose(int n)
{
	int k = search_pick(n, "0123456789");

	self->hash = mix(self->hash, (uint64_t)k);
	return k;
}

static void life(void)
{
	self->hash = mix(self->hash, 'b');
	running->thread[self - thread]();
	trace((int)(self - thread), "returns");
	self->state = DONE;
	self->hash = mix(self->hash, 'd');
	self->wants = NULL;
	schedule();
}

static void reset(void)
{
	static bool made;

	for (int i = 0; !made && i < EXPLORE_THREADS; i++)
		fiber_make(&thread[i].fiber, life);
	made = true;
	for (threads = 0; threads < EXPLORE_THREADS; threads++) {
		struct thread *t = &thread[threads];

		if (!running->thread[threads])
			break;
		fiber_restart(&t->fiber);
		t->state = READY;
		t->wants = NULL;
		t->n_seen = 0;
		t->hash = 0;
	}
	self = NULL;
	preemptions = steps = 0;
	places_reset();
	model->reset();
}

static void end(void)
{
	model->fence(EXPLORE_heavy);
	if (running->check)
		running->check();
}

enum outcome threads_run(const struct explore_case *c, int max)
{
	running = c;
	bound = max;
	reset();
	search_run();
	if (running->init)
		running->init();
	if (!_setjmp(over))
		schedule();
	self = NULL;
	if (outcome == WHOLE && !_setjmp(over))
		end();
	self = NULL;
	search_count.whole += outcome == WHOLE;
	return outcome;
}
