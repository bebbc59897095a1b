/*
 * go.c - goroutines begin, say where they run, and end.
 *
 *	leat_go     reserve a stack, take a G, fill it, queue it
 *	            (no stack yet: it gets one when it is dispatched)
 *	arch_begin  its first steps, on its own stack
 *	arch_end    its function returned
 */
#include "leat/go.h"

#include "core/base.h"
#include "core/go.h"
#include "core/panic.h"
#include "core/park.h"
#include "core/sched.h"

#include <errno.h>

#include "sanitize.h"

static void require_running(const char *call)
{
	if (a_load(&sched.phase, relaxed) == SCHED_FORKED)
		fatal("%s: a call into the runtime in the child of a fork",
		      call);
	if (a_load(&sched.phase, relaxed) == SCHED_OFF)
		fatal("%s: the runtime is not running; see leat_run", call);
}

static ALWAYS_INLINE void fill(struct g *g, leat_fn_ *fn, int argc,
			       const uintptr_t *argv, const void *site)
{
	g->call.fn = fn;
	for (int i = 0; i < argc; i++)
		g->call.arg[i] = argv[i];
	g->ctx.pc = NULL; /* birth, at the first dispatch */
	/* [go.fresh] pairs with [live.hold]: a trimmer that sees this does not
	 * see what the G was before. */
	a_store(&g->ctx.live, 0, release);
	g->stack_size = sched.options.stack;
	g->sized = false;
	g->at_end = NULL;
	g->name = NULL;
	g->reason = G_NOTHING;
	g->site = site;
}

/* -- attributes -- */

static void refuse_bad(const struct leat_attr *a)
{
	if (a->stack > STACK_MAX)
		fatal("leat_go_with: stack size %zu out of range (at most %lu)",
		      a->stack, STACK_MAX);
	if (a->place == LEAT_ON_P &&
	    (a->index < 0 || a->index >= a_load(&sched.procs, relaxed)))
		fatal("leat_go_with: no P %d", a->index);
	if (a->place == LEAT_ON_NODE &&
	    (a->index < 0 || a->index >= sched.topology.nodes))
		fatal("leat_go_with: no node %d", a->index);
	if (a->place > LEAT_ON_NODE)
		fatal("leat_go_with: unknown place %d", (int)a->place);
}

/* A stack of its own size is taken now: there may be no memory for it. */
static bool size(struct g *g, size_t size)
{
	if (size == 0 || size == sched.options.stack)
		return true;
	if (size < STACK_MIN)
		size = STACK_MIN;
	g->stack = stack_take_sized(size);
	g->stack_size = stack_round(size);
	g->sized = g->stack != NULL;
	return g->sized;
}

/* Some P of the node, each in its turn; NULL: the node has none in use. */
static struct p *some_p(int node)
{
	static _Atomic uint32_t turn;
	int procs = a_load(&sched.procs, relaxed);
	uint32_t from = a_add(&turn, 1, relaxed);

	for (int i = 0; i < procs; i++) {
		struct p *p =
			sched_p((int)((from + (uint32_t)i) % (uint32_t)procs));

		if (p->node == node)
			return p;
	}
	return NULL;
}

static void place(struct m *m, struct g *g, const struct leat_attr *a)
{
	struct p *p = a && a->place == LEAT_ON_NODE ? some_p(a->index) : NULL;

	if (p)
		wake_place(p, g);
	else if (a && a->place == LEAT_ON_P)
		wake_place(sched_p(a->index), g);
	else if (a && a->place == LEAT_ON_NODE)
		wake_submit(a->index, &g, 1);
	else if (m)
		park_spawned(m, g);
	else
		wake_submit(0, &g, 1);
}

/* -- with a P, and without -- */

static void count(struct m *m)
{
	struct p *p;

	if (!m) {
		a_add(&sched.started, 1, relaxed);
		return;
	}
	p = m_p(m);
	a_store(&p->started, a_load(&p->started, relaxed) + 1, relaxed);
}

/* Before there is any thread: P 0 will find it. */
static void first(struct g *g)
{
	a_store(&g->id, GO_MAIN, relaxed);
	deque_push_back(&sched_p(0)->fifo, g);
}

/* Of the goroutine that runs on m; 0: none does. */
static uint64_t id_of(const struct m *m)
{
	return m && m->g ? a_load(&m->g->id, relaxed) : 0;
}

static COLD int start_with(struct m *m, const struct leat_attr *a,
			   const struct go_extra *extra, leat_fn_ *fn, int argc,
			   const uintptr_t *argv)
{
	struct g *g = m ? g_take(&m_p(m)->gs) : g_take_shared();
	bool sized = a && a->stack && a->stack != sched.options.stack;

	if (!g)
		return -ENOMEM;
	fill(g, fn, argc, argv, extra ? extra->site : NULL);
	if (sized ? !size(g, a->stack)
		  : (m ? stack_reserve(&m_p(m)->stacks)
		       : stack_reserve_shared()) != 0) {
		if (m)
			g_give(&m_p(m)->gs, g);
		else
			g_give_shared(g);
		return -ENOMEM;
	}
	if (a)
		g->name = a->name;
	g->parent = id_of(m);
	if (extra) {
		g->at_end = extra->end.f;
		g->at_end_arg = extra->end.arg;
		if (extra->last)
			g->parent = extra->parent;
	}
	count(m);
	/* [go.runnable] pairs with [shot.state]: what it is. */
	a_store(&g->state, G_RUNNABLE, release);
	if (extra && extra->main)
		first(g);
	else if (extra && extra->last && m)
		park_push(m_p(m), &m_p(m)->fifo, g);
	else
		place(m, g, a);
	return 0;
}

int go_start(const struct leat_attr *a, const struct go_extra *extra,
	     leat_fn_ *fn, int argc, const uintptr_t *argv)
{
	if (!fn)
		fatal("go of nil func value");
	require_running("leat_go");
	if (a)
		refuse_bad(a);

	struct m *m = m_enter();
	int rc = start_with(m, a, extra, fn, argc, argv);

	if (m)
		m_leave(m);
	return rc;
}

int go_start_inside(struct m *m, const struct go_extra *extra, leat_fn_ *fn,
		    int argc, const uintptr_t *argv)
{
	return start_with(m, NULL, extra, fn, argc, argv);
}

/* Is everything a plain goroutine needs at hand? */
static ALWAYS_INLINE bool at_hand(struct p *p)
{
	return p->stacks.credit > 0 && p->gs.n > 0 &&
	       p->gs.id != p->gs.id_end && deque_len(&p->fresh) < DEQUE_CAP;
}

static __attribute__((noinline)) int go_slow(const struct leat_attr *attr,
					     leat_fn_ *fn, int argc,
					     const uintptr_t *argv,
					     const void *site)
{
	struct go_extra extra = { .site = site };

	return go_start(attr, &extra, fn, argc, argv);
}

NOT_INLINE int leat_go_(const struct leat_attr *attr, leat_fn_ *fn, int argc,
			const uintptr_t *argv)
{
	struct m *m;

	if (unlikely(attr || !fn || !(m = m_enter())))
		return go_slow(attr, fn, argc, argv,
			       __builtin_return_address(0));

	struct p *p = m_p(m);

	if (unlikely(!at_hand(p))) {
		m_leave(m);
		return go_slow(NULL, fn, argc, argv,
			       __builtin_return_address(0));
	}
	stack_reserve(&p->stacks);

	struct g *g = g_take(&p->gs);

	fill(g, fn, argc, argv, __builtin_return_address(0));
	g->parent = id_of(m);
	a_store(&p->started, a_load(&p->started, relaxed) + 1, relaxed);
	/* [go.at_hand] pairs with [shot.state]. */
	a_store(&g->state, G_RUNNABLE, release);
	deque_push_back(&p->fresh, g);
	wake_if_hungry(p, 1);
	m_leave(m);
	return 0;
}

/* -- begin and end -- */

SANITIZE_SWITCHES struct arch_call *arch_begin(void *with)
{
	struct m *m = with;
	struct g *g = m->g;

	sanitize_arrive(&g->fiber);
	struct p *p = m_p(m);

	*m->err = 0;
	wake_if_hungry(p, p->behind);
	p->behind = 0;
	m_leave(m);
	return &g->call;
}

SANITIZE_SWITCHES static ALWAYS_INLINE _Noreturn void end(struct m *m,
							  uintptr_t result)
{
	struct g *g = m->g;

	if (unlikely(g->at_end != NULL))
		m = g->at_end(m, g->at_end_arg, result);
	park_end(m);
}

SANITIZE_SWITCHES _Noreturn void arch_end(uintptr_t result)
{
	struct m *m = arch_self();

	/* It has left a catch by a panic. */
	if (unlikely(carry_any(m)))
		carry_only(NULL, 0);
	if (unlikely(id_of(m) == GO_MAIN))
		panic_settle();
	m = m_enter();
	if (unlikely(id_of(m) == GO_MAIN))
		go_main_ended((int)result);
	end(m, result);
}

_Noreturn void leat_goexit(void)
{
	struct m *m = arch_self();

	if (!m)
		fatal("leat_goexit on a thread that runs no goroutine");
	if (a_load(&m->blocked, relaxed))
		fatal("leat_goexit inside leat_block_enter");
	panic_exit();
	carry_only(NULL, 0);
	end(m_enter(), 0);
}

/* -- the calling goroutine -- */

void leat_yield(void)
{
	struct m *m = m_enter();

	if (!m) {
		a_yield();
		return;
	}
	m_leave(yield(m));
}

uint64_t leat_goid(void)
{
	struct m *m = arch_self();

	return id_of(m);
}

int leat_errno(void)
{
	return os_errno();
}

void leat_errno_set(int e)
{
	os_errno_set(e);
}

size_t leat_goroutine_count(void)
{
	uint64_t ended = 0, started = 0;

	/* [go.ended] pairs with [park.ended]: who is counted as ended is
	 * counted as started, below. */
	for (int i = 0; i < TOPOLOGY_PROCS_MAX && sched_p(i); i++)
		ended += a_load(&sched_p(i)->ended, acquire);
	for (int i = 0; i < TOPOLOGY_PROCS_MAX && sched_p(i); i++)
		started += a_load(&sched_p(i)->started, relaxed);
	return started + a_load(&sched.started, relaxed) - ended;
}

static void bind(struct m *m, struct g *g)
{
	m->bonds += g->bound == NULL;
	g->bound = m;
}

static void unbind(struct m *m, struct g *g)
{
	if (g->pins || g->thread_locks)
		return;
	g->bound = NULL;
	m->bonds--;
}

void leat_pin(void)
{
	struct m *m = m_enter();

	if (!m)
		return;
	if (++m->g->pins == 0)
		fatal("leat_pin: nested too deep");
	bind(m, m->g);
	m_leave(m);
}

void leat_unpin(void)
{
	struct m *m = m_enter();

	if (!m)
		return;
	if (m->g->pins-- == 0)
		fatal("leat_unpin without leat_pin");
	unbind(m, m->g);
	m_leave(m);
}

void leat_thread_lock(void)
{
	struct m *m = m_enter();

	if (!m)
		return;
	if (++m->g->thread_locks == 0)
		fatal("leat_thread_lock: nested too deep");
	bind(m, m->g);
	m->wired += m->g->thread_locks == 1;
	a_store(&m_p(m)->attention, 1, relaxed);
	m_leave(m);
}

void leat_thread_unlock(void)
{
	struct m *m = m_enter();

	if (!m)
		return;
	if (m->g->thread_locks == 0)
		fatal("leat_thread_unlock without leat_thread_lock");
	m->wired -= --m->g->thread_locks == 0;
	unbind(m, m->g);
	m_leave(m);
}
