/*
 * schedtrace.h - LEAT_SCHEDTRACE: the scheduler in one line, each so often.
 */
#ifndef CORE_SCHEDTRACE_H
#define CORE_SCHEDTRACE_H

#include <stdint.h>

/* Say it if it is time; when it will be next: OS_NEVER if it is not wanted. */
int64_t schedtrace_look(int64_t now);

#endif
