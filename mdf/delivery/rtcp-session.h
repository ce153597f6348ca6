/* mdf/delivery/rtcp-session.h - RTCP of one peer: sender reports out; receiver reports, NACKs and
 * key-frame requests in. Works on plain RTCP; the owner encrypts and decrypts. Runs on the peer's worker.
 * Spec: RFC 3550 6.4, RFC 4585 6.2.1, 6.3.1, RFC 5104 4.3.1. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mdf/delivery/sender.h"

enum {
    MDF_RTCP_SENDERS_MAX = 2,
    MDF_RTCP_NACKED_MAX = 256, /* sequence numbers taken from one compound */
    MDF_RTCP_CNAME_BYTES = 16,
};

typedef struct {
    /* A packet of @sender is missing at the peer. */
    void (*nack)(MdfSender *sender, uint16_t sequence, void *user_data);
    /* The peer needs a key frame. */
    void (*key_frame)(void *user_data);
    /* Which packets came when; walk it by proto_rtcp_transport_begin. */
    void (*transport)(const ProtoRtcpPacket *packet, int64_t now_us, void *user_data);
} MdfRtcpEvents;

typedef struct {
    const MdfRtcpEvents *events;
    void *user_data;
    MdfSender *senders[MDF_RTCP_SENDERS_MAX]; /* lent */
    unsigned n_senders;
    char cname[MDF_RTCP_CNAME_BYTES + 1];
    int64_t ntp_offset_us; /* monotonic -> since 1900; fixed, so that the clock never jumps */
    int64_t next_report_us;
    unsigned reports;
    bool has_fir;
    uint8_t last_fir;

    /* Of the video, from receiver reports; 0: not known. */
    uint32_t round_trip_us;
    uint8_t fraction_lost;
    uint64_t key_frame_requests;
} MdfRtcpSession;

/* A random one: no name, but the same for all streams, for lip-sync. RFC 7022 4.2 */
void mdf_rtcp_make_cname(char ret_cname[MDF_RTCP_CNAME_BYTES + 1]);

/* @senders: lent, they outlive it. @events: borrowed with @user_data. */
void mdf_rtcp_session_init(MdfRtcpSession *self,
                           MdfSender *const *senders,
                           unsigned n_senders,
                           const char *cname,
                           const MdfRtcpEvents *events,
                           void *user_data,
                           int64_t now_us);

/* A decrypted compound. */
void mdf_rtcp_session_receive(MdfRtcpSession *self, const uint8_t *data, size_t length, int64_t now_us);

/* When reports are due: at once after the first packets, then every second, later every five. */
int64_t mdf_rtcp_session_next_us(const MdfRtcpSession *self);
/* Writes a report of sender @index; 0: it has sent nothing yet. After the last one call
 * mdf_rtcp_session_reported. */
size_t
mdf_rtcp_session_report(MdfRtcpSession *self, unsigned index, int64_t now_us, uint8_t *out, size_t size);
void mdf_rtcp_session_reported(MdfRtcpSession *self, int64_t now_us);
