#include "sgw/gm-build.h"

#include <string.h>

#include "lib/base/error.h"

static const SgwSettings settings = {
    .home_domain = "imstv.test",
    .pcscf_host = "192.0.2.1",
    .pcscf_port = 5060,
    .gm_transport = NET_SIP_TCP,
    .register_expires_s = 600,
    .sdf_psi = "iptv-sdf",
    .bc_psi = "iptv-bc",
    .content_prefix = "iptv-",
};

static void
test_users(void)
{
    static const char *const bad[] = {
        NULL, "", "demo", "@imstv.test", "a b@imstv.test", "<x>@imstv.test", "a\"@imstv.test"};
    g_autoptr(GError) error = NULL;
    g_autoptr(SgwGmIdentity) identity = sgw_gm_identity_new(&settings, "demo@IMSTV.test", &error);

    g_assert_no_error(error);
    g_assert_cmpstr(identity->impi, ==, "demo@imstv.test");
    g_assert_cmpstr(identity->impu, ==, "sip:demo@imstv.test");
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) fault = NULL;
        g_assert_null(sgw_gm_identity_new(&settings, bad[i], &fault));
        g_assert_error(fault, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT);
    }
    g_assert_null(sgw_gm_identity_new(&settings, "demo@elsewhere.test", &error));
    g_assert_error(error, BASE_ERROR, BASE_ERROR_FORBIDDEN);
}

/* Spec: TS 24.229 5.1.1.2. */
static void
test_register(void)
{
    g_autoptr(SgwGmIdentity) identity = sgw_gm_identity_new(&settings, "demo@imstv.test", NULL);
    g_autoptr(NetSipMsg) request =
        sgw_gm_build_register(&settings, identity, "sip:demo@192.0.2.9:4711;transport=tcp", "call-1", 7, 600);

    g_assert_cmpstr(net_sip_msg_request_uri(request), ==, "sip:imstv.test");
    g_assert_cmpuint(net_sip_msg_cseq(request), ==, 7);
    g_assert_true(net_sip_msg_has_token(request, "Supported", "path"));
    g_assert_nonnull(strstr(net_sip_msg_header(request, "Authorization", 0), "username=\"demo@imstv.test\""));
    g_assert_nonnull(strstr(net_sip_msg_header(request, "Authorization", 0), "nonce=\"\""));
    g_assert_cmpuint(net_sip_msg_number(request, "Expires", 0), ==, 600);
    g_assert_null(net_sip_msg_header(request, "Route", 0));
}

static void
test_learns_from_200(void)
{
    g_autoptr(SgwGmIdentity) identity = sgw_gm_identity_new(&settings, "demo@imstv.test", NULL);
    g_autoptr(NetSipMsg) request =
        sgw_gm_build_register(&settings, identity, "sip:demo@192.0.2.9", "call-1", 1, 600);
    g_autoptr(NetSipMsg) response = net_sip_msg_new_response(request, 200, NULL);
    g_autoptr(NetSipMsg) invite = NULL;

    net_sip_msg_add(response, "Service-Route", "<sip:orig@192.0.2.2;lr>");
    net_sip_msg_add(response, "P-Associated-URI", "<sip:family@imstv.test>");
    net_sip_msg_add(response, "P-Associated-URI", "<tel:+4930>");
    sgw_gm_identity_learn(identity, response);
    g_assert_cmpstr(identity->impu, ==, "sip:family@imstv.test");

    invite = sgw_gm_build_invite(&settings, identity, "sip:iptv-bc@imstv.test",
                                 "0123456789abcdef0123456789abcdef", "v=0\r\n");
    g_assert_cmpstr(net_sip_msg_header(invite, "Route", 0), ==, "<sip:192.0.2.1:5060;transport=tcp;lr>");
    g_assert_cmpstr(net_sip_msg_header(invite, "Route", 1), ==, "<sip:orig@192.0.2.2;lr>");
    g_assert_cmpstr(net_sip_msg_session_id(invite), ==, "0123456789abcdef0123456789abcdef");
    g_assert_nonnull(strstr(net_sip_msg_header(invite, "P-Preferred-Identity", 0), "family"));
}

static void
test_content_uris(void)
{
    static const struct {
        const char *id, *uri;
    } good[] = {
        {"heron", "sip:iptv-heron@imstv.test"},
        {"studio.example.net/heron#hd", "sip:iptv-studio.example.net/heron%23hd@imstv.test"},
        {"a@b:c%d", "sip:iptv-a%40b%3Ac%25d@imstv.test"},
    };
    static const char *const bad[] = {"", "a b", "a\r\nb", "\xc3\xa9"};
    g_autofree char *broadcast = sgw_gm_broadcast_uri(&settings);

    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        g_autofree char *uri = sgw_gm_content_uri(&settings, good[i].id, NULL);
        g_assert_cmpstr(uri, ==, good[i].uri);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(sgw_gm_content_uri(&settings, bad[i], &error));
        g_assert_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT);
    }
    g_assert_cmpstr(broadcast, ==, "sip:iptv-bc@imstv.test");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sgw/gm-build/users", test_users);
    g_test_add_func("/sgw/gm-build/register", test_register);
    g_test_add_func("/sgw/gm-build/learns-from-200", test_learns_from_200);
    g_test_add_func("/sgw/gm-build/content-uris", test_content_uris);
    return g_test_run();
}
