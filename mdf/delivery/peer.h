/* mdf/delivery/peer.h - one WebRTC transport on its worker: ICE-lite, DTLS, SRTP keys, decrypted RTCP.
 * Knows nothing of media.
 *
 *   NEW --first authenticated check--> CHECKED --nominated, DTLS done--> CONNECTED --...--> CLOSED
 *
 * Nothing is sent to an address that has not proven itself by a signed check, except the answer to that
 * check; DTLS and RTCP are taken from proven addresses only (the worker's table sees to that). */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mdf/delivery/dtls.h"
#include "mdf/delivery/engine.h"
#include "mdf/delivery/ice.h"
#include "mdf/delivery/srtcp.h"
#include "mdf/delivery/srtp-seal.h"

#define MDF_PEER_DTLS_TIMEOUT_US (30 * G_USEC_PER_SEC)

typedef struct MdfPeer MdfPeer;

typedef struct {
    void (*send)(const MdfAddress *to, const uint8_t *data, size_t length, void *user_data);
    void (*connected)(void *user_data);
    /* A decrypted compound. */
    void (*rtcp)(const uint8_t *data, size_t length, int64_t now_us, void *user_data);
    /* Once; the peer is dead from now on, the owner frees it later. */
    void (*failed)(MdfCloseReason reason, void *user_data);
} MdfPeerEvents;

typedef struct {
    MdfIceCredentials credentials;
    MdfDtlsParameters dtls;
} MdfPeerParameters;

/* @dtls, @seal: shared, they outlive it. @events: borrowed with @user_data. */
MdfPeer *mdf_peer_new(const MdfPeerParameters *parameters,
                      const MdfDtlsContext *dtls,
                      const MdfSealContext *seal,
                      const MdfPeerEvents *events,
                      void *user_data,
                      int64_t now_us);
/* Says goodbye to the browser if connected; no event follows. */
void mdf_peer_free(MdfPeer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MdfPeer, mdf_peer_free)

/* Lent; the worker looks up passwords and reads the addresses that have proven themselves. */
MdfIce *mdf_peer_ice(MdfPeer *self);
void mdf_peer_restart_ice(MdfPeer *self, const MdfIceCredentials *credentials);

/* An authenticated check was answered. */
void mdf_peer_handle_check(MdfPeer *self,
                           const MdfAddress *from,
                           const char *name,
                           size_t length,
                           bool use_candidate,
                           int64_t now_us,
                           MdfIceChange *ret_change);
/* From a proven address. */
void mdf_peer_handle_dtls(MdfPeer *self, const uint8_t *data, size_t length, int64_t now_us);
/* From a proven address; decrypted in place. */
void mdf_peer_handle_rtcp(MdfPeer *self, uint8_t *data, size_t length, int64_t now_us);

/* Timers. Returns when to be called again. */
int64_t mdf_peer_run(MdfPeer *self, int64_t now_us);

bool mdf_peer_is_connected(const MdfPeer *self);
/* While connected: keys and destination of media. */
MdfSeal *mdf_peer_seal(MdfPeer *self);
const MdfAddress *mdf_peer_address(const MdfPeer *self);
/* Encrypts and sends; @packet has MDF_SRTCP_GROWTH bytes of room behind @length. */
void mdf_peer_send_rtcp(MdfPeer *self, uint8_t *packet, size_t length, size_t size);

typedef struct {
    uint64_t rtcp_refused; /* not authentic, replayed, too many sources */
    uint64_t dtls_refused;
} MdfPeerCounters;
const MdfPeerCounters *mdf_peer_counters(const MdfPeer *self);
