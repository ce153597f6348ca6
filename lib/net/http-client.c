#include "lib/net/http-client.h"

#include <json-glib/json-glib.h>
#include <libsoup/soup.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "lib/base/error.h"
#include "lib/base/id.h"
#include "lib/net/http-text.h"
#include "lib/proto/json-strict.h"

#define DEFAULT_DEADLINE_MS 5000
#define DEFAULT_MAX_ANSWER_BYTES (256 * 1024)
#define READ_CHUNK_BYTES 16384
#define MAX_CONNECTIONS 256
#define IDLE_CONNECTION_S 20

struct NetHttpAnswer {
    SoupMessage *message;
    GByteArray *body; /* NUL behind the last byte, not counted */
};

typedef enum {
    CALL_RUNNING,
    CALL_TIMED_OUT,
    CALL_TOO_LARGE,
    CALL_CANCELLED,
} CallState;

struct NetHttpCall {
    NetHttpClient *client; /* NULL once the client is gone */
    char *reference_point;
    SoupSession *session;
    SoupMessage *message;
    GCancellable *cancellable;
    GInputStream *stream;
    GByteArray *body;
    size_t max_answer_bytes;
    char *session_id;
    char *peer;
    unsigned deadline_ms;
    guint timer;
    CallState state;
    GError *refused; /* a request that cannot even be sent */
    NetHttpDone done;
    void *user_data;
};

struct NetHttpClient {
    char *reference_point;
    SoupSession *session;
    GHashTable *calls;
};

NetHttpClient *
net_http_client_new(const char *reference_point)
{
    NetHttpClient *self = g_new0(NetHttpClient, 1);

    self->reference_point = g_strdup(reference_point);
    self->calls = g_hash_table_new(NULL, NULL);
    self->session = soup_session_new_with_options("proxy-resolver", NULL, "max-conns", MAX_CONNECTIONS,
                                                  "max-conns-per-host", MAX_CONNECTIONS, "idle-timeout",
                                                  IDLE_CONNECTION_S, "timeout", 0, NULL);
    /* an inflated body would pass by the cap on what was sent */
    soup_session_remove_feature_by_type(self->session, SOUP_TYPE_CONTENT_DECODER);
    return self;
}

void
net_http_client_free(NetHttpClient *self)
{
    GHashTableIter iter;
    gpointer item;

    if (!self)
        return;

    g_hash_table_iter_init(&iter, self->calls);
    while (g_hash_table_iter_next(&iter, &item, NULL)) {
        NetHttpCall *call = item;

        call->client = NULL;
        net_http_call_cancel(call);
    }
    soup_session_abort(self->session);
    g_object_unref(self->session);
    g_hash_table_unref(self->calls);
    g_free(self->reference_point);
    g_free(self);
}

/* ---- the end of a call ---- */

static void
call_free(NetHttpCall *call)
{
    if (call->client)
        g_hash_table_remove(call->client->calls, call);
    if (call->timer)
        g_source_remove(call->timer);

    g_clear_object(&call->stream);
    g_clear_object(&call->message);
    g_object_unref(call->cancellable);
    g_object_unref(call->session);
    g_byte_array_unref(call->body);
    g_clear_error(&call->refused);
    g_free(call->reference_point);
    g_free(call->session_id);
    g_free(call->peer);
    g_free(call);
}

static void
finish(NetHttpCall *call, const NetHttpAnswer *answer, const GError *error)
{
    NetHttpDone done = call->state == CALL_CANCELLED ? NULL : call->done;
    void *user_data = call->user_data;

    /* unlinked before the callback, which may free the client or cancel by mistake */
    if (call->client)
        g_hash_table_remove(call->client->calls, call);
    call->client = NULL;

    if (done)
        done(answer, error, user_data);
    call_free(call);
}

static GError *
translate(const NetHttpCall *call, const GError *cause)
{
    g_autofree char *url = g_uri_to_string_partial(soup_message_get_uri(call->message), G_URI_HIDE_PASSWORD);
    int code = BASE_ERROR_UNAVAILABLE;

    if (call->state == CALL_TIMED_OUT)
        return g_error_new(BASE_ERROR, BASE_ERROR_TIMEOUT, "no answer from %s within %u ms", url,
                           call->deadline_ms);
    if (call->state == CALL_TOO_LARGE)
        return g_error_new(BASE_ERROR, BASE_ERROR_TOO_LARGE, "the answer of %s is over %zu bytes", url,
                           call->max_answer_bytes);

    if (cause->domain == SOUP_SESSION_ERROR || g_error_matches(cause, G_IO_ERROR, G_IO_ERROR_INVALID_DATA))
        code = BASE_ERROR_PROTOCOL;
    return g_error_new(BASE_ERROR, code, "no answer from %s: %s", url, cause->message);
}

static void
fail(NetHttpCall *call, const GError *cause)
{
    g_autoptr(GError) error = call->state == CALL_CANCELLED ? NULL : translate(call, cause);

    if (error)
        net_http_trace_note(call->reference_point, call->peer, call->session_id, error->message);

    /* whatever is still to come on this connection is not to be read as another answer */
    g_cancellable_cancel(call->cancellable);
    finish(call, NULL, error);
}

static void
succeed(NetHttpCall *call)
{
    NetHttpAnswer answer = {.message = call->message, .body = call->body};
    guint length = call->body->len;

    g_byte_array_append(call->body, (const guint8 *)"", 1);
    g_byte_array_set_size(call->body, length);

    net_http_trace(call->reference_point, false, call->peer, call->session_id,
                   &(NetHttpText){.status = (int)soup_message_get_status(call->message),
                                  .headers = soup_message_get_response_headers(call->message),
                                  .body = call->body->data,
                                  .body_bytes = length});
    finish(call, &answer, NULL);
}

/* ---- reading ---- */

static void read_more(NetHttpCall *call);

static void
on_read(GObject *source, GAsyncResult *result, gpointer user_data)
{
    NetHttpCall *call = user_data;
    g_autoptr(GError) cause = NULL;
    g_autoptr(GBytes) chunk = g_input_stream_read_bytes_finish(G_INPUT_STREAM(source), result, &cause);
    gsize length = 0;
    const void *data;

    if (!chunk || call->state != CALL_RUNNING) {
        fail(call, cause);
        return;
    }
    data = g_bytes_get_data(chunk, &length);
    if (length == 0) {
        succeed(call);
        return;
    }
    if (call->body->len + length > call->max_answer_bytes) {
        call->state = CALL_TOO_LARGE;
        fail(call, NULL);
        return;
    }
    g_byte_array_append(call->body, data, (guint)length);
    read_more(call);
}

static void
read_more(NetHttpCall *call)
{
    g_input_stream_read_bytes_async(call->stream, READ_CHUNK_BYTES, G_PRIORITY_DEFAULT, call->cancellable,
                                    on_read, call);
}

static void
on_sent(GObject *source, GAsyncResult *result, gpointer user_data)
{
    NetHttpCall *call = user_data;
    g_autoptr(GError) cause = NULL;

    call->stream = soup_session_send_finish(SOUP_SESSION(source), result, &cause);
    if (!call->stream || call->state != CALL_RUNNING)
        fail(call, cause);
    else
        read_more(call);
}

/* ---- sending ---- */

static gboolean
on_deadline(gpointer user_data)
{
    NetHttpCall *call = user_data;

    call->timer = 0;
    call->state = CALL_TIMED_OUT;
    g_cancellable_cancel(call->cancellable);
    return G_SOURCE_REMOVE;
}

static gboolean
on_refused(gpointer user_data)
{
    NetHttpCall *call = user_data;

    call->timer = 0;
    finish(call, NULL, call->refused);
    return G_SOURCE_REMOVE;
}

static void
fill_headers(SoupMessage *message, const NetHttpRequest *request)
{
    SoupMessageHeaders *headers = soup_message_get_request_headers(message);

    if (request->session_id && base_id_is_valid(request->session_id))
        soup_message_headers_replace(headers, "Session-ID", request->session_id);
    for (unsigned i = 0; request->headers && request->headers[i]; i += 2) {
        if (net_http_is_header_value(request->headers[i + 1]))
            soup_message_headers_append(headers, request->headers[i], request->headers[i + 1]);
    }
}

/* Head and body go out in two writes: without this the body waits for a delayed ACK, 40 ms. */
static void
on_network_event(SoupMessage *message, GSocketClientEvent event, GIOStream *connection, gpointer user_data)
{
    (void)message;
    (void)user_data;
    if (event == G_SOCKET_CLIENT_CONNECTED && G_IS_SOCKET_CONNECTION(connection))
        g_socket_set_option(g_socket_connection_get_socket(G_SOCKET_CONNECTION(connection)), IPPROTO_TCP,
                            TCP_NODELAY, 1, NULL);
}

/* A message for the request; NULL for a URL that is none. */
static SoupMessage *
build_message(const NetHttpRequest *request)
{
    const char *method = request->method ? request->method : "GET";
    SoupMessage *message = soup_message_new(method, request->url);

    if (!message)
        return NULL;

    /* libsoup opens a new connection for each POST unless it may send it again on another one, which it does
     * only if a kept connection was closed before any answer. Kept connections that nobody uses pile up, and
     * each request looks at all of them. */
    soup_message_add_flags(message, SOUP_MESSAGE_NO_REDIRECT | SOUP_MESSAGE_IDEMPOTENT);
    g_signal_connect(message, "network-event", G_CALLBACK(on_network_event), NULL);
    fill_headers(message, request);
    if (request->content_type) {
        g_autoptr(GBytes) body = g_bytes_new(request->body, request->body_bytes);

        soup_message_set_request_body_from_bytes(message, request->content_type, body);
    } else if (!g_str_equal(method, "GET") && !g_str_equal(method, "HEAD")) {
        soup_message_headers_replace(soup_message_get_request_headers(message), "Content-Length", "0");
    }
    return message;
}

static void
start(NetHttpCall *call, const NetHttpRequest *request)
{
    GUri *uri = soup_message_get_uri(call->message);
    g_autofree char *target = net_http_target(uri);

    call->peer = g_strdup_printf("%s:%d", g_uri_get_host(uri), g_uri_get_port(uri));
    net_http_trace(call->reference_point, true, call->peer, call->session_id,
                   &(NetHttpText){.method = soup_message_get_method(call->message),
                                  .target = target,
                                  .headers = soup_message_get_request_headers(call->message),
                                  .body = request->body,
                                  .body_bytes = request->content_type ? request->body_bytes : 0});

    call->timer = g_timeout_add(call->deadline_ms, on_deadline, call);
    soup_session_send_async(call->session, call->message, G_PRIORITY_DEFAULT, call->cancellable, on_sent,
                            call);
}

NetHttpCall *
net_http_client_send(NetHttpClient *self, const NetHttpRequest *request, NetHttpDone done, void *user_data)
{
    NetHttpCall *call = g_new0(NetHttpCall, 1);

    call->client = self;
    call->reference_point = g_strdup(self->reference_point);
    call->session = g_object_ref(self->session);
    call->message = build_message(request);
    call->cancellable = g_cancellable_new();
    call->body = g_byte_array_new();
    call->max_answer_bytes = request->max_answer_bytes ? request->max_answer_bytes : DEFAULT_MAX_ANSWER_BYTES;
    call->deadline_ms = request->deadline_ms ? request->deadline_ms : DEFAULT_DEADLINE_MS;
    call->session_id = g_strdup(request->session_id);
    call->done = done;
    call->user_data = user_data;
    g_hash_table_add(self->calls, call);

    if (call->message) {
        start(call, request);
    } else {
        call->refused = g_error_new(BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT, "\"%.200s\" is no http URL",
                                    request->url ? request->url : "");
        call->timer = g_idle_add(on_refused, call);
    }
    return call;
}

void
net_http_call_cancel(NetHttpCall *call)
{
    call->state = CALL_CANCELLED;

    if (call->refused)
        call_free(call);
    else
        g_cancellable_cancel(call->cancellable);
}

/* ---- the answer ---- */

int
net_http_answer_status(const NetHttpAnswer *self)
{
    return (int)soup_message_get_status(self->message);
}

const char *
net_http_answer_body(const NetHttpAnswer *self, size_t *ret_bytes)
{
    if (ret_bytes)
        *ret_bytes = self->body->len;
    return (const char *)self->body->data;
}

const char *
net_http_answer_header(const NetHttpAnswer *self, const char *name)
{
    return soup_message_headers_get_list(soup_message_get_response_headers(self->message), name);
}

bool
net_http_answer_is(const NetHttpAnswer *self, const char *type)
{
    return net_http_is_type(net_http_answer_header(self, "Content-Type"), type);
}

/* "detail" or "title" of a problem+json answer. (transfer full) */
static char *
problem_detail(const NetHttpAnswer *self)
{
    g_autoptr(JsonNode) root = NULL;
    const char *text = net_http_answer_body(self, NULL);
    JsonObject *object;

    if (!net_http_answer_is(self, "application/problem+json"))
        return NULL;
    root = proto_json_parse(text, self->body->len, self->body->len, NULL);
    if (!root || !JSON_NODE_HOLDS_OBJECT(root))
        return NULL;

    object = json_node_get_object(root);
    return g_strdup(json_object_get_string_member_with_default(
        object, "detail", json_object_get_string_member_with_default(object, "title", NULL)));
}

bool
net_http_answer_check(const NetHttpAnswer *self, GError **error)
{
    int status = net_http_answer_status(self);
    g_autofree char *detail = NULL;

    if (status >= 200 && status < 300)
        return true;

    detail = problem_detail(self);
    g_set_error(error, BASE_ERROR, base_error_from_status(status), "%.300s",
                detail ? detail : soup_status_get_phrase((guint)status));
    return false;
}

int
net_http_answer_retry_after_s(const NetHttpAnswer *self)
{
    const char *text = net_http_answer_header(self, "Retry-After");
    guint64 seconds;

    return text && g_ascii_string_to_unsigned(text, 10, 0, 86400, &seconds, NULL) ? (int)seconds : -1;
}
