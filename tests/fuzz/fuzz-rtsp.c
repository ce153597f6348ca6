/* RTSP as a stranger may send it: the parser, and the fields of what it takes. */
#include <glib.h>
#include <stdint.h>

#include "lib/proto/rtsp.h"
#include "mcf-extensions/xc-handler.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
look_at(const ProtoRtspMsg *message)
{
    const char *range = proto_rtsp_header(message, "Range");
    const char *anchor = proto_rtsp_header(message, PROTO_RTSP_ANCHOR_HEADER);
    ProtoRtspNotice notice;
    ProtoRtspAnchor point;
    ProtoRtspRange ends;

    g_free(proto_rtsp_session(message));
    g_free(proto_rtsp_parameter(message->body, "bc_service"));
    g_string_free(proto_rtsp_build(message), TRUE);
    proto_rtsp_notice_parse(message, &notice);
    if (range)
        proto_rtsp_range_parse(range, &ends, NULL);
    if (anchor)
        proto_rtsp_anchor_parse(anchor, &point);
    if (message->method) {
        g_auto(McfXcRequest) request = {0};
        mcf_xc_decide(message, &request);
        if (request.command == MCF_XC_ANSWER)
            proto_rtsp_msg_free(mcf_xc_answer(&request, message));
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t used = 0;

    while (size > 0) {
        g_autoptr(ProtoRtspMsg) message = NULL;
        if (proto_rtsp_parse((const char *)data, size, &message, &used, NULL) != PROTO_RTSP_MESSAGE)
            return 0;
        g_assert_cmpuint(used, >, 0);
        g_assert_cmpuint(used, <=, size);
        look_at(message);
        data += used;
        size -= used;
    }
    return 0;
}
