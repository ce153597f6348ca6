/* What a viewer meets when a part of the headend fails. */

import assert from 'node:assert/strict';
import {writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {after, afterEach, before} from 'node:test';

import {logIn, openBrowser, openPage} from './lib/browser.mjs';
import {Headend} from './lib/headend.mjs';
import {messageOf, stateOf, waitForFrame, waitForState, watch} from './lib/player.mjs';
import {eventually, test} from './lib/test.mjs';

let headend;
let browser;
let page;

before(async () => {
    headend = await Headend.create();
    await headend.addFilm('counter', 'A film', ['--seconds', 60, '--width', 640, '--height', 360]);
    await headend.start();
    browser = await openBrowser();
}, {timeout: 180000});

after(async () => {
    await browser?.close();
    await headend?.remove();
});

afterEach(async () => {
    await page?.context().close();
    page = null;
});

async function watchFilm() {
    page = await openPage(browser, headend.url);
    await logIn(page);
    await watch(page, 'film', 'counter');
    await waitForFrame(page, ({clock}) => clock > 500, 'the film moves');
}

test('a broken media file is refused in one sentence, and the catalogue stays as it was', async () => {
    const file = join(headend.state, 'broken.mp4');
    await writeFile(file, Buffer.from('ftypisom this is no film at all '.repeat(400)));
    const error = await headend.command('asset', 'add', file, '--id', 'broken').catch((reason) => reason);
    assert.equal(error.code, 1);
    assert.match(error.stderr, /imstv: .+/);

    page = await openPage(browser, headend.url);
    await logIn(page);
    await page.locator('a.film').first().waitFor();
    assert.deepEqual(await page.locator('a.film').evaluateAll((all) => all.map((one) => one.dataset.id)), ['counter']);
});

test('when the media server dies the viewer is told, and one click plays again', async () => {
    await watchFilm();
    await headend.killAndWait('imstv-mdf');
    await waitForState(page, 'failed', 20000);
    const message = await messageOf(page);
    assert.ok(message.title && message.text, JSON.stringify(message));

    /* The click may come before the new media server has its channels and films: the viewer then gets a
     * message again, and clicks again. */
    await eventually(async () => {
        if (await stateOf(page) === 'failed') {
            await page.getByRole('button', {name: 'Play again'}).click();
        }
        await waitForState(page, ['playing', 'failed']);
        return await stateOf(page) === 'playing';
    }, 'playing again', 20000, 500);
    await waitForFrame(page, ({clock}) => clock > 0, 'the picture is back');
});

test('when the gateway dies the viewer is told, and plays on after a click', async () => {
    await watchFilm();
    page.expected = /WebSocket/;
    await headend.killAndWait('imstv-sgw');
    await eventually(async () => await page.evaluate(() => window.imstv.session.state) === 'online' &&
        ['failed', 'playing'].includes(await stateOf(page)), 'registered again', 20000);
    if (await stateOf(page) === 'failed') {
        await page.getByRole('button', {name: 'Play again'}).click();
    }
    await waitForState(page, 'playing');
    await waitForFrame(page, ({clock}) => clock > 0, 'the picture is back');
});

for (const name of ['imstv-mcf', 'imstv-iptv', 'imstv-core']) {
    test(`after a crash of ${name} films play again`, async () => {
        page = await openPage(browser, headend.url);
        await logIn(page);
        await page.locator('a.film').first().waitFor();
        await headend.killAndWait(name);
        await page.locator('a.film').first().click();
        await eventually(async () => {
            const state = await waitForState(page, ['playing', 'failed'], 25000);
            if (state === 'failed') {
                await page.getByRole('button', {name: 'Play again'}).click();
            }
            return state === 'playing';
        }, 'playing', 40000, 500);
    });
}
