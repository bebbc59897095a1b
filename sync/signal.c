/*
 * signal.c - signals, from the handler to channels and contexts.
 *
 *	handler, on any thread          watcher, a thread of its own
 *
 *	arrived |= signal               rung = 0
 *	rung = 1, wakes it   -------->  takes all of arrived: none? sleeps
 *	                                who wants them?  sends, cancels
 *
 * A signal that comes after the watcher has taken all finds rung 0 and sets it:
 * the watcher does not sleep.  One that came before is among those taken, since
 * the watcher's 0 replaced its 1.
 *
 *	signal   wanted             ignored by us      neither
 *	has      our handler        SIG_IGN            what it had before us
 *
 * The list of who wants what, and what the process had before, are under a lock.
 * It is held while values are sent, by trying, so that whoever has stopped a
 * channel gets no more, and what came before is sent; to cancel takes longer, and
 * is done without it.
 */
#include "leat/signal.h"

#include "leat/block.h"

#include "core/atomic.h"
#include "core/base.h"
#include "core/deadlock.h"
#include "core/lock.h"
#include "core/os.h"
#include "core/panic.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum { SIGNALS = 64, WATCHER_STACK = 64 << 10, WATCHER_NS = 20000 };

struct want {
	struct want *next;
	struct leat_chan_ *c; /* or */
	leat_ctx *ctx;
	int came;  /* which is to end the context; 0 */
	bool told; /* the context */
	uint64_t sigs;
	uint64_t last; /* no more wanted, but some may have come before */
};

static struct {
	struct lock lock;
	struct want *first;
	uint64_t handled, ignored; /* by us */
	struct sigaction before[SIGNALS + 1];
	bool watched;
} all;

/* The handler's. */
static _Atomic uint32_t inside;
static _Atomic uint64_t arrived;
static _Atomic uint32_t rung;

static uint64_t bit(int sig)
{
	return 1ull << (sig - 1);
}

/* -- which -- */

static bool can_be_had(int sig)
{
	switch (sig) {
	case SIGKILL:
	case SIGSTOP:
	case SIGSEGV:
	case SIGBUS:
	case SIGFPE:
	case SIGILL:
	case SIGTRAP:
		return false;
	default: /* the C library keeps some for itself */
		return sig >= 1 && sig <= SIGNALS &&
		       (sig < 32 || (sig >= SIGRTMIN && sig <= SIGRTMAX));
	}
}

/* 0: one of them cannot be had. */
static uint64_t set_of(const int *sigs, int n)
{
	uint64_t set = 0;

	for (int i = 0; i < n; i++) {
		if (!can_be_had(sigs[i]))
			return 0;
		set |= bit(sigs[i]);
	}
	for (int sig = 1; n == 0 && sig <= SIGNALS; sig++)
		if (can_be_had(sig))
			set |= bit(sig);
	return set;
}

static const char *const texts[] = {
	[SIGHUP] = "hangup",
	[SIGINT] = "interrupt",
	[SIGQUIT] = "quit",
	[SIGILL] = "illegal instruction",
	[SIGTRAP] = "trace/breakpoint trap",
	[SIGABRT] = "aborted",
	[SIGBUS] = "bus error",
	[SIGFPE] = "floating point exception",
	[SIGKILL] = "killed",
	[SIGUSR1] = "user defined signal 1",
	[SIGSEGV] = "segmentation fault",
	[SIGUSR2] = "user defined signal 2",
	[SIGPIPE] = "broken pipe",
	[SIGALRM] = "alarm clock",
	[SIGTERM] = "terminated",
};

#define NUMBER(n) "signal " #n
#define NUMBERS(t)                                                            \
	NUMBER(t##0), NUMBER(t##1), NUMBER(t##2), NUMBER(t##3), NUMBER(t##4), \
		NUMBER(t##5), NUMBER(t##6), NUMBER(t##7), NUMBER(t##8),       \
		NUMBER(t##9)

const char *leat_signal_text(int sig)
{
	static const char *const number[] = { NUMBERS(),  NUMBERS(1),
					      NUMBERS(2), NUMBERS(3),
					      NUMBERS(4), NUMBERS(5),
					      NUMBERS(6) };

	if (sig < 0 || sig > SIGNALS)
		return "unknown signal";
	if ((size_t)sig < ARRAY_LEN(texts) && texts[sig])
		return texts[sig];
	return number[sig];
}

/* -- the handler -- */

static void arrives(int sig)
{
	/* In the one order of all that is seq_cst, whoever has changed what the
	 * process does with it and then finds nobody inside finds it arrived:
	 * [signal.in] pairs with [signal.drained]. */
	a_add(&inside, 1, seq_cst);
	/* [signal.arrived] pairs with [signal.taken]. */
	a_or(&arrived, bit(sig), release);
	/* [signal.out] pairs with [signal.drained]. */
	a_sub(&inside, 1, release);
	/* [signal.rung] pairs with [signal.heard]. */
	a_store(&rung, 1, release);
	os_futex_wake(&rung, 1);
}

/* With the lock: what the process does with it, from now on. */
static void arrange(int sig, bool wanted)
{
	struct sigaction sa = { .sa_flags = SA_RESTART | SA_ONSTACK };
	bool ignored = all.ignored & bit(sig);
	bool ours = all.handled & bit(sig);

	sa.sa_handler = wanted ? arrives : SIG_IGN;
	sigfillset(&sa.sa_mask);
	if (wanted || ignored)
		sigaction(sig, &sa, ours ? NULL : &all.before[sig]);
	else if (ours)
		sigaction(sig, &all.before[sig], NULL);
	if (wanted || ignored)
		all.handled |= bit(sig);
	else
		all.handled &= ~bit(sig);
}

/* With the lock: after a change. */
static void arrange_all(uint64_t which)
{
	uint64_t wanted = 0;

	for (struct want *w = all.first; w; w = w->next)
		wanted |= w->sigs;
	for (; which; which &= which - 1) {
		int sig = __builtin_ctzll(which) + 1;

		arrange(sig, wanted & bit(sig));
	}
}

/* -- the watcher -- */

/* What came is sent; and what that was. */
static uint64_t send_to_all(void)
{
	uint64_t came, left;

	lock_take(&all.lock);
	/* [signal.taken] pairs with [signal.arrived]. */
	came = a_swap(&arrived, 0, acquire);
	for (left = came; left; left &= left - 1) {
		int sig = __builtin_ctzll(left) + 1;

		for (struct want *w = all.first; w; w = w->next) {
			if (!((w->sigs | w->last) & bit(sig)))
				continue;
			if (w->c)
				leat_chan_try_send_(w->c, &sig);
			else if (!w->came)
				w->came = sig;
		}
	}
	lock_drop(&all.lock);
	return came;
}

/* A context that is to be told, retained, and of what; NULL. */
static leat_ctx *next_ctx(int *sig)
{
	struct want *w;
	leat_ctx *ctx = NULL;

	lock_take(&all.lock);
	w = all.first;
	while (w && (!w->came || w->told))
		w = w->next;
	if (w) {
		w->told = true;
		ctx = leat_ctx_retain(w->ctx);
		*sig = w->came;
	}
	lock_drop(&all.lock);
	return ctx;
}

static void cancel_all(void)
{
	leat_ctx *ctx;
	int sig;

	while ((ctx = next_ctx(&sig)) != NULL) {
		leat_error cause = leat_errorf("%s signal received",
					       leat_signal_text(sig));

		leat_cancel_cause(ctx, cause);
		leat_error_release(cause);
		leat_ctx_release(ctx);
	}
}

/* Somebody waits for a signal. */
static bool may_come(void)
{
	lock_take(&all.lock);
	bool wanted = all.first != NULL;

	lock_drop(&all.lock);
	return wanted;
}

static struct deadlock_helper watcher = { .may_wake = may_come };

static void *watch(void *unused)
{
	(void)unused;
	os_be_nobodys();
	deadlock_add(&watcher);
	for (;;) {
		/* [signal.heard] pairs with [signal.rung]. */
		a_swap(&rung, 0, acquire);
		if (send_to_all())
			cancel_all();
		else
			os_futex_wait(&rung, 0, OS_NEVER);
	}
	return NULL;
}

/* -- who wants them -- */

/* With the lock. */
static struct want *find(const struct leat_chan_ *c, const leat_ctx *ctx)
{
	struct want *w = all.first;

	while (w && (w->c != c || w->ctx != ctx))
		w = w->next;
	return w;
}

/* 0, or -E...: nothing was done.  c or ctx is retained. */
static int add(struct leat_chan_ *c, leat_ctx *ctx, uint64_t sigs)
{
	struct want *fresh = calloc(1, sizeof(*fresh)), *w;
	int rc = fresh ? 0 : -ENOMEM;

	lock_take(&all.lock);
	if (rc == 0 && !all.watched)
		rc = os_thread(watch, NULL, WATCHER_STACK);
	if (rc == 0) {
		all.watched = true;
		w = find(c, ctx);
		if (!w) {
			w = fresh;
			fresh = NULL;
			w->c = leat_chan_retain_(c);
			w->ctx = leat_ctx_retain(ctx);
			w->next = all.first;
			all.first = w;
		}
		w->sigs |= sigs;
		arrange_all(sigs);
	}
	lock_drop(&all.lock);
	free(fresh);
	return rc;
}

/* The lock, when the watcher has sent what came of these, which the process does
 * not hand to us any more. */
static void lock_behind(uint64_t sigs)
{
	for (;;) {
		lock_take(&all.lock);
		/* [signal.drained] pairs with [signal.in], [signal.out]. */
		if (a_load(&inside, seq_cst) == 0 &&
		    !(a_load(&arrived, relaxed) & sigs))
			return;
		lock_drop(&all.lock);
		/* The watcher is a thread like any other. */
		leat_block_enter();
		os_sleep(WATCHER_NS);
		leat_block_exit();
	}
}

/* With the lock: it wants none of these any more. */
static void want_no_more(struct want *w, uint64_t sigs)
{
	w->last |= w->sigs & sigs;
	w->sigs &= ~sigs;
}

static void forget(struct leat_chan_ *c, leat_ctx *ctx)
{
	struct want **at = &all.first, *w;
	uint64_t sigs;

	lock_take(&all.lock);
	w = find(c, ctx);
	if (!w) {
		lock_drop(&all.lock);
		return;
	}
	sigs = w->sigs | w->last;
	want_no_more(w, sigs);
	arrange_all(sigs);
	lock_drop(&all.lock);

	lock_behind(sigs);
	w = find(c, ctx);
	if (w && w->sigs) {
		w->last = 0; /* somebody wants some again */
		w = NULL;
	}
	if (w) {
		while (*at != w)
			at = &(*at)->next;
		*at = w->next;
	}
	lock_drop(&all.lock);
	if (!w)
		return;
	leat_chan_release_(w->c);
	leat_ctx_release(w->ctx);
	free(w);
}

int leat_signal_notify_(struct leat_chan_ *c, const int *sigs, int n)
{
	uint64_t set = set_of(sigs, n);

	if (!c)
		panics("os/signal: Notify using nil channel");
	return set ? add(c, NULL, set) : -EINVAL;
}

void leat_signal_stop_(struct leat_chan_ *c)
{
	if (c)
		forget(c, NULL);
}

leat_ctx *leat_signal_ctx_(leat_ctx *parent, const int *sigs, int n)
{
	uint64_t set = set_of(sigs, n);
	leat_ctx *ctx = leat_with_cancel(parent);

	if (ctx && (!set || add(NULL, ctx, set) != 0)) {
		leat_ctx_release(ctx);
		ctx = NULL;
	}
	return ctx;
}

void leat_signal_ctx_stop(leat_ctx *ctx)
{
	if (!ctx)
		fatal("leat_signal_ctx_stop: nil context");
	leat_cancel(ctx);
	forget(NULL, ctx);
}

static int take_away(const int *sigs, int n, bool ignore)
{
	uint64_t set = set_of(sigs, n);

	if (!set)
		return -EINVAL;
	lock_take(&all.lock);
	for (struct want *w = all.first; w; w = w->next)
		want_no_more(w, set);
	if (ignore)
		all.ignored |= set;
	else
		all.ignored &= ~set;
	arrange_all(set);
	lock_drop(&all.lock);

	lock_behind(set);
	for (struct want *w = all.first; w; w = w->next)
		w->last &= ~set;
	lock_drop(&all.lock);
	return 0;
}

int leat_signal_ignore_(const int *sigs, int n)
{
	return take_away(sigs, n, true);
}

int leat_signal_reset_(const int *sigs, int n)
{
	return take_away(sigs, n, false);
}

bool leat_signal_ignored(int sig)
{
	struct sigaction sa;

	return sigaction(sig, NULL, &sa) == 0 && sa.sa_handler == SIG_IGN;
}
