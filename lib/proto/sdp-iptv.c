#include "lib/proto/sdp-iptv.h"

#include <gst/sdp/gstsdpmessage.h>
#include <string.h>

#include "lib/base/error.h"
#include "lib/proto/rtsp.h"
#include "lib/proto/sdp-text.h"

#define DEFAULT_TIMEOUT_S 60
#define FORMAT "iptv_rtsp"

void
proto_iptv_rtsp_clear(ProtoIptvRtsp *self)
{
    g_clear_pointer(&self->address, g_free);
    g_clear_pointer(&self->h_uri, g_free);
    g_clear_pointer(&self->h_session, g_free);
    g_clear_pointer(&self->version, g_free);
}

static bool
is_iptv_rtsp(const GstSDPMedia *media)
{
    if (g_strcmp0(media->media, "application") != 0 || !media->proto || media->fmts->len == 0)
        return false;
    if (g_ascii_strcasecmp(media->proto, "TCP") != 0 && g_ascii_strcasecmp(media->proto, "TCP/TLS") != 0)
        return false;
    return g_ascii_strcasecmp(g_array_index(media->fmts, char *, 0), FORMAT) == 0;
}

/* Index of the line, -1 if there is none, -2 if there are several. */
static int
find_line(const GstSDPMessage *sdp)
{
    int found = -1;

    for (guint i = 0; i < sdp->medias->len; i++) {
        if (!is_iptv_rtsp(&g_array_index(sdp->medias, GstSDPMedia, i)))
            continue;
        if (found >= 0)
            return -2;
        found = (int)i;
    }
    return found;
}

static char *
insert_line(const char *text, unsigned index, const GstSDPMedia *media, GError **error)
{
    g_autoptr(GstSDPMessage) sdp = proto_sdp_parse(text, error);
    GstSDPMedia *copy = NULL;

    if (!sdp)
        return NULL;
    if (find_line(sdp) != -1) {
        g_set_error_literal(error, BASE_ERROR, BASE_ERROR_PROTOCOL, "SDP: it has an iptv_rtsp line already");
        return NULL;
    }
    if (index > sdp->medias->len) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT,
                    "SDP: no place for an iptv_rtsp line at index %u", index);
        return NULL;
    }
    gst_sdp_media_copy(media, &copy);
    g_array_insert_val(sdp->medias, index, *copy);
    g_free(copy); /* its members belong to the message now */
    return proto_sdp_text(sdp);
}

static GstSDPMedia *
line_new(unsigned port, const char *address, bool passive)
{
    GstSDPMedia *media;

    gst_sdp_media_new(&media);
    gst_sdp_media_set_media(media, "application");
    gst_sdp_media_set_port_info(media, port, 1);
    gst_sdp_media_set_proto(media, "TCP");
    gst_sdp_media_add_format(media, FORMAT);
    gst_sdp_media_add_connection(media, "IN", strchr(address, ':') ? "IP6" : "IP4", address, 0, 0);
    gst_sdp_media_add_attribute(media, "setup", passive ? "passive" : "active");
    gst_sdp_media_add_attribute(media, "connection", "new");
    return media;
}

char *
proto_sdp_iptv_insert_offer(const char *sdp, unsigned index, const char *address, GError **error)
{
    g_autoptr(GstSDPMedia) media = line_new(9, address, false);

    gst_sdp_media_add_attribute(media, "fmtp", FORMAT " version=1.0");
    return insert_line(sdp, index, media, error);
}

static void
add_parameters(GstSDPMedia *media, const ProtoIptvRtsp *line)
{
    g_autofree char *uri = g_strdup_printf(FORMAT " h-uri=%s", line->h_uri);
    g_autofree char *session =
        g_strdup_printf(FORMAT " h-session=%s;timeout=%u", line->h_session, line->timeout_s);
    char number[G_ASCII_DTOSTR_BUF_SIZE];
    g_autofree char *offset = NULL;

    g_ascii_formatd(number, sizeof number, "%.3f", line->h_offset_s);
    offset = g_strdup_printf(FORMAT " h-offset=%s", line->h_offset_s == 0 ? "0" : number);
    gst_sdp_media_add_attribute(media, "fmtp", uri);
    gst_sdp_media_add_attribute(media, "fmtp", session);
    gst_sdp_media_add_attribute(media, "fmtp", offset);
}

char *
proto_sdp_iptv_insert_answer(const char *sdp, const ProtoIptvRtsp *line, GError **error)
{
    g_autoptr(GstSDPMedia) media = line_new(line->port, line->address, true);

    if (line->port != 0)
        add_parameters(media, line);
    return insert_line(sdp, line->index, media, error);
}

/* ---- reading ---- */

static bool
bad_parameter(const char *name, const char *value, GError **error)
{
    g_set_error(error, BASE_ERROR, BASE_ERROR_PROTOCOL, "SDP: fmtp:iptv_rtsp %s=%.64s makes no sense", name,
                value);
    return false;
}

static bool
take_parameter(ProtoIptvRtsp *line, const char *name, const char *value, GError **error)
{
    guint64 number;

    if (g_ascii_strcasecmp(name, "h-uri") == 0) {
        g_free(line->h_uri);
        line->h_uri = g_strdup(value);
    } else if (g_ascii_strcasecmp(name, "h-session") == 0) {
        g_free(line->h_session);
        line->h_session = g_strdup(value);
    } else if (g_ascii_strcasecmp(name, "version") == 0) {
        g_free(line->version);
        line->version = g_strdup(value);
    } else if (g_ascii_strcasecmp(name, "h-offset") == 0) {
        const char *npt = g_str_has_prefix(value, "npt=") ? value + 4 : value;
        if (!proto_rtsp_number_parse(npt, &line->h_offset_s))
            return bad_parameter(name, value, error);
    } else if (g_ascii_strcasecmp(name, "timeout") == 0) {
        if (!g_ascii_string_to_unsigned(value, 10, 1, 86400, &number, NULL))
            return bad_parameter(name, value, error);
        line->timeout_s = (unsigned)number;
    }
    return true; /* unknown parameters are ignored */
}

/* "iptv_rtsp h-session = 9f ; timeout = 60": parameters may share a line, with spaces anywhere. A ';'
 * inside a URI ends it: it cannot be told from the next parameter. */
static bool
parse_fmtp(ProtoIptvRtsp *line, const char *value, GError **error)
{
    const char *rest = value + strlen(FORMAT);
    g_auto(GStrv) field = NULL;

    if (g_ascii_strncasecmp(value, FORMAT, strlen(FORMAT)) != 0 || !g_ascii_isspace(*rest))
        return true; /* another format's */
    field = g_strsplit(rest, ";", 32);
    for (char **f = field; *f; f++) {
        char *equals = strchr(*f, '=');
        if (!equals)
            continue;
        *equals = '\0';
        if (!take_parameter(line, g_strstrip(*f), g_strstrip(equals + 1), error))
            return false;
    }
    return true;
}

static bool
read_line(const GstSDPMessage *sdp, int index, ProtoIptvRtsp *line, GError **error)
{
    const GstSDPMedia *media = &g_array_index(sdp->medias, GstSDPMedia, index);
    const GstSDPConnection *connection =
        media->connections->len ? &g_array_index(media->connections, GstSDPConnection, 0) : &sdp->connection;
    const char *setup = gst_sdp_media_get_attribute_val(media, "setup");

    line->index = (unsigned)index;
    line->port = (uint16_t)media->port;
    line->address = g_strdup(connection->address);
    line->passive = setup && g_ascii_strcasecmp(setup, "passive") == 0;
    line->timeout_s = DEFAULT_TIMEOUT_S;
    for (guint i = 0; i < media->attributes->len; i++) {
        const GstSDPAttribute *attribute = &g_array_index(media->attributes, GstSDPAttribute, i);
        if (g_strcmp0(attribute->key, "fmtp") == 0 && attribute->value &&
            !parse_fmtp(line, attribute->value, error))
            return false;
    }
    return true;
}

static GstSDPMessage *
parse_with_line(const char *text, ProtoIptvRtsp *line, GError **error)
{
    g_autoptr(GstSDPMessage) sdp = proto_sdp_parse(text, error);
    int index;

    memset(line, 0, sizeof *line);
    if (!sdp)
        return NULL;
    index = find_line(sdp);
    if (index < 0) {
        g_set_error(error, BASE_ERROR, index == -1 ? BASE_ERROR_NOT_FOUND : BASE_ERROR_PROTOCOL,
                    index == -1 ? "SDP: no iptv_rtsp line" : "SDP: more than one iptv_rtsp line");
        return NULL;
    }
    if (!read_line(sdp, index, line, error)) {
        proto_iptv_rtsp_clear(line);
        return NULL;
    }
    return g_steal_pointer(&sdp);
}

bool
proto_sdp_iptv_parse(const char *text, ProtoIptvRtsp *ret_line, GError **error)
{
    g_autoptr(GstSDPMessage) sdp = parse_with_line(text, ret_line, error);

    return sdp != NULL;
}

char *
proto_sdp_iptv_remove(const char *text, ProtoIptvRtsp *ret_line, GError **error)
{
    g_auto(ProtoIptvRtsp) line = {0};
    g_autoptr(GstSDPMessage) sdp = parse_with_line(text, &line, error);

    if (ret_line)
        memset(ret_line, 0, sizeof *ret_line);
    if (!sdp)
        return NULL;
    gst_sdp_media_uninit(&g_array_index(sdp->medias, GstSDPMedia, line.index));
    g_array_remove_index(sdp->medias, line.index);
    if (ret_line) {
        *ret_line = line;
        memset(&line, 0, sizeof line);
    }
    return proto_sdp_text(sdp);
}
