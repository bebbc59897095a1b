/*
 * overflow.c - a goroutine that runs out of stack dies with a clear word.
 *
 *	sp runs into the guard page --> SIGSEGV, on the thread's alternate stack
 *	    the address lies in the guard of a stack of ours:  say whose, end
 *	    anything else:                                     whoever had the
 *	                                                       signal before
 *
 * A frame larger than the guard may step over it: build with
 * -fstack-clash-protection, which probes each page.
 */
#include "core/base.h"
#include "core/dump.h"
#include "core/park.h"
#include "core/sched.h"

#include <signal.h>
#include <sys/auxv.h>

static struct sigaction before[2];

static size_t signal_stack_size(void)
{
	size_t least = getauxval(AT_MINSIGSTKSZ);

	return least + (64ul << 10); /* the report, and a debugger's needs */
}

static _Noreturn void report(const struct g *g, size_t limit,
			     const void *context)
{
	base_dying();
	base_say("runtime: goroutine stack exceeds %zu-byte limit\n", limit);
	if (g)
		base_say("entry function %p\n", (const void *)g->call.fn);
	dump_interrupted(context);
	fatal("stack overflow");
}

static void pass_on(int sig, siginfo_t *info, void *context)
{
	struct sigaction *old = &before[sig == SIGBUS];

	if (old->sa_flags & SA_SIGINFO) {
		old->sa_sigaction(sig, info, context);
	} else if (old->sa_handler == SIG_DFL || old->sa_handler == SIG_IGN) {
		/* It happens again on return, and then as if we never were. */
		signal(sig, SIG_DFL);
	} else {
		old->sa_handler(sig);
	}
}

static void caught(int sig, siginfo_t *info, void *context)
{
	struct stack_bounds b;
	struct m *m = arch_self();

	if (stack_find(info->si_addr, &b) && (char *)info->si_addr < b.lo)
		report(m ? m->g : NULL, (size_t)(b.hi - b.lo), context);
	pass_on(sig, info, context);
}

void overflow_init(void)
{
	struct sigaction sa = { .sa_sigaction = caught,
				.sa_flags = SA_SIGINFO | SA_ONSTACK };

	sigemptyset(&sa.sa_mask);
	sigaction(SIGSEGV, &sa, &before[0]);
	sigaction(SIGBUS, &sa, &before[1]);
}

bool overflow_thread(struct m *m)
{
	size_t n = signal_stack_size();
	stack_t ss = { .ss_size = n };

	ss.ss_sp = m->signal_stack = os_map(n, os_page());
	return ss.ss_sp && sigaltstack(&ss, NULL) == 0;
}

void overflow_thread_end(struct m *m)
{
	stack_t ss = { .ss_flags = SS_DISABLE };

	if (!m->signal_stack)
		return;
	sigaltstack(&ss, NULL);
	os_unmap(m->signal_stack, signal_stack_size());
	m->signal_stack = NULL;
}
