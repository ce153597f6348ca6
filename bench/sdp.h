/* bench/sdp.h - the offer of a viewer that only receives, and what it needs of the answer.
 * Spec: RFC 8829, RFC 8839, RFC 8842. */
#pragma once

#include <glib.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
    BENCH_FINGERPRINT_MAX = 64,
    BENCH_ICE_TEXT_MAX = 256, /* of an ICE user fragment or password */
};

/* Offers audio and video to receive, as the DTLS client (setup:active), without candidates: the first check
 * tells where the viewer is. @fingerprint: "sha-256 AB:CD:...". (transfer full) */
char *bench_sdp_offer(const char *ufrag, const char *pwd, const char *fingerprint);

typedef struct {
    char ufrag[BENCH_ICE_TEXT_MAX + 1], pwd[BENCH_ICE_TEXT_MAX + 1];
    char hash[16]; /* "sha-256" */
    uint8_t fingerprint[BENCH_FINGERPRINT_MAX];
    size_t fingerprint_bytes;
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address; /* of the first UDP candidate */
    socklen_t address_bytes;
} BenchAnswer;

/* Errors: PROTOCOL if ICE, a fingerprint or a UDP candidate is missing or malformed. */
bool bench_sdp_answer_parse(const char *text, BenchAnswer *ret_answer, GError **error);
