/* mdf/delivery/stream.h - one viewer as its worker sees it: the peer that receives, the playout that says
 * what is due, the senders in between, and RTCP. Runs on its worker and nowhere else. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "mdf/delivery/engine.h"
#include "mdf/delivery/outbox.h"
#include "mdf/delivery/peer.h"
#include "mdf/delivery/playout.h"
#include "mdf/delivery/rtcp-session.h"
#include "mdf/delivery/sender.h"
#include "mdf/delivery/status-board.h"

#define MDF_STREAM_IDLE_US (30 * G_USEC_PER_SEC)

typedef struct {
    uint64_t id;
    MdfPeerParameters peer;
    MdfPayloadTypes payload_types;
    bool has_video, has_audio;
    bool transport_wide; /* the peer says of each packet when it came */
    MdfSenderConfig video, audio;
    char cname[MDF_RTCP_CNAME_BYTES + 1];
    ReelProgramme *programme; /* borrowed by mdf_stream_new */
    MdfStatusBoard *board;    /* borrowed by mdf_stream_new */
} MdfStreamParameters;

/* Called on the worker. @id: of the parameters. */
typedef struct {
    void (*connected)(uint64_t id, void *user_data);
    void (*ended)(uint64_t id, double npt_s, void *user_data);
    void (*closed)(uint64_t id, MdfCloseReason reason, void *user_data); /* once; free it afterwards */
    /* Answer to command @token. @error: (transfer full), NULL on success. */
    void (*result)(uint64_t id, uint64_t token, const MdfPlayResult *result, GError *error, void *user_data);
} MdfStreamEvents;

/* What a worker lends to its streams. */
typedef struct {
    const MdfDtlsContext *dtls;
    const MdfSealContext *seal;
    MdfOutbox *outbox;
    const MdfStreamEvents *events;
    void *user_data;
} MdfStreamHost;

typedef struct MdfStream MdfStream;

/* Errors: as mdf_playout_set_programme. */
MdfStream *mdf_stream_new(const MdfStreamParameters *parameters,
                          const MdfStreamHost *host,
                          int64_t now_us,
                          GError **error);
/* Commands without a result yet are answered with UNAVAILABLE. */
void mdf_stream_free(MdfStream *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MdfStream, mdf_stream_free)

uint64_t mdf_stream_id(const MdfStream *self);
/* For lookups. */
MdfPeer *mdf_stream_peer(MdfStream *self);
/* The peer that something has come for, at @now_us. */
MdfPeer *mdf_stream_enter(MdfStream *self, int64_t now_us);
/* True after `closed`. */
bool mdf_stream_is_dead(const MdfStream *self);

void mdf_stream_play(MdfStream *self, double npt_s, uint64_t token, int64_t now_us);
void mdf_stream_pause(MdfStream *self, uint64_t token, int64_t now_us);
void mdf_stream_zap(MdfStream *self, ReelProgramme *programme, uint64_t token, int64_t now_us);

/* Does what is due; returns when to be called again. */
int64_t mdf_stream_run(MdfStream *self, int64_t now_us);
