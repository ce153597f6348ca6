/* Live channels through the whole headend: the right channel, its own tone, zapping on the open call. */

import assert from 'node:assert/strict';
import {after, afterEach, before} from 'node:test';

import {logIn, openBrowser, openPage, shoot} from './lib/browser.mjs';
import {Headend} from './lib/headend.mjs';
import {
    goHome, messageOf, provePlaying, readFrame, statsOf, waitForFrame, waitForState, waitForTone, watch,
} from './lib/player.mjs';
import {eventually, test} from './lib/test.mjs';

const FPS = 25;
const CHANNELS = {one: {number: 1, tone: 440}, two: {number: 2, tone: 660}};
const MAX_DELAY_MS = 3000; /* encoder, channel delay, join */
const ZAPS = 20;
const NO_SIGNAL_MS = 4000; /* under 1 s on an idle machine; the page alone would find out after 8 s */

let headend;
let browser;
let page;

before(async () => {
    headend = await Headend.create();
    await headend.addFilm('counter', 'A film', ['--seconds', 30, '--width', 640, '--height', 360]);
    await headend.start();
    browser = await openBrowser();
}, {timeout: 180000});

after(async () => {
    await browser?.close();
    await headend?.remove();
});

afterEach(async () => {
    const problems = page?.problems ?? [];
    await page?.context().close();
    page = null;
    assert.deepEqual(problems, []);
});

async function watchChannel(id) {
    page = await openPage(browser, headend.url);
    await logIn(page);
    await watch(page, 'channel', id);
}

for (const [id, {number, tone}] of Object.entries(CHANNELS)) {
    test(`channel ${id} shows its own live picture and sounds its own tone`, async () => {
        await watchChannel(id);
        const frame = await waitForFrame(page, ({channel}) => channel === number, `channel ${number}`);
        const age = Date.now() - frame.clock;
        assert.ok(age >= 0 && age < MAX_DELAY_MS, `the picture is ${age} ms old`);
        await waitForTone(page, tone);
    });
}

test('a channel is decoded at the rate of its source, without a freeze', async () => {
    await watchChannel('one');
    await waitForTone(page, CHANNELS.one.tone);
    await provePlaying(page, FPS);
});

test(`${ZAPS} zaps happen on one peer connection and one call`, async () => {
    await watchChannel('one');
    await waitForFrame(page, ({channel}) => channel === 1, 'channel 1');
    const before = await page.evaluate(() => {
        const {connection} = window.imstv.player.internals;
        window.firstConnection = connection;
        return connection.remoteDescription.sdp;
    });
    const times = [];

    for (let i = 1; i <= ZAPS; i++) {
        const number = i % 2 ? 2 : 1;
        const start = performance.now();
        await page.keyboard.press(i % 3 ? 'PageUp' : 'ArrowDown');
        await waitForFrame(page, ({channel}) => channel === number, `channel ${number} after zap ${i}`, 5000);
        times.push(performance.now() - start);
    }

    const {same, sdp, state} = await page.evaluate(() => {
        const {connection} = window.imstv.player.internals;
        return {
            same: connection === window.firstConnection, sdp: connection.remoteDescription.sdp,
            state: connection.connectionState,
        };
    });
    assert.deepEqual([same, sdp, state], [true, before, 'connected']);
    await waitForTone(page, CHANNELS.one.tone);
    times.sort((a, b) => a - b);
    console.log(`# zap to picture, seen from the test: median ${times[ZAPS / 2].toFixed(0)} ms`);
});

test('from a channel to a film and back', async () => {
    await watchChannel('two');
    await waitForFrame(page, ({channel}) => channel === 2, 'channel 2');
    await goHome(page);
    await watch(page, 'film', 'counter');
    await waitForFrame(page, ({channel, clock}) => channel === 0 && clock < 10000, 'the film');
    await goHome(page);
    await watch(page, 'channel', 'one');
    await waitForFrame(page, ({channel}) => channel === 1, 'channel 1');
});

test('a channel that is added while all runs is there at once, and goes again', async () => {
    const input = await headend.sendChannel('three', ['--width', 640, '--height', 360]);
    await headend.command('channel', 'add', 'three', '--input', input, '--name', 'Channel Three');
    page = await openPage(browser, headend.url);
    await logIn(page);
    await page.locator('a.channel b', {hasText: 'Channel Three'}).waitFor();
    await watch(page, 'channel', 'three');
    await waitForFrame(page, ({channel}) => channel === 3, 'channel 3');
    await waitForTone(page, 880);

    await headend.command('channel', 'remove', 'three');
    await waitForState(page, 'failed');
    assert.ok((await messageOf(page)).text);
});

test('a dead channel says "No signal" at once; its picture comes on the same call when it sends', async () => {
    const input = await Headend.freeInput();
    await headend.command('channel', 'add', 'four', '--input', input, '--name', 'Channel Four');
    await eventually(async () => /four +no-signal/.test(await headend.command('status')),
                     'the headend knows that nothing arrives', 10000);
    page = await openPage(browser, headend.url);
    await logIn(page);
    const tile = page.locator('a.channel', {hasText: 'Channel Four'});
    await tile.locator('.on-air', {hasText: 'No signal'}).waitFor();
    await shoot(page, 'dead-tile');
    const start = performance.now();
    await tile.click();
    await page.locator('imstv-player section.card', {hasText: 'No signal'}).waitFor();
    const ms = performance.now() - start;
    assert.ok(ms < NO_SIGNAL_MS, `"No signal" took ${Math.round(ms)} ms`);
    const {callId} = await statsOf(page);
    await shoot(page, 'dead-channel');

    await headend.sendChannel('four', ['--width', 640, '--height', 360], input);
    await waitForState(page, 'playing');
    await waitForFrame(page, ({channel}) => channel === 4, 'channel 4');
    assert.equal((await statsOf(page)).callId, callId);
    await page.locator('imstv-player section.card').waitFor({state: 'hidden'});
    await headend.command('channel', 'remove', 'four');
});

test('every line of the log that belongs to a call names its session and its call', async () => {
    const lines = (await headend.logs(100000)).split('\n').filter((line) => line.includes(' session='));
    assert.ok(lines.length > 20, `${lines.length} lines`);
    assert.deepEqual(lines.filter((line) => !line.includes(' call=')), []);
});

test('two viewers at once watch different things', async () => {
    await watchChannel('one');
    const other = await openPage(browser, headend.url);
    try {
        await logIn(other);
        await watch(other, 'film', 'counter');
        await waitForFrame(page, ({channel}) => channel === 1, 'channel 1');
        await waitForFrame(other, ({channel, clock}) => channel === 0 && clock > 1000, 'the film');
        await other.keyboard.press('Space');
        const counted = (await statsOf(page)).framesDecoded;
        await eventually(async () => (await statsOf(page)).framesDecoded > counted + FPS,
                         'the channel goes on while the film is paused');
        assert.equal((await readFrame(page))?.channel, 1);
        assert.deepEqual(other.problems, []);
    } finally {
        await other.context().close();
    }
});
