/*
 * crash.c - a goroutine that runs out of stack, or that the CPU stops, dies with a
 * clear word.
 *
 *	sp runs into the guard page --> SIGSEGV, on the thread's alternate stack
 *	    the address lies in the guard of a stack of ours:  say whose, end
 *	    anything else:
 *	        the program has a handler:  it is called
 *	        it has none:                say what and where, with the stack; then
 *	                                    it happens again, as if we never were,
 *	                                    so that the core file is right
 *
 * The same words at SIGFPE, SIGILL and SIGABRT, unless the program, or a sanitizer,
 * has a handler for them.  Those that it sets later stand in our place.
 *
 * A frame larger than the guard may step over it: build with
 * -fstack-clash-protection, which probes each page.
 */
#include "core/base.h"
#include "core/dump.h"
#include "core/park.h"
#include "core/sched.h"

#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>

/* With Go's words; the first two are caught in any case. */
static const struct {
	int sig;
	const char *words;
} signals[] = {
	{ SIGSEGV, "segmentation violation" },
	{ SIGBUS, "bus error" },
	{ SIGFPE, "floating-point exception" },
	{ SIGILL, "illegal instruction" },
	{ SIGABRT, "abort" },
};

enum { ANY = 2 };

static struct sigaction before[ARRAY_LEN(signals)];

static size_t signal_stack_size(void)
{
	size_t least = getauxval(AT_MINSIGSTKSZ);

	return least + (64ul << 10); /* the report, and a debugger's needs */
}

static bool is(const struct sigaction *a, void (*handler)(int))
{
	return !(a->sa_flags & SA_SIGINFO) && a->sa_handler == handler;
}

static _Noreturn void overflow(const struct g *g, size_t limit,
			       const void *context)
{
	base_dying();
	base_say("runtime: goroutine stack exceeds %zu-byte limit\n", limit);
	if (g)
		base_say("entry function %p\n", (const void *)g->call.fn);
	dump_interrupted(context);
	fatal("stack overflow");
}

/* In the words of Go's runtime for signals that arrive in C. */
static void crash(size_t which, const siginfo_t *info, const void *context)
{
	uintptr_t reg[ARCH_REGISTERS];
	int sig = signals[which].sig;

	base_dying();
	base_say("SIG%s: %s\nPC=0x%jx sigcode=%d", sigabbrev_np(sig),
		 signals[which].words, (uintmax_t)arch_registers(context, reg),
		 info->si_code);
	if (info->si_code > 0)
		base_say(" addr=0x%jx", (uintmax_t)(uintptr_t)info->si_addr);
	base_say("\n");
	dump_interrupted(context);
	if (base_where)
		base_where(false);
	signal(sig, SIG_DFL);
	/* What was sent does not happen again by itself. */
	if (info->si_code <= 0)
		os_signal_thread(os_thread_id(), sig);
}

static void pass_on(size_t which, siginfo_t *info, void *context)
{
	const struct sigaction copy = before[which], *old = &copy;

	if (old->sa_flags & (int)SA_RESETHAND)
		before[which] = (struct sigaction){ .sa_handler = SIG_DFL };
	if (is(old, SIG_IGN) && info->si_code <= 0)
		return;
	if (is(old, SIG_DFL) || is(old, SIG_IGN))
		crash(which, info, context);
	else if (old->sa_flags & SA_SIGINFO)
		old->sa_sigaction(signals[which].sig, info, context);
	else
		old->sa_handler(signals[which].sig);
}

static void caught(int sig, siginfo_t *info, void *context)
{
	struct stack_bounds b;
	struct m *m = arch_self();
	size_t which = 0;

	while (signals[which].sig != sig)
		which++;
	if (which < ANY && info->si_code > 0 && stack_find(info->si_addr, &b) &&
	    (char *)info->si_addr < b.lo)
		overflow(m ? m->g : NULL, (size_t)(b.hi - b.lo), context);
	pass_on(which, info, context);
}

void crash_init(void)
{
	struct sigaction sa = { .sa_sigaction = caught,
				.sa_flags = SA_SIGINFO | SA_ONSTACK };

	sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		if (sigaction(signals[i].sig, NULL, &before[i]) == 0 &&
		    (i < ANY || is(&before[i], SIG_DFL)))
			sigaction(signals[i].sig, &sa, NULL);
}

bool crash_thread(struct m *m)
{
	size_t n = signal_stack_size();
	stack_t ss = { .ss_size = n };

	ss.ss_sp = os_map(n, os_page());
	if (ss.ss_sp && sigaltstack(&ss, NULL) == 0) {
		m->signal_stack = ss.ss_sp;
		return true;
	}
	if (ss.ss_sp)
		os_unmap(ss.ss_sp, n);
	return false;
}

void crash_thread_end(struct m *m)
{
	stack_t ss = { .ss_flags = SS_DISABLE };

	if (!m->signal_stack)
		return;
	sigaltstack(&ss, NULL);
	os_unmap(m->signal_stack, signal_stack_size());
	m->signal_stack = NULL;
}
