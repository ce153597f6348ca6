/* Follows one film through the traces of all daemons by its Session-ID, and checks the order of the
 * messages: discovery, selection, INVITE with ICE, fingerprint and iptv_rtsp, offer and answer on Xp,
 * PLAY, media; pause, seek, the end. */

import assert from 'node:assert/strict';
import {join} from 'node:path';
import {after, before} from 'node:test';

import {logIn, openBrowser, openPage} from './lib/browser.mjs';
import {Headend} from './lib/headend.mjs';
import {goHome, statsOf, waitForFrame, waitForState, watch} from './lib/player.mjs';
import {eventually, test} from './lib/test.mjs';
import {followSteps, readTrace, step} from './lib/trace.mjs';

const ICE = /a=ice-ufrag:\S+/;
const FINGERPRINT = /a=fingerprint:sha-256 /;
const CONTROL_LINE = /m=application \d+ TCP iptv_rtsp/;

let headend;
let browser;
let messages;
let call;

before(async () => {
    headend = await Headend.create();
    await headend.addFilm('counter', 'A film', ['--seconds', 20, '--width', 640, '--height', 360]);
    await headend.start(['--trace']);
    browser = await openBrowser();

    const page = await openPage(browser, headend.url);
    await logIn(page);
    await watch(page, 'film', 'counter');
    await waitForFrame(page, ({clock}) => clock > 500, 'the film moves');
    const {callId} = await statsOf(page);
    await page.keyboard.press('Space');
    await waitForState(page, 'paused');
    await page.evaluate(() => window.imstv.player.seek(10));
    await waitForFrame(page, ({clock}) => clock >= 8000, 'second 10');
    await goHome(page);

    messages = await eventually(async () => {
        const all = await readTrace(join(headend.state, 'log'));
        const over = all.some(({session, point, sent, summary}) =>
            session === callId && point === 'Xp' && !sent && summary.startsWith('DELETE'));
        return over ? all : null;
    }, 'the call is over at the media server');
    call = messages.filter(({session}) => session === callId);
}, {timeout: 120000});

after(async () => {
    await browser?.close();
    await headend?.remove();
});

test('discovery and selection come before the call', () => {
    followSteps(messages, [
        ['W2 connect', step('imstv-sgw', 'W2', '<', /request register connect/)],
        ['REGISTER', step('imstv-sgw', 'Gm', '>', /^REGISTER /)],
        ['challenge', step('imstv-core', 'Gm', '>', / 401 /)],
        ['authenticate', step('imstv-sgw', 'W2', '>', /request register authenticate/)],
        ['answer', step('imstv-sgw', 'W2', '<', /response register authenticate/)],
        ['REGISTER with answer', step('imstv-sgw', 'Gm', '>', /^REGISTER /)],
        ['registered', step('imstv-core', 'Gm', '>', / 200 /)],
        ['discovery', step('imstv-sgw', 'W2', '<', /request iptv_discovery/)],
        ['SUBSCRIBE', step('imstv-sgw', 'Gm', '>', /^SUBSCRIBE sip:iptv-sdf@/)],
        ['SUBSCRIBE at the SDF', step('imstv-iptv', 'ISC', '<', /^SUBSCRIBE /)],
        ['NOTIFY of the SDF', step('imstv-iptv', 'ISC', '>', /^NOTIFY /)],
        ['NOTIFY at the gateway', step('imstv-sgw', 'Gm', '<', /^NOTIFY /)],
        ['selection', step('imstv-sgw', 'W2', '<', /request iptv_selection/)],
        ['channels from the SSF', step('imstv-iptv', 'Xa', '<', /^GET .*Payload=05/)],
        ['films from the SSF', step('imstv-iptv', 'Xa', '<', /^GET .*Payload=06/)],
        ['list for the page', step('imstv-sgw', 'W2', '>', /response iptv_selection/)],
        ['start', step('imstv-sgw', 'W2', '<', /request call start/)],
        ['INVITE', step('imstv-sgw', 'Gm', '>', /^INVITE sip:iptv-counter@/)],
    ]);
});

test('the call goes through gateway, core, SCF, core, MCF and MDF, and back', () => {
    const found = followSteps(call, [
        ['start', step('imstv-sgw', 'W2', '<', /request call start/)],
        ['INVITE', step('imstv-sgw', 'Gm', '>', /^INVITE sip:iptv-counter@/)],
        ['INVITE on ISC', step('imstv-core', 'ISC', '>', /^INVITE sip:iptv-counter@/)],
        ['INVITE at the SCF', step('imstv-iptv', 'ISC', '<', /^INVITE /)],
        ['INVITE of the SCF', step('imstv-iptv', 'y2', '>', /^INVITE sip:mcf@/)],
        ['INVITE through the core', step('imstv-core', 'y2', '>', /^INVITE sip:mcf@/)],
        ['INVITE at the MCF', step('imstv-mcf', 'y2', '<', /^INVITE sip:mcf@/)],
        ['offer on Xp', step('imstv-mcf', 'Xp', '>', /^POST .*source=asset:counter/)],
        ['answer on Xp', step('imstv-mdf', 'Xp', '>', / 201 /)],
        ['200 of the MCF', step('imstv-mcf', 'y2', '>', / 200 /)],
        ['200 of the SCF', step('imstv-iptv', 'ISC', '>', / 200 /)],
        ['200 at the gateway', step('imstv-sgw', 'Gm', '<', / 200 /)],
        ['answer for the page', step('imstv-sgw', 'W2', '>', /response call start/)],
        ['PLAY', step('imstv-sgw', 'Xc', '>', /^PLAY rtsp:/)],
        ['PLAY at the MCF', step('imstv-mcf', 'Xc', '<', /^PLAY rtsp:/)],
        ['play on Xp', step('imstv-mdf', 'Xp', '<', /^POST .*\/control/)],
        ['outcome of PLAY', step('imstv-mcf', 'Xc', '>', / 200 /)],
        ['pause', step('imstv-sgw', 'W2', '<', /request iptv_media/)],
        ['PAUSE', step('imstv-sgw', 'Xc', '>', /^PAUSE /)],
        ['seek', step('imstv-sgw', 'Xc', '>', /^PLAY /)],
        ['shutdown', step('imstv-sgw', 'W2', '<', /request call shutdown/)],
        ['BYE', step('imstv-sgw', 'Gm', '>', /^BYE /)],
        ['BYE of the SCF', step('imstv-iptv', 'y2', '>', /^BYE /)],
        ['BYE at the MCF', step('imstv-mcf', 'y2', '<', /^BYE /)],
        ['end on Xp', step('imstv-mdf', 'Xp', '<', /^DELETE /)],
    ]);

    for (const name of ['INVITE', 'INVITE at the SCF', 'INVITE at the MCF', '200 of the MCF', '200 at the gateway']) {
        assert.match(found[name].body, ICE, name);
        assert.match(found[name].body, FINGERPRINT, name);
        assert.match(found[name].body, CONTROL_LINE, name);
    }
    for (const name of ['offer on Xp', 'answer on Xp']) {
        assert.match(found[name].body, ICE, name);
        assert.match(found[name].body, FINGERPRINT, name);
        assert.doesNotMatch(found[name].body, CONTROL_LINE, name);
    }
    assert.match(found['answer on Xp'].body, /a=candidate:/);
    assert.match(found['200 at the gateway'].body, /h-uri=rtsp:/);
    assert.match(found.seek.body, /npt=10/);
});

test('media flows only after the offer has been answered', () => {
    followSteps(call, [
        ['answer on Xp', step('imstv-mdf', 'Xp', '>', / 201 /)],
        ['media path', step('imstv-mdf', 'e*', '<', /DTLS-SRTP/)],
    ]);
});

test('every process that takes part has the one id', () => {
    const processes = new Set(call.map(({process}) => process));
    assert.deepEqual([...processes].sort(), ['imstv-core', 'imstv-iptv', 'imstv-mcf', 'imstv-mdf', 'imstv-sgw']);
});

test('no secret is in the traces', () => {
    for (const {body, summary} of messages) {
        const text = `${summary}\n${body}`;
        assert.doesNotMatch(text, /a=ice-pwd:(?!\*)/, text);
        assert.doesNotMatch(text, /[ ,"]response"?[=:]\s*"?[0-9a-f]{32}/, text);
        assert.doesNotMatch(text, /Authorization: Bearer (?!\*)/i, text);
    }
});
