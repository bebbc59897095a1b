/*
 * mutex.h - a mutex, from inside the runtime (park.h).
 */
#ifndef SYNC_MUTEX_H
#define SYNC_MUTEX_H

#include "leat/mutex.h"

#include "core/park.h"

/* leat_mutex_unlock; where we run then. */
struct m *mutex_unlock(leat_mutex *mu, struct m *m);

#endif
