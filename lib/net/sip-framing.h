/* lib/net/sip-framing.h - where messages end in a byte stream. For sip-transport and its tests.
 *
 * Never allocates from a claimed length: what was not received takes no room.
 * Spec: RFC 3261 18.3, RFC 5626 3.5.1. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

typedef enum {
    NET_SIP_FRAME_NEED_MORE,
    NET_SIP_FRAME_MESSAGE, /* @ret_length bytes at the start of the buffer */
    NET_SIP_FRAME_PING,    /* CRLF CRLF: answer with one CRLF; @ret_length bytes are used up */
    NET_SIP_FRAME_SKIP,    /* a lone CRLF (the answer to a ping); @ret_length bytes are used up */
    NET_SIP_FRAME_BROKEN,  /* no Content-Length, or it is absurd: answer with @ret_status, then close */
} NetSipFrame;

NetSipFrame net_sip_frame_next(const char *data, size_t length, size_t *ret_length, int *ret_status);
