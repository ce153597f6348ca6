/* bench/srtp.h - proves that packets are what the server has sealed (libsrtp2). */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/dtls.h"

typedef struct BenchSrtp BenchSrtp;

/* NULL for a profile that libsrtp does not know. */
BenchSrtp *bench_srtp_new(const BenchSrtpKey *key);
void bench_srtp_free(BenchSrtp *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BenchSrtp, bench_srtp_free)

/* Opens an RTP packet in place; true if it is authentic. @packet: 32-bit aligned. */
bool bench_srtp_verify(BenchSrtp *self, uint8_t *packet, size_t length);
