#include "content/pump.h"

#include "lib/base/error.h"

enum { TICK_MS = 200 };

/* GStreamer's classes of errors in words for the person who dropped the file in. */
static void
explain(GstMessage *message, GError **error)
{
    g_autoptr(GError) cause = NULL;
    g_autofree char *detail = NULL;

    gst_message_parse_error(message, &cause, &detail);
    if (g_error_matches(cause, GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN))
        g_set_error(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE, "a GStreamer plug-in is missing: %s",
                    cause->message);
    else if (g_error_matches(cause, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT))
        g_set_error_literal(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE, "the disk is full");
    else if (cause->domain == GST_RESOURCE_ERROR)
        g_set_error(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE, "it cannot be read: %s", cause->message);
    else if (g_error_matches(cause, GST_STREAM_ERROR, GST_STREAM_ERROR_DECRYPT) ||
             g_error_matches(cause, GST_STREAM_ERROR, GST_STREAM_ERROR_DECRYPT_NOKEY))
        g_set_error_literal(error, BASE_ERROR, BASE_ERROR_NOT_ACCEPTABLE, "it is encrypted");
    else
        g_set_error(error, BASE_ERROR, BASE_ERROR_NOT_ACCEPTABLE, "it is damaged or incomplete: %s",
                    cause->message);
}

/* Returns true when the run is over; then @error is set or not. */
static bool
handle(GstMessage *message, GError **error)
{
    switch ((int)GST_MESSAGE_TYPE(message)) {
    case GST_MESSAGE_EOS:
        return true;
    case GST_MESSAGE_ERROR:
        explain(message, error);
        return true;
    case GST_MESSAGE_APPLICATION:
        if (gst_message_has_name(message, CONTENT_PUMP_ENOUGH))
            return true;
        if (gst_message_has_name(message, "nothing-there")) {
            g_set_error_literal(error, BASE_ERROR, BASE_ERROR_NOT_ACCEPTABLE,
                                "there is no video or audio in it that can be read here");
            return true;
        }
        return false;
    default:
        return false;
    }
}

static bool
wait_for_end(GstBus *bus, unsigned stall_s, const ContentPumpEvents *events, void *user_data, GError **error)
{
    uint64_t seen = events->activity(user_data);
    int64_t moved_us = g_get_monotonic_time();

    for (;;) {
        g_autoptr(GstMessage) message = gst_bus_timed_pop_filtered(
            bus, TICK_MS * GST_MSECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_APPLICATION);
        uint64_t now = events->activity(user_data);
        g_autoptr(GError) failure = NULL;

        if (message != NULL && handle(message, &failure)) {
            bool done = failure == NULL;

            if (!done)
                g_propagate_error(error, g_steal_pointer(&failure));
            return done;
        }
        if (events->tick != NULL)
            events->tick(user_data);
        if (now != seen) {
            seen = now;
            moved_us = g_get_monotonic_time();
        } else if (g_get_monotonic_time() - moved_us > (int64_t)stall_s * G_USEC_PER_SEC) {
            g_set_error(error, BASE_ERROR, BASE_ERROR_TIMEOUT,
                        "reading it stands still for %u s: it is damaged", stall_s);
            return false;
        }
    }
}

bool
content_pump_run(
    GstElement *pipeline, unsigned stall_s, const ContentPumpEvents *events, void *user_data, GError **error)
{
    g_autoptr(GstBus) bus = gst_element_get_bus(pipeline);
    g_autoptr(GError) failure = NULL;
    bool done;

    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    done = wait_for_end(bus, stall_s, events, user_data, &failure);
    /* A pipeline that stands still may never come down again: the process ends instead. */
    if (!g_error_matches(failure, BASE_ERROR, BASE_ERROR_TIMEOUT))
        gst_element_set_state(pipeline, GST_STATE_NULL);
    if (failure != NULL)
        g_propagate_error(error, g_steal_pointer(&failure));
    return done;
}
