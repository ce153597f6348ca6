/* The demo film that every newcomer sees first: 1080p with B-frames and AAC 5.1 as it was published. */

import assert from 'node:assert/strict';
import {after, before} from 'node:test';

import {logIn, openBrowser, openPage} from './lib/browser.mjs';
import {Headend} from './lib/headend.mjs';
import {provePlaying, statsOf, waitForState, watch} from './lib/player.mjs';
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
    await eventually(async () => (await page.evaluate(() => window.imstv.player.audio())).level > 0.0005,
                     'something is heard');
    await provePlaying(page, fps, 6);

    await page.evaluate(() => window.imstv.player.seek(window.imstv.player.duration - 2));
    await waitForState(page, 'ended', 15000);
    assert.ok((await statsOf(page)).currentMediaTime > film.duration - 1);
    assert.deepEqual(page.problems, []);
});
