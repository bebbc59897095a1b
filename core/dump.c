/*
 * dump.c - a thread that shows goroutines with their stacks.
 *
 *	asked for by              its request           told by
 *
 *	leat_dump, leat_stack     in a list             its word, done
 *	a signal                  a bit
 *	the last words            the last one          its word, done; or its
 *	                                                thread gives up
 *
 *	rounds: those that run are asked | all that can be held | what was missed
 *
 * What was missed has begun to wait, or to run, at the wrong moment; who still
 * cannot be had after three rounds is named without a stack.  g->told says which
 * are done.
 *
 * To unwind and to name takes memory, which is allocated here, when everything has
 * been let go; so whoever was interrupted inside malloc does not matter.  If it is
 * the process's end, and whoever ends it was, this thread has memory of its own
 * (glibc's arenas); and if it hangs, that is noticed.
 */
#include "leat/dump.h"
#include "leat/block.h"

#include "core/dump.h"

#include "core/os.h"
#include "core/park.h"
#include "core/sched.h"
#include "core/shot.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <ucontext.h>

enum {
	STACK = 1 << 20, /* of the thread: libdw goes deep */
	ROUNDS = 3,
	TOLD = 1000, /* goroutines, in last words */
};

#define STUCK_NS 5000000000ll

/* Who asks, and waits until it is told. */
struct self {
	const struct m *m; /* NULL: not the runtime's thread */
	struct g *g;       /* NULL: no goroutine */
	struct say say;
	struct unwind_from from;
};

struct request {
	struct request *next;
	struct out out;
	struct self self;
	bool others;
	_Atomic uint32_t done;
};

struct last {
	bool by_itself; /* nobody: it is a deadlock */
	bool others;
	struct self self;
	_Atomic uint32_t done;
};

enum { GO_ON = 1, END = 2 }; /* asked for by signals */

static struct {
	_Atomic uint32_t started, rung;
	_Atomic uint32_t signals;
	_Atomic(struct request *) requests;
	_Atomic(struct last *) last;
	_Atomic uint32_t progress; /* of the last words */
	uint32_t dump;             /* the number of this one */
} all;

static void ring(void)
{
	/* [dump.ring] pairs with [dump.rung]. */
	a_store(&all.rung, 1, release);
	os_futex_wake(&all.rung, 1);
}

/* -- what is said -- */

static bool inner_too(void)
{
	return sched.options.traceback >= DUMP_SYSTEM;
}

static void show(struct out *o, const struct shot *s)
{
	s->g->told = all.dump;
	say_header(o, &s->say);
	if (s->from.bytes)
		say_frames(o, &s->from, inner_too(), &s->say);
	else
		say_entry(o, &s->say);
	say_origin(o, &s->say);
	a_add(&all.progress, 1, relaxed);
}

static bool alive(const struct g *g)
{
	return a_load(&g->state, relaxed) != G_DEAD;
}

static bool wanted(const struct shot *s)
{
	return s->taken && s->g->told != all.dump;
}

/* All threads that may run a goroutine, some at a time. */
static size_t show_running(struct out *o, const struct m *self)
{
	size_t n, shown = 0, at = 0;

	shot_listen();
	while ((n = shot_running(&at, self)) > 0)
		for (size_t i = 0; i < n; i++)
			if (wanted(shot(i))) {
				show(o, shot(i));
				shown++;
			}
	return shown;
}

static size_t show_batch(struct out *o, struct g **g, size_t n)
{
	size_t shown = 0;

	if (n > 0)
		shot_held(g, n);
	for (size_t i = 0; i < n; i++)
		if (wanted(shot(i))) {
			show(o, shot(i));
			shown++;
		}
	return shown;
}

/* How many are left that run, or are just about to. */
static size_t show_held(struct out *o, size_t most, size_t *shown)
{
	struct g *batch[SHOTS], *g;
	size_t n = 0, found = 0, got = 0;

	for (size_t i = 0; (g = g_at(i)); i++) {
		if (g->told == all.dump || !alive(g))
			continue;
		found++;
		if (*shown + got >= most)
			continue;
		batch[n++] = g;
		if (n == SHOTS) {
			got += show_batch(o, batch, n);
			n = 0;
		}
	}
	got += show_batch(o, batch, n);
	*shown += got;
	return found - got;
}

/* Those that could not be had. */
static void show_rest(struct out *o)
{
	struct g *g;

	for (size_t i = 0; (g = g_at(i)); i++)
		if (g->told != all.dump && alive(g))
			out_say(o,
				"\ngoroutine %llu [running]:\n\tgoroutine "
				"running on other thread; stack unavailable\n",
				(unsigned long long)a_load(&g->id, relaxed));
}

/* But for the one that self runs. */
static void show_all(struct out *o, size_t most, const struct m *self)
{
	size_t shown = 0, left = 1;

	for (int round = 0; round < ROUNDS && left > 0; round++) {
		shown += show_running(o, self);
		left = show_held(o, most, &shown);
		if (shown >= most)
			break;
	}
	if (left > 0 && shown >= most)
		out_say(o, "\n... and %zu more\n", left);
	else if (left > 0)
		show_rest(o);
}

static void show_self(struct out *o, const struct self *self, bool ready)
{
	if (self->g) {
		self->g->told = all.dump;
		say_header(o, &self->say);
	} else {
		out_say(o, "\non a thread that is not the runtime's, or in the "
			   "scheduler:\n");
	}
	if (ready)
		say_frames(o, &self->from, inner_too(),
			   self->g ? &self->say : NULL);
	if (self->g && ready)
		say_origin(o, &self->say);
}

static void tell_last(struct last *l)
{
	bool ready = unwind_ready();

	a_add(&all.progress, 1, relaxed);
	if (!l->by_itself)
		show_self(&base_out, &l->self, ready);
	if (l->others && ready)
		show_all(&base_out, TOLD, l->self.m);
	/* [dump.told] pairs with [dump.end]. */
	a_store(&l->done, 1, release);
	os_futex_wake(&l->done, 1);
}

static void serve(struct request *r)
{
	if (!unwind_ready()) {
		r->out.error = -ENOSYS;
	} else {
		if (r->self.g)
			show_self(&r->out, &r->self, true);
		if (r->others)
			show_all(&r->out, SIZE_MAX, r->self.m);
	}
	out_flush(&r->out);
	/* [dump.done] pairs with [dump.await]. */
	a_store(&r->done, 1, release);
	os_futex_wake(&r->done, 1);
}

static void serve_signals(uint32_t which)
{
	if (which & END)
		base_dying();
	if (which & END)
		base_say("SIGQUIT: quit\n");
	unwind_ready();
	if (sched.options.traceback != DUMP_NONE || !(which & END))
		show_all(&base_out, SIZE_MAX, NULL);
	if (which & END)
		base_exit();
}

static void *work(void *unused)
{
	(void)unused;
	for (;;) {
		struct last *l;
		struct request *r;
		uint32_t which;

		/* [dump.rung] pairs with [dump.ring]. */
		a_swap(&all.rung, 0, acquire);
		all.dump++;
		say_forget();
		/* [dump.taken] pairs with [dump.wanted]. */
		r = a_swap(&all.requests, NULL, acquire);
		/* [dump.taken_last] pairs with [dump.wanted_last]. */
		l = a_swap(&all.last, NULL, acquire);
		which = a_swap(&all.signals, 0, relaxed);
		if (l)
			tell_last(l);
		if (which)
			serve_signals(which);
		for (struct request *next; r; r = next) {
			next = r->next;
			all.dump++;
			serve(r);
		}
		if (!l && !which && !r)
			os_futex_wait(&all.rung, 0, OS_NEVER);
	}
	return NULL;
}

bool dump_thread(void)
{
	uint32_t none = 0;

	/* [dump.begun] pairs with [dump.begin]. */
	if (!a_cas(&all.started, &none, 1, acquire))
		return none == 1;
	if (shot_room() && os_thread(work, NULL, STACK) == 0)
		return true;
	/* [dump.begin] pairs with [dump.begun]. */
	a_store(&all.started, 0, release);
	return false;
}

bool dump_there(void)
{
	return a_load(&all.started, relaxed) != 0;
}

/* -- asking -- */

/* As much as there is of the stack that sp is on. */
static uintptr_t stack_end(uintptr_t sp)
{
	size_t page = os_page();
	uintptr_t at = sp & -page;

	while (at - sp < SHOT_COPY && os_readable((const void *)(at + page)))
		at += page;
	return at + page;
}

static void find_bytes(struct unwind_from *from, const struct g *g)
{
	uintptr_t sp = from->reg[ARCH_REGISTER_SP], lo = sp, hi;

	if (g && g->stack) {
		struct stack_bounds b =
			stack_bounds_of(g->stack, g->stack_size);

		if (sp < (uintptr_t)b.lo)
			lo = (uintptr_t)b.lo; /* into the guard */
		hi = (uintptr_t)b.hi;
	} else {
		hi = stack_end(sp);
	}
	if (sp > hi || hi - lo > STACK_MAX)
		return;
	from->at = lo;
	from->bytes = (const char *)lo; // NOLINT
	from->n = hi - lo;
}

static void self_take(struct self *self, const void *context, const char *state)
{
	struct m *m = arch_self();

	self->m = m;
	self->g = m ? m->g : NULL;
	if (self->g)
		say_take(&self->say, self->g, state);
	self->from.whole = true;
	self->from.pc = arch_registers(context, self->from.reg);
	find_bytes(&self->from, self->g);
}

static void await_done(struct request *r)
{
	/* [dump.await] pairs with [dump.done]. */
	while (!a_load(&r->done, acquire))
		os_futex_wait(&r->done, 0, OS_NEVER);
}

static int request(struct request *r)
{
	ucontext_t here;

	if (a_load(&sched.phase, relaxed) == SCHED_OFF)
		return -EINVAL;
	if (!dump_thread())
		return -EAGAIN;
	if (getcontext(&here) == 0)
		self_take(&r->self, &here, "running");
	leat_block_enter();
	r->next = a_load(&all.requests, relaxed);
	/* [dump.wanted] pairs with [dump.taken]. */
	while (!a_cas(&all.requests, &r->next, r, release))
		;
	ring();
	await_done(r);
	leat_block_exit();
	return r->out.error;
}

int leat_dump(int fd)
{
	struct request r = { .out = { .fd = fd }, .others = true };

	return fd < 0 ? -EBADF : request(&r);
}

long leat_stack(char *to, size_t n, bool everybody)
{
	struct request r = {
		.out = { .fd = -1, .to = to, .room = n },
		.others = everybody,
	};
	struct m *m = arch_self();
	int rc;

	if (!everybody && (!m || !m->g))
		return -EINVAL;
	rc = request(&r);
	return rc < 0 ? rc : (long)(r.out.to - to);
}

/* -- asking: by a signal -- */

static void quit(int sig)
{
	(void)sig;
	a_or(&all.signals, END, relaxed);
	ring();
}

static void go_on(int sig)
{
	(void)sig;
	a_or(&all.signals, GO_ON, relaxed);
	ring();
}

static void at_signal(int sig, void (*f)(int))
{
	struct sigaction sa = { .sa_handler = f,
				.sa_flags = SA_RESTART | SA_ONSTACK };

	sigaction(sig, &sa, NULL);
}

void dump_init(void)
{
	struct sigaction before;

	if (sigaction(SIGQUIT, NULL, &before) == 0 &&
	    !(before.sa_flags & SA_SIGINFO) && before.sa_handler == SIG_DFL)
		at_signal(SIGQUIT, quit);
	if (sched.options.dump)
		at_signal(sched.options.dump, go_on);
}

/* -- last words -- */

static _Atomic(const void *) interrupted;

void dump_interrupted(const void *context)
{
	a_store(&interrupted, context, relaxed);
}

/* Until it is all said, or there has been nothing new for long. */
static void await_last(struct last *l)
{
	uint32_t seen = a_load(&all.progress, relaxed);
	int64_t until = os_now() + STUCK_NS;

	/* [dump.wanted_last] pairs with [dump.taken_last]. */
	a_store(&all.last, l, release);
	ring();
	/* [dump.end] pairs with [dump.told]. */
	while (!a_load(&l->done, acquire)) {
		uint32_t now = a_load(&all.progress, relaxed);

		if (now != seen)
			until = os_now() + STUCK_NS;
		else if (os_now() > until)
			break;
		seen = now;
		os_futex_wait(&l->done, 0, until);
	}
}

static void end_by_level(void)
{
	struct sigaction sa = { .sa_handler = SIG_DFL };

	if (sched.options.traceback != DUMP_CRASH)
		return;
	sigaction(SIGABRT, &sa, NULL);
	abort();
}

static void tell_where(const void *context, bool others)
{
	static struct last l;

	l.others = (others && sched.options.traceback == DUMP_SINGLE) ||
		   sched.options.traceback >= DUMP_ALL;
	self_take(&l.self, context, "running");
	await_last(&l);
}

void dump_where(bool others)
{
	ucontext_t here;

	if (sched.options.traceback == DUMP_NONE || !dump_thread())
		return;
	if (a_load(&interrupted, relaxed))
		tell_where(a_load(&interrupted, relaxed), others);
	else if (getcontext(&here) == 0)
		tell_where(&here, others);
	end_by_level();
}

void dump_waiting(void)
{
	static struct last l = { .by_itself = true, .others = true };

	if (sched.options.traceback != DUMP_NONE && dump_thread())
		await_last(&l);
	end_by_level();
}
