/*
 * grace.c - who reads now, and what is put off until nobody does.
 *
 *	queue    what is put off         stacks by P, pushed by anybody
 *	line     what is over without    by P, oldest first, each with the number
 *	         a word to anybody       of grace periods begun when it came
 *	soon     what is to be done      a stack, pushed by anybody
 *	finish   who waits               a stack, pushed by them
 *	state    of the reaper: AWAKE; NAPS: gathers for two milliseconds; SLEEPS:
 *	         there was nothing.  Written by it; to AWAKE by who wakes it
 *
 *	who puts off                    the reaper
 *	push             seq_cst        state = SLEEPS      seq_cst, a_heavy
 *	(line: a_light)
 *	state SLEEPS?                   is all empty?
 *	    wake it                         sleep while state is SLEEPS
 *
 * Either the pusher sees SLEEPS or the reaper sees what was pushed.  A nap is
 * ended only by soon and finish: so there is one wake-up, and one grace period,
 * for what thousands of operations put off.
 *
 * One turn: take finish, then queue, a grace period, do soon, do the batch, let
 * those of finish go.  Whoever waits pushed after all that he waits for, and is
 * taken before it.  Soon comes after the grace period again, for what is to be
 * resized may be in the batch, to be given back: and by then nobody can ask for
 * its resizing any more.
 *
 * What is let go of there may be maps, which are freed by whoever releases them.
 * That puts off what is in them, and does not wait: one turn more is made for it
 * before those of finish go, and one more for maps in these, some deep.
 *
 * What stands in a line is freed by the thread that adds to it, up to two for
 * each that it adds: so memory goes back to the allocator where it is wanted
 * next, and is not carried to the reaper's CPU and back.  One that came when s
 * grace periods had begun is free when more than s are over: the next began
 * after it was out of everybody's sight.  The reaper clears lines whose thread
 * has not come by for some turns, so that a thread which computes, or is gone,
 * keeps nothing.
 */
#include "sync/grace.h"

#include "leat/block.h"

#include "core/deadlock.h"
#include "core/lock.h"
#include "core/os.h"

#include <limits.h>
#include <pthread.h>

#include <urcu/urcu-memb.h>

enum {
	QUEUES = 8,
	NAP = 2000000,
	STACK = 1 << 20,
	LEFT_ALONE = 8,
	NESTED = 16
};
enum { AWAKE, NAPS, SLEEPS };

struct stack {
	_Alignas(CPU_LINE) _Atomic(struct late *) top;
};

/* Somebody who waits; in his frame. */
struct finish {
	struct finish *next;
	_Atomic uint32_t done;
};

/* What is put off quietly, oldest first; touched under the lock, which is only
 * ever tried, but for `first`: is there any? */
struct line {
	_Alignas(CPU_LINE) _Atomic uint32_t lock;
	_Atomic(struct late *) first;
	struct late *last;
};

static struct stack queue[QUEUES], soon;
static struct line line[QUEUES];
static _Atomic(struct finish *) finish;

/* The reaper's, read by all. */
static struct {
	_Alignas(CPU_LINE) _Atomic uint32_t state;
	_Atomic uint16_t begun, done; /* grace periods */
} reaper;

static struct {
	_Alignas(CPU_LINE) struct lock lock;
	bool keyed, begun;
	bool nested; /* what is let go of has let go of more: the reaper's */
	pthread_key_t key;
	_Atomic int thread;         /* the number of its thread */
	struct late *batch[QUEUES]; /* the reaper's own */
} all;

char grace_period;

/* -- readers -- */

/* The only place where a thread-local address is asked for: nothing here
 * switches, and nothing is inlined that does. */
static __attribute__((noinline)) struct urcu_reader *reader_here(void)
{
	return &URCU_TLS(urcu_memb_reader);
}

/* At the end of the thread. */
static void forget(void *reader)
{
	if (((struct urcu_reader *)reader)->registered)
		urcu_memb_unregister_thread();
}

/* A program may have made the thread known itself, and will make it unknown: then
 * nothing is kept, and we ask each time. */
struct urcu_reader *grace_reader(struct m *m)
{
	struct urcu_reader *r = pthread_getspecific(all.key);

	if (likely(r) && likely(r->registered))
		return r;
	r = reader_here();
	if (r->registered)
		return r;
	if (pthread_setspecific(all.key, r) != 0)
		fatal("leat_map: no memory for a thread");
	urcu_memb_register_thread();
	if (m)
		m->reader = r;
	return r;
}

/* liburcu's own way out sees to it; ours is behind us. */
void grace_rouse(void)
{
	urcu_memb_read_lock();
	urcu_memb_read_unlock();
}

/* -- putting off -- */

static void wake(uint32_t from)
{
	/* [grace.awake] pairs with [grace.rests]. */
	uint32_t is = a_load(&reaper.state, seq_cst);

	if (is >= from && a_cas(&reaper.state, &is, AWAKE, relaxed))
		os_futex_wake(&reaper.state, 1);
}

static void push(struct stack *s, struct late *l)
{
	struct late *top = a_load(&s->top, relaxed);

	do
		l->next = top;
	/* [grace.push] pairs with [grace.take], [grace.any]. */
	while (!a_cas(&s->top, &top, l, seq_cst));
}

void grace_later(struct late *l)
{
	push(&queue[grace_place() % QUEUES], l);
	wake(SLEEPS);
}

static bool line_try(struct line *q)
{
	uint32_t open = 0;

	/* [line.lock] pairs with [line.drop]. */
	return !a_load(&q->lock, relaxed) && a_cas(&q->lock, &open, 1, acquire);
}

static void line_drop(struct line *q)
{
	/* [line.drop] pairs with [line.lock]. */
	a_store(&q->lock, 0, release);
}

/* The first of the line, if it is older than so many grace periods. */
static struct late *line_pop(struct line *q, uint16_t over, int age)
{
	struct late *l = a_load(&q->first, relaxed);

	if (!l || (int16_t)(over - l->turn) <= age)
		return NULL;
	__builtin_prefetch(l->next);
	a_store(&q->first, l->next, relaxed);
	return l;
}

static void line_push(struct line *q, struct late *l)
{
	l->next = NULL;
	if (a_load(&q->first, relaxed))
		q->last->next = l;
	else
		a_store(&q->first, l, relaxed);
	q->last = l;
}

void grace_later_quiet(struct late *l)
{
	struct line *q = &line[grace_place() % QUEUES];
	struct late *over[2];

	if (unlikely(!line_try(q))) {
		grace_later(l);
		return;
	}
	/* [grace.stamp] pairs with [grace.begun]. */
	l->turn = a_load(&reaper.begun, seq_cst);
	line_push(q, l);

	/* [grace.ripe] pairs with [grace.over]: nobody reads them any more. */
	uint16_t now = a_load(&reaper.done, acquire);

	over[0] = line_pop(q, now, 0);
	over[1] = over[0] ? line_pop(q, now, 0) : NULL;
	line_drop(q);
	for (int i = 0; i < 2 && over[i]; i++) {
		sanitize_hear(&grace_period);
		late_over[over[i]->what](over[i]);
	}
	a_light();
	if (unlikely(a_load(&reaper.state, relaxed) == SLEEPS))
		wake(SLEEPS);
}

void grace_soon(struct late *l)
{
	push(&soon, l);
	wake(NAPS);
}

/* -- the reaper -- */

static bool any(const struct stack *s)
{
	/* [grace.any] pairs with [grace.push]. */
	return a_load(&s->top, seq_cst) != NULL;
}

/* Anything that is worth not to rest so deep? */
static bool wanted(uint32_t rest)
{
	/* [grace.called] pairs with [grace.call]. */
	if (any(&soon) || a_load(&finish, seq_cst))
		return true;
	for (int i = 0; i < QUEUES && rest == SLEEPS; i++)
		if (any(&queue[i]) || a_load(&line[i].first, relaxed))
			return true;
	return false;
}

static void rest(uint32_t how, int64_t until)
{
	/* [grace.rests] pairs with [grace.awake]. */
	a_store(&reaper.state, how, seq_cst);
	if (how == SLEEPS)
		a_heavy();
	if (!wanted(how))
		os_futex_wait(&reaper.state, how, until);
	a_store(&reaper.state, AWAKE, relaxed);
}

static struct late *take(struct stack *s)
{
	if (!a_load(&s->top, relaxed))
		return NULL;
	/* [grace.take] pairs with [grace.push]. */
	return a_swap(&s->top, NULL, acquire);
}

static void do_soon(void)
{
	struct late *l = take(&soon), *next;

	for (; l; l = next) {
		next = l->next;
		late_over[l->what](l);
	}
}

static void do_batch(void)
{
	for (int i = 0; i < QUEUES; i++)
		for (struct late *l = all.batch[i], *next; l; l = next) {
			next = l->next;
			__builtin_prefetch(next);
			late_over[l->what](l);
		}
}

/* Those whose thread has not come by for a while; or all that are ripe. */
static void do_lines(int age)
{
	for (int i = 0; i < QUEUES; i++) {
		struct late *first = NULL, **end = &first, *l;
		struct line *q = &line[i];

		while (!line_try(q))
			a_yield();
		while ((l = line_pop(q, a_load(&reaper.done, relaxed), age))) {
			*end = l;
			end = &l->next;
		}
		*end = NULL;
		line_drop(q);
		while ((l = first)) {
			first = l->next;
			late_over[l->what](l);
		}
	}
}

/* all_of: what was put off in lines, as well. */
static void turn(bool all_of)
{
	bool some = false;

	for (int i = 0; i < QUEUES; i++) {
		all.batch[i] = take(&queue[i]);
		some |= all.batch[i] || a_load(&line[i].first, relaxed);
	}
	if (some) {
		/* [grace.begun] pairs with [grace.stamp]. */
		a_store(&reaper.begun, a_load(&reaper.begun, relaxed) + 1,
			seq_cst);
		urcu_memb_synchronize_rcu();
		/* [grace.over] pairs with [grace.ripe]. */
		a_store(&reaper.done, a_load(&reaper.begun, relaxed), release);
		sanitize_hear(&grace_period);
	}
	do_soon();
	do_batch();
	do_lines(all_of ? 0 : LEFT_ALONE);
}

static void let_go(struct finish *f)
{
	for (struct finish *next; f; f = next) {
		next = f->next;
		/* [grace.done] pairs with [grace.wait]. */
		a_store(&f->done, 1, release);
		os_futex_wake(&f->done, INT_MAX);
	}
}

/* Something is to be released, by a function of the program's. */
static bool may_release(void)
{
	return a_load(&reaper.state, relaxed) != SLEEPS;
}

static struct deadlock_helper helper = { .may_wake = may_release };

static void *reap(void *unused)
{
	(void)unused;
	os_be_nobodys();
	deadlock_add(&helper);
	a_store(&all.thread, os_thread_id(), relaxed);
	urcu_memb_register_thread();
	for (;;) {
		rest(SLEEPS, OS_NEVER);
		do_soon();
		rest(NAPS, os_now() + NAP);

		/* [grace.first] pairs with [grace.call]: what those who wait
		 * had put off is taken later than this. */
		struct finish *f = a_swap(&finish, NULL, acquire);

		all.nested = false;
		turn(f != NULL);
		for (int i = 0; f && all.nested && i < NESTED; i++) {
			all.nested = false;
			turn(true);
		}
		let_go(f);
	}
	return NULL;
}

int grace_start(void)
{
	int rc = 0;

	lock_take(&all.lock);
	if (!all.keyed)
		rc = -pthread_key_create(&all.key, forget);
	all.keyed |= rc == 0;
	if (rc == 0 && !all.begun)
		rc = os_thread(reap, NULL, STACK);
	all.begun |= rc == 0;
	lock_drop(&all.lock);
	return rc;
}

static intptr_t await(void *arg)
{
	struct finish *f = arg;

	/* [grace.wait] pairs with [grace.done]. */
	while (!a_load(&f->done, acquire))
		os_futex_wait(&f->done, 0, OS_NEVER);
	return 0;
}

static bool begun(void)
{
	lock_take(&all.lock);
	bool it_has = all.begun;

	lock_drop(&all.lock);
	return it_has;
}

/* Is this thread inside?  Then it would wait for itself. */
static bool inside(void)
{
	struct urcu_reader *r = pthread_getspecific(all.key);

	return r && (a_load(grace_nest(r), relaxed) & URCU_GP_CTR_NEST_MASK);
}

void grace_finish(void)
{
	struct finish f = { .next = a_load(&finish, relaxed) };

	if (!begun())
		return;
	if (os_thread_id() == a_load(&all.thread, relaxed)) {
		all.nested = true;
		return;
	}
	if (inside())
		fatal("leat_map: a callback waited");
	/* [grace.call] pairs with [grace.first], [grace.called]. */
	while (!a_cas(&finish, &f.next, &f, seq_cst))
		;
	wake(NAPS);
	leat_block(await, &f);
}
