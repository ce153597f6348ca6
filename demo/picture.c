#include "demo/picture.h"

#include "demo/font.h"

#include <math.h>
#include <string.h>

/* Only what moves is drawn anew: a picture is a copy of the template plus a scrolled band, a box, the counter
 * and the clock. A second of 720p25 costs a few milliseconds, so the encoder is all that counts. */
struct DemoPicture {
    int width, height;
    uint8_t *still; /* background and name */
    uint8_t *band;  /* texture of band_height rows, 2 x width wide so that a scroll is one copy per row */
    int band_top, band_height;
};

typedef struct {
    uint8_t *luma;
    int width, height; /* of the whole plane */
} Plane;

static void
fill(Plane plane, int x, int y, int width, int height, uint8_t value)
{
    int left = CLAMP(x, 0, plane.width), right = CLAMP(x + width, 0, plane.width);
    int top = CLAMP(y, 0, plane.height), bottom = CLAMP(y + height, 0, plane.height);

    for (int row = top; row < bottom; row++)
        memset(plane.luma + (size_t)row * (size_t)plane.width + left, value, (size_t)(right - left));
}

static void
draw_glyph(Plane plane, const uint8_t *glyph, int x, int y, int scale, uint8_t value)
{
    for (int row = 0; row < DEMO_FONT_HEIGHT; row++) {
        for (int column = 0; column < DEMO_FONT_WIDTH; column++) {
            if (glyph[row] >> (DEMO_FONT_WIDTH - 1 - column) & 1)
                fill(plane, x + column * scale, y + row * scale, scale, scale, value);
        }
    }
}

/* Centred; what does not fit is cut off. */
static void
draw_text(Plane plane, const char *text, int y, int scale, uint8_t value)
{
    int advance = (DEMO_FONT_WIDTH + 1) * scale;
    int x = (plane.width - (int)strlen(text) * advance + scale) / 2;

    for (; *text != '\0'; text++, x += advance)
        draw_glyph(plane, demo_font_glyph(*text), x, y, scale, value);
}

/* Hills with a little grain: enough detail that the bit rate asked for is really used. */
static void
draw_band(uint8_t *band, int width, int height, guint32 seed)
{
    g_autoptr(GRand) noise = g_rand_new_with_seed(seed);

    for (int x = 0; x < width; x++) {
        double turn = 2.0 * G_PI * x / width;
        int ridge = (int)(height * (0.45 + 0.22 * sin(3 * turn) + 0.12 * sin(7 * turn + seed)));

        for (int y = 0; y < height; y++) {
            int shade = y < ridge ? 150 - 50 * y / height : 70 + 60 * (y - ridge) / height;
            uint8_t value = (uint8_t)(shade + g_rand_int_range(noise, -12, 13));

            band[(size_t)y * 2 * (size_t)width + (size_t)x] = value;
            band[(size_t)y * 2 * (size_t)width + (size_t)(x + width)] = value;
        }
    }
}

static void
draw_still(DemoPicture *self, const char *name, uint8_t number)
{
    size_t luma_size = (size_t)self->width * (size_t)self->height;
    Plane plane = {.luma = self->still, .width = self->width, .height = self->height};
    double hue = 2.0 * G_PI * number / 7.0;
    int longest = MAX((int)strlen(name), 1);
    int scale = MAX(MIN(self->height / 48, self->width / (longest * (DEMO_FONT_WIDTH + 1))), 1);

    memset(self->still, 60, luma_size);
    memset(self->still + luma_size, (uint8_t)(128 + 40 * cos(hue)), luma_size / 4);
    memset(self->still + luma_size + luma_size / 4, (uint8_t)(128 + 40 * sin(hue)), luma_size / 4);

    /* The counter's rows are grey, whatever the channel's colour. */
    for (int i = 0; i < 2; i++)
        memset(self->still + luma_size + (size_t)i * luma_size / 4, 128,
               (size_t)(self->width / 2) * (size_t)((self->height / 6 + 1) / 2));

    draw_text(plane, name, self->height * 5 / 24, scale, 235);
}

DemoPicture *
demo_picture_new(int width, int height, const char *name, uint8_t number)
{
    DemoPicture *self = g_new0(DemoPicture, 1);

    self->width = width;
    self->height = height;
    self->band_top = height / 2;
    self->band_height = height / 2;
    self->still = g_malloc(demo_picture_size(self));
    self->band = g_malloc(2 * (size_t)width * (size_t)self->band_height);
    draw_still(self, name, number);
    draw_band(self->band, width, self->band_height, number);

    return self;
}

void
demo_picture_free(DemoPicture *self)
{
    if (self == NULL)
        return;
    g_free(self->still);
    g_free(self->band);
    g_free(self);
}

size_t
demo_picture_size(const DemoPicture *self)
{
    return (size_t)self->width * (size_t)self->height * 3 / 2;
}

/* There and back between 0 and @range at @speed pixels a second. */
static int
bounce(double seconds, double speed, int range)
{
    double way = fmod(seconds * speed, 2.0 * range);

    return (int)(way < range ? way : 2.0 * range - way);
}

void
demo_picture_draw(const DemoPicture *self,
                  const DemoCounter *counter,
                  const char *clock_text,
                  double seconds,
                  uint8_t *ret_pixels)
{
    Plane plane = {.luma = ret_pixels, .width = self->width, .height = self->height};
    int box = self->height / 8, scale = MAX(self->height / 120, 1);
    size_t scroll = (size_t)(fmod(seconds / 16.0, 1.0) * self->width);

    memcpy(ret_pixels, self->still, demo_picture_size(self));
    for (int row = 0; row < self->band_height; row++)
        memcpy(ret_pixels + (size_t)(self->band_top + row) * (size_t)self->width,
               self->band + (size_t)row * 2 * (size_t)self->width + scroll, (size_t)self->width);

    fill(plane, bounce(seconds, self->width / 4.0, self->width - box),
         self->band_top + bounce(seconds, self->height / 3.0, self->band_height - box), box, box, 210);
    draw_text(plane, clock_text, self->height * 10 / 24, scale, 220);
    demo_counter_draw(counter, ret_pixels, (size_t)self->width, self->width, self->height);
}
