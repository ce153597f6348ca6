/* md5.js - MD5 of a string's UTF-8 bytes, as SIP digest needs it. Ours, because crypto.subtle has no
 * MD5 and is missing on plain http addresses.
 * Spec: RFC 1321. */

const SHIFTS = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21];
const SINES = Array.from({length: 64}, (_, i) => Math.floor(Math.abs(Math.sin(i + 1)) * 2 ** 32) | 0);

/* Returns the 32 lower-case hex digits of the digest of @text. */
export function md5(text) {
    const words = pad(new TextEncoder().encode(text));
    let state = [0x67452301, 0xefcdab89 | 0, 0x98badcfe | 0, 0x10325476];

    for (let at = 0; at < words.length; at += 16) {
        state = addBlock(state, words.subarray(at, at + 16));
    }
    return state.map(littleEndianHex).join('');
}

/* One bit, zeros, and the length in bits, in little-endian words. */
function pad(bytes) {
    const size = ((bytes.length + 8) >> 6) * 64 + 64;
    const padded = new Uint8Array(size);
    const view = new DataView(padded.buffer);
    const words = new Int32Array(size / 4);

    padded.set(bytes);
    padded[bytes.length] = 0x80;
    view.setUint32(size - 8, (bytes.length * 8) >>> 0, true);
    view.setUint32(size - 4, Math.floor(bytes.length / 2 ** 29), true);
    for (let i = 0; i < words.length; i++) {
        words[i] = view.getInt32(i * 4, true);
    }
    return words;
}

function addBlock(state, block) {
    let [a, b, c, d] = state;

    for (let i = 0; i < 64; i++) {
        const [mixed, word] = round(i, b, c, d);
        const sum = (a + mixed + SINES[i] + block[word]) | 0;
        const shift = SHIFTS[(i >> 4) * 4 + (i & 3)];
        [a, d, c, b] = [d, c, b, (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0];
    }
    return [state[0] + a, state[1] + b, state[2] + c, state[3] + d].map((n) => n | 0);
}

function round(i, b, c, d) {
    if (i < 16) {
        return [(b & c) | (~b & d), i];
    }
    if (i < 32) {
        return [(d & b) | (~d & c), (5 * i + 1) % 16];
    }
    if (i < 48) {
        return [b ^ c ^ d, (3 * i + 5) % 16];
    }
    return [c ^ (b | ~d), (7 * i) % 16];
}

function littleEndianHex(word) {
    const bytes = [word, word >>> 8, word >>> 16, word >>> 24];
    return bytes.map((n) => (n & 255).toString(16).padStart(2, '0')).join('');
}
