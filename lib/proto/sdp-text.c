#include "lib/proto/sdp-text.h"

#include <string.h>

#include "lib/base/error.h"

typedef struct {
    bool version, origin, name, time;
    unsigned media;
} Seen;

static bool
refuse(GError **error, BaseErrorCode code, const char *what)
{
    g_set_error(error, BASE_ERROR, code, "SDP: %s", what);
    return false;
}

/* GStreamer takes any line anywhere, and lets a later v= or o= replace the session's. */
static bool
check_type(const char *line, size_t length, Seen *seen, GError **error)
{
    bool *once = line[0] == 'v' ? &seen->version : line[0] == 'o' ? &seen->origin : &seen->name;

    if (!strchr(seen->media ? "micbka" : "vosiuepcbtrzkam", line[0]))
        return refuse(error, BASE_ERROR_PROTOCOL, "a line stands where it does not belong");
    if (strchr("vos", line[0])) {
        if (*once || (line[0] == 'v' && (length != 3 || line[2] != '0')))
            return refuse(error, BASE_ERROR_PROTOCOL, "v=, o= or s= twice, or another version");
        *once = true;
    }
    seen->time |= line[0] == 't';
    seen->media += line[0] == 'm';
    return true;
}

/* A lone CR makes parsers disagree about where a line ends; control characters have no place at all. */
static bool
check_line(const char *line, size_t length, Seen *seen, GError **error)
{
    if (length > PROTO_SDP_MAX_LINE_BYTES)
        return refuse(error, BASE_ERROR_TOO_LARGE, "line too long");
    if (length < 2 || line[1] != '=' || !g_ascii_islower(line[0]))
        return refuse(error, BASE_ERROR_PROTOCOL, "a line is not TYPE=VALUE");
    for (size_t i = 0; i < length; i++)
        if (g_ascii_iscntrl(line[i]) && line[i] != '\t')
            return refuse(error, BASE_ERROR_PROTOCOL, "control character");
    return check_type(line, length, seen, error);
}

static bool
check_text(const char *text, GError **error)
{
    Seen seen = {0};
    size_t length = strnlen(text, PROTO_SDP_MAX_BYTES + 1);

    if (length > PROTO_SDP_MAX_BYTES)
        return refuse(error, BASE_ERROR_TOO_LARGE, "text too long");
    for (const char *line = text; *line;) {
        size_t n = strcspn(line, "\n");
        size_t content = n && line[n] && line[n - 1] == '\r' ? n - 1 : n;
        if (!check_line(line, content, &seen, error))
            return false;
        line += line[n] ? n + 1 : n;
    }
    if (seen.media > PROTO_SDP_MAX_MEDIA)
        return refuse(error, BASE_ERROR_TOO_LARGE, "too many m-lines");
    if (!seen.version || !seen.origin || !seen.name || !seen.time)
        return refuse(error, BASE_ERROR_PROTOCOL, "v=0, o=, s= or t= is missing");
    return true;
}

GstSDPMessage *
proto_sdp_parse(const char *text, GError **error)
{
    g_autoptr(GstSDPMessage) sdp = NULL;

    if (!check_text(text, error))
        return NULL;
    gst_sdp_message_new(&sdp);
    if (gst_sdp_message_parse_buffer((const guint8 *)text, (guint)strlen(text), sdp) != GST_SDP_OK) {
        refuse(error, BASE_ERROR_PROTOCOL, "malformed");
        return NULL;
    }
    return g_steal_pointer(&sdp);
}

char *
proto_sdp_text(const GstSDPMessage *sdp)
{
    return gst_sdp_message_as_text(sdp);
}
