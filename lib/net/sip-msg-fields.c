/* The typed accessors of NetSipMsg: what a header means, as far as several components ask for it. */
#include <string.h>

#include "lib/base/id.h"
#include "lib/net/sip-msg-private.h"
#include "lib/net/sip-text.h"

bool
net_sip_msg_has_token(const NetSipMsg *self, const char *name, const char *token)
{
    const char *value;
    size_t length = strlen(token);

    for (guint i = 0; (value = net_sip_msg_header(self, name, i)); i++)
        if (strcspn(value, "; \t") == length && g_ascii_strncasecmp(value, token, length) == 0)
            return true;

    return false;
}

uint32_t
net_sip_msg_number(const NetSipMsg *self, const char *name, uint32_t fallback)
{
    const char *value = net_sip_msg_header(self, name, 0);
    g_autofree char *digits = value ? g_strndup(value, strcspn(value, "; \t(")) : NULL;
    uint64_t number = 0;

    if (!digits || !net_sip_number(digits, G_MAXUINT32, &number))
        return fallback;

    return (uint32_t)number;
}

/* From the first ';' outside quotes and brackets. */
static const char *
params_of(const char *value)
{
    bool in_quotes = false, in_brackets = false;

    for (const char *c = value; *c; c++) {
        if (in_quotes) {
            if (*c == '\\' && c[1])
                c++;
            else if (*c == '"')
                in_quotes = false;
        } else if (*c == '"') {
            in_quotes = true;
        } else if (*c == '<' || *c == '>') {
            in_brackets = *c == '<';
        } else if (*c == ';' && !in_brackets) {
            return c;
        }
    }

    return "";
}

char *
net_sip_msg_header_param(const NetSipMsg *self, const char *name, guint nth, const char *param)
{
    const char *value = net_sip_msg_header(self, name, nth);
    NetSipParams *params;
    char *found = NULL;

    if (!value)
        return NULL;
    params = net_sip_params_new();
    if (net_sip_params_parse(params, params_of(value)))
        found = g_strdup(net_sip_params_get(params, param));
    net_sip_params_free(params);

    return found;
}

NetSipAddress *
net_sip_msg_address(const NetSipMsg *self, const char *name, guint nth)
{
    const char *value = net_sip_msg_header(self, name, nth);

    return value ? net_sip_address_parse(value, NULL) : NULL;
}

char *
net_sip_msg_address_uri(const NetSipMsg *self, const char *name, guint nth)
{
    g_autoptr(NetSipAddress) address = net_sip_msg_address(self, name, nth);

    return address ? net_sip_uri_to_string(net_sip_address_uri(address)) : NULL;
}

char *
net_sip_msg_aor(const NetSipMsg *self, const char *name)
{
    g_autoptr(NetSipAddress) address = net_sip_msg_address(self, name, 0);

    return address ? net_sip_uri_aor(net_sip_address_uri(address)) : NULL;
}

char *
net_sip_msg_user(const NetSipMsg *self, const char *name)
{
    g_autoptr(NetSipAddress) address = net_sip_msg_address(self, name, 0);

    return address ? g_strdup(net_sip_uri_user(net_sip_address_uri(address))) : NULL;
}

const char *
net_sip_msg_call_id(const NetSipMsg *self)
{
    const char *call_id = net_sip_msg_header(self, "Call-ID", 0);

    return call_id ? call_id : "";
}

uint32_t
net_sip_msg_cseq(const NetSipMsg *self)
{
    return net_sip_msg_number(self, "CSeq", 0);
}

static const char *
tag_of(const NetSipMsg *self, const char *name, NetSipMsgSlot slot)
{
    return net_sip_msg_lend(self, slot, net_sip_msg_header_param(self, name, 0, "tag"));
}

const char *
net_sip_msg_from_tag(const NetSipMsg *self)
{
    return tag_of(self, "From", NET_SIP_SLOT_FROM_TAG);
}

const char *
net_sip_msg_to_tag(const NetSipMsg *self)
{
    return tag_of(self, "To", NET_SIP_SLOT_TO_TAG);
}

void
net_sip_msg_set_to_tag(NetSipMsg *self, const char *tag)
{
    g_autoptr(NetSipAddress) to = net_sip_msg_address(self, "To", 0);
    g_autofree char *text = NULL;

    if (!to)
        return;
    net_sip_address_set_param(to, "tag", tag);
    text = net_sip_address_to_string(to);
    net_sip_msg_set(self, "To", text);
}

/* Spec: RFC 7989 5; upper case is taken, too, and made lower. */
const char *
net_sip_msg_session_id(const NetSipMsg *self)
{
    const char *value = net_sip_msg_header(self, "Session-ID", 0);
    char *uuid = value ? g_ascii_strdown(value, (gssize)strcspn(value, "; \t")) : NULL;

    if (uuid && !base_id_is_valid(uuid))
        g_clear_pointer(&uuid, g_free);

    return net_sip_msg_lend(self, NET_SIP_SLOT_SESSION_ID, uuid);
}

void
net_sip_msg_set_session_id(NetSipMsg *self, const char *uuid, bool both)
{
    static const char nil[] = "00000000000000000000000000000000";
    g_autofree char *value = g_strdup_printf("%s;remote=%s", uuid, both ? uuid : nil);

    net_sip_msg_set(self, "Session-ID", value);
}

const char *
net_sip_msg_content_type(const NetSipMsg *self)
{
    const char *value = net_sip_msg_header(self, "Content-Type", 0);

    return net_sip_msg_lend(self, NET_SIP_SLOT_CONTENT_TYPE,
                            value ? g_ascii_strdown(value, (gssize)strcspn(value, "; \t")) : NULL);
}

bool
net_sip_msg_has_content_type(const NetSipMsg *self, const char *type)
{
    const char *have = net_sip_msg_content_type(self);

    return have && g_ascii_strcasecmp(have, type) == 0;
}
