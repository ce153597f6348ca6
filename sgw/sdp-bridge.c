#include "sgw/sdp-bridge.h"

#include <stdbool.h>
#include <string.h>

#include "lib/base/error.h"

/* The text with its o= line replaced; the parser behind has checked that there is one. */
static char *
with_origin(const char *sdp, const SgwSdpOrigin *origin)
{
    g_autoptr(GString) out = g_string_new(NULL);
    g_auto(GStrv) lines = g_strsplit(sdp, "\n", -1);

    for (char **line = lines; *line; line++) {
        if (line[1] == NULL && **line == '\0')
            break;
        if (g_str_has_prefix(*line, "o="))
            g_string_append_printf(out, "o=- %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " IN IP4 %s\r\n",
                                   origin->id, origin->version, origin->address);
        else
            g_string_append_printf(out, "%.*s\r\n", (int)strcspn(*line, "\r"), *line);
    }
    return g_string_free(g_steal_pointer(&out), FALSE);
}

char *
sgw_sdp_offer_to_ims(const char *browser_sdp, const char *bc_service, SgwSdpOrigin *origin, GError **error)
{
    g_autofree char *with_control = NULL;
    g_autofree char *with_service = NULL;
    g_auto(ProtoBc) bc = {0};

    if (!proto_sdp_check_webrtc(browser_sdp, error))
        return NULL;
    with_control = proto_sdp_iptv_insert_offer(browser_sdp, 0, origin->address, error);
    if (!with_control)
        return NULL;
    proto_bc_init(&bc);
    bc.service = g_strdup(bc_service);
    with_service = proto_sdp_bc_set(with_control, bc_service ? &bc : NULL, error);
    if (!with_service)
        return NULL;
    origin->version++;
    return with_origin(with_service, origin);
}

char *
sgw_sdp_answer_to_browser(const char *ims_sdp, ProtoIptvRtsp *ret_line, GError **error)
{
    g_auto(ProtoIptvRtsp) line = {0};
    g_autofree char *without_control = NULL;
    char *answer = NULL;

    without_control = proto_sdp_iptv_remove(ims_sdp, &line, error);
    if (!without_control)
        return NULL;
    if (!line.h_uri || !line.h_session || line.port == 0) {
        g_set_error_literal(error, BASE_ERROR, BASE_ERROR_PROTOCOL, "the answer refuses playback control");
        return NULL;
    }
    answer = proto_sdp_bc_set(without_control, NULL, error);
    if (answer) {
        *ret_line = line;
        memset(&line, 0, sizeof line);
    }
    return answer;
}
