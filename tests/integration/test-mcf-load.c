/* Many sessions through one imstv-mcf, some at a time: each is set up, played and ended; nothing may be left.
 * Usage: test-mcf-load IMSTV-MCF [SESSIONS [AT-ONCE]]; says what a session cost the daemon. */
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/net/rtsp-conn.h"
#include "lib/net/sip-ua.h"
#include "lib/proto/sdp-iptv.h"
#include "tests/fakes/daemon-process.h"
#include "tests/fakes/fake-mdf.h"

#define OFFER                                                                                                \
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"                                                    \
    "m=application 9 TCP iptv_rtsp\r\nc=IN IP4 127.0.0.1\r\na=setup:active\r\na=connection:new\r\n"          \
    "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:Zx4q\r\n"                            \
    "a=ice-pwd:9fKQm2p0V7sTtYb3LhWcE1aR\r\na=fingerprint:sha-256 5A:01\r\na=setup:actpass\r\n"               \
    "a=mid:0\r\na=recvonly\r\na=rtpmap:111 opus/48000/2\r\n"

typedef struct {
    FakeMdf *mdf;
    TestDaemon *mcf;
    NetSipUa *ua;
    NetRtspClient *rtsp;
    NetHttpClient *http;
    unsigned wanted, begun, over, played;
    bool metrics_read;
} Load;

typedef struct {
    Load *load;
    NetSipSession *sip;
} Viewer;

static void begin(Load *load);

static void
on_ended(NetSipSession *sip, NetSipEnd why, const NetSipMsg *message, const GError *error, void *user_data)
{
    Viewer *viewer = user_data;
    Load *load = viewer->load;

    (void)message;
    g_assert_no_error(error);
    g_assert_cmpint(why, ==, NET_SIP_ENDED_LOCALLY);
    net_sip_session_free(sip);
    g_free(viewer);
    load->over++;
    if (load->begun < load->wanted)
        begin(load);
}

static void
on_played(void *user_data, const ProtoRtspMsg *response, const GError *error)
{
    Viewer *viewer = user_data;

    g_assert_no_error(error);
    g_assert_cmpuint(response->status, ==, 200);
    viewer->load->played++;
    net_sip_session_end(viewer->sip, NULL);
}

static void
on_answered(NetSipSession *sip, const NetSipMsg *response, void *user_data)
{
    Viewer *viewer = user_data;
    g_auto(ProtoIptvRtsp) line = {0};
    ProtoRtspMsg *play;

    g_assert_true(proto_sdp_iptv_parse(net_sip_msg_body(response, NULL), &line, NULL));
    net_sip_session_ack(sip, NULL, NULL);
    play = proto_rtsp_request_new("PLAY", line.h_uri);
    proto_rtsp_set_header(play, "Session", line.h_session);
    net_rtsp_client_send(viewer->load->rtsp, play, 20000, on_played, viewer);
}

static const NetSipSessionEvents sip_events = {.answered = on_answered, .ended = on_ended};
static const NetSipUaEvents ua_events = {0};

static void
begin(Load *load)
{
    Viewer *viewer = g_new0(Viewer, 1);
    g_autofree char *uri =
        g_strdup_printf("sip:mcf@127.0.0.1:%u;transport=tcp", test_daemon_port(load->mcf, "sip"));
    NetSipMsg *invite = net_sip_msg_new_request("INVITE", uri);

    load->begun++;
    viewer->load = load;
    net_sip_msg_set(invite, "From", "<sip:demo@imstv.test>");
    net_sip_msg_set(invite, "To", "<sip:iptv-film@imstv.test>");
    net_sip_msg_set_body(invite, "application/sdp", OFFER, -1);
    viewer->sip = net_sip_session_invite(load->ua, NULL, invite, &sip_events, viewer);
}

static unsigned
on_announce(void *user_data, const ProtoRtspMsg *request, const char *session)
{
    (void)user_data;
    (void)request;
    (void)session;
    return 200;
}

static const NetRtspClientEvents rtsp_events = {.announce = on_announce};

/* ---- what is left ---- */

static void
on_metrics(const NetHttpAnswer *answer, const GError *error, void *user_data)
{
    Load *load = user_data;

    g_assert_no_error(error);
    g_assert_nonnull(strstr(net_http_answer_body(answer, NULL), "\nimstv_mcf_sessions 0\n"));
    load->metrics_read = true;
}

static void
check_nothing_left(Load *load)
{
    g_autofree char *url =
        g_strdup_printf("http://127.0.0.1:%u/metrics", test_daemon_port(load->mcf, "admin"));
    NetHttpRequest request = {.url = url};

    while (load->mdf->deleted < load->wanted)
        g_main_context_iteration(NULL, TRUE);
    net_http_client_send(load->http, &request, on_metrics, load);
    while (!load->metrics_read)
        g_main_context_iteration(NULL, TRUE);
}

static double
cpu_seconds(const TestDaemon *daemon)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", test_daemon_pid(daemon));
    g_autofree char *text = NULL;
    unsigned long user = 0, system = 0;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    sscanf(strrchr(text, ')') + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static void
run(Load *load, unsigned at_once)
{
    double before = cpu_seconds(load->mcf);
    gint64 begun_us = g_get_monotonic_time();

    for (unsigned i = 0; i < at_once && load->begun < load->wanted; i++)
        begin(load);
    while (load->over < load->wanted)
        g_main_context_iteration(NULL, TRUE);
    check_nothing_left(load);
    g_assert_cmpuint(load->played, ==, load->wanted);
    g_test_message("%u sessions in %.2f s, %.3f ms of the daemon's CPU each", load->wanted,
                   (double)(g_get_monotonic_time() - begun_us) / 1e6,
                   (cpu_seconds(load->mcf) - before) * 1000 / load->wanted);
}

static unsigned sessions = 200, at_once = 20;
static const char *program;

static void
test_many_sessions(void)
{
    NetSipUaConfig config = {.name = "fake-scf"};
    g_autofree char *url = NULL, *mdf = NULL;
    Load load = {.wanted = sessions};
    const char *argv[] = {program,
                          "--set",
                          NULL,
                          "--set",
                          "mcf.sip_port=0",
                          "--set",
                          "mcf.rtsp_port=0",
                          "--set",
                          "mcf.events_port=0",
                          "--set",
                          "mcf.admin_port=0",
                          "--log-level",
                          "warning",
                          NULL};

    load.mdf = fake_mdf_new();
    url = fake_mdf_url(load.mdf);
    argv[2] = mdf = g_strdup_printf("mcf.mdf=%s", url);
    load.mcf = test_daemon_start(argv);
    load.ua = net_sip_ua_new(&config, &ua_events, &load);
    load.http = net_http_client_new("admin");
    load.rtsp =
        net_rtsp_client_new("127.0.0.1", test_daemon_port(load.mcf, "rtsp"), &rtsp_events, &load, NULL);
    run(&load, at_once);
    net_rtsp_client_free(load.rtsp);
    net_sip_ua_free(load.ua);
    net_http_client_free(load.http);
    test_daemon_free(load.mcf);
    fake_mdf_free(load.mdf);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(argc, >=, 2);
    program = argv[1];
    if (argc > 2)
        sessions = (unsigned)atoi(argv[2]);
    if (argc > 3)
        at_once = (unsigned)atoi(argv[3]);
    g_test_add_func("/mcf/many-sessions", test_many_sessions);
    return g_test_run();
}
