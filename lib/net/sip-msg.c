#include "lib/net/sip-msg.h"

#include <string.h>

#include "lib/net/sip-msg-private.h"
#include "lib/net/sip-names.h"
#include "lib/net/sip-text.h"

typedef struct {
    char *name;
    char *value;
    const NetSipHeaderInfo *info; /* NULL: unknown name */
} Header;

struct NetSipMsg {
    char *method; /* of a response: from CSeq, filled on demand */
    char *request_uri;
    int status;
    char *reason;
    GArray *headers; /* Header, in order */
    char *body;
    size_t body_length;
    const char *reference_point; /* interned */
    /* Lent to callers, renewed when asked for again. */
    char *from_tag, *to_tag, *session_id, *content_type;
};

/* --- Foreign text ---------------------------------------------------------------------------- */

/* Foreign text may come from elsewhere than a parsed message: it must not begin a line of its own. */
static char *
one_line(const char *value)
{
    return g_strdelimit(g_strdup(value), "\r\n", ' ');
}

static char *
one_word(const char *uri)
{
    return g_strdelimit(g_strdup(uri), " \t\r\n", '_');
}

/* --- Lifecycle ------------------------------------------------------------------------------- */

static void
header_clear(gpointer data)
{
    Header *header = data;

    g_free(header->name);
    g_free(header->value);
}

NetSipMsg *
net_sip_msg_alloc(void)
{
    NetSipMsg *self = g_new0(NetSipMsg, 1);

    self->headers = g_array_sized_new(FALSE, FALSE, sizeof(Header), 24);
    g_array_set_clear_func(self->headers, header_clear);
    self->body = g_strdup("");

    return self;
}

void
net_sip_msg_free(NetSipMsg *self)
{
    if (!self)
        return;
    g_free(self->method);
    g_free(self->request_uri);
    g_free(self->reason);
    g_array_unref(self->headers);
    g_free(self->body);
    g_free(self->from_tag);
    g_free(self->to_tag);
    g_free(self->session_id);
    g_free(self->content_type);
    g_free(self);
}

NetSipMsg *
net_sip_msg_new_request(const char *method, const char *request_uri)
{
    NetSipMsg *self = net_sip_msg_alloc();

    net_sip_msg_set_start_line(self, method, request_uri, 0, NULL);

    return self;
}

static bool
makes_dialog(const NetSipMsg *request)
{
    return net_sip_msg_is_method(request, "INVITE") || net_sip_msg_is_method(request, "SUBSCRIBE") ||
           net_sip_msg_is_method(request, "REFER");
}

NetSipMsg *
net_sip_msg_new_response(const NetSipMsg *request, int status, const char *reason)
{
    static const char *const always[] = {"Via", "From", "To", "Call-ID", "CSeq"};
    NetSipMsg *self = net_sip_msg_alloc();

    net_sip_msg_set_start_line(self, NULL, NULL, status, reason ? reason : net_sip_reason(status));
    for (guint i = 0; i < G_N_ELEMENTS(always); i++)
        net_sip_msg_copy_header(self, request, always[i]);
    if (net_sip_msg_session_id(request))
        net_sip_msg_set_session_id(self, net_sip_msg_session_id(request), true);
    if (status == 100)
        net_sip_msg_copy_header(self, request, "Timestamp");
    if (status > 100 && status < 300 && makes_dialog(request))
        net_sip_msg_copy_header(self, request, "Record-Route");
    self->reference_point = request->reference_point;

    return self;
}

NetSipMsg *
net_sip_msg_copy(const NetSipMsg *self)
{
    NetSipMsg *copy = net_sip_msg_alloc();

    net_sip_msg_set_start_line(copy, self->request_uri ? self->method : NULL, self->request_uri, self->status,
                               self->reason);
    for (guint i = 0; i < self->headers->len; i++) {
        const Header *header = &g_array_index(self->headers, Header, i);
        Header twin = {g_strdup(header->name), g_strdup(header->value), header->info};

        g_array_append_val(copy->headers, twin);
    }
    net_sip_msg_set_raw_body(copy, self->body, self->body_length);
    copy->reference_point = self->reference_point;

    return copy;
}

/* --- Start line ------------------------------------------------------------------------------ */

void
net_sip_msg_set_start_line(
    NetSipMsg *self, const char *method, const char *uri, int status, const char *reason)
{
    g_free(self->method);
    g_free(self->request_uri);
    g_free(self->reason);
    self->method = g_strdup(method);
    self->request_uri = uri ? one_word(uri) : NULL;
    self->status = status;
    self->reason = reason ? one_line(reason) : NULL;
}

bool
net_sip_msg_is_request(const NetSipMsg *self)
{
    return self->status == 0;
}

const char *
net_sip_msg_method(const NetSipMsg *self)
{
    if (!self->method) {
        const char *cseq = net_sip_msg_header(self, "CSeq", 0);
        const char *end = cseq ? cseq + strcspn(cseq, " \t") : "";

        ((NetSipMsg *)self)->method = g_strdup(end + strspn(end, " \t"));
    }

    return self->method;
}

bool
net_sip_msg_is_method(const NetSipMsg *self, const char *method)
{
    return strcmp(net_sip_msg_method(self), method) == 0;
}

const char *
net_sip_msg_request_uri(const NetSipMsg *self)
{
    return self->request_uri;
}

void
net_sip_msg_set_request_uri(NetSipMsg *self, const char *uri)
{
    char *fresh = one_word(uri);

    g_free(self->request_uri);
    self->request_uri = fresh;
}

int
net_sip_msg_status(const NetSipMsg *self)
{
    return self->status;
}

const char *
net_sip_msg_reason(const NetSipMsg *self)
{
    return self->reason ? self->reason : "";
}

char *
net_sip_msg_summary(const NetSipMsg *self)
{
    if (net_sip_msg_is_request(self))
        return g_strdup_printf("%s %s SIP/2.0", self->method, self->request_uri);

    return g_strdup_printf("SIP/2.0 %d %s", self->status, net_sip_msg_reason(self));
}

/* --- Headers --------------------------------------------------------------------------------- */

static const char *
long_name(const char *name)
{
    const NetSipHeaderInfo *info = name[0] && name[1] == '\0' ? net_sip_header_info(name) : NULL;

    return info ? info->name : name;
}

/* Where the nth element of that name stands; the number of headers if there is none. */
static guint
position(const NetSipMsg *self, const char *name, guint nth)
{
    guint i;

    name = long_name(name);
    for (i = 0; i < self->headers->len; i++)
        if (g_ascii_strcasecmp(g_array_index(self->headers, Header, i).name, name) == 0 && nth-- == 0)
            break;

    return i;
}

static void
insert(NetSipMsg *self, guint at, const char *name, const char *value)
{
    const NetSipHeaderInfo *info = net_sip_header_info(name);
    Header header = {g_strdup(info ? info->name : name), one_line(value), info};

    g_array_insert_val(self->headers, at, header);
}

const char *
net_sip_msg_header(const NetSipMsg *self, const char *name, guint nth)
{
    guint at = position(self, name, nth);

    return at < self->headers->len ? g_array_index(self->headers, Header, at).value : NULL;
}

guint
net_sip_msg_header_total(const NetSipMsg *self)
{
    return self->headers->len;
}

guint
net_sip_msg_header_count(const NetSipMsg *self, const char *name)
{
    guint count = 0;

    name = long_name(name);
    for (guint i = 0; i < self->headers->len; i++)
        if (g_ascii_strcasecmp(g_array_index(self->headers, Header, i).name, name) == 0)
            count++;

    return count;
}

void
net_sip_msg_add(NetSipMsg *self, const char *name, const char *value)
{
    insert(self, self->headers->len, name, value);
}

void
net_sip_msg_add_printf(NetSipMsg *self, const char *name, const char *format, ...)
{
    g_autofree char *value = NULL;
    va_list args;

    va_start(args, format);
    value = g_strdup_vprintf(format, args);
    va_end(args);
    net_sip_msg_add(self, name, value);
}

void
net_sip_msg_prepend(NetSipMsg *self, const char *name, const char *value)
{
    guint at = position(self, name, 0);

    insert(self, at < self->headers->len ? at : 0, name, value);
}

void
net_sip_msg_set(NetSipMsg *self, const char *name, const char *value)
{
    g_autofree char *kept = g_strdup(value); /* may be one of those that go */
    guint at = position(self, name, 0);

    net_sip_msg_remove(self, name);
    insert(self, MIN(at, self->headers->len), name, kept);
}

void
net_sip_msg_set_nth(NetSipMsg *self, const char *name, guint nth, const char *value)
{
    guint at = position(self, name, nth);
    Header *header;
    char *fresh;

    if (at >= self->headers->len)
        return;
    header = &g_array_index(self->headers, Header, at);
    fresh = one_line(value);
    g_free(header->value);
    header->value = fresh;
}

void
net_sip_msg_remove(NetSipMsg *self, const char *name)
{
    name = long_name(name);
    for (guint i = self->headers->len; i-- > 0;)
        if (g_ascii_strcasecmp(g_array_index(self->headers, Header, i).name, name) == 0)
            g_array_remove_index(self->headers, i);
}

void
net_sip_msg_remove_nth(NetSipMsg *self, const char *name, guint nth)
{
    guint at = position(self, name, nth);

    if (at < self->headers->len)
        g_array_remove_index(self->headers, at);
}

void
net_sip_msg_copy_header(NetSipMsg *self, const NetSipMsg *from, const char *name)
{
    const char *value;

    for (guint i = 0; (value = net_sip_msg_header(from, name, i)); i++)
        net_sip_msg_add(self, name, value);
}

/* --- Body ------------------------------------------------------------------------------------ */

const char *
net_sip_msg_body(const NetSipMsg *self, size_t *ret_length)
{
    if (ret_length)
        *ret_length = self->body_length;

    return self->body;
}

void
net_sip_msg_set_raw_body(NetSipMsg *self, const char *body, size_t length)
{
    char *fresh = g_malloc(length + 1);

    if (length > 0)
        memcpy(fresh, body, length);
    fresh[length] = '\0';
    g_free(self->body);
    self->body = fresh;
    self->body_length = length;
}

void
net_sip_msg_set_body(NetSipMsg *self, const char *content_type, const char *body, gssize length)
{
    if (!content_type) {
        net_sip_msg_remove(self, "Content-Type");
        net_sip_msg_set_raw_body(self, "", 0);
        return;
    }
    net_sip_msg_set(self, "Content-Type", content_type);
    net_sip_msg_set_raw_body(self, body, length < 0 ? strlen(body) : (size_t)length);
}

/* --- Writing --------------------------------------------------------------------------------- */

static bool
continues_line(const Header *header, const Header *before)
{
    return before && header->info && header->info->kind == NET_SIP_HEADER_TOKENS &&
           header->info == before->info && before->value[0] && header->value[0];
}

static void
append_headers(const NetSipMsg *self, GString *out)
{
    const Header *before = NULL;

    for (guint i = 0; i < self->headers->len; i++) {
        const Header *header = &g_array_index(self->headers, Header, i);

        if (header->info && strcmp(header->info->name, "Content-Length") == 0)
            continue;
        if (continues_line(header, before))
            g_string_append(out, ", ");
        else
            g_string_append_printf(out, "%s%s: ", before ? "\r\n" : "", header->name);
        g_string_append(out, header->value);
        before = header;
    }
    if (before)
        g_string_append(out, "\r\n");
}

GBytes *
net_sip_msg_to_bytes(const NetSipMsg *self)
{
    GString *out = g_string_sized_new(1024 + self->body_length);
    g_autofree char *summary = net_sip_msg_summary(self);

    g_string_append_printf(out, "%s\r\n", summary);
    append_headers(self, out);
    g_string_append_printf(out, "Content-Length: %zu\r\n\r\n", self->body_length);
    g_string_append_len(out, self->body, (gssize)self->body_length);

    return g_string_free_to_bytes(out);
}

void
net_sip_msg_set_reference_point(NetSipMsg *self, const char *reference_point)
{
    self->reference_point = g_intern_string(reference_point);
}

const char *
net_sip_msg_reference_point(const NetSipMsg *self)
{
    return self->reference_point;
}

/* --- Lent values that need room -------------------------------------------------------------- */

const char *
net_sip_msg_lend(const NetSipMsg *self, NetSipMsgSlot slot, char *value)
{
    NetSipMsg *writable = (NetSipMsg *)self;
    char **slots[] = {&writable->from_tag, &writable->to_tag, &writable->session_id, &writable->content_type};
    char **at = slots[slot];

    if (g_strcmp0(*at, value) == 0) {
        g_free(value);
        return *at;
    }
    g_free(*at);
    *at = value;

    return value;
}
