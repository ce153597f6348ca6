#include "sgw/page-server.h"

#include <libwebsockets.h>
#include <stdbool.h>
#include <string.h>

#include "lib/base/error.h"
#include "lib/base/metrics.h"
#include "lib/net/http-client.h"
#include "sgw/page-files.h"
#include "sgw/page-routes.h"

#define MAX_HEAD_BYTES 4096
#define MAX_REQUEST_BODY_BYTES (64 * 1024)
#define MAX_ANSWER_BYTES (8 * 1024 * 1024)
#define MAX_ARGUMENTS 16
#define CHUNK_BYTES 16384
#define UPSTREAM_DEADLINE_MS 10000
#define ANSWER_TIMEOUT_S 30
#define BODY_TIME_US (10 * G_USEC_PER_SEC) /* for all of it: lws' own time begins anew with each byte */

/* What goes along in either direction; everything else stays behind. */
static const struct {
    enum lws_token_indexes token;
    const char *name;
} request_headers[] = {
    {WSI_TOKEN_HTTP_AUTHORIZATION, "Authorization"},
    {WSI_TOKEN_HTTP_IF_MATCH, "If-Match"},
    {WSI_TOKEN_HTTP_IF_NONE_MATCH, "If-None-Match"},
};

static const char *const answer_headers[] = {
    "Location", "ETag", "Link", "Accept-Patch", "Retry-After", "WWW-Authenticate", "Cache-Control", "Allow",
};

static const char security_policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "media-src 'self' blob: mediastream:; connect-src 'self' ws: wss:; font-src 'self'; manifest-src 'self'; "
    "worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

struct SgwPageServer {
    SgwPageFiles *files;
    NetHttpClient *client;
    char *upstreams[SGW_N_UPSTREAMS];
    BaseMetric *requests;
    BaseMetric *refused;
};

struct SgwPageRequest {
    SgwPageServer *server;
    struct lws *wsi;
    char *path;
    const char *method;
    const SgwPageRoute *route; /* NULL: a file of the page */
    GString *body;
    bool body_too_large;
    bool hangs_up; /* after the answer: lws would wait for a body whose end nobody knows */
    NetHttpCall *call;
    /* the answer */
    unsigned status; /* 0: not known yet */
    GPtrArray *names;
    GPtrArray *values;
    char *content_type;
    GBytes *answer;
    size_t sent;
    bool head_sent;
};

SgwPageServer *
sgw_page_server_new(const char *web_dir,
                    const char *home_domain,
                    const char *api_upstream,
                    const char *whep_upstream)
{
    SgwPageServer *self = g_new0(SgwPageServer, 1);

    self->files = sgw_page_files_new(web_dir, home_domain);
    self->client = net_http_client_new("W1");
    self->upstreams[SGW_UPSTREAM_API] = g_strdup(api_upstream);
    self->upstreams[SGW_UPSTREAM_WHEP] = g_strdup(whep_upstream);
    self->requests = base_counter("imstv_sgw_http_requests_total", NULL, "HTTP requests on the page's port");
    self->refused = base_counter("imstv_sgw_http_refused_total", NULL, "of them answered with 4xx or 5xx");
    return self;
}

void
sgw_page_server_free(SgwPageServer *self)
{
    if (!self)
        return;
    net_http_client_free(self->client);
    sgw_page_files_free(self->files);
    g_free(self->upstreams[SGW_UPSTREAM_API]);
    g_free(self->upstreams[SGW_UPSTREAM_WHEP]);
    g_free(self);
}

/* --- the answer --- */

static void
add_header(SgwPageRequest *self, const char *name, const char *value)
{
    g_ptr_array_add(self->names, g_strconcat(name, ":", NULL));
    g_ptr_array_add(self->values, g_strdup(value));
}

static void
answer(SgwPageRequest *self, unsigned status, const char *content_type, GBytes *body)
{
    self->status = status;
    self->content_type = g_strdup(content_type);
    self->answer = body ? g_bytes_ref(body) : g_bytes_new_static("", 0);
    if (status >= 400)
        base_metric_add(self->server->refused, 1);
    lws_callback_on_writable(self->wsi);
}

static void
answer_problem(SgwPageRequest *self, unsigned status, const char *title)
{
    g_autofree char *text = g_strdup_printf("{\"status\":%u,\"title\":\"%s\"}\n", status, title);
    g_autoptr(GBytes) body = g_bytes_new(text, strlen(text));

    answer(self, status, "application/problem+json", body);
}

static void
add_cors(SgwPageRequest *self)
{
    add_header(self, "access-control-allow-origin", "*");
    add_header(self, "access-control-expose-headers", "location, etag, link, accept-patch, retry-after");
}

static void
answer_preflight(SgwPageRequest *self)
{
    add_cors(self);
    add_header(self, "access-control-allow-methods", self->route->methods);
    add_header(self, "access-control-allow-headers", "authorization, content-type, if-match");
    add_header(self, "access-control-max-age", "86400");
    answer(self, 204, NULL, NULL);
}

/* --- the page's files --- */

static char *
request_header(struct lws *wsi, enum lws_token_indexes token)
{
    char value[MAX_HEAD_BYTES];
    int length = lws_hdr_copy(wsi, value, sizeof value, token);

    return length > 0 && g_utf8_validate(value, length, NULL) ? g_strdup(value) : NULL;
}

static void
add_page_headers(SgwPageRequest *self, const SgwPageFile *file)
{
    add_header(self, "etag", file->etag);
    add_header(self, "cache-control", "no-cache"); /* keep it, but ask: an upgrade shows at once */
    add_header(self, "content-security-policy", security_policy);
    add_header(self, "x-frame-options", "DENY");
    add_header(self, "referrer-policy", "no-referrer");
    add_header(self, "cross-origin-opener-policy", "same-origin");
    add_header(self, "permissions-policy", "camera=(), microphone=(), geolocation=()");
}

static void
answer_file(SgwPageRequest *self)
{
    g_autofree char *known = request_header(self->wsi, WSI_TOKEN_HTTP_IF_NONE_MATCH);
    g_autoptr(GError) error = NULL;
    const SgwPageFile *file = sgw_page_files_get(self->server->files, self->path, &error);

    if (!file) {
        answer_problem(self, 404, "there is no such page");
        return;
    }
    add_page_headers(self, file);
    if (known && strstr(known, file->etag))
        answer(self, 304, NULL, NULL);
    else
        answer(self, 200, file->type, file->bytes);
}

/* --- forwarded requests --- */

static void
on_upstream_answer(const NetHttpAnswer *upstream, const GError *error, void *user_data)
{
    SgwPageRequest *self = user_data;
    g_autoptr(GBytes) body = NULL;
    const char *data = NULL;
    size_t length = 0;

    self->call = NULL;
    add_cors(self);
    if (error) {
        answer_problem(self, error->code == BASE_ERROR_TIMEOUT ? 504 : 502,
                       "the service behind is not there");
        return;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(answer_headers); i++) {
        const char *value = net_http_answer_header(upstream, answer_headers[i]);
        g_autofree char *name = g_ascii_strdown(answer_headers[i], -1);
        if (value)
            add_header(self, name, value);
    }
    data = net_http_answer_body(upstream, &length);
    body = g_bytes_new(data, length);
    answer(self, (unsigned)net_http_answer_status(upstream), net_http_answer_header(upstream, "Content-Type"),
           body);
}

/* The query as lws has taken it apart and unescaped it, escaped again. */
static void
append_query(SgwPageRequest *self, GString *url)
{
    char argument[1024];

    for (int i = 0; i < MAX_ARGUMENTS; i++) {
        int length = lws_hdr_copy_fragment(self->wsi, argument, sizeof argument, WSI_TOKEN_HTTP_URI_ARGS, i);
        g_autofree char *escaped = NULL;
        if (length <= 0)
            return;
        escaped = g_uri_escape_bytes((const guint8 *)argument, (gsize)length, "=");
        g_string_append_printf(url, "%c%s", i == 0 ? '?' : '&', escaped);
    }
}

static void
collect_request_headers(SgwPageRequest *self, GPtrArray *headers)
{
    char peer[64] = "";

    for (size_t i = 0; i < G_N_ELEMENTS(request_headers); i++) {
        char *value = request_header(self->wsi, request_headers[i].token);
        if (!value)
            continue;
        g_ptr_array_add(headers, g_strdup(request_headers[i].name));
        g_ptr_array_add(headers, value);
    }
    lws_get_peer_simple(self->wsi, peer, sizeof peer);
    g_ptr_array_add(headers, g_strdup("X-Forwarded-For"));
    g_ptr_array_add(headers, g_strdup(peer));
    g_ptr_array_add(headers, NULL);
}

static void
forward(SgwPageRequest *self)
{
    g_autoptr(GPtrArray) headers = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GString) url = g_string_new(self->server->upstreams[self->route->upstream]);
    g_autofree char *type = request_header(self->wsi, WSI_TOKEN_HTTP_CONTENT_TYPE);
    bool has_body = self->body->len > 0;

    g_string_append(url, self->path);
    append_query(self, url);
    collect_request_headers(self, headers);
    self->call =
        net_http_client_send(self->server->client,
                             &(NetHttpRequest){
                                 .method = self->method,
                                 .url = url->str,
                                 .content_type = has_body ? (type ? type : "application/octet-stream") : NULL,
                                 .body = self->body->str,
                                 .body_bytes = self->body->len,
                                 .headers = (const char *const *)headers->pdata,
                                 .deadline_ms = UPSTREAM_DEADLINE_MS,
                                 .max_answer_bytes = MAX_ANSWER_BYTES,
                             },
                             on_upstream_answer, self);
}

/* --- the request --- */

/* Of POST and PATCH; @ret_known: false if the client does not say how long it is, as in chunks. */
static bool
expects_body(const SgwPageRequest *self, bool *ret_known)
{
    g_autofree char *length = request_header(self->wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH);
    bool may_have_one = g_str_equal(self->method, "POST") || g_str_equal(self->method, "PATCH");

    *ret_known = !may_have_one || length;
    return may_have_one && length && !g_str_equal(length, "0");
}

static void
decide(SgwPageRequest *self)
{
    bool plain = sgw_page_path_is_plain(self->path);
    bool length_known = true;
    bool has_body = expects_body(self, &length_known);

    self->hangs_up = !length_known;
    self->route = plain ? sgw_page_route_find(self->path) : NULL;
    if (g_str_equal(self->path, "/w2"))
        answer_problem(self, 426, "this is a WebSocket");
    else if (!sgw_page_route_allows(self->route, self->method))
        answer_problem(self, 405, "this method is not taken here");
    else if (!self->route)
        answer_file(self);
    else if (g_str_equal(self->method, "OPTIONS"))
        answer_preflight(self);
    else if (!length_known)
        answer_problem(self, 411, "say how long the body is");
    else if (has_body)
        lws_set_timer_usecs(self->wsi, BODY_TIME_US);
    else
        forward(self);
}

static const char *
method_name(int method)
{
    static const char *const names[] = {
        [LWSHUMETH_GET] = "GET",   [LWSHUMETH_POST] = "POST",   [LWSHUMETH_OPTIONS] = "OPTIONS",
        [LWSHUMETH_PUT] = "PUT",   [LWSHUMETH_PATCH] = "PATCH", [LWSHUMETH_DELETE] = "DELETE",
        [LWSHUMETH_HEAD] = "HEAD",
    };

    return method >= 0 && method < (int)G_N_ELEMENTS(names) ? names[method] : NULL;
}

SgwPageRequest *
sgw_page_request_new(SgwPageServer *server, struct lws *wsi)
{
    SgwPageRequest *self = NULL;
    char *uri = NULL;
    int length = 0;
    int method = lws_http_get_uri_and_method(wsi, &uri, &length);

    base_metric_add(server->requests, 1);
    if (!method_name(method) || length <= 0)
        return NULL;
    self = g_new0(SgwPageRequest, 1);
    self->server = server;
    self->wsi = wsi;
    self->method = method_name(method);
    self->path = g_strndup(uri, (gsize)length);
    self->body = g_string_new(NULL);
    self->names = g_ptr_array_new_with_free_func(g_free);
    self->values = g_ptr_array_new_with_free_func(g_free);
    lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, ANSWER_TIMEOUT_S);
    decide(self);
    return self;
}

void
sgw_page_request_free(SgwPageRequest *self)
{
    if (!self)
        return;
    if (self->call)
        net_http_call_cancel(self->call);
    g_ptr_array_unref(self->names);
    g_ptr_array_unref(self->values);
    g_string_free(self->body, TRUE);
    g_clear_pointer(&self->answer, g_bytes_unref);
    g_free(self->content_type);
    g_free(self->path);
    g_free(self);
}

void
sgw_page_request_body(SgwPageRequest *self, const void *data, size_t length)
{
    if (self->body->len + length > MAX_REQUEST_BODY_BYTES)
        self->body_too_large = true;
    else
        g_string_append_len(self->body, data, (gssize)length);
}

bool
sgw_page_request_waits_for_body(const SgwPageRequest *self)
{
    return !self->status && !self->call;
}

void
sgw_page_request_body_complete(SgwPageRequest *self)
{
    if (self->status || self->call)
        return;
    if (self->body_too_large)
        answer_problem(self, 413, "the body is too large");
    else
        forward(self);
}

static bool
write_head(SgwPageRequest *self)
{
    unsigned char buffer[LWS_PRE + MAX_HEAD_BYTES];
    unsigned char *start = buffer + LWS_PRE, *at = start, *end = buffer + sizeof buffer - 1;

    if (lws_add_http_header_status(self->wsi, self->status, &at, end))
        return false;
    add_header(self, "x-content-type-options", "nosniff");
    if (self->hangs_up)
        add_header(self, "connection", "close");
    if (self->content_type)
        add_header(self, "content-type", self->content_type);
    for (guint i = 0; i < self->names->len; i++) {
        const char *value = self->values->pdata[i];
        if (lws_add_http_header_by_name(self->wsi, self->names->pdata[i], (const unsigned char *)value,
                                        (int)strlen(value), &at, end))
            return false;
    }
    if (self->status != 304 && self->status != 204 &&
        lws_add_http_header_content_length(self->wsi, g_bytes_get_size(self->answer), &at, end))
        return false;
    return lws_finalize_write_http_header(self->wsi, start, &at, end) == 0;
}

static bool
write_chunk(SgwPageRequest *self)
{
    unsigned char buffer[LWS_PRE + CHUNK_BYTES];
    size_t length = 0;
    const char *data = g_bytes_get_data(self->answer, &length);
    size_t n = MIN(length - self->sent, CHUNK_BYTES);
    bool last = self->sent + n == length;

    memcpy(buffer + LWS_PRE, data + self->sent, n);
    self->sent += n;
    return lws_write(self->wsi, buffer + LWS_PRE, n, last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) >= (int)n;
}

int
sgw_page_request_writable(SgwPageRequest *self)
{
    bool bodiless = false;

    if (!self->status)
        return 0;
    bodiless = g_str_equal(self->method, "HEAD") || self->status == 304 || self->status == 204 ||
               g_bytes_get_size(self->answer) == 0;
    if (!self->head_sent) {
        self->head_sent = true;
        if (!write_head(self))
            return -1;
    } else if (!write_chunk(self)) {
        return -1;
    }
    if (bodiless || self->sent == g_bytes_get_size(self->answer))
        return self->hangs_up ? -1 : 1;
    lws_callback_on_writable(self->wsi);
    return 0;
}
