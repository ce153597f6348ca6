/* player.mjs - what tests ask the page about its player. */

import {eventually} from './test.mjs';

export const stateOf = (page) => page.evaluate(() => window.imstv.player.state);

export const statsOf = (page) => page.evaluate(() => window.imstv.player.stats());

/* What a viewer reads when something went wrong; null if nothing did. */
export const messageOf = (page) => page.evaluate(() => window.imstv.player.message);

/* Waits until the player is in one of @states; says what it is in instead, with its message. */
export async function waitForState(page, states, timeoutMs = 15000) {
    const wanted = [states].flat();
    let state = null;
    try {
        await eventually(async () => {
            state = await stateOf(page);
            return wanted.includes(state);
        }, '', timeoutMs);
    } catch {
        const message = JSON.stringify(await messageOf(page));
        throw new Error(`player is ${state}, not ${wanted.join(' or ')}, after ${timeoutMs} ms; ${message}`);
    }
    return state;
}

/* Plays by a click on its card, as a viewer does, and waits for the picture. */
export async function watch(page, kind, id) {
    await page.locator(`a.tile[href="#/${kind}/${id}"]`).click();
    await waitForState(page, 'playing');
}

export async function goHome(page) {
    await page.keyboard.press('Escape');
    await page.locator('a.tile').first().waitFor();
}

/* Samples the picture: {counter, clock, channel, mediaTime} of the next frame that is shown; null
 * where the picture has no readable counter. Layout: demo/README.md. */
export function readFrame(page) {
    return page.evaluate(() => new Promise((resolve) => {
        const {video} = window.imstv.player.internals;
        const canvas = new OffscreenCanvas(320, 180);
        const paint = canvas.getContext('2d', {willReadFrequently: true});

        const read = () => {
            paint.drawImage(video, 0, 0, 320, 180);
            const {data} = paint.getImageData(0, 0, 320, 30);
            const bytes = new Array(12).fill(0);
            for (let i = 0; i < 96; i++) {
                const x = ((i % 32) + 0.5) * 10 | 0;
                const y = (Math.floor(i / 32) + 0.5) * 10 | 0;
                const at = (y * 320 + x) * 4;
                const luma = 0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2];
                bytes[i >> 3] = bytes[i >> 3] * 2 + (luma > 127 ? 1 : 0);
            }
            let crc = 0xff;
            for (let i = 0; i < 11; i++) {
                crc ^= bytes[i];
                for (let bit = 0; bit < 8; bit++) {
                    crc = crc & 0x80 ? ((crc << 1) ^ 0x07) & 0xff : crc << 1;
                }
            }
            const number = (from, to) => bytes.slice(from, to).reduce((n, byte) => n * 256 + byte, 0);
            return crc === bytes[11]
                ? {counter: number(0, 4), clock: number(4, 10), channel: bytes[10]} : null;
        };
        /* The player's own callback comes first: its position is that of this very frame. */
        video.requestVideoFrameCallback((now) => {
            const seen = read();
            resolve(seen && {...seen, now, mediaTime: window.imstv.player.position});
        });
    }));
}

/* The first frame that @accept says yes to. */
export function waitForFrame(page, accept, what, timeoutMs = 10000) {
    return eventually(async () => {
        const frame = await readFrame(page);
        return frame && accept(frame) ? frame : null;
    }, what, timeoutMs, 0);
}

/* Waits until the sound is near @frequency (Hz); returns {level, frequency}. */
export function waitForTone(page, frequency, timeoutMs = 10000) {
    return eventually(async () => {
        const heard = await page.evaluate(() => window.imstv.player.audio());
        return heard.level > 0.001 && Math.abs(heard.frequency - frequency) < 25 ? heard : null;
    }, `a tone of ${frequency} Hz`, timeoutMs, 100);
}

/* Proves that the picture comes at @fps within 3 %, without a freeze or a lost packet, and the sound
 * without a gap, for @seconds. Other work on the machine may spoil a stretch, so one good one of three
 * is enough: a fault of the headend would be in each. */
export async function provePlaying(page, fps, seconds = 8) {
    const seen = [];
    for (let i = 0; i < 3; i++) {
        const stretch = await observe(page, seconds);
        const {rate, freezes, lost, audio} = stretch;
        if (Math.abs(rate / fps - 1) < 0.03 && freezes === 0 && lost === 0 && audio > 0.95) {
            return stretch;
        }
        seen.push(stretch);
        console.log(`# stretch ${i + 1} was not clean: ${JSON.stringify(stretch)}`);
    }
    throw new Error(`${fps} frames a second were never clean for ${seconds} s: ${JSON.stringify(seen)}`);
}

/* What was received in @seconds: frames a second, freezes, lost packets, share of the time with sound
 * that was not made up by the receiver. */
async function observe(page, seconds) {
    const sample = () => page.evaluate(async () =>
        ({...await window.imstv.player.stats(), at: performance.now()}));
    const first = await sample();
    const last = await eventually(async () => {
        const now = await sample();
        return now.at - first.at >= seconds * 1000 ? now : null;
    }, `${seconds} s of picture`, seconds * 3000, 200);
    const span = (last.at - first.at) / 1000;
    const heard = (from) => from.audioSamples - from.audioConcealed;
    return {
        rate: (last.framesDecoded - first.framesDecoded) / span,
        freezes: last.freezeCount - first.freezeCount,
        lost: last.videoLost - first.videoLost,
        audio: (heard(last) - heard(first)) / 48000 / span,
    };
}

/* Waits for an event of the player element; start it before what causes the event. */
export function playerEvent(page, type, timeoutMs = 10000) {
    return page.evaluate(([name, ms]) => new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`no ${name} event within ${ms} ms`)), ms);
        window.imstv.player.addEventListener(name, ({detail}) => {
            clearTimeout(timer);
            resolve(detail);
        }, {once: true});
    }), [type, timeoutMs]);
}
