/*
 * shot.c - copies of the stacks of goroutines that go on.
 *
 *	dump thread                       whoever resumes g (live.h)
 *
 *	rest = HELD                       live = 1
 *	heavy fence                       light fence
 *	live == 0?                        rest == HELD: not now
 *	   yes: copy; rest as it was
 *
 *	dump thread                       a thread that runs one
 *
 *	m->shot = an empty one
 *	a signal  --------------------->  handler: takes m->shot
 *	done? -------- 0.2 s --------.         copies
 *	   takes m->shot back        '---  done = 1
 *
 * Whoever takes m->shot, by a swap, has it: the handler until it is done, which is
 * microseconds; the dump thread for the next copy, which leaves LATE there, so that
 * a signal that comes after all is nobody else's.  The trimmer holds goroutines
 * the same way, so one of the two works at a time (trim_holds).
 *
 * Nothing is reclaimed: Gs and Ms are never freed, and a stack that is copied is
 * its goroutine's, which is held, or executes the handler that copies.
 */
#include "core/shot.h"

#include "core/live.h"
#include "core/os.h"
#include "core/park.h"
#include "core/sched.h"
#include "core/trim.h"

#include <signal.h>

#include "sanitize.h"

#define ANSWER_NS 200000000ll

static struct shot *shots;
static struct sigaction urgent; /* what SIGURG was for before */

/* Instead of a shot: nobody waits for it any more. */
#define LATE ((struct shot *)&urgent)

bool shot_room(void)
{
	if (!shots)
		shots = os_map(SHOTS * sizeof(struct shot), os_page());
	return shots != NULL;
}

struct shot *shot(size_t i)
{
	return &shots[i];
}

/* -- a stack -- */

/* Word by word and unseen by sanitizers: parts of it are poisoned, and it is not
 * ours. */
SANITIZE_NOT static void copy(char *to, const char *from, size_t n)
{
	uintptr_t *t = (uintptr_t *)to;
	const uintptr_t *f = (const uintptr_t *)from;

	for (size_t i = 0; i < n / sizeof(*t); i++) {
		t[i] = f[i];
		__asm__("" ::: "memory"); /* no call of memcpy */
	}
}

/* What is there from sp to hi. */
static void copy_stack(struct shot *s, uintptr_t sp, uintptr_t hi)
{
	size_t n = hi - sp < SHOT_COPY ? hi - sp : SHOT_COPY;

	sp &= ~(sizeof(sp) - 1);
	copy(s->bytes, (const char *)sp, n); // NOLINT
	s->from.at = sp;
	s->from.bytes = s->bytes;
	s->from.n = n & ~(sizeof(sp) - 1);
	s->from.cut = n == SHOT_COPY;
}

/* g is held, and not dead. */
static void take_held(struct shot *s, struct g *g)
{
	uintptr_t sp = (uintptr_t)g->ctx.sp, hi = (uintptr_t)g->stack;

	s->g = g;
	s->taken = true;
	say_take(&s->say, g, say_state(g));
	if (s->rest == REST_SEEN || s->rest == REST_DONE)
		s->say.minutes = ((uint32_t)(os_now() / 1000000000) -
				  a_load(&g->since, relaxed)) /
				 60;
	s->from = (struct unwind_from){ .pc = (uintptr_t)g->ctx.pc };
	s->from.reg[ARCH_REGISTER_FP] = (uintptr_t)g->ctx.fp;
	s->from.reg[ARCH_REGISTER_SP] = sp;
	/* Else it has not run yet, and sp is another's. */
	if (s->from.pc && hi && sp <= hi)
		copy_stack(s, sp, hi);
}

/* -- those that are held -- */

void shot_held(struct g **g, size_t n)
{
	struct shot *s = shots;

	lock_take(&trim_holds);
	for (size_t i = 0; i < n; i++)
		/* [dump.hold] pairs with [trim.seen]. */
		s[i].rest = a_swap(&g[i]->rest, REST_HELD, acquire);
	a_heavy();
	for (size_t i = 0; i < n; i++) {
		s[i].taken = false;
		if (!live_hold(&g[i]->ctx.live, &g[i]->rest))
			continue;
		/* [shot.state] pairs with [go.runnable], [go.at_hand]. */
		switch (a_load(&g[i]->state, acquire)) {
		case G_WAITING:
		case G_RUNNABLE:
			take_held(&s[i], g[i]);
			break;
		}
		live_let_go(&g[i]->rest, s[i].rest);
	}
	lock_drop(&trim_holds);
}

/* -- those that run -- */

static void answer(struct shot *s, struct m *m, const void *context)
{
	struct g *g = m->g;
	struct stack_bounds b;

	if (!g || !g->stack)
		return;
	s->from.pc = arch_registers(context, s->from.reg);
	s->from.whole = true;
	b = stack_bounds_of(g->stack, g->stack_size);
	if (s->from.reg[ARCH_REGISTER_SP] < (uintptr_t)b.lo ||
	    s->from.reg[ARCH_REGISTER_SP] > (uintptr_t)b.hi)
		return;
	s->g = g;
	s->taken = true;
	say_take(&s->say, g,
		 a_load(&m->blocked, relaxed) ? "syscall" : "running");
	copy_stack(s, s->from.reg[ARCH_REGISTER_SP], (uintptr_t)b.hi);
}

static void asked(int sig, siginfo_t *info, void *context)
{
	struct m *m = arch_self();
	/* [dump.asked] pairs with [dump.ask]. */
	struct shot *s = m ? a_swap(&m->shot, NULL, acquire) : NULL;

	if (s == LATE)
		return;
	if (s) {
		answer(s, m, context);
		/* [dump.answer] pairs with [dump.answered], [dump.late]. */
		a_store(&s->done, 1, release);
		os_futex_wake(&s->done, 1);
	} else if (urgent.sa_flags & SA_SIGINFO) {
		urgent.sa_sigaction(sig, info, context);
	} else if (urgent.sa_handler != SIG_DFL &&
		   urgent.sa_handler != SIG_IGN) {
		urgent.sa_handler(sig);
	}
}

void shot_listen(void)
{
	struct sigaction sa = { .sa_sigaction = asked,
				.sa_flags =
					SA_SIGINFO | SA_ONSTACK | SA_RESTART };

	/* A handler that is left by a jump would leave us with half a copy. */
	sigfillset(&sa.sa_mask);
	sigaction(SIGURG, &sa, &urgent);
}

/* Others may have taken the signal since. */
static bool listening(void)
{
	struct sigaction now;

	return sigaction(SIGURG, NULL, &now) == 0 &&
	       now.sa_flags & SA_SIGINFO && now.sa_sigaction == asked;
}

static void ask(struct shot *s, struct m *m)
{
	s->taken = false;
	a_store(&s->done, 0, relaxed);
	/* [dump.ask] pairs with [dump.asked]: the shot. */
	a_store(&m->shot, s, release);
	if (!listening() ||
	    os_signal_thread(a_load(&m->tid, relaxed), SIGURG) != 0)
		a_store(&s->done, 1, relaxed);
}

/* True: it has answered.  Else the shot is taken back from it, if it has not begun;
 * a handler that has does not take long. */
static bool await(struct shot *s, struct m *m, int64_t until)
{
	while (os_now() < until) {
		/* [dump.answered] pairs with [dump.answer]. */
		if (a_load(&s->done, acquire) == 1) {
			a_store(&m->shot, NULL, relaxed);
			return s->taken;
		}
		os_futex_wait(&s->done, 0, until);
	}
	if (a_swap(&m->shot, LATE, relaxed) == s)
		return false;
	a_store(&m->shot, NULL, relaxed);
	/* [dump.late] pairs with [dump.answer]. */
	while (a_load(&s->done, acquire) == 0)
		a_yield();
	return s->taken;
}

const struct shot *shot_of(struct m *m)
{
	ask(&shots[0], m);
	return await(&shots[0], m, os_now() + ANSWER_NS) ? &shots[0] : NULL;
}

size_t shot_running(size_t *at, const struct m *except)
{
	struct m *m[SHOTS];
	size_t n = spare_running(m, SHOTS, at);
	int64_t until = os_now() + ANSWER_NS;

	for (size_t i = 0; i < n; i++)
		if (m[i] != except)
			ask(&shots[i], m[i]);
	for (size_t i = 0; i < n; i++)
		shots[i].taken =
			m[i] != except && await(&shots[i], m[i], until);
	return n;
}
