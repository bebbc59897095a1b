/*
 * say.c - a goroutine, as text.
 *
 *	goroutine 7 (reader) [chan receive, 0x55d0c8a3b2a0]:
 *	read_all
 *		./server+0x21d0
 *	created by serve in goroutine 1
 *		./server+0x2302
 *
 * A name is one that the dynamic linker knows; else there is only the place in its
 * file, for addr2line.
 */
#include "core/say.h"

#include "core/atomic.h"
#include "core/base.h"

#include <dlfcn.h>

static const char *const reasons[] = {
	[G_NOTHING] = "running",
	[G_WAIT_GROUP] = "sync.WaitGroup.Wait",
	[G_YIELD] = "runnable",
	[G_CHAN_SEND] = "chan send",
	[G_CHAN_RECEIVE] = "chan receive",
	[G_CHAN_SEND_NIL] = "chan send (nil chan)",
	[G_CHAN_RECEIVE_NIL] = "chan receive (nil chan)",
	[G_SELECT] = "select",
	[G_SELECT_NONE] = "select (no cases)",
	[G_SLEEP] = "sleep",
	[G_COND] = "sync.Cond.Wait",
	[G_MUTEX] = "sync.Mutex.Lock",
	[G_RWMUTEX] = "sync.RWMutex.Lock",
	[G_RWMUTEX_READ] = "sync.RWMutex.RLock",
	[G_SEMA] = "semaphore.Acquire",
};

const char *say_state(const struct g *g)
{
	switch (a_load(&g->state, relaxed)) {
	case G_RUNNING:
		return "running";
	case G_RUNNABLE:
		return "runnable";
	case G_DEAD:
		return "dead";
	default:
		return g->reason < ARRAY_LEN(reasons) ? reasons[g->reason]
						      : "?";
	}
}

/* Has it an object that others know by its address? */
static bool has_object(const struct g *g)
{
	switch (g->reason) {
	case G_WAIT_GROUP:
	case G_CHAN_SEND:
	case G_CHAN_RECEIVE:
	case G_COND:
	case G_MUTEX:
	case G_RWMUTEX:
	case G_RWMUTEX_READ:
	case G_SEMA:
		return g->on && a_load(&g->state, relaxed) == G_WAITING;
	default:
		return false;
	}
}

static void say_place(const void *at)
{
	Dl_info info;

	if (!dladdr(at, &info) || !info.dli_fname) {
		base_say("\t%p\n", at);
		return;
	}
	base_say("\t%s+%#tx\n", info.dli_fname,
		 (const char *)at - (const char *)info.dli_fbase);
}

static const char *name_of(const void *at)
{
	Dl_info info;

	return dladdr(at, &info) && info.dli_sname ? info.dli_sname : "?";
}

void say_goroutine(const struct g *g)
{
	const void *fn = (const void *)g->call.fn;

	base_say("\ngoroutine %llu%s%s%s [%s", (unsigned long long)g->id,
		 g->name ? " (" : "", g->name ? g->name : "",
		 g->name ? ")" : "", say_state(g));
	if (has_object(g))
		base_say(", %p", (const void *)g->on);
	base_say("]:\n%s\n", name_of(fn));
	say_place(fn);
	if (!g->site)
		return;
	base_say("created by %s in goroutine %llu\n", name_of(g->site),
		 (unsigned long long)g->parent);
	say_place(g->site);
}
