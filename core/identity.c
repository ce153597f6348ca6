#include "core/identity.h"

#include <string.h>

#include "lib/base/id.h"

#define MARK_USER "iscmark"

static void
remove_all(NetSipMsg *request, const char *const *names, guint n)
{
    for (guint i = 0; i < n; i++)
        net_sip_msg_remove(request, names[i]);
}

static void
start_charging(NetSipMsg *request, const char *host, const char *home_domain)
{
    g_autofree char *icid = base_id_new();

    net_sip_msg_add_printf(request, "P-Charging-Vector", "icid-value=%s;icid-generated-at=%s;orig-ioi=%s",
                           icid, host, home_domain);
}

void
core_identity_assert(NetSipMsg *request, const char *impu, const char *host, const char *home_domain)
{
    static const char *const not_theirs[] = {
        "P-Asserted-Identity", "P-Preferred-Identity", "P-Charging-Vector", "P-Charging-Function-Addresses",
        "P-Served-User",       "P-Called-Party-ID",    "P-Associated-URI",  "P-Visited-Network-ID"};

    remove_all(request, not_theirs, G_N_ELEMENTS(not_theirs));
    net_sip_msg_add_printf(request, "P-Asserted-Identity", "<%s>", impu);
    start_charging(request, host, home_domain);
}

void
core_identity_trust(NetSipMsg *request, const char *host, const char *home_domain)
{
    net_sip_msg_remove(request, "P-Served-User");
    if (!net_sip_msg_header(request, "P-Charging-Vector", 0))
        start_charging(request, host, home_domain);
}

char *
core_identity_of(const NetSipMsg *request)
{
    return net_sip_msg_aor(request, "P-Asserted-Identity");
}

/* --- Dialog identifier ----------------------------------------------------------------------- */

char *
core_mark_build(const CoreMark *mark, const char *our_uri)
{
    GString *out = g_string_new(NULL);

    g_string_append_printf(out, "<%s;s=%d;h=0;d=%d;a=", our_uri, mark->skip, mark->direction);
    for (const char *c = mark->served; *c; c++)
        g_string_append_printf(out, "%02x", (guint8)*c);
    g_string_append_c(out, '>');

    return g_string_free(out, FALSE);
}

static char *
from_hex(const char *hex)
{
    size_t length = strlen(hex);
    GString *out;

    if (length == 0 || length % 2 != 0 || length > 1024 || strspn(hex, "0123456789abcdefABCDEF") != length)
        return NULL;
    out = g_string_new(NULL);
    for (size_t i = 0; i < length; i += 2)
        g_string_append_c(out, (char)(g_ascii_xdigit_value(hex[i]) * 16 + g_ascii_xdigit_value(hex[i + 1])));

    return g_string_free(out, FALSE);
}

bool
core_mark_parse(const NetSipUri *uri, CoreMark *ret_mark)
{
    const char *skip = net_sip_uri_param(uri, "s");
    const char *direction = net_sip_uri_param(uri, "d");
    const char *served = net_sip_uri_param(uri, "a");
    guint64 s = 0, d = 0;
    char *user;

    if (g_strcmp0(net_sip_uri_user(uri), MARK_USER) != 0 || !skip || !direction || !served)
        return false;
    if (!g_ascii_string_to_unsigned(skip, 10, 0, 1000, &s, NULL) ||
        !g_ascii_string_to_unsigned(direction, 10, 0, 2, &d, NULL))
        return false;
    user = from_hex(served);
    if (!user || !g_utf8_validate(user, -1, NULL)) {
        g_free(user);
        return false;
    }
    *ret_mark = (CoreMark){.skip = (int)s, .direction = (int)d, .served = user};

    return true;
}
