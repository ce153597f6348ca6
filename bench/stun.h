/* bench/stun.h - the connectivity checks of one viewer, the controlling side; on libnice's STUN library.
 * Spec: RFC 8445 7, RFC 7675. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
    BENCH_STUN_BYTES_MAX = 1280,
};

typedef struct BenchStun BenchStun;

/* The strings are copied. */
BenchStun *
bench_stun_new(const char *ufrag, const char *pwd, const char *remote_ufrag, const char *remote_pwd);
void bench_stun_free(BenchStun *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BenchStun, bench_stun_free)

/* Makes a check that nominates its pair. Returns its length, 0 on failure. */
size_t bench_stun_check(BenchStun *self, uint8_t out[BENCH_STUN_BYTES_MAX]);

typedef enum {
    BENCH_STUN_IGNORED,   /* malformed, of another agent, or an error */
    BENCH_STUN_SUCCEEDED, /* the answer to a check of ours */
    BENCH_STUN_REPLY,     /* a check of theirs: send the reply */
} BenchStunResult;

/* @reply, @ret_reply_bytes: written for BENCH_STUN_REPLY. */
BenchStunResult bench_stun_handle(BenchStun *self,
                                  const uint8_t *data,
                                  size_t length,
                                  const struct sockaddr *from,
                                  socklen_t from_bytes,
                                  uint8_t reply[BENCH_STUN_BYTES_MAX],
                                  size_t *ret_reply_bytes);
