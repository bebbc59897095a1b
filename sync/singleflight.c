/*
 * singleflight.c - of calls for the same thing at the same time, one is made.
 *
 *	first for a key             another            a third, later
 *
 *	MUTEX: not in the air
 *	a call, into the air
 *	fn(arg, key) .........      MUTEX: in the air
 *	  .                         a reference
 *	MUTEX: out of the air       waits
 *	landed: wakes --------->    goes on
 *	                                               MUTEX: not in the air ...
 *
 * Calls in the air are a trie by the bits of their keys' hashes, two at a step, made
 * of the calls themselves: nothing else is allocated, so a flight with no call in
 * it owns no memory.
 *
 *	word              guarded by
 *	calls_            the flight's mutex; so are a call's places in the trie
 *	asked, done       the same, while it is in the air; fixed after that
 *	landing           its maker's until it has landed; fixed after that
 *	users             atomic; the last one frees
 *
 * Linearization points: asking, the unlock after it was found or put into the air;
 * landing, the unlock after it was taken out.
 *
 * A function may be left by leat_goexit or a panic: a deferred call lands it then.
 */
#include "leat/singleflight.h"

#include "leat/waitgroup.h"

#include "core/atomic.h"
#include "core/panic.h"
#include "core/park.h"

#include <stdlib.h>
#include <string.h>

const struct leat_error_value leat_flight_ended_ =
	LEAT_ERROR("singleflight: function ended its goroutine");

struct call {
	leat_landing landing;
	_Atomic uint32_t users;
	uint32_t asked;              /* how many have */
	leat_wg wait;                /* at zero: landed */
	leat_chan(leat_signal) done; /* NULL: nobody wants it */
	void (*drop)(void *value);

	struct call *child[4];
	uint64_t hash;
	bool in_air;
	bool here; /* whoever asked first runs it himself */

	leat_flight *flight;
	leat_flight_fn *fn;
	void *arg;

	char key[];
};

static struct call *call_of(leat_landing *l)
{
	return container_of(l, struct call, landing);
}

/* -- in the air -- */

/* FNV-1a, and its upper bits into the lower, which are used first. */
static uint64_t hash_of(const char *key)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (; *key; key++)
		h = (h ^ (unsigned char)*key) * UINT64_C(0x100000001b3);
	return h ^ h >> 32;
}

/* Where that key is, or would be. */
static struct call **place(leat_flight *f, const char *key, uint64_t hash)
{
	struct call **at = (struct call **)&f->calls_;

	for (uint64_t bits = hash; *at; bits >>= 2) {
		if ((*at)->hash == hash && strcmp((*at)->key, key) == 0)
			break;
		at = &(*at)->child[bits & 3];
	}
	return at;
}

/* Some call below, or at, that has none below it, out of the trie. */
static struct call *pluck(struct call **at)
{
	struct call *c;

	for (int i = 0; i < 4; i++)
		if ((*at)->child[i]) {
			at = &(*at)->child[i];
			i = -1;
		}
	c = *at;
	*at = NULL;
	return c;
}

/* The one at that place; a leaf below goes there, which any of them may. */
static void take_out(struct call **at)
{
	struct call *c = *at, *leaf = pluck(at);

	if (leaf != c) {
		memcpy(leaf->child, c->child, sizeof(c->child));
		*at = leaf;
	}
	c->in_air = false;
}

/* -- calls -- */

static struct call *make(leat_flight *f, const char *key, uint64_t hash,
			 leat_flight_fn *fn, void *arg)
{
	size_t room = strlen(key) + 1;
	struct call *c = calloc(1, sizeof(*c) + room);

	if (!c)
		return NULL;
	memcpy(c->key, key, room);
	c->hash = hash;
	c->drop = f->drop;
	c->flight = f;
	c->fn = fn;
	c->arg = arg;
	leat_wg_add(&c->wait, 1);
	return c;
}

/* One more has asked for a call in the air. */
static void ask(struct call *c, leat_chan(leat_signal) * done)
{
	a_add(&c->users, 1, relaxed);
	c->asked++;
	if (done && !c->done) {
		c->done = *done;
		*done = NULL;
	}
}

static struct call *find(leat_flight *f, const char *key, uint64_t hash,
			 leat_chan(leat_signal) * done)
{
	struct call *c = *place(f, key, hash);

	if (c)
		ask(c, done);
	return c;
}

/* A reference to the call for that key; *mine: it is new, and to be made, for which
 * there is a reference more.  With done it gets that channel, if it has none.
 * NULL: no memory. */
static struct call *board(leat_flight *f, const char *key, leat_flight_fn *fn,
			  void *arg, leat_chan(leat_signal) * done, bool *mine)
{
	const uint64_t hash = hash_of(key);
	struct call *c, *fresh;

	*mine = false;
	leat_mutex_lock(&f->mutex_);
	c = find(f, key, hash, done);
	leat_mutex_unlock(&f->mutex_);
	if (c)
		return c;
	fresh = make(f, key, hash, fn, arg);
	if (!fresh)
		return NULL;
	leat_mutex_lock(&f->mutex_);
	c = find(f, key, hash, done);
	if (!c) {
		c = fresh;
		*place(f, key, hash) = c;
		c->in_air = true;
		a_store(&c->users, 1, relaxed);
		ask(c, done);
		*mine = true;
	}
	leat_mutex_unlock(&f->mutex_);
	if (!*mine)
		free(fresh);
	return c;
}

/* It has been made, and goes to all who asked.  The flight may be gone after. */
static void land(struct call *c, leat_error error)
{
	leat_flight *f = c->flight;

	c->landing.error = error;
	leat_mutex_lock(&f->mutex_);
	if (c->in_air)
		take_out(place(f, c->key, c->hash));
	c->landing.shared = c->asked > 1;
	leat_mutex_unlock(&f->mutex_);
	leat_wg_done(&c->wait);
	if (c->done)
		leat_close(c->done);
	leat_landing_release(&c->landing);
}

/* -- making them -- */

/* fn does not come back: neither to fly nor, if it was called by who asked, to
 * whoever would release the landing. */
static void lost(struct call *c)
{
	leat_landing *landing = c->here ? &c->landing : NULL;

	land(c, LEAT_FLIGHT_ENDED);
	leat_landing_release(landing);
}

/* Here, in the goroutine or the thread that calls. */
static void fly(struct call *c)
{
	struct leat_deferred_ ends;
	leat_error error;

	panic_defer(&ends, (leat_fn_ *)lost, c);
	error = c->fn(c->arg, c->key, &c->landing.value);
	panic_take_back(&ends);
	land(c, error);
}

/* In a goroutine of its own. */
static void take_off(struct call *c)
{
	if (leat_go(fly, c) != 0)
		land(c, LEAT_NO_MEMORY);
}

static void refuse_nil(const char *call, const void *f, const void *key,
		       bool fn)
{
	if (!f || !key || !fn)
		fatal("%s: nil %s", call,
		      !f     ? "flight"
		      : !key ? "key"
			     : "function");
}

leat_landing *leat_flight_do(leat_flight *f, const char *key,
			     leat_flight_fn *fn, void *arg)
{
	struct call *c;
	bool mine;

	refuse_nil("leat_flight_do", f, key, fn);
	c = board(f, key, fn, arg, NULL, &mine);
	if (!c)
		return NULL;
	if (mine) {
		c->here = true;
		fly(c);
	} else {
		leat_wg_wait(&c->wait);
	}
	return &c->landing;
}

leat_landing *leat_flight_do_ctx(leat_ctx *ctx, leat_flight *f, const char *key,
				 leat_flight_fn *fn, void *arg)
{
	struct call *c;
	bool mine;

	refuse_nil("leat_flight_do_ctx", f, key, fn);
	if (leat_ctx_err(ctx))
		return NULL;
	c = board(f, key, fn, arg, NULL, &mine);
	if (!c)
		return NULL;
	if (mine)
		take_off(c);
	if (leat_wg_wait_ctx(ctx, &c->wait) == 0)
		return &c->landing;
	leat_landing_release(&c->landing);
	return NULL;
}

leat_landing *leat_flight_start(leat_flight *f, const char *key,
				leat_flight_fn *fn, void *arg)
{
	leat_chan(leat_signal) done;
	struct call *c;
	bool mine;

	refuse_nil("leat_flight_start", f, key, fn);
	done = leat_make(leat_signal, 0);
	if (!done)
		return NULL;
	c = board(f, key, fn, arg, &done, &mine);
	leat_release(done);
	if (!c)
		return NULL;
	if (mine)
		take_off(c);
	return &c->landing;
}

void leat_flight_forget(leat_flight *f, const char *key)
{
	struct call **at;

	refuse_nil("leat_flight_forget", f, key, true);
	leat_mutex_lock(&f->mutex_);
	at = place(f, key, hash_of(key));
	if (*at)
		take_out(at);
	leat_mutex_unlock(&f->mutex_);
}

/* -- landings -- */

leat_done leat_landing_done(leat_landing *l)
{
	if (!l)
		fatal("leat_landing_done: nil landing");
	return leat_recv_end(call_of(l)->done);
}

leat_landing *leat_landing_retain(leat_landing *l)
{
	if (l)
		a_add(&call_of(l)->users, 1, relaxed);
	return l;
}

void leat_landing_release(leat_landing *l)
{
	struct call *c;

	if (!l)
		return;
	c = call_of(l);
	/* [flight.release] pairs with [flight.release]: the last one sees what
	 * the others did. */
	uint32_t were = a_sub(&c->users, 1, acq_rel);

	if (were == 0)
		fatal("leat_landing_release: released more often than had");
	if (were > 1)
		return;
	if (c->drop && l->value)
		c->drop(l->value);
	leat_error_release(l->error);
	leat_release(c->done);
	free(c);
}
