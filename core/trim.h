/*
 * trim.h - memory of stacks that wait goes back to the kernel.
 */
#ifndef CORE_TRIM_H
#define CORE_TRIM_H

#include "core/lock.h"

#include <stddef.h>

/* Taken while goroutines are held (live.h). */
extern struct lock trim_holds;

/* From sysmon, about once a second.  Returns how many waiting goroutines have
 * not been looked at since they ran: 0 means there is nothing left to do. */
size_t trim_waiting(void);

#endif
