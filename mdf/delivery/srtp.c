#include "mdf/delivery/srtp.h"

#include <srtp2/srtp.h>
#include <string.h>

#include "lib/base/error.h"
#include "lib/proto/rtp.h"

struct MdfSrtp {
    srtp_t out, in;
    uint32_t sources[MDF_SRTCP_SOURCES_MAX]; /* libsrtp makes a stream for each it sees */
    unsigned n_sources;
};

/* libsrtp's own state is one per process, and a second srtp_init fails. */
bool
mdf_srtp_library_init(GError **error)
{
    static gsize once; /* 0; then the status plus one */

    if (g_once_init_enter(&once))
        g_once_init_leave(&once, (gsize)srtp_init() + 1);
    if (once - 1 != srtp_err_status_ok)
        g_set_error(error, BASE_ERROR, BASE_ERROR_INTERNAL, "libsrtp cannot be initialised (%d)",
                    (int)once - 1);

    return once - 1 == srtp_err_status_ok;
}

static srtp_t
make_session(MdfSrtpProfile profile, const uint8_t *master, bool outgoing)
{
    static const srtp_profile_t profiles[] = {
        [MDF_SRTP_AEAD_AES_128_GCM] = srtp_profile_aead_aes_128_gcm,
        [MDF_SRTP_AEAD_AES_256_GCM] = srtp_profile_aead_aes_256_gcm,
        [MDF_SRTP_AES128_CM_SHA1_80] = srtp_profile_aes128_cm_sha1_80,
    };
    srtp_policy_t policy;
    srtp_t session = NULL;

    memset(&policy, 0, sizeof policy);
    srtp_crypto_policy_set_from_profile_for_rtp(&policy.rtp, profiles[profile]);
    srtp_crypto_policy_set_from_profile_for_rtcp(&policy.rtcp, profiles[profile]);
    policy.ssrc.type = outgoing ? ssrc_any_outbound : ssrc_any_inbound;
    policy.key = (unsigned char *)master; /* only read */
    policy.window_size = 128;

    return srtp_create(&session, &policy) == srtp_err_status_ok ? session : NULL;
}

MdfSrtp *
mdf_srtp_new(const MdfSrtpKeys *keys)
{
    g_autoptr(MdfSrtp) self = g_new0(MdfSrtp, 1);

    self->out = make_session(keys->profile, keys->local, true);
    self->in = make_session(keys->profile, keys->remote, false);

    return self->out && self->in ? g_steal_pointer(&self) : NULL;
}

void
mdf_srtp_free(MdfSrtp *self)
{
    if (!self)
        return;
    if (self->out)
        srtp_dealloc(self->out);
    if (self->in)
        srtp_dealloc(self->in);
    g_free(self);
}

size_t
mdf_srtp_protect_rtcp(MdfSrtp *self, uint8_t *packet, size_t length, size_t size)
{
    int bytes = (int)length;

    if (length + MDF_SRTCP_GROWTH > size ||
        srtp_protect_rtcp(self->out, packet, &bytes) != srtp_err_status_ok)
        return 0;

    return (size_t)bytes;
}

static bool
knows_source(const MdfSrtp *self, uint32_t ssrc)
{
    for (unsigned i = 0; i < self->n_sources; i++)
        if (self->sources[i] == ssrc)
            return true;

    return false;
}

size_t
mdf_srtp_unprotect_rtcp(MdfSrtp *self, uint8_t *packet, size_t length)
{
    int bytes = (int)length;
    uint32_t ssrc;
    bool known;

    if (length < 8)
        return 0;
    ssrc = proto_get32(packet + 4);
    known = knows_source(self, ssrc);
    if (!known && self->n_sources == MDF_SRTCP_SOURCES_MAX)
        return 0;
    if (srtp_unprotect_rtcp(self->in, packet, &bytes) != srtp_err_status_ok)
        return 0;
    if (!known)
        self->sources[self->n_sources++] = ssrc;

    return (size_t)bytes;
}
