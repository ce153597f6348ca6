#include "mdf/delivery/stun.h"

#include <string.h>
#include <stun/stunagent.h>
#include <stun/usages/ice.h>

struct MdfStun {
    StunAgent agent;
};

typedef struct {
    MdfStunLookup lookup;
    void *user_data;
} Lookup;

static const uint16_t known_attributes[] = {STUN_ATTRIBUTE_USERNAME,
                                            STUN_ATTRIBUTE_MESSAGE_INTEGRITY,
                                            STUN_ATTRIBUTE_PRIORITY,
                                            STUN_ATTRIBUTE_USE_CANDIDATE,
                                            STUN_ATTRIBUTE_ICE_CONTROLLED,
                                            STUN_ATTRIBUTE_ICE_CONTROLLING,
                                            STUN_ATTRIBUTE_FINGERPRINT,
                                            STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS,
                                            STUN_ATTRIBUTE_ERROR_CODE,
                                            STUN_ATTRIBUTE_UNKNOWN_ATTRIBUTES,
                                            0};

MdfStun *
mdf_stun_new(void)
{
    MdfStun *self = g_new0(MdfStun, 1);

    stun_debug_disable();
    stun_agent_init(&self->agent, known_attributes, STUN_COMPATIBILITY_RFC5389,
                    STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);

    return self;
}

void
mdf_stun_free(MdfStun *self)
{
    g_free(self);
}

static bool
give_password(StunAgent *agent G_GNUC_UNUSED,
              StunMessage *message G_GNUC_UNUSED,
              uint8_t *username,
              uint16_t username_length,
              uint8_t **password,
              size_t *password_length,
              void *user_data)
{
    const Lookup *lookup = user_data;
    const char *found = lookup->lookup((const char *)username, username_length, lookup->user_data);

    if (!found)
        return false;
    *password = (uint8_t *)found; /* libnice only reads it */
    *password_length = strlen(found);

    return true;
}

bool
mdf_stun_handle(MdfStun *self,
                const uint8_t *data,
                size_t length,
                const MdfAddress *from,
                MdfStunLookup lookup,
                void *user_data,
                MdfStunCheck *ret_check)
{
    Lookup context = {lookup, user_data};
    StunMessage request, reply;
    size_t reply_length = sizeof ret_check->reply;
    bool controlling = false;
    StunUsageIceReturn result;

    if (stun_agent_validate(&self->agent, &request, data, length, give_password, &context) !=
        STUN_VALIDATION_SUCCESS)
        return false;
    if (stun_message_get_class(&request) != STUN_REQUEST ||
        stun_message_get_method(&request) != STUN_BINDING ||
        !stun_message_has_attribute(&request, STUN_ATTRIBUTE_MESSAGE_INTEGRITY))
        return false;

    /* A lite agent stays controlled; the tie breaker 0 loses every conflict into a 487. */
    result = stun_usage_ice_conncheck_create_reply(&self->agent, &request, &reply, ret_check->reply,
                                                   &reply_length, &from->storage, mdf_address_length(from),
                                                   &controlling, 0, STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
    ret_check->accepted = result == STUN_USAGE_ICE_RETURN_SUCCESS;
    ret_check->use_candidate = stun_usage_ice_conncheck_use_candidate(&request);
    ret_check->reply_length = reply_length <= length ? reply_length : 0;

    return ret_check->accepted || result == STUN_USAGE_ICE_RETURN_ROLE_CONFLICT;
}
