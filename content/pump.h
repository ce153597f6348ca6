/* content/pump.h - runs a pipeline to its end, watching that it moves, and says in plain words why it did
 * not. */
#pragma once

#include <gst/gst.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    /* Something that grows as long as the pipeline does anything; read from the main thread. */
    uint64_t (*activity)(void *user_data);
    /* Called about five times a second; may be NULL. */
    void (*tick)(void *user_data);
} ContentPumpEvents;

/* Posted by an element's callback to end the run early: everything that was wanted is known. */
#define CONTENT_PUMP_ENOUGH "enough"

/* Plays @pipeline until end of stream; leaves it in state NULL.
 * @stall_s: gives up when nothing moved for so long.
 * Errors: NOT_ACCEPTABLE if the file is damaged or holds nothing, TIMEOUT if it stalls, UNAVAILABLE for the
 * machine's faults (disk, missing plug-in). */
bool content_pump_run(
    GstElement *pipeline, unsigned stall_s, const ContentPumpEvents *events, void *user_data, GError **error);
