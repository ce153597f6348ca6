#include "sgw/w2-socket.h"

#include <libwebsockets.h>
#include <string.h>

#include "lib/base/id.h"
#include "lib/base/log.h"
#include "lib/proto/jsonrtc.h"

#define MAX_QUEUED_BYTES (1024 * 1024)
#define MAX_MESSAGES_PER_SECOND 500 /* bursts after a reconnect included */
#define MESSAGE_TIME_US (10 * G_USEC_PER_SEC)
#define COOKIE_NAME "imstv-w2"

struct SgwW2Socket {
    struct lws *wsi;
    const SgwW2SocketEvents *events;
    void *user_data;
    char peer[64];
    char browser[33]; /* "" for a client that is none */
    bool sets_cookie;
    void *owner;
    GString *message; /* of which fragments have come */
    gint64 message_since_us;
    gint64 second_us; /* begin of the second in which `messages` came */
    unsigned messages;
    GQueue queue; /* char * */
    size_t queued_bytes;
    unsigned close_code; /* not 0: closing */
    char *close_reason;
};

SgwW2Socket *
sgw_w2_socket_new(struct lws *wsi, const SgwW2SocketEvents *events, void *user_data)
{
    SgwW2Socket *self = g_new0(SgwW2Socket, 1);

    self->wsi = wsi;
    self->events = events;
    self->user_data = user_data;
    self->message = g_string_new(NULL);
    g_queue_init(&self->queue);
    lws_get_peer_simple(wsi, self->peer, sizeof self->peer);
    return self;
}

void
sgw_w2_socket_free(SgwW2Socket *self)
{
    if (!self)
        return;
    g_string_free(self->message, TRUE);
    g_queue_clear_full(&self->queue, g_free);
    g_free(self->close_reason);
    g_free(self);
}

void
sgw_w2_socket_send(SgwW2Socket *self, const char *text)
{
    size_t length = strlen(text);

    if (self->close_code)
        return;
    if (self->queued_bytes + length > MAX_QUEUED_BYTES) {
        g_queue_clear_full(&self->queue, g_free);
        sgw_w2_socket_close(self, 1008, "reads too slowly");
        return;
    }
    self->queued_bytes += length;
    g_queue_push_tail(&self->queue, g_strdup(text));
    lws_callback_on_writable(self->wsi);
}

void
sgw_w2_socket_close(SgwW2Socket *self, unsigned code, const char *reason)
{
    if (self->close_code)
        return;
    self->close_code = code;
    self->close_reason = g_strndup(reason, 100);
    lws_callback_on_writable(self->wsi);
}

const char *
sgw_w2_socket_peer(const SgwW2Socket *self)
{
    return self->peer;
}

const char *
sgw_w2_socket_browser(const SgwW2Socket *self)
{
    return *self->browser ? self->browser : NULL;
}

void
sgw_w2_socket_set_owner(SgwW2Socket *self, void *owner)
{
    self->owner = owner;
}

void *
sgw_w2_socket_owner(const SgwW2Socket *self)
{
    return self->owner;
}

void
sgw_w2_socket_take_cookie(SgwW2Socket *self)
{
    char cookies[2048];
    g_auto(GStrv) parts = NULL;

    if (lws_hdr_copy(self->wsi, cookies, sizeof cookies, WSI_TOKEN_HTTP_COOKIE) > 0)
        parts = g_strsplit(cookies, ";", 32);
    for (char **part = parts; part && *part; part++) {
        const char *value = g_strstrip(*part);
        if (g_str_has_prefix(value, COOKIE_NAME "=") && base_id_is_valid(value + strlen(COOKIE_NAME "=")))
            g_strlcpy(self->browser, value + strlen(COOKIE_NAME "="), sizeof self->browser);
    }
    if (!*self->browser) {
        g_autofree char *fresh = base_id_new();
        g_strlcpy(self->browser, fresh, sizeof self->browser);
        self->sets_cookie = true;
    }
}

int
sgw_w2_socket_add_headers(const SgwW2Socket *self, struct lws_process_html_args *args)
{
    g_autofree char *cookie = NULL;
    unsigned char *at = (unsigned char *)args->p;

    if (!self->sets_cookie)
        return 0;
    cookie = g_strdup_printf(COOKIE_NAME "=%s; Path=/w2; HttpOnly; SameSite=Strict", self->browser);
    if (lws_add_http_header_by_name(self->wsi,
                                    (const unsigned char *)"set-cookie:", (const unsigned char *)cookie,
                                    (int)strlen(cookie), &at, at + args->max_len))
        return -1;
    args->p = (char *)at;
    return 0;
}

static int
hang_up(SgwW2Socket *self, enum lws_close_status code, const char *reason)
{
    base_info(NULL, "WebSocket of %s closed: %s", self->peer, reason);
    lws_close_reason(self->wsi, code, (unsigned char *)reason, strlen(reason));
    return -1;
}

static bool
comes_too_fast(SgwW2Socket *self, gint64 now_us)
{
    if (now_us - self->second_us >= G_USEC_PER_SEC) {
        self->second_us = now_us;
        self->messages = 0;
    }
    return ++self->messages > MAX_MESSAGES_PER_SECOND;
}

/* One piece of a message: a fragment, or as much of one as fits the buffer. */
int
sgw_w2_socket_receive(SgwW2Socket *self, const char *data, size_t length)
{
    gint64 now_us = g_get_monotonic_time();
    bool complete = lws_is_final_fragment(self->wsi) && lws_remaining_packet_payload(self->wsi) == 0;

    if (self->close_code)
        return 0;
    if (lws_frame_is_binary(self->wsi))
        return hang_up(self, LWS_CLOSE_STATUS_UNACCEPTABLE_OPCODE, "text only");
    if (comes_too_fast(self, now_us))
        return hang_up(self, LWS_CLOSE_STATUS_POLICY_VIOLATION, "too many messages");
    if (lws_is_first_fragment(self->wsi)) {
        g_string_truncate(self->message, 0);
        self->message_since_us = now_us;
    }
    if (self->message->len + length > PROTO_JSONRTC_MAX_BYTES)
        return hang_up(self, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, "at most 64 KiB");
    g_string_append_len(self->message, data, (gssize)length);
    if (!complete && now_us - self->message_since_us > MESSAGE_TIME_US)
        return hang_up(self, LWS_CLOSE_STATUS_POLICY_VIOLATION, "message takes too long");
    if (complete)
        self->events->text(self, self->message->str, self->message->len, self->user_data);
    return 0;
}

int
sgw_w2_socket_writable(SgwW2Socket *self)
{
    g_autofree char *text = g_queue_pop_head(&self->queue);
    g_autofree unsigned char *buffer = NULL;
    size_t length = 0;

    if (!text && self->close_code) {
        lws_close_reason(self->wsi, (enum lws_close_status)self->close_code,
                         (unsigned char *)self->close_reason, strlen(self->close_reason));
        return -1;
    }
    if (!text)
        return 0;
    length = strlen(text);
    self->queued_bytes -= MIN(length, self->queued_bytes);
    buffer = g_malloc(LWS_PRE + length);
    memcpy(buffer + LWS_PRE, text, length);
    if (lws_write(self->wsi, buffer + LWS_PRE, length, LWS_WRITE_TEXT) < (int)length)
        return -1;
    if (!g_queue_is_empty(&self->queue) || self->close_code)
        lws_callback_on_writable(self->wsi);
    return 0;
}

int
sgw_w2_socket_check_owner(SgwW2Socket *self)
{
    return self->owner ? 0 : hang_up(self, LWS_CLOSE_STATUS_POLICY_VIOLATION, "no connect");
}
