/* art.js - artwork for what brings none: a colour and a pattern of its own for each channel or film. */

const HUES = [212, 348, 158, 32, 268, 190, 8, 96];

/* A number of @id that stays the same. */
function fingerprint(id) {
    return [...id].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) >>> 0, 7);
}

/* Sets the custom properties that css/page.css paints from. @index: place in its row. */
export function paint(element, id, index = 0) {
    const seed = fingerprint(id);
    element.style.setProperty('--hue', HUES[index % HUES.length]);
    element.style.setProperty('--turn', `${seed % 360}deg`);
    element.style.setProperty('--at', `${20 + seed % 60}%`);
    return element;
}
