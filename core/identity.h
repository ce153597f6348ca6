/* core/identity.h - who a request is from: P-headers taken off, asserted and added at the edge.
 * Spec: RFC 3325, RFC 7315 (P-Charging-Vector), RFC 5502 (P-Served-User), TS 24.229 5.2.6 and 5.4.3. */
#pragma once

#include "lib/net/sip-msg.h"

/* A request of the terminal that is registered as @impu: what it has no right to say goes, the identity it
 * is known by is asserted, charging begins. @host: of the element that asserts. */
void core_identity_assert(NetSipMsg *request, const char *impu, const char *host, const char *home_domain);
/* A request of a trusted server: only what is hop by hop goes, a missing charging vector is added. */
void core_identity_trust(NetSipMsg *request, const char *host, const char *home_domain);
/* The first asserted identity, canonical; NULL if there is none. (transfer full) */
char *core_identity_of(const NetSipMsg *request);

/* The dialog identifier that a request carries to an application server and back, in the user part's
 * parameters of our Route: how many triggers are done, which direction, for whom. */
typedef struct {
    int skip;      /* s: triggers already done */
    int direction; /* d: 0 originating, 1 terminating, 2 terminating to nobody registered */
    char *served;  /* a: the served user, hex on the wire */
} CoreMark;

/* "<sip:iscmark@HOST:PORT;...;lr;s=1;h=0;d=0;a=HEX>" on top of @our_uri (with ;lr). (transfer full) */
char *core_mark_build(const CoreMark *mark, const char *our_uri);
/* False if @uri is no mark. @ret_mark: served has to be freed. */
bool core_mark_parse(const NetSipUri *uri, CoreMark *ret_mark);
