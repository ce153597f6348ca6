#include "bench/stun.h"

#include <string.h>
#include <stun/stunagent.h>
#include <stun/usages/ice.h>

#include "lib/base/id.h"
#include "lib/proto/candidate.h"

struct BenchStun {
    StunAgent agent;
    char *username; /* of our checks: theirs:ours */
    char *pwd, *remote_pwd;
    uint64_t tie_breaker;
    StunTransactionId last; /* only the newest check waits for its answer */
    bool waiting;
};

static const uint16_t known_attributes[] = {
    STUN_ATTRIBUTE_USERNAME,      STUN_ATTRIBUTE_MESSAGE_INTEGRITY,  STUN_ATTRIBUTE_PRIORITY,
    STUN_ATTRIBUTE_USE_CANDIDATE, STUN_ATTRIBUTE_ICE_CONTROLLED,     STUN_ATTRIBUTE_ICE_CONTROLLING,
    STUN_ATTRIBUTE_FINGERPRINT,   STUN_ATTRIBUTE_MAPPED_ADDRESS,     STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS,
    STUN_ATTRIBUTE_ERROR_CODE,    STUN_ATTRIBUTE_UNKNOWN_ATTRIBUTES, 0};

BenchStun *
bench_stun_new(const char *ufrag, const char *pwd, const char *remote_ufrag, const char *remote_pwd)
{
    BenchStun *self = g_new0(BenchStun, 1);

    stun_debug_disable();
    stun_agent_init(&self->agent, known_attributes, STUN_COMPATIBILITY_RFC5389,
                    STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
    self->username = g_strdup_printf("%s:%s", remote_ufrag, ufrag);
    self->pwd = g_strdup(pwd);
    self->remote_pwd = g_strdup(remote_pwd);
    base_random_bytes(&self->tie_breaker, sizeof self->tie_breaker);

    return self;
}

void
bench_stun_free(BenchStun *self)
{
    if (!self)
        return;
    g_free(self->username);
    g_free(self->pwd);
    g_free(self->remote_pwd);
    g_free(self);
}

size_t
bench_stun_check(BenchStun *self, uint8_t out[BENCH_STUN_BYTES_MAX])
{
    StunMessage message;
    size_t length;

    if (self->waiting)
        stun_agent_forget_transaction(&self->agent, self->last);
    length = stun_usage_ice_conncheck_create(
        &self->agent, &message, out, BENCH_STUN_BYTES_MAX, (const uint8_t *)self->username,
        strlen(self->username), (const uint8_t *)self->remote_pwd, strlen(self->remote_pwd), true, true,
        proto_candidate_priority(PROTO_CANDIDATE_PRFLX, 65535, 1), self->tie_breaker, NULL,
        STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
    self->waiting = length > 0;
    if (self->waiting)
        stun_message_id(&message, self->last);

    return length;
}

static bool
give_password(StunAgent *agent G_GNUC_UNUSED,
              StunMessage *message G_GNUC_UNUSED,
              uint8_t *username G_GNUC_UNUSED,
              uint16_t username_length G_GNUC_UNUSED,
              uint8_t **password,
              size_t *password_length,
              void *user_data)
{
    BenchStun *self = user_data;

    *password = (uint8_t *)self->pwd;
    *password_length = strlen(self->pwd);

    return true;
}

static BenchStunResult
reply_to(BenchStun *self,
         StunMessage *request,
         const struct sockaddr *from,
         socklen_t from_bytes,
         uint8_t *reply,
         size_t *ret_reply_bytes)
{
    struct sockaddr_storage source = {0};
    StunMessage answer;
    size_t length = BENCH_STUN_BYTES_MAX;
    bool controlling = true;

    memcpy(&source, from, MIN(from_bytes, sizeof source));
    if (stun_message_get_method(request) != STUN_BINDING ||
        stun_usage_ice_conncheck_create_reply(
            &self->agent, request, &answer, reply, &length, &source, from_bytes, &controlling,
            self->tie_breaker, STUN_USAGE_ICE_COMPATIBILITY_RFC5245) != STUN_USAGE_ICE_RETURN_SUCCESS)
        return BENCH_STUN_IGNORED;
    *ret_reply_bytes = length;

    return BENCH_STUN_REPLY;
}

BenchStunResult
bench_stun_handle(BenchStun *self,
                  const uint8_t *data,
                  size_t length,
                  const struct sockaddr *from,
                  socklen_t from_bytes,
                  uint8_t reply[BENCH_STUN_BYTES_MAX],
                  size_t *ret_reply_bytes)
{
    StunMessage message;

    if (stun_agent_validate(&self->agent, &message, data, length, give_password, self) !=
        STUN_VALIDATION_SUCCESS)
        return BENCH_STUN_IGNORED;
    if (stun_message_get_class(&message) == STUN_REQUEST)
        return reply_to(self, &message, from, from_bytes, reply, ret_reply_bytes);
    if (stun_message_get_class(&message) != STUN_RESPONSE)
        return BENCH_STUN_IGNORED;
    self->waiting = false;

    return BENCH_STUN_SUCCEEDED;
}
