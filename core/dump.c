/*
 * dump.c - a thread that shows goroutines with their stacks.
 *
 *	asked for by              its request           told by
 *
 *	leat_dump, leat_stack     in a list             its word, done
 *	a signal                  a bit
 *	the last words            the last one          its word, done; or its
 *	                                                thread gives up
 *	nobody                    it looks each so often: LEAT_SCHEDTRACE, LEAT_STALL
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
#include "core/schedtrace.h"
#include "core/show.h"
#include "core/stall.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <ucontext.h>
#include <unistd.h>

enum {
	STACK = 1 << 20, /* of the thread: libdw goes deep */
	TOLD = 1000,     /* goroutines, in last words */
};

#define STUCK_NS 5000000000ll

/* Who asks, and waits until it is told. */
struct self {
	const struct m *m; /* NULL: not the runtime's thread */
	struct g *g;       /* NULL: no goroutine */
	struct say say;
	struct unwind_from from;
};

struct page {
	struct page *next;
	char text[64 << 10];
};

/* The text is kept until it is all there, so that nobody who reads it slowly holds
 * up the next. */
struct request {
	struct request *next;
	struct out out;
	struct page *first, **end;
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

enum { NONE, STARTING, THERE };

static struct {
	_Atomic uint32_t started, rung; /* the thread: NONE, STARTING, THERE */
	_Atomic uint32_t signals;
	_Atomic(struct request *) requests;
	_Atomic(struct last *) last;
	_Atomic int thread; /* that does it all */
	int process;        /* in which it is */
} all;

static void ring(void)
{
	/* [dump.ring] pairs with [dump.rung].  By a swap: the thread may see an
	 * earlier one only, and is to have that one's request, too. */
	a_swap(&all.rung, 1, release);
	os_futex_wake(&all.rung, 1);
}

/* -- what is said -- */

static void show_self(struct out *o, const struct self *self, bool ready)
{
	if (self->g) {
		show_not(self->g);
		say_header(o, &self->say);
	} else {
		out_say(o, "\non a thread that is not the runtime's, or in the "
			   "scheduler:\n");
	}
	if (ready)
		say_frames(o, &self->from, show_inner(),
			   self->g ? &self->say : NULL);
	if (self->g && ready)
		say_origin(o, &self->say);
}

static void tell_last(struct last *l)
{
	bool ready = unwind_ready();

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
	struct out o = { .fd = base_out.fd };
	bool ready = unwind_ready();

	if (which & END) {
		if (!base_try_dying())
			return; /* we are to say those words */
		base_say("SIGQUIT: quit\n");
	}
	if (ready && (sched.options.traceback != DUMP_NONE || which == GO_ON))
		show_all(&o, SIZE_MAX, NULL);
	out_flush(&o);
	if (which & END)
		base_exit();
}

/* -- unasked -- */

static void tell_stall(const struct shot *s, int64_t since)
{
	struct out o = { .fd = base_out.fd };
	int64_t us = (os_now() - since) / 1000;

	if (!unwind_ready())
		return;
	show_begin();
	out_say(&o,
		"leat: goroutine %llu has kept its thread for %lld.%03lld ms\n",
		(unsigned long long)s->say.id, (long long)us / 1000,
		(long long)us % 1000);
	show(&o, s);
	out_flush(&o);
}

/* When to look again. */
static int64_t look(void)
{
	int64_t now = os_now(), trace = schedtrace_look(now),
		stall = stall_look(now, tell_stall);

	return trace < stall ? trace : stall;
}

static void *work(void *unused)
{
	(void)unused;
	os_be_nobodys();
	a_store(&all.thread, os_thread_id(), relaxed);
	for (;;) {
		int64_t again = look();
		struct last *l;
		struct request *r;
		uint32_t which;

		/* [dump.rung] pairs with [dump.ring]. */
		a_swap(&all.rung, 0, acquire);
		/* [dump.taken] pairs with [dump.wanted]. */
		r = a_swap(&all.requests, NULL, acquire);
		/* [dump.taken_last] pairs with [dump.wanted_last]. */
		l = a_swap(&all.last, NULL, acquire);
		which = a_swap(&all.signals, 0, relaxed);
		if (l || which)
			show_begin();
		if (l)
			tell_last(l);
		if (which)
			serve_signals(which);
		for (struct request *next; r; r = next) {
			next = r->next;
			show_begin();
			serve(r);
		}
		if (!l && !which && !r)
			os_futex_wait(&all.rung, 0, again);
	}
	return NULL;
}

bool dump_there(void)
{
	return a_load(&all.started, relaxed) == THERE &&
	       all.process == getpid();
}

bool dump_thread(void)
{
	uint32_t was = NONE;

	if (all.process != getpid())
		return false; /* a fork's child has this thread alone */
	/* [dump.begun] pairs with [dump.begin]. */
	if (a_cas(&all.started, &was, STARTING, acquire)) {
		bool made = shot_room() && os_thread(work, NULL, STACK) == 0;

		/* [dump.begin] pairs with [dump.begun]. */
		a_store(&all.started, made ? THERE : NONE, release);
		return made;
	}
	while (a_load(&all.started, relaxed) == STARTING)
		a_yield();
	return dump_there();
}

/* -- asking -- */

/* As much as there is of the stack that sp is on. */
static uintptr_t stack_end(uintptr_t sp)
{
	size_t page = os_page();
	uintptr_t at = sp & -page;

	while (at + page - sp < SHOT_COPY &&
	       os_readable((const void *)(at + page)))
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
		from->cut = hi - sp >= SHOT_COPY;
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

static bool more_room(struct out *o)
{
	struct request *r = container_of(o, struct request, out);
	struct page *page = malloc(sizeof(*page));

	if (!page) {
		o->error = -ENOMEM;
		return false;
	}
	page->next = NULL;
	*r->end = page;
	r->end = &page->next;
	o->to = page->text;
	o->room = sizeof(page->text);
	return true;
}

/* All pages but the last are full. */
static int write_pages(struct request *r, int fd)
{
	int rc = r->out.error;

	for (struct page *next, *page = r->first; page; page = next) {
		next = page->next;
		if (rc == 0)
			rc = os_write(fd, page->text,
				      sizeof(page->text) -
					      (next ? 0 : r->out.room));
		free(page);
	}
	return rc;
}

/* fd: where it goes, or -1: into memory. */
static int request(struct request *r, int fd)
{
	struct m *m = arch_self();
	bool bracket = !m || !a_load(&m->blocked, relaxed);
	ucontext_t here;

	if (a_load(&sched.phase, relaxed) == SCHED_OFF)
		return -EINVAL;
	if (!dump_thread())
		return -EAGAIN;
	if (getcontext(&here) == 0)
		self_take(&r->self, &here, "running");
	if (bracket)
		leat_block_enter();
	r->self.m = arch_self(); /* perhaps another's by now */
	r->next = a_load(&all.requests, relaxed);
	/* [dump.wanted] pairs with [dump.taken]. */
	while (!a_cas(&all.requests, &r->next, r, release))
		;
	ring();
	await_done(r);
	if (fd >= 0)
		r->out.error = write_pages(r, fd);
	if (bracket)
		leat_block_exit();
	return r->out.error;
}

int leat_dump(int fd)
{
	struct request r = {
		.out = { .fd = -1, .more = more_room },
		.end = &r.first,
		.others = true,
	};

	return fd < 0 ? -EBADF : request(&r, fd);
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
	rc = request(&r, -1);
	return rc < 0 ? rc : (long)(r.out.to - to);
}

/* -- asking: by a signal -- */

static void quit(int sig)
{
	if (!dump_there()) {
		signal(sig, SIG_DFL);
		raise(sig);
	}
	a_or(&all.signals, END, relaxed);
	ring();
}

static void go_on(int sig)
{
	(void)sig;
	a_or(&all.signals, GO_ON, relaxed);
	ring();
}

static void at_signal(int sig, void (*f)(int), int flags)
{
	struct sigaction sa = { .sa_handler = f,
				.sa_flags = SA_RESTART | SA_ONSTACK | flags };

	sigaction(sig, &sa, NULL);
}

void dump_init(void)
{
	struct sigaction before;

	all.process = getpid();
	base_core = sched.options.traceback == DUMP_CRASH;
	shot_listen();
	/* Once: a second one ends a process that cannot even say where it is. */
	if (sigaction(SIGQUIT, NULL, &before) == 0 &&
	    !(before.sa_flags & SA_SIGINFO) && before.sa_handler == SIG_DFL)
		at_signal(SIGQUIT, quit, (int)SA_RESETHAND);
	if (sched.options.dump)
		at_signal(sched.options.dump, go_on, 0);
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
	uint32_t seen = a_load(&say_progress, relaxed);
	int64_t until = os_now() + STUCK_NS;

	/* [dump.wanted_last] pairs with [dump.taken_last]. */
	a_store(&all.last, l, release);
	ring();
	/* [dump.end] pairs with [dump.told]. */
	while (!a_load(&l->done, acquire)) {
		uint32_t now = a_load(&say_progress, relaxed);

		if (now != seen)
			until = os_now() + STUCK_NS;
		else if (os_now() > until)
			break;
		seen = now;
		os_futex_wait(&l->done, 0, until);
	}
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
	const void *context = a_load(&interrupted, relaxed);
	ucontext_t here;

	/* The thread's own last words have to do without a stack. */
	if (sched.options.traceback == DUMP_NONE ||
	    a_load(&all.thread, relaxed) == os_thread_id())
		return;
	if (context && dump_there()) /* in a signal handler none can be made */
		tell_where(context, others);
	else if (!context && dump_thread() && getcontext(&here) == 0)
		tell_where(&here, others);
}

void dump_waiting(void)
{
	static struct last l = { .by_itself = true, .others = true };

	if (sched.options.traceback != DUMP_NONE && dump_thread())
		await_last(&l);
}
