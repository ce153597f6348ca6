#include "content/verdict.h"

#include "lib/base/error.h"
#include "lib/reel/reel.h"

#include <math.h>

enum {
    /* What a viewer's line and the send path are expected to take; more is encoded down. */
    VIDEO_KBPS_MAX = 20000,
};

/* "2", "2.5", "24", "29.97": a number as people write it. */
static const char *
plain_number(double value, char *buffer, int size)
{
    double rounded = round(value * 100) / 100;

    g_snprintf(buffer, (gulong)size, "%g", rounded);
    return buffer;
}

static char *
describe_video(const ContentVideoFacts *video)
{
    char fps[32];
    g_autoptr(GString) text = g_string_new(video->codec);

    if (video->profile[0] != '\0')
        g_string_append_printf(text, " %s", video->profile);
    g_string_append_printf(text, " %ux%u", video->width, video->height);
    if (video->fps > 0)
        g_string_append_printf(text, " at %s frames a second", plain_number(video->fps, fps, sizeof fps));
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static const char *
layout_name(unsigned channels)
{
    switch (channels) {
    case 1:
        return "mono";
    case 2:
        return "stereo";
    case 6:
        return "5.1";
    case 8:
        return "7.1";
    default:
        return NULL;
    }
}

static char *
describe_audio(const ContentAudioFacts *audio)
{
    const char *layout = layout_name(audio->channels);

    if (layout != NULL)
        return g_strdup_printf("%s %s", audio->codec, layout);
    return g_strdup_printf("%s with %u channels", audio->codec, audio->channels);
}

static char *
b_frames_reason(const ContentVideoFacts *video)
{
    char gap[32];

    if (video->average_key_gap_s <= 0)
        return g_strdup("has B-frames: browsers would show next to no picture");
    if (video->longest_key_gap_s > CONTENT_KEY_GAP_MAX_S) /* which is said next, and is not the average */
        return g_strdup("has B-frames: browsers would show its key frames only");
    if (fabs(video->average_key_gap_s - 1.0) < 0.1)
        return g_strdup("has B-frames: browsers would show a picture every second");
    if (fabs(video->average_key_gap_s - 2.0) < 0.2)
        return g_strdup("has B-frames: browsers would show a picture every two seconds");
    return g_strdup_printf("has B-frames: browsers would show a picture every %s seconds",
                           plain_number(round(video->average_key_gap_s * 10) / 10, gap, sizeof gap));
}

static void
take(GPtrArray *reasons, char *reason)
{
    g_ptr_array_add(reasons, reason);
}

static void
key_frame_reasons(const ContentVideoFacts *video, GPtrArray *reasons)
{
    char gap[32];

    if (video->first_key_s < 0)
        take(reasons, g_strdup("has no closed key frame (IDR): nobody could join"));
    else if (video->longest_key_gap_s > CONTENT_KEY_GAP_MAX_S)
        take(reasons,
             g_strdup_printf("has key frames up to %s seconds apart: seeking would be too coarse",
                             plain_number(round(video->longest_key_gap_s * 10) / 10, gap, sizeof gap)));
    else if (video->first_key_s > 1.0)
        take(reasons, g_strdup_printf("has its first key frame only after %s seconds",
                                      plain_number(round(video->first_key_s * 10) / 10, gap, sizeof gap)));
}

/* Why the video cannot go out as it is; empty if it can. */
static GPtrArray *
video_reasons(const ContentVideoFacts *video)
{
    GPtrArray *reasons = g_ptr_array_new_with_free_func(g_free);

    if (!video->fits_payload) {
        take(reasons, g_strdup("is not H.264, the one codec that is sent to browsers here"));
        return reasons;
    }
    if (video->b_frames)
        take(reasons, b_frames_reason(video));
    if (video->chroma != 1 || video->bit_depth != 8)
        take(reasons,
             g_strdup_printf("has %u bits and %s colour: browsers take 8 bits and 4:2:0", video->bit_depth,
                             video->chroma == 1   ? "4:2:0"
                             : video->chroma == 2 ? "4:2:2"
                             : video->chroma == 3 ? "4:4:4"
                                                  : "no"));
    if (video->interlaced)
        take(reasons, g_strdup("is interlaced: browsers would show combs"));
    if (video->several_sets)
        take(reasons,
             g_strdup("changes its coding parameters on the way: receivers that join would miss some"));
    if (video->variable_size)
        take(reasons, g_strdup("changes its size on the way"));
    if (video->rotation != 0)
        take(reasons, g_strdup_printf("lies on its side (%d degrees)", video->rotation));
    if (fabs(video->pixel_aspect - 1.0) > 0.01)
        take(reasons, g_strdup("has pixels that are not square: browsers would show it squeezed"));
    if (video->bitrate_kbps > VIDEO_KBPS_MAX)
        take(reasons, g_strdup_printf("needs %u Mbit/s", (video->bitrate_kbps + 500) / 1000));
    key_frame_reasons(video, reasons);
    return reasons;
}

static void
judge_video(const ContentVideoFacts *video, ContentVerdict *verdict, GString *text)
{
    g_autofree char *what = describe_video(video);
    g_autoptr(GPtrArray) reasons = video_reasons(video);

    verdict->video = reasons->len == 0 ? CONTENT_KEEP : CONTENT_ENCODE;
    verdict->deinterlace = video->interlaced;
    if (reasons->len == 0) {
        g_string_append_printf(text, "Video %s plays as it is: only repackaged, not encoded.", what);
        return;
    }
    g_string_append_printf(text, "Video %s ", what);
    for (guint i = 0; i < reasons->len; i++)
        g_string_append_printf(text, "%s%s", i > 0 ? ", and " : "",
                               (const char *)g_ptr_array_index(reasons, i));
    g_string_append(text, "; will be re-encoded.");
}

static void
judge_audio(const ContentAudioFacts *audio, ContentVerdict *verdict, GString *text)
{
    g_autofree char *what = describe_audio(audio);

    verdict->audio = CONTENT_ENCODE;
    if (!audio->is_opus) {
        g_string_append_printf(text, " Audio %s: no browser takes it over WebRTC; becomes Opus %s.", what,
                               audio->channels == 1 ? "mono" : "stereo");
    } else if (audio->channels > 2) {
        g_string_append_printf(text, " Audio %s: browsers take two channels; becomes Opus stereo.", what);
    } else if (audio->largest_packet_bytes > REEL_PAYLOAD_MAX) {
        g_string_append_printf(text,
                               " Audio %s has packets of up to %u bytes, too long for one datagram; "
                               "will be re-encoded.",
                               what, audio->largest_packet_bytes);
    } else {
        verdict->audio = CONTENT_KEEP;
        g_string_append_printf(text, " Audio %s plays as it is.", what);
    }
}

static void
mention_left_out(const ContentFacts *facts, GString *text)
{
    if (facts->more_video > 0)
        g_string_append_printf(text, " %u more video stream%s left out.", facts->more_video,
                               facts->more_video == 1 ? " is" : "s are");
    if (facts->more_audio > 0)
        g_string_append_printf(text, " %u more audio track%s left out.", facts->more_audio,
                               facts->more_audio == 1 ? " is" : "s are");
    if (facts->others > 0)
        g_string_append_printf(text, " %u other stream%s (subtitles or data) %s left out.", facts->others,
                               facts->others == 1 ? "" : "s", facts->others == 1 ? "is" : "are");
}

void
content_verdict_size(const ContentVideoFacts *video, unsigned *ret_width, unsigned *ret_height)
{
    double aspect = video->pixel_aspect > 0.1 && video->pixel_aspect < 10 ? video->pixel_aspect : 1.0;
    unsigned width = MAX((unsigned)lround(video->width * aspect) / 2 * 2, 2U);
    unsigned height = MAX(video->height / 2 * 2, 2U);
    bool turned = video->rotation % 180 != 0;

    *ret_width = turned ? height : width;
    *ret_height = turned ? width : height;
}

bool
content_verdict(const ContentFacts *facts, ContentVerdict *ret_verdict, GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);
    ContentVerdict verdict = {0};

    if (!facts->has_video) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_NOT_ACCEPTABLE, "%s",
                    facts->unknown_video[0] != '\0' ? "its video is of a kind that cannot be read here"
                    : facts->has_audio              ? "it has sound but no picture, and a film needs one"
                                                    : "there is neither picture nor sound in it");
        if (facts->unknown_video[0] != '\0')
            g_prefix_error(error, "%s: ", facts->unknown_video);
        return false;
    }

    if (facts->video.frames < 2) {
        g_set_error_literal(error, BASE_ERROR, BASE_ERROR_NOT_ACCEPTABLE,
                            "there is a single picture in it, and a film needs more");
        return false;
    }

    judge_video(&facts->video, &verdict, text);
    if (facts->has_audio)
        judge_audio(&facts->audio, &verdict, text);
    else if (facts->unknown_audio[0] != '\0')
        g_string_append_printf(text, " Audio (%s) cannot be read here: the film will be silent.",
                               facts->unknown_audio);
    else
        g_string_append(text, " There is no sound in it.");
    mention_left_out(facts, text);

    verdict.text = g_string_free(g_steal_pointer(&text), FALSE);
    *ret_verdict = verdict;
    return true;
}

void
content_verdict_clear(ContentVerdict *self)
{
    g_clear_pointer(&self->text, g_free);
}
