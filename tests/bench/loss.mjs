/* loss.mjs - Chromium on a bad line: the delivery engine alone behind a relay that loses, delays and
 * shuffles datagrams both ways. Prints what the browser says of picture and sound, as JSON; then changes
 * channel, seeks, and restarts ICE, and fails unless new frames come each time.
 *
 *   node tests/bench/loss.mjs DELIVERY-HOST MEDIA-FOLDER [--loss=5] [--delay=20] [--jitter=10]
 *                             [--seconds=20] [--without=red,rtx] */

import {spawn} from 'node:child_process';
import {createSocket} from 'node:dgram';
import {once} from 'node:events';
import {createInterface} from 'node:readline';
import {parseArgs} from 'node:util';
import {createServer} from 'node:http';

import {openBrowser} from '../browser/lib/browser.mjs';

const {values: options, positionals: [program, folder]} = parseArgs({
    allowPositionals: true,
    options: {
        loss: {type: 'string', default: '5'},
        delay: {type: 'string', default: '20'},
        jitter: {type: 'string', default: '10'},
        seconds: {type: 'string', default: '20'},
        without: {type: 'string', default: ''},
    },
});
const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

/* ---- the engine, a line at a time ---- */

class Host {
    #waiting = [];

    static async start() {
        const host = new Host();
        host.process = spawn(program, [folder], {stdio: ['pipe', 'pipe', 'ignore']});
        createInterface({input: host.process.stdout}).on('line', (line) => {
            const said = JSON.parse(line);
            if (!said.event) {
                host.#waiting.shift()?.(said);
            }
        });
        host.port = (await host.#next()).port;
        return host;
    }

    #next() {
        return new Promise((resolve) => { this.#waiting.push(resolve); });
    }

    ask(...words) {
        this.process.stdin.write(`${words.join(' ')}\n`);
        return this.#next();
    }

    async stop() {
        this.process.stdin.end();
        await once(this.process, 'exit');
    }
}

/* ---- the line ---- */

class Line {
    #closed = false;
    #sockets = new Map();

    static async open(port) {
        const line = new Line();
        line.port = port;
        line.front = createSocket('udp4', (data, from) => line.#up(data, from));
        line.front.bind(0, '127.0.0.1');
        await once(line.front, 'listening');
        return line;
    }

    #carry(send) {
        if (Math.random() * 100 < Number(options.loss)) {
            return;
        }
        setTimeout(() => this.#closed || send(), Number(options.delay) + (Math.random() - 0.5) * Number(options.jitter));
    }

    #up(data, from) {
        const key = `${from.address}:${from.port}`;
        if (!this.#sockets.has(key)) {
            const back = createSocket('udp4', (answer) => {
                this.#carry(() => this.front.send(answer, from.port, from.address));
            });
            this.#sockets.set(key, back);
        }
        this.#carry(() => this.#sockets.get(key).send(data, this.port, '127.0.0.1'));
    }

    close() {
        this.#closed = true;
        this.front.close();
        this.#sockets.forEach((socket) => socket.close());
    }
}

/* ---- the page ---- */

async function makeOffer(page, restart) {
    return page.evaluate(async ([without, again]) => {
        const has = (codec) => without.includes(codec.mimeType.split('/')[1].toLowerCase());
        if (!window.pc) {
            window.pc = new RTCPeerConnection();
            for (const kind of ['audio', 'video']) {
                const line = window.pc.addTransceiver(kind, {direction: 'recvonly'});
                line.setCodecPreferences(RTCRtpReceiver.getCapabilities(kind).codecs.filter((c) => !has(c)));
            }
            const video = document.createElement('video');
            video.autoplay = true;
            window.pc.ontrack = ({streams: [stream]}) => { video.srcObject = stream; };
            document.body.append(video);
        }
        await window.pc.setLocalDescription(await window.pc.createOffer({iceRestart: again}));
        return window.pc.localDescription.sdp;
    }, [options.without.split(','), restart]);
}

async function takeAnswer(page, said, line, host) {
    if (!said.answer) {
        throw new Error(JSON.stringify(said));
    }
    const sdp = Buffer.from(said.answer, 'base64').toString()
        .replaceAll(` ${host.port} typ host`, ` ${line.front.address().port} typ host`);
    await page.evaluate((text) => window.pc.setRemoteDescription({type: 'answer', sdp: text}), sdp);
    return sdp;
}

const inbound = (page) => page.evaluate(async () => {
    const found = {};
    (await window.pc.getStats()).forEach((s) => {
        if (s.type === 'inbound-rtp') {
            found[s.kind] = s;
        }
    });
    return found;
});

/* Resolves with the milliseconds until the browser has decoded a frame more than at first. */
async function nextFrame(page, what, command) {
    const before = (await inbound(page)).video.framesDecoded;
    const start = performance.now();
    await command();
    for (let i = 0; i < 1000; i++) {
        if ((await inbound(page)).video.framesDecoded > before + 10) {
            return Math.round(performance.now() - start);
        }
        await sleep(10);
    }
    throw new Error(`no new frames after ${what}`);
}

async function moves(page, host, line) {
    const took = {};
    took.zap = await nextFrame(page, 'zap', () => host.ask('zap', 'two'));
    took.film = await nextFrame(page, 'zap to a film', () => host.ask('zap', 'film'));
    took.seek = await nextFrame(page, 'seek', () => host.ask('play', '7'));
    took.iceRestart = await nextFrame(page, 'ICE restart', async () => {
        const offer = await makeOffer(page, true);
        await takeAnswer(page, await host.ask('reoffer', Buffer.from(offer).toString('base64')), line, host);
        await sleep(500);
    });
    took.zapAfter = await nextFrame(page, 'zap after ICE restart', () => host.ask('zap', 'one'));
    return took;
}

function summary(before, after) {
    const diff = (kind, name) => (after[kind][name] ?? 0) - (before[kind][name] ?? 0);
    const samples = diff('audio', 'totalSamplesReceived');
    return {
        audio: {
            lost: diff('audio', 'packetsLost'),
            received: diff('audio', 'packetsReceived'),
            concealedPercent: +(100 * diff('audio', 'concealedSamples') / samples).toFixed(2),
            bufferMs: Math.round(1000 * diff('audio', 'jitterBufferDelay') /
                diff('audio', 'jitterBufferEmittedCount')),
        },
        video: {
            lost: diff('video', 'packetsLost'),
            received: diff('video', 'packetsReceived'),
            retransmitted: diff('video', 'retransmittedPacketsReceived'),
            nacks: diff('video', 'nackCount'),
            plis: diff('video', 'pliCount'),
            frames: diff('video', 'framesDecoded'),
            dropped: diff('video', 'framesDropped'),
            freezes: diff('video', 'freezeCount'),
            frozenS: +diff('video', 'totalFreezesDuration').toFixed(2),
        },
    };
}

const host = await Host.start();
const line = await Line.open(host.port);
const server = createServer((request, response) => response.end('<!doctype html><body>'));
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const browser = await openBrowser();
try {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${server.address().port}/`);
    const offer = await makeOffer(page, false);
    const said = await host.ask('offer', 'one', Buffer.from(offer).toString('base64'));
    await takeAnswer(page, said, line, host);
    await host.ask('play');
    while (!(await inbound(page)).video?.framesDecoded) {
        await sleep(100);
    }
    await sleep(5000);
    const before = await inbound(page);
    await sleep(1000 * Number(options.seconds));
    const result = summary(before, await inbound(page));
    result.engine = await host.ask('status');
    result.framesAfterMs = await moves(page, host, line);
    console.log(JSON.stringify(result, null, 1));
} finally {
    await browser.close();
    server.close();
    line.close();
    await host.stop();
}
