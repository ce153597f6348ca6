#include "lib/proto/rtsp.h"

#include <string.h>

#include "lib/base/error.h"

/* RFC 2326 7.1.1 and 10; 451 and later are RTSP's own. */
static const struct {
    unsigned status;
    const char *reason;
} reasons[] = {
    {100, "Continue"},
    {200, "OK"},
    {201, "Created"},
    {250, "Low on Storage Space"},
    {301, "Moved Permanently"},
    {302, "Moved Temporarily"},
    {303, "See Other"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Time-out"},
    {410, "Gone"},
    {413, "Request Entity Too Large"},
    {414, "Request-URI Too Large"},
    {415, "Unsupported Media Type"},
    {451, "Parameter Not Understood"},
    {453, "Not Enough Bandwidth"},
    {454, "Session Not Found"},
    {455, "Method Not Valid in This State"},
    {456, "Header Field Not Valid for Resource"},
    {457, "Invalid Range"},
    {458, "Parameter Is Read-Only"},
    {459, "Aggregate operation not allowed"},
    {461, "Unsupported transport"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Time-out"},
    {505, "RTSP Version not supported"},
    {551, "Option not supported"},
};

const char *
proto_rtsp_reason(unsigned status)
{
    for (size_t i = 0; i < G_N_ELEMENTS(reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Unknown";
}

static void
header_free(gpointer data)
{
    ProtoRtspHeader *header = data;

    g_free(header->name);
    g_free(header->value);
    g_free(header);
}

static ProtoRtspMsg *
msg_new(void)
{
    ProtoRtspMsg *self = g_new0(ProtoRtspMsg, 1);

    self->headers = g_ptr_array_new_with_free_func(header_free);
    self->body = g_string_new(NULL);
    return self;
}

ProtoRtspMsg *
proto_rtsp_request_new(const char *method, const char *uri)
{
    ProtoRtspMsg *self = msg_new();

    self->method = g_strdup(method);
    self->uri = g_strdup(uri);
    return self;
}

ProtoRtspMsg *
proto_rtsp_response_new(unsigned status, const char *reason)
{
    ProtoRtspMsg *self = msg_new();

    self->status = status;
    self->reason = g_strdup(reason ? reason : proto_rtsp_reason(status));
    return self;
}

void
proto_rtsp_msg_free(ProtoRtspMsg *self)
{
    if (!self)
        return;
    g_free(self->method);
    g_free(self->uri);
    g_free(self->reason);
    g_ptr_array_unref(self->headers);
    g_string_free(self->body, TRUE);
    g_free(self);
}

const char *
proto_rtsp_header(const ProtoRtspMsg *self, const char *name)
{
    for (guint i = 0; i < self->headers->len; i++) {
        const ProtoRtspHeader *header = g_ptr_array_index(self->headers, i);
        if (g_ascii_strcasecmp(header->name, name) == 0)
            return header->value;
    }
    return NULL;
}

static void
add_header(ProtoRtspMsg *self, char *name, char *value)
{
    ProtoRtspHeader *header = g_new0(ProtoRtspHeader, 1);

    header->name = name;
    header->value = value;
    g_ptr_array_add(self->headers, header);
}

void
proto_rtsp_set_header(ProtoRtspMsg *self, const char *name, const char *value)
{
    char *copy = g_strdup(value);

    /* What we quote from elsewhere must not end the line. */
    for (char *c = copy; *c; c++)
        if (g_ascii_iscntrl(*c))
            *c = ' ';
    for (guint i = self->headers->len; i-- > 0;) {
        const ProtoRtspHeader *header = g_ptr_array_index(self->headers, i);
        if (g_ascii_strcasecmp(header->name, name) == 0)
            g_ptr_array_remove_index(self->headers, i);
    }
    add_header(self, g_strdup(name), copy);
}

void
proto_rtsp_set_header_printf(ProtoRtspMsg *self, const char *name, const char *format, ...)
{
    g_autofree char *value = NULL;
    va_list args;

    va_start(args, format);
    value = g_strdup_vprintf(format, args);
    va_end(args);
    proto_rtsp_set_header(self, name, value);
}

void
proto_rtsp_set_body(ProtoRtspMsg *self, const char *content_type, const char *body, gssize length)
{
    g_string_truncate(self->body, 0);
    g_string_append_len(self->body, body, length);
    proto_rtsp_set_header(self, "Content-Type", content_type);
}

GString *
proto_rtsp_build(const ProtoRtspMsg *self)
{
    GString *out = g_string_sized_new(256 + self->body->len);

    if (self->method)
        g_string_append_printf(out, "%s %s RTSP/1.0\r\n", self->method, self->uri);
    else
        g_string_append_printf(out, "RTSP/1.0 %u %s\r\n", self->status, self->reason);
    for (guint i = 0; i < self->headers->len; i++) {
        const ProtoRtspHeader *header = g_ptr_array_index(self->headers, i);
        if (g_ascii_strcasecmp(header->name, "Content-Length") != 0)
            g_string_append_printf(out, "%s: %s\r\n", header->name, header->value);
    }
    if (self->body->len)
        g_string_append_printf(out, "Content-Length: %zu\r\n", self->body->len);
    g_string_append(out, "\r\n");
    g_string_append_len(out, self->body->str, (gssize)self->body->len);
    return out;
}

/* ---- parsing ---- */

static bool
is_token_char(char c)
{
    return g_ascii_isalnum(c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool
is_token(const char *text)
{
    if (!*text)
        return false;
    for (; *text; text++)
        if (!is_token_char(*text))
            return false;
    return true;
}

static bool
protocol_error(GError **error, const char *what)
{
    g_set_error(error, BASE_ERROR, BASE_ERROR_PROTOCOL, "RTSP: %s", what);
    return false;
}

static bool
parse_request_line(ProtoRtspMsg *self, const char *line, GError **error)
{
    g_auto(GStrv) part = g_strsplit(line, " ", 4);

    if (g_strv_length(part) != 3 || !is_token(part[0]) || !*part[1])
        return protocol_error(error, "malformed request line");
    if (strcmp(part[2], "RTSP/1.0") != 0)
        return protocol_error(error, "the version is not RTSP/1.0");
    if (strlen(part[0]) > 32)
        return protocol_error(error, "method name too long");
    self->method = g_strdup(part[0]);
    self->uri = g_strdup(part[1]);
    return true;
}

static bool
parse_status_line(ProtoRtspMsg *self, const char *line, GError **error)
{
    const char *code = line + strlen("RTSP/1.0 ");

    for (int i = 0; i < 3; i++)
        if (!g_ascii_isdigit(code[i]))
            return protocol_error(error, "malformed status line");
    if (code[0] < '1' || code[0] > '5' || (code[3] && code[3] != ' '))
        return protocol_error(error, "malformed status line");
    self->status = (unsigned)g_ascii_strtoull(code, NULL, 10);
    self->reason = g_strdup(code[3] ? code + 4 : "");
    return true;
}

static bool
parse_header_line(ProtoRtspMsg *self, const char *line, GError **error)
{
    const char *colon = strchr(line, ':');
    g_autofree char *name = colon ? g_strndup(line, (gsize)(colon - line)) : NULL;

    if (!name)
        return protocol_error(error, "header line without a colon");
    g_strchomp(name);
    if (!is_token(name))
        return protocol_error(error, "malformed header name");
    if (self->headers->len >= PROTO_RTSP_MAX_HEADERS) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_TOO_LARGE, "RTSP: more than %d headers",
                    PROTO_RTSP_MAX_HEADERS);
        return false;
    }
    add_header(self, g_steal_pointer(&name), g_strstrip(g_strdup(colon + 1)));
    return true;
}

static ProtoRtspMsg *
parse_head(const char *data, size_t length, GError **error)
{
    g_autofree char *head = g_strndup(data, length);
    g_auto(GStrv) line = NULL;
    g_autoptr(ProtoRtspMsg) self = msg_new();
    bool ok;

    if (strlen(head) != length) {
        protocol_error(error, "NUL in the head of the message");
        return NULL;
    }
    line = g_strsplit(head, "\n", -1);
    for (char **l = line; *l; l++)
        if (g_str_has_suffix(*l, "\r"))
            (*l)[strlen(*l) - 1] = '\0';
    ok = g_str_has_prefix(line[0], "RTSP/1.0 ") ? parse_status_line(self, line[0], error)
                                                : parse_request_line(self, line[0], error);
    for (char **l = line + 1; ok && *l; l++)
        ok = parse_header_line(self, *l, error);
    return ok ? g_steal_pointer(&self) : NULL;
}

/* The length that the message claims; nothing is allocated from it before the octets are here. */
static bool
content_length(const ProtoRtspMsg *self, size_t *ret_length, GError **error)
{
    const char *text = NULL;
    guint64 value = 0;

    for (guint i = 0; i < self->headers->len; i++) {
        const ProtoRtspHeader *header = g_ptr_array_index(self->headers, i);
        if (g_ascii_strcasecmp(header->name, "Content-Length") != 0)
            continue;
        if (text && strcmp(text, header->value) != 0)
            return protocol_error(error, "two different Content-Length headers");
        text = header->value;
    }
    if (text && !g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT32, &value, NULL))
        return protocol_error(error, "malformed Content-Length");
    if (value > PROTO_RTSP_MAX_BODY_BYTES) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_TOO_LARGE, "RTSP: body of more than %d octets",
                    PROTO_RTSP_MAX_BODY_BYTES);
        return false;
    }
    *ret_length = (size_t)value;
    return true;
}

/* Length of the head without its empty line and, in @ret_skip, that line; 0 if it is not complete. */
static size_t
find_head_end(const char *data, size_t length, size_t *ret_skip)
{
    for (size_t i = 0; i + 1 < length; i++) {
        if (data[i] != '\n')
            continue;
        if (data[i + 1] == '\n' || (i + 2 < length && data[i + 1] == '\r' && data[i + 2] == '\n')) {
            *ret_skip = data[i + 1] == '\n' ? 2 : 3;
            return i;
        }
    }
    return 0;
}

ProtoRtspResult
proto_rtsp_parse(
    const char *data, size_t length, ProtoRtspMsg **ret_message, size_t *ret_used, GError **error)
{
    g_autoptr(ProtoRtspMsg) message = NULL;
    size_t start = 0, skip = 0, head, body;

    while (start < length && (data[start] == '\r' || data[start] == '\n'))
        start++;
    data += start;
    length -= start;
    head = find_head_end(data, MIN(length, PROTO_RTSP_MAX_HEAD_BYTES), &skip);
    if (head == 0) {
        if (length >= PROTO_RTSP_MAX_HEAD_BYTES) {
            g_set_error(error, BASE_ERROR, BASE_ERROR_TOO_LARGE, "RTSP: head of more than %d octets",
                        PROTO_RTSP_MAX_HEAD_BYTES);
            return PROTO_RTSP_INVALID;
        }
        if (length && data[0] == '$') {
            protocol_error(error, "interleaved data on a control connection");
            return PROTO_RTSP_INVALID;
        }
        *ret_used = start;
        return PROTO_RTSP_INCOMPLETE;
    }
    message = parse_head(data, head, error);
    if (!message || !content_length(message, &body, error))
        return PROTO_RTSP_INVALID;
    if (length - head - skip < body) {
        *ret_used = start;
        return PROTO_RTSP_INCOMPLETE;
    }
    g_string_append_len(message->body, data + head + skip, (gssize)body);
    *ret_used = start + head + skip + body;
    *ret_message = g_steal_pointer(&message);
    return PROTO_RTSP_MESSAGE;
}
