/* lib/net/http-api.h - an HTTP/1.1 server: routes, capped bodies, problem+json errors, answers at once
 * or later. Requests that no route fits are answered here (404, 405, 413, 415). Connections, waiting
 * requests and the time a client takes are all limited. Runs on the main context. */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct NetHttpApi NetHttpApi;

/* One request that wants exactly one answer. It stays valid until one of the net_http_respond functions
 * is called, also if the client has gone meanwhile: a handler may keep it and answer later. */
typedef struct NetHttpExchange NetHttpExchange;

typedef void (*NetHttpHandler)(NetHttpExchange *exchange, void *user_data);

typedef struct {
    const char *method; /* "GET" serves HEAD too */
    const char *path;   /* "/xp/v1/sessions/{id}/control"; a last segment "{name...}" takes the rest */
    NetHttpHandler handler;
    size_t max_body_bytes; /* 0: a request with a body is refused (413) */
    const char *body_type; /* required Content-Type of the body (415 otherwise); NULL: any */
    bool cors;             /* any web page may call it: preflight and headers are made here */
} NetHttpRoute;

typedef struct {
    const char *reference_point; /* for the trace: "Xa", "Xp", "WHEP", ...; copied */
    unsigned max_connections;    /* 0: 1024; further ones are closed at once */
    unsigned idle_s;             /* 0: 60; a connection without a request is closed */
    unsigned receive_s;          /* 0: 10; for the rest of a request that has begun */
    unsigned answer_s;           /* 0: 30; then the client gets 504 */
} NetHttpApiOptions;

/* @options: may be NULL. */
NetHttpApi *net_http_api_new(const NetHttpApiOptions *options);
/* Closes the listeners and connections; exchanges that wait for an answer stay valid (the answer goes
 * nowhere). */
void net_http_api_free(NetHttpApi *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NetHttpApi, net_http_api_free)

/* @routes: borrowed with @user_data for the life of @self. A literal segment wins over a parameter. */
void net_http_api_add_routes(NetHttpApi *self, const NetHttpRoute *routes, size_t n_routes, void *user_data);

/* Listens on @address (IP literal) and @port (0: chosen by the system). May be called for several addresses.
 * @ret_port: may be NULL.
 * Errors: INVALID_ARGUMENT for a bad address; UNAVAILABLE if the port cannot be had. */
bool
net_http_api_listen(NetHttpApi *self, const char *address, uint16_t port, uint16_t *ret_port, GError **error);

/* The request. All strings are lent until the answer; NULL where there is none. */
const char *net_http_exchange_method(const NetHttpExchange *self);
const char *net_http_exchange_path(const NetHttpExchange *self); /* decoded */
/* A path parameter, percent-decoded. Never empty, no NUL, no control characters, no "/" (but "{name...}" may
 * hold one), no "." or ".." segment: such requests end in 404 here. */
const char *net_http_exchange_param(const NetHttpExchange *self, const char *name);
const char *net_http_exchange_query(const NetHttpExchange *self, const char *name); /* decoded */
const char *net_http_exchange_header(const NetHttpExchange *self, const char *name);
/* The token of "Authorization: Bearer"; NULL if there is none. */
const char *net_http_exchange_bearer(const NetHttpExchange *self);
/* Session-ID header if it is 32 lower-case hex digits, else NULL. */
const char *net_http_exchange_session_id(const NetHttpExchange *self);
const char *net_http_exchange_peer(const NetHttpExchange *self); /* IP address without port */
/* The body; a NUL stands behind the last byte. @ret_bytes may be NULL. */
const char *net_http_exchange_body(const NetHttpExchange *self, size_t *ret_bytes);
/* The body as a JSON object, depth at most 32. (transfer full)
 * Errors: PROTOCOL. */
JsonObject *net_http_exchange_json(const NetHttpExchange *self, GError **error);
/* True once the client has gone. */
bool net_http_exchange_gone(const NetHttpExchange *self);

/* A header of the answer, to be set before it. Values with control characters are dropped. */
void net_http_exchange_set_header(NetHttpExchange *self, const char *name, const char *value);

/* The answers; each takes the exchange: do not touch it afterwards. */
/* @data: copied; @length -1 if NUL-ended; @content_type NULL: no body. */
void net_http_respond(
    NetHttpExchange *self, int status, const char *content_type, const void *data, gssize length);
/* Like net_http_respond, without a copy. @bytes: borrowed, ref'd. */
void net_http_respond_bytes(NetHttpExchange *self, int status, const char *content_type, GBytes *bytes);
/* @root: (transfer full) */
void net_http_respond_json(NetHttpExchange *self, int status, JsonNode *root);
/* problem+json (RFC 9457) with the HTTP status of the error's code and its message; 503 carries Retry-After.
 * @error: borrowed. */
void net_http_respond_error(NetHttpExchange *self, const GError *error);
void net_http_respond_problem(NetHttpExchange *self, int status, const char *detail);
/* Answers 304 and returns true if If-None-Match holds @etag (with its quotes); otherwise sets the ETag header
 * and returns false, and the exchange is still to be answered. */
bool net_http_respond_not_modified(NetHttpExchange *self, const char *etag);
