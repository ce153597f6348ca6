/* Any datagram on the media port, and any RTCP that a known peer may encrypt. */
#include <glib.h>
#include <stdint.h>
#include <string.h>

#include "lib/proto/rtp.h"
#include "mdf/delivery/demux.h"
#include "mdf/delivery/rtcp-session.h"
#include "mdf/delivery/stun.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *
any_password(const char *name, size_t length, void *user_data G_GNUC_UNUSED)
{
    return length > 0 && name[0] == 'e' ? "VOkJxbRl1RmTxUk/WvJxBt" : NULL;
}

static void
on_nack(MdfSender *sender, uint16_t sequence G_GNUC_UNUSED, void *user_data G_GNUC_UNUSED)
{
    g_assert_nonnull(sender);
}

static void
on_key(void *user_data G_GNUC_UNUSED)
{
}

static void
on_transport(const ProtoRtcpPacket *packet, int64_t now_us G_GNUC_UNUSED, void *user_data G_GNUC_UNUSED)
{
    ProtoRtcpTransport walk;
    uint16_t sequence;
    bool received;
    int64_t arrival_us;

    if (proto_rtcp_transport_begin(packet, &walk))
        while (proto_rtcp_transport_next(&walk, &sequence, &received, &arrival_us)) {
        }
}

static void
receive_rtcp(const uint8_t *data, size_t size)
{
    static const MdfRtcpEvents events = {on_nack, on_key, on_transport};
    const MdfSenderConfig config = {.clock_rate = 90000};
    g_autoptr(MdfSender) sender = mdf_sender_new(&config);
    MdfRtcpSession session;

    mdf_rtcp_session_init(&session, &sender, 1, "fuzz", &events, NULL, 1);
    mdf_rtcp_session_receive(&session, data, size, 2);
}

static void
receive_stun(const uint8_t *data, size_t size)
{
    g_autoptr(MdfStun) stun = mdf_stun_new();
    MdfAddress from = {0};
    MdfStunCheck check;

    from.v4.sin_family = AF_INET;
    if (mdf_stun_handle(stun, data, size, &from, any_password, NULL, &check) && check.reply_length > size)
        g_error("more bytes out than in");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree uint8_t *copy = g_memdup2(data, size); /* exactly as long: reading on is found */
    ProtoRtpPacket packet;
    size_t bytes;

    mdf_demux(copy, size);
    receive_stun(copy, size);
    receive_rtcp(copy, size);
    if (proto_rtp_parse(copy, size, &packet))
        for (uint8_t id = 1; id < 15; id++)
            proto_rtp_extension(&packet, id, &bytes);
    return 0;
}
