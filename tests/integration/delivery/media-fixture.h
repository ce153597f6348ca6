/* tests/integration/delivery/media-fixture.h - real media for delivery tests: a film and two live channels
 * with a moving picture and a tone, made by GStreamer. */
#pragma once

#include <glib.h>

#include "lib/reel/block-cache.h"

/* H.264 without B-frames, key frames every two seconds, and Opus with a tone of @tone_hz; files in
 * @folder, which must exist. */
gboolean fixture_make_film(const char *folder, unsigned seconds, unsigned tone_hz, GError **error);

/* A channel that plays the film at @folder over and over, in real time. */
typedef struct FixtureChannel FixtureChannel;
FixtureChannel *
fixture_channel_new(ReelBlockCache *cache, const char *name, const char *folder, GError **error);
void fixture_channel_free(FixtureChannel *self);
ReelProgramme *fixture_channel_programme(FixtureChannel *self); /* lent */
