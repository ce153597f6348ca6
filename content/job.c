#include "content/job.h"

#include "content/conform.h"
#include "content/poster.h"
#include "content/probe.h"
#include "content/sandbox.h"
#include "content/verdict.h"

#include <errno.h>
#include <gst/gst.h>
#include <json-glib/json-glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    int64_t duration_us; /* 0 while unknown */
} Job;

/* Writes one line and ends the builder's life. A parent that is gone ends this process by signal. */
static void
tell(JsonBuilder *builder)
{
    g_autoptr(JsonNode) root = NULL;
    g_autofree char *line = NULL;

    json_builder_end_object(builder);
    root = json_builder_get_root(builder);
    line = json_to_string(root, FALSE);
    g_object_unref(builder);
    puts(line);
    fflush(stdout);
}

static JsonBuilder *
event(const char *name)
{
    JsonBuilder *builder = json_builder_new();

    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "event");
    json_builder_add_string_value(builder, name);
    return builder;
}

static void
add_text(JsonBuilder *builder, const char *name, const char *value)
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

static void
tell_progress(const char *stage, int64_t done_us, int64_t of_us)
{
    JsonBuilder *builder = event("progress");

    add_text(builder, "stage", stage);
    add_int(builder, "done_us", done_us);
    add_int(builder, "of_us", of_us);
    tell(builder);
}

static void
on_probe_position(void *user_data, int64_t media_us, int64_t duration_us)
{
    (void)user_data;
    tell_progress("probe", media_us, duration_us);
}

static void
on_conform_position(void *user_data, int64_t media_us)
{
    tell_progress("conform", media_us, ((Job *)user_data)->duration_us);
}

static const char *
treatment_name(ContentTreatment treatment)
{
    switch (treatment) {
    case CONTENT_LEAVE_OUT:
        return "none";
    case CONTENT_KEEP:
        return "keep";
    case CONTENT_ENCODE:
        return "encode";
    }
    return "none";
}

static void
tell_facts(const ContentFacts *facts, const ContentVerdict *verdict)
{
    JsonBuilder *builder = event("probe");

    add_text(builder, "container", facts->container);
    add_int(builder, "duration_us", facts->duration_us);
    tell(builder);

    builder = event("verdict");
    add_text(builder, "text", verdict->text);
    add_text(builder, "video", treatment_name(verdict->video));
    add_text(builder, "audio", treatment_name(verdict->audio));
    tell(builder);
}

static void
add_track(JsonBuilder *builder, const char *kind, const ContentConformTrack *track)
{
    json_builder_begin_object(builder);
    add_text(builder, "kind", kind);
    add_text(builder, "file", track->file);
    add_text(builder, "codec", track->codec);
    if (track->language[0] != '\0')
        add_text(builder, "language", track->language);
    if (track->width > 0) {
        add_int(builder, "width", track->width);
        add_int(builder, "height", track->height);
        json_builder_set_member_name(builder, "fps");
        json_builder_add_double_value(builder, (double)(int64_t)(track->fps * 1000 + 0.5) / 1000);
    }
    add_int(builder, "bitrate_kbps", track->bitrate_kbps);
    add_int(builder, "frames", (int64_t)track->frames);
    json_builder_end_object(builder);
}

static void
add_source(JsonBuilder *builder, const ContentFacts *facts, const ContentVerdict *verdict)
{
    json_builder_set_member_name(builder, "source");
    json_builder_begin_object(builder);
    add_text(builder, "container", facts->container);
    add_text(builder, "video", facts->video.codec);
    add_text(builder, "video_treatment", treatment_name(verdict->video));
    if (facts->has_audio) {
        add_text(builder, "audio", facts->audio.codec);
        add_int(builder, "audio_channels", facts->audio.channels);
        add_text(builder, "audio_treatment", treatment_name(verdict->audio));
    }
    add_text(builder, "verdict", verdict->text);
    json_builder_end_object(builder);
}

static void
tell_done(const ContentFacts *facts,
          const ContentVerdict *verdict,
          const ContentConformResult *result,
          const char *poster)
{
    JsonBuilder *builder = event("done");

    add_int(builder, "duration_us", result->duration_us);
    if (poster != NULL)
        add_text(builder, "poster", poster);
    add_source(builder, facts, verdict);
    json_builder_set_member_name(builder, "tracks");
    json_builder_begin_array(builder);
    add_track(builder, "video", &result->video);
    if (result->has_audio)
        add_track(builder, "audio", &result->audio);
    json_builder_end_array(builder);
    tell(builder);
}

static bool
run(const char *file, const char *folder, GError **error)
{
    g_autofree char *poster = g_build_filename(folder, "poster.jpg", NULL);
    g_autoptr(GError) no_poster = NULL;
    g_auto(ContentVerdict) verdict = {0};
    ContentFacts facts;
    ContentConformResult result;
    Job job = {0};

    if (!content_probe(file, &facts, on_probe_position, &job, error) ||
        !content_verdict(&facts, &verdict, error))
        return false;
    job.duration_us = facts.duration_us;
    tell_facts(&facts, &verdict);
    if (!content_conform(file, folder, &facts, &verdict, on_conform_position, &job, &result, error))
        return false;
    /* A film without a still is a film all the same. */
    tell_done(&facts, &verdict, &result,
              content_poster(file, &facts, poster, &no_poster) ? "poster.jpg" : NULL);
    return true;
}

/* Whoever writes says it in its own way; the operator has to know one thing. */
static const char *
plain_reason(const GError *error)
{
    if (strstr(error->message, g_strerror(ENOSPC)) != NULL ||
        strstr(error->message, g_strerror(EDQUOT)) != NULL)
        return "the disk is full; make room and try again";
    if (strstr(error->message, g_strerror(EFBIG)) != NULL)
        return "it became far larger than a film of its size may; it is damaged or hostile";
    return error->message;
}

/* Libraries warn about damaged files at their own pace; none of it is for the operator. */
static GLogWriterOutput
drop_log(GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer user_data)
{
    (void)level, (void)fields, (void)n_fields, (void)user_data;
    return G_LOG_WRITER_HANDLED;
}

void
content_job_main(const char *file, const char *folder, pid_t parent)
{
    g_autoptr(GError) error = NULL;
    struct stat info;
    ContentLimits limits = content_limits_for(stat(file, &info) == 0 ? info.st_size : 0);
    JsonBuilder *builder;

    content_sandbox_enter(&limits, parent);
    g_log_set_writer_func(drop_log, NULL, NULL);
    gst_init(NULL, NULL);
    content_sandbox_files(file, folder);

    if (run(file, folder, &error))
        _exit(0); /* all is said and written: a plug-in that does not come down has no say any more */
    builder = event("error");
    add_text(builder, "text", plain_reason(error));
    tell(builder);
    _exit(1);
}
