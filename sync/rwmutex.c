/*
 * rwmutex.c - one who writes, or any number who read.
 *
 *	to read     no WRITER: one reader more, by compare-and-swap, or by the
 *	            row of the thread
 *	            else LOCK, queues up; whoever ends the writer's phase counts
 *	            it in and wakes it
 *	to write    has `writers_` first: there is one of them at a time
 *	            nobody reads: WRITER, by compare-and-swap
 *	            else WRITER, DRAIN and LOCK at once, waits at the head of the
 *	            queue; the last reader wakes it
 *
 *	 phase     read        | drain        | write     | read
 *	 WRITER    .           | set          | set       | .
 *	 readers   n           | n .. 1       | 0         | all who have queued up
 *	 comes in  who comes   | nobody       | nobody    | who comes
 *
 * Phase-fair: a phase of reading ends when a writer comes, and a phase of writing
 * lets in all who have come to read by its end.
 *
 * Linearization points: the steps that count a reader in and out, of which the one
 * in a row counts if no WRITER is seen after it; that set WRITER while there are
 * none, that of the last reader under DRAIN, or the sum that is zero, and the step
 * that clears WRITER.
 *
 * Phase-fair locks after Brandenburg and Anderson (Spin-based reader-writer
 * synchronization for multiprocessor real-time systems, 2010); that a lock changes
 * its form with its use, after BRAVO (Dice and Kogan, 2019); the meaning is that
 * of Go's sync.RWMutex.
 */
#include "sync/rwmutex.h"

#include "sync/select.h"

#ifndef SPINS
#define SPINS 4
#endif

/* -- to read -- */

/* Behind the writer; false: there is none. */
static __attribute__((noinline)) SANITIZE_SWITCHES bool
queue_to_read(leat_rwmutex *rw)
{
	struct m *m = m_enter();
	uint64_t was;
	bool waits;

	do {
		was = rw_look_unlocked(rw, &m);
		waits = was & RW_WRITER;
	} while (waits && !rw_in(rw, &was, was | RW_LOCK));
	if (waits) {
		struct party p;
		struct waiter me;

		waiter_init(&me, m);
		p.who = &me;
		p.choice = NULL;
		circle_push(&rw->waiters, &p);
		m = waiter_wait(&me, m, G_RWMUTEX_READ, rw_word(rw),
				was | RW_QUEUED | rw_mark(rw));
	}
	if (m)
		m_leave(m);
	return waits;
}

/* There is neither WRITER nor LOCK; false: things have changed. */
static ALWAYS_INLINE bool read_now(leat_rwmutex *rw, uint64_t was)
{
	struct m *m = arch_self();
	uint32_t reads;

	if (unlikely(was & RW_ROWS)) {
		if (m && rows_begin(m))
			return rw_in_by_row(rw, rw_tally(rw));
		return rw_in(rw, &was, was + RW_READER);
	}
	reads = a_load(rw_streak(rw), relaxed) + 1;
	a_store(rw_streak(rw), reads, relaxed);
	/* Where there is no runtime there is no heavy fence. */
	if (unlikely(reads >= STREAK) && likely(m)) {
		rw_grow(rw, was);
		return false;
	}
	if (likely(rw_in(rw, &was, was + RW_READER)))
		return true;
	backoff();
	return false;
}

static __attribute__((noinline)) void rlock_slow(leat_rwmutex *rw)
{
	uint64_t was;
	bool done;

	if (!rw)
		fatal("leat_rwmutex_rlock: nil RWMutex");
	do {
		was = rw_look(rw);
		done = was & (RW_WRITER | RW_LOCK) ? queue_to_read(rw)
						   : read_now(rw, was);
	} while (!done);
}

void leat_rwmutex_rlock(leat_rwmutex *rw)
{
	if (likely(rw)) {
		uint64_t was = rw_look(rw);
		struct tally *at;

		if (likely(was & RW_ROWS)) {
			at = rw_tally(rw);
			if (likely(!(was & RW_WRITER)) && likely(at) &&
			    likely(rw_in_by_row(rw, at)))
				return;
		} else if (likely(!(was & (RW_WRITER | RW_LOCK))) &&
			   likely(read_now(rw, was))) {
			return;
		}
	}
	rlock_slow(rw);
}

bool leat_rwmutex_try_rlock(leat_rwmutex *rw)
{
	if (!rw)
		fatal("leat_rwmutex_try_rlock: nil RWMutex");

	for (int turn = 1;; turn++) {
		uint64_t was = rw_look(rw);

		if (was & RW_WRITER)
			return false;
		if (was & RW_LOCK)
			turn % 64 ? a_spin() : a_yield();
		else if (read_now(rw, was))
			return true;
	}
}

/* With LOCK: the writer, who is out of the queue, if it has not given up. */
static struct party *take_writer(leat_rwmutex *rw)
{
	struct party *n = ((struct party *)rw->waiters)->next;
	bool waits = !n->choice || choice_claim(n->choice);

	circle_remove(&rw->waiters, n);
	if (n->choice)
		beside_out(n);
	return waits ? n : NULL;
}

/* The last who read, with LOCK: the writer is next. */
static void let_write(leat_rwmutex *rw, struct m *m, uint64_t now)
{
	struct party *n = take_writer(rw);
	struct waiter *who = n ? n->who : NULL;

	if (n && n->choice && !choice_fire(n->choice, n->index))
		who = NULL;
	rw_drop(rw, now & ~(uint64_t)(RW_LOCK | RW_DRAIN));
	if (who)
		waiter_wake(who, m);
}

/* Of a lock that has rows, by who has none: where there is no runtime. */
static bool runlock_beside_rows(leat_rwmutex *rw)
{
	struct column *col = rw_column(rw);
	struct m *m = m_enter();
	uint64_t was = rw_look_unlocked(rw, &m);
	bool done = rw_out(rw, &was, was - RW_READER);

	if (m)
		m_leave(m);
	if (!done)
		return false;
	a_light();
	if (a_load(&col->word, relaxed) & COLUMN_DRAIN)
		rw_column_left(col);
	return true;
}

/* Of a lock that counts by itself; false: things have changed. */
static bool runlock_alone(leat_rwmutex *rw)
{
	struct m *m = m_enter();
	uint64_t was = rw_look_unlocked(rw, &m), now = was - RW_READER;
	bool last = (was & RW_DRAIN) && rw_readers(was) == 1, done = false;

	if (!(was & RW_ROWS)) {
		if (rw_readers(was) == 0)
			fatal("sync: RUnlock of unlocked RWMutex");
		done = rw_out(rw, &was, now | (last ? RW_LOCK : 0));
		if (done && last)
			let_write(rw, m, now);
	}
	if (m)
		m_leave(m);
	return done;
}

static __attribute__((noinline)) void runlock_slow(leat_rwmutex *rw)
{
	bool done = false;

	if (!rw)
		fatal("leat_rwmutex_runlock: nil RWMutex");
	while (!done) {
		struct tally *at;

		if (!(rw_look(rw) & RW_ROWS)) {
			done = runlock_alone(rw);
			continue;
		}
		at = rw_tally(rw);
		done = at || runlock_beside_rows(rw);
		if (at)
			rw_out_by_row(at, rw_column(rw));
	}
}

void leat_rwmutex_runlock(leat_rwmutex *rw)
{
	if (likely(rw)) {
		uint64_t was = rw_look(rw);
		struct tally *at;

		if (likely(was & RW_ROWS)) {
			at = rw_tally(rw);
			if (likely(at)) {
				rw_out_by_row(at, rw_column(rw));
				return;
			}
		} else if (likely(!(was & (RW_DRAIN | RW_LOCK))) &&
			   likely(rw_readers(was)) &&
			   likely(rw_out(rw, &was, was - RW_READER))) {
			return;
		}
	}
	runlock_slow(rw);
}

/* -- to write, with `writers_` -- */

static bool try_write(leat_rwmutex *rw)
{
	uint64_t was = rw_look(rw);

	return !(was & RW_LOCK) && rw_is_free(was) &&
	       rw_in(rw, &was, was | RW_WRITER);
}

/* Who reads may be done in a moment, and then nobody has to queue up behind us. */
static bool write_soon(leat_rwmutex *rw)
{
	int spins = park_alone() || (rw_look(rw) & RW_ROWS) ? 0 : SPINS;

	while (!try_write(rw)) {
		if (spins-- <= 0)
			return false;
		backoff();
	}
	return true;
}

/* Nobody comes in to read from now on; wait for those who do. */
static __attribute__((noinline)) SANITIZE_SWITCHES void
write_after_readers(leat_rwmutex *rw)
{
	const uint64_t drain = RW_WRITER | RW_DRAIN;
	struct m *m = m_enter();
	struct party p;
	struct waiter me;
	uint64_t was, now;

	p.who = &me;
	p.choice = NULL;
	do {
		was = rw_look_unlocked(rw, &m);
		now = was | (rw_readers(was) ? drain | RW_LOCK : RW_WRITER);
	} while (!(was & RW_ROWS) && !rw_in(rw, &was, now));
	waiter_init(&me, m);
	if (was & RW_ROWS) {
		if (!rw_drain(rw, &m, &p)) {
			waiter_init(&me, m);
			m = waiter_wait(&me, m, G_RWMUTEX, &rw_column(rw)->word,
					COLUMN_DRAIN);
		}
		rw_shrink(rw, &m);
	} else if (rw_readers(was)) {
		circle_push(&rw->waiters, &p);
		m = waiter_wait(&me, m, G_RWMUTEX, rw_word(rw),
				was | drain | rw_mark(rw));
	}
	if (m)
		m_leave(m);
}

void leat_rwmutex_lock(leat_rwmutex *rw)
{
	if (!rw)
		fatal("leat_rwmutex_lock: nil RWMutex");
	leat_mutex_lock(&rw->writers_);
	if (unlikely(!write_soon(rw)))
		write_after_readers(rw);
}

/* One that has rows: only with WRITER is it known whether anybody reads. */
static bool try_write_rows(leat_rwmutex *rw)
{
	struct m *m = m_enter();
	bool done = rw_drain(rw, &m, NULL);

	if (done)
		rw_shrink(rw, &m);
	else
		rw_column_drop(rw_column(rw), 0);
	if (m)
		m_leave(m);
	if (!done)
		rw_let_read(rw);
	return done;
}

bool leat_rwmutex_try_lock(leat_rwmutex *rw)
{
	if (!rw)
		fatal("leat_rwmutex_try_lock: nil RWMutex");
	if (!leat_mutex_try_lock(&rw->writers_))
		return false;
	if (try_write(rw) || ((rw_look(rw) & RW_ROWS) && try_write_rows(rw)))
		return true;
	leat_mutex_unlock(&rw->writers_);
	return false;
}

/* With LOCK: those who came to read, out of the queue; how many of them are still
 * there, and which are to be woken. */
static uint32_t take_readers(leat_rwmutex *rw, struct party **asleep)
{
	struct party *n = circle_take(&rw->waiters), *next;
	uint32_t in = 0;

	for (; n; n = next) {
		bool waits = !n->choice || choice_claim(n->choice);
		bool sleeps = waits;

		next = n->next;
		if (waits && n->choice)
			sleeps = choice_fire(n->choice, n->index);
		if (n->choice)
			beside_out(n);
		in += waits;
		if (sleeps) {
			*asleep = n;
			asleep = &n->next;
		}
	}
	*asleep = NULL;
	return in;
}

void rw_let_read(leat_rwmutex *rw)
{
	struct m *m = m_enter();
	struct party *n, *next;
	uint64_t was;
	uint32_t in;

	do
		was = rw_look_unlocked(rw, &m);
	while (!rw_out(rw, &was, was | RW_LOCK));
	in = take_readers(rw, &n);
	was &= ~(uint64_t)(RW_WRITER | RW_DRAIN | RW_QUEUED);
	rw_drop(rw, was + in * RW_READER);
	for (; n; n = next) {
		next = n->next;
		waiter_wake(n->who, m);
	}
	if (m)
		m_leave(m);
}

void leat_rwmutex_unlock(leat_rwmutex *rw)
{
	if (!rw)
		fatal("leat_rwmutex_unlock: nil RWMutex");

	uint64_t was = rw_look(rw);

	if ((was & (RW_WRITER | RW_DRAIN | RW_ROWS)) != RW_WRITER)
		fatal("sync: Unlock of unlocked RWMutex");
	a_store(rw_streak(rw), 0, relaxed);
	if ((was & (RW_QUEUED | RW_LOCK)) ||
	    !rw_out(rw, &was, was & ~(uint64_t)RW_WRITER))
		rw_let_read(rw);
	leat_mutex_unlock(&rw->writers_);
}
