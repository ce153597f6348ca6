/* lib/net/http-exchange.h - inside of an exchange, shared by http-api.c and http-exchange.c; private to
 * lib/net. */
#pragma once

#include <libsoup/soup.h>

#include "lib/net/http-api.h"

struct NetHttpExchange {
    NetHttpApi *api; /* NULL once the server is gone */
    char *reference_point;
    SoupServerMessage *message; /* NULL once the client is gone or was told 504 */
    const NetHttpRoute *route;
    char *path;         /* decoded */
    GHashTable *params; /* name -> decoded value */
    GHashTable *query;  /* NULL if there is none */
    GByteArray *body;   /* NUL behind the last byte, not counted */
    char *peer;
    guint timer; /* answer_s */
    bool paused; /* the handler has returned without an answer */
};

/* Sends a problem answer on a message that never became an exchange. */
void net_http_exchange_refuse(SoupServerMessage *message, int status, const char *detail);
/* Unlinks from the server and frees. Defined in http-api.c. */
void net_http_api_forget(NetHttpApi *self, NetHttpExchange *exchange);
void net_http_exchange_add_cors(SoupServerMessage *message);
/* Tells the client 504 and lets go of it; the handler's answer will go nowhere. */
void net_http_exchange_time_out(NetHttpExchange *self);
