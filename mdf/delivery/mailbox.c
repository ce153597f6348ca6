#include "mdf/delivery/mailbox.h"

#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

typedef struct {
    const MdfMailboxOps *ops;
    void *data;
} Message;

struct MdfMailbox {
    GAsyncQueue *queue; /* of Message */
    int fd;
};

MdfMailbox *
mdf_mailbox_new(void)
{
    MdfMailbox *self = g_new0(MdfMailbox, 1);

    self->queue = g_async_queue_new();
    self->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (self->fd < 0)
        g_error("no descriptor left for a mailbox");

    return self;
}

void
mdf_mailbox_free(MdfMailbox *self)
{
    Message *message;

    if (!self)
        return;
    while ((message = g_async_queue_try_pop(self->queue))) {
        message->ops->drop(message->data);
        g_free(message);
    }
    g_async_queue_unref(self->queue);
    close(self->fd);
    g_free(self);
}

void
mdf_mailbox_post(MdfMailbox *self, const MdfMailboxOps *ops, void *data)
{
    Message *message = g_new(Message, 1);
    uint64_t one = 1;

    *message = (Message){ops, data};
    g_async_queue_push(self->queue, message);
    if (write(self->fd, &one, sizeof one) < 0) {
        /* only if the counter is full, and then it is readable already */
    }
}

int
mdf_mailbox_fd(const MdfMailbox *self)
{
    return self->fd;
}

void
mdf_mailbox_run(MdfMailbox *self, void *owner)
{
    Message *message;
    uint64_t count;

    if (read(self->fd, &count, sizeof count) < 0)
        return; /* nothing posted since the last time */
    while ((message = g_async_queue_try_pop(self->queue))) {
        message->ops->run(owner, message->data);
        g_free(message);
    }
}
