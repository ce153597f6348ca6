#include "content/downmix.h"

#include <gst/audio/audio.h>

static void
shares(GstAudioChannelPosition position, float left, float right)
{
    float found_left, found_right;

    content_downmix_coefficients(position, &found_left, &found_right);
    g_assert_cmpfloat_with_epsilon(found_left, left, 0.001);
    g_assert_cmpfloat_with_epsilon(found_right, right, 0.001);
}

/* Spec: ITU-R BS.775-3 annex 4, table 2: fronts 1, centre and surrounds 0.7071; here all 3 dB lower. */
static void
test_stereo_from_surround(void)
{
    shares(GST_AUDIO_CHANNEL_POSITION_FRONT_LEFT, 0.7071F, 0);
    shares(GST_AUDIO_CHANNEL_POSITION_FRONT_RIGHT, 0, 0.7071F);
    shares(GST_AUDIO_CHANNEL_POSITION_FRONT_CENTER, 0.5F, 0.5F);
    shares(GST_AUDIO_CHANNEL_POSITION_REAR_LEFT, 0.5F, 0);
    shares(GST_AUDIO_CHANNEL_POSITION_SIDE_RIGHT, 0, 0.5F);
    shares(GST_AUDIO_CHANNEL_POSITION_LFE1, 0, 0);
}

/* Whatever the layout, each side gets what its mirror image gives the other. */
static void
test_even_sides(void)
{
    static const GstAudioChannelPosition pairs[][2] = {
        {GST_AUDIO_CHANNEL_POSITION_REAR_LEFT, GST_AUDIO_CHANNEL_POSITION_REAR_RIGHT},
        {GST_AUDIO_CHANNEL_POSITION_WIDE_LEFT, GST_AUDIO_CHANNEL_POSITION_WIDE_RIGHT},
        {GST_AUDIO_CHANNEL_POSITION_TOP_FRONT_LEFT, GST_AUDIO_CHANNEL_POSITION_TOP_FRONT_RIGHT},
        {GST_AUDIO_CHANNEL_POSITION_NONE, GST_AUDIO_CHANNEL_POSITION_NONE},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(pairs); i++) {
        float left[2], right[2];

        content_downmix_coefficients(pairs[i][0], &left[0], &right[0]);
        content_downmix_coefficients(pairs[i][1], &left[1], &right[1]);
        g_assert_cmpfloat(left[0], ==, right[1]);
        g_assert_cmpfloat(right[0], ==, left[1]);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/content/downmix/stereo-from-surround", test_stereo_from_surround);
    g_test_add_func("/content/downmix/even-sides", test_even_sides);
    return g_test_run();
}
