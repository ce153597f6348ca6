/* lib/net/sip-msg.h - one SIP message: parsed strictly, read and changed by header, written back.
 *
 * Header names are accepted and asked for in long form and without regard to case; compact forms are
 * expanded and known names are written with their usual capitals. A header that may hold a comma list
 * (Via, Route, Record-Route, Contact, Path, Service-Route, P-Asserted-Identity, Supported, ...) is
 * split into elements: `nth` counts elements, wherever they stood in the message.
 * Spec: RFC 3261 7, 20; RFC 7989 (Session-ID). */
#pragma once

#include "lib/net/sip-uri.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NET_SIP_MAX_HEAD_BYTES (64 * 1024)  /* start line and headers */
#define NET_SIP_MAX_BODY_BYTES (256 * 1024) /* body */
#define NET_SIP_MAX_HEADERS 256             /* header elements in a message */

typedef struct NetSipMsg NetSipMsg;

/* Parses and validates one message of @length bytes (keep-alive CRLFs in front are skipped).
 * A datagram's body may be longer than Content-Length (cut) but not shorter.
 * @ret_status: what a request is refused with when NULL is returned: 400, 413, 416, 505 or 513;
 *              may be NULL.
 * Errors: PROTOCOL, TOO_LARGE. */
NetSipMsg *net_sip_msg_parse(const char *data, size_t length, int *ret_status, GError **error);

/* What can be read of a request that net_sip_msg_parse refused, enough to answer it: Via, From, To,
 * Call-ID and CSeq. NULL if even those are missing, or it is no request (or an ACK). (transfer full) */
NetSipMsg *net_sip_msg_salvage(const char *data, size_t length);

/* A request with start line only. Whoever sends it (UA, proxy) adds what is missing: Via, Max-Forwards,
 * From tag, Call-ID, CSeq, Contact, Content-Length, Session-ID. */
NetSipMsg *net_sip_msg_new_request(const char *method, const char *request_uri);
/* A response with the headers that RFC 3261 8.2.6 and 12.1.1 ask for copied from @request: Via, From,
 * To, Call-ID, CSeq, Session-ID, and Record-Route for 101..299 to a request that makes a dialog.
 * @reason: NULL for the usual phrase. */
NetSipMsg *net_sip_msg_new_response(const NetSipMsg *request, int status, const char *reason);
NetSipMsg *net_sip_msg_copy(const NetSipMsg *self);
void net_sip_msg_free(NetSipMsg *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NetSipMsg, net_sip_msg_free)

bool net_sip_msg_is_request(const NetSipMsg *self);
const char *net_sip_msg_method(const NetSipMsg *self); /* of a response: the CSeq's */
bool net_sip_msg_is_method(const NetSipMsg *self, const char *method);
const char *net_sip_msg_request_uri(const NetSipMsg *self); /* NULL for a response */
void net_sip_msg_set_request_uri(NetSipMsg *self, const char *uri);
int net_sip_msg_status(const NetSipMsg *self); /* 0 for a request */
const char *net_sip_msg_reason(const NetSipMsg *self);
/* The start line, e.g. for a log. (transfer full) */
char *net_sip_msg_summary(const NetSipMsg *self);

/* The nth element of a header (0 first); NULL if there is none. Lent until that header changes. */
const char *net_sip_msg_header(const NetSipMsg *self, const char *name, guint nth);
guint net_sip_msg_header_count(const NetSipMsg *self, const char *name);
/* Adds an element behind / in front of those of the same name. CR and LF in @value
 * become spaces: nothing foreign begins a line of its own. */
void net_sip_msg_add(NetSipMsg *self, const char *name, const char *value);
void net_sip_msg_add_printf(NetSipMsg *self, const char *name, const char *format, ...) G_GNUC_PRINTF(3, 4);
void net_sip_msg_prepend(NetSipMsg *self, const char *name, const char *value);
/* Replaces all elements of that name by one. */
void net_sip_msg_set(NetSipMsg *self, const char *name, const char *value);
void net_sip_msg_set_nth(NetSipMsg *self, const char *name, guint nth, const char *value);
void net_sip_msg_remove(NetSipMsg *self, const char *name); /* all */
void net_sip_msg_remove_nth(NetSipMsg *self, const char *name, guint nth);
/* Copies all elements of @name from @from behind those already there. */
void net_sip_msg_copy_header(NetSipMsg *self, const NetSipMsg *from, const char *name);
/* True if @token is an element of a list header (Supported, Require, Allow, Accept), without case. */
bool net_sip_msg_has_token(const NetSipMsg *self, const char *name, const char *token);
/* An unsigned header (Expires, Max-Forwards, Min-SE, Session-Expires, RSeq, Retry-After): its number
 * without parameters, or @fallback if it is missing or no number below 2^32. */
uint32_t net_sip_msg_number(const NetSipMsg *self, const char *name, uint32_t fallback);
/* A parameter of the nth element (`;name=value`), unquoted: NULL if not there. (transfer full) */
char *net_sip_msg_header_param(const NetSipMsg *self, const char *name, guint nth, const char *param);
/* The nth element parsed as an address; NULL if not there or malformed. (transfer full) */
NetSipAddress *net_sip_msg_address(const NetSipMsg *self, const char *name, guint nth);
/* The URI of the nth element of an address header as text, e.g. P-Asserted-Identity. (transfer full) */
char *net_sip_msg_address_uri(const NetSipMsg *self, const char *name, guint nth);
/* From, To: the address of record, e.g. "sip:demo@imstv.test"; NULL if malformed. (transfer full) */
char *net_sip_msg_aor(const NetSipMsg *self, const char *name);
/* The user part of an address header's URI, unescaped, e.g. of To: "iptv-heron". (transfer full) */
char *net_sip_msg_user(const NetSipMsg *self, const char *name);

const char *net_sip_msg_call_id(const NetSipMsg *self); /* "" if missing (only in one we build) */
uint32_t net_sip_msg_cseq(const NetSipMsg *self);
const char *net_sip_msg_from_tag(const NetSipMsg *self); /* NULL if none; lent */
const char *net_sip_msg_to_tag(const NetSipMsg *self);
void net_sip_msg_set_to_tag(NetSipMsg *self, const char *tag);
/* The local UUID of Session-ID as the sender wrote it: 32 hex; NULL if there is none. Lent. */
const char *net_sip_msg_session_id(const NetSipMsg *self);

/* @both: the far end's half is the same (one id follows the whole call), else it is not known yet. */
void net_sip_msg_set_session_id(NetSipMsg *self, const char *uuid, bool both);

/* Media type without parameters, lower case: "application/sdp"; NULL without a body type. */
const char *net_sip_msg_content_type(const NetSipMsg *self);
bool net_sip_msg_has_content_type(const NetSipMsg *self, const char *type);
/* @ret_length: may be NULL. "" if there is no body; NUL-ended behind its length. */
const char *net_sip_msg_body(const NetSipMsg *self, size_t *ret_length);
/* @content_type: with parameters if any; NULL removes the body. @length: -1 for a C string. */
void net_sip_msg_set_body(NetSipMsg *self, const char *content_type, const char *body, gssize length);

/* Bytes for the wire, Content-Length set. (transfer full) */
GBytes *net_sip_msg_to_bytes(const NetSipMsg *self);

/* The reference point that a trace names for this message ("y2"); NULL: that of the flow. Interned. */
void net_sip_msg_set_reference_point(NetSipMsg *self, const char *reference_point);
const char *net_sip_msg_reference_point(const NetSipMsg *self);

/* The usual reason phrase of a status. */
const char *net_sip_reason(int status);
