#include "mdf/delivery/fanout-viewer.h"

#include <string.h>

#include "lib/base/error.h"
#include "lib/base/id.h"
#include "mdf/delivery/negotiate.h"

enum {
    CANDIDATES_MAX = 16,
};

typedef struct {
    MdfPlayDone done;
    void *user_data;
} Pending;

/* ---- answers ---- */

static unsigned
make_candidates(const MdfAnswerTransport *transport, ProtoCandidate *candidates)
{
    unsigned n = 0;

    for (; transport->addresses[n] && n < CANDIDATES_MAX; n++) {
        ProtoCandidate *candidate = &candidates[n];
        *candidate = (ProtoCandidate){.component = 1, .port = transport->port, .type = PROTO_CANDIDATE_HOST};
        candidate->priority =
            proto_candidate_priority(PROTO_CANDIDATE_HOST, (uint16_t)(UINT16_MAX - n), candidate->component);
        g_snprintf(candidate->foundation, sizeof candidate->foundation, "%u", n + 1);
        g_strlcpy(candidate->address, transport->addresses[n], sizeof candidate->address);
    }

    return n;
}

/* The sources of the video and of its repairs, the same in each answer of this session. */
static void
name_sources(const MdfStreamParameters *parameters, const MdfNegotiation *negotiation)
{
    ProtoWebrtcAnswerMedia *video = negotiation->video_answer;

    if (video) {
        video->ssrc = parameters->video.ssrc;
        video->rtx_ssrc = parameters->video.rtx_ssrc;
    }
}

static void
choose_sources(MdfStreamParameters *parameters)
{
    struct {
        uint32_t ssrc, distance;
    } random;

    base_random_bytes(&random, sizeof random);
    parameters->video.ssrc = MAX(random.ssrc, 1);
    if (parameters->video.rtx[0].rtx)
        parameters->video.rtx_ssrc = MAX(random.ssrc ^ MAX(random.distance, 2), 1);
    mdf_rtcp_make_cname(parameters->cname);
}

static char *
build_answer(MdfFanoutViewer *self,
             const ProtoWebrtcOffer *offer,
             const MdfNegotiation *negotiation,
             const MdfAnswerTransport *transport)
{
    ProtoCandidate candidates[CANDIDATES_MAX];
    const ProtoWebrtcAnswer answer = {
        .session_id = self->sdp_session,
        .session_version = ++self->sdp_version,
        .ufrag = self->parameters.peer.credentials.local_ufrag,
        .pwd = self->parameters.peer.credentials.local_pwd,
        .fingerprint = transport->fingerprint,
        .setup = self->parameters.peer.dtls.active ? PROTO_WEBRTC_ACTIVE : PROTO_WEBRTC_PASSIVE,
        .candidates = candidates,
        .n_candidates = make_candidates(transport, candidates),
        .stream_id = "imstv",
        .cname = self->parameters.cname,
        .media = negotiation->media,
    };

    name_sources(&self->parameters, negotiation);

    return proto_webrtc_answer_build(&answer, offer);
}

static bool
take_dtls(MdfDtlsParameters *dtls, const ProtoWebrtcOffer *offer, GError **error)
{
    if (!mdf_dtls_hash_is_known(offer->fingerprint_hash)) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_NOT_ACCEPTABLE, "offer: fingerprint by '%.16s'",
                    offer->fingerprint_hash);
        return false;
    }
    /* actpass: passive, so that the browser's ClientHello comes as soon as its check has succeeded */
    dtls->active = offer->setup == PROTO_WEBRTC_PASSIVE;
    g_strlcpy(dtls->hash, offer->fingerprint_hash, sizeof dtls->hash);
    dtls->fingerprint_bytes = offer->fingerprint_bytes;
    memcpy(dtls->fingerprint, offer->fingerprint, sizeof dtls->fingerprint);

    return true;
}

static void
take_media(MdfStreamParameters *parameters, const MdfNegotiation *negotiation)
{
    parameters->payload_types = negotiation->payload_types;
    parameters->has_video = negotiation->has_video;
    parameters->has_audio = negotiation->has_audio;
    parameters->transport_wide = negotiation->transport_wide;
    parameters->video = negotiation->video;
    parameters->audio = negotiation->audio;
}

/* ---- life ---- */

MdfFanoutViewer *
mdf_fanout_viewer_new(const MdfViewerRequest *request,
                      uint64_t id,
                      const MdfAnswerTransport *transport,
                      char **ret_answer,
                      GError **error)
{
    g_autoptr(ProtoWebrtcOffer) offer = proto_webrtc_offer_parse(request->offer, error);
    g_autoptr(MdfFanoutViewer) self = NULL;
    g_auto(MdfNegotiation) negotiation = {0};

    if (!offer || !mdf_negotiate(offer, request->programme, &negotiation, error))
        return NULL;

    self = g_new0(MdfFanoutViewer, 1);
    self->id = id;
    self->name = g_strdup(request->name ? request->name : reel_programme_name(request->programme));
    self->session_id = g_strdup(request->session_id);
    self->call_id = g_strdup(request->call_id);
    self->board = mdf_status_board_new();
    self->pending = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    self->first_programme = reel_programme_ref(request->programme);
    self->remote_pwd = g_strdup(offer->pwd);
    base_random_bytes(&self->sdp_session, sizeof self->sdp_session);
    self->sdp_session >>= 2;

    self->parameters.id = id;
    self->parameters.programme = self->first_programme;
    self->parameters.board = self->board;
    take_media(&self->parameters, &negotiation);
    choose_sources(&self->parameters);
    mdf_ice_credentials_init(&self->parameters.peer.credentials, offer->ufrag);
    if (!take_dtls(&self->parameters.peer.dtls, offer, error))
        return NULL;
    *ret_answer = build_answer(self, offer, &negotiation, transport);

    return g_steal_pointer(&self);
}

void
mdf_fanout_viewer_free(MdfFanoutViewer *self)
{
    if (!self)
        return;
    g_hash_table_unref(self->pending);
    mdf_status_board_unref(self->board);
    reel_programme_unref(self->first_programme);
    g_free(self->remote_pwd);
    g_free(self->name);
    g_free(self->session_id);
    g_free(self->call_id);
    g_free(self);
}

/* ---- another offer ---- */

static bool
same_media(const MdfStreamParameters *parameters, const MdfNegotiation *negotiation)
{
    return memcmp(&parameters->payload_types, &negotiation->payload_types,
                  sizeof parameters->payload_types) == 0 &&
           parameters->has_video == negotiation->has_video &&
           parameters->has_audio == negotiation->has_audio &&
           parameters->transport_wide == negotiation->transport_wide &&
           parameters->audio.red_payload_type == negotiation->audio.red_payload_type &&
           memcmp(parameters->video.rtx, negotiation->video.rtx, sizeof parameters->video.rtx) == 0 &&
           strcmp(parameters->video.mid, negotiation->video.mid) == 0 &&
           strcmp(parameters->audio.mid, negotiation->audio.mid) == 0;
}

static bool
same_dtls(const MdfDtlsParameters *dtls, const ProtoWebrtcOffer *offer)
{
    return strcmp(dtls->hash, offer->fingerprint_hash) == 0 &&
           dtls->fingerprint_bytes == offer->fingerprint_bytes &&
           memcmp(dtls->fingerprint, offer->fingerprint, dtls->fingerprint_bytes) == 0;
}

char *
mdf_fanout_viewer_reoffer(MdfFanoutViewer *self,
                          const char *text,
                          const MdfAnswerTransport *transport,
                          bool *ret_restarted,
                          GError **error)
{
    g_autoptr(ProtoWebrtcOffer) offer = proto_webrtc_offer_parse(text, error);
    MdfIceCredentials *credentials = &self->parameters.peer.credentials;
    g_auto(MdfNegotiation) negotiation = {0};

    if (!offer || !mdf_negotiate(offer, self->first_programme, &negotiation, error))
        return NULL;
    if (!same_media(&self->parameters, &negotiation) || !same_dtls(&self->parameters.peer.dtls, offer)) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_NOT_ACCEPTABLE,
                    "offer: lines, codecs and fingerprint cannot change within a session");
        return NULL;
    }

    *ret_restarted =
        strcmp(credentials->remote_ufrag, offer->ufrag) != 0 || strcmp(self->remote_pwd, offer->pwd) != 0;
    if (*ret_restarted) {
        mdf_ice_credentials_init(credentials, offer->ufrag);
        g_free(self->remote_pwd);
        self->remote_pwd = g_strdup(offer->pwd);
    }

    return build_answer(self, offer, &negotiation, transport);
}

/* ---- results ---- */

void
mdf_fanout_viewer_expect(MdfFanoutViewer *self, uint64_t token, MdfPlayDone done, void *user_data)
{
    Pending *pending = g_new(Pending, 1);

    *pending = (Pending){done, user_data};
    g_hash_table_insert(self->pending, g_memdup2(&token, sizeof token), pending);
}

void
mdf_fanout_viewer_settle(MdfFanoutViewer *self,
                         uint64_t token,
                         const MdfPlayResult *result,
                         const GError *error)
{
    Pending *found = g_hash_table_lookup(self->pending, &token);
    Pending pending;

    if (!found)
        return;
    pending = *found;
    g_hash_table_remove(self->pending, &token);
    if (pending.done)
        pending.done(result, error, pending.user_data);
}

void
mdf_fanout_viewer_fail_all(MdfFanoutViewer *self)
{
    g_autoptr(GError) error = g_error_new(BASE_ERROR, BASE_ERROR_UNAVAILABLE, "the viewer has gone");
    g_autoptr(GHashTable) pending = g_steal_pointer(&self->pending);
    GHashTableIter iter;
    gpointer value;

    self->pending = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    g_hash_table_iter_init(&iter, pending);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        if (((Pending *)value)->done)
            ((Pending *)value)->done(NULL, error, ((Pending *)value)->user_data);
}

BaseLogFields
mdf_fanout_viewer_log(const MdfFanoutViewer *self)
{
    return (BaseLogFields){.session = self->session_id, .call_id = self->call_id, .channel = self->name};
}
