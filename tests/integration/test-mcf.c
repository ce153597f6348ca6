/* imstv-mcf between a fake SCF (SIP), a fake gateway (RTSP) and fake MDFs (HTTP). */
#include <glib.h>
#include <string.h>

#include "lib/base/id.h"
#include "lib/net/rtsp-conn.h"
#include "lib/net/sip-ua.h"
#include "lib/proto/sdp-iptv.h"
#include "tests/fakes/daemon-process.h"
#include "tests/fakes/fake-mdf.h"

#define MEDIA                                                                                                \
    "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:Zx4q\r\n"                            \
    "a=ice-pwd:9fKQm2p0V7sTtYb3LhWcE1aR\r\na=fingerprint:sha-256 5A:01\r\na=setup:actpass\r\n"               \
    "a=mid:0\r\na=recvonly\r\na=rtpmap:111 opus/48000/2\r\n"
#define SESSION_LINES "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
#define LINE "m=application 9 TCP iptv_rtsp\r\nc=IN IP4 127.0.0.1\r\na=setup:active\r\na=connection:new\r\n"
#define FILM_OFFER SESSION_LINES LINE MEDIA
#define CHANNEL_OFFER(service, granted)                                                                      \
    SESSION_LINES "a=bc_service:" service ":imstv.test\r\n"                                                  \
                  "a=bc_service_package:basic bc_tv_service_id_list:" granted "\r\n" LINE MEDIA

static const char *program;

typedef struct {
    FakeMdf *mdf, *second;
    TestDaemon *mcf;
    NetSipUa *ua;
    NetSipSession *call;
    char *session_id;
    /* y2 */
    int status; /* final, of INVITE or re-INVITE; 0: none yet */
    char *answer, *warning, *retry_after;
    unsigned acked;
    bool ended;
    NetSipEnd why;
    char *reason;
    ProtoIptvRtsp line;
    /* Xc */
    NetRtspClient *rtsp;
    unsigned answered, announced;
    ProtoRtspMsg *response; /* copy of what tests look at */
    ProtoRtspNotice notice;
} Fixture;

/* ---- fake SCF ---- */

static void
keep_response(Fixture *f, const NetSipMsg *response)
{
    f->status = net_sip_msg_status(response);
    g_free(f->answer);
    g_free(f->warning);
    g_free(f->retry_after);
    f->answer = g_strdup(net_sip_msg_body(response, NULL));
    f->warning = g_strdup(net_sip_msg_header(response, "Warning", 0));
    f->retry_after = g_strdup(net_sip_msg_header(response, "Retry-After", 0));
}

static void
on_sip_answered(NetSipSession *session, const NetSipMsg *response, void *user_data)
{
    keep_response(user_data, response);
    net_sip_session_ack(session, NULL, NULL);
}

static void
on_sip_ended(
    NetSipSession *session, NetSipEnd why, const NetSipMsg *message, const GError *error, void *user_data)
{
    Fixture *f = user_data;

    (void)session;
    (void)error;
    f->ended = true;
    f->why = why;
    if (why == NET_SIP_ENDED_REFUSED && message)
        keep_response(f, message);
    if (why == NET_SIP_ENDED_BYE)
        f->reason = g_strdup(net_sip_msg_header(message, "Reason", 0));
}

static const NetSipSessionEvents sip_events = {.answered = on_sip_answered, .ended = on_sip_ended};
static const NetSipUaEvents ua_events = {0};

static void
invite(Fixture *f, const char *user, const char *offer)
{
    g_autofree char *uri =
        g_strdup_printf("sip:mcf@127.0.0.1:%u;transport=tcp", test_daemon_port(f->mcf, "sip"));
    NetSipMsg *message = net_sip_msg_new_request("INVITE", uri);

    g_clear_pointer(&f->call, net_sip_session_free);
    f->status = 0;
    f->ended = false;
    net_sip_msg_set(message, "From", "<sip:demo@imstv.test>");
    net_sip_msg_add_printf(message, "To", "<sip:%s@imstv.test>", user);
    net_sip_msg_add_printf(message, "Session-ID", "%s;remote=00000000000000000000000000000000",
                           f->session_id);
    if (offer)
        net_sip_msg_set_body(message, "application/sdp", offer, -1);
    f->call = net_sip_session_invite(f->ua, NULL, message, &sip_events, f);
    while (f->status == 0 && !f->ended)
        g_main_context_iteration(NULL, TRUE);
}

/* ---- fake gateway ---- */

static unsigned
on_announce(void *user_data, const ProtoRtspMsg *request, const char *session)
{
    Fixture *f = user_data;

    g_assert_true(proto_rtsp_notice_parse(request, &f->notice));
    g_assert_cmpstr(session, ==, f->line.h_session);
    g_assert_cmpstr(proto_rtsp_header(request, "Session-ID"), ==, f->session_id);
    f->announced++;
    return 200;
}

static const NetRtspClientEvents rtsp_events = {.announce = on_announce};

static void
on_rtsp_done(void *user_data, const ProtoRtspMsg *response, const GError *error)
{
    Fixture *f = user_data;
    static const char *const kept[] = {"Range", "Scale", "Session", "X-Media-Anchor", "Session-ID"};

    g_assert_no_error(error);
    f->answered++;
    proto_rtsp_msg_free(f->response);
    f->response = proto_rtsp_response_new(response->status, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(kept); i++)
        if (proto_rtsp_header(response, kept[i]))
            proto_rtsp_set_header(f->response, kept[i], proto_rtsp_header(response, kept[i]));
    if (response->body->len)
        proto_rtsp_set_body(f->response, "text/parameters", response->body->str, -1);
}

static void
start_rtsp(Fixture *f, NetRtspClient *client, const char *method, const char *range, const char *body)
{
    ProtoRtspMsg *request = proto_rtsp_request_new(method, f->line.h_uri);

    proto_rtsp_set_header(request, "Session", f->line.h_session);
    proto_rtsp_set_header(request, "Session-ID", f->session_id);
    if (range)
        proto_rtsp_set_header(request, "Range", range);
    if (body)
        proto_rtsp_set_body(request, "text/parameters", body, -1);
    net_rtsp_client_send(client, request, 5000, on_rtsp_done, f);
}

static unsigned
rtsp(Fixture *f, const char *method, const char *range, const char *body)
{
    unsigned before = f->answered;

    start_rtsp(f, f->rtsp, method, range, body);
    while (f->answered == before)
        g_main_context_iteration(NULL, TRUE);
    return f->response->status;
}

/* ---- fixture ---- */

static void
start_mcf(Fixture *f, const char *extra)
{
    g_autofree char *first = fake_mdf_url(f->mdf);
    g_autofree char *second = f->second ? fake_mdf_url(f->second) : NULL;
    g_autofree char *mdf = g_strdup_printf("mcf.mdf=%s%s%s", first, second ? ";" : "", second ? second : "");
    const char *argv[] = {program,       "--trace",
                          "--log-level", "debug",
                          "--set",       mdf,
                          "--set",       "mcf.sip_port=0",
                          "--set",       "mcf.rtsp_port=0",
                          "--set",       "mcf.events_port=0",
                          "--set",       "mcf.admin_port=0",
                          "--set",       extra,
                          NULL};

    f->mcf = test_daemon_start(argv);
}

static void
set_up(Fixture *f, bool two_mdfs, const char *extra)
{
    NetSipUaConfig config = {.name = "fake-scf"};
    g_autoptr(GError) error = NULL;

    memset(f, 0, sizeof *f);
    f->session_id = base_id_new();
    f->mdf = fake_mdf_new();
    f->second = two_mdfs ? fake_mdf_new() : NULL;
    start_mcf(f, extra ? extra : "mcf.max_sessions=100");
    f->ua = net_sip_ua_new(&config, &ua_events, f);
    f->rtsp = net_rtsp_client_new("127.0.0.1", test_daemon_port(f->mcf, "rtsp"), &rtsp_events, f, &error);
    g_assert_no_error(error);
}

static void
tear_down(Fixture *f)
{
    net_rtsp_client_free(f->rtsp);
    net_sip_session_free(f->call);
    net_sip_ua_free(f->ua);
    test_daemon_free(f->mcf);
    fake_mdf_free(f->mdf);
    fake_mdf_free(f->second);
    proto_rtsp_msg_free(f->response);
    proto_iptv_rtsp_clear(&f->line);
    g_free(f->session_id);
    g_free(f->answer);
    g_free(f->warning);
    g_free(f->retry_after);
    g_free(f->reason);
}

static void
open_session(Fixture *f, const char *user, const char *offer)
{
    g_autoptr(GError) error = NULL;

    invite(f, user, offer);
    g_assert_cmpint(f->status, ==, 200);
    proto_iptv_rtsp_clear(&f->line);
    g_assert_true(proto_sdp_iptv_parse(f->answer, &f->line, &error));
}

static void
wait_for(const unsigned *counter, unsigned value)
{
    while (*counter < value)
        g_main_context_iteration(NULL, TRUE);
}

static void
wait_for_end(Fixture *f)
{
    while (!f->ended)
        g_main_context_iteration(NULL, TRUE);
}

/* ---- tests ---- */

static void
test_film(void)
{
    Fixture f;
    g_autofree char *media = NULL;

    set_up(&f, false, NULL);
    open_session(&f, "iptv-film", FILM_OFFER);
    g_assert_cmpstr(f.mdf->source, ==, "asset:film");
    g_assert_cmpstr(f.mdf->offer, ==, SESSION_LINES MEDIA);
    g_assert_cmpstr(f.mdf->session_id, ==, f.session_id);
    g_assert_cmpuint(f.line.index, ==, 0);
    g_assert_true(f.line.passive);
    g_assert_true(base_id_is_valid(f.line.h_session));
    g_assert_cmpuint(f.line.timeout_s, ==, 60);
    media = proto_sdp_iptv_remove(f.answer, NULL, NULL);
    g_assert_cmpstr(media, ==, FAKE_MDF_ANSWER);

    g_assert_cmpuint(rtsp(&f, "PLAY", "npt=13.5-", NULL), ==, 200);
    g_assert_nonnull(strstr(f.mdf->command, "\"command\":\"play\",\"npt\":13.5"));
    g_assert_cmpstr(proto_rtsp_header(f.response, "Range"), ==, "npt=12.000-30.000");
    g_assert_cmpstr(proto_rtsp_header(f.response, "X-Media-Anchor"), ==,
                    "rtp_time=123456;media_time=12.000000");
    g_assert_cmpstr(proto_rtsp_header(f.response, "Session-ID"), ==, f.session_id);
    g_assert_cmpuint(rtsp(&f, "GET_PARAMETER", NULL, "position\r\nduration\r\nscales\r\n"), ==, 200);
    g_assert_cmpstr(f.response->body->str, ==, "position: 12.500\r\nduration: 30.000\r\nscales: 1.0\r\n");
    g_assert_cmpuint(rtsp(&f, "PAUSE", NULL, NULL), ==, 200);
    g_assert_cmpuint(rtsp(&f, "GET_PARAMETER", NULL, NULL), ==, 200);
    g_assert_cmpuint(rtsp(&f, "SET_PARAMETER", NULL, "bc_service: two\r\n"), ==, 403);
    g_assert_cmpuint(rtsp(&f, "SETUP", NULL, NULL), ==, 200);
    g_assert_cmpuint(rtsp(&f, "TEARDOWN", NULL, NULL), ==, 405);

    fake_mdf_tell(f.mdf, "{\"event\":\"end-of-stream\",\"session\":\"x\",\"npt\":30.0}");
    wait_for(&f.announced, 1);
    g_assert_cmpuint(f.notice.code, ==, 2101);
    g_assert_cmpfloat(f.notice.npt_s, ==, 30);
    fake_mdf_tell(f.mdf, "{\"event\":\"no-signal\",\"session\":\"x\"}");
    wait_for(&f.announced, 2);
    g_assert_cmpuint(f.notice.code, ==, 1103);
    fake_mdf_tell(f.mdf, "{\"event\":\"signal\",\"session\":\"x\"}");
    wait_for(&f.announced, 3);
    g_assert_cmpuint(f.notice.code, ==, 1104);

    net_sip_session_end(f.call, NULL);
    wait_for(&f.mdf->deleted, 1);
    wait_for_end(&f);
    g_assert_cmpuint(rtsp(&f, "PLAY", NULL, NULL), ==, 454);
    tear_down(&f);
}

static void
test_channel(void)
{
    Fixture f;

    set_up(&f, false, NULL);
    open_session(&f, "iptv-one", CHANNEL_OFFER("one", "one:imstv.test,two:imstv.test"));
    g_assert_cmpstr(f.mdf->source, ==, "channel:one");
    g_assert_cmpstr(f.mdf->offer, ==, SESSION_LINES MEDIA);
    g_assert_cmpuint(rtsp(&f, "PLAY", "npt=now-", NULL), ==, 200);
    g_assert_null(strstr(f.mdf->command, "npt"));
    g_assert_cmpuint(rtsp(&f, "SET_PARAMETER", NULL, "bc_service: two:imstv.test\r\n"), ==, 200);
    g_assert_nonnull(strstr(f.mdf->command, "\"command\":\"zap\",\"channel\":\"two\""));
    g_assert_cmpstr(f.response->body->str, ==, "bc_service: two:imstv.test\r\n");
    g_assert_cmpuint(rtsp(&f, "SET_PARAMETER", NULL, "bc_service: three\r\n"), ==, 403);
    g_assert_cmpuint(f.mdf->commands, ==, 2);
    tear_down(&f);
}

static void
expect_refusal(Fixture *f, const char *user, const char *offer, int status)
{
    invite(f, user, offer);
    g_assert_cmpint(f->why, ==, NET_SIP_ENDED_REFUSED);
    g_assert_cmpint(f->status, ==, status);
    g_assert_true((status == 503) == (f->retry_after != NULL));
}

static void
test_refusals(void)
{
    Fixture f;

    set_up(&f, false, NULL);
    expect_refusal(&f, "film", FILM_OFFER, 404);
    expect_refusal(&f, "iptv-..%2fetc", FILM_OFFER, 404);
    expect_refusal(&f, "iptv-film", NULL, 488);
    expect_refusal(&f, "iptv-film", SESSION_LINES MEDIA, 488);
    expect_refusal(&f, "iptv-film", SESSION_LINES LINE "m=video 5000 RTP/AVP 33\r\n", 488);
    g_assert_nonnull(strstr(f.warning, "SAVPF"));
    expect_refusal(&f, "iptv-film", "garbage", 400);
    expect_refusal(&f, "iptv-one", CHANNEL_OFFER("one", "two:imstv.test"), 403);
    g_assert_cmpuint(f.mdf->created, ==, 0);
    f.mdf->refuse = 404;
    expect_refusal(&f, "iptv-film", FILM_OFFER, 404);
    f.mdf->refuse = 406;
    expect_refusal(&f, "iptv-film", FILM_OFFER, 488);
    f.mdf->refuse = 503;
    expect_refusal(&f, "iptv-film", FILM_OFFER, 503);
    g_assert_cmpstr(f.retry_after, ==, "7");
    tear_down(&f);
}

static void
test_next_mdf(void)
{
    Fixture f;

    set_up(&f, true, NULL);
    f.mdf->refuse = 503;
    open_session(&f, "iptv-film", FILM_OFFER);
    g_assert_cmpuint(f.second->created, ==, 1);
    f.second->refuse = 404;
    expect_refusal(&f, "iptv-film", FILM_OFFER, 503); /* full says more than "not here" */
    tear_down(&f);
}

static void
test_mdf_restarted(void)
{
    Fixture f;

    set_up(&f, false, NULL);
    wait_for(&f.mdf->statuses, 1);
    open_session(&f, "iptv-film", FILM_OFFER);
    g_assert_cmpuint(rtsp(&f, "PLAY", NULL, NULL), ==, 200);
    f.mdf->instance = "second";
    wait_for(&f.announced, 1);
    g_assert_cmpuint(f.notice.code, ==, 5402);
    wait_for_end(&f);
    g_assert_cmpint(f.why, ==, NET_SIP_ENDED_BYE);
    g_assert_nonnull(strstr(f.reason, "cause=503"));
    g_assert_cmpuint(f.mdf->deleted, ==, 0);
    open_session(&f, "iptv-film", FILM_OFFER); /* and on it goes with the next click */
    tear_down(&f);
}

static void
test_mdf_lost_during_command(void)
{
    Fixture f;
    unsigned before;

    set_up(&f, false, NULL);
    wait_for(&f.mdf->statuses, 1);
    open_session(&f, "iptv-film", FILM_OFFER);
    f.mdf->hold = true;
    before = f.answered;
    start_rtsp(&f, f.rtsp, "PLAY", NULL, NULL);
    start_rtsp(&f, f.rtsp, "PAUSE", NULL, NULL);
    while (!f.mdf->held)
        g_main_context_iteration(NULL, TRUE);
    f.mdf->instance = "second";
    wait_for(&f.answered, before + 2);
    g_assert_cmpuint(f.response->status, ==, 454); /* the PAUSE that waited */
    wait_for_end(&f);
    tear_down(&f);
}

/* Who leaves in order closes its transport first: that is no failure, and its BYE is waited for. */
static void
test_viewer_leaves(void)
{
    Fixture f;

    set_up(&f, false, NULL);
    open_session(&f, "iptv-film", FILM_OFFER);
    fake_mdf_tell(f.mdf, "{\"event\":\"closed\",\"session\":\"x\",\"reason\":\"peer-bye\"}");
    wait_for(&f.mdf->events_taken, 1);
    net_sip_session_end(f.call, NULL);
    wait_for_end(&f);
    g_assert_cmpint(f.why, ==, NET_SIP_ENDED_LOCALLY);
    g_assert_cmpuint(f.announced, ==, 0);
    g_assert_cmpuint(f.mdf->deleted, ==, 0);
    /* No BYE comes: the MCF says it, as the orderly end that it is. */
    open_session(&f, "iptv-film", FILM_OFFER);
    fake_mdf_tell(f.mdf, "{\"event\":\"closed\",\"session\":\"x\",\"reason\":\"peer-bye\"}");
    wait_for_end(&f);
    g_assert_cmpint(f.why, ==, NET_SIP_ENDED_BYE);
    g_assert_nonnull(strstr(f.reason, "cause=200"));
    g_assert_cmpuint(f.announced, ==, 0);
    tear_down(&f);
}

static void
test_content_gone(void)
{
    Fixture f;

    set_up(&f, false, NULL);
    open_session(&f, "iptv-film", FILM_OFFER);
    g_assert_cmpuint(rtsp(&f, "PLAY", NULL, NULL), ==, 200);
    fake_mdf_tell(f.mdf, "{\"event\":\"closed\",\"session\":\"x\",\"reason\":\"source-gone\"}");
    wait_for_end(&f);
    g_assert_cmpint(f.why, ==, NET_SIP_ENDED_BYE);
    g_assert_nonnull(strstr(f.reason, "cause=410"));
    g_assert_cmpuint(f.announced, ==, 1);
    tear_down(&f);
}

static void
test_viewer_closed(void)
{
    Fixture f;

    set_up(&f, false, NULL);
    open_session(&f, "iptv-film", FILM_OFFER);
    g_assert_cmpuint(rtsp(&f, "PLAY", NULL, NULL), ==, 200);
    fake_mdf_tell(f.mdf, "{\"event\":\"closed\",\"session\":\"x\",\"reason\":\"consent-lost\"}");
    wait_for(&f.announced, 1);
    g_assert_cmpuint(f.notice.code, ==, 5402);
    wait_for_end(&f);
    g_assert_nonnull(strstr(f.reason, "consent-lost"));
    tear_down(&f);
}

static void
test_foreign_connection(void)
{
    Fixture f;
    g_autoptr(NetRtspClient) other = NULL;
    unsigned before;

    set_up(&f, false, NULL);
    open_session(&f, "iptv-film", FILM_OFFER);
    g_assert_cmpuint(rtsp(&f, "PLAY", NULL, NULL), ==, 200);
    other = net_rtsp_client_new("127.0.0.1", test_daemon_port(f.mcf, "rtsp"), &rtsp_events, &f, NULL);
    before = f.answered;
    start_rtsp(&f, other, "PAUSE", NULL, NULL);
    wait_for(&f.answered, before + 1);
    g_assert_cmpuint(f.response->status, ==, 454);
    /* the gateway comes back on a new connection */
    net_rtsp_client_free(f.rtsp);
    f.rtsp = net_rtsp_client_new("127.0.0.1", test_daemon_port(f.mcf, "rtsp"), &rtsp_events, &f, NULL);
    while (rtsp(&f, "PAUSE", NULL, NULL) == 454)
        ; /* until the MCF has seen the old one closed */
    g_assert_cmpuint(f.response->status, ==, 200);
    tear_down(&f);
}

static void
test_silent_gateway(void)
{
    Fixture f;

    set_up(&f, false, "mcf.rtsp_timeout_s=1");
    open_session(&f, "iptv-film", FILM_OFFER);
    g_assert_cmpuint(f.line.timeout_s, ==, 1);
    wait_for_end(&f);
    g_assert_cmpint(f.why, ==, NET_SIP_ENDED_BYE);
    g_assert_nonnull(strstr(f.reason, "cause=408"));
    wait_for(&f.mdf->deleted, 1);
    tear_down(&f);
}

static void
on_reinvited(const NetSipMsg *response, const GError *error, void *user_data)
{
    Fixture *f = user_data;

    g_assert_no_error(error);
    keep_response(f, response);
    if (f->status < 300)
        net_sip_session_ack(f->call, NULL, NULL);
}

static void
reinvite(Fixture *f, const char *offer, int status)
{
    NetSipMsg *request = net_sip_session_new_request(f->call, "INVITE");

    f->status = 0;
    if (offer)
        net_sip_msg_set_body(request, "application/sdp", offer, -1);
    net_sip_session_reinvite(f->call, request, on_reinvited, f);
    while (f->status == 0)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpint(f->status, ==, status);
}

static void
test_reinvite(void)
{
    Fixture f;

    set_up(&f, false, NULL);
    open_session(&f, "iptv-one", CHANNEL_OFFER("one", "one:imstv.test"));
    g_assert_cmpuint(rtsp(&f, "SET_PARAMETER", NULL, "bc_service: two\r\n"), ==, 403);
    reinvite(&f, NULL, 200); /* asks for an offer: our side as it stands */
    g_assert_nonnull(strstr(f.answer, f.line.h_session));
    reinvite(&f, CHANNEL_OFFER("two", "one:imstv.test,two:imstv.test"), 200);
    g_assert_nonnull(strstr(f.mdf->command, "\"channel\":\"two\""));
    g_assert_cmpuint(f.mdf->patched, ==, 0);
    g_assert_cmpuint(rtsp(&f, "SET_PARAMETER", NULL, "bc_service: one\r\n"), ==, 200);
    reinvite(&f, CHANNEL_OFFER("one", "one:imstv.test,two:imstv.test") "a=extmap:9 urn:x\r\n", 200);
    g_assert_cmpuint(f.mdf->patched, ==, 1); /* the media changed: a new offer for the MDF */
    reinvite(&f, CHANNEL_OFFER("three", "one:imstv.test"), 403);
    reinvite(&f,
             SESSION_LINES "a=bc_service_package:basic bc_tv_service_id_list:two:imstv.test\r\n" LINE MEDIA,
             200);
    wait_for_end(&f); /* the channel that is watched is not granted any more */
    g_assert_nonnull(strstr(f.reason, "cause=403"));
    tear_down(&f);
}

static void
test_stop(void)
{
    Fixture f;

    set_up(&f, false, NULL);
    open_session(&f, "iptv-film", FILM_OFFER);
    g_assert_cmpuint(rtsp(&f, "PLAY", NULL, NULL), ==, 200);
    test_daemon_terminate(f.mcf);
    wait_for_end(&f);
    g_assert_nonnull(strstr(f.reason, "cause=503"));
    g_assert_cmpint(test_daemon_wait(f.mcf), ==, 0);
    g_assert_cmpuint(f.mdf->deleted, ==, 1);
    tear_down(&f);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(argc, ==, 2);
    program = argv[1];
    g_test_add_func("/mcf/film", test_film);
    g_test_add_func("/mcf/channel", test_channel);
    g_test_add_func("/mcf/refusals", test_refusals);
    g_test_add_func("/mcf/next-mdf", test_next_mdf);
    g_test_add_func("/mcf/mdf-restarted", test_mdf_restarted);
    g_test_add_func("/mcf/mdf-lost-during-a-command", test_mdf_lost_during_command);
    g_test_add_func("/mcf/viewer-closed-by-the-mdf", test_viewer_closed);
    g_test_add_func("/mcf/viewer-leaves", test_viewer_leaves);
    g_test_add_func("/mcf/content-gone", test_content_gone);
    g_test_add_func("/mcf/foreign-connection", test_foreign_connection);
    g_test_add_func("/mcf/silent-gateway", test_silent_gateway);
    g_test_add_func("/mcf/re-invite", test_reinvite);
    g_test_add_func("/mcf/orderly-stop", test_stop);
    return g_test_run();
}
