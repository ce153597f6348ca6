#include "mdf/delivery/peer.h"

#include <string.h>

typedef enum {
    NEW,
    CHECKED, /* a check has come; DTLS runs as soon as a pair is nominated */
    CONNECTED,
    DEAD,
} State;

struct MdfPeer {
    State state;
    MdfIce ice;
    MdfDtls *dtls;
    bool dtls_active;
    bool dtls_started;
    int64_t dtls_deadline_us;
    MdfSrtcp *srtcp;
    MdfSeal *seal;
    const MdfSealContext *seal_context;
    const MdfPeerEvents *events;
    void *user_data;
    MdfPeerCounters counters;
};

static void
on_dtls_send(const uint8_t *data, size_t length, void *user_data)
{
    MdfPeer *self = user_data;
    const MdfAddress *to = mdf_ice_selected(&self->ice);

    if (!to)
        to = &self->ice.addresses[0].address; /* proven, not yet nominated */
    if (self->ice.n_addresses > 0)
        self->events->send(to, data, length, self->user_data);
}

MdfPeer *
mdf_peer_new(const MdfPeerParameters *parameters,
             const MdfDtlsContext *dtls,
             const MdfSealContext *seal,
             const MdfPeerEvents *events,
             void *user_data,
             int64_t now_us)
{
    MdfPeer *self = g_new0(MdfPeer, 1);

    mdf_ice_init(&self->ice, &parameters->credentials, now_us);
    self->dtls = mdf_dtls_new(dtls, &parameters->dtls, on_dtls_send, self);
    self->dtls_active = parameters->dtls.active;
    self->seal_context = seal;
    self->events = events;
    self->user_data = user_data;

    return self;
}

void
mdf_peer_free(MdfPeer *self)
{
    if (!self)
        return;
    if (self->state == CONNECTED)
        mdf_dtls_close(self->dtls);
    mdf_dtls_free(self->dtls);
    mdf_srtcp_free(self->srtcp);
    mdf_seal_free(self->seal);
    g_free(self);
}

MdfIce *
mdf_peer_ice(MdfPeer *self)
{
    return &self->ice;
}

void
mdf_peer_restart_ice(MdfPeer *self, const MdfIceCredentials *credentials)
{
    mdf_ice_restart(&self->ice, credentials);
}

static void
die(MdfPeer *self, MdfCloseReason reason)
{
    if (self->state == DEAD)
        return;
    self->state = DEAD;
    self->events->failed(reason, self->user_data);
}

static bool
install_keys(MdfPeer *self)
{
    MdfSrtpKeys keys = {0};
    bool ok = mdf_dtls_export(self->dtls, &keys);

    if (ok) {
        self->srtcp = mdf_srtcp_new(&keys);
        self->seal = mdf_seal_new(self->seal_context, keys.profile, keys.local);
    }
    explicit_bzero(&keys, sizeof keys);

    return ok && self->srtcp && self->seal;
}

/* Media goes to a nominated pair only; with both sides done, whichever came last. */
static void
connect_if_ready(MdfPeer *self)
{
    if (self->state != CHECKED || !self->seal || !mdf_ice_selected(&self->ice))
        return;
    self->state = CONNECTED;
    self->events->connected(self->user_data);
}

static void
follow_dtls(MdfPeer *self, MdfDtlsState state)
{
    switch (state) {
    case MDF_DTLS_HANDSHAKE:
        break;
    case MDF_DTLS_CONNECTED:
        if (!self->seal && !install_keys(self)) {
            die(self, MDF_CLOSE_DTLS_FAILED);
            break;
        }
        connect_if_ready(self);
        break;
    case MDF_DTLS_FAILED:
        die(self, MDF_CLOSE_DTLS_FAILED);
        break;
    case MDF_DTLS_CLOSED:
        die(self, MDF_CLOSE_PEER_BYE);
        break;
    }
}

static void
start_dtls(MdfPeer *self, int64_t now_us)
{
    if (self->dtls_started)
        return;
    self->dtls_started = true;
    self->dtls_deadline_us = now_us + MDF_PEER_DTLS_TIMEOUT_US;
    if (self->dtls_active)
        follow_dtls(self, mdf_dtls_start(self->dtls));
}

void
mdf_peer_handle_check(MdfPeer *self,
                      const MdfAddress *from,
                      const char *name,
                      size_t length,
                      bool use_candidate,
                      int64_t now_us,
                      MdfIceChange *ret_change)
{
    mdf_ice_checked(&self->ice, from, name, length, use_candidate, now_us, ret_change);
    if (self->state == NEW)
        self->state = CHECKED;
    if (ret_change->selected)
        start_dtls(self, now_us);
    connect_if_ready(self);
}

void
mdf_peer_handle_dtls(MdfPeer *self, const uint8_t *data, size_t length, int64_t now_us)
{
    if (self->state != CHECKED && self->state != CONNECTED) {
        self->counters.dtls_refused++;
        return;
    }
    start_dtls(self, now_us); /* the ClientHello may overtake the nomination */
    if (self->state != DEAD)
        follow_dtls(self, mdf_dtls_receive(self->dtls, data, length));
}

void
mdf_peer_handle_rtcp(MdfPeer *self, uint8_t *data, size_t length, int64_t now_us)
{
    size_t plain =
        self->srtcp && self->state == CONNECTED ? mdf_srtcp_unprotect(self->srtcp, data, length) : 0;

    if (plain == 0)
        self->counters.rtcp_refused++;
    else
        self->events->rtcp(data, plain, now_us, self->user_data);
}

static int64_t
run_dtls_timer(MdfPeer *self, int64_t now_us)
{
    int64_t left_us;

    if (now_us >= self->dtls_deadline_us) {
        die(self, MDF_CLOSE_DTLS_FAILED);
        return INT64_MAX;
    }
    left_us = mdf_dtls_timeout_us(self->dtls);
    if (left_us == 0) {
        follow_dtls(self, mdf_dtls_handle_timeout(self->dtls));
        left_us = mdf_dtls_timeout_us(self->dtls);
    }

    return MIN(self->dtls_deadline_us, left_us < 0 ? INT64_MAX : now_us + MAX(left_us, 1000));
}

int64_t
mdf_peer_run(MdfPeer *self, int64_t now_us)
{
    int64_t next_us = mdf_ice_consent_ends_us(&self->ice);

    if (self->state == DEAD)
        return INT64_MAX;
    if (now_us >= next_us) {
        die(self, self->state == NEW ? MDF_CLOSE_ICE_TIMEOUT : MDF_CLOSE_CONSENT_LOST);
        return INT64_MAX;
    }
    if (self->dtls_started && self->state == CHECKED)
        next_us = MIN(next_us, run_dtls_timer(self, now_us));

    return self->state == DEAD ? INT64_MAX : next_us;
}

bool
mdf_peer_is_connected(const MdfPeer *self)
{
    return self->state == CONNECTED;
}

MdfSeal *
mdf_peer_seal(MdfPeer *self)
{
    return self->seal;
}

const MdfAddress *
mdf_peer_address(const MdfPeer *self)
{
    return mdf_ice_selected(&self->ice);
}

void
mdf_peer_send_rtcp(MdfPeer *self, uint8_t *packet, size_t length, size_t size)
{
    size_t sealed = self->state == CONNECTED ? mdf_srtcp_protect(self->srtcp, packet, length, size) : 0;

    if (sealed > 0)
        self->events->send(mdf_peer_address(self), packet, sealed, self->user_data);
}

const MdfPeerCounters *
mdf_peer_counters(const MdfPeer *self)
{
    return &self->counters;
}
