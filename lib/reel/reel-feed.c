#include "lib/reel/reel-feed.h"

#include "lib/reel/programme.h"

#define LOOK_EVERY_US 4000
#define RECORDS_PER_LOOK 4096 /* of one channel: a flood must not starve the others */
#define EARLY_MAX_US (10 * G_USEC_PER_SEC)
#define LATE_MAX_US (60 * G_USEC_PER_SEC)

typedef struct {
    ReelProgramme *channel;
    ReelPipe *pipe; /* NULL: end the channel */
} Command;

struct ReelFeed {
    GAsyncQueue *commands;
    GThread *thread;
    GPtrArray *connections; /* of Command with a pipe; the thread's */
};

static void
command_free(void *data)
{
    Command *command = data;

    reel_pipe_free(command->pipe);
    if (command->channel)
        reel_programme_unref(command->channel);
    g_free(command);
}

static void
disconnect(ReelFeed *self, const ReelProgramme *channel)
{
    for (unsigned i = 0; i < self->connections->len; i++) {
        const Command *connection = self->connections->pdata[i];
        if (connection->channel == channel) {
            reel_live_interrupt(connection->channel);
            g_ptr_array_remove_index_fast(self->connections, i);
            return;
        }
    }
}

/* Returns false when the thread is to end. */
static bool
obey(ReelFeed *self, Command *command)
{
    if (!command->channel) {
        command_free(command);
        return false;
    }
    disconnect(self, command->channel);
    if (command->pipe) {
        g_ptr_array_add(self->connections, command);
        return true;
    }
    reel_live_end(command->channel);
    command_free(command);
    return true;
}

static void
drain(const Command *connection, int64_t now_us)
{
    ReelRecord record;

    for (unsigned n = 0; n < RECORDS_PER_LOOK; n++) {
        switch (reel_pipe_read(connection->pipe, &record)) {
        case REEL_PIPE_EMPTY:
            return;
        case REEL_PIPE_LIE:
            atomic_fetch_add_explicit(&connection->channel->lies, 1, memory_order_relaxed);
            reel_live_interrupt(connection->channel);
            break;
        case REEL_PIPE_RECORD:
            if (record.due_us > now_us + EARLY_MAX_US || record.due_us < now_us - LATE_MAX_US)
                atomic_fetch_add_explicit(&connection->channel->lies, 1, memory_order_relaxed);
            else
                reel_live_append(connection->channel, record.track, &record);
            break;
        }
    }
}

static void *
run_feed(void *data)
{
    ReelFeed *self = data;

    for (;;) {
        Command *command = self->connections->len > 0
                               ? g_async_queue_timeout_pop(self->commands, LOOK_EVERY_US)
                               : g_async_queue_pop(self->commands);
        int64_t now_us = g_get_monotonic_time();
        if (command && !obey(self, command))
            return NULL;
        for (unsigned i = 0; i < self->connections->len; i++)
            drain(self->connections->pdata[i], now_us);
    }
}

ReelFeed *
reel_feed_new(void)
{
    ReelFeed *self = g_new0(ReelFeed, 1);

    self->commands = g_async_queue_new_full(command_free);
    self->connections = g_ptr_array_new_with_free_func(command_free);
    self->thread = g_thread_new("reel-feed", run_feed, self);
    return self;
}

void
reel_feed_free(ReelFeed *self)
{
    if (!self)
        return;
    g_async_queue_push(self->commands, g_new0(Command, 1));
    g_thread_join(self->thread);
    g_ptr_array_unref(self->connections);
    g_async_queue_unref(self->commands);
    g_free(self);
}

static void
post(ReelFeed *self, ReelProgramme *channel, ReelPipe *pipe)
{
    Command *command = g_new0(Command, 1);

    command->channel = reel_programme_ref(channel);
    command->pipe = pipe;
    g_async_queue_push(self->commands, command);
}

void
reel_feed_connect(ReelFeed *self, ReelProgramme *channel, ReelPipe *pipe)
{
    post(self, channel, pipe);
}

void
reel_feed_end(ReelFeed *self, ReelProgramme *channel)
{
    post(self, channel, NULL);
}
