/* One call followed by its Session-ID through the traces of all daemons: discovery, selection, control, media
 * control, transport, media, in this order, and what each message has to carry. */

import assert from 'node:assert/strict';
import {after, before} from 'node:test';

import {logIn, openBrowser, openPage} from './lib/browser.mjs';
import {Headend} from './lib/headend.mjs';
import {goHome, statsOf, watch} from './lib/player.mjs';
import {eventually, test} from './lib/test.mjs';
import {follow, readTraces} from './lib/trace.mjs';

const PASSWORD = 'a secret that stays in the browser';

let headend;
let browser;
let traces;

before(async () => {
    headend = await Headend.create();
    await headend.command('user', 'add', 'tracer', '--password', PASSWORD);
    await headend.addFilm('film', 'A film', ['--seconds', 8, '--width', 640, '--height', 360]);
    await headend.start(['--no-demo', '--trace']);
    browser = await openBrowser();
    const page = await openPage(browser, headend.url);
    await logIn(page, 'tracer', PASSWORD);
    await watch(page, 'film', 'film');
    await eventually(async () => (await statsOf(page)).framesDecoded > 10, 'a picture');
    await goHome(page);
    traces = await eventually(async () => {
        const all = await readTraces(headend.state);
        const ended = ({daemon, point, summary}) =>
            daemon === 'imstv-mcf' && point === 'y2' && summary.startsWith('BYE');
        return all.some(ended) ? all : null;
    }, 'the end of the call in the traces');
}, {timeout: 120000});

after(async () => {
    await browser?.close();
    await headend?.remove();
});

test('registration: the challenge travels to the browser and back', () => {
    follow(traces, [
        ['imstv-sgw', 'W2', '<', /request register connect/],
        ['imstv-sgw', 'Gm', '>', /^REGISTER/],
        ['imstv-core', 'Gm', '>', /^SIP\/2.0 401/],
        ['imstv-sgw', 'W2', '>', /request register authenticate/],
        ['imstv-sgw', 'W2', '<', /response register authenticate/],
        ['imstv-sgw', 'Gm', '>', /^REGISTER/],
        ['imstv-core', 'Gm', '>', /^SIP\/2.0 200/],
        ['imstv-sgw', 'W2', '>', /response register connect/],
    ]);
});

test('discovery on Gm and ISC, then selection on Xa, then the call', () => {
    const [, , , notify] = follow(traces, [
        ['imstv-sgw', 'Gm', '>', /^SUBSCRIBE sip:iptv-sdf@/],
        ['imstv-core', 'ISC', '>', /^SUBSCRIBE/],
        ['imstv-iptv', 'ISC', '<', /^SUBSCRIBE/],
        ['imstv-iptv', 'ISC', '>', /^NOTIFY/],
        ['imstv-sgw', 'Gm', '<', /^NOTIFY/],
        ['imstv-sgw', 'Xa', '>', /^GET .*\/dvb\/sdns\//],
        ['imstv-iptv', 'Xa', '<', /^GET .*\/dvb\/sdns\//],
        ['imstv-sgw', 'W2', '>', /response iptv_selection/],
        ['imstv-sgw', 'Gm', '>', /^INVITE sip:iptv-film@/],
    ]);
    assert.match(notify.text, /application\/vnd\.etsi\.iptvdiscovery\+xml/);
});

test('one Session-ID finds the call on every reference point, in the order of the sequence chart', () => {
    const invite = traces.find(({daemon, summary}) => daemon === 'imstv-sgw' && summary.startsWith('INVITE'));
    assert.match(invite.session, /^[0-9a-f]{32}$/);
    const call = traces.filter(({session}) => session === invite.session);

    const found = follow(call, [
        ['imstv-sgw', 'W2', '<', /request call start/],
        ['imstv-sgw', 'Gm', '>', /^INVITE sip:iptv-film@/],
        ['imstv-core', 'ISC', '>', /^INVITE/],
        ['imstv-iptv', 'y2', '>', /^INVITE/],
        ['imstv-mcf', 'y2', '<', /^INVITE/],
        ['imstv-mcf', 'Xp', '>', /^POST \/xp\/v1\/sessions\?source=asset:film/],
        ['imstv-mdf', 'Xp', '<', /^POST/],
        ['imstv-mdf', 'Xp', '>', /201/],
        ['imstv-mcf', 'y2', '>', /^SIP\/2.0 200/],
        ['imstv-iptv', 'ISC', '>', /^SIP\/2.0 200/],
        ['imstv-sgw', 'Gm', '<', /^SIP\/2.0 200/],
        ['imstv-sgw', 'Xc', '>', /^PLAY/],
        ['imstv-mcf', 'Xc', '<', /^PLAY/],
        ['imstv-mcf', 'Xp', '>', /^POST .*\/control/],
        ['imstv-mdf', 'e*', '<', /DTLS-SRTP/],
        ['imstv-sgw', 'Xc', '<', /^RTSP\/1.0 200/],
        ['imstv-sgw', 'W2', '<', /request call shutdown/],
        ['imstv-sgw', 'Gm', '>', /^BYE/],
        ['imstv-mcf', 'y2', '<', /^BYE/],
    ]);
    const at = (daemon, point, direction) => found.find((entry) =>
        entry.daemon === daemon && entry.point === point && entry.direction === direction);

    checkOffers(at('imstv-sgw', 'Gm', '>').text, at('imstv-mdf', 'Xp', '<').text);
    checkAnswers(at('imstv-mdf', 'Xp', '>').text, at('imstv-sgw', 'Gm', '<').text);
});

function checkOffers(gm, xp) {
    assert.ok(gm.indexOf('m=application 9 TCP iptv_rtsp') > 0, 'iptv_rtsp is in the offer');
    assert.ok(gm.indexOf('m=application') < gm.indexOf('m=audio'), 'and comes first');
    for (const offer of [gm, xp]) {
        assert.match(offer, /^a=ice-ufrag:/m);
        assert.match(offer, /^a=fingerprint:sha-256 /m);
        assert.match(offer, /^m=video \d+ UDP\/TLS\/RTP\/SAVPF /m);
    }
    assert.doesNotMatch(xp, /iptv_rtsp/);
}

function checkAnswers(xp, gm) {
    for (const answer of [xp, gm]) {
        assert.match(answer, /^a=ice-lite/m);
        assert.match(answer, /^a=candidate:\S+ 1 udp /im);
        assert.match(answer, /^a=fingerprint:sha-256 /m);
    }
    assert.match(gm, /^a=fmtp:iptv_rtsp h-uri=rtsp:/m);
    assert.match(gm, /^a=fmtp:iptv_rtsp h-session=[0-9a-f]{32}/m);
}

test('no secret stands in any trace', () => {
    const all = traces.map(({summary, text}) => `${summary}\n${text}`).join('\n');
    assert.ok(!all.includes(PASSWORD));
    assert.match(all, /ice-pwd:\*\*\*/);
    assert.doesNotMatch(all, /ice-pwd:(?!\*\*\*)/);
    assert.match(all, /response\\?"?\s*[=:]\s*\\?"?\*\*\*/);
    assert.doesNotMatch(all, /\bresponse\\?"?\s*[=:]\s*\\?"?[0-9a-f]{32}/);
});
