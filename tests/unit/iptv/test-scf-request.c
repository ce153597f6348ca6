#include <string.h>

#include "iptv/scf-request.h"
#include "lib/base/error.h"
#include "tests/unit/iptv/fixture.h"

#define DEMO "sip:demo@imstv.test"
#define HEAD "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
#define CONTROL                                                                                              \
    "m=application 9 TCP iptv_rtsp\r\nc=IN IP4 127.0.0.1\r\na=setup:active\r\na=connection:new\r\n"
#define VIDEO                                                                                                \
    "m=video 9 UDP/TLS/RTP/SAVPF 102\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=recvonly\r\na=rtcp-mux\r\n"         \
    "a=rtpmap:102 H264/90000\r\na=ice-ufrag:Zx4q\r\na=ice-pwd:9fKQm2p0V7sTtYb3LhWcE1aR\r\n"                  \
    "a=fingerprint:sha-256 "                                                                                 \
    "5A:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:"          \
    "C4\r\na=setup:actpass\r\n"

static NetSipMsg *
invite_for(const char *uri, const char *identity, const char *sdp)
{
    NetSipMsg *invite = net_sip_msg_new_request("INVITE", uri);

    if (identity)
        net_sip_msg_add(invite, "P-Asserted-Identity", identity);
    if (sdp)
        net_sip_msg_set_body(invite, "application/sdp", sdp, -1);
    return invite;
}

static IptvScfRules
rules_of(const Headend *headend)
{
    return (IptvScfRules){
        .settings = headend->settings, .store = headend->store, .catalogue = headend->catalogue};
}

/* -1: accepted, else the error's code. */
static int
outcome(Headend *headend, const char *uri, const char *identity, const char *sdp, IptvScfRequest *ret_request)
{
    g_autoptr(NetSipMsg) invite = invite_for(uri, identity, sdp);
    g_auto(IptvScfRequest) request = {0};
    IptvScfRules rules = rules_of(headend);
    g_autoptr(GError) error = NULL;

    if (!iptv_scf_request_read(&rules, invite, &request, &error))
        return error->code;
    if (ret_request) {
        *ret_request = request;
        request = (IptvScfRequest){0};
    }
    return -1;
}

static void
test_order_of_refusals(Headend *headend, gconstpointer unused G_GNUC_UNUSED)
{
    static const struct {
        const char *uri, *identity, *sdp;
        int code;
    } cases[] = {
        {"sip:iptv-open@imstv.test", "<" DEMO ">", HEAD CONTROL VIDEO, -1},
        {"sip:iptv-open@imstv.test", "\"Demo\" <" DEMO ">", HEAD CONTROL VIDEO, -1},
        {"sip:iptv-open@imstv.test", NULL, HEAD CONTROL VIDEO, BASE_ERROR_FORBIDDEN},
        {"sip:iptv-open@imstv.test", "<tel:+123>", HEAD CONTROL VIDEO, BASE_ERROR_FORBIDDEN},
        {"sip:iptv-rare@imstv.test", "<" DEMO ">", HEAD CONTROL VIDEO, BASE_ERROR_FORBIDDEN},
        {"sip:iptv-none@imstv.test", "<" DEMO ">", HEAD CONTROL VIDEO, BASE_ERROR_NOT_FOUND},
        {"sip:iptv-@imstv.test", "<" DEMO ">", HEAD CONTROL VIDEO, BASE_ERROR_NOT_FOUND},
        {"sip:iptv-sdf@imstv.test", "<" DEMO ">", HEAD CONTROL VIDEO, BASE_ERROR_NOT_FOUND},
        {"sip:imstv.test", "<" DEMO ">", HEAD CONTROL VIDEO, BASE_ERROR_NOT_FOUND},
        {"sip:iptv-open@imstv.test", "<" DEMO ">", NULL, BASE_ERROR_NOT_ACCEPTABLE},
        {"sip:iptv-open@imstv.test", "<" DEMO ">", HEAD VIDEO, BASE_ERROR_NOT_ACCEPTABLE},
        {"sip:iptv-open@imstv.test", "<" DEMO ">",
         HEAD CONTROL "m=video 9 RTP/AVP 33\r\nc=IN IP4 0.0.0.0\r\n", BASE_ERROR_NOT_ACCEPTABLE},
        {"sip:iptv-open@imstv.test", "<" DEMO ">", "no sdp", BASE_ERROR_PROTOCOL},
        {"sip:iptv-bc@imstv.test", "<" DEMO ">", HEAD "a=bc_service:one\r\n" VIDEO, -1},
        {"sip:iptv-bc@imstv.test", "<" DEMO ">", HEAD "a=bc_service:rich\r\n" VIDEO, BASE_ERROR_FORBIDDEN},
        {"sip:iptv-bc@imstv.test", "<" DEMO ">", HEAD "a=bc_service:../one\r\n" VIDEO, BASE_ERROR_NOT_FOUND},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        int code = outcome(headend, cases[i].uri, cases[i].identity, cases[i].sdp, NULL);

        g_test_message("case %u: %d", i, code);
        g_assert_cmpint(code, ==, cases[i].code);
    }
}

/* A terminal cannot grant itself anything: what it says of packages is replaced. */
static void
test_grants_come_from_the_store(Headend *headend, gconstpointer unused G_GNUC_UNUSED)
{
    g_auto(IptvScfRequest) channel = {0}, film = {0};
    static const char claims[] =
        HEAD "a=bc_service:one\r\n"
             "a=bc_service_package:gold bc_tv_service_id_list:rich:imstv.test\r\n" CONTROL VIDEO;
    IptvScfRules rules = rules_of(headend);

    g_assert_cmpint(outcome(headend, "sip:iptv-bc@imstv.test", "<" DEMO ">", claims, &channel), ==, -1);
    g_assert_null(strstr(channel.sdp, "gold"));
    g_assert_nonnull(
        strstr(channel.sdp, "a=bc_service_package:basic bc_tv_service_id_list:one:imstv.test\r\n"));
    g_autofree char *to = iptv_scf_request_to(&rules, &channel);

    g_assert_cmpstr(to, ==, "<sip:iptv-one@imstv.test>");
    g_assert_cmpint(outcome(headend, "sip:iptv-open@imstv.test", "<" DEMO ">", claims, &film), ==, -1);
    g_assert_null(strstr(film.sdp, "bc_service"));
}

static void
test_change_is_checked_again(Headend *headend, gconstpointer unused G_GNUC_UNUSED)
{
    g_auto(IptvScfRequest) initial = {0}, next = {0};
    IptvScfRules rules = rules_of(headend);
    g_autoptr(NetSipMsg) rich = invite_for("sip:x@y", NULL, HEAD "a=bc_service:rich\r\n" CONTROL VIDEO);
    g_autoptr(NetSipMsg) silent = invite_for("sip:x@y", NULL, HEAD CONTROL VIDEO);
    g_autoptr(GError) refused = NULL, withdrawn = NULL;

    outcome(headend, "sip:iptv-bc@imstv.test", "<" DEMO ">", HEAD "a=bc_service:one\r\n" CONTROL VIDEO,
            &initial);
    g_assert_false(iptv_scf_request_reread(&rules, &initial, rich, &next, &refused));
    g_assert_error(refused, BASE_ERROR, BASE_ERROR_FORBIDDEN);

    g_assert_true(iptv_scf_request_reread(&rules, &initial, silent, &next, NULL));
    g_assert_cmpstr(next.id, ==, "one"); /* names none: the same as before */

    iptv_scf_request_clear(&next);
    store_grant_remove(headend->store, "demo@imstv.test", "basic", NULL);
    g_assert_false(iptv_scf_request_reread(&rules, &initial, silent, &next, &withdrawn));
    g_assert_error(withdrawn, BASE_ERROR, BASE_ERROR_FORBIDDEN);
}

#define ADD(path, test)                                                                                      \
    g_test_add("/scf-request/" path, Headend, NULL, headend_set_up, test, headend_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    ADD("order-of-refusals", test_order_of_refusals);
    ADD("grants-come-from-the-store", test_grants_come_from_the_store);
    ADD("change-is-checked-again", test_change_is_checked_again);

    return g_test_run();
}
