#include "bench/viewer.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/counts.h"
#include "bench/srtp.h"
#include "bench/stun.h"
#include "lib/base/clock.h"
#include "lib/base/id.h"
#include "lib/proto/rtp.h"

enum {
    CHECK_EVERY_US = 50 * 1000,
    CONSENT_EVERY_US = 4 * 1000 * 1000,
    SETUP_MAX_US = 15 * 1000 * 1000,
    SILENCE_MAX_US = 5 * 1000 * 1000,
    SOCKET_BUFFER_BYTES = 1 << 20,
    SIGNALLING_MAX_MS = 10000,
};

struct BenchViewer {
    const BenchViewerContext *context;
    unsigned index;
    BenchViewerState state;
    char *ufrag, *pwd;
    char *url, *location;
    NetHttpCall *call;
    BenchAnswer answer;
    BenchStun *stun;
    BenchDtls *dtls;
    BenchSrtp *srtp;
    int fd;
    int64_t joined_us, last_packet_us, next_check_us;
    int64_t step_us[BENCH_STEPS];
    unsigned left_to_verify;
    BenchCounts counts;      /* of this session */
    BenchViewerTotals total; /* of the sessions before, and what is not counted per session */
};

static int64_t
now_us(void)
{
    return base_clock_now_us(base_clock_monotonic());
}

BenchViewer *
bench_viewer_new(const BenchViewerContext *context, unsigned index)
{
    BenchViewer *self = g_new0(BenchViewer, 1);

    self->context = context;
    self->index = index;
    self->fd = -1;

    return self;
}

/* Ends what the session holds on this side. */
static void
clear_session(BenchViewer *self)
{
    if (self->call)
        net_http_call_cancel(self->call);
    self->call = NULL;
    if (self->fd >= 0) {
        self->total.dropped_here += bench_receiver_drops(self->fd);
        close(self->fd); /* takes it out of its epoll set, too */
    }
    self->fd = -1;
    g_clear_pointer(&self->stun, bench_stun_free);
    g_clear_pointer(&self->dtls, bench_dtls_free);
    g_clear_pointer(&self->srtp, bench_srtp_free);
    g_clear_pointer(&self->ufrag, g_free);
    g_clear_pointer(&self->pwd, g_free);
    g_clear_pointer(&self->url, g_free);
    g_clear_pointer(&self->location, g_free);
    self->total.packets += self->counts.packets;
    self->total.bytes += self->counts.bytes;
    self->total.lost += bench_counts_lost(&self->counts);
    self->counts = (BenchCounts){0};
    self->state = BENCH_VIEWER_OUT;
}

void
bench_viewer_free(BenchViewer *self)
{
    if (!self)
        return;
    clear_session(self);
    g_free(self);
}

unsigned
bench_viewer_index(const BenchViewer *self)
{
    return self->index;
}

BenchViewerState
bench_viewer_state(const BenchViewer *self)
{
    return self->state;
}

BenchViewerTotals
bench_viewer_totals(const BenchViewer *self)
{
    BenchViewerTotals sum = self->total;

    sum.packets += self->counts.packets;
    sum.bytes += self->counts.bytes;
    sum.lost += bench_counts_lost(&self->counts);
    if (self->fd >= 0)
        sum.dropped_here += bench_receiver_drops(self->fd);

    return sum;
}

static void
reach(BenchViewer *self, BenchStep step, BenchViewerState state)
{
    self->step_us[step] = now_us() - self->joined_us;
    self->state = state;
}

static void
fail(BenchViewer *self, const char *reason)
{
    const BenchViewerEvents *events = self->context->events;
    bool played = self->state == BENCH_VIEWER_PLAYING;

    bench_viewer_leave(self);
    self->state = BENCH_VIEWER_FAILED;
    (played ? events->ended : events->failed)(self, reason, self->context->user_data);
}

/* ---- signalling ---- */

static NetHttpCall *
ask(BenchViewer *self,
    const char *method,
    const char *url,
    const char *offer,
    NetHttpDone done,
    void *user_data)
{
    g_autofree char *bearer = g_strdup_printf("Bearer %s", self->context->token ? self->context->token : "");
    const char *headers[] = {"Authorization", bearer, NULL};
    NetHttpRequest request = {.method = method,
                              .url = url,
                              .content_type = offer ? "application/sdp" : NULL,
                              .body = offer,
                              .body_bytes = offer ? strlen(offer) : 0,
                              .headers = self->context->token ? headers : NULL,
                              .deadline_ms = SIGNALLING_MAX_MS};

    return net_http_client_send(self->context->http, &request, done, user_data);
}

static bool
open_socket(BenchViewer *self)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = self};
    int bytes = SOCKET_BUFFER_BYTES;

    self->fd = socket(self->answer.address.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (self->fd < 0)
        return false;
    setsockopt(self->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);

    return connect(self->fd, &self->answer.address.any, self->answer.address_bytes) == 0 &&
           epoll_ctl(self->context->epoll_setup, EPOLL_CTL_ADD, self->fd, &event) == 0;
}

static void
send_datagram(const uint8_t *data, size_t length, void *user_data)
{
    const BenchViewer *self = user_data;

    /* What the socket does not take is lost, as on any network, and sent again by whoever needs it. */
    if (send(self->fd, data, length, MSG_DONTWAIT) < 0)
        return;
}

static void
send_check(BenchViewer *self, int64_t now)
{
    uint8_t check[BENCH_STUN_BYTES_MAX];
    size_t length = bench_stun_check(self->stun, check);

    send_datagram(check, length, self);
    self->next_check_us = now + (self->state == BENCH_VIEWER_CHECKING ? CHECK_EVERY_US : CONSENT_EVERY_US);
}

static void
take_answer(BenchViewer *self, const NetHttpAnswer *answer)
{
    g_autoptr(GError) error = NULL;
    const char *location = net_http_answer_header(answer, "Location");

    self->location = location ? g_uri_resolve_relative(self->url, location, G_URI_FLAGS_NONE, NULL) : NULL;
    if (!net_http_answer_check(answer, &error) ||
        !bench_sdp_answer_parse(net_http_answer_body(answer, NULL), &self->answer, &error)) {
        fail(self, error->message);
        return;
    }
    if (!open_socket(self)) {
        fail(self, g_strerror(errno));
        return;
    }
    self->stun = bench_stun_new(self->ufrag, self->pwd, self->answer.ufrag, self->answer.pwd);
    reach(self, BENCH_STEP_ANSWER, BENCH_VIEWER_CHECKING);
    send_check(self, now_us());
}

static void
on_answer(const NetHttpAnswer *answer, const GError *error, void *user_data)
{
    BenchViewer *self = user_data;

    self->call = NULL;
    if (error)
        fail(self, error->message);
    else
        take_answer(self, answer);
}

void
bench_viewer_join(BenchViewer *self, const char *url)
{
    g_autofree char *id = base_id_new();
    g_autofree char *offer = NULL;

    bench_viewer_leave(self);
    self->ufrag = g_strndup(id, 8);
    self->pwd = base_id_new();
    self->url = g_strdup(url);
    self->left_to_verify = self->context->verify;
    self->joined_us = now_us();
    self->state = BENCH_VIEWER_SIGNALLING;
    offer = bench_sdp_offer(self->ufrag, self->pwd, bench_dtls_context_fingerprint(self->context->dtls));
    self->call = ask(self, "POST", url, offer, on_answer, self);
}

/* The server ends a session by itself if this is lost. */
static void
on_deleted(const NetHttpAnswer *answer G_GNUC_UNUSED, const GError *error G_GNUC_UNUSED, void *user_data)
{
    unsigned *leaving = user_data;

    (*leaving)--;
}

void
bench_viewer_leave(BenchViewer *self)
{
    if (self->location) {
        (*self->context->leaving)++;
        ask(self, "DELETE", self->location, NULL, on_deleted, self->context->leaving);
    }
    clear_session(self);
}

/* ---- transport ---- */

static void
follow_dtls(BenchViewer *self, BenchDtlsState state)
{
    BenchSrtpKey key;

    if (state == BENCH_DTLS_FAILED || state == BENCH_DTLS_CLOSED) {
        fail(self, state == BENCH_DTLS_FAILED ? "the DTLS handshake failed" : "the server ended the session");
    } else if (state == BENCH_DTLS_CONNECTED && self->state == BENCH_VIEWER_HANDSHAKE) {
        self->srtp = bench_dtls_key(self->dtls, &key) ? bench_srtp_new(&key) : NULL;
        reach(self, BENCH_STEP_DTLS, BENCH_VIEWER_WAITING);
        if (!self->srtp)
            fail(self, "no SRTP profile was agreed on");
    }
}

static void
handle_stun(BenchViewer *self, const uint8_t *data, size_t length)
{
    uint8_t reply[BENCH_STUN_BYTES_MAX];
    size_t reply_bytes = 0;
    BenchStunResult result = bench_stun_handle(self->stun, data, length, &self->answer.address.any,
                                               self->answer.address_bytes, reply, &reply_bytes);

    if (result == BENCH_STUN_REPLY)
        send_datagram(reply, reply_bytes, self);
    if (result != BENCH_STUN_SUCCEEDED || self->state != BENCH_VIEWER_CHECKING)
        return;
    reach(self, BENCH_STEP_ICE, BENCH_VIEWER_HANDSHAKE);
    self->next_check_us = now_us() + CONSENT_EVERY_US;
    self->dtls = bench_dtls_new(self->context->dtls, &self->answer, send_datagram, self);
    follow_dtls(self, bench_dtls_start(self->dtls));
}

static void
start_playing(BenchViewer *self)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = self};

    epoll_ctl(self->context->epoll_setup, EPOLL_CTL_DEL, self->fd, NULL);
    epoll_ctl(self->context->epoll_media, EPOLL_CTL_ADD, self->fd, &event);
    reach(self, BENCH_STEP_PACKET, BENCH_VIEWER_PLAYING);
    self->context->events->playing(self, self->step_us, self->context->user_data);
}

/* Only the clear header is read, but for the first packets, which are opened. */
static void
handle_rtp(BenchViewer *self, uint8_t *data, size_t length)
{
    uint16_t sequence = proto_get16(data + 2);
    uint32_t ssrc = proto_get32(data + 8);

    if (self->state < BENCH_VIEWER_WAITING)
        return; /* before our keys are there: cannot be counted as received */
    if (self->left_to_verify > 0) {
        self->left_to_verify--;
        if (!bench_srtp_verify(self->srtp, data, length)) {
            self->total.forged++;
            return;
        }
        self->total.verified++;
    }
    bench_counts_add(&self->counts, ssrc, sequence, (uint32_t)length);
    if (self->state == BENCH_VIEWER_WAITING)
        start_playing(self);
}

/* By the first byte, RFC 7983; RTCP (payload types 64 to 95 of RFC 5761) is not looked at. */
static gboolean
take_datagram(uint8_t *data, size_t length, void *user_data)
{
    BenchViewer *self = user_data;

    if (length >= PROTO_RTP_FIXED_BYTES && data[0] >= 128 && data[0] <= 191) {
        if ((data[1] & 0x7f) < 64 || (data[1] & 0x7f) > 95)
            handle_rtp(self, data, length);
    } else if (length > 0 && data[0] < 4) {
        handle_stun(self, data, length);
    } else if (length > 0 && data[0] >= 20 && data[0] < 64 && self->dtls) {
        follow_dtls(self, bench_dtls_receive(self->dtls, data, length));
    }

    return self->fd >= 0;
}

void
bench_viewer_receive(BenchViewer *self)
{
    uint64_t before = self->counts.packets;

    if (self->fd < 0)
        return;
    bench_receiver_drain(self->context->receiver, self->fd, take_datagram, self);
    if (self->counts.packets != before)
        self->last_packet_us = now_us();
}

void
bench_viewer_tick(BenchViewer *self, int64_t now)
{
    bool playing = self->state == BENCH_VIEWER_PLAYING;

    if (self->state == BENCH_VIEWER_OUT || self->state == BENCH_VIEWER_FAILED)
        return;
    if (!playing && now - self->joined_us > SETUP_MAX_US) {
        fail(self, "no packet within 15 s");
        return;
    }
    if (playing && now - self->last_packet_us > SILENCE_MAX_US) {
        fail(self, "no packet for 5 s");
        return;
    }
    if (self->stun && now >= self->next_check_us)
        send_check(self, now);
    if (self->state == BENCH_VIEWER_HANDSHAKE)
        follow_dtls(self, bench_dtls_tick(self->dtls));
}
