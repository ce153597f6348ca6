#include "mdf/delivery/playout.h"

#include <math.h>

#include "lib/base/error.h"
#include "mdf/delivery/pacer.h"

#define NEVER INT64_MAX
#define EDGE_LATE_US G_USEC_PER_SEC /* a live viewer this far behind jumps to the newest key frame */
#define SLIP_LATE_US (300 * 1000)   /* anybody else goes on later instead of hurrying */
#define LIVE_EDGE_NEAR_US (2 * G_USEC_PER_SEC)

enum {
    RECORDS_PER_RUN = 256, /* then the others have their turn */
};

typedef enum {
    IDLE, /* no programme has been played */
    STARTING,
    PLAYING,
    PAUSED,
    ENDED,
} State;

struct MdfPlayout {
    MdfPayloadTypes types;
    const MdfPlayoutEvents *events;
    void *user_data;
    ReelCursor *cursor;
    bool live, ready;
    int video, audio; /* tracks; -1: none */
    uint8_t video_payload_type, audio_payload_type;
    MdfPacer pacer;

    State state;
    int64_t shift_us;
    bool at_edge;  /* live, shift 0 */
    bool catch_up; /* records of the past go out as a burst */
    int64_t frame_late_us;
    int64_t position_us; /* while not playing */
    int64_t start_us;
    int64_t start_deadline_us;
    bool start_answered;    /* `started` was said although nothing has gone out yet */
    bool start_at_position; /* go on from position_us, not from the next record's time */
    bool key_wanted;
    int64_t key_due_us; /* not before; answered requests have their distance */
};

/* ---- life ---- */

MdfPlayout *
mdf_playout_new(const MdfPayloadTypes *types, const MdfPlayoutEvents *events, void *user_data)
{
    MdfPlayout *self = g_new0(MdfPlayout, 1);

    self->types = *types;
    self->events = events;
    self->user_data = user_data;
    self->video = self->audio = -1;

    return self;
}

void
mdf_playout_free(MdfPlayout *self)
{
    if (!self)
        return;
    reel_cursor_free(self->cursor);
    g_free(self);
}

static ReelProgramme *
programme_of(const MdfPlayout *self)
{
    return reel_cursor_programme(self->cursor);
}

static int64_t
duration_us(const MdfPlayout *self)
{
    int64_t first, last;

    if (!self->cursor || self->live || !reel_programme_range(programme_of(self), &first, &last))
        return -1;

    return last;
}

/* ---- starting ---- */

static void
arm(MdfPlayout *self, int64_t now_us)
{
    self->state = STARTING;
    self->start_deadline_us = now_us + MDF_PLAYOUT_START_WAIT_US;
    self->start_answered = false;
    self->start_at_position = false;
    self->catch_up = false;
    self->key_wanted = false;
}

/* The newest key frame of a channel, the first of a film. */
static void
go_to_start(MdfPlayout *self, int64_t now_us)
{
    int64_t us = self->live ? now_us : 0;

    reel_cursor_seek_live(self->cursor, now_us, &us);
    self->at_edge = self->live;
    self->position_us = self->start_us = us;
}

static void
go_to(MdfPlayout *self, int64_t media_us)
{
    int64_t us = media_us;

    reel_cursor_seek(self->cursor, media_us, &us);
    self->at_edge = false;
    self->position_us = self->start_us = us;
}

static uint32_t
bitrate_kbps(const ReelProgramme *programme, int track)
{
    return track < 0 ? 0 : reel_programme_track(programme, (unsigned)track)->bitrate_kbps;
}

static void
adopt(MdfPlayout *self, ReelProgramme *programme, int video, int audio, int64_t now_us)
{
    self->live = reel_programme_is_live(programme);
    self->video = video;
    self->audio = audio;
    if (video >= 0)
        self->video_payload_type =
            self->types.by_codec[reel_programme_track(programme, (unsigned)video)->codec];
    if (audio >= 0)
        self->audio_payload_type =
            self->types.by_codec[reel_programme_track(programme, (unsigned)audio)->codec];
    mdf_pacer_init(&self->pacer, bitrate_kbps(programme, video) + bitrate_kbps(programme, audio), now_us);
}

bool
mdf_playout_set_programme(MdfPlayout *self, ReelProgramme *programme, int64_t now_us, GError **error)
{
    unsigned tracks[2], n = 0;
    int video, audio;

    if (!mdf_tracks_choose(programme, &self->types, &video, &audio)) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_NOT_ACCEPTABLE,
                    "%s is in a codec that this viewer has not negotiated", reel_programme_name(programme));
        return false;
    }
    if (video >= 0)
        tracks[n++] = (unsigned)video;
    if (audio >= 0)
        tracks[n++] = (unsigned)audio;
    if (self->cursor) {
        if (!reel_cursor_switch(self->cursor, programme, tracks, n, error))
            return false;
    } else {
        self->cursor = reel_cursor_new(programme, tracks, n, error);
        if (!self->cursor)
            return false;
    }

    adopt(self, programme, video, audio, now_us);
    go_to_start(self, now_us);
    if (self->state == STARTING || self->state == PLAYING || self->state == ENDED)
        arm(self, now_us);
    else
        self->events->started(NULL, self->user_data);

    return true;
}

/* What the screen shows now. */
static int64_t
current_position(const MdfPlayout *self, int64_t now_us)
{
    int64_t position = self->state == PLAYING ? now_us - self->shift_us : self->position_us;
    int64_t duration = duration_us(self);

    if (duration >= 0)
        position = CLAMP(position, 0, duration);

    return position;
}

/* Goes on where a pause stopped it: the cursor stands there. If the picture was lost meanwhile it needs a
 * key frame, and the way from there to here in a burst. */
static void
go_on(MdfPlayout *self, int64_t now_us)
{
    int64_t position = self->position_us, us;
    bool lost = self->key_wanted;

    arm(self, now_us);
    self->start_at_position = true;
    self->catch_up = lost && reel_cursor_seek(self->cursor, position, &us);
    self->start_us = position;
}

static bool
refuse_npt(double npt_s, GError **error)
{
    g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT, "there is no position %.3f s", npt_s);
    return false;
}

static bool
play_from(MdfPlayout *self, double npt_s, int64_t now_us, GError **error)
{
    int64_t duration = duration_us(self), edge;
    int64_t media_us;

    if (!(npt_s >= 0) || npt_s > 1e12)
        return refuse_npt(npt_s, error);
    media_us = llrint(npt_s * G_USEC_PER_SEC);
    if (duration >= 0 && media_us > duration)
        return refuse_npt(npt_s, error);

    if (self->live && (!reel_cursor_edge(self->cursor, &edge) || media_us > edge - LIVE_EDGE_NEAR_US))
        go_to_start(self, now_us);
    else
        go_to(self, media_us);
    arm(self, now_us);

    return true;
}

bool
mdf_playout_play(MdfPlayout *self, double npt_s, int64_t now_us, GError **error)
{
    if (!self->cursor) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE, "no programme");
        return false;
    }
    if (!isnan(npt_s))
        return play_from(self, npt_s, now_us, error);

    switch (self->state) {
    case PLAYING:
        self->events->started(NULL, self->user_data);
        break;
    case STARTING:
        break;
    case PAUSED:
        if (!self->live) {
            go_on(self, now_us);
            break;
        }
        G_GNUC_FALLTHROUGH;
    case IDLE:
    case ENDED:
        go_to_start(self, now_us);
        arm(self, now_us);
        break;
    }

    return true;
}

void
mdf_playout_pause(MdfPlayout *self, int64_t now_us)
{
    if (self->state == PLAYING)
        self->position_us = current_position(self, now_us);
    if (self->state == STARTING) {
        self->state = PAUSED;
        self->events->started(NULL, self->user_data);
    }
    if (self->state == PLAYING || self->state == IDLE)
        self->state = PAUSED;
}

ReelBlockCache *
mdf_playout_cache(const MdfPlayout *self)
{
    return reel_cursor_cache(self->cursor);
}

void
mdf_playout_set_ready(MdfPlayout *self, int64_t now_us)
{
    self->ready = true;
    if (self->state == STARTING)
        self->start_deadline_us = now_us + MDF_PLAYOUT_START_WAIT_US;
}

void
mdf_playout_request_key(MdfPlayout *self, int64_t now_us)
{
    if (self->state == IDLE || self->state == ENDED || self->key_wanted)
        return;
    self->key_wanted = true;
    self->key_due_us = MAX(self->key_due_us, now_us);
}

/* The last key frame once more, and a burst from there to now. */
static void
repeat_key(MdfPlayout *self, int64_t now_us)
{
    int64_t us;

    self->key_wanted = false;
    self->key_due_us = now_us + MDF_PLAYOUT_KEY_INTERVAL_US;
    if (reel_cursor_seek(self->cursor, now_us - self->shift_us, &us))
        self->catch_up = true;
}

/* ---- running ---- */

static void
finish(MdfPlayout *self)
{
    bool starting = self->state == STARTING;
    int64_t duration = duration_us(self);

    self->state = ENDED;
    if (duration >= 0)
        self->position_us = duration;
    if (starting)
        self->events->started(NULL, self->user_data);
    if (self->live)
        self->events->gone(self->user_data);
    else
        self->events->ended(self->user_data);
}

/* The first record is there and can go out: fixes the shift. */
static void
begin(MdfPlayout *self, int64_t first_us, int64_t now_us)
{
    if (self->at_edge) {
        self->shift_us = 0;
        self->catch_up = true;
    } else if (self->start_at_position) {
        self->shift_us = now_us - self->position_us;
    } else {
        self->shift_us = now_us - first_us;
        self->start_us = first_us;
    }
    self->state = PLAYING;
    if (!self->start_answered)
        self->events->started(NULL, self->user_data);
}

/* The browser is not there yet. It may take its time, the one who asked to play may not. */
static int64_t
wait_for_ready(MdfPlayout *self, int64_t now_us)
{
    if (self->start_answered)
        return NEVER;
    if (now_us < self->start_deadline_us)
        return self->start_deadline_us;
    self->start_answered = true;
    self->events->started(NULL, self->user_data);

    return NEVER;
}

static int64_t
run_start(MdfPlayout *self, int64_t now_us)
{
    ReelRecord record;
    int64_t wake_us = now_us;

    switch (reel_cursor_peek(self->cursor, now_us, &record, &wake_us)) {
    case REEL_NEXT_RECORD:
        if (!self->ready)
            return wait_for_ready(self, now_us);
        begin(self, record.due_us, now_us);
        return now_us;
    case REEL_NEXT_EDGE: /* an empty channel: plays what comes */
        if (!self->ready)
            return wait_for_ready(self, now_us);
        self->at_edge = self->live;
        begin(self, now_us, now_us);
        return wake_us;
    case REEL_NEXT_WAIT:
        if (!self->ready)
            return MIN(wake_us, wait_for_ready(self, now_us));
        if (now_us < self->start_deadline_us)
            return wake_us;
        begin(self, self->start_us, now_us); /* the medium is slow; the answer must not be */
        return wake_us;
    case REEL_NEXT_GAP:
        self->position_us = self->start_us = record.due_us;
        self->start_at_position = false;
        return now_us;
    case REEL_NEXT_END:
        finish(self);
        return NEVER;
    }

    return NEVER;
}

/* Too late for a short delay to be the reason. */
static void
catch_lateness(MdfPlayout *self, int64_t late_us, int64_t now_us)
{
    if (self->at_edge && late_us > EDGE_LATE_US) {
        go_to_start(self, now_us);
        self->catch_up = true;
    } else if (!self->at_edge && late_us > SLIP_LATE_US) {
        self->shift_us += late_us;
    }
}

static void
send_record(MdfPlayout *self, const ReelRecord *record, int64_t now_us)
{
    bool is_video = (int)record->track == self->video;
    int64_t late_us = now_us - (record->due_us + self->shift_us);

    if (record->flags & REEL_FLAG_FRAME_START)
        self->frame_late_us = self->catch_up ? late_us : 0;
    mdf_pacer_spend(&self->pacer,
                    self->events->send(record, is_video ? REEL_VIDEO : REEL_AUDIO,
                                       is_video ? self->video_payload_type : self->audio_payload_type,
                                       self->shift_us, is_video ? self->frame_late_us : 0, self->user_data));
}

/* What a burst leaves out: sound of the past, pictures that no other needs. */
static bool
skips(const MdfPlayout *self, const ReelRecord *record)
{
    return self->catch_up && ((int)record->track != self->video || (record->flags & REEL_FLAG_DISCARDABLE));
}

/* True if the loop goes on; else *ret_wake_us. */
static bool
run_record(MdfPlayout *self, const ReelRecord *record, int64_t now_us, int64_t *ret_wake_us)
{
    int64_t send_us = record->due_us + self->shift_us;
    int64_t wait_us;

    if (send_us > now_us) {
        self->catch_up = false;
        *ret_wake_us = send_us;
        return false;
    }
    if (skips(self, record)) {
        reel_cursor_advance(self->cursor);
        return true;
    }
    wait_us = mdf_pacer_wait_until(&self->pacer, now_us);
    if (wait_us) {
        *ret_wake_us = wait_us;
        return false;
    }
    if (!self->catch_up && (record->flags & REEL_FLAG_FRAME_START) && now_us - send_us > SLIP_LATE_US) {
        catch_lateness(self, now_us - send_us, now_us);
        if (self->catch_up)
            return true; /* the cursor has moved */
    }
    send_record(self, record, now_us);
    reel_cursor_advance(self->cursor);

    return true;
}

static void
run_gap(MdfPlayout *self, int64_t key_us, int64_t now_us)
{
    if (!self->at_edge)
        self->shift_us = now_us - key_us; /* goes on there, now */
    else
        self->catch_up = true;
}

int64_t
mdf_playout_run(MdfPlayout *self, int64_t now_us)
{
    ReelRecord record;
    int64_t wake_us = now_us;

    if (self->state == STARTING) {
        wake_us = run_start(self, now_us);
        if (self->state != PLAYING)
            return wake_us;
    }
    if (self->state != PLAYING || !self->ready)
        return NEVER;
    if (self->key_wanted && self->key_due_us <= now_us)
        repeat_key(self, now_us);

    for (unsigned n = 0; n < RECORDS_PER_RUN; n++) {
        switch (reel_cursor_peek(self->cursor, now_us, &record, &wake_us)) {
        case REEL_NEXT_RECORD:
            if (!run_record(self, &record, now_us, &wake_us))
                return self->key_wanted ? MIN(wake_us, self->key_due_us) : wake_us;
            break;
        case REEL_NEXT_WAIT:
        case REEL_NEXT_EDGE:
            return wake_us;
        case REEL_NEXT_GAP:
            run_gap(self, record.due_us, now_us);
            break;
        case REEL_NEXT_END:
            finish(self);
            return NEVER;
        }
    }

    return now_us;
}

void
mdf_playout_status(const MdfPlayout *self, int64_t now_us, MdfPlayoutStatus *ret_status)
{
    static const MdfViewerState states[] = {
        [IDLE] = MDF_VIEWER_CONNECTED, [STARTING] = MDF_VIEWER_PLAYING, [PLAYING] = MDF_VIEWER_PLAYING,
        [PAUSED] = MDF_VIEWER_PAUSED,  [ENDED] = MDF_VIEWER_ENDED,
    };

    *ret_status = (MdfPlayoutStatus){
        .state = states[self->state],
        .live = self->live,
        .has_video = self->video >= 0,
        .position_us = self->cursor ? current_position(self, now_us) : 0,
        .start_us = self->start_us,
        .duration_us = duration_us(self),
        .shift_us = self->state == PLAYING ? self->shift_us : now_us - self->position_us,
    };
}
