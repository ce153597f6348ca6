/* iptv/sip-identity.h - who sent a SIP request, as the core asserts it. */
#pragma once

#include "lib/net/sip-msg.h"

/* The first sip: identity of P-Asserted-Identity. NULL if there is none. (transfer full)
 * Spec: RFC 3325 9.1. */
char *iptv_asserted_identity(const NetSipMsg *message);
