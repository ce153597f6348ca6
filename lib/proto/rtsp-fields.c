/* The values of RTSP headers that Xc uses: Session, Range, Notice, our anchor; text/parameters. */
#include <math.h>
#include <string.h>

#include "lib/base/error.h"
#include "lib/proto/rtsp.h"

#define MAX_NPT_S 1e9 /* channel time is a machine's uptime; in microseconds this still fits */

char *
proto_rtsp_session(const ProtoRtspMsg *self)
{
    const char *value = proto_rtsp_header(self, "Session");
    size_t length;

    if (!value)
        return NULL;
    length = strcspn(value, "; \t");
    if (length == 0 || length > 256)
        return NULL;
    return g_strndup(value, length);
}

bool
proto_rtsp_number_parse(const char *text, double *ret_value)
{
    char *end = NULL;
    double value;

    while (g_ascii_isspace(*text))
        text++;
    /* g_ascii_strtod also takes hexadecimal, "inf" and "nan". */
    if (strspn(text, "+-.0123456789eE \t") != strlen(text))
        return false;
    value = g_ascii_strtod(text, &end);
    if (end == text || !isfinite(value))
        return false;
    while (g_ascii_isspace(*end))
        end++;
    if (*end)
        return false;
    *ret_value = value;
    return true;
}

/* npt-sec or npt-hhmmss */
static bool
parse_npt_time(const char *text, double *ret_value)
{
    g_auto(GStrv) part = g_strsplit(text, ":", 4);
    guint n = g_strv_length(part);
    double value = 0, field;

    if (n != 1 && n != 3)
        return false;
    for (guint i = 0; i < n; i++) {
        if (!proto_rtsp_number_parse(part[i], &field) || field < 0 || (i > 0 && field >= 60))
            return false;
        value = value * 60 + field;
    }
    if (value > MAX_NPT_S)
        return false;
    *ret_value = value;
    return true;
}

static bool
parse_range_ends(char *start, char *end, ProtoRtspRange *range)
{
    g_strstrip(start);
    g_strstrip(end);
    if (strcmp(start, "now") == 0)
        range->now = true;
    else if (*start)
        range->has_start = true;
    if (range->has_start && !parse_npt_time(start, &range->start_s))
        return false;
    range->has_end = *end != '\0';
    if (range->has_end && !parse_npt_time(end, &range->end_s))
        return false;
    return range->now || range->has_start || range->has_end;
}

bool
proto_rtsp_range_parse(const char *text, ProtoRtspRange *ret_range, GError **error)
{
    ProtoRtspRange range = {0};
    g_autofree char *copy = g_strdup(text);
    char *dash, *value;

    /* ";time=..." may follow, RFC 2326 12.29: commands here take effect at once */
    if (strchr(copy, ';'))
        *strchr(copy, ';') = '\0';
    value = strchr(copy, '=');
    if (value) {
        *value++ = '\0';
        dash = strchr(value, '-');
        if (strcmp(g_strstrip(copy), "npt") == 0 && dash) {
            *dash = '\0';
            if (parse_range_ends(value, dash + 1, &range)) {
                *ret_range = range;
                return true;
            }
        }
    }
    g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT, "RTSP: not a range in npt: %.64s", text);
    return false;
}

/* Never in the locale's spelling. */
static const char *
seconds(char *buffer, gsize size, double value)
{
    return g_ascii_formatd(buffer, (gint)size, "%.3f", value);
}

char *
proto_rtsp_range_build(const ProtoRtspRange *range)
{
    char start[G_ASCII_DTOSTR_BUF_SIZE], end[G_ASCII_DTOSTR_BUF_SIZE];

    return g_strdup_printf("npt=%s-%s",
                           range->now         ? "now"
                           : range->has_start ? seconds(start, sizeof start, range->start_s)
                                              : "",
                           range->has_end ? seconds(end, sizeof end, range->end_s) : "");
}

char *
proto_rtsp_parameter(const GString *body, const char *name)
{
    g_auto(GStrv) line = g_strsplit(body->str, "\n", 64);
    size_t length = strlen(name);

    for (char **l = line; *l; l++) {
        const char *value = *l + length;
        if (g_ascii_strncasecmp(*l, name, length) != 0)
            continue;
        value += strspn(value, " \t");
        if (*value == ':')
            return g_strstrip(g_strdup(value + 1));
    }
    return NULL;
}

char *
proto_rtsp_anchor_build(const ProtoRtspAnchor *anchor)
{
    char media[G_ASCII_DTOSTR_BUF_SIZE];

    return g_strdup_printf("rtp_time=%u;media_time=%s", anchor->rtp_time,
                           g_ascii_formatd(media, sizeof media, "%.6f", anchor->media_time_s));
}

bool
proto_rtsp_anchor_parse(const char *text, ProtoRtspAnchor *ret_anchor)
{
    g_auto(GStrv) field = g_strsplit(text, ";", 8);
    bool has_rtp = false, has_media = false;
    ProtoRtspAnchor anchor = {0};
    double value;

    for (char **f = field; *f; f++) {
        g_strstrip(*f);
        if (g_str_has_prefix(*f, "rtp_time=") && proto_rtsp_number_parse(*f + 9, &value) && value >= 0 &&
            value <= G_MAXUINT32) {
            anchor.rtp_time = (guint32)value;
            has_rtp = true;
        } else if (g_str_has_prefix(*f, "media_time=") && proto_rtsp_number_parse(*f + 11, &value)) {
            anchor.media_time_s = value;
            has_media = true;
        }
    }
    if (!has_rtp || !has_media)
        return false;
    *ret_anchor = anchor;
    return true;
}

bool
proto_rtsp_notice_parse(const ProtoRtspMsg *announce, ProtoRtspNotice *ret_notice)
{
    const char *value = proto_rtsp_header(announce, "Notice");
    ProtoRtspNotice notice = {0};
    const char *npt;
    char *end = NULL;

    if (!value)
        value = proto_rtsp_header(announce, "x-notice");
    if (!value || !g_ascii_isdigit(*value))
        return false;
    notice.code = (unsigned)g_ascii_strtoull(value, &end, 10);
    if (end - value != 4)
        return false;
    npt = strstr(end, " npt=");
    if (npt) {
        g_autofree char *number = g_strndup(npt + 5, strcspn(npt + 5, " ;"));
        notice.has_npt = parse_npt_time(number, &notice.npt_s);
    }
    *ret_notice = notice;
    return true;
}
