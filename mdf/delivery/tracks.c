#include "mdf/delivery/tracks.h"

static int
choose_track(const ReelProgramme *programme, const MdfPayloadTypes *types, ReelKind kind, bool *ret_exists)
{
    unsigned n = reel_programme_n_tracks(programme);

    *ret_exists = false;
    for (unsigned i = 0; i < n; i++) {
        const ReelTrackInfo *track = reel_programme_track(programme, i);
        if (track->kind != kind)
            continue;
        *ret_exists = true;
        if (track->codec < G_N_ELEMENTS(types->by_codec) && types->by_codec[track->codec])
            return (int)i;
    }

    return -1;
}

/* A viewer without any video codec is one that only listens. */
static bool
negotiated_video(const MdfPayloadTypes *types)
{
    return types->by_codec[REEL_CODEC_H264] || types->by_codec[REEL_CODEC_VP8] ||
           types->by_codec[REEL_CODEC_VP9] || types->by_codec[REEL_CODEC_AV1];
}

bool
mdf_tracks_choose(const ReelProgramme *programme,
                  const MdfPayloadTypes *types,
                  int *ret_video,
                  int *ret_audio)
{
    bool has_video, has_audio;
    int video = choose_track(programme, types, REEL_VIDEO, &has_video);
    int audio = choose_track(programme, types, REEL_AUDIO, &has_audio);

    if ((has_video && video < 0 && negotiated_video(types)) || (video < 0 && audio < 0))
        return false;
    *ret_video = video;
    *ret_audio = audio;

    return true;
}
