/* lib/proto/candidate.h - ICE candidate lines ("candidate:1 1 udp 2130706431 192.0.2.1 8189 typ host").
 * Spec: RFC 8839 5.1. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    PROTO_CANDIDATE_ADDRESS_MAX = 64, /* IPv6 or an mDNS name */
};

typedef enum {
    PROTO_CANDIDATE_HOST,
    PROTO_CANDIDATE_SRFLX,
    PROTO_CANDIDATE_PRFLX,
    PROTO_CANDIDATE_RELAY,
} ProtoCandidateType;

typedef struct {
    char foundation[33];
    unsigned component; /* 1: RTP, and RTCP too with rtcp-mux */
    bool tcp;
    uint32_t priority;
    char address[PROTO_CANDIDATE_ADDRESS_MAX + 1];
    uint16_t port;
    ProtoCandidateType type;
} ProtoCandidate;

/* @value: an a= value or a line, with or without "a="; Errors: PROTOCOL. */
bool proto_candidate_parse(const char *value, ProtoCandidate *ret_candidate, GError **error);

/* Appends "candidate:..." without "a=" or a line end. */
void proto_candidate_build(const ProtoCandidate *candidate, GString *out);

/* @local_preference: 65535 for the first address, less for each further one.
 * Spec: RFC 8445 5.1.2.1. */
uint32_t proto_candidate_priority(ProtoCandidateType type, uint16_t local_preference, unsigned component);
