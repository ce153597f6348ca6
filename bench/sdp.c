#include "bench/sdp.h"

#include <arpa/inet.h>
#include <string.h>

#include "lib/base/error.h"
#include "lib/base/id.h"
#include "lib/proto/candidate.h"

#define MEDIA_COMMON                                                                                         \
    "c=IN IP4 0.0.0.0\r\n"                                                                                   \
    "a=ice-ufrag:%1$s\r\na=ice-pwd:%2$s\r\na=fingerprint:%3$s\r\na=setup:active\r\na=rtcp-mux\r\na="         \
    "recvonly\r\n"

static const char offer_format[] =
    "v=0\r\no=- %4$u 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n" MEDIA_COMMON "a=mid:0\r\n"
    "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n"
    "m=video 9 UDP/TLS/RTP/SAVPF 102 96 98\r\n" MEDIA_COMMON "a=mid:1\r\n"
    "a=rtpmap:102 H264/90000\r\n"
    "a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n"
    "a=rtpmap:96 VP8/90000\r\n"
    "a=rtpmap:98 VP9/90000\r\na=fmtp:98 profile-id=0\r\n";

char *
bench_sdp_offer(const char *ufrag, const char *pwd, const char *fingerprint)
{
    uint32_t id;

    base_random_bytes(&id, sizeof id);

    return g_strdup_printf(offer_format, ufrag, pwd, fingerprint, id);
}

/* "sha-256 AB:CD:..." */
static bool
parse_fingerprint(const char *value, BenchAnswer *answer)
{
    const char *space = strchr(value, ' ');
    size_t n = 0;

    if (!space || (size_t)(space - value) >= sizeof answer->hash)
        return false;
    memcpy(answer->hash, value, (size_t)(space - value));
    answer->hash[space - value] = '\0';
    for (const char *p = space + 1; n < BENCH_FINGERPRINT_MAX; p += 3) {
        if (!g_ascii_isxdigit(p[0]) || !g_ascii_isxdigit(p[1]))
            return false;
        answer->fingerprint[n++] = (uint8_t)(g_ascii_xdigit_value(p[0]) << 4 | g_ascii_xdigit_value(p[1]));
        if (p[2] != ':')
            break;
    }
    answer->fingerprint_bytes = n;

    return true;
}

/* The first UDP candidate with an address that is none of a name service. */
static void
take_candidate(const char *value, BenchAnswer *answer)
{
    ProtoCandidate candidate;

    if (answer->address_bytes || !proto_candidate_parse(value, &candidate, NULL) || candidate.tcp)
        return;
    if (inet_pton(AF_INET, candidate.address, &answer->address.v4.sin_addr) == 1) {
        answer->address.v4.sin_family = AF_INET;
        answer->address.v4.sin_port = htons(candidate.port);
        answer->address_bytes = sizeof answer->address.v4;
    } else if (inet_pton(AF_INET6, candidate.address, &answer->address.v6.sin6_addr) == 1) {
        answer->address.v6.sin6_family = AF_INET6;
        answer->address.v6.sin6_port = htons(candidate.port);
        answer->address_bytes = sizeof answer->address.v6;
    }
}

/* False if the line is malformed. What stands in more than one place is the same in all (BUNDLE). */
static bool
take_line(const char *line, BenchAnswer *answer)
{
    if (g_str_has_prefix(line, "a=ice-ufrag:"))
        return g_strlcpy(answer->ufrag, line + 12, sizeof answer->ufrag) < sizeof answer->ufrag;
    if (g_str_has_prefix(line, "a=ice-pwd:"))
        return g_strlcpy(answer->pwd, line + 10, sizeof answer->pwd) < sizeof answer->pwd;
    if (g_str_has_prefix(line, "a=fingerprint:"))
        return parse_fingerprint(line + 14, answer);
    if (g_str_has_prefix(line, "a=candidate:"))
        take_candidate(line, answer);

    return true;
}

bool
bench_sdp_answer_parse(const char *text, BenchAnswer *ret_answer, GError **error)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    BenchAnswer answer = {0};

    for (unsigned i = 0; lines[i]; i++)
        if (!take_line(g_strchomp(lines[i]), &answer)) {
            g_set_error(error, BASE_ERROR, BASE_ERROR_PROTOCOL, "the answer has a bad line: %.80s", lines[i]);
            return false;
        }
    if (!*answer.ufrag || !*answer.pwd || !answer.fingerprint_bytes || !answer.address_bytes) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_PROTOCOL, "the answer has no %s",
                    !*answer.ufrag || !*answer.pwd ? "ICE user and password"
                    : !answer.fingerprint_bytes    ? "fingerprint"
                                                   : "UDP candidate");
        return false;
    }
    *ret_answer = answer;

    return true;
}
