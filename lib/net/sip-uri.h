/* lib/net/sip-uri.h - SIP, SIPS and tel URIs, and address headers (From, To, Contact, Route, P-*).
 *
 * Grammar by libosip2, which hands back the user part already unescaped: it is escaped again when
 * written, never unescaped twice.
 * Spec: RFC 3261 19.1 and 20, RFC 3966. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct NetSipUri NetSipUri;

/* Errors: PROTOCOL. */
NetSipUri *net_sip_uri_parse(const char *text, GError **error);
/* @user: unescaped, may be NULL. @port: 0 if none. IPv6 hosts with or without brackets. */
NetSipUri *net_sip_uri_new(const char *scheme, const char *user, const char *host, uint16_t port);
NetSipUri *net_sip_uri_copy(const NetSipUri *self);
void net_sip_uri_free(NetSipUri *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NetSipUri, net_sip_uri_free)

const char *net_sip_uri_scheme(const NetSipUri *self); /* lower case */
const char *net_sip_uri_user(const NetSipUri *self);   /* unescaped; NULL if none; tel: the number */
const char *net_sip_uri_host(const NetSipUri *self);   /* without brackets; NULL for tel: */
uint16_t net_sip_uri_port(const NetSipUri *self);      /* 0 if none is written */
/* NULL: not there; "": there without a value. Names are compared without case. */
const char *net_sip_uri_param(const NetSipUri *self, const char *name);
void net_sip_uri_set_user(NetSipUri *self, const char *user);
/* @value: NULL writes the bare name. */
void net_sip_uri_set_param(NetSipUri *self, const char *name, const char *value);
void net_sip_uri_remove_param(NetSipUri *self, const char *name);

/* (transfer full) */
char *net_sip_uri_to_string(const NetSipUri *self);
/* The address of record: scheme, user and host in canonical form, no port or parameters, fit as a
 * key: "sip:demo@imstv.test". (transfer full) */
char *net_sip_uri_aor(const NetSipUri *self);
/* The same on text; NULL if it is no URI. (transfer full) */
char *net_sip_uri_aor_of(const char *text);
/* Spec: RFC 3261 19.1.4. */
bool net_sip_uri_equal(const NetSipUri *a, const NetSipUri *b);

typedef struct NetSipAddress NetSipAddress;

/* `"Name" <uri>;params` or `uri;params`; one element, no comma list.
 * Errors: PROTOCOL. */
NetSipAddress *net_sip_address_parse(const char *text, GError **error);
/* @display: may be NULL; @uri: must parse (assert), it is ours. */
NetSipAddress *net_sip_address_new(const char *display, const char *uri);
void net_sip_address_free(NetSipAddress *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NetSipAddress, net_sip_address_free)

const NetSipUri *net_sip_address_uri(const NetSipAddress *self);
NetSipUri *net_sip_address_edit_uri(NetSipAddress *self);
const char *net_sip_address_display(const NetSipAddress *self); /* without quotes; NULL if none */
/* Header parameters such as tag, expires, +sip.instance: NULL not there, "" without value; quotes
 * are taken off. */
const char *net_sip_address_param(const NetSipAddress *self, const char *name);
void net_sip_address_set_param(NetSipAddress *self, const char *name, const char *value);
void net_sip_address_remove_param(NetSipAddress *self, const char *name);
/* (transfer full) */
char *net_sip_address_to_string(const NetSipAddress *self);
