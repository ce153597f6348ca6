#include "lib/net/sip-timer.h"

typedef struct {
    GSource source;
    NetSipTimers *owner;
} WakeSource;

struct NetSipTimers {
    const BaseClock *clock;
    GPtrArray *heap; /* NetSipTimer, borrowed; index 0 is unused */
    GSource *wake;   /* NULL with a fake clock */
};

/* --- Heap ------------------------------------------------------------------------------------ */

static NetSipTimer *
at(const NetSipTimers *self, guint place)
{
    return g_ptr_array_index(self->heap, place);
}

static void
put(NetSipTimers *self, guint place, NetSipTimer *timer)
{
    g_ptr_array_index(self->heap, place) = timer;
    timer->place = place;
}

static void
sift_up(NetSipTimers *self, guint place)
{
    NetSipTimer *timer = at(self, place);

    while (place > 1 && at(self, place / 2)->due_us > timer->due_us) {
        put(self, place, at(self, place / 2));
        place /= 2;
    }
    put(self, place, timer);
}

static void
sift_down(NetSipTimers *self, guint place)
{
    NetSipTimer *timer = at(self, place);
    guint last = self->heap->len - 1;

    for (guint child = place * 2; child <= last; child = place * 2) {
        if (child < last && at(self, child + 1)->due_us < at(self, child)->due_us)
            child++;
        if (at(self, child)->due_us >= timer->due_us)
            break;
        put(self, place, at(self, child));
        place = child;
    }
    put(self, place, timer);
}

static void
set_wake(NetSipTimers *self)
{
    if (self->wake)
        g_source_set_ready_time(self->wake, self->heap->len > 1 ? at(self, 1)->due_us : -1);
}

/* --- Lifecycle ------------------------------------------------------------------------------- */

static gboolean
on_wake(GSource *source, GSourceFunc callback, gpointer user_data)
{
    (void)callback;
    (void)user_data;
    net_sip_timers_run(((WakeSource *)source)->owner);

    return G_SOURCE_CONTINUE;
}

static GSourceFuncs wake_funcs = {.dispatch = on_wake};

NetSipTimers *
net_sip_timers_new(const BaseClock *clock)
{
    NetSipTimers *self = g_new0(NetSipTimers, 1);

    self->clock = clock ? clock : base_clock_monotonic();
    self->heap = g_ptr_array_new();
    g_ptr_array_add(self->heap, NULL);
    if (self->clock == base_clock_monotonic()) {
        self->wake = g_source_new(&wake_funcs, sizeof(WakeSource));
        ((WakeSource *)self->wake)->owner = self;
        g_source_attach(self->wake, NULL);
    }

    return self;
}

void
net_sip_timers_free(NetSipTimers *self)
{
    if (!self)
        return;
    if (self->wake) {
        g_source_destroy(self->wake);
        g_source_unref(self->wake);
    }
    for (guint i = 1; i < self->heap->len; i++)
        at(self, i)->place = 0;
    g_ptr_array_unref(self->heap);
    g_free(self);
}

/* --- Operations ------------------------------------------------------------------------------ */

int64_t
net_sip_timers_now_us(const NetSipTimers *self)
{
    return base_clock_now_us(self->clock);
}

void
net_sip_timers_start(NetSipTimers *self,
                     NetSipTimer *timer,
                     int64_t delay_ms,
                     void (*expired)(void *user_data),
                     void *user_data)
{
    net_sip_timers_stop(self, timer);
    timer->due_us = net_sip_timers_now_us(self) + delay_ms * 1000;
    timer->expired = expired;
    timer->user_data = user_data;
    g_ptr_array_add(self->heap, timer);
    sift_up(self, self->heap->len - 1);
    set_wake(self);
}

void
net_sip_timers_stop(NetSipTimers *self, NetSipTimer *timer)
{
    guint place = timer->place;
    guint last = self->heap->len - 1;

    if (place == 0)
        return;
    timer->place = 0;
    if (place != last) {
        put(self, place, at(self, last));
        g_ptr_array_set_size(self->heap, (gint)last);
        sift_up(self, place);
        sift_down(self, place);
    } else {
        g_ptr_array_set_size(self->heap, (gint)last);
    }
    set_wake(self);
}

bool
net_sip_timer_is_running(const NetSipTimer *timer)
{
    return timer->place != 0;
}

void
net_sip_timers_run(NetSipTimers *self)
{
    int64_t now = net_sip_timers_now_us(self);

    while (self->heap->len > 1 && at(self, 1)->due_us <= now) {
        NetSipTimer *timer = at(self, 1);

        net_sip_timers_stop(self, timer);
        timer->expired(timer->user_data);
    }
}

guint
net_sip_timers_count(const NetSipTimers *self)
{
    return self->heap->len - 1;
}
