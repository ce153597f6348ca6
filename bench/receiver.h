/* bench/receiver.h - takes many datagrams from a socket with few system calls, into buffers that all
 * sockets share. */
#pragma once

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

typedef struct BenchReceiver BenchReceiver;

BenchReceiver *bench_receiver_new(void);
void bench_receiver_free(BenchReceiver *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BenchReceiver, bench_receiver_free)

/* Calls @take for each datagram until the socket is empty or @take returns false. @data is 32-bit aligned and
 * may be written to. */
void bench_receiver_drain(BenchReceiver *self,
                          int fd,
                          gboolean (*take)(uint8_t *data, size_t length, void *user_data),
                          void *user_data);
/* Datagrams that the kernel dropped because the socket's buffer was full: our fault, not the server's. */
uint64_t bench_receiver_drops(int fd);
