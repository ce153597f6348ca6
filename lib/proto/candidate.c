#include "lib/proto/candidate.h"

#include <string.h>

#include "lib/base/error.h"

static const char *const type_names[] = {"host", "srflx", "prflx", "relay"};
static const uint8_t type_preferences[] = {126, 100, 110, 0}; /* RFC 8445 5.1.2.2 */

static bool
refuse(GError **error, const char *what)
{
    g_set_error(error, BASE_ERROR, BASE_ERROR_PROTOCOL, "ICE candidate: %s", what);
    return false;
}

static bool
parse_number(const char *word, uint64_t max, uint64_t *ret_number)
{
    return g_ascii_string_to_unsigned(word, 10, 0, max, ret_number, NULL);
}

static bool
parse_type(const char *word, ProtoCandidateType *ret_type)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(type_names); i++)
        if (strcmp(word, type_names[i]) == 0) {
            *ret_type = (ProtoCandidateType)i;
            return true;
        }

    return false;
}

bool
proto_candidate_parse(const char *value, ProtoCandidate *ret_candidate, GError **error)
{
    ProtoCandidate candidate = {0};
    g_auto(GStrv) words = NULL;
    uint64_t component, priority, port;

    if (g_str_has_prefix(value, "a="))
        value += 2;
    if (g_str_has_prefix(value, "candidate:"))
        value += strlen("candidate:");
    if (strlen(value) > 512)
        return refuse(error, "too long");

    words = g_strsplit(value, " ", 32);
    if (g_strv_length(words) < 8)
        return refuse(error, "too few words");
    if (strcmp(words[6], "typ") != 0 || !parse_type(words[7], &candidate.type))
        return refuse(error, "no known type");
    if (!parse_number(words[1], 256, &component) || !parse_number(words[3], UINT32_MAX, &priority) ||
        !parse_number(words[5], UINT16_MAX, &port))
        return refuse(error, "a number is out of range");
    if (*words[0] == '\0' ||
        g_strlcpy(candidate.foundation, words[0], sizeof candidate.foundation) >= sizeof candidate.foundation)
        return refuse(error, "bad foundation");
    if (*words[4] == '\0' ||
        g_strlcpy(candidate.address, words[4], sizeof candidate.address) >= sizeof candidate.address)
        return refuse(error, "bad address");

    candidate.component = (unsigned)component;
    candidate.priority = (uint32_t)priority;
    candidate.port = (uint16_t)port;
    candidate.tcp = g_ascii_strcasecmp(words[2], "tcp") == 0;
    *ret_candidate = candidate;

    return true;
}

void
proto_candidate_build(const ProtoCandidate *candidate, GString *out)
{
    g_string_append_printf(out, "candidate:%s %u %s %u %s %u typ %s", candidate->foundation,
                           candidate->component, candidate->tcp ? "tcp" : "udp", candidate->priority,
                           candidate->address, candidate->port, type_names[candidate->type]);
    if (candidate->tcp)
        g_string_append(out, " tcptype passive");
}

uint32_t
proto_candidate_priority(ProtoCandidateType type, uint16_t local_preference, unsigned component)
{
    return (uint32_t)type_preferences[type] << 24 | (uint32_t)local_preference << 8 | (256 - component);
}
