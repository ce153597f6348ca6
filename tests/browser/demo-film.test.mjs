/* The demo film that every newcomer sees first: 1080p with B-frames and AAC 5.1 as it was published. */

import assert from 'node:assert/strict';
import {after, before} from 'node:test';

import {logIn, openBrowser, openPage} from './lib/browser.mjs';
import {Headend} from './lib/headend.mjs';
import {statsOf, waitForState, watch} from './lib/player.mjs';
import {eventually, test} from './lib/test.mjs';

let headend;
let browser;
let film;

before(async () => {
    headend = await Headend.create();
    film = await headend.addDemoFilm();
    await headend.start();
    browser = await openBrowser();
}, {timeout: 240000});

after(async () => {
    await browser?.close();
    await headend?.remove();
});

test('the demo film plays at its own rate, with sound and credits, to its end', async () => {
    const page = await openPage(browser, headend.url);
    await logIn(page);
    await page.locator('.film img.loaded').waitFor();
    if (film.credit) {
        await page.getByText('CC-BY 3.0').first().waitFor();
    }
    await watch(page, 'film', film.id);

    const {fps} = film.tracks.find(({kind}) => kind === 'video');
    const sample = () => page.evaluate(async () =>
        ({...await window.imstv.player.stats(), at: performance.now()}));
    let loudest = 0;
    const first = await sample();
    const last = await eventually(async () => {
        loudest = Math.max(loudest, (await page.evaluate(() => window.imstv.player.audio())).level);
        const now = await sample();
        return now.at - first.at >= 10000 ? now : null;
    }, 'ten seconds of film', 20000, 200);

    const rate = (last.framesDecoded - first.framesDecoded) / (last.at - first.at) * 1000;
    assert.ok(Math.abs(rate / fps - 1) < 0.03, `decoded ${rate.toFixed(2)} of ${fps} frames a second`);
    assert.equal(last.freezeCount, 0, JSON.stringify({first, last}));
    assert.ok(loudest > 0.0005, `the loudest sound was ${loudest}`);

    await page.evaluate(() => window.imstv.player.seek(window.imstv.player.duration - 2));
    await waitForState(page, 'ended', 15000);
    assert.ok((await statsOf(page)).currentMediaTime > film.duration - 1);
    assert.deepEqual(page.problems, []);
});
