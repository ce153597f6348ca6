#include "mdf/delivery/stream.h"

#include <string.h>

#include "lib/base/error.h"
#include "mdf/delivery/bandwidth.h"

#define STATUS_INTERVAL_US G_USEC_PER_SEC
#define ROUND_TRIP_DEFAULT_US (50 * 1000)
#define ROUND_TRIP_MIN_US (10 * 1000) /* a NACK is repeated about so often on a short line */

enum {
    PENDING_MAX = 16,
    RTCP_BYTES = 512,
};

struct MdfStream {
    uint64_t id;
    const MdfStreamHost *host;
    MdfPeer *peer;
    MdfPlayout *playout;
    MdfSender *video, *audio; /* NULL: not negotiated */
    MdfRtcpSession rtcp;
    MdfBandwidth *bandwidth; /* NULL: the peer does not say what arrives */
    MdfStatusBoard *board;
    int64_t created_us, status_due_us, now_us;
    uint64_t pending[PENDING_MAX]; /* commands that wait for the start */
    unsigned n_pending;
    bool dead;
};

/* ---- status and results ---- */

static double
seconds(int64_t us)
{
    return (double)us / G_USEC_PER_SEC;
}

static MdfViewerState
state_of(const MdfStream *self, const MdfPlayoutStatus *playout)
{
    if (playout->state == MDF_VIEWER_CONNECTED && !mdf_peer_is_connected(self->peer))
        return MDF_VIEWER_NEW;

    return playout->state;
}

/* The stream that the seek bar follows. */
static const MdfSender *
leading_sender(const MdfStream *self, const MdfPlayoutStatus *playout)
{
    return playout->has_video && self->video ? self->video : self->audio ? self->audio : self->video;
}

static void
make_result(const MdfStream *self, MdfPlayResult *ret_result)
{
    MdfPlayoutStatus playout;

    mdf_playout_status(self->playout, self->now_us, &playout);
    *ret_result = (MdfPlayResult){
        .state = state_of(self, &playout),
        .npt_start_s = seconds(playout.state == MDF_VIEWER_PLAYING ? playout.start_us : playout.position_us),
        .npt_end_s = playout.live ? -1 : seconds(playout.duration_us),
        .scale = 1,
        .rtp_time =
            mdf_sender_timestamp_of(leading_sender(self, &playout), playout.position_us, playout.shift_us),
        .media_time_s = seconds(playout.position_us),
    };
}

static void
add_counters(const MdfSender *sender, MdfViewerStatus *status)
{
    const MdfSenderCounters *counters = sender ? mdf_sender_counters(sender) : NULL;

    if (!counters)
        return;
    status->packets += counters->packets + counters->resent;
    status->bytes += counters->bytes;
    status->packets_resent += counters->resent;
}

static void
publish_status(MdfStream *self)
{
    MdfPlayoutStatus playout;
    MdfViewerStatus status;

    mdf_playout_status(self->playout, self->now_us, &playout);
    status = (MdfViewerStatus){
        .state = state_of(self, &playout),
        .live = playout.live,
        .position_s = seconds(playout.position_us),
        .duration_s = playout.live ? -1 : seconds(playout.duration_us),
        .scale = 1,
        .rtp_time =
            mdf_sender_timestamp_of(leading_sender(self, &playout), playout.position_us, playout.shift_us),
        .key_frame_requests = self->rtcp.key_frame_requests,
        .round_trip_us = self->rtcp.round_trip_us,
        .fraction_lost = self->rtcp.fraction_lost,
        .bandwidth_kbps = self->bandwidth ? mdf_bandwidth_kbps(self->bandwidth) : 0,
    };
    add_counters(self->video, &status);
    add_counters(self->audio, &status);

    self->status_due_us =
        self->now_us +
        (mdf_status_board_try_write(self->board, &status) ? STATUS_INTERVAL_US : STATUS_INTERVAL_US / 10);
}

static void
reply(MdfStream *self, uint64_t token)
{
    MdfPlayResult result;

    make_result(self, &result);
    self->host->events->result(self->id, token, &result, NULL, self->host->user_data);
}

static void
reply_error(MdfStream *self, uint64_t token, GError *error)
{
    self->host->events->result(self->id, token, NULL, error, self->host->user_data);
}

/* ---- events of the parts ---- */

static void
count_sent(MdfStream *self, size_t length)
{
    if (self->bandwidth && length > 0)
        mdf_bandwidth_sent(self->bandwidth, length, self->now_us);
}

static size_t
on_playout_send(const ReelRecord *record,
                ReelKind kind,
                uint8_t payload_type,
                int64_t shift_us,
                int64_t late_us,
                void *user_data)
{
    MdfStream *self = user_data;
    MdfSender *sender = kind == REEL_VIDEO ? self->video : self->audio;
    uint8_t *out = mdf_outbox_reserve(self->host->outbox, mdf_peer_address(self->peer));
    size_t length =
        mdf_sender_write(sender, mdf_peer_seal(self->peer), record, payload_type,
                         mdf_sender_timestamp(sender, record->rtp_ticks, shift_us + late_us), out);

    mdf_outbox_commit(self->host->outbox, length);
    count_sent(self, length);

    return length;
}

static void
on_playout_started(const GError *error, void *user_data)
{
    MdfStream *self = user_data;

    publish_status(self);
    for (unsigned i = 0; i < self->n_pending; i++)
        if (error)
            reply_error(self, self->pending[i], g_error_copy(error));
        else
            reply(self, self->pending[i]);
    self->n_pending = 0;
}

static void
on_playout_ended(void *user_data)
{
    MdfStream *self = user_data;
    MdfPlayoutStatus playout;

    mdf_playout_status(self->playout, self->now_us, &playout);
    publish_status(self);
    self->host->events->ended(self->id, seconds(playout.position_us), self->host->user_data);
}

static void
die(MdfStream *self, MdfCloseReason reason)
{
    if (self->dead)
        return;
    self->dead = true;
    self->host->events->closed(self->id, reason, self->host->user_data);
}

static void
on_playout_gone(void *user_data)
{
    die(user_data, MDF_CLOSE_SOURCE_GONE);
}

static const MdfPlayoutEvents playout_events = {
    .send = on_playout_send,
    .started = on_playout_started,
    .ended = on_playout_ended,
    .gone = on_playout_gone,
};

static void
on_peer_send(const MdfAddress *to, const uint8_t *data, size_t length, void *user_data)
{
    MdfStream *self = user_data;

    if (length > MDF_OUTBOX_PACKET_MAX)
        return;
    memcpy(mdf_outbox_reserve(self->host->outbox, to), data, length);
    mdf_outbox_commit(self->host->outbox, length);
}

static void
on_peer_connected(void *user_data)
{
    MdfStream *self = user_data;

    mdf_playout_set_ready(self->playout, self->now_us);
    publish_status(self);
    self->host->events->connected(self->id, self->host->user_data);
}

static void
on_peer_rtcp(const uint8_t *data, size_t length, int64_t now_us, void *user_data)
{
    MdfStream *self = user_data;

    mdf_rtcp_session_receive(&self->rtcp, data, length, now_us);
}

static void
on_peer_failed(MdfCloseReason reason, void *user_data)
{
    die(user_data, reason);
}

static const MdfPeerEvents peer_events = {
    .send = on_peer_send,
    .connected = on_peer_connected,
    .rtcp = on_peer_rtcp,
    .failed = on_peer_failed,
};

static void
on_nack(MdfSender *sender, uint16_t sequence, void *user_data)
{
    MdfStream *self = user_data;
    int64_t round_trip_us =
        self->rtcp.round_trip_us ? MAX(self->rtcp.round_trip_us, ROUND_TRIP_MIN_US) : ROUND_TRIP_DEFAULT_US;
    uint8_t *out = mdf_outbox_reserve(self->host->outbox, mdf_peer_address(self->peer));
    size_t length = mdf_sender_resend(sender, mdf_peer_seal(self->peer), mdf_playout_cache(self->playout),
                                      sequence, self->now_us, round_trip_us, out);

    mdf_outbox_commit(self->host->outbox, length);
    count_sent(self, length);
}

static void
on_key_frame(void *user_data)
{
    MdfStream *self = user_data;

    mdf_playout_request_key(self->playout, self->now_us);
}

static void
on_transport(const ProtoRtcpPacket *packet, int64_t now_us, void *user_data)
{
    MdfStream *self = user_data;
    ProtoRtcpTransport walk;
    uint16_t sequence;
    bool received;
    int64_t arrival_us;

    if (!self->bandwidth || !proto_rtcp_transport_begin(packet, &walk))
        return;
    while (proto_rtcp_transport_next(&walk, &sequence, &received, &arrival_us))
        if (received)
            mdf_bandwidth_arrived(self->bandwidth, sequence, arrival_us);
        else
            mdf_bandwidth_missing(self->bandwidth, sequence);
    mdf_bandwidth_update(self->bandwidth, now_us);
}

static const MdfRtcpEvents rtcp_events = {
    .nack = on_nack,
    .key_frame = on_key_frame,
    .transport = on_transport,
};

/* ---- life ---- */

MdfStream *
mdf_stream_new(const MdfStreamParameters *parameters,
               const MdfStreamHost *host,
               int64_t now_us,
               GError **error)
{
    g_autoptr(MdfStream) self = g_new0(MdfStream, 1);
    MdfSender *senders[MDF_RTCP_SENDERS_MAX];
    unsigned n = 0;

    self->id = parameters->id;
    self->host = host;
    self->created_us = self->now_us = self->status_due_us = now_us;
    self->board = mdf_status_board_ref(parameters->board);
    if (parameters->has_video)
        senders[n++] = self->video = mdf_sender_new(&parameters->video);
    if (parameters->has_audio)
        senders[n++] = self->audio = mdf_sender_new(&parameters->audio);
    if (parameters->transport_wide)
        self->bandwidth = mdf_bandwidth_new();
    for (unsigned i = 0; i < n && self->bandwidth; i++)
        mdf_sender_share_numbers(senders[i], mdf_bandwidth_counter(self->bandwidth));
    mdf_rtcp_session_init(&self->rtcp, senders, n, parameters->cname, &rtcp_events, self, now_us);
    self->peer = mdf_peer_new(&parameters->peer, host->dtls, host->seal, &peer_events, self, now_us);
    self->playout = mdf_playout_new(&parameters->payload_types, &playout_events, self);
    if (!mdf_playout_set_programme(self->playout, parameters->programme, now_us, error))
        return NULL;

    return g_steal_pointer(&self);
}

void
mdf_stream_free(MdfStream *self)
{
    if (!self)
        return;
    for (unsigned i = 0; i < self->n_pending; i++)
        reply_error(self, self->pending[i],
                    g_error_new(BASE_ERROR, BASE_ERROR_UNAVAILABLE, "the viewer has gone"));
    mdf_playout_free(self->playout);
    mdf_peer_free(self->peer);
    mdf_sender_free(self->video);
    mdf_sender_free(self->audio);
    mdf_bandwidth_free(self->bandwidth);
    mdf_status_board_unref(self->board);
    g_free(self);
}

uint64_t
mdf_stream_id(const MdfStream *self)
{
    return self->id;
}

MdfPeer *
mdf_stream_peer(MdfStream *self)
{
    return self->peer;
}

MdfPeer *
mdf_stream_enter(MdfStream *self, int64_t now_us)
{
    self->now_us = now_us;
    return self->peer;
}

bool
mdf_stream_is_dead(const MdfStream *self)
{
    return self->dead;
}

/* ---- commands ---- */

static bool
take_token(MdfStream *self, uint64_t token, int64_t now_us)
{
    self->now_us = now_us;
    if (self->n_pending == PENDING_MAX) {
        reply_error(self, token, g_error_new(BASE_ERROR, BASE_ERROR_BUSY, "too many commands at once"));
        return false;
    }
    self->pending[self->n_pending++] = token;

    return true;
}

/* The command failed before it was begun: its token is the last one. */
static void
fail_last(MdfStream *self, GError *error)
{
    reply_error(self, self->pending[--self->n_pending], error);
}

void
mdf_stream_play(MdfStream *self, double npt_s, uint64_t token, int64_t now_us)
{
    GError *error = NULL;

    if (take_token(self, token, now_us) && !mdf_playout_play(self->playout, npt_s, now_us, &error))
        fail_last(self, error);
}

void
mdf_stream_pause(MdfStream *self, uint64_t token, int64_t now_us)
{
    self->now_us = now_us;
    mdf_playout_pause(self->playout, now_us);
    publish_status(self);
    reply(self, token);
}

void
mdf_stream_zap(MdfStream *self, ReelProgramme *programme, uint64_t token, int64_t now_us)
{
    GError *error = NULL;

    if (take_token(self, token, now_us) &&
        !mdf_playout_set_programme(self->playout, programme, now_us, &error))
        fail_last(self, error);
}

/* ---- running ---- */

static int64_t
run_reports(MdfStream *self, int64_t now_us)
{
    uint8_t packet[RTCP_BYTES] __attribute__((aligned(8)));

    if (now_us < mdf_rtcp_session_next_us(&self->rtcp))
        return mdf_rtcp_session_next_us(&self->rtcp);
    for (unsigned i = 0; i < MDF_RTCP_SENDERS_MAX; i++) {
        size_t length = mdf_rtcp_session_report(&self->rtcp, i, now_us, packet, sizeof packet);
        if (length > 0)
            mdf_peer_send_rtcp(self->peer, packet, length, sizeof packet);
    }
    mdf_rtcp_session_reported(&self->rtcp, now_us);

    return mdf_rtcp_session_next_us(&self->rtcp);
}

/* A viewer that never plays holds memory for nothing. */
static int64_t
run_idle(MdfStream *self, int64_t now_us)
{
    MdfPlayoutStatus playout;

    if (now_us < self->created_us + MDF_STREAM_IDLE_US)
        return self->created_us + MDF_STREAM_IDLE_US;
    mdf_playout_status(self->playout, now_us, &playout);
    if (playout.state == MDF_VIEWER_CONNECTED)
        die(self, MDF_CLOSE_IDLE);

    return INT64_MAX;
}

int64_t
mdf_stream_run(MdfStream *self, int64_t now_us)
{
    int64_t next_us;

    self->now_us = now_us;
    if (self->dead)
        return INT64_MAX;
    next_us = MIN(mdf_peer_run(self->peer, now_us), run_idle(self, now_us));
    if (self->dead)
        return INT64_MAX;
    next_us = MIN(next_us, mdf_playout_run(self->playout, now_us));
    if (mdf_peer_is_connected(self->peer))
        next_us = MIN(next_us, run_reports(self, now_us));
    if (now_us >= self->status_due_us)
        publish_status(self);

    return MIN(next_us, self->status_due_us);
}
