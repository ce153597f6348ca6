#include "mdf/delivery/outbox.h"

#include <errno.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103 /* linux/udp.h, 4.18 */
#endif

enum {
    BUFFER_BYTES = 512 * 1024,
    MESSAGES_MAX = 64,
    SEGMENTS_MAX = 64,         /* of one GSO message before Linux 6.9 */
    MESSAGE_BYTES_MAX = 65507, /* of one UDP message */
    SOCKETS_MAX = 64,
};

typedef struct {
    MdfAddress to;
    size_t offset, length;
    uint16_t segment; /* length of all datagrams but the last */
    uint16_t n_segments;
    bool closed; /* ends with a shorter one, or the next would not fit */
    struct iovec iov;
    union {
        char bytes[CMSG_SPACE(sizeof(uint16_t))];
        size_t align;
    } control;
} Message;

struct MdfOutbox {
    int sockets[SOCKETS_MAX];
    unsigned n_sockets;
    bool use_gso;
    uint8_t *buffer;
    size_t used;
    Message messages[MESSAGES_MAX];
    struct mmsghdr headers[MESSAGES_MAX];
    unsigned n_messages;
    MdfAddress reserved_for;
    MdfOutboxCounters counters;
};

MdfOutbox *
mdf_outbox_new(const int *sockets, unsigned n_sockets, bool use_gso)
{
    MdfOutbox *self = g_new0(MdfOutbox, 1);

    self->n_sockets = MIN(n_sockets, SOCKETS_MAX);
    memcpy(self->sockets, sockets, self->n_sockets * sizeof *sockets);
    self->use_gso = use_gso;
    self->buffer = g_malloc0(BUFFER_BYTES);

    return self;
}

void
mdf_outbox_free(MdfOutbox *self)
{
    if (!self)
        return;
    g_free(self->buffer);
    g_free(self);
}

uint8_t *
mdf_outbox_reserve(MdfOutbox *self, const MdfAddress *to)
{
    if (self->used + MDF_OUTBOX_PACKET_MAX > BUFFER_BYTES || self->n_messages == MESSAGES_MAX)
        mdf_outbox_flush(self);
    self->reserved_for = *to;

    return self->buffer + self->used;
}

/* True if the datagram continues the last message. */
static bool
extends(const MdfOutbox *self, const Message *last, size_t length)
{
    return self->use_gso && !last->closed && length <= last->segment && last->n_segments < SEGMENTS_MAX &&
           last->length + length <= MESSAGE_BYTES_MAX && mdf_address_equal(&last->to, &self->reserved_for);
}

void
mdf_outbox_commit(MdfOutbox *self, size_t length)
{
    Message *last = self->n_messages ? &self->messages[self->n_messages - 1] : NULL;

    if (length == 0)
        return;
    if (last && extends(self, last, length)) {
        last->length += length;
        last->n_segments++;
        last->closed = length < last->segment;
    } else {
        last = &self->messages[self->n_messages++];
        last->to = self->reserved_for;
        last->offset = self->used;
        last->length = length;
        last->segment = (uint16_t)length;
        last->n_segments = 1;
        last->closed = false;
    }
    self->used += length;
}

static void
fill_header(MdfOutbox *self, unsigned i)
{
    Message *message = &self->messages[i];
    struct msghdr *header = &self->headers[i].msg_hdr;
    struct cmsghdr *control;

    message->iov = (struct iovec){self->buffer + message->offset, message->length};
    *header = (struct msghdr){
        .msg_name = &message->to.storage,
        .msg_namelen = mdf_address_length(&message->to),
        .msg_iov = &message->iov,
        .msg_iovlen = 1,
    };
    if (message->n_segments == 1)
        return;
    header->msg_control = message->control.bytes;
    header->msg_controllen = sizeof message->control.bytes;
    control = CMSG_FIRSTHDR(header);
    control->cmsg_level = IPPROTO_UDP;
    control->cmsg_type = UDP_SEGMENT;
    control->cmsg_len = CMSG_LEN(sizeof(uint16_t));
    memcpy(CMSG_DATA(control), &message->segment, sizeof message->segment);
}

/* Without GSO: each datagram by itself. */
static void
send_segments(MdfOutbox *self, const Message *message)
{
    int fd = self->sockets[message->to.socket];

    for (size_t at = 0; at < message->length; at += message->segment) {
        size_t length = MIN(message->segment, message->length - at);
        if (sendto(fd, self->buffer + message->offset + at, length, MSG_DONTWAIT, &message->to.any,
                   mdf_address_length(&message->to)) < 0) {
            self->counters.dropped++;
            continue;
        }
        self->counters.packets++;
        self->counters.bytes += length;
    }
    self->counters.messages++;
}

static void
count_sent(MdfOutbox *self, unsigned from, unsigned n)
{
    for (unsigned i = from; i < from + n; i++) {
        self->counters.packets += self->messages[i].n_segments;
        self->counters.bytes += self->messages[i].length;
        self->counters.messages++;
    }
}

/* The kernel refused message @i. A device or path that cannot do GSO gets datagrams from now on. */
static void
handle_refusal(MdfOutbox *self, unsigned i, int error)
{
    Message *message = &self->messages[i];

    if (message->n_segments > 1 && (error == EIO || error == EINVAL || error == EMSGSIZE)) {
        if (error != EMSGSIZE)
            self->use_gso = false;
        send_segments(self, message);
        return;
    }
    self->counters.dropped += message->n_segments;
}

/* How many messages from @from on leave by the same socket. */
static unsigned
run_length(const MdfOutbox *self, unsigned from)
{
    unsigned n = 1;

    while (from + n < self->n_messages &&
           self->messages[from + n].to.socket == self->messages[from].to.socket)
        n++;

    return n;
}

void
mdf_outbox_flush(MdfOutbox *self)
{
    for (unsigned i = 0; i < self->n_messages; i++)
        fill_header(self, i);

    for (unsigned i = 0; i < self->n_messages;) {
        unsigned n = run_length(self, i);
        int sent = sendmmsg(self->sockets[self->messages[i].to.socket], &self->headers[i], n, MSG_DONTWAIT);

        if (sent > 0) {
            count_sent(self, i, (unsigned)sent);
            i += (unsigned)sent;
        } else if (sent < 0 && errno == EINTR) {
            continue;
        } else {
            handle_refusal(self, i, errno);
            i++;
        }
    }
    self->n_messages = 0;
    self->used = 0;
}

const MdfOutboxCounters *
mdf_outbox_counters(const MdfOutbox *self)
{
    return &self->counters;
}
