/* SIP as a stranger may send it: framing, parsing, what handlers ask of a message, and its way back to bytes.
 */
#include <glib.h>
#include <stdint.h>
#include <string.h>

#include "lib/net/sip-framing.h"
#include "lib/net/sip-msg.h"
#include "lib/net/sip-via.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
ask(const NetSipMsg *msg)
{
    static const char *const names[] = {
        "From", "To", "Contact", "Route", "Record-Route", "P-Asserted-Identity", "Event"};

    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *uri = net_sip_msg_address_uri(msg, names[i], 0);
        g_autofree char *aor = net_sip_msg_aor(msg, names[i]);
        g_autofree char *user = net_sip_msg_user(msg, names[i]);
        g_autofree char *param = net_sip_msg_header_param(msg, names[i], 0, "expires");

        (void)aor, (void)user, (void)param;
        /* What we write we must be able to read. */
        if (uri) {
            g_autoptr(NetSipUri) again = net_sip_uri_parse(uri, NULL);

            g_assert_nonnull(again);
        }
    }
    net_sip_msg_from_tag(msg);
    net_sip_msg_to_tag(msg);
    net_sip_msg_session_id(msg);
    net_sip_msg_content_type(msg);
    net_sip_msg_number(msg, "Expires", 0);
    net_sip_msg_has_token(msg, "Supported", "timer");
}

static void
mark(const NetSipMsg *msg)
{
    g_autofree char *marked = net_sip_via_mark(net_sip_msg_header(msg, "Via", 0), "192.0.2.1", 5060);
    g_autoptr(NetSipVia) via = net_sip_via_parse(marked);

    g_assert_nonnull(via);
}

static void
write_and_read(const NetSipMsg *msg)
{
    g_autoptr(GBytes) bytes = net_sip_msg_to_bytes(msg);
    g_autoptr(NetSipMsg) again = NULL;
    g_autoptr(GError) error = NULL;
    int status = 0;
    gsize length = 0;
    const char *text = g_bytes_get_data(bytes, &length);

    again = net_sip_msg_parse(text, length, &status, &error);
    /* Long form and line breaks may make it too long. */
    g_assert_true(again || status == 513);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(NetSipMsg) msg = net_sip_msg_parse((const char *)data, size, NULL, NULL);
    g_autoptr(NetSipMsg) partial = msg ? NULL : net_sip_msg_salvage((const char *)data, size);
    size_t length = 0;
    int status = 0;

    if (net_sip_frame_next((const char *)data, size, &length, &status) != NET_SIP_FRAME_NEED_MORE)
        g_assert_cmpuint(length, <=, size);
    if (partial) {
        g_autoptr(NetSipMsg) refusal = net_sip_msg_new_response(partial, 400, NULL);
        g_autoptr(GBytes) bytes = net_sip_msg_to_bytes(refusal);

        g_assert_nonnull(bytes);
    }
    if (msg) {
        ask(msg);
        mark(msg);
        write_and_read(msg);
    }
    return 0;
}
