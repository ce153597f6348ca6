/* lib/net/rtsp-stream.h - one TCP connection that carries RTSP both ways: octets <-> messages, CSeq,
 * outstanding requests with deadlines. Only for rtsp-client.c and rtsp-server.c. */
#pragma once

#include "lib/net/rtsp-conn.h"

#include <gio/gio.h>

#define NET_RTSP_MAX_UNSENT_BYTES (1024 * 1024) /* a peer that does not read is cut off */

typedef struct NetRtspStream NetRtspStream;

typedef struct {
    void (*connected)(void *user_data); /* outgoing connections only */
    /* @request: (transfer full) has a valid CSeq; to be answered by net_rtsp_stream_respond. */
    void (*request)(void *user_data, ProtoRtspMsg *request);
    /* Last event; outstanding requests have been answered with UNAVAILABLE. */
    void (*closed)(void *user_data, const GError *error);
} NetRtspStreamEvents;

/* @socket: connected, or connecting if @outgoing. @peer: for the trace.
 * @idle_timeout_s, @receive_timeout_s: 0: none. */
NetRtspStream *net_rtsp_stream_new(GSocket *socket,
                                   bool outgoing,
                                   const char *peer,
                                   unsigned idle_timeout_s,
                                   unsigned receive_timeout_s,
                                   const NetRtspStreamEvents *events,
                                   void *user_data);
/* Closes without an event and without answering what is outstanding; drops the owner's reference. */
void net_rtsp_stream_free(NetRtspStream *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NetRtspStream, net_rtsp_stream_free)

const char *net_rtsp_stream_peer(const NetRtspStream *self);
bool net_rtsp_stream_is_open(const NetRtspStream *self);
/* Sends with the next CSeq and returns it. @request is lent; @done may be NULL. */
unsigned net_rtsp_stream_send(
    NetRtspStream *self, ProtoRtspMsg *request, unsigned deadline_ms, NetRtspDone done, void *user_data);
/* The callback of that CSeq will not be called. */
void net_rtsp_stream_forget(NetRtspStream *self, unsigned cseq);
/* CSeq, Session and Session-ID come from @request unless set. */
void net_rtsp_stream_respond(NetRtspStream *self, const ProtoRtspMsg *request, ProtoRtspMsg *response);

/* TCP options of Xc: no delay, keep-alive, unacknowledged data ends the connection after 10 s. */
void net_rtsp_socket_options(GSocket *socket);
