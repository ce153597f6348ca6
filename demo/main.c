/* imstv-demo-encoder - see demo/README.md. */
#include "demo/encoder.h"
#include "lib/base/error.h"

#include <gst/gst.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t stop_requested;

static void
on_signal(int number)
{
    (void)number;
    stop_requested = 1;
}

/* Ends the program when the supervisor's pipe is closed. */
static gpointer
watch_parent(gpointer data)
{
    struct pollfd parent = {.fd = GPOINTER_TO_INT(data)};

    while (poll(&parent, 1, -1) < 0 || !(parent.revents & (POLLHUP | POLLERR | POLLNVAL)))
        ;
    stop_requested = 1;
    return NULL;
}

typedef struct {
    char *channel, *output, *file, *audio;
    int number, width, height, fps, bitrate_kbps, key_interval_ms, b_frames, tone_hz, audio_channels,
        parent_fd;
    double seconds;
} Arguments;

static int
number_of_channel(const char *id)
{
    static const char *const words[] = {"one", "two",   "three", "four", "five",
                                        "six", "seven", "eight", "nine"};
    const char *digits = id + strlen(id);

    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        if (g_str_equal(id, words[i]))
            return (int)i + 1;
    }
    while (digits > id && g_ascii_isdigit(digits[-1]))
        digits--;
    return MIN(atoi(digits), 255);
}

static bool
parse_output(const char *output, DemoEncoderOptions *options, GError **error)
{
    g_autoptr(GUri) uri = g_uri_parse(output, G_URI_FLAGS_NONE, NULL);

    if (uri == NULL || !g_str_equal(g_uri_get_scheme(uri), "udp") || g_uri_get_host(uri) == NULL ||
        g_uri_get_port(uri) <= 0) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT,
                    "--output %s is not of the form udp://HOST:PORT", output);
        return false;
    }
    options->host = g_intern_string(g_uri_get_host(uri));
    options->port = g_uri_get_port(uri);
    return true;
}

static bool
in_range(const char *name, int value, int min, int max, GError **error)
{
    if (value >= min && value <= max)
        return true;
    g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT, "--%s %d is outside %d..%d", name, value, min,
                max);
    return false;
}

static bool
check(const DemoEncoderOptions *options, GError **error)
{
    static const char *const sounds[] = {"aac", "mp3", "ac3", "opus", "none", NULL};

    if (!in_range("width", options->width, 64, 4096, error) ||
        !in_range("height", options->height, 36, 2304, error) ||
        !in_range("fps", options->fps, 1, 120, error) ||
        !in_range("bitrate-kbps", options->bitrate_kbps, 50, 100000, error) ||
        !in_range("key-interval-ms", options->key_interval_ms, 100, 60000, error) ||
        !in_range("b-frames", options->b_frames, 0, 16, error) ||
        !in_range("tone", options->tone_hz, 20, 20000, error))
        return false;
    if (options->width % 2 != 0 || options->height % 2 != 0 || !g_strv_contains(sounds, options->audio) ||
        (options->audio_channels != 1 && options->audio_channels != 2 && options->audio_channels != 6)) {
        g_set_error(
            error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT,
            "width and height are even, --audio is aac, mp3, ac3, opus or none, --audio-channels 1, 2 or 6");
        return false;
    }
    return true;
}

static bool
to_options(const Arguments *arguments, DemoEncoderOptions *options, GError **error)
{
    if ((arguments->output == NULL) == (arguments->file == NULL)) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT,
                    "give either --output udp://HOST:PORT or --file FILE");
        return false;
    }
    if (arguments->output != NULL && !parse_output(arguments->output, options, error))
        return false;

    options->name = arguments->channel != NULL ? arguments->channel : "film";
    options->number =
        (uint8_t)(arguments->number >= 0 ? arguments->number : number_of_channel(options->name));
    options->file = arguments->file;
    options->width = arguments->width;
    options->height = arguments->height;
    options->fps = arguments->fps;
    options->bitrate_kbps = arguments->bitrate_kbps;
    options->key_interval_ms = arguments->key_interval_ms;
    options->b_frames = arguments->b_frames;
    options->tone_hz = arguments->tone_hz > 0 ? arguments->tone_hz : 220 * (options->number + 1);
    options->audio = arguments->audio != NULL ? arguments->audio : "aac";
    options->audio_channels = arguments->audio_channels;
    options->seconds = arguments->seconds > 0 ? arguments->seconds : arguments->file != NULL ? 10 : 0;
    return in_range("number", options->number, 0, 255, error) && check(options, error);
}

static bool
parse_arguments(int *argc, char ***argv, Arguments *arguments, GError **error)
{
    GOptionEntry entries[] = {
        {"channel", 'c', 0, G_OPTION_ARG_STRING, &arguments->channel, "name in the picture", "ID"},
        {"output", 'o', 0, G_OPTION_ARG_STRING, &arguments->output, "send MPEG-TS in real time",
         "udp://HOST:PORT"},
        {"file", 'f', 0, G_OPTION_ARG_FILENAME, &arguments->file, "write a film (.mp4, .mov, .mkv, .ts)",
         "FILE"},
        {"seconds", 's', 0, G_OPTION_ARG_DOUBLE, &arguments->seconds, "length (film: 10; live: endless)",
         "N"},
        {"number", 0, 0, G_OPTION_ARG_INT, &arguments->number, "channel number, 0..255 (from the id)", "N"},
        {"width", 0, 0, G_OPTION_ARG_INT, &arguments->width, "of the picture (1280)", "PIXELS"},
        {"height", 0, 0, G_OPTION_ARG_INT, &arguments->height, "of the picture (720)", "PIXELS"},
        {"fps", 0, 0, G_OPTION_ARG_INT, &arguments->fps, "pictures a second (25)", "N"},
        {"bitrate-kbps", 0, 0, G_OPTION_ARG_INT, &arguments->bitrate_kbps, "of the video (2500)", "N"},
        {"key-interval-ms", 0, 0, G_OPTION_ARG_INT, &arguments->key_interval_ms, "key frame distance (1000)",
         "N"},
        {"b-frames", 0, 0, G_OPTION_ARG_INT, &arguments->b_frames, "B-frames in a row, film only (0)", "N"},
        {"audio", 0, 0, G_OPTION_ARG_STRING, &arguments->audio, "aac (default), mp3, ac3, opus, none",
         "CODEC"},
        {"audio-channels", 0, 0, G_OPTION_ARG_INT, &arguments->audio_channels, "1, 2 (default) or 6", "N"},
        {"tone", 0, 0, G_OPTION_ARG_INT, &arguments->tone_hz, "of the sine (220 x (number + 1))", "HZ"},
        {"parent-fd", 0, 0, G_OPTION_ARG_INT, &arguments->parent_fd, "end when this pipe is closed", "N"},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(GOptionContext) context =
        g_option_context_new("- a demo channel or film with a counter in the picture");

    g_option_context_add_main_entries(context, entries, NULL);
    return g_option_context_parse(context, argc, argv, error);
}

int
main(int argc, char **argv)
{
    Arguments arguments = {.number = -1,
                           .width = 1280,
                           .height = 720,
                           .fps = 25,
                           .bitrate_kbps = 2500,
                           .key_interval_ms = 1000,
                           .audio_channels = 2,
                           .parent_fd = -1};
    struct sigaction action = {.sa_handler = on_signal};
    DemoEncoderOptions options = {0};
    g_autoptr(GError) error = NULL;

    if (!parse_arguments(&argc, &argv, &arguments, &error) || !to_options(&arguments, &options, &error)) {
        fprintf(stderr, "imstv-demo-encoder: %s\n", error->message);
        return 2;
    }

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    gst_init(NULL, NULL);
    if (arguments.parent_fd >= 0)
        g_thread_unref(g_thread_new("parent", watch_parent, GINT_TO_POINTER(arguments.parent_fd)));

    if (!demo_encoder_run(&options, &stop_requested, &error)) {
        fprintf(stderr, "imstv-demo-encoder: %s\n", error->message);
        return 1;
    }
    _exit(0); /* nothing is open any more, and plug-ins need not come down one by one */
}
