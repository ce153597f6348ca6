/* mdf/delivery/demux.h - what a datagram on the one port is, by its first bytes.
 * Spec: RFC 7983 7, RFC 5761 4. */
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef enum {
    MDF_DATAGRAM_UNKNOWN,
    MDF_DATAGRAM_STUN,
    MDF_DATAGRAM_DTLS,
    MDF_DATAGRAM_RTP,
    MDF_DATAGRAM_RTCP,
} MdfDatagram;

static inline MdfDatagram
mdf_demux(const uint8_t *data, size_t length)
{
    if (length < 8)
        return MDF_DATAGRAM_UNKNOWN;
    if (data[0] < 4)
        return MDF_DATAGRAM_STUN;
    if (data[0] >= 20 && data[0] < 64)
        return MDF_DATAGRAM_DTLS;
    if (data[0] >= 128 && data[0] < 192)
        return data[1] >= 192 && data[1] < 224 ? MDF_DATAGRAM_RTCP : MDF_DATAGRAM_RTP;

    return MDF_DATAGRAM_UNKNOWN;
}
