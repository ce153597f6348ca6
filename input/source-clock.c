#include "input/source-clock.h"

#include <string.h>

#define BIN_US 2000
#define BINS 2048u /* lateness of -1 s to +3.1 s around the first one */
#define BINS_BELOW 512u
#define HALVE_EVERY_US (30 * G_USEC_PER_SEC)
#define JUDGE_EVERY_US G_USEC_PER_SEC
#define START_MARGIN_US (150 * 1000) /* before anything is known about the jitter */
#define MARGIN_US (20 * 1000)
#define DELAY_MAX_US (1500 * 1000)
#define UP_US 20000  /* per second */
#define DOWN_US 4000 /* per second */
#define JUMP_US (3 * G_USEC_PER_SEC)
#define JUMP_PROOFS 5u
#define FRAME_MIN_US 1000         /* two pictures never have the same time */
#define START_GAIN_US (50 * 1000) /* worth a step at the end of the start */

typedef struct {
    uint32_t bins[BINS];
    uint64_t count;
    int64_t last_out_us;
    bool running;
    bool discontinuity;  /* to be said */
    unsigned n_outliers; /* access units in a row that fit no line, but each other */
    int64_t outlier_us;  /* lateness of the last of them */
} ClockTrack;

struct InputSourceClock {
    GMutex mutex;
    ClockTrack tracks[INPUT_CLOCK_TRACKS];
    bool known;
    bool used;         /* something was mapped ever: from then on a new line is a discontinuity */
    int64_t origin_us; /* lateness in the middle of the histograms */
    int64_t best_us;   /* least lateness */
    int64_t offset_us; /* due - source */
    int64_t target_us;
    int64_t judged_us, moved_us, halved_us;
    unsigned n_judged;
    unsigned jumps;
};

InputSourceClock *
input_source_clock_new(void)
{
    InputSourceClock *self = g_new0(InputSourceClock, 1);

    g_mutex_init(&self->mutex);
    return self;
}

void
input_source_clock_free(InputSourceClock *self)
{
    if (!self)
        return;
    g_mutex_clear(&self->mutex);
    g_free(self);
}

static void
forget(InputSourceClock *self)
{
    for (unsigned i = 0; i < INPUT_CLOCK_TRACKS; i++) {
        ClockTrack *track = &self->tracks[i];
        *track = (ClockTrack){
            .discontinuity = self->used, .running = track->running, .last_out_us = track->last_out_us};
    }
    self->known = false;
}

void
input_source_clock_restart(InputSourceClock *self)
{
    g_mutex_lock(&self->mutex);
    forget(self);
    g_mutex_unlock(&self->mutex);
}

static void
begin(InputSourceClock *self, int64_t lateness_us, int64_t now_us)
{
    self->known = true;
    self->origin_us = self->best_us = lateness_us;
    self->offset_us = self->target_us = lateness_us + START_MARGIN_US;
    self->judged_us = self->moved_us = self->halved_us = now_us;
    self->n_judged = 0;
}

static void
note_lateness(InputSourceClock *self, ClockTrack *track, int64_t lateness_us)
{
    int64_t bin = (lateness_us - self->origin_us) / BIN_US + BINS_BELOW;

    track->bins[CLAMP(bin, 0, (int64_t)BINS - 1)]++;
    track->count++;
    self->best_us = MIN(self->best_us, lateness_us);
}

/* Lateness that 99.9 % of the access units do not exceed. */
static int64_t
percentile(const InputSourceClock *self, const ClockTrack *track)
{
    uint64_t above = 0, allowed = track->count / 1000;

    for (unsigned bin = BINS; bin-- > 0;) {
        above += track->bins[bin];
        if (above > allowed)
            return self->origin_us + ((int64_t)bin + 1 - BINS_BELOW) * BIN_US;
    }
    return self->origin_us;
}

static void
halve(InputSourceClock *self)
{
    for (unsigned i = 0; i < INPUT_CLOCK_TRACKS; i++) {
        ClockTrack *track = &self->tracks[i];
        track->count = 0;
        for (unsigned bin = 0; bin < BINS; bin++)
            track->count += track->bins[bin] /= 2;
    }
}

static int64_t
lateness_to_cover(const InputSourceClock *self)
{
    int64_t late_us = self->best_us;

    for (unsigned i = 0; i < INPUT_CLOCK_TRACKS; i++)
        if (self->tracks[i].count > 0)
            late_us = MAX(late_us, percentile(self, &self->tracks[i]));
    return late_us;
}

/* The first second shows how long the pipeline took to start, not how the source is. */
static void
end_start(InputSourceClock *self)
{
    if (self->n_judged == 1) {
        for (unsigned i = 0; i < INPUT_CLOCK_TRACKS; i++) {
            memset(self->tracks[i].bins, 0, sizeof(self->tracks[i].bins));
            self->tracks[i].count = 0;
        }
    } else if (self->n_judged == 2 && self->target_us < self->offset_us - START_GAIN_US) {
        self->offset_us = self->target_us;
    }
}

static void
judge(InputSourceClock *self, int64_t now_us)
{
    if (now_us - self->judged_us < JUDGE_EVERY_US)
        return;
    self->judged_us = now_us;
    self->n_judged++;
    self->target_us = MIN(lateness_to_cover(self) + MARGIN_US, self->best_us + DELAY_MAX_US);
    end_start(self);
    if (now_us - self->halved_us >= HALVE_EVERY_US) {
        self->halved_us = now_us;
        halve(self);
    }
}

static void
move_offset(InputSourceClock *self, int64_t now_us)
{
    int64_t elapsed_us = CLAMP(now_us - self->moved_us, 0, G_USEC_PER_SEC);
    int64_t up_us = elapsed_us * UP_US / G_USEC_PER_SEC, down_us = elapsed_us * DOWN_US / G_USEC_PER_SEC;

    self->offset_us = MIN(self->offset_us, self->best_us + DELAY_MAX_US); /* the first one came very late */
    if (down_us == 0)
        return; /* let time add up */
    self->moved_us = now_us;
    self->offset_us += CLAMP(self->target_us - self->offset_us, -down_us, up_us);
}

/* Access units far off the line: a new line once enough of them agree. Returns true if followed. */
static bool
follow_jump(InputSourceClock *self, ClockTrack *track, int64_t lateness_us, int64_t now_us)
{
    bool agrees = track->n_outliers > 0 && ABS(lateness_us - track->outlier_us) < JUMP_US;

    track->n_outliers = agrees ? track->n_outliers + 1 : 1;
    track->outlier_us = lateness_us;
    if (track->n_outliers < JUMP_PROOFS)
        return false;
    forget(self);
    begin(self, lateness_us, now_us);
    self->jumps++;
    return true;
}

/* Pictures keep their order even where the line steps back. */
static int64_t
place(InputSourceClock *self, ClockTrack *track, int64_t source_us, bool picture)
{
    int64_t out_us = source_us + self->offset_us;

    if (picture && track->running)
        out_us = MAX(out_us, track->last_out_us + FRAME_MIN_US);
    track->running = true;
    track->last_out_us = out_us;
    return out_us;
}

bool
input_source_clock_map(InputSourceClock *self,
                       InputClockTrack index,
                       int64_t source_us,
                       int64_t now_us,
                       int64_t *ret_due_us,
                       bool *ret_discontinuity)
{
    int64_t lateness_us = now_us - source_us;
    ClockTrack *track = &self->tracks[index];
    bool fits = true;

    g_mutex_lock(&self->mutex);
    if (!self->known)
        begin(self, lateness_us, now_us);
    else if (ABS(lateness_us - self->offset_us) > JUMP_US)
        fits = follow_jump(self, track, lateness_us, now_us);
    if (fits) {
        self->used = true;
        track->n_outliers = 0;
        note_lateness(self, track, lateness_us);
        judge(self, now_us);
        move_offset(self, now_us);
        *ret_due_us = place(self, track, source_us, index == INPUT_CLOCK_VIDEO);
        *ret_discontinuity = track->discontinuity;
        track->discontinuity = false;
    }
    g_mutex_unlock(&self->mutex);
    return fits;
}

void
input_source_clock_note(InputSourceClock *self, InputClockTrack track, int64_t due_us, int64_t now_us)
{
    g_mutex_lock(&self->mutex);
    if (self->known)
        note_lateness(self, &self->tracks[track], now_us - (due_us - self->offset_us));
    g_mutex_unlock(&self->mutex);
}

int64_t
input_source_clock_delay_us(InputSourceClock *self)
{
    int64_t delay_us;

    g_mutex_lock(&self->mutex);
    delay_us = self->known ? self->offset_us - self->best_us : 0;
    g_mutex_unlock(&self->mutex);
    return delay_us;
}

unsigned
input_source_clock_jumps(InputSourceClock *self)
{
    unsigned jumps;

    g_mutex_lock(&self->mutex);
    jumps = self->jumps;
    g_mutex_unlock(&self->mutex);
    return jumps;
}
