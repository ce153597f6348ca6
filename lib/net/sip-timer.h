/* lib/net/sip-timer.h - the timer heap of a SIP endpoint, on a BaseClock. For sip-*.c and their tests.
 *
 * With the machine's clock one event source of the main context wakes the heap; with a fake clock
 * net_sip_timers_run does. Starting and stopping cost O(log n). */
#pragma once

#include "lib/base/clock.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct NetSipTimers NetSipTimers;
typedef struct NetSipTimer NetSipTimer;

/* Embedded in what it belongs to; zeroed memory is a stopped timer. */
struct NetSipTimer {
    int64_t due_us;
    guint place; /* in the heap, from 1; 0: not running */
    void (*expired)(void *user_data);
    void *user_data;
};

/* @clock: NULL for the machine's. */
NetSipTimers *net_sip_timers_new(const BaseClock *clock);
void net_sip_timers_free(NetSipTimers *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NetSipTimers, net_sip_timers_free)

int64_t net_sip_timers_now_us(const NetSipTimers *self);
/* (Re)starts @timer; it fires once. */
void net_sip_timers_start(NetSipTimers *self,
                          NetSipTimer *timer,
                          int64_t delay_ms,
                          void (*expired)(void *user_data),
                          void *user_data);
void net_sip_timers_stop(NetSipTimers *self, NetSipTimer *timer);
bool net_sip_timer_is_running(const NetSipTimer *timer);
/* Fires what is due, in order of due time. */
void net_sip_timers_run(NetSipTimers *self);
guint net_sip_timers_count(const NetSipTimers *self);
