/*
 * show.h - all goroutines, as text, each of them once.  For the dump thread.
 */
#ifndef CORE_SHOW_H
#define CORE_SHOW_H

#include "core/shot.h"

/* From here on it is another dump. */
void show_begin(void);
/* This one has been shown. */
void show_not(struct g *g);

/* The library's own functions, too? */
bool show_inner(void);
void show(struct out *o, const struct shot *s);
/* At most so many, but for those that have been shown; and do not ask the thread of
 * who waits for this. */
void show_all(struct out *o, size_t most, const struct m *self);

#endif
