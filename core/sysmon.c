/*
 * sysmon.c - the thread that sees who is stuck.
 *
 *	a P that has work waiting, and whose      is
 *	goroutine has been in its own code for
 *
 *	a look, while another P is idle           robbed of what it keeps from
 *	                                          thieves (rescue)
 *	20 us, in a blocking call                 given to another thread
 *	10 ms, and more where hogs are many       given to another thread
 *	200 us, and more where hogs are many,     given to another thread
 *	if a timer of its own was fired from
 *	here meanwhile and no P is idle
 *
 * A timer that is 50 us late, and whose P has gone from no goroutine to another
 * since the last look, is fired from here; at its time, if the P has been stuck
 * for 200 us.
 *
 * So neither a goroutine that computes nor one that blocks holds up others,
 * even with one P; it goes on on its thread, without a P, until it calls the
 * runtime.  No signal is sent.
 *
 *	last look found something    the next is after 20 us
 *	50 looks found nothing       twice as long each, up to 1 ms while a P
 *	                             is idle, 10 ms otherwise
 *	a busy P's timer is due      the next is 50 us after its time
 *	all Ps idle, or blocked      the next is after 100 ms
 *	without work, for 10 looks
 *	and after that still         sleeps until one is not; or for a second, to
 *	                             see whether this is the end (deadlock.h)
 *
 * After sysmon and retake in Go's proc.go; the claim instead of a status
 * word, and the rescue, are ours.
 */
#include "core/deadlock.h"
#include "core/due.h"
#include "core/park.h"
#include "core/sched.h"
#include "core/trim.h"

enum {
	LOOK_NS = 20000,
	LOOK_IDLE_NS = 1000000,
	LOOK_BUSY_NS = 10000000,
	LOOK_QUIET_NS = 100000000,
	BLOCK_NS = 20000,
	HOG_NS = 10000000,
	LATE_NS = 50000, /* of a timer, until we fire it */
	STUCK_NS = 200000,
	BEHIND_NS = 400000,      /* the same, where a P has long been late */
	SLICE_SHORT_NS = 100000, /* of the kernel: ours; a hog's without a P */
	SLICE_LONG_NS = 100000000,
	HOP_NS = 1000000,
	PATIENCE = 50,
	QUIET = 10,
};

#define TRIM_NS 1000000000ll

/* What the last look saw of each P. */
static struct {
	uint32_t tick;
	bool timer; /* of its own, that we fired since */
	int64_t since;
} seen[TOPOLOGY_PROCS_MAX];

static bool work_for(struct p *p, bool idle)
{
	return p_waiting(p) > 0 || a_load(&p->inbox, relaxed) ||
	       a_load(&sched.seekers, relaxed) || (!idle && sched_nodes_wait());
}

/* p's thread, claimed, or NULL. */
static struct m *claim(struct p *p)
{
	struct m *m = p_m(p);

	/* Inside at this moment, it is not worth a heavy fence. */
	if (!m || a_load(&m->own.inside, relaxed) || !own_claim(&m->own))
		return NULL;
	if (m_p(m) == p)
		return m;
	own_release(&m->own);
	return NULL;
}

/* Each hog whose P was taken goes on, beside the others: the more there are,
 * the longer a slice must be for the threads to stay few; and a thread that
 * shares its CPU looks stuck while it only waits for its turn. */
static int64_t slice(void)
{
	int procs = a_load(&sched.procs, relaxed);
	int cpus = topology_cpu_count();
	int64_t shared = procs > cpus ? (procs + cpus - 1) / cpus : 1;

	return HOG_NS * shared * (1 + a_load(&sched.loose, relaxed) / procs);
}

/* A hog that goes on without a P is in nobody's way: whoever wakes on its CPU
 * goes first, and it is moved to one that is no P's, if there is such a CPU.
 * Bound to goroutines, a thread stays what it was. */
static void put_behind(struct m *m)
{
	m->unsettled = m->bonds == 0;
	if (m->unsettled)
		os_slice(a_load(&m->tid, relaxed), SLICE_LONG_NS);
}

static void move_off(struct m *m, struct p *p)
{
	if (m->unsettled && sched.options.pin == LEAT_PIN_YES)
		topology_move_off(a_load(&m->tid, relaxed), p->id,
				  a_load(&sched.procs, relaxed));
}

static void put_back(struct m *m)
{
	if (m->unsettled)
		os_slice(a_load(&m->tid, relaxed), 0);
	m->unsettled = false;
}

/* Another thread for p; if there is none to be had, all stays as it is. */
static bool retake(struct p *p, bool hog)
{
	struct m *m = claim(p);

	if (!m)
		return false;
	if (hog)
		put_behind(m);
	spare_away(m, true);
	a_store(&m->p, NULL, relaxed);
	a_store(&p->m, NULL, relaxed);
	if (!spare_start(p)) {
		/* [sysmon.back] pairs with [p.m]. */
		a_store(&p->m, m, release);
		a_store(&m->p, p, relaxed);
		if (hog)
			put_back(m);
		spare_away(m, false);
		own_release(&m->own);
		return false;
	}
	if (hog) {
		a_add(&sched.loose, 1, relaxed);
		move_off(m, p);
	}
	m->loose = hog;
	own_take(&m->own);
	return true;
}

static bool rescue(struct p *p)
{
	struct m *m = claim(p);

	if (!m)
		return false;
	wake_show(p);
	own_release(&m->own);
	wake_somebody();
	return true;
}

/* Its thread waits for its timers itself. */
static bool sleeps(struct p *p)
{
	uint64_t idle = a_load(&sched.idle.mask[p->id / 64], relaxed);

	return p_m(p) && idle >> p->id % 64 & 1;
}

/* So long after its time a timer of p counts as late. */
static int64_t patience_with(struct p *p, int64_t now)
{
	return a_load(&p->tick, relaxed) == seen[p->id].tick &&
			       now - seen[p->id].since >= STUCK_NS
		       ? 0
		       : LATE_NS;
}

/* The fake clock stands still: what is due now, is. */
static bool is_late(struct p *p, int64_t now)
{
	if (unlikely(clock_is_fake))
		return clock_now() >= a_load(&p->timers.expiry, relaxed) &&
		       !sleeps(p);
	return now - patience_with(p, now) >=
		       a_load(&p->timers.expiry, relaxed) &&
	       !sleeps(p);
}

/* What is late on p is fired; how many.  moved: it runs one goroutine after the
 * other, so it can see to that itself. */
static uint32_t relieve(struct p *p, int64_t now, bool moved)
{
	struct m *m;

	if (!is_late(p, now))
		return 0;
	m = moved ? NULL : claim(p);
	if (m)
		return due_relieve(m, p, clock_is_fake ? clock_now() : now);
	a_store(&p->attention, 1, relaxed);
	return 0;
}

/* True: p was helped. */
static bool look(struct p *p, int64_t now, bool idle)
{
	struct m *m = p_m(p);
	uint32_t tick = a_load(&p->tick, relaxed);
	bool moved = seen[p->id].tick != tick || !m;
	uint32_t fired = relieve(p, now, moved);

	if (moved) {
		seen[p->id].tick = tick;
		seen[p->id].since = now;
		seen[p->id].timer = false;
		return fired > 0;
	}
	seen[p->id].timer |= fired > 0;
	if (!work_for(p, idle))
		return fired > 0;

	int64_t stuck = now - seen[p->id].since;
	bool blocked = a_load(&m->blocked, relaxed);

	if (blocked && stuck >= BLOCK_NS)
		return retake(p, false);
	if (stuck >= (seen[p->id].timer && !idle ? slice() / 50 : slice()))
		return retake(p, true);
	return idle && p_waiting(p) > 0 && rescue(p);
}

/* A P with work in its queue but no thread, because none could be made. */
static void start_again(struct p *p, int64_t now)
{
	if (!p_m(p) && (work_for(p, false) || is_late(p, now)) &&
	    idle_withdraw(&sched.idle, p->id) && !wake_p(p))
		idle_publish(&sched.idle, p->id, true);
}

static bool look_around(int64_t now, bool idle)
{
	int procs = a_load(&sched.procs, relaxed);
	bool helped = false;

	for (int i = 0; i < procs; i++) {
		helped |= look(sched_p(i), now, idle);
		start_again(sched_p(i), now);
	}
	return helped;
}

/* Every P is idle, or its thread is in a blocking call. */
static bool all_idle(void)
{
	int procs = a_load(&sched.procs, relaxed);
	uint32_t calm = idle_count(a_load(&sched.idle.state, relaxed));

	for (int i = 0; i < procs && calm < (uint32_t)procs; i++) {
		struct m *m = p_m(sched_p(i));

		calm += m && a_load(&m->blocked, relaxed);
	}
	return calm == (uint32_t)procs;
}

/* Something waits: behind a blocking call, or for a thread that could not be
 * made. */
static bool work_waits(void)
{
	int procs = a_load(&sched.procs, relaxed);

	for (int i = 0; i < procs; i++)
		if (p_waiting(sched_p(i)) > 0)
			return true;
	return sched_nodes_wait();
}

static bool nothing_to_watch(void)
{
	return all_idle() && !work_waits();
}

/* When the first timer will be late, of a P that does not wait for it itself. */
static int64_t first_late(int64_t now)
{
	int procs = a_load(&sched.procs, relaxed);
	int64_t first = OS_NEVER;

	for (int i = 0; i < procs; i++) {
		struct p *p = sched_p(i);

		if (unlikely(clock_is_fake)) {
			/* It has no thread, because none could be made. */
			if (!p_m(p) && is_late(p, now))
				return now;
			continue;
		}
		int64_t late = a_load(&p->timers.expiry, relaxed);

		if (late < OS_NEVER - LATE_NS)
			late += patience_with(p, now);
		if (late < first && !sleeps(p))
			first = late;
	}
	return first;
}

/* Sleep for so long, or until a timer is late. */
static void doze(int64_t now, int64_t pause)
{
	static int64_t patience = LATE_NS;
	int64_t until = now + pause, first = first_late(now);

	a_store(&sched.told, 0, relaxed);
	a_store(&sched.covered, 0, relaxed);
	if (first <= now) {
		/* We look so soon that nobody need tell us of anything.  A P
		 * that runs, but behind the time, is left alone more and
		 * more. */
		if (pause > patience)
			until = now + patience;
		patience = 2 * patience < BEHIND_NS ? 2 * patience : BEHIND_NS;
	} else if (pause > LATE_NS && !clock_is_fake) {
		patience = LATE_NS;
		a_store(&sched.covered, until - LATE_NS, relaxed);
		/* Either we see a timer that is late before that, or whoever
		 * armed it sees how far we look (due_tell).  A short pause
		 * need not be exact. */
		if (pause >= LOOK_IDLE_NS)
			a_heavy();
		first = first_late(now);
		if (first < until) {
			until = first;
			a_store(&sched.covered, until - LATE_NS, relaxed);
		}
	} else if (first < until) {
		until = first;
	}
	while (os_futex_wait(&sched.told, 0, until) == 0 &&
	       a_load(&sched.told, relaxed) == 0)
		;
}

/* Until a P leaves idleness, or a blocking call: true; or until then. */
static bool sleep_long(int64_t until)
{
	bool roused;

	a_store(&sched.watched, 0, relaxed);
	/* Either we see that a P leaves idleness, that a call ends, that work
	 * comes, or whoever does it sees that we sleep (sysmon_rouse). */
	a_heavy();
	while (nothing_to_watch() && a_load(&sched.watched, relaxed) == 0) {
		int64_t first = first_late(os_now());

		if (until < first)
			first = until;
		if (first <= os_now())
			break;
		os_futex_wait(&sched.watched, 0, first);
	}
	roused = a_load(&sched.watched, relaxed) == 1;
	a_store(&sched.watched, 1, relaxed);
	return roused;
}

COLD void sysmon_get_up(void)
{
	a_store(&sched.watched, 1, relaxed);
	os_futex_wake(&sched.watched, 1);
}

/* From a P's CPU to one that is none's: on a hog's we might wait for the end of
 * the kernel's time slice. */
static void hop(int64_t now)
{
	static int64_t next;
	int procs = a_load(&sched.procs, relaxed);

	if (now < next || sched.options.pin != LEAT_PIN_YES ||
	    procs >= topology_cpu_count() || !topology_in_use(os_cpu(), procs))
		return;
	next = now + HOP_NS;
	topology_move_off(0, 0, procs);
}

/* Nothing has moved since the last look, and nothing is there to be done.  Ps that
 * look around count as idle. */
static bool at_rest(void)
{
	static uint64_t before;
	uint64_t ticks = 0, state = a_load(&sched.idle.state, relaxed);
	int procs = a_load(&sched.procs, relaxed);
	bool moved;

	for (int i = 0; i < procs; i++)
		ticks += a_load(&sched_p(i)->tick, relaxed);
	moved = ticks != before;
	before = ticks;
	return !moved && !work_waits() &&
	       idle_count(state) + idle_searching(state) >= (uint32_t)procs;
}

/* Is it still open whether this is the end?  It is asked when nothing has moved for
 * some looks; if others can do something, or a timer will, in a while.  ask: when. */
static bool open_question(int64_t now, int64_t *ask)
{
	static int still;

	if (now < *ask)
		return false;
	if (!at_rest()) {
		still = 0;
		return true;
	}
	*ask = deadlock_possible();
	if (*ask <= now && ++still < QUIET)
		return true;
	still = 0;
	if (*ask <= now)
		*ask = deadlock_look();
	return false;
}

static void *watch(void *unused)
{
	int64_t pause = LOOK_NS, trimmed = os_now();
	int vain = 0, quiet = 0;
	int64_t ask = 0; /* whether this is the end */
	size_t left = 1; /* to be trimmed */

	(void)unused;
	topology_unpin(0);
	os_slice(0, SLICE_SHORT_NS);
	os_timer_slack();
	while (a_load(&sched.phase, relaxed) != SCHED_DEAD) {
		doze(os_now(), pause);

		int64_t now = os_now();
		bool idle = idle_count(a_load(&sched.idle.state, relaxed)) > 0;
		bool trim =
			now - trimmed >= TRIM_NS && (left > 0 || quiet < QUIET);

		if (sched_stopping())
			continue;
		hop(now);
		if (look_around(now, idle)) {
			vain = 0;
			pause = LOOK_NS;
		} else if (++vain >= PATIENCE) {
			int64_t most = idle ? LOOK_IDLE_NS : LOOK_BUSY_NS;

			pause = 2 * pause < most ? 2 * pause : most;
		}
		if (trim) {
			procs_review();
			left = stack_trim() + trim_waiting();
			trimmed = now;
		}

		bool open = open_question(now, &ask);

		quiet = nothing_to_watch() ? quiet + 1 : 0;
		if (quiet >= QUIET && open) {
			quiet = QUIET - 1;
			pause = LOOK_IDLE_NS;
		} else if (quiet == QUIET) {
			pause = LOOK_QUIET_NS;
		} else if (quiet > QUIET) {
			int64_t until = left ? trimmed + TRIM_NS : OS_NEVER;

			if (sleep_long(ask < until ? ask : until)) {
				quiet = 0;
				left = 1;
			} else {
				quiet = QUIET;
			}
			pause = LOOK_NS;
			vain = 0;
		}
	}
	return NULL;
}

void sysmon_start(void)
{
	a_store(&sched.watched, 1, relaxed);
	if (os_thread(watch, NULL, 64 << 10) != 0)
		refuse("cannot start a thread");
}
