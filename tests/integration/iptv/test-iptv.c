#include <string.h>

#include "lib/proto/bcg.h"
#include "lib/proto/discovery.h"
#include "lib/proto/sdns.h"
#include "lib/store/token.h"
#include "tests/integration/iptv/fixture.h"

#define DEMO "sip:demo@imstv.test"

/* ---- SCF ---- */

static void
test_film_from_invite_to_bye(Fixture *fixture, gconstpointer unused G_GNUC_UNUSED)
{
    g_autofree char *offer = fixture_offer(NULL);
    const NetSipMsg *invite;

    g_assert_cmpint(fixture_call_and_wait(fixture, "iptv-film", DEMO, offer), ==, 200);
    invite = fixture->mcf_invite;
    g_assert_true(g_str_has_prefix(net_sip_msg_request_uri(invite), "sip:mcf1@127.0.0.1:"));
    g_autofree char *to = net_sip_msg_address_uri(invite, "To", 0);
    g_autofree char *from = net_sip_msg_address_uri(invite, "From", 0);
    g_autofree char *identity = net_sip_msg_address_uri(invite, "P-Asserted-Identity", 0);

    g_assert_cmpstr(to, ==, "sip:iptv-film@imstv.test"); /* where the control function reads the content id */
    g_assert_cmpstr(from, ==, DEMO);
    g_assert_cmpstr(identity, ==, DEMO);
    g_assert_cmpstr(net_sip_msg_header(invite, "P-Charging-Vector", 0), ==,
                    "icid-value=abc123;icid-generated-at=127.0.0.1");
    g_assert_cmpstr(net_sip_msg_header(invite, "P-Access-Network-Info", 0), ==, "IEEE-802.3");
    g_assert_cmpstr(net_sip_msg_header(invite, "Max-Forwards", 0), ==, "64");
    g_assert_cmpuint(net_sip_msg_header_count(invite, "Route"), ==, 1); /* the S-CSCF's, untouched */
    g_assert_nonnull(strstr(net_sip_msg_header(invite, "Route", 0), ";s=1;h=0;d=0;a=7369703a64656d6f"));
    g_assert_cmpstr(net_sip_msg_session_id(invite), ==, net_sip_session_id(fixture->viewer));
    g_assert_cmpstr(net_sip_msg_call_id(invite), !=, net_sip_session_call_id(fixture->viewer));
    g_assert_nonnull(strstr(net_sip_msg_body(invite, NULL), "a=ice-ufrag:Zx4q"));
    g_assert_nonnull(strstr(net_sip_msg_body(fixture->answer, NULL), "h-session=abc"));

    g_assert_false(fixture->mcf_acknowledged); /* the viewer's ACK goes through, it is not made up */
    fixture_acknowledge(fixture);
    net_sip_session_end(fixture->viewer, NULL);
    fixture_run_until(&fixture->mcf_ended);
    g_assert_cmpint(fixture->mcf_why, ==, NET_SIP_ENDED_BYE);
    fixture_run_until(&fixture->viewer_ended);
}

static void
test_refusals(Fixture *fixture, gconstpointer unused G_GNUC_UNUSED)
{
    g_autofree char *offer = fixture_offer(NULL);
    g_autofree char *one = fixture_offer("one:imstv.test");
    g_autofree char *rich = fixture_offer("rich:imstv.test");
    g_autofree char *none = fixture_offer("none");
    g_autofree char *foreign = fixture_offer("one:elsewhere.test");
    static const char plain[] = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
                                "m=application 9 TCP iptv_rtsp\r\nc=IN IP4 127.0.0.1\r\na=setup:active\r\n"
                                "m=video 5000 RTP/AVP 33\r\nc=IN IP4 127.0.0.1\r\n";
    const struct {
        const char *user_part, *identity, *sdp;
        int status;
    } cases[] = {
        {"iptv-nothing", DEMO, offer, 404},
        {"iptv-..%2Fx", DEMO, offer, 404},
        {"somebody", DEMO, offer, 404},
        {"iptv-film", NULL, offer, 403},
        {"iptv-film", "sip:nobody@imstv.test", offer, 403},
        {"iptv-film", DEMO, NULL, 488},
        {"iptv-film", DEMO, plain, 488},
        {"iptv-bc", DEMO, offer, 488},
        {"iptv-bc", DEMO, rich, 403},
        {"iptv-bc", DEMO, none, 404},
        {"iptv-bc", DEMO, foreign, 404},
        {"iptv-bc", NULL, one, 403},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        int status = fixture_call_and_wait(fixture, cases[i].user_part, cases[i].identity, cases[i].sdp);

        g_test_message("case %u: %d", i, status);
        g_assert_cmpint(status, ==, cases[i].status);
    }
    g_assert_cmpuint(fixture->mcf_calls, ==, 0);
}

static void
test_no_package_no_film(Fixture *fixture, gconstpointer unused G_GNUC_UNUSED)
{
    g_autofree char *offer = fixture_offer(NULL);

    g_assert_true(store_grant_remove(fixture->store, "demo@imstv.test", "basic", NULL));
    g_assert_cmpint(fixture_call_and_wait(fixture, "iptv-film", DEMO, offer), ==, 403);
}

static void
on_reinvited(const NetSipMsg *response, const GError *error, void *user_data)
{
    Fixture *fixture = user_data;

    g_assert_no_error(error);
    fixture->reinvite_done = true;
    fixture->reinvite_status = net_sip_msg_status(response);
    if (fixture->reinvite_status < 300)
        net_sip_session_ack(fixture->viewer, NULL, NULL);
}

static int
reinvite(Fixture *fixture, NetSipSession *session, const char *sdp, NetSipResponseFunc done)
{
    NetSipMsg *request = net_sip_session_new_request(session, "INVITE");

    fixture->reinvite_done = false;
    net_sip_msg_set_body(request, "application/sdp", sdp, -1);
    net_sip_session_reinvite(session, request, done, fixture);
    fixture_run_until(&fixture->reinvite_done);
    return fixture->reinvite_status;
}

static void
test_channel_carries_what_is_granted(Fixture *fixture, gconstpointer unused G_GNUC_UNUSED)
{
    g_autofree char *one = fixture_offer("one"); /* a bare name is accepted */
    g_autofree char *two = fixture_offer("two:imstv.test");
    g_autofree char *rich = fixture_offer("rich:imstv.test");
    static const char granted[] =
        "a=bc_service_package:basic bc_tv_service_id_list:one:imstv.test,two:imstv.test";

    g_assert_cmpint(fixture_call_and_wait(fixture, "iptv-bc", DEMO, one), ==, 200);
    g_autofree char *to = net_sip_msg_address_uri(fixture->mcf_invite, "To", 0);

    g_assert_cmpstr(to, ==, "sip:iptv-one@imstv.test");
    g_assert_nonnull(strstr(net_sip_msg_body(fixture->mcf_invite, NULL), granted));
    g_assert_nonnull(strstr(net_sip_msg_body(fixture->mcf_invite, NULL), "a=bc_service:one:imstv.test\r\n"));
    g_assert_nonnull(strstr(net_sip_msg_body(fixture->answer, NULL), granted));
    fixture_acknowledge(fixture);

    /* out of the package: refused, the call stays */
    g_assert_cmpint(reinvite(fixture, fixture->viewer, rich, on_reinvited), ==, 403);
    g_assert_cmpint(reinvite(fixture, fixture->viewer, two, on_reinvited), ==, 200);
    g_assert_nonnull(strstr(fixture->mcf_reinvite_sdp, "a=bc_service:two:imstv.test\r\n"));

    /* bought meanwhile */
    g_assert_true(store_grant_add(fixture->store, "demo@imstv.test", "gold", NULL));
    g_assert_cmpint(reinvite(fixture, fixture->viewer, rich, on_reinvited), ==, 200);
    g_assert_nonnull(
        strstr(fixture->mcf_reinvite_sdp, "bc_service_package:gold bc_tv_service_id_list:rich:imstv.test"));
    g_assert_false(fixture->viewer_ended);
}

static void
on_mcf_reinvited(const NetSipMsg *response, const GError *error, void *user_data)
{
    Fixture *fixture = user_data;

    g_assert_no_error(error);
    fixture->reinvite_done = true;
    fixture->reinvite_status = net_sip_msg_status(response);
    net_sip_session_ack(fixture->mcf, NULL, NULL);
}

static void
test_control_function_reinvites_and_hangs_up(Fixture *fixture, gconstpointer unused G_GNUC_UNUSED)
{
    g_autofree char *offer = fixture_offer(NULL);
    g_autofree char *changed = fixture_offer("marker");

    fixture_call_and_wait(fixture, "iptv-film", DEMO, offer);
    fixture_acknowledge(fixture);
    g_assert_cmpint(reinvite(fixture, fixture->mcf, changed, on_mcf_reinvited), ==, 200);
    g_assert_nonnull(strstr(fixture->reinvite_sdp, "marker"));

    net_sip_session_end(fixture->mcf, "SIP;cause=503;text=\"Media Lost\"");
    fixture_run_until(&fixture->viewer_ended);
    g_assert_cmpint(fixture->viewer_why, ==, NET_SIP_ENDED_BYE);
}

static void
test_next_control_function_is_tried(Fixture *fixture, gconstpointer unused G_GNUC_UNUSED)
{
    g_autofree char *offer = fixture_offer(NULL);

    fixture->mcf_mode = MCF_REFUSES;
    fixture->mcf_status = 503;
    fixture->mcf_refusals = 1;
    g_assert_cmpint(fixture_call_and_wait(fixture, "iptv-film", DEMO, offer), ==, 200);
    g_assert_cmpuint(fixture->mcf_calls, ==, 2);
    g_assert_true(g_str_has_prefix(net_sip_msg_request_uri(fixture->mcf_invite), "sip:mcf2@"));
}

static void
test_no_control_function_is_left(Fixture *fixture, gconstpointer unused G_GNUC_UNUSED)
{
    g_autofree char *offer = fixture_offer(NULL);

    fixture->mcf_mode = MCF_REFUSES;
    fixture->mcf_refusals = 100;
    fixture->mcf_status = 503;
    g_assert_cmpint(fixture_call_and_wait(fixture, "iptv-film", DEMO, offer), ==, 503);
    g_assert_nonnull(fixture->viewer_retry_after);
    g_assert_cmpuint(fixture->mcf_calls, ==, 2);

    fixture->mcf_status = 488; /* a word about the offer is the same everywhere */
    g_assert_cmpint(fixture_call_and_wait(fixture, "iptv-film", DEMO, offer), ==, 488);
    g_assert_cmpuint(fixture->mcf_calls, ==, 3);
}

static void
test_viewer_takes_it_back(Fixture *fixture, gconstpointer unused G_GNUC_UNUSED)
{
    g_autofree char *offer = fixture_offer(NULL);

    fixture->mcf_mode = MCF_RINGS;
    fixture_call(fixture, "iptv-film", DEMO, offer);
    fixture_run_until_count(&fixture->mcf_calls, 1);
    net_sip_session_end(fixture->viewer, NULL);
    fixture_run_until(&fixture->mcf_ended);
    g_assert_cmpint(fixture->mcf_why, ==, NET_SIP_ENDED_CANCELLED);
    fixture_run_until(&fixture->viewer_ended);
}

static void
test_stop_hangs_up(Fixture *fixture, gconstpointer unused G_GNUC_UNUSED)
{
    g_autofree char *offer = fixture_offer(NULL);

    fixture_call_and_wait(fixture, "iptv-film", DEMO, offer);
    fixture_acknowledge(fixture);
    test_daemon_terminate(fixture->daemon);
    g_assert_cmpint(test_daemon_wait(fixture->daemon), ==, 0);
    g_assert_true(fixture->viewer_ended);
    g_assert_true(fixture->mcf_ended);
    g_assert_cmpint(fixture->viewer_why, ==, NET_SIP_ENDED_BYE);
}

/* ---- SDF ---- */

static void
on_notify(NetSipSubscription *subscription G_GNUC_UNUSED, const NetSipMsg *notify, void *user_data)
{
    Fixture *fixture = user_data;

    g_clear_pointer(&fixture->notify, net_sip_msg_free);
    fixture->notify = net_sip_msg_copy(notify);
    fixture->notifies++;
}

static void
on_subscription_ended(NetSipSubscription *subscription,
                      const NetSipMsg *message,
                      const GError *error G_GNUC_UNUSED,
                      void *user_data)
{
    Fixture *fixture = user_data;

    fixture->subscription_ended = true;
    fixture->subscription_status = message ? net_sip_msg_status(message) : 0;
    net_sip_subscription_free(subscription);
}

static const NetSipSubscriptionEvents subscription_events = {
    .notify = on_notify,
    .ended = on_subscription_ended,
};

static NetSipSubscription *
subscribe(Fixture *fixture, const char *user_part, const char *event, const char *identity)
{
    g_autofree char *uri = g_strdup_printf("sip:%s@imstv.test", user_part);
    NetSipMsg *request = fixture_request(fixture, "SUBSCRIBE", uri, identity);

    net_sip_msg_add(request, "Event", event);
    net_sip_msg_add(request, "Accept", PROTO_DISCOVERY_TYPE);
    net_sip_msg_add(request, "Expires", "600");
    fixture->subscription_ended = false;
    return net_sip_subscribe(fixture->ua, NULL, request, &subscription_events, fixture);
}

#define EVENT "ua-profile;profile-type=application;appids=\"" PROTO_DISCOVERY_APPIDS "\""

static void
test_discovery_by_subscription(Fixture *fixture, gconstpointer unused G_GNUC_UNUSED)
{
    g_autoptr(NetSipSubscription) subscription G_GNUC_UNUSED = subscribe(fixture, "iptv-sdf", EVENT, DEMO);
    char *inputs[] = {(char *)"udp://127.0.0.1:5003", NULL};
    StoreChannel channel = {.id = (char *)"three", .inputs = inputs};
    g_autoptr(GPtrArray) ssfs = NULL, later = NULL;
    g_autofree char *location =
        g_strdup_printf("http://127.0.0.1:%u/dvb/sdns", test_daemon_port(fixture->daemon, "http"));
    const ProtoSsf *ssf;

    fixture_run_until_count(&fixture->notifies, 1);
    g_assert_true(net_sip_msg_has_content_type(fixture->notify, PROTO_DISCOVERY_TYPE));
    g_assert_cmpstr(net_sip_msg_header(fixture->notify, "Event", 0), ==, "ua-profile;effective-by=0");
    ssfs = proto_discovery_parse(net_sip_msg_body(fixture->notify, NULL), -1, NULL);
    ssf = g_ptr_array_index(ssfs, 0);
    g_assert_cmpstr(ssf->location, ==, location);

    /* a change of the offering reaches the terminal */
    g_assert_true(store_channel_add(fixture->store, &channel, NULL));
    fixture_run_until_count(&fixture->notifies, 2);
    later = proto_discovery_parse(net_sip_msg_body(fixture->notify, NULL), -1, NULL);
    g_assert_cmpstr(((ProtoSsf *)g_ptr_array_index(later, 0))->version, !=, ssf->version);
}

static void
test_discovery_refusals(Fixture *fixture, gconstpointer unused G_GNUC_UNUSED)
{
    static const struct {
        const char *user_part, *event, *identity;
        int status;
    } cases[] = {
        {"iptv-film", EVENT, DEMO, 404},
        {"iptv-sdf", "presence", DEMO, 489},
        {"iptv-sdf", EVENT, NULL, 403},
        {"iptv-sdf", EVENT, "sip:nobody@imstv.test", 403},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        subscribe(fixture, cases[i].user_part, cases[i].event, cases[i].identity);
        fixture_run_until(&fixture->subscription_ended);
        g_assert_cmpint(fixture->subscription_status, ==, cases[i].status);
    }
}

static void
register_third_party(Fixture *fixture, unsigned expires_s)
{
    NetSipMsg *request = net_sip_msg_new_request("REGISTER", "sip:127.0.0.1");

    net_sip_msg_add_printf(request, "Route", "<sip:127.0.0.1:%u;transport=tcp;lr>",
                           test_daemon_port(fixture->daemon, "sip"));
    net_sip_msg_add_printf(request, "From", "<sip:127.0.0.1:%u>", fixture->core_port);
    net_sip_msg_add(request, "To", "<" DEMO ">");
    net_sip_msg_add_printf(request, "Contact", "<sip:127.0.0.1:%u;transport=tcp>", fixture->core_port);
    net_sip_msg_add_printf(request, "Expires", "%u", expires_s);
    net_sip_ua_request(fixture->ua, NULL, request, NULL, NULL);
}

static void
test_discovery_by_push(Fixture *fixture, gconstpointer unused G_GNUC_UNUSED)
{
    register_third_party(fixture, 540);
    while (!fixture->message)
        g_main_context_iteration(NULL, TRUE);

    g_assert_true(net_sip_msg_is_method(fixture->message, "MESSAGE"));
    g_assert_cmpstr(net_sip_msg_request_uri(fixture->message), ==, DEMO);
    g_autofree char *identity = net_sip_msg_address_uri(fixture->message, "P-Asserted-Identity", 0);
    g_autoptr(GPtrArray) ssfs = proto_discovery_parse(net_sip_msg_body(fixture->message, NULL), -1, NULL);

    g_assert_cmpstr(identity, ==, "sip:iptv-sdf@imstv.test");
    g_assert_cmpuint(ssfs->len, ==, 1);
}

/* ---- SSF ---- */

static void
test_selection_for_a_user(Fixture *fixture, gconstpointer unused G_GNUC_UNUSED)
{
    static const char *const demo[] = {"X-3GPP-Intended-Identity", "\"" DEMO "\"", NULL};
    static const char *const nobody[] = {"X-3GPP-Intended-Identity", "\"sip:nobody@imstv.test\"", NULL};
    g_autoptr(GPtrArray) channels = NULL, all = NULL, packages = NULL, guides = NULL, films = NULL;

    fixture_get(fixture, "/dvb/sdns/service_discovery?id=imstv.test&Payload=02&Segment=0001&Version=01",
                demo);
    channels = proto_sdns_parse_channels(fixture->http_body, -1, NULL);
    g_assert_cmpuint(channels->len, ==, 2);
    fixture_get(fixture, "/dvb/sdns/service_discovery?id=imstv.test&Payload=02", NULL);
    all = proto_sdns_parse_channels(fixture->http_body, -1, NULL);
    g_assert_cmpuint(all->len, ==, 3);
    fixture_get(fixture, "/dvb/sdns/service_discovery?id=imstv.test&Payload=05", demo);
    packages = proto_sdns_parse_packages(fixture->http_body, -1, NULL);
    g_assert_cmpuint(packages->len, ==, 1);
    fixture_get(fixture, "/dvb/sdns/service_discovery?id=imstv.test&Payload=06", demo);
    guides = proto_sdns_parse_guides(fixture->http_body, -1, NULL);
    g_assert_true(
        g_str_has_suffix(((ProtoSdnsGuide *)g_ptr_array_index(guides, 0))->location, "/bcg/films.xml"));
    fixture_get(fixture, "/bcg/films.xml", demo);
    films = proto_bcg_parse(fixture->http_body, -1, NULL);
    g_assert_cmpuint(films->len, ==, 1);
    g_assert_cmpstr(((ProtoBcgFilm *)g_ptr_array_index(films, 0))->title, ==, "The Film");

    fixture_get(fixture, "/bcg/films.xml", nobody);
    g_assert_cmpint(fixture->http_status, ==, 403);
    fixture_get(fixture, "/dvb/sdns/service_discovery?id=imstv.test&Payload=99", demo);
    g_assert_cmpint(fixture->http_status, ==, 404);
    fixture_get(fixture, "/dvb/sdns/service_discovery?id=elsewhere.test&Payload=02", demo);
    g_assert_cmpint(fixture->http_status, ==, 404);
    fixture_get(fixture, "/dvb/sdns/sp_discovery?id=ALL", NULL);
    g_assert_nonnull(strstr(fixture->http_body, "DomainName=\"imstv.test\""));
}

static void
test_json_posters_and_etags(Fixture *fixture, gconstpointer unused G_GNUC_UNUSED)
{
    const char *known[] = {"If-None-Match", NULL, NULL};
    g_autofree char *etag = NULL;

    fixture_get(fixture, "/api/v1/assets", NULL);
    g_assert_cmpstr(
        fixture->http_body, ==,
        "[{\"id\":\"film\",\"title\":\"The Film\",\"duration_s\":30.0,\"poster\":\"/poster/film.jpg\","
        "\"credit\":\"Somebody\"}]");
    etag = g_strdup(fixture->http_etag);
    known[1] = etag;
    fixture_get(fixture, "/api/v1/assets", known);
    g_assert_cmpint(fixture->http_status, ==, 304);

    fixture_get(fixture, "/api/v1/channels", NULL);
    g_assert_true(g_str_has_prefix(fixture->http_body,
                                   "[{\"id\":\"one\",\"title\":\"one\",\"lcn\":1,\"package\":\"basic\"}"));
    fixture_get(fixture, "/poster/film.jpg", NULL);
    g_assert_cmpstr(fixture->http_body, ==, "JPEG");
    fixture_get(fixture, "/poster/none.jpg", NULL);
    g_assert_cmpint(fixture->http_status, ==, 404);
    fixture_get(fixture, "/poster/..%2F..%2Fimstv.db", NULL);
    g_assert_cmpint(fixture->http_status, >=, 400);
}

static void
check_token(Fixture *fixture, const char *token, const char *content, int status)
{
    g_autofree char *bearer = g_strdup_printf("Bearer %s", token);
    g_autofree char *path = g_strdup_printf("/scf/v1/token?content=%s", content);
    const char *headers[] = {"Authorization", bearer, NULL};

    fixture_get(fixture, path, headers);
    g_assert_cmpint(fixture->http_status, ==, status);
}

static void
test_tokens(Fixture *fixture, gconstpointer unused G_GNUC_UNUSED)
{
    g_autofree char *film = store_token_issue(fixture->store, DEMO, "asset:film", 60, NULL);
    g_autofree char *all = store_token_issue(fixture->store, DEMO, "*", 60, NULL);

    check_token(fixture, film, "asset:film", 200);
    g_assert_nonnull(strstr(fixture->http_body, "\"sub\":\"" DEMO "\""));
    check_token(fixture, film, "channel:one", 403);
    check_token(fixture, all, "channel:one", 200);
    check_token(fixture, all, "channel:rich", 403);
    check_token(fixture, all, "channel:none", 404);
    check_token(fixture, "nonsense", "asset:film", 401);
    fixture_get(fixture, "/scf/v1/token?content=asset:film", NULL);
    g_assert_cmpint(fixture->http_status, ==, 401);
}

#define ADD(path, test) g_test_add("/iptv/" path, Fixture, argv[1], fixture_set_up, test, fixture_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(argc, ==, 2); /* the daemon */

    ADD("film-from-invite-to-bye", test_film_from_invite_to_bye);
    ADD("refusals", test_refusals);
    ADD("no-package-no-film", test_no_package_no_film);
    ADD("channel-carries-what-is-granted", test_channel_carries_what_is_granted);
    ADD("control-function-reinvites-and-hangs-up", test_control_function_reinvites_and_hangs_up);
    ADD("next-control-function-is-tried", test_next_control_function_is_tried);
    ADD("no-control-function-is-left", test_no_control_function_is_left);
    ADD("viewer-takes-it-back", test_viewer_takes_it_back);
    ADD("stop-hangs-up", test_stop_hangs_up);
    ADD("discovery-by-subscription", test_discovery_by_subscription);
    ADD("discovery-refusals", test_discovery_refusals);
    ADD("discovery-by-push", test_discovery_by_push);
    ADD("selection-for-a-user", test_selection_for_a_user);
    ADD("json-posters-and-etags", test_json_posters_and_etags);
    ADD("tokens", test_tokens);

    return g_test_run();
}
