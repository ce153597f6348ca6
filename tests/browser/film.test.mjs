/* A film through the whole headend: the right pictures, at the right time, with sound. */

import assert from 'node:assert/strict';
import {after, afterEach, before} from 'node:test';

import {logIn, openBrowser, openPage} from './lib/browser.mjs';
import {Headend} from './lib/headend.mjs';
import {
    messageOf, provePlaying, readFrame, statsOf, waitForFrame, waitForState, waitForTone, watch,
} from './lib/player.mjs';
import {eventually, test} from './lib/test.mjs';

const FPS = 25;
const FILM_S = 30;
const GOP_S = 2;
const TONE_HZ = 523;

let headend;
let browser;
let page;

before(async () => {
    headend = await Headend.create();
    const shape = ['--seconds', FILM_S, '--fps', FPS, '--tone', TONE_HZ, '--width', 960, '--height', 540];
    await headend.addFilm('counter', 'A film with B-frames', [...shape, '--b-frames', 3, '--audio', 'aac']);
    await headend.addFilm('short', 'A short film', ['--seconds', 4, '--width', 640, '--height', 360]);
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

async function watchFilm(id = 'counter') {
    page = await openPage(browser, headend.url);
    await logIn(page);
    await watch(page, 'film', id);
}

test('the start page lists the films by name', async () => {
    page = await openPage(browser, headend.url);
    await logIn(page);
    const titles = await page.locator('a.film b').allTextContents()
        .then((all) => (all.length ? all : page.locator('a.film').first().waitFor()
            .then(() => page.locator('a.film b').allTextContents())));
    assert.deepEqual(titles.sort(), ['A film with B-frames', 'A short film']);
});

test('every picture is decoded at the rate of the source, with sound and without a freeze', async () => {
    await watchFilm();
    await waitForTone(page, TONE_HZ);
    await provePlaying(page, FPS, 7);
});

test('the seek bar says what the picture says', async () => {
    await watchFilm();
    const frame = await waitForFrame(page, ({clock}) => clock > 1500, 'second 1.5');
    const said = await page.evaluate(() => window.imstv.player.position);
    assert.ok(Math.abs(said - frame.clock / 1000) < 0.2, `bar ${said}, picture ${frame.clock} ms`);
    assert.equal(await page.evaluate(() => Math.round(window.imstv.player.duration)), FILM_S);
});

for (const target of [21.3, 7.9, 14]) {
    test(`a seek to ${target} s shows a picture of that place`, async () => {
        await watchFilm();
        await waitForFrame(page, ({clock}) => clock > 200, 'the film moves');
        const landed = await seekAndRead(page, target);
        assert.ok(landed <= target + 0.2, `landed at ${landed} s`);
        assert.ok(landed >= target - GOP_S - 0.05, `landed at ${landed} s`);
        const later = await waitForFrame(page, ({clock}) => clock / 1000 > landed + 1, 'the film goes on');
        assert.ok(Math.abs(later.mediaTime - later.clock / 1000) < 0.1,
                  `bar ${later.mediaTime}, picture ${later.clock}`);
        await waitForTone(page, TONE_HZ);
    });
}

test('ten quick seeks end at the last one', async () => {
    await watchFilm();
    await page.evaluate(() => {
        for (let i = 1; i <= 10; i++) {
            window.imstv.player.seek(i * 2 + 0.5);
        }
    });
    await waitForFrame(page, ({clock}) => clock >= 18000 && clock < 22500, 'second 20');
    assert.equal(await messageOf(page), null);
});

test('a pause stops the packets, and play goes on at the same place', async () => {
    await watchFilm();
    await waitForFrame(page, ({clock}) => clock > 1000, 'second 1');
    await page.keyboard.press('Space');
    await waitForState(page, 'paused');
    const still = await eventually(async () => {
        const a = await statsAt(page);
        await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 500)));
        const b = await statsAt(page);
        return a.videoPackets === b.videoPackets && a.audioPackets === b.audioPackets ? b : null;
    }, 'no packets flow');

    const at = still.currentMediaTime;
    await page.keyboard.press('Space');
    const frame = await waitForFrame(page, ({clock}) => clock > 0, 'a picture again');
    assert.ok(Math.abs(frame.clock / 1000 - at) < 0.6, `paused at ${at}, goes on at ${frame.clock} ms`);
    await waitForFrame(page, ({clock}) => clock / 1000 > at + 1, 'the film goes on');
    await waitForTone(page, TONE_HZ);
});

test('the end of the film is told, and it can be watched again', async () => {
    await watchFilm('short');
    await waitForState(page, 'ended', 12000);
    const last = await statsOf(page);
    assert.ok(last.currentMediaTime > 3.7, `the last picture was at ${last.currentMediaTime} s`);
    await page.getByRole('button', {name: 'Watch again'}).first().click();
    await waitForFrame(page, ({clock}) => clock < 2000, 'the beginning');
    await waitForState(page, 'ended', 12000);
});

test('an id that is not on offer is refused in words', async () => {
    page = await openPage(browser, headend.url);
    await logIn(page);
    await page.locator('a.film').first().waitFor();
    await page.evaluate(() => {
        location.hash = '#/film/no-such-film';
    });
    await waitForState(page, 'failed');
    assert.equal((await messageOf(page)).title, 'Not available');
});

test('a wrong password is refused, and nothing is shown', async () => {
    page = await openPage(browser, headend.url);
    await logIn(page, 'demo', 'not-the-password');
    await page.getByText('do not match').waitFor();
    assert.equal(await page.evaluate(() => window.imstv.session.state), 'out');
    await logIn(page);
    await page.locator('a.film').first().waitFor();
});

test('an unknown user is refused', async () => {
    page = await openPage(browser, headend.url);
    await logIn(page, 'nobody', 'demo');
    await page.locator('.form-error:not(:empty)').waitFor();
    assert.equal(await page.evaluate(() => window.imstv.session.state), 'out');
});

test('a reload goes on without a log-in, where the film was', async () => {
    await watchFilm();
    await waitForFrame(page, ({clock}) => clock > 200, 'the film moves');
    await seekAndRead(page, 12);
    await waitForFrame(page, ({clock}) => clock > 12500, 'second 12.5');
    await page.reload();
    await waitForState(page, 'playing');
    await waitForFrame(page, ({clock}) => clock > 10000 && clock < 20000, 'second 12 or so');
});

test('two viewers watch different places', async () => {
    await watchFilm();
    const other = await openPage(browser, headend.url);
    try {
        await logIn(other);
        await watch(other, 'film', 'counter');
        await seekAndRead(page, 20);
        await seekAndRead(other, 6);
        const [a, b] = await Promise.all([readFrame(page), readFrame(other)]);
        assert.ok(a.clock > 18000 && b.clock < 10000, `${a.clock} and ${b.clock} ms`);
        assert.deepEqual(other.problems, []);
    } finally {
        await other.context().close();
    }
});

async function statsAt(target) {
    return target.evaluate(async () => ({...await window.imstv.player.stats(), at: performance.now()}));
}

/* Seeks, and returns the media time (s) that the first picture of the new place itself shows. */
async function seekAndRead(target, seconds) {
    const before = await readFrame(target);
    await target.evaluate((to) => window.imstv.player.seek(to), seconds);
    const first = await waitForFrame(target, ({clock}) => Math.abs(clock - before.clock) > 1500,
                                     `a picture of another place than ${before.clock} ms`);
    return first.clock / 1000;
}
