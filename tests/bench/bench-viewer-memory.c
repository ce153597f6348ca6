/* What one more viewer costs the delivery engine in memory: the engine on a real port, viewers that shake
 * hands and then stay silent, and the heap before and after. Their own halves are freed before counting.
 *
 *   bench-viewer-memory OFFER.sdp [VIEWERS] */
#include <arpa/inet.h>
#include <glib.h>
#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stun/usages/ice.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/proto/sdp-webrtc.h"
#include "mdf/delivery/dtls.h"
#include "mdf/delivery/engine.h"
#include "mdf/delivery/sender.h"
#include "mdf/delivery/srtcp.h"
#include "mdf/delivery/srtp-seal.h"
#include "tests/unit/mdf/delivery-fixture.h"

enum {
    WARM_UP = 10,
    PARTS = 100,
};

typedef struct {
    ReelBlockCache *cache;
    ReelProgramme *live;
    MdfEngine *engine;
    MdfDtlsContext *dtls;
    char *offer;
    char *ufrag; /* of the offer */
    GPtrArray *viewers;
    GArray *sockets;
    unsigned connected, playing;
} Bench;

static size_t
heap_bytes(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

static size_t
resident_bytes(void)
{
    unsigned long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (file && fscanf(file, "%lu %lu", &pages, &resident) != 2)
        resident = 0;
    if (file)
        fclose(file);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static void
on_connected(MdfViewer *viewer G_GNUC_UNUSED, void *user_data)
{
    ((Bench *)user_data)->connected++;
}

static void
on_end(MdfViewer *viewer G_GNUC_UNUSED, double npt_s G_GNUC_UNUSED, void *user_data G_GNUC_UNUSED)
{
}

static void
on_closed(MdfViewer *viewer G_GNUC_UNUSED, MdfCloseReason reason, void *user_data G_GNUC_UNUSED)
{
    g_error("a viewer was closed: %s", mdf_close_reason_name(reason));
}

static const MdfViewerEvents events = {on_connected, on_end, on_closed};

static void
on_play(const MdfPlayResult *result G_GNUC_UNUSED, const GError *error, void *user_data)
{
    g_assert_no_error(error);
    ((Bench *)user_data)->playing++;
}

static char *
value_of(const char *sdp, const char *key)
{
    const char *at = strstr(sdp, key);

    g_assert_nonnull(at);
    at += strlen(key);
    return g_strndup(at, strcspn(at, "\r\n"));
}

/* ---- a viewer's own half ---- */

static int
open_socket(uint16_t port)
{
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {10, 0};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    g_assert_cmpint(fd, >=, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    g_assert_cmpint(connect(fd, (const struct sockaddr *)&to, sizeof to), ==, 0);
    return fd;
}

static void
send_check(const Bench *bench, int fd, const char *answer)
{
    static const uint16_t known[] = {STUN_ATTRIBUTE_USERNAME, STUN_ATTRIBUTE_MESSAGE_INTEGRITY,
                                     STUN_ATTRIBUTE_FINGERPRINT, 0};
    g_autofree char *ours = value_of(answer, "a=ice-ufrag:"), *password = value_of(answer, "a=ice-pwd:");
    g_autofree char *name = g_strdup_printf("%s:%s", ours, bench->ufrag);
    StunAgent agent;
    StunMessage message;
    uint8_t check[512];
    size_t length;

    stun_agent_init(&agent, known, STUN_COMPATIBILITY_RFC5389,
                    STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
    length = stun_usage_ice_conncheck_create(
        &agent, &message, check, sizeof check, (const uint8_t *)name, strlen(name), (const uint8_t *)password,
        strlen(password), true, true, 1853824767u, 42, NULL, STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
    g_assert_cmpint(send(fd, check, length, 0), ==, (ssize_t)length);
}

static MdfDtlsParameters
parameters_of(const char *fingerprint)
{
    MdfDtlsParameters p = {.active = true, .hash = "sha-256", .fingerprint_bytes = 32};
    const char *hex = strchr(fingerprint, ' ') + 1;

    for (unsigned i = 0; i < 32; i++)
        p.fingerprint[i] =
            (uint8_t)(g_ascii_xdigit_value(hex[3 * i]) << 4 | g_ascii_xdigit_value(hex[3 * i + 1]));
    return p;
}

static void
on_dtls_send(const uint8_t *data, size_t length, void *user_data)
{
    g_assert_cmpint(send(*(int *)user_data, data, length, 0), ==, (ssize_t)length);
}

static void
shake_hands(const Bench *bench, int fd, const char *answer)
{
    g_autofree char *fingerprint = value_of(answer, "a=fingerprint:");
    const MdfDtlsParameters parameters = parameters_of(fingerprint);
    g_autoptr(MdfDtls) dtls = mdf_dtls_new(bench->dtls, &parameters, on_dtls_send, &fd);
    MdfDtlsState state = mdf_dtls_start(dtls);
    uint8_t datagram[2048];

    while (state == MDF_DTLS_HANDSHAKE) {
        ssize_t got = recv(fd, datagram, sizeof datagram, 0);
        g_assert_cmpint(got, >, 0);
        if (datagram[0] >= 20 && datagram[0] <= 63)
            state = mdf_dtls_receive(dtls, datagram, (size_t)got);
    }
    g_assert_cmpint(state, ==, MDF_DTLS_CONNECTED);
}

static void
add_viewer(Bench *bench)
{
    const MdfViewerRequest request = {.offer = bench->offer, .programme = bench->live};
    g_autofree char *answer = NULL;
    g_autoptr(GError) error = NULL;
    int fd = open_socket(mdf_engine_media_port(bench->engine));
    MdfViewer *viewer = mdf_engine_add_viewer(bench->engine, &request, &events, bench, &answer, &error);

    g_assert_no_error(error);
    g_ptr_array_add(bench->viewers, viewer);
    mdf_viewer_play(viewer, NAN, 1, on_play, bench);
    send_check(bench, fd, answer);
    shake_hands(bench, fd, answer);
    while (bench->connected < bench->viewers->len || bench->playing < bench->viewers->len)
        g_main_context_iteration(NULL, TRUE);
    g_array_append_val(bench->sockets, fd); /* a port used twice would be two viewers to the engine */
}

/* ---- the whole ---- */

static void
set_up(Bench *bench, const char *path, unsigned capacity)
{
    static const char *const addresses[] = {"127.0.0.1", NULL};
    const MdfEngineConfig config = {.media_addresses = addresses, .workers = 1, .capacity_viewers = capacity};
    g_autoptr(GError) error = NULL;
    g_autofree char *fingerprint = NULL;
    g_auto(GStrv) parts = NULL;
    g_autofree char *text = NULL;

    if (!g_file_get_contents(path, &text, NULL, &error))
        g_error("%s", error->message);
    bench->dtls = mdf_dtls_context_new(NULL);
    fingerprint = value_of(text, "a=fingerprint:");
    parts = g_strsplit(text, fingerprint, -1);
    bench->offer = g_strjoinv(mdf_dtls_context_fingerprint(bench->dtls), parts);
    bench->ufrag = value_of(text, "a=ice-ufrag:");
    bench->cache = reel_block_cache_new(64 << 20, 1, NULL);
    bench->live = fixture_channel(bench->cache, "channel:x", g_get_monotonic_time() - 5 * G_USEC_PER_SEC, 5);
    bench->viewers = g_ptr_array_new();
    bench->sockets = g_array_new(FALSE, FALSE, sizeof(int));
    bench->engine = mdf_engine_fanout_new(&config, &error);
    g_assert_no_error(error);
}

static void
tear_down(Bench *bench)
{
    for (unsigned i = 0; i < bench->viewers->len; i++)
        mdf_viewer_close(g_ptr_array_index(bench->viewers, i));
    mdf_engine_free(bench->engine);
    for (unsigned i = 0; i < bench->sockets->len; i++)
        close(g_array_index(bench->sockets, int, i));
    g_array_unref(bench->sockets);
    g_ptr_array_unref(bench->viewers);
    reel_programme_unref(bench->live);
    reel_block_cache_free(bench->cache);
    mdf_dtls_context_free(bench->dtls);
    g_free(bench->offer);
    g_free(bench->ufrag);
}

/* ---- its parts, each by itself: the mean of many ---- */

static void
print_part(const char *name, size_t before)
{
    printf("  %-28s %6.1f kB\n", name, ((double)heap_bytes() - (double)before) / PARTS / 1000);
}

typedef struct {
    MdfDtls *dtls;
    GQueue to_it; /* of GBytes */
} End;

static void
on_end_send(const uint8_t *data, size_t length, void *other)
{
    g_queue_push_tail(&((End *)other)->to_it, g_bytes_new(data, length));
}

static bool
deliver(End *end)
{
    g_autoptr(GBytes) datagram = g_queue_pop_head(&end->to_it);

    if (datagram)
        mdf_dtls_receive(end->dtls, g_bytes_get_data(datagram, NULL), g_bytes_get_size(datagram));
    return datagram;
}

/* The server's half of an association, when it has what it wants. */
static MdfDtls *
associate(const MdfDtlsContext *context)
{
    MdfDtlsParameters parameters = parameters_of(mdf_dtls_context_fingerprint(context));
    End client = {0}, server = {0};

    client.dtls = mdf_dtls_new(context, &parameters, on_end_send, &server);
    parameters.active = false;
    server.dtls = mdf_dtls_new(context, &parameters, on_end_send, &client);
    mdf_dtls_start(client.dtls);
    while (deliver(&server) || deliver(&client)) {
    }
    mdf_dtls_free(client.dtls);
    return server.dtls;
}

static void
print_parts(void)
{
    static const MdfSrtpKeys keys = {.profile = MDF_SRTP_AEAD_AES_128_GCM};
    const MdfSenderConfig with_ring = {.clock_rate = 90000, .keeps_ring = true};
    g_autoptr(MdfDtlsContext) context = mdf_dtls_context_new(NULL);
    g_autoptr(MdfSealContext) seal_context = mdf_seal_context_new(true);
    MdfDtls *dtls[PARTS];
    MdfSeal *seals[PARTS];
    MdfSrtcp *srtcps[PARTS];
    MdfSender *senders[PARTS];
    size_t before = heap_bytes();

    for (unsigned i = 0; i < PARTS; i++)
        dtls[i] = associate(context);
    print_part("DTLS association", before);
    before = heap_bytes();
    for (unsigned i = 0; i < PARTS; i++)
        seals[i] = mdf_seal_new(seal_context, keys.profile, keys.local);
    print_part("media keys", before);
    before = heap_bytes();
    for (unsigned i = 0; i < PARTS; i++)
        srtcps[i] = mdf_srtcp_new(&keys);
    print_part("SRTCP, both ways", before);
    before = heap_bytes();
    for (unsigned i = 0; i < PARTS; i++)
        senders[i] = mdf_sender_new(&with_ring);
    print_part("video sender and its ring", before);

    for (unsigned i = 0; i < PARTS; i++) {
        mdf_dtls_free(dtls[i]);
        mdf_seal_free(seals[i]);
        mdf_srtcp_free(srtcps[i]);
        mdf_sender_free(senders[i]);
    }
}

int
main(int argc, char **argv)
{
    unsigned viewers = argc > 2 ? (unsigned)atoi(argv[2]) : 200;
    Bench bench = {0};
    size_t heap, resident;

    if (argc < 2 || viewers == 0) {
        fprintf(stderr, "usage: %s OFFER.sdp [VIEWERS]\n", argv[0]);
        return 2;
    }
    mallopt(M_MMAP_THRESHOLD, 1 << 30); /* all of it on the heap that is counted */
    base_log_init("bench-viewer-memory", BASE_LOG_WARNING);
    set_up(&bench, argv[1], viewers + WARM_UP);
    for (unsigned i = 0; i < WARM_UP; i++)
        add_viewer(&bench);
    heap = heap_bytes();
    resident = resident_bytes();
    for (unsigned i = 0; i < viewers; i++)
        add_viewer(&bench);

    printf("%u viewers beyond the first %d: %.1f kB of heap each, %.1f kB resident\n", viewers, WARM_UP,
           ((double)heap_bytes() - (double)heap) / viewers / 1000,
           ((double)resident_bytes() - (double)resident) / viewers / 1000);
    tear_down(&bench);
    print_parts();

    return 0;
}
