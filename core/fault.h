/*
 * fault.h - system calls that fail because a test wants it (os_fail).
 */
#ifndef CORE_FAULT_H
#define CORE_FAULT_H

#include "core/atomic.h"
#include "core/base.h"

enum fault {
	FAULT_MAP,
	FAULT_ADVISE,
	FAULT_BATCH,
	FAULT_PROTECT,
	FAULT_FUTEX,
	FAULT_THREAD,
	FAULT_PIN,
	FAULTS
};

enum { FAULTS_UNREAD, FAULTS_READING, FAULTS_NONE, FAULTS_SOME };
extern _Atomic int fault_state;

/* Count this call: 0, or the error that it is to end with. */
int fault_count(enum fault kind);

static ALWAYS_INLINE int fault(enum fault kind)
{
	if (likely(a_load(&fault_state, relaxed) == FAULTS_NONE))
		return 0;
	return fault_count(kind);
}

#endif
