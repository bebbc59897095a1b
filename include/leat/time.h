/*
 * time.h - now, and later.
 *
 *	leat_time start = leat_now();
 *
 *	leat_sleep(50 * LEAT_MICROSECOND);
 *	printf("%lld ns\n", (long long)leat_since(start));
 *
 * A leat_time is a moment on the monotonic clock, which no step of the wall
 * clock moves, and a leat_duration a span, both in nanoseconds.  A moment in
 * the past is now; INT64_MAX is never.  Nothing happens before its time; how
 * long after it, is a matter of who has the CPU and of LEAT_IDLE.
 */
#ifndef LEAT_TIME_H
#define LEAT_TIME_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef int64_t leat_time;
typedef int64_t leat_duration;

#define LEAT_NANOSECOND  ((leat_duration)1)
#define LEAT_MICROSECOND (1000 * LEAT_NANOSECOND)
#define LEAT_MILLISECOND (1000 * LEAT_MICROSECOND)
#define LEAT_SECOND      (1000 * LEAT_MILLISECOND)
#define LEAT_MINUTE      (60 * LEAT_SECOND)
#define LEAT_HOUR        (60 * LEAT_MINUTE)
#define LEAT_NEVER       INT64_MAX

/* The moment that it is; CLOCK_MONOTONIC.  Never waits. */
leat_time leat_now(void);

/* From t until now, from now until t; LEAT_NEVER is for ever away.  Never wait. */
leat_duration leat_since(leat_time t);
leat_duration leat_until(leat_time t);

/* The moment that is d from now; LEAT_NEVER if it is too far away to be told. */
leat_time leat_after_now(leat_duration d);

/* Wait for at least d; not at all if that is not above 0.  On a thread that is
 * not the runtime's it sleeps.  After Go's time.Sleep. */
void leat_sleep(leat_duration d);

/* Wait until it is at least t. */
void leat_sleep_until(leat_time t);

#ifdef __cplusplus
}
#endif

#endif
