/*
 * say.h - a goroutine, as text among the last words.
 */
#ifndef CORE_SAY_H
#define CORE_SAY_H

#include "core/g.h"

/* What it waits for, or does, in Go's words. */
const char *say_state(const struct g *g);

/* "goroutine 7 (name) [chan receive, 0x...]:", what it runs, and who made it. */
void say_goroutine(const struct g *g);

#endif
