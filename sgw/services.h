/* sgw/services.h - what all sessions of the gateway share: settings and the endpoints towards the network. */
#pragma once

#include "lib/net/http-client.h"
#include "lib/net/sip-ua.h"

#include <stdint.h>

typedef struct SgwXc SgwXc;

typedef struct {
    char *home_domain;
    char *pcscf_host; /* IP literal */
    uint16_t pcscf_port;
    NetSipTransportKind gm_transport;
    char *local_host; /* our address on Gm and in SDP */
    unsigned register_expires_s;
    unsigned grace_s;
    unsigned restore_s; /* how long calls wait for a lost connection to the core */
    char *sdf_psi;      /* user parts */
    char *bc_psi;
    char *content_prefix;
    unsigned complete_timeout_ms;
} SgwSettings;

typedef struct {
    const SgwSettings *settings;
    NetSipUa *ua;
    NetHttpClient *xa;
    SgwXc *xc;
} SgwServices;
