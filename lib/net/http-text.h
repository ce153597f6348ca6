/* lib/net/http-text.h - what client and server of lib/net share: header values, media types, the trace.
 * Private to lib/net. */
#pragma once

#include <glib.h>
#include <libsoup/soup.h>
#include <stdbool.h>

/* A message for the trace: a request has method and target, an answer its status. */
typedef struct {
    const char *method;
    const char *target;
    int status;
    SoupMessageHeaders *headers;
    const void *body;
    size_t body_bytes;
} NetHttpText;

void net_http_trace(const char *reference_point,
                    bool sent,
                    const char *peer,
                    const char *session_id,
                    const NetHttpText *text);
/* A line for what is no message: a connection that failed. */
void
net_http_trace_note(const char *reference_point, const char *peer, const char *session_id, const char *note);

/* No control characters, so that it cannot break out of its line. */
bool net_http_is_header_value(const char *value);
/* Content-Type @value (may be NULL) without its parameters is @type. */
bool net_http_is_type(const char *value, const char *type);
/* "/path?query" of a URI. (transfer full) */
char *net_http_target(GUri *uri);
