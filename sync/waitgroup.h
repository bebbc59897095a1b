/*
 * waitgroup.h - a wait group, from inside.
 */
#ifndef SYNC_WAITGROUP_H
#define SYNC_WAITGROUP_H

#include "leat/waitgroup.h"

/* Its counter now.  If it is zero, what happened before that has been seen. */
int wg_count(const leat_wg *group);

#endif
