#include "bench/srtp.h"

#include <srtp2/srtp.h>
#include <string.h>

struct BenchSrtp {
    srtp_t in;
};

/* libsrtp's own state is one per process. */
static bool
library_init(void)
{
    static gsize once; /* 0; then the status plus one */

    if (g_once_init_enter(&once))
        g_once_init_leave(&once, (gsize)srtp_init() + 1);

    return once - 1 == srtp_err_status_ok;
}

static bool
profile_by_name(const char *name, srtp_profile_t *ret_profile)
{
    static const struct {
        const char *name;
        srtp_profile_t profile;
    } profiles[] = {{"SRTP_AEAD_AES_128_GCM", srtp_profile_aead_aes_128_gcm},
                    {"SRTP_AEAD_AES_256_GCM", srtp_profile_aead_aes_256_gcm},
                    {"SRTP_AES128_CM_SHA1_80", srtp_profile_aes128_cm_sha1_80}};

    for (size_t i = 0; i < G_N_ELEMENTS(profiles); i++)
        if (strcmp(profiles[i].name, name) == 0) {
            *ret_profile = profiles[i].profile;
            return true;
        }

    return false;
}

BenchSrtp *
bench_srtp_new(const BenchSrtpKey *key)
{
    g_autoptr(BenchSrtp) self = g_new0(BenchSrtp, 1);
    srtp_profile_t profile;
    srtp_policy_t policy;

    if (!library_init() || !profile_by_name(key->profile, &profile))
        return NULL;
    memset(&policy, 0, sizeof policy);
    srtp_crypto_policy_set_from_profile_for_rtp(&policy.rtp, profile);
    srtp_crypto_policy_set_from_profile_for_rtcp(&policy.rtcp, profile);
    policy.ssrc.type = ssrc_any_inbound;
    policy.key = (unsigned char *)key->key; /* only read */
    policy.window_size = 1024;

    return srtp_create(&self->in, &policy) == srtp_err_status_ok ? g_steal_pointer(&self) : NULL;
}

void
bench_srtp_free(BenchSrtp *self)
{
    if (!self)
        return;
    if (self->in)
        srtp_dealloc(self->in);
    g_free(self);
}

bool
bench_srtp_verify(BenchSrtp *self, uint8_t *packet, size_t length)
{
    int bytes = (int)length;

    return srtp_unprotect(self->in, packet, &bytes) == srtp_err_status_ok;
}
