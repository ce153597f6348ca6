/* lib/net/sip-via.h - one Via element: where a response goes, and the branch that names a transaction.
 * For sip-*.c only. Spec: RFC 3261 18.2 and 20.42, RFC 3581 (rport). */
#pragma once

#include <glib.h>
#include <stdint.h>

#define NET_SIP_BRANCH_COOKIE "z9hG4bK"

typedef struct {
    char *transport; /* upper case: "TCP" */
    char *host;      /* sent-by, without brackets */
    uint16_t port;   /* 0: none written */
    char *branch;    /* NULL if missing (RFC 2543) */
    char *received;  /* NULL if missing */
    uint16_t rport;  /* 0: missing or empty */
} NetSipVia;

/* NULL if malformed. */
NetSipVia *net_sip_via_parse(const char *text);
void net_sip_via_free(NetSipVia *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NetSipVia, net_sip_via_free)

/* "host:port" as sent-by has it, brackets round IPv6. (transfer full) */
char *net_sip_host_port(const char *host, uint16_t port);
/* @text with received and, if asked for, rport set to where the request came from. (transfer full) */
char *net_sip_via_mark(const char *text, const char *source_host, uint16_t source_port);
