/*
 * alarm.h - timers as users have them, for the rest of sync/.
 */
#ifndef SYNC_ALARM_H
#define SYNC_ALARM_H

struct leat_timer;

/* One reference less, be it the timer's or its channel's. */
void timer_release(struct leat_timer *t);

#endif
