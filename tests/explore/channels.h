/*
 * channels.h - channels for cases: the real files, threads that are not the
 * runtime's, and a plain list of values to compare them with.
 *
 *	thread              history                       afterwards
 *	put(c, 1)           a sent 1 on c    0 .. 3       is there an order in
 *	take(c)             b received 1     1 .. 4       which all this happens
 *	close_it(c)         b waits on c     5 ..         on plain lists, one
 *	                                                  after the other?
 *
 * What a thread did comes in the order in which it did it.  In a case that is
 * timed, what had ended comes before what began later; the clock is a word of
 * its own, so it orders more than there is without it.  Who still waits in the
 * end must have nothing to wait for by then.
 *
 * Elements are words that lie in boxes.  A payload comes with each value: the
 * sender writes it before, the receiver reads it after.  Boxes, payloads and
 * the queues of waiters are plain data, and watched: in WEAK only, since
 * elsewhere they would be nothing but more turns.
 */
#ifndef CHANNELS_H
#define CHANNELS_H

/* A program uses some of what is here. */
#pragma GCC diagnostic ignored "-Wunused-function"

#undef _FORTIFY_SOURCE /* its longjmp takes another stack for an error */
#include "core/park.h"
#include "tests/explore/engine.h"

#include <errno.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

enum {
	THREADS = 5,
	INIT = THREADS - 1,
	OPS = 4,
	CHANS = 2,
	VALUES = 8,
	ROOM = 1024
};

/* -- plain data, watched -- */

static uint64_t box[THREADS][OPS];
static int payload[VALUES], queues[CHANS]; /* payload[0]: a close's */
static _Alignas(CPU_LINE) char arena[CHANS][ROOM];

static bool races_are_found(void)
{
	return self && model->read;
}

/* What only the holder of a channel's LOCK may do. */
static void touch_queues(const void *chan)
{
	int i = chan != arena[0];

	if (races_are_found())
		d_write(&queues[i], d_read(&queues[i]) + 1);
}

static bool in_a_box(const void *at)
{
	return races_are_found() && at >= (void *)box &&
	       at < (void *)&box[THREADS];
}

static void *copy(void *to, const void *from, size_t n)
{
	uint64_t word;

	if (n != sizeof(word))
		return memcpy(to, from, n);
	word = in_a_box(from) ? d_read((uint64_t *)from) : *(uint64_t *)from;
	if (in_a_box(to))
		d_write((uint64_t *)to, word);
	else
		*(uint64_t *)to = word;
	return to;
}

static void *fill(void *at, int with, size_t n)
{
	if (in_a_box(at))
		d_write((uint64_t *)at, 0);
	return memset(at, with, n);
}

/* -- memory without addresses that change -- */

static int made, freed;

static void *give(size_t align, size_t n)
{
	ASSERT(align <= CPU_LINE && n <= ROOM && made < CHANS);
	return arena[made++];
}

static void get_back(void *at)
{
	if (!at)
		return;
	ASSERT(++freed <= made);
	for (int i = 0; i < VALUES && races_are_found(); i++)
		(void)d_read(&payload[i]);
}

/* -- chance: that a case tries, or not -- */

static int chances; /* 0: none */

/* For two cases: which is tried first, which is registered first. */
static uint32_t chance(uint32_t n)
{
	return chances ? (n - 1) * (uint32_t)explore_choose(2) : 0;
}

static bool a_light_is_heavy; /* there is a membarrier */

#define memcpy(to, from, n) copy(to, from, n)
#define memset(at, with, n) fill(at, with, n)
#define aligned_alloc(a, n) give(a, n)
#define free(at)            get_back(at)
#define m_below(n)          chance(n)
/* Who was slower tries again; who waits for another's LOCK, or window, goes on
 * when something has changed. */
#define backoff() ((void)0)
#include "sync/chan.h"
#undef backoff
#define backoff() a_spin()
#include "sync/waiter.c"
#undef backoff
#define backoff() ((void)0)

static inline struct m *touch_locked(struct leat_chan_ *c, struct m *m)
{
	touch_queues(c);
	return m;
}

#define chan_lock(c, m, flag) touch_locked(c, chan_lock(c, m, flag))
#define chan_unlock(c)        (touch_queues(c), chan_unlock(c))
#define chan_unlocked(c)      (touch_queues(c), chan_unlocked(c))
/* Who waits for LOCK wants to know of the word, and who waits for a peer to
 * leave its window of everything else: without this two of those would wake
 * each other for ever. */
static void look_at(const struct leat_chan_ *c, bool word)
{
	int n = 0;

	for (int i = 0; i < self->n_seen; i++)
		if ((self->seen[i].place->at == &c->word) == word)
			self->seen[n++] = self->seen[i];
	self->n_seen = n;
}

#include "sync/bias.c"
#define waiter_pause(m, turn) (look_at(c, true), waiter_pause(m, turn))
#include "sync/match.c"
#undef waiter_pause
#define waiter_pause(m, turn) (look_at(c, false), waiter_pause(m, turn))
#include "sync/chan.c"
#include "sync/deadline.c"
#include "sync/life.c"
#include "sync/select.c"
#include "sync/slow.c"
#include "sync/until.c"
#undef memcpy
#undef memset
#undef free

#include "tests/explore/world.h"

/* How many of the first threads are the runtime's.  They must not wait. */
static int workers;

void *explore_word(void)
{
	return self && explore_self() < workers ? &ms[explore_self()] : NULL;
}

bool m_touched(const void *what)
{
	bool found = false;

	for (int i = 0; i < workers; i++)
		found |= a_load(&ms[i].touching, acquire) == what;
	return found;
}

ASTRAY(struct m *, m_enter_slow, struct m *m)
ASTRAY(struct m *, park_part, struct m *m)
ASTRAY(void, park_spill, struct p *p, struct deque *q)
#ifndef WORLD_TIMERS
ASTRAY(void, ready_slow, struct m *m, struct g *g)
#endif
ASTRAY(void, wake_share, struct p *p, uint32_t keep)
ASTRAY(void, due_rouse, void)
ASTRAY(char *, stack_refill, struct stack_cache *c)
ASTRAY(struct g *, runq_pop, struct runq *q)
ASTRAY(leat_done, leat_ctx_done, leat_ctx *ctx)
ASTRAY(leat_error, leat_ctx_err, leat_ctx *ctx)
ASTRAY(leat_time, leat_after_now, leat_duration d)

const struct leat_error_value leat_no_memory_ = LEAT_ERROR("memory");

/* Of a send on a closed channel: back to who was about to note it. */
static jmp_buf panicked[THREADS];

void leat_panic_(struct leat_value v)
{
	if (strcmp(v.error->text, "send on closed channel"))
		explore_fail(v.error->text, 0, "panic");
	_longjmp(panicked[explore_self()], 1);
}

/* -- history -- */

enum { NONE = -1 };

static struct op {
	struct way {
		const struct leat_chan_ *c;
		bool sends;
		uint64_t value;
	} way[2];
	int n;    /* how many ways there are; 0: close */
	bool try; /* and may take none */
	int did;  /* the way it took */
	bool ok;  /* sent, received, closed */
	bool ended;
	int begin, end;
} history[THREADS][OPS];
static int count[THREADS];
static int news; /* closes that have begun */

static struct leat_chan_ *c, *d;
static bool timed;
static _Atomic uint32_t clock_word;

static int now_is(void)
{
	return timed ? (int)a_add(&clock_word, 1, acq_rel) : 0;
}

static struct op *begin_op(void)
{
	int t = explore_self();

	ASSERT(count[t] < OPS);
	struct op *o = &history[t][count[t]++];

	*o = (struct op){ .begin = now_is() };
	return o;
}

static void end_op(struct op *o, int did, bool ok)
{
	o->did = did;
	o->ok = ok;
	o->end = now_is();
	o->ended = true;
}

static uint64_t *box_of(const struct op *o)
{
	return &box[explore_self()][o - history[explore_self()]];
}

static void pack(uint64_t *at, uint64_t value)
{
	if (!races_are_found()) {
		*at = value;
		return;
	}
	if (value)
		d_write(&payload[value], (int)value);
	d_write(at, value);
}

static uint64_t unpack(uint64_t *at, bool ok)
{
	if (!races_are_found())
		return *at;

	uint64_t value = d_read(at);

	ASSERT(value < VALUES && ok == (value != 0));
	ASSERT(!ok || d_read(&payload[value]) == (int)value);
	return value;
}

static void add_way(struct op *o, struct leat_chan_ *on, bool sends,
		    uint64_t value)
{
	o->way[o->n++] = (struct way){ on, sends, value };
}

/* A wake may come to a frame that is gone, at an address where the next one
 * would be: so the next one lies elsewhere. */
#define APART() ((void)*(volatile char *)__builtin_alloca(ROOM))

/* -- operations -- */

static int op_put(struct leat_chan_ *on, uint64_t value, bool try)
{
	struct op *o = begin_op();

	o->try = try;
	add_way(o, on, true, value);
	pack(box_of(o), value);
	int rc = (try ? leat_chan_try_send_ : leat_chan_offer_)(on, box_of(o));

	end_op(o, rc == -EAGAIN ? NONE : 0, rc == 0);
	return rc;
}

static int op_take(struct leat_chan_ *on, bool try)
{
	struct op *o = begin_op();
	int rc;

	o->try = try;
	add_way(o, on, false, 0);
	pack(box_of(o), 0);
	if (try)
		rc = leat_chan_try_recv_(on, box_of(o));
	else
		rc = leat_chan_recv_(on, box_of(o)) ? 0 : -EPIPE;
	if (rc == -EPIPE && races_are_found())
		ASSERT(d_read(&payload[0]) == 1);
	o->way[0].value = unpack(box_of(o), rc == 0);
	end_op(o, rc == -EAGAIN ? NONE : 0, rc == 0);
	return rc;
}

/* What was done before a close is seen by who sees the channel closed. */
static void op_close(struct leat_chan_ *on)
{
	struct op *o = begin_op();

	o->way[0].c = on;
	if (races_are_found() && !news++)
		d_write(&payload[0], 1);
	end_op(o, 0, leat_chan_shut_(on) == 0);
}

/* The first was one operation; the rest of a batch, n in all, are more. */
static void op_rest(struct op *first, uint64_t n)
{
	int t = explore_self();

	for (uint64_t i = 1; i < n; i++) {
		struct op *o = &history[t][count[t]++];

		*o = *first;
		o->way[0].value = first->way[0].sends ? first->way[0].value + i
						      : unpack(box_of(o), true);
	}
}

/* Values from `value` on. */
static size_t op_put_n(struct leat_chan_ *on, uint64_t value, size_t n)
{
	struct op *o = begin_op();

	add_way(o, on, true, value);
	for (size_t i = 0; i < n; i++)
		pack(box_of(o) + i, value + i);
	size_t sent = leat_chan_send_n_(on, box_of(o), n);

	ASSERT(sent >= 1 && sent <= n);
	end_op(o, 0, true);
	op_rest(o, sent);
	return sent;
}

static size_t op_take_n(struct leat_chan_ *on, size_t n)
{
	struct op *o = begin_op();

	add_way(o, on, false, 0);
	for (size_t i = 0; i < n; i++)
		pack(box_of(o) + i, 0);
	size_t got = leat_chan_recv_n_(on, box_of(o), n);

	ASSERT(got <= n);
	o->way[0].value = unpack(box_of(o), got > 0);
	end_op(o, 0, got > 0);
	op_rest(o, got);
	return got;
}

/* Up to two ways; a value of 0 means to receive. */
static int op_select(struct leat_chan_ *on, uint64_t value,
		     struct leat_chan_ *on2, uint64_t value2, unsigned how,
		     int64_t until)
{
	struct op *o = begin_op();
	uint64_t *at[2] = { box_of(o), box_of(o) + OPS / 2 };
	struct leat_case k[2] = { 0 };
	bool ok[2] = { true, true };
	volatile int did;

	ASSERT(box_of(o) - box[explore_self()] < OPS / 2);
	o->try = how & LEAT_TRY_;
	add_way(o, on, value != 0, value);
	if (on2)
		add_way(o, on2, value2 != 0, value2);
	for (int i = 0; i < o->n; i++) {
		pack(at[i], o->way[i].value);
		k[i] = (struct leat_case){ (struct leat_chan_ *)o->way[i].c,
					   at[i], &ok[i], o->way[i].sends };
	}
	did = o->way[0].sends ? 0 : 1;
	if (_setjmp(panicked[explore_self()]) == 0)
		did = until == OS_NEVER
			      ? leat_select_(k, o->n, how)
			      : leat_select_until_(k, o->n, how, until);
	else
		ok[did] = false;
	if (did < 0 && !o->try) {
		/* It waited, and then it was as if it had never come. */
		count[explore_self()]--;
		return did;
	}
	if (did >= 0 && !o->way[did].sends)
		o->way[did].value = unpack(at[did], ok[did]);
	end_op(o, did, did >= 0 && ok[did]);
	return did;
}

#define OP(call)                       \
	({                             \
		__auto_type r_ = call; \
		APART();               \
		r_;                    \
	})
#define put(on, value)      OP(op_put(on, value, false))
#define try_put(on, value)  OP(op_put(on, value, true))
#define take(on)            OP(op_take(on, false))
#define try_take(on)        OP(op_take(on, true))
#define put_n(on, value, n) OP(op_put_n(on, value, n))
#define take_n(on, n)       OP(op_take_n(on, n))
#define close_it(on)        (op_close(on), APART())

/* By init(): what there is at the beginning. */
static void begin_with(struct leat_chan_ *on, uint64_t value)
{
	payload[value] = (int)value;
	ASSERT(leat_chan_offer_(on, &value) == 0);
	history[INIT][count[INIT]++] = (struct op){
		.way = { { on, true, value } },
		.n = 1,
		.ok = true,
		.ended = true,
		.end = -1,
	};
}

#include "tests/explore/lists.h"

static void tell_history(void)
{
	for (int t = 0; tracing && t < THREADS; t++)
		for (int i = 0; i < count[t]; i++) {
			const struct op *o = &history[t][i];

			trace(t, "%s %d of %d, %s, value %d  (%d .. %d)",
			      !o->ended ? "waits"
			      : o->n    ? "took way"
					: "closed",
			      o->did, o->n, o->ok ? "ok" : "not ok",
			      o->did >= 0 ? (int)o->way[o->did].value : -1,
			      o->begin, o->end);
		}
}

/* Every case's check. */
static void explained(void)
{
	struct lists first = { 0 };

	tell_history();
	while (first.done[INIT] < count[INIT])
		ASSERT(goes(&first, &history[INIT][first.done[INIT]++]));
	ASSERT(explains(&first));
	for (int i = 0; i < made; i++) {
		struct leat_chan_ *on = (void *)arena[i];

		ASSERT(!(a_load(&on->word, relaxed) & CHAN_LOCK));
	}
}

/* One channel, or two. */
static void make(int cap, int second)
{
	world_init(PROCS);
	workers = 0;
	memset(arena, 0, sizeof(arena));
	memset(history, 0, sizeof(history));
	memset(count, 0, sizeof(count));
	memset(box, 0, sizeof(box));
	memset(payload, 0, sizeof(payload));
	memset(queues, 0, sizeof(queues));
	made = freed = chances = news = 0;
	timed = false;
	clock_word = 0;
	c = leat_chan_make_(sizeof(uint64_t), cap);
	d = second >= 0 ? leat_chan_make_(sizeof(uint64_t), second) : NULL;
	a_store(&c->bias.foreign, true, relaxed); /* no news */
	if (d)
		a_store(&d->bias.foreign, true, relaxed);
	explore_name(arena[0], ROOM, "c");
	explore_name(arena[1], ROOM, "d");
	explore_name(box, sizeof(box), "box");
	explore_name(payload, sizeof(payload), "payload");
	explore_name(queues, sizeof(queues), "queues");
	explore_name((void *)&clock_word, sizeof(clock_word), "clock");
}

/* Thread a is the runtime's and has them for itself. */
static void bias(int n)
{
	workers = n;
	c->bias.home = (uintptr_t)&ms[0];
	c->bias.foreign = false;
	if (d) {
		d->bias.home = (uintptr_t)&ms[0];
		d->bias.foreign = false;
	}
	explore_name(ms, sizeof(ms), "M");
}

/* -- a table of cases -- */

/* How a case begins, or what a thread does. */
#define DOES(name, ...)        \
	static void name(void) \
	{                      \
		__VA_ARGS__;   \
	}
#define BEGINS(...) DOES(__VA_ARGS__)

#define SC     EXPLORE_SC
#define TSO    EXPLORE_TSO
#define WEAK   EXPLORE_WEAK
#define STRONG (SC | TSO)
#define ALL    (STRONG | WEAK)
#define ANY    EXPLORE_ANY
#define ROW(n, modes, bound, start, ...)                                       \
	.name = #n, .init = start, .passes = modes, .thread = { __VA_ARGS__ }, \
	.may_sleep = true, .preemptions = bound
#define ENDS(end, ...)                         \
	{                                      \
		ROW(__VA_ARGS__), .check = end \
	}
/* Too many for the mutants. */
#define MANY(end, ...)                                        \
	{                                                     \
		ROW(__VA_ARGS__), .check = end, .large = true \
	}
#define CASE(...)                                    \
	{                                            \
		ROW(__VA_ARGS__), .check = explained \
	}
#define LARGE(...)                                               \
	{                                                        \
		ROW(__VA_ARGS__), .check = explained, .large = 1 \
	}

#endif
