/* lib/reel/reel-feed.h - the thread that takes channels' records out of their pipes, checks them, and
 * appends them to the channels' windows: after it nobody depends on an input process any more.
 *
 * One thread for all channels; a copy costs it about a microsecond per record. It looks every 4 ms, which
 * the channel delay hides. */
#pragma once

#include "lib/reel/reel-live.h"
#include "lib/reel/reel-pipe.h"

typedef struct ReelFeed ReelFeed;

ReelFeed *reel_feed_new(void);
void reel_feed_free(ReelFeed *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ReelFeed, reel_feed_free)

/* From now on records of @pipe (transfer full) go into @channel (referenced); an older pipe of that
 * channel is closed and the channel interrupted. Track n of the pipe is track n of the channel. */
void reel_feed_connect(ReelFeed *self, ReelProgramme *channel, ReelPipe *pipe);
/* The channel gets no more records; cursors reach the end. */
void reel_feed_end(ReelFeed *self, ReelProgramme *channel);
