/* The page in Chromium against the fake gateway: what a viewer sees, also when things go wrong. */

import assert from 'node:assert/strict';
import {after, afterEach, before, beforeEach} from 'node:test';

import {makeHa1} from '../../../web/sdk/digest.js';
import {FakeGateway, Refusal} from '../../fakes/w2-gateway.mjs';
import {logIn, openBrowser, openPage, shoot} from '../lib/browser.mjs';
import {goHome, readFrame, stateOf, statsOf, waitForState, waitForTone, watch} from '../lib/player.mjs';
import {eventually, test} from '../lib/test.mjs';

let browser;
let gateway;
let page;
let far;

before(async () => {
    browser = await openBrowser();
});

after(() => browser?.close());

beforeEach(async () => {
    gateway = await new FakeGateway().listen();
    far = await openPage(browser, `${gateway.url}fake/far-end.html`);
    page = await openPage(browser, gateway.url);
});

afterEach(async () => {
    const problems = [...page.problems, ...far.problems];
    await page.context().close();
    await far.context().close();
    await gateway.close();
    assert.deepEqual(problems, []);
});

async function atHome() {
    await logIn(page);
    await page.locator('a.tile').first().waitFor();
}

const requests = (action) =>
    gateway.frames.filter(({from, frame}) => from === 'page' && frame.header.action === action);

const card = () => page.locator('imstv-player section.card');

test('the demo user is filled in, and one click leads to channels and films', async () => {
    await page.getByRole('button', {name: 'Watch'}).click();
    await page.getByRole('heading', {name: 'Big Buck Bunny'}).waitFor();
    const tiles = await page.locator('a.tile').evaluateAll((all) => all.map((tile) => tile.getAttribute('href')));
    assert.deepEqual(tiles, ['#/channel/one', '#/channel/two', '#/film/big-buck-bunny']);
    await page.getByText('Big Buck Bunny © Blender Foundation, CC-BY 3.0').first().waitFor();
    await page.locator('.film img.loaded').waitFor();
});

test('a wrong password says so, and the right one works afterwards', async () => {
    await logIn(page, 'demo', 'wrong');
    await page.getByText('do not match').waitFor();
    await logIn(page, 'demo', 'demo');
    await page.locator('a.tile').first().waitFor();
});

test('no gateway: the log-in says that the headend does not answer', async () => {
    gateway.refuseUpgrades = true;
    page.expected = /WebSocket/;
    await logIn(page);
    await page.getByText('headend does not answer').waitFor();
});

test('an empty catalogue says how to fill it', async () => {
    gateway.catalogue = {channels: [], assets: []};
    await logIn(page);
    await page.getByText('imstv asset add').waitFor();
});

test('a title with markup in it stays text', async () => {
    gateway.catalogue.assets[0].title = '<img src=x onerror=alert(1)>';
    await logIn(page);
    await page.getByRole('heading', {name: '<img src=x'}).waitFor();
});

test('a film plays, pauses, goes on and can be sought by key and by the bar', async () => {
    await atHome();
    await watch(page, 'film', 'big-buck-bunny');
    await eventually(async () => (await statsOf(page)).currentMediaTime > 0.5, 'the film moves');

    await page.keyboard.press('Space');
    await waitForState(page, 'paused');
    await gateway.frame((frame) => frame.header.method === 'PAUSE');
    await page.keyboard.press('Space');
    await waitForState(page, 'playing');

    await page.keyboard.press('ArrowRight');
    await eventually(async () => (await statsOf(page)).currentMediaTime >= 10, 'ten seconds on');
    const bar = page.getByRole('slider', {name: 'Position'});
    await bar.fill('20');
    const frame = await eventually(async () => {
        const seen = await readFrame(page);
        return seen?.clock >= 20000 ? seen : null;
    }, 'the picture of second 20');
    assert.ok(frame.clock < 23000);
    await eventually(async () => await bar.getAttribute('aria-valuetext') >= '20 seconds', 'the bar follows');
});

test('at the end the film can be watched again', async () => {
    await atHome();
    await watch(page, 'film', 'big-buck-bunny');
    await page.evaluate(() => window.imstv.player.seek(28.5));
    await waitForState(page, 'ended');
    assert.equal(await page.evaluate(() => window.imstv.player.position), 30);

    await card().getByRole('button', {name: 'Watch again'}).click();
    await waitForState(page, 'playing');
    await eventually(async () => (await readFrame(page))?.clock < 5000, 'the beginning');
    assert.equal(requests('start').length, 1);
});

test('channels change by key, button and number on one call', async () => {
    await atHome();
    await watch(page, 'channel', 'one');
    await waitForTone(page, 440);
    const shown = (number) => eventually(async () => (await readFrame(page))?.channel === number, `channel ${number}`);
    await shown(1);

    await page.keyboard.press('PageUp');
    await shown(2);
    await waitForTone(page, 660);
    assert.equal(await page.evaluate(() => location.hash), '#/channel/two');
    await page.mouse.move(300, 300);
    await page.getByRole('button', {name: 'Channel down'}).click();
    await shown(1);
    await page.keyboard.press('2');
    await shown(2);
    await page.keyboard.press('ArrowDown');
    await shown(1);
    assert.equal(requests('start').length, 1);
});

test('a channel that is not granted leaves the old one on, with a notice', async () => {
    await atHome();
    await watch(page, 'channel', 'one');
    const {onCommand} = gateway;
    gateway.onCommand = async (call, header) => {
        if (header.bc_service === 'two') {
            throw new Refusal(403, 'not granted');
        }
        return onCommand(call, header);
    };
    await page.keyboard.press('PageUp');
    await page.getByText('Not in your package').waitFor();
    assert.equal(await page.evaluate(() => location.hash), '#/channel/one');
    assert.equal(await stateOf(page), 'playing');
});

for (const [code, title, again] of [[403, 'Not in your package', false], [404, 'Not available', false],
    [488, 'This browser cannot play it', false], [503, 'Out of reach right now', true]]) {
    test(`a refusal with ${code} says what it means, and offers another try where that can help`, async () => {
        await atHome();
        const {onStart} = gateway;
        gateway.onStart = async () => {
            throw new Refusal(code, 'refused');
        };
        await page.locator('a.film').click();
        await waitForState(page, 'failed');
        await card().getByRole('heading', {name: title}).waitFor();
        await card().getByText(/Reference [0-9a-f]{32}/).waitFor();
        const button = card().getByRole('button', {name: 'Play again'});
        assert.equal(await button.isVisible(), again);
        if (again) {
            gateway.onStart = onStart;
            await button.click();
            await waitForState(page, 'playing');
            assert.equal(await card().isVisible(), false);
        }
    });
}

test('a channel without signal says so at once, keeps its call, and the picture comes by itself', async () => {
    const command = gateway.onCommand;
    const badge = () => page.locator('imstv-player .live').innerText();
    let held = true;
    gateway.onCommand = async (call, header) => {
        if (held && header.method === 'PLAY') {
            gateway.tell(call, 'iptv_media', {action: 'notify', event: 'no-signal'});
            return {npt: 'now-', scale: 1};
        }
        return command(call, header);
    };
    await atHome();
    await page.locator('a.tile[href="#/channel/one"]').click();
    await page.getByText('No signal').first().waitFor({timeout: 3000});
    assert.equal(await card().isVisible(), true);
    assert.equal(await page.getByRole('button', {name: 'Play again'}).isVisible(), false);
    assert.equal(await badge(), 'No signal');

    await shoot(page, 'no-signal');
    await page.waitForTimeout(9000); /* longer than a channel may be without a picture otherwise */
    assert.equal(await stateOf(page), 'starting');
    held = false;
    await command(gateway.calls[0], {method: 'PLAY'});
    gateway.tell(gateway.calls[0], 'iptv_media', {action: 'notify', event: 'signal'});
    await waitForState(page, 'playing');
    assert.equal(await card().isVisible(), false);
    assert.equal(await badge(), 'Live');
    assert.equal(requests('start').length, 1);
});

test('a film that is not in the catalogue gets a clear message', async () => {
    gateway.onStart = async () => {
        throw new Refusal(404, 'no such content');
    };
    await atHome();
    await page.evaluate(() => {
        location.hash = '#/film/nonsense';
    });
    await card().getByRole('heading', {name: 'Not available'}).waitFor();
    assert.equal(await page.getByRole('button', {name: 'Play again'}).isVisible(), false);
    await card().getByRole('button', {name: 'Back to the start page'}).click();
    await page.locator('a.tile').first().waitFor();
});

test('the start page comes back as it was left, and with another list stays where it is', async () => {
    const scroll = () => page.evaluate(() => scrollY);
    for (let i = 0; i < 24; i++) {
        gateway.catalogue.assets.push({id: `film-${i}`, title: `Film ${i}`, duration_s: 60});
    }
    await atHome();
    assert.equal(await scroll(), 0);
    await watch(page, 'film', 'film-23');
    await goHome(page);
    const left = await scroll();
    assert.ok(left > 0);
    assert.equal(await page.evaluate(() => document.activeElement.getAttribute('href')), '#/film/film-23');

    await page.evaluate(() => scrollTo(0, 0)); /* the focus is below, the viewer looks at the top */
    gateway.catalogue.channels[0].no_signal = true;
    await watch(page, 'film', 'big-buck-bunny');
    await goHome(page);
    await page.locator('.on-air', {hasText: 'No signal'}).waitFor();
    assert.ok(await scroll() < left);
});

test('when the media server ends the call, the film goes on from there after a click', async () => {
    await atHome();
    await watch(page, 'film', 'big-buck-bunny');
    await page.evaluate(() => window.imstv.player.seek(12));
    await eventually(async () => (await statsOf(page)).currentMediaTime >= 12.5, 'second 12');
    gateway.tell(gateway.calls[0], 'call', {action: 'shutdown', error_code: 5402, reason: 'gone'});
    await waitForState(page, 'failed');
    await card().getByRole('button', {name: 'Play again'}).click();
    await waitForState(page, 'playing');
    assert.ok((await statsOf(page)).currentMediaTime >= 10);
});

test('a lost gateway connection is told and repaired while the picture goes on', async () => {
    await atHome();
    await watch(page, 'film', 'big-buck-bunny');
    page.expected = /WebSocket/;
    gateway.refuseUpgrades = true;
    gateway.dropSockets();
    await page.getByText('Connection lost. Reconnecting').waitFor();
    gateway.refuseUpgrades = false;
    await page.getByText('Connection lost. Reconnecting').waitFor({state: 'hidden'});
    assert.equal(await stateOf(page), 'playing');
    await page.keyboard.press('Space');
    await gateway.frame((frame) => frame.header.method === 'PAUSE');
});

test('a reload goes on without a log-in, where the film was', async () => {
    await atHome();
    await watch(page, 'film', 'big-buck-bunny');
    await page.evaluate(() => window.imstv.player.seek(16));
    await eventually(async () => (await statsOf(page)).currentMediaTime >= 16.5, 'second 16');
    const sessions = [...gateway.sessions.keys()];

    await page.reload();
    await waitForState(page, 'playing');
    assert.ok((await statsOf(page)).currentMediaTime >= 14);
    assert.deepEqual([...gateway.sessions.keys()], sessions);
    await eventually(() => gateway.calls.length === 1, 'the call of before is over');
});

test('log-out leads to the log-in, and the way back is closed', async () => {
    await atHome();
    await page.getByRole('button', {name: 'Log out'}).click();
    await page.getByLabel('Password').waitFor();
    assert.equal(gateway.sessions.size, 0);
    await page.reload();
    await page.getByLabel('Password').waitFor();
    assert.equal(await page.evaluate(() => sessionStorage.getItem('imstv.login')), null);
});

test('the password is nowhere in the storage and in no frame', async () => {
    gateway.users.demo = 'a-secret-of-mine';
    await logIn(page, 'demo', 'a-secret-of-mine');
    await page.locator('a.tile').first().waitFor();
    const stored = await page.evaluate(() => JSON.stringify({...sessionStorage, ...localStorage}));
    assert.ok(!stored.includes('a-secret-of-mine'));
    assert.ok(!JSON.stringify(gateway.frames).includes('a-secret-of-mine'));
});

test('the page works by keys alone, and each control has a name', async () => {
    await page.keyboard.press('Enter');
    await page.locator('a.tile').first().waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowRight');
    const focused = () => page.evaluate(() => document.activeElement.dataset.id);
    assert.equal(await focused(), 'two');
    await page.keyboard.press('Enter');
    await waitForState(page, 'playing');
    const nameless = await page.locator('imstv-player button, imstv-player input').evaluateAll((all) =>
        all.filter((one) => !one.getAttribute('aria-label') && !one.textContent.trim()).length);
    assert.equal(nameless, 0);
    await goHome(page);
    assert.equal(await focused(), 'two');
});

test('nothing on the page moves while it loads', async () => {
    await page.addInitScript(() => {
        window.shifts = 0;
        new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) {
                window.shifts += entry.value;
            }
        }).observe({type: 'layout-shift', buffered: true});
    });
    await page.reload();
    await atHome();
    await page.locator('.film img.loaded').waitFor();
    assert.ok(await page.evaluate(() => window.shifts) < 0.02);
});

test('where sound needs a touch first, the film plays muted and offers it', async () => {
    const strict = await openBrowser({autoplay: false});
    try {
        /* As after a reload: logged in, and not touched yet. */
        const user = 'demo@imstv.test';
        const login = {user, realm: 'imstv.test', ha1: makeHa1(user, 'imstv.test', 'demo')};
        const context = await strict.newContext();
        await context.addInitScript((text) => sessionStorage.setItem('imstv.login', text), JSON.stringify(login));
        const mine = await context.newPage();
        await mine.goto(`${gateway.url}#/film/big-buck-bunny`);

        /* Nothing may be evaluated in the page until it plays: that would count as a touch. */
        const playing = await gateway.frame((frame) => frame.header.event === 'playing');
        await gateway.frame((frame, from) =>
            from === 'page' && frame.control.ack_sequence >= playing.control.sequence);
        const hint = mine.getByRole('button', {name: 'Tap for sound'});
        await hint.waitFor();
        assert.equal(await mine.evaluate(() => window.imstv.player.muted), true);
        await hint.click();
        assert.equal(await mine.evaluate(() => window.imstv.player.muted), false);
        await hint.waitFor({state: 'hidden'});
        await waitForTone(mine, 220);
    } finally {
        await strict.close();
    }
});
