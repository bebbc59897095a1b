/*
 * trim.h - memory of stacks that wait goes back to the kernel.
 */
#ifndef CORE_TRIM_H
#define CORE_TRIM_H

#include <stddef.h>

/* From sysmon, about once a second.  Returns how many waiting goroutines have
 * not been looked at since they ran: 0 means there is nothing left to do. */
size_t trim_waiting(void);

#endif
