/* feel-page.mjs - the stop watch of the feel bench. Runs inside the page: all times are the page's own. */

/* Puts window.feel into the page. */
export function installStopWatch() {
    const LIMIT_MS = 10000;
    const player = () => window.imstv.player;
    const canvas = new OffscreenCanvas(320, 180);
    const paint = canvas.getContext('2d', {willReadFrequently: true});

    const bit = (data, i) => {
        const x = ((i % 32) + 0.5) * 10 | 0;
        const y = (Math.floor(i / 32) + 0.5) * 10 | 0;
        const at = (y * 320 + x) * 4;
        return 0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2] > 127 ? 1 : 0;
    };

    const checksum = (bytes) => bytes.reduce((crc, byte) => {
        let next = crc ^ byte;
        for (let i = 0; i < 8; i++) {
            next = next & 0x80 ? ((next << 1) ^ 0x07) & 0xff : next << 1;
        }
        return next;
    }, 0xff);

    /* The counter in the picture (layout: demo/README.md); null if it cannot be read. */
    const readCounter = (video) => {
        paint.drawImage(video, 0, 0, 320, 180);
        const {data} = paint.getImageData(0, 0, 320, 30);
        const bytes = new Array(12).fill(0);
        for (let i = 0; i < 96; i++) {
            bytes[i >> 3] = bytes[i >> 3] * 2 + bit(data, i);
        }
        const number = (from, to) => bytes.slice(from, to).reduce((n, byte) => n * 256 + byte, 0);
        return checksum(bytes.slice(0, 11)) === bytes[11]
            ? {counter: number(0, 4), clock: number(4, 10), channel: bytes[10]} : null;
    };

    /* Calls @each with the time and the counter of every frame shown, until it returns true. */
    const watchFrames = (each) => new Promise((resolve, reject) => {
        const {video} = player().internals;
        const timer = setTimeout(() => reject(new Error('the picture did not come')), LIMIT_MS);
        const onFrame = (now, {receiveTime}) => {
            const shown = performance.now();
            const counter = readCounter(video);
            if (counter && each({...counter, shown, receiveTime})) {
                clearTimeout(timer);
                resolve(shown);
            } else {
                video.requestVideoFrameCallback(onFrame);
            }
        };
        video.requestVideoFrameCallback(onFrame);
    });

    /* From the start of @action to the first frame shown that @accept says yes to and that arrived after
     * the start: what was on its way when the viewer acted does not count. */
    const time = async (action, accept) => {
        const start = performance.now();
        const seen = watchFrames((frame) => !(frame.receiveTime < start) && accept(frame));
        action();
        return await seen - start;
    };

    const frameNow = async () => {
        let last = null;
        await watchFrames((frame) => (last = frame));
        return last;
    };

    window.feel = {
        /* Lets @count frames pass, so that commands do not keep step with the key frames. */
        frames: (count) => {
            let left = count;
            return watchFrames(() => --left <= 0);
        },

        click: (kind, id, channel) => {
            const tile = document.querySelector(`a.tile[href="#/${kind}/${id}"]`);
            return time(() => tile.click(), (frame) => frame.channel === channel);
        },

        zap: (channel) => time(() => player().stepChannel(1), (frame) => frame.channel === channel),

        /* The first frame is that of the key frame at or before @seconds. */
        seek: (seconds, keyDistance) => time(() => player().seek(seconds), ({clock}) =>
            clock / 1000 > seconds - keyDistance - 0.1 && clock / 1000 < seconds + 1),

        /* Pauses, waits until nothing comes in any more, goes on. */
        resume: async () => {
            const before = await frameNow();
            await player().pause();
            for (let last = -1; ;) {
                const {framesReceived} = await player().stats();
                if (framesReceived === last || framesReceived === undefined) {
                    break;
                }
                last = framesReceived;
                await new Promise((resolve) => setTimeout(resolve, 200));
            }
            return time(() => player().play(), (frame) => frame.counter > before.counter);
        },
    };
}
