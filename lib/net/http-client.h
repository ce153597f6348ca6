/* lib/net/http-client.h - HTTP requests that end: each has a deadline, a cap on the answer's body and
 * exactly one outcome. HTTP/1.1, no redirects followed, no proxies, no cookies, no compression.
 * A connection that brought a bad or cut answer is closed and not used again. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct NetHttpClient NetHttpClient;
typedef struct NetHttpCall NetHttpCall;

/* @reference_point: for the trace: "Xa", "Xp", ...; copied. */
NetHttpClient *net_http_client_new(const char *reference_point);
/* Calls under way are cancelled: their callbacks do not run. */
void net_http_client_free(NetHttpClient *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NetHttpClient, net_http_client_free)

/* What to ask; all fields are copied by net_http_client_send. Zero-initialise and name what you need. */
typedef struct {
    const char *method;       /* NULL: GET */
    const char *url;          /* absolute http or https URL */
    const char *content_type; /* of the body; NULL: no body */
    const void *body;         /* any bytes */
    size_t body_bytes;
    const char *session_id;     /* 32 hex digits: sent as Session-ID and traced; NULL: none */
    const char *const *headers; /* name, value, name, value, NULL; NULL: none */
    unsigned deadline_ms;       /* for the whole exchange; 0: 5000 */
    size_t max_answer_bytes;    /* cap on the answer's body; 0: 262144 */
} NetHttpRequest;

/* The answer, of any status (a 404 is an answer, not an error). Lent for the callback. */
typedef struct NetHttpAnswer NetHttpAnswer;
int net_http_answer_status(const NetHttpAnswer *self);
/* The body; a NUL stands behind the last byte. @ret_bytes may be NULL. */
const char *net_http_answer_body(const NetHttpAnswer *self, size_t *ret_bytes);
/* A header, looked up without case; NULL if there is none. */
const char *net_http_answer_header(const NetHttpAnswer *self, const char *name);
/* True if the Content-Type, parameters aside, is @type. */
bool net_http_answer_is(const NetHttpAnswer *self, const char *type);
/* True for a status of 200..299; otherwise an error of the code that the status stands for, with the
 * problem+json detail of the answer if it has one. */
bool net_http_answer_check(const NetHttpAnswer *self, GError **error);
/* Seconds of a Retry-After header; -1 if there is none. */
int net_http_answer_retry_after_s(const NetHttpAnswer *self);

/* The one outcome: @answer or @error, the other is NULL.
 * Errors: TIMEOUT; UNAVAILABLE if the server cannot be reached or breaks off; PROTOCOL if it does not
 * speak HTTP; TOO_LARGE if the body is over the cap; INVALID_ARGUMENT for a URL that is none. */
typedef void (*NetHttpDone)(const NetHttpAnswer *answer, const GError *error, void *user_data);

/* Starts a request; @done comes later from the main loop, never from inside this call.
 * Returns a handle that is good for net_http_call_cancel until @done has run. */
NetHttpCall *
net_http_client_send(NetHttpClient *self, const NetHttpRequest *request, NetHttpDone done, void *user_data);
/* Gives the request up; @done will not run. */
void net_http_call_cancel(NetHttpCall *call);
