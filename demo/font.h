/* demo/font.h - a 5x7 bitmap font: capital letters, digits and a little punctuation. */
#pragma once

#include <stdint.h>

enum { DEMO_FONT_WIDTH = 5, DEMO_FONT_HEIGHT = 7 };

/* Seven rows, the left-most of the five pixels in bit 4. Unknown characters are blank; small letters are
 * drawn as capitals. */
const uint8_t *demo_font_glyph(char c);
