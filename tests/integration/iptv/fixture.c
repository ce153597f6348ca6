#include "tests/integration/iptv/fixture.h"

#include <string.h>

#include "lib/base/log.h"
#include "lib/base/trace.h"
#include "tests/unit/temp-dir.h"

#define ASSET_JSON                                                                                           \
    "{\"id\":\"film\",\"title\":\"The Film\",\"credit\":\"Somebody\",\"duration_us\":30000000,"              \
    "\"poster\":\"poster.jpg\",\"tracks\":[{\"kind\":\"video\",\"file\":\"v.reel\",\"codec\":\"H264\"}]}"

#define MEDIA_LINES                                                                                          \
    "m=video 9 UDP/TLS/RTP/SAVPF 102\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=recvonly\r\na=rtcp-mux\r\n"         \
    "a=rtpmap:102 H264/90000\r\na=ice-ufrag:Zx4q\r\na=ice-pwd:9fKQm2p0V7sTtYb3LhWcE1aR\r\n"                  \
    "a=fingerprint:sha-256 "                                                                                 \
    "5A:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:"          \
    "C4\r\na=setup:actpass\r\n"

#define MCF_ANSWER                                                                                           \
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"                                                    \
    "m=application 8554 TCP iptv_rtsp\r\nc=IN IP4 127.0.0.1\r\na=setup:passive\r\na=connection:new\r\n"      \
    "a=fmtp:iptv_rtsp h-uri=rtsp://127.0.0.1:8554/s\r\na=fmtp:iptv_rtsp "                                    \
    "h-session=abc;timeout=60\r\n" MEDIA_LINES

/* ---- the fake control function ---- */

static void
on_mcf_acknowledged(NetSipSession *session G_GNUC_UNUSED, const NetSipMsg *ack G_GNUC_UNUSED, void *user_data)
{
    ((Fixture *)user_data)->mcf_acknowledged = true;
}

static void
on_mcf_reinvite(NetSipSession *session G_GNUC_UNUSED, NetSipIncoming *incoming, void *user_data)
{
    Fixture *self = user_data;
    NetSipMsg *response = net_sip_incoming_response(incoming, 200, NULL);

    g_free(self->mcf_reinvite_sdp);
    self->mcf_reinvite_sdp = g_strdup(net_sip_msg_body(net_sip_incoming_request(incoming), NULL));
    net_sip_msg_set_body(response, "application/sdp", MCF_ANSWER, -1);
    net_sip_incoming_respond(incoming, response);
}

static void
on_mcf_ended(NetSipSession *session,
             NetSipEnd why,
             const NetSipMsg *message G_GNUC_UNUSED,
             const GError *error G_GNUC_UNUSED,
             void *user_data)
{
    Fixture *self = user_data;

    self->mcf_ended = true;
    self->mcf_why = why;
    self->mcf = NULL;
    net_sip_session_free(session);
}

static const NetSipSessionEvents mcf_events = {
    .acknowledged = on_mcf_acknowledged,
    .reinvite = on_mcf_reinvite,
    .ended = on_mcf_ended,
};

static void
on_invite(NetSipUa *ua G_GNUC_UNUSED, NetSipSession *session, const NetSipMsg *invite, void *user_data)
{
    Fixture *self = user_data;
    bool refuses = self->mcf_mode == MCF_REFUSES && self->mcf_calls < self->mcf_refusals;
    NetSipMsg *response;

    self->mcf_calls++;
    g_clear_pointer(&self->mcf_invite, net_sip_msg_free);
    self->mcf_invite = net_sip_msg_copy(invite);
    if (refuses) {
        net_sip_session_reply(session, self->mcf_status, NULL);
        net_sip_session_free(session);
        return;
    }
    net_sip_session_set_events(session, &mcf_events, self);
    self->mcf = session;
    self->mcf_ended = self->mcf_acknowledged = false;
    if (self->mcf_mode == MCF_RINGS) {
        net_sip_session_reply(session, 180, NULL);
        return;
    }
    response = net_sip_session_response(session, 200, NULL);
    net_sip_msg_set_body(response, "application/sdp", MCF_ANSWER, -1);
    net_sip_session_respond(session, response);
}

static void
on_request(NetSipUa *ua G_GNUC_UNUSED, NetSipIncoming *incoming, void *user_data)
{
    Fixture *self = user_data;

    g_clear_pointer(&self->message, net_sip_msg_free);
    self->message = net_sip_msg_copy(net_sip_incoming_request(incoming));
    net_sip_incoming_reply(incoming, 200, NULL);
}

static const NetSipUaEvents ua_events = {.request = on_request, .invite = on_invite};

/* ---- the viewer ---- */

static void
on_viewer_answered(NetSipSession *session G_GNUC_UNUSED, const NetSipMsg *response, void *user_data)
{
    Fixture *self = user_data;

    g_clear_pointer(&self->answer, net_sip_msg_free);
    self->answer = net_sip_msg_copy(response);
}

static void
on_viewer_reinvite(NetSipSession *session G_GNUC_UNUSED, NetSipIncoming *incoming, void *user_data)
{
    Fixture *self = user_data;
    NetSipMsg *response = net_sip_incoming_response(incoming, 200, NULL);

    g_free(self->reinvite_sdp);
    self->reinvite_sdp = g_strdup(net_sip_msg_body(net_sip_incoming_request(incoming), NULL));
    net_sip_msg_set_body(response, "application/sdp", MCF_ANSWER, -1);
    net_sip_incoming_respond(incoming, response);
}

static void
on_viewer_ended(NetSipSession *session,
                NetSipEnd why,
                const NetSipMsg *message,
                const GError *error G_GNUC_UNUSED,
                void *user_data)
{
    Fixture *self = user_data;

    self->viewer_ended = true;
    self->viewer_why = why;
    if (why == NET_SIP_ENDED_REFUSED) {
        self->viewer_status = net_sip_msg_status(message);
        self->viewer_retry_after = g_strdup(net_sip_msg_header(message, "Retry-After", 0));
    }
    self->viewer = NULL;
    net_sip_session_free(session);
}

static const NetSipSessionEvents viewer_events = {
    .answered = on_viewer_answered,
    .reinvite = on_viewer_reinvite,
    .ended = on_viewer_ended,
};

NetSipMsg *
fixture_request(Fixture *self, const char *method, const char *uri, const char *identity)
{
    NetSipMsg *request = net_sip_msg_new_request(method, uri);

    /* as a real S-CSCF sends it to an application server */
    net_sip_msg_add_printf(request, "Route", "<sip:127.0.0.1:%u;transport=tcp;lr>",
                           test_daemon_port(self->daemon, "sip"));
    net_sip_msg_add_printf(request, "Route",
                           "<sip:iscmark@127.0.0.1:%u;transport=tcp;lr;s=1;h=0;d=0;a=7369703a64656d6f>",
                           self->core_port);
    net_sip_msg_add(request, "From", "<sip:demo@imstv.test>");
    net_sip_msg_add_printf(request, "To", "<%s>", uri);
    net_sip_msg_add(request, "P-Charging-Vector", "icid-value=abc123;icid-generated-at=127.0.0.1");
    net_sip_msg_add(request, "P-Access-Network-Info", "IEEE-802.3");
    if (identity)
        net_sip_msg_add_printf(request, "P-Asserted-Identity", "<%s>", identity);
    return request;
}

void
fixture_call(Fixture *self, const char *user_part, const char *identity, const char *sdp)
{
    g_autofree char *uri = g_strdup_printf("sip:%s@imstv.test", user_part);
    NetSipMsg *invite = fixture_request(self, "INVITE", uri, identity);

    g_clear_pointer(&self->answer, net_sip_msg_free);
    g_clear_pointer(&self->viewer_retry_after, g_free);
    self->viewer_ended = false;
    net_sip_msg_set(invite, "Max-Forwards", "65");
    if (sdp)
        net_sip_msg_set_body(invite, "application/sdp", sdp, -1);
    self->viewer = net_sip_session_invite(self->ua, NULL, invite, &viewer_events, self);
}

int
fixture_call_and_wait(Fixture *self, const char *user_part, const char *identity, const char *sdp)
{
    gint64 deadline = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;

    fixture_call(self, user_part, identity, sdp);
    while (!self->answer && !self->viewer_ended && g_get_monotonic_time() < deadline)
        g_main_context_iteration(NULL, TRUE);
    g_assert_true(self->answer || self->viewer_ended);
    return self->answer ? 200 : self->viewer_status;
}

void
fixture_acknowledge(Fixture *self)
{
    net_sip_session_ack(self->viewer, NULL, NULL);
    fixture_run_until(&self->mcf_acknowledged);
}

char *
fixture_offer(const char *bc_service)
{
    g_autofree char *attribute =
        bc_service ? g_strdup_printf("a=bc_service:%s\r\n", bc_service) : g_strdup("");

    return g_strconcat(
        "v=0\r\no=- 4611 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n", attribute,
        "m=application 9 TCP iptv_rtsp\r\nc=IN IP4 127.0.0.1\r\na=setup:active\r\na=connection:new\r\n",
        MEDIA_LINES, NULL);
}

/* ---- HTTP ---- */

static void
on_http_done(const NetHttpAnswer *answer, const GError *error, void *user_data)
{
    Fixture *self = user_data;

    g_assert_no_error(error);
    self->http_done = true;
    self->http_status = net_http_answer_status(answer);
    self->http_body = g_strdup(net_http_answer_body(answer, NULL));
    self->http_etag = g_strdup(net_http_answer_header(answer, "ETag"));
}

void
fixture_get(Fixture *self, const char *path, const char *const *headers)
{
    g_autofree char *url =
        g_strdup_printf("http://127.0.0.1:%u%s", test_daemon_port(self->daemon, "http"), path);
    NetHttpRequest request = {.url = url, .headers = headers};

    g_clear_pointer(&self->http_body, g_free);
    g_clear_pointer(&self->http_etag, g_free);
    self->http_done = false;
    net_http_client_send(self->http, &request, on_http_done, self);
    fixture_run_until(&self->http_done);
}

/* ---- life ---- */

static gboolean
on_late(gpointer unused G_GNUC_UNUSED)
{
    g_error("waited 10 s for nothing");
    return G_SOURCE_REMOVE;
}

void
fixture_run_until(const bool *flag)
{
    guint late = g_timeout_add_seconds(10, on_late, NULL);

    while (!*flag)
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(late);
}

void
fixture_run_until_count(const unsigned *counter, unsigned value)
{
    guint late = g_timeout_add_seconds(10, on_late, NULL);

    while (*counter < value)
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(late);
}

static void
fill_content(const char *dir)
{
    g_autofree char *folder = g_build_filename(dir, "content", "film", NULL);
    g_autofree char *json = g_build_filename(folder, "asset.json", NULL);
    g_autofree char *poster = g_build_filename(folder, "poster.jpg", NULL);

    g_assert_cmpint(g_mkdir_with_parents(folder, 0755), ==, 0);
    g_assert_true(g_file_set_contents(json, ASSET_JSON, -1, NULL));
    g_assert_true(g_file_set_contents(poster, "JPEG", -1, NULL));
}

static void
add_channel(Store *store, const char *id, const char *package)
{
    char *inputs[] = {(char *)"udp://127.0.0.1:5000", NULL};
    StoreChannel channel = {.id = (char *)id, .package = (char *)package, .inputs = inputs};

    g_assert_true(store_channel_add(store, &channel, NULL));
}

static void
start_daemon(Fixture *self, const char *program)
{
    g_autofree char *state = g_strdup_printf("headend.state_dir=%s", self->dir);
    g_autofree char *mcf =
        g_strdup_printf("iptv.mcf=sip:mcf1@127.0.0.1:%u;transport=tcp sip:mcf2@127.0.0.1:%u;transport=tcp",
                        self->core_port, self->core_port);
    const char *const argv[] = {program,
                                "--set",
                                state,
                                "--set",
                                mcf,
                                "--set",
                                "iptv.sip_port=0",
                                "--set",
                                "iptv.http_port=0",
                                "--set",
                                "iptv.admin_port=0",
                                g_getenv("IMSTV_TEST_TRACE") ? "--trace" : NULL,
                                NULL};

    self->daemon = test_daemon_start(argv);
}

void
fixture_set_up(Fixture *self, gconstpointer program)
{
    NetSipUaConfig config = {.name = "fake-core"};
    g_autoptr(GError) error = NULL;

    self->dir = temp_dir_new();
    self->store = store_open(self->dir, &error);
    g_assert_no_error(error);
    g_assert_true(store_user_add(self->store, "demo", "imstv.test", "demo", NULL, NULL));
    g_assert_true(store_package_add(self->store, "gold", "Gold", NULL));
    add_channel(self->store, "one", NULL);
    add_channel(self->store, "two", NULL);
    add_channel(self->store, "rich", "gold");
    fill_content(self->dir);

    self->ua = net_sip_ua_new(&config, &ua_events, self);
    net_sip_ua_listen(self->ua, NET_SIP_TCP, "127.0.0.1", 0, "ISC", &self->core_port, &error);
    g_assert_no_error(error);
    self->http = net_http_client_new("Xa");
    start_daemon(self, program);
}

void
fixture_tear_down(Fixture *self, gconstpointer unused G_GNUC_UNUSED)
{
    if (self->daemon)
        test_daemon_free(self->daemon);

    net_sip_session_free(self->viewer);
    net_sip_session_free(self->mcf);
    net_sip_ua_free(self->ua);
    net_http_client_free(self->http);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    store_free(self->store);
    net_sip_msg_free(self->mcf_invite);
    net_sip_msg_free(self->answer);
    net_sip_msg_free(self->message);
    net_sip_msg_free(self->notify);
    g_free(self->mcf_reinvite_sdp);
    g_free(self->viewer_retry_after);
    g_free(self->reinvite_sdp);
    g_free(self->http_body);
    g_free(self->http_etag);
    temp_dir_free(self->dir);
}
