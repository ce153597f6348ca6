/* demo/picture.h - draws the demo picture (I420): counter, name, clock, a scrolling landscape and a bouncing
 * box. */
#pragma once

#include "demo/counter.h"

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

typedef struct DemoPicture DemoPicture;

/* @width, @height: even. @name: what stands in the picture, borrowed for the call. @number chooses the
 * colours. */
DemoPicture *demo_picture_new(int width, int height, const char *name, uint8_t number);
void demo_picture_free(DemoPicture *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DemoPicture, demo_picture_free)

/* Bytes of one picture: planes without padding. */
size_t demo_picture_size(const DemoPicture *self);

/* @clock_text: "12:34:56.780". @seconds: position of what moves. @ret_pixels: demo_picture_size() bytes. */
void demo_picture_draw(const DemoPicture *self,
                       const DemoCounter *counter,
                       const char *clock_text,
                       double seconds,
                       uint8_t *ret_pixels);
