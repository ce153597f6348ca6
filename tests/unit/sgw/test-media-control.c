#include "sgw/media-control.h"

#include "lib/base/error.h"

static ProtoJsonrtcFrame *
command(const char *npt, double scale)
{
    ProtoJsonrtcFrame *frame = proto_jsonrtc_frame_new(PROTO_JSONRTC_REQUEST, "iptv_media", "notify");

    if (npt)
        json_object_set_string_member(frame->header, "npt", npt);
    if (scale != 1.0)
        json_object_set_double_member(frame->header, "scale", scale);
    return frame;
}

static void
test_reads_play(void)
{
    g_autoptr(ProtoJsonrtcFrame) plain = command(NULL, 1.0);
    g_autoptr(ProtoJsonrtcFrame) seek = command("12.5-", -4.0);
    g_autoptr(ProtoJsonrtcFrame) live = command("now-", 1.0);
    SgwXcCommand play = {0};

    g_assert_true(sgw_media_read_play(plain, &play, NULL));
    g_assert_false(play.has_range);
    g_assert_false(play.has_scale);
    g_assert_true(sgw_media_read_play(seek, &play, NULL));
    g_assert_true(play.has_range && play.range.has_start && !play.range.has_end);
    g_assert_cmpfloat(play.range.start_s, ==, 12.5);
    g_assert_cmpfloat(play.scale, ==, -4.0);
    g_assert_true(sgw_media_read_play(live, &play, NULL));
    g_assert_true(play.range.now);
}

static void
test_refuses_play(void)
{
    static const struct {
        const char *npt;
        double scale;
    } bad[] = {{"soon", 1.0}, {"-5-", 1.0}, {"", 1.0}, {"1e99-", 1.0}, {"5-", 0.0}, {"5-", 1e9}};

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(ProtoJsonrtcFrame) frame = command(bad[i].npt, bad[i].scale);
        g_autoptr(GError) error = NULL;
        SgwXcCommand play = {0};
        g_assert_false(sgw_media_read_play(frame, &play, &error));
        g_assert_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT);
    }
}

static void
test_channel_names(void)
{
    static const char *const bad[] = {NULL, "", ":x", "a b", "a\r\nb", "a;b", "\xc3\xa9"};
    g_autofree char *bare = sgw_media_bc_service("two", "imstv.test");
    g_autofree char *full = sgw_media_bc_service("news:example.net", "imstv.test");

    g_assert_cmpstr(bare, ==, "two:imstv.test");
    g_assert_cmpstr(full, ==, "news:example.net");
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_null(sgw_media_bc_service(bad[i], "imstv.test"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sgw/media-control/reads-play", test_reads_play);
    g_test_add_func("/sgw/media-control/refuses-play", test_refuses_play);
    g_test_add_func("/sgw/media-control/channel-names", test_channel_names);
    return g_test_run();
}
