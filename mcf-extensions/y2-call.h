/* mcf-extensions/y2-call.h - one dialog of the SCF and its session; shared by y2-handler.c (INVITE, the end)
 * and y2-reinvite.c. */
#pragma once

#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "lib/net/sip-ua.h"
#include "mcf-extensions/y2-handler.h"
#include "mcf-extensions/y2-offer.h"

struct McfY2 {
    McfParts parts;
    McfY2Config config; /* strings owned */
    NetSipUa *ua;
    uint16_t port;
    GHashTable *calls; /* set of McfY2Call */
    bool stopping;
    void (*idle)(void *user_data);
    void *idle_data;
    BaseMetric *open;
};

typedef struct McfY2Call {
    McfY2 *y2;
    NetSipSession *sip;
    McfSession *session; /* NULL: over, waits for the end of the dialog */
    ProtoIptvRtsp line;  /* of the offer: where the answer's goes */
    char *media;         /* of the last offer that was accepted */
    char *answer;        /* our SDP */
    gint64 begun_us;
    /* a re-INVITE that waits for the MDF */
    NetSipIncoming *reinvite;
    char *new_media;
} McfY2Call;

/* --- y2-handler.c */
BaseLogFields mcf_y2_call_fields(const McfY2Call *call);
/* What a failure is on y2. */
int mcf_y2_status(const GError *error);
/* Retry-After or Warning, as the status of @response asks for. */
void mcf_y2_set_refusal(NetSipMsg *response, const GError *error, int retry_after_s);
/* The MDF's answer with our iptv_rtsp line at the offer's index. (transfer full) */
char *mcf_y2_full_answer(McfY2Call *call, const char *media, GError **error);
/* Ends session and dialog; the call goes when the BYE is answered. */
void mcf_y2_end_call(McfY2Call *call, int cause, const char *reason);

/* --- y2-reinvite.c: NetSipSessionEvents.reinvite */
void mcf_y2_on_reinvite(NetSipSession *sip, NetSipIncoming *incoming, void *user_data);
