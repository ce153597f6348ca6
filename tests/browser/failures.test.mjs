/* What a viewer meets when a part of the headend fails. */

import assert from 'node:assert/strict';
import {readdir, readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {after, afterEach, before} from 'node:test';

import {logIn, openBrowser, openPage} from './lib/browser.mjs';
import {Headend} from './lib/headend.mjs';
import {goHome, messageOf, stateOf, statsOf, waitForFrame, waitForState, watch} from './lib/player.mjs';
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

/* Collects the states of the player from now on. */
const watchStates = (page) => page.evaluate(() => {
    window.states = [];
    window.imstv.player.addEventListener('statechange', ({detail}) => window.states.push(detail.state));
});

const statesOf = (page) => page.evaluate(() => window.states);

const positionOf = (page) => page.evaluate(() => window.imstv.player.position);

for (const signal of ['SIGKILL', 'SIGTERM']) {
    test(`when the gateway ends by ${signal} the film goes on by itself, without a click`, async () => {
        await watchFilm();
        page.expected = /WebSocket/;
        await watchStates(page);
        const before = await positionOf(page);
        const {callId} = await statsOf(page);
        await headend.killAndWait('imstv-sgw', signal);
        await eventually(() => page.evaluate(() => window.imstv.session.state === 'online'), 'registered again', 8000);
        await eventually(async () => {
            const now = await statsOf(page);
            return now.callId && now.callId !== callId;
        }, 'a new call', 8000);
        await waitForFrame(page, ({clock}) => clock / 1000 > before, 'the picture moves');
        await eventually(() => page.evaluate(() => !window.imstv.player.waiting), 'nothing is waited for');
        assert.ok(await positionOf(page) >= before, `at ${await positionOf(page)} s, not after ${before} s`);
        assert.deepEqual((await statesOf(page)).filter((state) => state !== 'playing'), []);
        await page.keyboard.press('Space');
        await waitForState(page, 'paused');
    });
}

test('when the core dies the picture goes on, and the same call can be controlled and ended', async () => {
    await watchFilm();
    await watchStates(page);
    const {callId} = await statsOf(page);
    await headend.killAndWait('imstv-core');
    await eventually(() => page.evaluate(() => window.imstv.session.refreshCatalogue().then(() => true, () => false)),
                     'the network is back', 20000, 500);
    await page.evaluate(() => window.imstv.player.seek(30));
    await waitForFrame(page, ({clock}) => clock > 27000 && clock < 40000, 'the film is where it was sought');
    assert.equal((await statsOf(page)).callId, callId);
    assert.deepEqual((await statesOf(page)).filter((state) => state !== 'playing'), []);
    await goHome(page);
    await eventually(async () => (await dialogOf('imstv-mcf', callId))?.includes('dialog over: BYE'),
                     'the call has ended everywhere', 10000, 200);
});

/* The last line about call @id in the log of daemon @name. */
async function dialogOf(name, id) {
    const folder = join(headend.state, 'log');
    const file = (await readdir(folder)).find((one) => one.includes(name));
    const text = await readFile(join(folder, file), 'utf8');
    return text.split('\n').filter((line) => line.includes(`session=${id}`)).pop();
}

test('what is taken off the programme while it is watched is said to be gone', async () => {
    const address = await headend.sendChannel('gone');
    await headend.command('channel', 'add', 'gone', '--input', address, '--name', 'Gone soon');
    page = await openPage(browser, headend.url);
    await logIn(page);
    await page.locator('a.tile[href="#/channel/gone"]').waitFor({timeout: 30000});
    await watch(page, 'channel', 'gone');
    await headend.command('channel', 'remove', 'gone');
    await waitForState(page, 'failed', 15000);
    assert.equal((await messageOf(page)).title, 'Not available any more');
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
