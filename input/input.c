#include "input/input.h"

#include <json-glib/json-glib.h>

#include "input/b-frame-watch.h"
#include "input/input-ts.h"
#include "input/source-clock.h"
#include "lib/base/log.h"

#define POLL_MS 250
#define STATUS_EVERY 4 /* polls */
#define SILENCE_US (2 * G_USEC_PER_SEC)
#define NO_PICTURE_US (8 * G_USEC_PER_SEC) /* bytes but no picture: a key frame should have come by then */
#define RETRY_MIN_US (500 * 1000)
#define RETRY_MAX_US (8 * G_USEC_PER_SEC)

typedef enum {
    STATE_STARTING,
    STATE_LIVE,
    STATE_NO_SIGNAL,
    STATE_FAILED,
} State;

static const char *const state_names[] = {"starting", "live", "no-signal", "failed"};

struct Input {
    BaseLogFields about; /* the channel, lent by the caller */
    InputTsUrl url;
    ReelWriter *writer;
    InputSourceClock *clock;
    InputTs *ts; /* NULL between two attempts */
    int64_t started_us, retry_at_us, retry_us;
    State state, reported;
    InputBFrameWatch b_frames;
    unsigned rebuilds, polls;
    uint64_t counted_bytes;
    int64_t counted_us;
    unsigned bitrate_kbps;
    InputTsStats stats; /* last ones */
    char error[160];
    unsigned timer;
    const InputEvents *events;
    void *user_data;
};

static void
set_state(Input *self, State state)
{
    if (state == self->state)
        return;
    self->state = state;
    if (state == STATE_LIVE)
        base_info(&self->about, "live: %s, sound %s", self->stats.video,
                  self->stats.audio[0] ? self->stats.audio : "none");
    else
        base_warning(&self->about, "%s%s%s", state_names[state], self->error[0] ? ": " : "", self->error);
}

static void
drop_pipeline(Input *self, int64_t now_us)
{
    g_clear_pointer(&self->ts, input_ts_free);
    self->rebuilds++;
    self->retry_at_us = now_us + self->retry_us;
    self->retry_us = MIN(self->retry_us * 2, RETRY_MAX_US);
    self->counted_bytes = 0;
}

static void
start_pipeline(Input *self, int64_t now_us)
{
    g_autoptr(GError) error = NULL;

    self->ts = input_ts_new(&self->url, self->writer, self->clock, &error);
    self->started_us = now_us;
    if (self->ts)
        return;
    g_strlcpy(self->error, error->message, sizeof(self->error));
    set_state(self, STATE_FAILED);
    drop_pipeline(self, now_us);
}

/* What the figures mean; also decides whether to make the pipeline anew. */
static void
judge(Input *self, int64_t now_us)
{
    const InputTsStats *stats = &self->stats;
    int64_t picture_us = MAX(stats->last_video_us, self->started_us);
    bool picture = stats->last_video_us > 0 && now_us - stats->last_video_us < SILENCE_US;
    bool silent = now_us - MAX(stats->last_bytes_us, self->started_us) >= SILENCE_US;

    if (picture) {
        self->retry_us = RETRY_MIN_US;
        set_state(self, STATE_LIVE);
    } else if (silent) {
        set_state(self, STATE_NO_SIGNAL);
    } else if (stats->bytes > 0 && now_us - picture_us >= NO_PICTURE_US) {
        if (!self->error[0])
            g_strlcpy(self->error, "data arrives, but no H.264 picture in it", sizeof(self->error));
        set_state(self, STATE_FAILED);
        drop_pipeline(self, now_us);
        return;
    }
    /* Whatever speaks after a silence is a new source; the clean pipeline waits for it. */
    if (stats->failed || (silent && stats->bytes > 0)) {
        drop_pipeline(self, now_us);
        self->retry_at_us = stats->failed ? self->retry_at_us : now_us;
    }
}

static void
watch_b_frames(Input *self, int64_t now_us)
{
    if (!input_b_frame_watch_update(&self->b_frames, self->stats.video_frames, self->stats.reordered, now_us))
        return;
    if (self->b_frames.b_frames)
        base_warning(&self->about,
                     "video has B-frames: browsers show about one picture per group of pictures");
    else
        base_notice(&self->about, "video has no B-frames any more");
}

static void
measure(Input *self, int64_t now_us)
{
    input_ts_poll(self->ts, &self->stats);
    if (self->stats.error[0])
        g_strlcpy(self->error, self->stats.error, sizeof(self->error));
    watch_b_frames(self, now_us);
    if (now_us - self->counted_us >= G_USEC_PER_SEC) {
        uint64_t bytes = self->stats.bytes - MIN(self->counted_bytes, self->stats.bytes);
        self->bitrate_kbps = (unsigned)(bytes * 8000 / (uint64_t)(now_us - self->counted_us));
        self->counted_bytes = self->stats.bytes;
        self->counted_us = now_us;
    }
}

static void
add_string(JsonBuilder *builder, const char *name, const char *value)
{
    g_autofree char *valid = g_utf8_make_valid(value, -1);

    json_builder_set_member_name(builder, name);
    json_builder_add_string_value(builder, valid);
}

static void
add_int(JsonBuilder *builder, const char *name, int64_t value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_int_value(builder, value);
}

static uint64_t
dropped_records(const Input *self)
{
    uint64_t dropped = 0;

    for (int track = 0; track < INPUT_CLOCK_TRACKS; track++) {
        ReelWriterStats stats;
        reel_writer_stats(self->writer, track, &stats);
        dropped += stats.dropped;
    }
    return dropped;
}

static void
report(Input *self)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();
    g_autoptr(JsonNode) root = NULL;
    g_autofree char *line = NULL;

    self->reported = self->state;
    json_builder_begin_object(builder);
    add_string(builder, "state", state_names[self->state]);
    add_int(builder, "bitrate_kbps", self->state == STATE_NO_SIGNAL ? 0 : self->bitrate_kbps);
    add_string(builder, "video", self->stats.video);
    add_string(builder, "audio", self->stats.audio);
    json_builder_set_member_name(builder, "b_frames");
    json_builder_add_boolean_value(builder, self->b_frames.b_frames);
    add_int(builder, "delay_us", input_source_clock_delay_us(self->clock));
    add_int(builder, "jumps", input_source_clock_jumps(self->clock));
    add_int(builder, "rebuilds", self->rebuilds);
    add_int(builder, "dropped", (int64_t)dropped_records(self));
    add_string(builder, "error", self->error);
    json_builder_end_object(builder);
    root = json_builder_get_root(builder);
    line = json_to_string(root, FALSE);
    self->events->status(self->user_data, line);
}

static gboolean
on_poll(gpointer user_data)
{
    Input *self = user_data;
    int64_t now_us = g_get_monotonic_time();

    if (!self->ts && now_us >= self->retry_at_us)
        start_pipeline(self, now_us);
    if (self->ts) {
        measure(self, now_us);
        judge(self, now_us);
    }
    if (self->polls++ % STATUS_EVERY == 0 || self->state != self->reported)
        report(self);
    return G_SOURCE_CONTINUE;
}

Input *
input_new(const char *url,
          const char *channel,
          int memory_fd,
          const InputEvents *events,
          void *user_data,
          GError **error)
{
    g_autoptr(Input) self = g_new0(Input, 1);

    self->about = (BaseLogFields){.channel = channel};
    self->events = events;
    self->user_data = user_data;
    self->retry_us = RETRY_MIN_US;
    self->clock = input_source_clock_new();
    if (!input_ts_url_parse(&self->url, url, error))
        return NULL;
    self->writer = reel_writer_new_live(memory_fd, error);
    if (!self->writer)
        return NULL;
    start_pipeline(self, g_get_monotonic_time());
    self->timer = g_timeout_add(POLL_MS, on_poll, self);
    return g_steal_pointer(&self);
}

void
input_free(Input *self)
{
    if (!self)
        return;
    if (self->timer)
        g_source_remove(self->timer);
    input_ts_free(self->ts);
    input_source_clock_free(self->clock);
    reel_writer_free(self->writer);
    input_ts_url_clear(&self->url);
    g_free(self);
}
