/* The SDK against the fake gateway, without a browser. */

import assert from 'node:assert/strict';
import {createRequire} from 'node:module';
import {once} from 'node:events';
import {afterEach, beforeEach} from 'node:test';

import {test} from '../lib/test.mjs';
import {FakeGateway, Refusal} from '../../fakes/w2-gateway.mjs';
import {ImstvSession} from '../../../web/sdk/index.js';

const {WebSocket} = createRequire(new URL('../package.json', import.meta.url))('ws');

class MemoryStorage {
    #items = new Map();
    getItem = (key) => this.#items.get(key) ?? null;
    setItem = (key, value) => this.#items.set(key, value);
    removeItem = (key) => this.#items.delete(key);
}

let gateway;
let storage;
let sessions;

beforeEach(async () => {
    gateway = await new FakeGateway().listen();
    gateway.onStart = async () => ({sdp: 'answer'});
    gateway.onCommand = async () => ({});
    gateway.onShutdown = () => {};
    storage = new MemoryStorage();
    sessions = [];
});

afterEach(async () => {
    await Promise.all(sessions.map((session) => session.logout()));
    await gateway.close();
});

function newSession() {
    const url = `ws://127.0.0.1:${gateway.port}/w2`;
    const session = new ImstvSession({url, realm: 'imstv.test', storage, WebSocket});
    sessions.push(session);
    return session;
}

async function loggedIn() {
    const session = newSession();
    await session.login('demo', 'demo');
    return session;
}

const until = async (target, type, matches = () => true) => {
    for (;;) {
        const [event] = await once(target, type);
        if (matches(event.detail)) {
            return event.detail;
        }
    }
};

test('log-in answers the challenge and keeps no password', async () => {
    const session = await loggedIn();
    assert.equal(session.state, 'online');
    assert.equal(session.user, 'demo@imstv.test');
    const kept = storage.getItem('imstv.login');
    assert.ok(!kept.includes('"demo"'), kept);
});

test('a wrong password is refused, and the right one works afterwards', async () => {
    const session = newSession();
    await assert.rejects(session.login('demo', 'wrong'), {code: 401});
    assert.equal(session.state, 'out');
    assert.equal(session.remembered, false);
    await session.login('demo', 'demo');
    assert.equal(session.state, 'online');
});

test('a challenge of a foreign realm gets no answer', async () => {
    gateway.realm = 'evil.test';
    await assert.rejects(newSession().login('demo', 'demo'));
    const refused = await gateway.frame((frame, from) => from === 'page' && frame.control.type === 'error');
    assert.equal(refused.header.error_code, 401);
    assert.equal(refused.payload, undefined);
});

test('the catalogue comes by discovery and selection, channels by number', async () => {
    gateway.catalogue.channels.reverse();
    const session = await loggedIn();
    const {channels, assets} = await session.catalogue();
    assert.deepEqual(channels.map(({id}) => id), ['one', 'two']);
    assert.equal(assets[0].title, 'Big Buck Bunny');
    const asked = gateway.frames.filter(({from, frame}) => from === 'page' && frame.header.action === 'notify');
    assert.deepEqual(asked.map(({frame}) => frame.control.package_type), ['iptv_discovery', 'iptv_selection']);
});

test('a call: start, complete, commands, shutdown', async () => {
    gateway.onCommand = async (call, header) => header.method === 'PLAY'
        ? {npt: '12.000-30.000', scale: 1, rtp_time: 4294967295, media_time: 12} : {};
    const session = await loggedIn();
    const call = session.call({kind: 'film', id: 'big-buck-bunny'});
    assert.equal(await session.start(call, 'offer'), 'answer');

    const outcome = await call.play({npt: 13.25});
    assert.deepEqual(outcome, {
        npt: {start: 12, end: 30}, scale: 1, rtpTime: 4294967295, mediaTime: 12,
    });
    await call.pause();
    session.end(call);

    const complete = await gateway.frame((frame) => frame.header.action === 'complete');
    assert.equal(complete.control.subsession_id, call.subsession);
    const play = await gateway.frame((frame, from) => from === 'page' && frame.header.method === 'PLAY');
    assert.equal(play.header.npt, '13.250-');
    await gateway.frame((frame, from) => from === 'page' && frame.header.action === 'shutdown');
});

test('the gateway plays by itself from where it is told, and says so', async () => {
    gateway.onCommand = async (call, header) => ({npt: `${parseFloat(header.npt)}-30`, scale: 1});
    const session = await loggedIn();
    const call = session.call({kind: 'film', id: 'big-buck-bunny'});
    const playing = until(call, 'playing');
    await session.start(call, 'offer', {npt: 8});
    assert.deepEqual((await playing).outcome.npt, {start: 8, end: 30});
});

test('a refusal keeps its code, its wait and the id of the call', async () => {
    gateway.onStart = async () => {
        throw new Refusal(503, 'full', {'retry-after': 5});
    };
    const session = await loggedIn();
    const call = session.call({kind: 'channel', id: 'one'});
    const error = await session.start(call, 'offer').catch((reason) => reason);
    assert.equal(error.code, 503);
    assert.equal(error.retryAfter, 5);
    assert.match(error.sessionId, /^[0-9a-f]{32}$/);
});

test('a zap is a command on the open call', async () => {
    gateway.onCommand = async (call, header) => ({bc_service: header.bc_service});
    const session = await loggedIn();
    const call = session.call({kind: 'channel', id: 'one'});
    await session.start(call, 'offer');
    await call.zap('two');
    assert.equal(call.id, 'two');
    assert.equal(gateway.calls.length, 1);
});

test('events of the far end reach their call', async () => {
    const session = await loggedIn();
    const call = session.call({kind: 'film', id: 'big-buck-bunny'});
    const playing = until(call, 'playing');
    await session.start(call, 'offer');
    await playing;

    const event = until(call, 'event');
    gateway.tell(gateway.calls[0], 'iptv_media', {action: 'notify', event: 'end-of-stream', npt: '30.000'});
    assert.equal((await event).at, 30);

    const ended = until(call, 'ended');
    gateway.tell(gateway.calls[0], 'call', {action: 'shutdown', error_code: 5402, reason: 'gone'});
    assert.equal((await ended).code, 5402);
});

test('a lost socket is opened again; what was sent meanwhile arrives once', async () => {
    const session = await loggedIn();
    const call = session.call({kind: 'film', id: 'big-buck-bunny'});
    await session.start(call, 'offer');

    const lost = until(session, 'state', ({state}) => state === 'lost');
    gateway.dropSockets();
    await lost;
    await call.pause();

    assert.equal(session.state, 'online');
    assert.equal(gateway.upgrades, 2);
    const pauses = gateway.frames.filter(({from, frame}) => from === 'page' && frame.header.method === 'PAUSE');
    assert.equal(pauses.length, 1);
});

test('an answer that was lost with the socket comes after the reconnect', async () => {
    const session = await loggedIn();
    const call = session.call({kind: 'film', id: 'big-buck-bunny'});
    await session.start(call, 'offer');
    gateway.onCommand = async () => {
        gateway.dropSockets();
        return {npt: '4.000-30.000'};
    };
    assert.equal((await call.play({npt: 5})).npt.start, 4);
});

test('when the gateway has forgotten us, calls end and we register again', async () => {
    const session = await loggedIn();
    const call = session.call({kind: 'film', id: 'big-buck-bunny'});
    await session.start(call, 'offer');

    const ended = until(call, 'ended');
    const online = until(session, 'state', ({state}) => state === 'online');
    gateway.forget();
    await online; /* first: the call can be made again at once */
    assert.equal((await ended).cause, 'restarted');
    assert.equal((await session.catalogue()).assets.length, 1);
});

test('a reload goes on with the session and ends the calls of before', async () => {
    const before = await loggedIn();
    await before.start(before.call({kind: 'film', id: 'big-buck-bunny'}), 'offer');
    const [id] = gateway.sessions.keys();
    gateway.dropSockets();
    before.save();

    const after = newSession();
    assert.equal(after.remembered, true);
    await after.restore();
    assert.deepEqual([...gateway.sessions.keys()], [id]);
    await gateway.frame((frame, from) => from === 'gateway' && frame.header.action === 'shutdown');
    assert.equal(gateway.calls.length, 0);
    assert.equal((await after.catalogue()).channels.length, 2);
});

test('the copy of a tab gets a session of its own', async () => {
    await loggedIn();
    const copy = newSession();
    await copy.restore();
    assert.equal(gateway.sessions.size, 2);
});

test('a page whose session was resumed elsewhere says so and keeps quiet', async () => {
    const first = await loggedIn();
    const signedOut = until(first, 'signedout');
    first.save();
    await newSession().restore();
    assert.match((await signedOut).reason, /another window/);
    assert.equal(gateway.sessions.size, 1);
});

test('log-out tells the gateway and forgets', async () => {
    const session = await loggedIn();
    await session.logout();
    assert.equal(gateway.sessions.size, 0);
    assert.equal(storage.getItem('imstv.login'), null);
    assert.equal(session.state, 'out');
});

test('no gateway at all is an error that says so', async () => {
    const port = gateway.port;
    await gateway.close();
    const session = new ImstvSession({url: `ws://127.0.0.1:${port}/w2`, realm: 'imstv.test', storage, WebSocket});
    await assert.rejects(session.login('demo', 'demo'), {code: 408});
    gateway = await new FakeGateway().listen();
});
