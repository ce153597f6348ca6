/* lib/net/sip-text.h - the small grammar that all SIP headers share: tokens, quotes, lists, parameters.
 * For sip-*.c only. Spec: RFC 3261 7.3 and 25.1. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* `token` of RFC 3261 25.1; not empty. */
bool net_sip_is_token(const char *text, gsize length);

/* Where the element that starts at @text ends: at a comma outside quotes and angle brackets, or at the
 * end. NULL if quotes or brackets are not closed. */
const char *net_sip_element_end(const char *text);

/* Spaces and tabs off both ends. (transfer full) */
char *net_sip_strip(const char *text, gsize length);

/* Decimal digits only, within 0..@max. */
bool net_sip_number(const char *text, uint64_t max, uint64_t *ret_number);

/* `;name=value` lists. Names are compared without case. */
typedef struct NetSipParams NetSipParams;

NetSipParams *net_sip_params_new(void);
void net_sip_params_free(NetSipParams *self);
void net_sip_params_copy(NetSipParams *self, const NetSipParams *from);
/* @text: "" or from the first ';' on; quoted values are unquoted. False if it is malformed; empty
 * parameters (";;") are malformed, too. */
bool net_sip_params_parse(NetSipParams *self, const char *text);
/* NULL: not there; "": there without a value. */
const char *net_sip_params_get(const NetSipParams *self, const char *name);
void net_sip_params_set(NetSipParams *self, const char *name, const char *value);
void net_sip_params_remove(NetSipParams *self, const char *name);
guint net_sip_params_count(const NetSipParams *self);
const char *net_sip_params_nth_name(const NetSipParams *self, guint nth);
const char *net_sip_params_nth_value(const NetSipParams *self, guint nth); /* NULL if none */
/* Values that are no token are quoted. */
void net_sip_params_append(const NetSipParams *self, GString *out);
