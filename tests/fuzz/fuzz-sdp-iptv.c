/* The IPTV lines of an SDP that came by SIP. What is taken out must come out of its own output, too. */
#include <glib.h>
#include <stdint.h>

#include "lib/proto/sdp-iptv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_auto(ProtoIptvRtsp) line = {0};
    g_auto(ProtoBc) bc = {0};
    g_autofree char *removed = proto_sdp_iptv_remove(text, &line, NULL);

    g_free(proto_sdp_iptv_insert_offer(text, 0, "127.0.0.1", NULL));
    if (removed) {
        g_autoptr(GError) error = NULL;
        g_autofree char *again = proto_sdp_iptv_insert_offer(removed, line.index, "127.0.0.1", &error);
        if (!again)
            g_error("%s\nfrom\n%s\nmade\n%s", error->message, text, removed);
    }
    if (proto_sdp_bc_parse(text, &bc, NULL)) {
        g_free(proto_sdp_bc_set(text, &bc, NULL));
        proto_bc_grants(&bc, "one", "imstv.test");
    }
    proto_sdp_check_webrtc(text, NULL);
    return 0;
}
