#include "bench/receiver.h"

#include <linux/sock_diag.h>
#include <sys/socket.h>

enum {
    BATCH = 64,
    DATAGRAM_MAX = 2048,
    ROUNDS_MAX = 16, /* then the other sockets have their turn */
};

struct BenchReceiver {
    struct mmsghdr messages[BATCH];
    struct iovec vectors[BATCH];
    _Alignas(16) uint8_t buffers[BATCH][DATAGRAM_MAX];
};

BenchReceiver *
bench_receiver_new(void)
{
    BenchReceiver *self = g_new0(BenchReceiver, 1);

    for (unsigned i = 0; i < BATCH; i++) {
        self->vectors[i] = (struct iovec){self->buffers[i], DATAGRAM_MAX};
        self->messages[i].msg_hdr = (struct msghdr){.msg_iov = &self->vectors[i], .msg_iovlen = 1};
    }

    return self;
}

void
bench_receiver_free(BenchReceiver *self)
{
    g_free(self);
}

void
bench_receiver_drain(BenchReceiver *self,
                     int fd,
                     gboolean (*take)(uint8_t *data, size_t length, void *user_data),
                     void *user_data)
{
    for (unsigned round = 0; round < ROUNDS_MAX; round++) {
        int n = recvmmsg(fd, self->messages, BATCH, MSG_DONTWAIT, NULL);

        for (int i = 0; i < n; i++)
            if (!take(self->buffers[i], self->messages[i].msg_len, user_data))
                return;
        if (n < BATCH)
            return;
    }
}

uint64_t
bench_receiver_drops(int fd)
{
    uint32_t info[SK_MEMINFO_VARS] = {0};
    socklen_t bytes = sizeof info;

    return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &bytes) == 0 ? info[SK_MEMINFO_DROPS] : 0;
}
