/*
 * model.h - what a memory model does, and what it does it to.
 */
#ifndef MODEL_H
#define MODEL_H

#include "tests/explore/explore.h"
#include "tests/explore/fiber.h"
#include "tests/explore/site.h"

enum { PLACES = 96, SEEN = 16, STEPS = 3000 };

/* A word of shared memory. */
struct place {
	const void *at;
	size_t size;
	uint32_t version; /* how often its value has changed */
	uint64_t wrote;   /* hash of the last write */
	uint64_t read;    /* of the reads since, in any order */
	int index;
};

enum thread_state { READY, SPINNING, SLEEPING, DONE };

struct thread {
	struct fiber fiber;
	enum thread_state state;
	struct explore_site *site; /* of the next step */
	const struct place *wants; /* what that step is about */
	uint64_t hash;             /* of all its steps, and what they saw */
	struct {
		struct place *place;
		uint32_t version;
	} seen[SEEN]; /* read since it last spun */
	int n_seen;
};

/* A read-modify-write. */
enum { CAS = EXPLORE_swap + 1 };
struct update {
	int verb;
	uint64_t operand, want, old;
};

struct model {
	void (*reset)(void);
	uint64_t (*load)(struct place *p, int order, uint32_t *version);
	void (*store)(struct place *p, uint64_t value, int order);
	bool (*change)(struct place *p, struct update *u, int order,
		       uint32_t *version);
	void (*fence)(int order);
	uint64_t (*read)(struct place *p);
	void (*write)(struct place *p, uint64_t value);
	bool drains; /* a read-modify-write shows others more than itself */
	/* Can no other thread tell when this store or fence takes place? */
	bool (*silent)(bool store, int order);
	/* Let the thread no longer see what is older than this. */
	void (*settle)(struct place *p, uint32_t version);
	/* TSO: may thread t's oldest store go to memory?  Make it go. */
	bool (*can_flush)(int t);
	void (*flush)(int t);
	uint64_t (*hash)(void);
};
extern const struct model strong_model, weak_model;
extern bool strong_buffers; /* TSO, not SC */

#endif
