#include "mdf/delivery/bandwidth.h"

#include <math.h>

#define GROUP_US 5000                  /* packets sent within this time are one burst */
#define RATE_WINDOW_US (500 * 1000)    /* what arrives is measured over this time */
#define STALE_US (2 * G_USEC_PER_SEC)  /* after such a pause the delays say nothing of each other */
#define OVERUSE_US (10 * 1000)         /* a queue has to grow for so long */
#define DECREASE_EVERY_US (300 * 1000) /* then the effect of the last step is seen */
#define RISE_PER_S 0.08
#define BACK_OFF 0.85
#define HEADROOM 1.5
#define LOSS_HIGH 0.1

enum {
    TREND_POINTS = 20,
    TREND_FULL = 60,    /* bursts after which the trend counts in full */
    LOSS_PACKETS = 200, /* fewer, and chance counts for a tenth */
};

typedef struct {
    uint32_t sent_us; /* modulo 2^32 */
    uint16_t sequence;
    uint16_t bytes; /* 0: told of already, or empty */
} Sent;

/* Packets that were sent together; the last one to arrive counts. */
typedef struct {
    bool valid;
    uint32_t first_sent_us, last_sent_us;
    int64_t arrival_us;
} Group;

/* Is the queue growing? The slope of the smoothed delay over the last bursts (GCC 5.3, 5.4). */
typedef struct {
    double x_ms[TREND_POINTS], y_ms[TREND_POINTS];
    unsigned n; /* bursts seen */
    double delay_ms, smoothed_ms, threshold_ms, slope;
    int64_t over_since_us; /* arrival; -1: it is not */
    bool over, under;
} Trend;

struct MdfBandwidth {
    uint16_t next;
    Sent ring[MDF_BANDWIDTH_RING];
    Group group, before;
    Trend trend;

    bool measuring;
    int64_t window_start_us; /* arrival */
    uint64_t window_bytes;
    double arriving_kbps; /* 0: not known */
    unsigned told, lost;
    double loss;

    double kbps;
    int64_t updated_us, decreased_us;
};

/* ---- life ---- */

static void
reset_delays(MdfBandwidth *self)
{
    self->group = self->before = (Group){0};
    self->trend = (Trend){.threshold_ms = 12.5, .over_since_us = -1};
    self->measuring = false;
}

MdfBandwidth *
mdf_bandwidth_new(void)
{
    MdfBandwidth *self = g_new0(MdfBandwidth, 1);

    self->next = (uint16_t)g_random_int();
    reset_delays(self);

    return self;
}

void
mdf_bandwidth_free(MdfBandwidth *self)
{
    g_free(self);
}

uint16_t *
mdf_bandwidth_counter(MdfBandwidth *self)
{
    return &self->next;
}

void
mdf_bandwidth_sent(MdfBandwidth *self, size_t bytes, int64_t now_us)
{
    uint16_t sequence = (uint16_t)(self->next - 1);

    self->ring[sequence % MDF_BANDWIDTH_RING] =
        (Sent){(uint32_t)now_us, sequence, (uint16_t)CLAMP(bytes, 1, UINT16_MAX)};
}

/* ---- delay ---- */

static double
slope_of(const Trend *trend, unsigned n)
{
    double x_mean = 0, y_mean = 0, above = 0, below = 0;

    for (unsigned i = 0; i < n; i++) {
        x_mean += trend->x_ms[i] / n;
        y_mean += trend->y_ms[i] / n;
    }
    for (unsigned i = 0; i < n; i++) {
        above += (trend->x_ms[i] - x_mean) * (trend->y_ms[i] - y_mean);
        below += (trend->x_ms[i] - x_mean) * (trend->x_ms[i] - x_mean);
    }

    return below > 0 ? above / below : 0;
}

/* The threshold follows what is usual on this path, so that it neither starves beside TCP nor shies. */
static void
judge(Trend *trend, double slope, double step_ms, int64_t arrival_us)
{
    double strength = slope * MIN(trend->n, TREND_FULL) * 4, size = fabs(strength);

    trend->under = strength < -trend->threshold_ms;
    if (strength <= trend->threshold_ms) {
        trend->over = false;
        trend->over_since_us = -1;
    } else if (trend->over_since_us < 0) {
        trend->over_since_us = arrival_us;
    } else if (arrival_us - trend->over_since_us >= OVERUSE_US && slope >= trend->slope) {
        trend->over = true;
    }
    trend->slope = slope;
    if (size <= trend->threshold_ms + 15)
        trend->threshold_ms +=
            (size > trend->threshold_ms ? 0.0087 : 0.039) * (size - trend->threshold_ms) * MIN(step_ms, 100);
    trend->threshold_ms = CLAMP(trend->threshold_ms, 6, 600);
}

static void
close_group(MdfBandwidth *self)
{
    Trend *trend = &self->trend;
    double step_ms, change_ms;
    unsigned at;

    if (self->before.valid) {
        step_ms = (double)(self->group.arrival_us - self->before.arrival_us) / 1000;
        change_ms = step_ms - (int32_t)(self->group.last_sent_us - self->before.last_sent_us) / 1000.0;
        trend->delay_ms += change_ms;
        trend->smoothed_ms = 0.9 * trend->smoothed_ms + 0.1 * trend->delay_ms;
        at = trend->n++ % TREND_POINTS;
        trend->x_ms[at] = (double)self->group.arrival_us / 1000;
        trend->y_ms[at] = trend->smoothed_ms;
        if (trend->n >= TREND_POINTS)
            judge(trend, slope_of(trend, TREND_POINTS), MAX(step_ms, 0), self->group.arrival_us);
    }
    self->before = self->group;
    self->group.valid = false;
}

static void
add_to_group(MdfBandwidth *self, uint32_t sent_us, int64_t arrival_us)
{
    Group *group = &self->group;
    int32_t since_first = (int32_t)(sent_us - group->first_sent_us);

    if (group->valid && since_first < 0) /* overtaken: of a burst that is closed */
        return;
    if (group->valid && since_first > GROUP_US)
        close_group(self);
    if (!group->valid) {
        *group = (Group){true, sent_us, sent_us, arrival_us};
        return;
    }
    group->last_sent_us = sent_us;
    group->arrival_us = MAX(group->arrival_us, arrival_us);
}

/* ---- what arrives ---- */

static void
measure(MdfBandwidth *self, size_t bytes, int64_t arrival_us)
{
    int64_t since_us = arrival_us - self->window_start_us;

    if (!self->measuring) {
        self->measuring = true;
        self->window_start_us = arrival_us;
        self->window_bytes = 0; /* the first one only starts the watch */
        return;
    }
    self->window_bytes += bytes;
    if (since_us < RATE_WINDOW_US)
        return;
    self->arriving_kbps = (double)self->window_bytes * 8000 / (double)since_us;
    self->window_start_us = arrival_us;
    self->window_bytes = 0;
}

/* The sent packet of that number, once. */
static bool
take(MdfBandwidth *self, uint16_t sequence, Sent *ret_sent)
{
    Sent *sent = &self->ring[sequence % MDF_BANDWIDTH_RING];

    if (sent->bytes == 0 || sent->sequence != sequence)
        return false;
    *ret_sent = *sent;
    sent->bytes = 0;
    self->told++;

    return true;
}

void
mdf_bandwidth_arrived(MdfBandwidth *self, uint16_t sequence, int64_t arrival_us)
{
    Sent sent;
    int64_t since_us = arrival_us - self->group.arrival_us;

    if (!take(self, sequence, &sent))
        return;
    if (self->group.valid && (since_us > STALE_US || since_us < -STALE_US))
        reset_delays(self);
    measure(self, sent.bytes, arrival_us);
    add_to_group(self, sent.sent_us, arrival_us);
}

void
mdf_bandwidth_missing(MdfBandwidth *self, uint16_t sequence)
{
    Sent sent;

    if (take(self, sequence, &sent))
        self->lost++;
}

/* ---- the estimate ---- */

/* True if a new share of losses is known. */
static bool
count_losses(MdfBandwidth *self)
{
    if (self->told < LOSS_PACKETS)
        return false;
    self->loss = (double)self->lost / self->told;
    self->told = self->lost = 0;

    return true;
}

void
mdf_bandwidth_update(MdfBandwidth *self, int64_t now_us)
{
    double elapsed_s = (double)CLAMP(now_us - self->updated_us, 0, G_USEC_PER_SEC) / G_USEC_PER_SEC;
    bool new_loss = count_losses(self);
    bool may_fall = now_us - self->decreased_us >= DECREASE_EVERY_US;
    double before = self->kbps;

    self->updated_us = now_us;
    if (self->arriving_kbps == 0)
        return;
    if (self->kbps == 0)
        self->kbps = self->arriving_kbps;
    else if (self->trend.over && may_fall)
        self->kbps = MIN(self->kbps, BACK_OFF * self->arriving_kbps);
    else if (!self->trend.over && !self->trend.under && self->loss <= LOSS_HIGH)
        self->kbps =
            MAX(MIN(self->kbps * (1 + RISE_PER_S * elapsed_s), HEADROOM * self->arriving_kbps), before);
    if (new_loss && self->loss > LOSS_HIGH)
        self->kbps *= 1 - self->loss / 2;
    self->kbps = MAX(self->kbps, MDF_BANDWIDTH_MIN_KBPS);
    if (self->kbps < before)
        self->decreased_us = now_us;
}

uint32_t
mdf_bandwidth_kbps(const MdfBandwidth *self)
{
    return (uint32_t)lrint(self->kbps);
}
