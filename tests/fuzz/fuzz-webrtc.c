/* An offer from anybody: an object or an error, and what was taken can be answered in lines. */
#include <glib.h>
#include <stdint.h>
#include <string.h>

#include "lib/proto/sdp-webrtc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_lines(const char *answer)
{
    for (const char *line = answer; *line; line = strchr(line, '\n') + 1) {
        size_t length = strcspn(line, "\r\n");
        if (length < 2 || line[1] != '=' || strncmp(line + length, "\r\n", 2) != 0)
            g_error("the answer has a line that is none");
    }
}

static void
answer(const ProtoWebrtcOffer *offer)
{
    const ProtoCandidate candidate = {
        .foundation = "1", .component = 1, .priority = 1, .address = "192.0.2.1", .port = 8189};
    g_autofree ProtoWebrtcAnswerMedia *media = g_new0(ProtoWebrtcAnswerMedia, offer->media->len);
    const ProtoWebrtcAnswer self = {.session_version = 1,
                                    .ufrag = "abcd",
                                    .pwd = "0123456789012345678901",
                                    .fingerprint = "sha-256 AA",
                                    .candidates = &candidate,
                                    .n_candidates = 1,
                                    .stream_id = "imstv",
                                    .media = media};
    g_autofree char *text = NULL;

    for (unsigned i = 0; i < offer->media->len; i++) {
        const ProtoWebrtcMedia *offered = g_ptr_array_index(offer->media, i);
        media[i].codecs[0] = offered->usable ? proto_webrtc_media_codec(offered, "H264") : NULL;
        media[i].n_codecs = media[i].codecs[0] ? 1 : 0;
        media[i].extensions = offered->extensions;
    }
    text = proto_webrtc_answer_build(&self, offer);
    check_lines(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_autoptr(GError) error = NULL;
    g_autoptr(ProtoWebrtcOffer) offer = proto_webrtc_offer_parse(text, &error);
    ProtoCandidate candidate;

    g_assert_true((offer != NULL) != (error != NULL));
    if (offer)
        answer(offer);
    proto_candidate_parse(text, &candidate, NULL);
    return 0;
}
