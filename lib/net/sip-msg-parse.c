/* Bytes to NetSipMsg, strictly: libosip2 takes messages without Via and ten of RFC 4475's invalid ones, and
 * refuses a valid one, so lines and lists are split here and it is asked for URIs only. */
#include <string.h>

#include "lib/base/error.h"
#include "lib/net/sip-msg-private.h"
#include "lib/net/sip-names.h"
#include "lib/net/sip-text.h"
#include "lib/net/sip-via.h"

#define MAX_CSEQ 0x7fffffffu

typedef struct {
    NetSipMsg *msg;
    const char *head; /* as given */
    size_t head_length;
    bool lenient; /* salvage: keep what can be read */
    int status;
    const char *problem;
    const char *about; /* header name, may be NULL */
} Parser;

static bool
refuse(Parser *self, int status, const char *problem, const char *about)
{
    if (!self->problem) {
        self->status = status;
        self->problem = problem;
        self->about = about;
    }

    return false;
}

/* --- Start line ------------------------------------------------------------------------------ */

static bool
take_status_line(Parser *self, const char *line)
{
    uint64_t status = 0;
    g_autofree char *digits = g_strndup(line + 8, strcspn(line + 8, " "));
    const char *reason = line + 8 + strlen(digits);

    if (strlen(digits) != 3 || !net_sip_number(digits, 699, &status) || status < 100)
        return refuse(self, 400, "bad status line", NULL);
    if (*reason == ' ')
        reason++;
    net_sip_msg_set_start_line(self->msg, NULL, NULL, (int)status, reason);

    return true;
}

static bool
take_request_line(Parser *self, const char *line)
{
    g_auto(GStrv) parts = g_strsplit(line, " ", 5);
    g_autoptr(NetSipUri) uri = NULL;

    if (g_strv_length(parts) != 3 || !net_sip_is_token(parts[0], strlen(parts[0])))
        return refuse(self, 400, "bad request line", NULL);
    net_sip_msg_set_start_line(self->msg, parts[0], parts[1], 0, NULL);
    if (g_ascii_strncasecmp(parts[2], "SIP/", 4) != 0)
        return refuse(self, 400, "bad request line", NULL);
    if (g_ascii_strcasecmp(parts[2], "SIP/2.0") != 0)
        return refuse(self, 505, "unknown SIP version", NULL);
    uri = net_sip_uri_parse(parts[1], NULL);
    if (!uri)
        return refuse(self, 400, "bad Request-URI", NULL);

    return true;
}

static bool
take_start_line(Parser *self, const char *line)
{
    if (g_ascii_strncasecmp(line, "SIP/2.0 ", 8) == 0)
        return take_status_line(self, line);

    return take_request_line(self, line);
}

/* --- Header lines ---------------------------------------------------------------------------- */

static bool
add_header(Parser *self, const char *name, const char *value)
{
    if (net_sip_msg_header_total(self->msg) >= NET_SIP_MAX_HEADERS)
        return refuse(self, 513, "too many headers", NULL);
    net_sip_msg_add(self->msg, name, value);

    return true;
}

static bool
add_list(Parser *self, const NetSipHeaderInfo *info, const char *value)
{
    const char *c = value;

    if (!value[0] && info->kind == NET_SIP_HEADER_TOKENS)
        return add_header(self, info->name, ""); /* "Supported:" says "nothing" */
    for (;;) {
        const char *end = net_sip_element_end(c);
        g_autofree char *element = end ? net_sip_strip(c, (gsize)(end - c)) : NULL;

        if (!element || (!element[0] && info->kind == NET_SIP_HEADER_ADDRESSES))
            return refuse(self, 400, "malformed list in", info->name);
        if (element[0] && !add_header(self, info->name, element))
            return false;
        if (!*end)
            return true;
        c = end + 1;
    }
}

/* No control characters but tabs and what a backslash escapes (RFC 4475 3.1.1.2). */
static bool
is_clean(const char *text)
{
    for (const char *c = text; *c; c++) {
        if (*c == '\\' && c[1] && c[1] != '\r' && c[1] != '\n')
            c++;
        else if (((guint8)*c < ' ' && *c != '\t') || *c == 0x7f)
            return false;
    }

    return true;
}

static bool
take_header(Parser *self, const char *line)
{
    const char *colon = strchr(line, ':');
    g_autofree char *name = colon ? net_sip_strip(line, (gsize)(colon - line)) : NULL;
    g_autofree char *value = colon ? net_sip_strip(colon + 1, strlen(colon + 1)) : NULL;
    const NetSipHeaderInfo *info;

    if (!name || !net_sip_is_token(line, strlen(name)) || strlen(name) > 128 || !is_clean(value))
        return refuse(self, 400, "malformed header line", NULL);
    info = net_sip_header_info(name);
    if (!info || info->kind == NET_SIP_HEADER_ANY)
        return add_header(self, name, value);
    if (info->kind != NET_SIP_HEADER_SINGLE)
        return add_list(self, info, value);
    if (net_sip_msg_header(self->msg, info->name, 0))
        return refuse(self, 400, "repeated", info->name);

    return add_header(self, info->name, value);
}

/* One logical line: folded lines are joined by one space. Returns the start of the next line. */
static const char *
take_line(const char *c, const char *end, GString *ret_line)
{
    g_string_truncate(ret_line, 0);
    do {
        const char *eol = g_strstr_len(c, end - c, "\r\n");

        if (!eol)
            eol = end;
        while (ret_line->len > 0 && c < eol && (*c == ' ' || *c == '\t'))
            c++;
        if (ret_line->len > 0)
            g_string_append_c(ret_line, ' ');
        g_string_append_len(ret_line, c, eol - c);
        c = MIN(eol + 2, end);
    } while (c < end && (*c == ' ' || *c == '\t'));

    return c;
}

static bool
take_head(Parser *self)
{
    const char *end = self->head + self->head_length;
    g_autoptr(GString) line = g_string_new(NULL);
    const char *eol = g_strstr_len(self->head, (gssize)self->head_length, "\r\n");
    const char *c = eol ? eol + 2 : end;
    bool ok;

    g_string_append_len(line, self->head, (eol ? eol : end) - self->head);
    ok = is_clean(line->str) ? take_start_line(self, line->str) : refuse(self, 400, "bad start line", NULL);
    while (c < end && (ok || self->lenient)) {
        c = take_line(c, end, line);
        ok = take_header(self, line->str) && ok;
    }

    return ok;
}

/* --- What a message must have ---------------------------------------------------------------- */

static bool
check_via(Parser *self)
{
    const char *via = net_sip_msg_header(self->msg, "Via", 0);

    if (!via)
        return refuse(self, 400, "missing", "Via");
    for (guint i = 0; (via = net_sip_msg_header(self->msg, "Via", i)); i++) {
        g_autoptr(NetSipVia) parsed = net_sip_via_parse(via);

        if (!parsed)
            return refuse(self, 400, "malformed", "Via");
    }

    return true;
}

static bool
check_addresses(Parser *self, const char *name, bool star)
{
    const char *value;

    for (guint i = 0; (value = net_sip_msg_header(self->msg, name, i)); i++) {
        g_autoptr(NetSipAddress) address = net_sip_address_parse(value, NULL);

        if (!address && !(star && strcmp(value, "*") == 0))
            return refuse(self, 400, "malformed", name);
    }

    return true;
}

static bool
check_cseq(Parser *self)
{
    const char *cseq = net_sip_msg_header(self->msg, "CSeq", 0);
    size_t digits = cseq ? strcspn(cseq, " \t") : 0;
    g_autofree char *number = cseq ? g_strndup(cseq, digits) : NULL;
    const char *method = cseq ? cseq + digits + strspn(cseq + digits, " \t") : "";
    uint64_t value = 0;

    if (!cseq)
        return refuse(self, 400, "missing", "CSeq");
    if (!net_sip_number(number, MAX_CSEQ, &value) || !net_sip_is_token(method, strlen(method)))
        return refuse(self, 400, "malformed", "CSeq");
    if (net_sip_msg_is_request(self->msg) && !net_sip_msg_is_method(self->msg, method))
        return refuse(self, 400, "the method differs in", "CSeq");

    return true;
}

static bool
check_number(Parser *self, const char *name, uint64_t max)
{
    const char *value = net_sip_msg_header(self->msg, name, 0);
    uint64_t number = 0;

    if (value && !net_sip_number(value, max, &number))
        return refuse(self, 400, "malformed", name);

    return true;
}

static bool
check_call_id(Parser *self)
{
    const char *call_id = net_sip_msg_header(self->msg, "Call-ID", 0);

    if (!call_id || !call_id[0] || strpbrk(call_id, " \t"))
        return refuse(self, 400, "missing or malformed", "Call-ID");

    return true;
}

static bool
check(Parser *self)
{
    if (!net_sip_msg_header(self->msg, "From", 0) || !net_sip_msg_header(self->msg, "To", 0))
        return refuse(self, 400, "missing", "From or To");

    return check_via(self) && check_addresses(self, "From", false) && check_addresses(self, "To", false) &&
           check_call_id(self) && check_cseq(self) && check_number(self, "Max-Forwards", 255) &&
           check_addresses(self, "Contact", true) && check_addresses(self, "Route", false) &&
           check_addresses(self, "Record-Route", false) && check_addresses(self, "Path", false);
}

/* --- Body ------------------------------------------------------------------------------------ */

static bool
take_body(Parser *self, const char *body, size_t available)
{
    const char *text = net_sip_msg_header(self->msg, "Content-Length", 0);
    uint64_t length = available;

    if (text && !net_sip_number(text, G_MAXUINT32, &length))
        return refuse(self, 400, "malformed", "Content-Length");
    if (length > NET_SIP_MAX_BODY_BYTES)
        return refuse(self, 413, "body too large", NULL);
    if (length > available)
        return refuse(self, 400, "body is shorter than", "Content-Length");
    net_sip_msg_set_raw_body(self->msg, body, (size_t)length);
    if (text)
        net_sip_msg_remove(self->msg, "Content-Length");

    return true;
}

/* --- Entry points ---------------------------------------------------------------------------- */

static size_t
skip_keepalive(const char **data, size_t length)
{
    while (length > 0 && (**data == '\r' || **data == '\n')) {
        (*data)++;
        length--;
    }

    return length;
}

static bool
parse(Parser *self, const char *data, size_t length)
{
    const char *blank = g_strstr_len(data, (gssize)MIN(length, NET_SIP_MAX_HEAD_BYTES), "\r\n\r\n");

    if (!blank)
        return refuse(self, length > NET_SIP_MAX_HEAD_BYTES ? 513 : 400, "no end of headers", NULL);
    self->head = data;
    self->head_length = (size_t)(blank - data) + 2;
    if (memchr(data, '\0', self->head_length))
        return refuse(self, 400, "NUL byte in headers", NULL);

    return take_head(self) && check(self) && take_body(self, blank + 4, length - (size_t)(blank + 4 - data));
}

NetSipMsg *
net_sip_msg_parse(const char *data, size_t length, int *ret_status, GError **error)
{
    Parser self = {.msg = net_sip_msg_alloc()};

    length = skip_keepalive(&data, length);
    if (parse(&self, data, length))
        return self.msg;
    net_sip_msg_free(self.msg);
    if (ret_status)
        *ret_status = self.status;
    g_set_error(error, BASE_ERROR,
                self.status == 413 || self.status == 513 ? BASE_ERROR_TOO_LARGE : BASE_ERROR_PROTOCOL,
                "SIP message refused: %s%s%s", self.problem, self.about ? " " : "",
                self.about ? self.about : "");

    return NULL;
}

NetSipMsg *
net_sip_msg_salvage(const char *data, size_t length)
{
    Parser self = {.msg = net_sip_msg_alloc(), .lenient = true};
    g_autoptr(NetSipMsg) msg = self.msg;
    const char *blank;
    bool answerable;

    length = skip_keepalive(&data, length);
    blank = g_strstr_len(data, (gssize)MIN(length, NET_SIP_MAX_HEAD_BYTES), "\r\n\r\n");
    self.head = data;
    self.head_length = blank ? (size_t)(blank - data) + 2 : MIN(length, NET_SIP_MAX_HEAD_BYTES);
    if (memchr(data, '\0', self.head_length))
        return NULL;
    take_head(&self);
    answerable = net_sip_msg_request_uri(msg) && !net_sip_msg_is_method(msg, "ACK") && check_via(&self) &&
                 net_sip_msg_header(msg, "From", 0) && net_sip_msg_header(msg, "To", 0) &&
                 net_sip_msg_header(msg, "Call-ID", 0) && net_sip_msg_header(msg, "CSeq", 0);

    return answerable ? g_steal_pointer(&msg) : NULL;
}
