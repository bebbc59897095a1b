/*
 * errand.h - a goroutine does it for a thread that is not the runtime's, and so
 * has no P, with what hangs on one: timers.
 */
#ifndef SYNC_ERRAND_H
#define SYNC_ERRAND_H

struct m;

/* f(m, arg) is called inside; returns when it has returned: 0; or -ENOMEM. */
int errand(void (*f)(struct m *m, void *arg), void *arg);

#endif
