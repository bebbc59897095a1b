/*
 * panic.c - deferred calls, panics, and how a function returns early.
 *
 *	the stack, older frames above              the chain, newest first
 *
 *	f     leat_recoverable: frame F  <---------.
 *	      leat_defer: d1, d2                   d1 -> F
 *	g     leat_defer: d3                       ^
 *	h     leat_panic                           d2 -> F
 *	        record P                           ^
 *	        runs d3, d2, d1 from here          d3 -> nowhere
 *	d2      leat_recover: P is recovered       ^
 *	                                           defers.last
 *	back in P's loop: d1 runs, then jump to F, where f returns
 *
 * A record stands for each thing under way that runs deferred calls, newest
 * first, and lies in the frame that does it:
 *
 *	PANIC   runs all there are until one recovers it
 *	EXIT    leat_goexit: runs all there are; nothing recovers it
 *	COVER   a block that is left while one of these waits further out: a
 *	        call of leat_recover in there is not about that one
 *
 * leat_recover looks at the newest record only.  A jump to a frame drops the
 * records below it, which are newer: a panic that was replaced by another, or
 * one whose deferred call was left.  If a goroutine's end is among them, it ends
 * all the same, as Go has it.
 *
 * Nothing is shared: chain and records belong to one goroutine, or one thread
 * that is not the runtime's, and are reached by it only.
 */
#include "core/panic.h"

#include "core/base.h"
#include "core/carry.h"
#include "core/m.h"
#include "core/value.h"
#include "leat/go.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>

#include "sanitize.h"

enum record { PANIC, EXIT, COVER };

struct leat_panic_state_ {
	struct leat_panic_state_ *older;
	struct leat_deferred_ *call; /* under way */
	struct leat_value value;
	enum record kind;
	bool recovered;
	bool again; /* a newer one has the same value */
	void *sp;   /* of its frame */
};

/* -- whose chain -- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;

static void make_key(void)
{
	if (pthread_key_create(&key, free) != 0)
		fatal("leat_defer: no key for this thread");
}

static COLD struct leat_defers_ *of_thread(void)
{
	struct leat_defers_ *ds;

	pthread_once(&once, make_key);
	ds = pthread_getspecific(key);
	if (!ds) {
		ds = calloc(1, sizeof(*ds));
		if (!ds || pthread_setspecific(key, ds) != 0)
			fatal("leat_defer: no memory for this thread");
	}
	return ds;
}

static ALWAYS_INLINE struct leat_defers_ *mine(void)
{
	struct m *m = arch_self();

	return likely(m && m->g) ? &m->g->defers : of_thread();
}

struct leat_defers_ *leat_defers_of_caller_(void)
{
	return mine();
}

/* -- defer -- */

void leat_defer_nil_(void)
{
	fatal("defer of nil func value");
}

void panic_defer(struct leat_deferred_ *d, leat_fn_ *fn, void *arg)
{
	struct leat_defers_ *ds = mine();

	*d = (struct leat_deferred_){ .next = ds->last,
				      .fn = fn,
				      .word = { (uintptr_t)arg } };
	ds->last = d;
}

void panic_take_back(struct leat_deferred_ *d)
{
	mine()->last = d->next;
}

/* Make r the newest record. */
static void begin(struct leat_defers_ *ds, struct leat_panic_state_ *r,
		  void *sp)
{
	r->sp = sp;
	r->older = ds->panic;
	ds->panic = r;
}

/* By an exception, too. */
static void uncover(struct leat_panic_state_ *cover)
{
	mine()->panic = cover->older;
}

COLD void leat_deferred_covered_(struct leat_deferred_ *d)
{
	__attribute__((cleanup(uncover))) struct leat_panic_state_ cover = {
		.kind = COVER,
	};

	begin(mine(), &cover, __builtin_frame_address(0));
	leat_deferred_call_(d);
}

/* -- the way out -- */

/* Panics that run deferred calls, in all goroutines. */
static _Atomic uint32_t under_way;

/* Forget the records below sp.  Was one of them the goroutine's end? */
static bool drop(struct leat_defers_ *ds, void *sp)
{
	struct leat_panic_state_ *r = ds->panic;
	bool exits = false;

	for (; r && (char *)r->sp < (char *)sp; r = r->older) {
		exits |= r->kind == EXIT;
		if (r->kind == PANIC)
			a_sub(&under_way, 1, relaxed);
		if (r->value.kind == LEAT_VALUE_ERROR)
			leat_error_release(r->value.error);
	}
	ds->panic = r;
	return exits;
}

void leat_frame_count_(struct leat_frame *frame)
{
	struct m *m = arch_self();

	frame->counts_ = m != NULL;
	if (m)
		carry_count(m, &frame->caught_, &frame->on_their_way_);
}

/* The function whose frame it is returns. */
static _Noreturn void go_back(struct leat_defers_ *ds, struct leat_frame *frame)
{
	if (drop(ds, frame->sp_))
		leat_goexit();
	while (ds->last && ds->last->frame == frame)
		leat_deferred_run_(ds->last);
	if (frame->counts_)
		carry_only(frame->caught_, frame->on_their_way_);
	sanitize_jump(frame);
}

static void thrown(bool *returned)
{
	if (!*returned)
		fatal("C++ exception out of a deferred call that a panic or "
		      "leat_goexit ran");
}

static void call(const struct leat_deferred_ *d)
{
	__attribute__((cleanup(thrown))) bool returned = false;

	leat_deferred_call_(d);
	returned = true;
}

static void run_all(struct leat_defers_ *ds, struct leat_panic_state_ *r)
{
	struct leat_deferred_ *d;

	while ((d = ds->last)) {
		ds->last = d->next;
		r->call = d;
		call(d);
		if (r->recovered)
			go_back(ds, d->frame);
	}
}

__attribute__((noinline)) void panic_exit(void)
{
	struct leat_defers_ *ds = mine();
	struct leat_panic_state_ end = { .kind = EXIT };

	begin(ds, &end, __builtin_frame_address(0));
	run_all(ds, &end);
	drop(ds, (void *)UINTPTR_MAX);
}

/* -- panic and recover -- */

static bool same(const struct leat_value *a, const struct leat_value *b)
{
	return a->kind == b->kind && a->u == b->u;
}

static struct leat_panic_state_ *uncovered(struct leat_panic_state_ *r)
{
	while (r && r->kind == COVER)
		r = r->older;
	return r;
}

/* A newer one with the same value is the same panic, raised again. */
static void mark_again(struct leat_panic_state_ *r)
{
	struct leat_panic_state_ *older;

	for (; r; r = older) {
		older = uncovered(r->older);
		if (older && older->kind == PANIC && r->kind == PANIC)
			older->again = same(&r->value, &older->value);
	}
}

/* From the oldest on, each a step further in; the words are Go's. */
static void tell(struct leat_panic_state_ *r)
{
	struct leat_panic_state_ *older = uncovered(r->older);

	if (older) {
		tell(older);
		if (older->again)
			return;
		if (older->kind == PANIC)
			base_say("\t");
	}
	if (r->kind == EXIT)
		return;
	base_say("panic: ");
	value_say(&r->value);
	if (r->recovered)
		base_say(r->again ? " [recovered, repanicked]"
				  : " [recovered]");
	base_say("\n");
}

COLD static _Noreturn void uncaught(struct leat_panic_state_ *r)
{
	base_dying();
	mark_again(r);
	tell(r);
	base_end();
}

/* The process ends by something else. */
void panic_tell(void)
{
	struct leat_panic_state_ *r = uncovered(mine()->panic);

	if (r && r->kind == PANIC) {
		mark_again(r);
		tell(r);
		base_say("\t");
	}
}

/* The process ends; let panics that nobody recovers be first, which is a matter of
 * a few turns.  After Go's. */
void panic_settle(void)
{
	for (int i = 0; i < 1000 && a_load(&under_way, relaxed) != 0; i++)
		leat_yield();
}

void leat_terminate_(const char *what, const char *text)
{
	base_dying();
	base_put(what ? "panic: C++ exception " : "panic: std::terminate");
	if (what)
		base_put(what);
	if (text) {
		base_put(": ");
		base_put(text);
	}
	base_put("\n");
	base_end();
}

/* Not inline: the record's place is that of its frame. */
__attribute__((noinline)) void leat_panic_(struct leat_value v)
{
	static const struct leat_error_value nil =
		LEAT_ERROR("panic called with nil argument");
	struct leat_defers_ *ds = mine();
	struct leat_panic_state_ p = { .kind = PANIC, .value = v };

	if (value_is_nil(&v)) {
		p.value.kind = LEAT_VALUE_ERROR;
		p.value.error = &nil;
	}
	begin(ds, &p, __builtin_frame_address(0));
	a_add(&under_way, 1, relaxed);
	run_all(ds, &p);
	uncaught(&p);
}

void leat_panicf(const char *format, ...)
{
	struct leat_value v = { .kind = LEAT_VALUE_ERROR };
	va_list args;

	va_start(args, format);
	v.error = error_make(NULL, format, args);
	va_end(args);
	leat_panic_(v);
}

bool panic_runs(void)
{
	const struct leat_panic_state_ *r = mine()->panic;

	return r && r->kind == PANIC && !r->recovered;
}

bool leat_recover(struct leat_value *v)
{
	struct leat_panic_state_ *r = mine()->panic;

	if (likely(!r) || r->kind != PANIC || r->recovered)
		return false;
	if (!r->call->frame)
		fatal("leat_recover: the function that deferred this call does "
		      "not say leat_recoverable before it");
	r->recovered = true;
	if (v) {
		*v = r->value;
		if (v->kind == LEAT_VALUE_ERROR)
			leat_error_retain(v->error);
	}
	return true;
}
