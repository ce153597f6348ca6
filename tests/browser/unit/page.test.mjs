import assert from 'node:assert/strict';
import {test} from '../lib/test.mjs';

import {describe} from '../../../web/player/messages.js';
import {clock, length, spoken} from '../../../web/player/format.js';
import {parseRoute} from '../../../web/page/route.js';

test('an address names a film, a channel or the start page', () => {
    assert.deepEqual(parseRoute('#/film/big-buck-bunny'), {view: 'watch', kind: 'film', id: 'big-buck-bunny'});
    assert.deepEqual(parseRoute('#/channel/one'), {view: 'watch', kind: 'channel', id: 'one'});
    for (const hash of ['', '#/', '#/film/', '#/film/../x', '#/song/x', '#/film/A%20b']) {
        assert.deepEqual(parseRoute(hash), {view: 'home'}, hash);
    }
});

test('times read well', () => {
    assert.deepEqual([clock(5.9), clock(75), clock(3675), clock(NaN)], ['0:05', '1:15', '1:01:15', '0:00']);
    assert.equal(spoken(61), '1 minute 1 second');
    assert.deepEqual([length(30), length(600), length(5400)], ['30 sec', '10 min', '1 h 30 min']);
});

test('each failure says what to do, and how to find it in the traces', () => {
    const full = describe({code: 503, retryAfter: 5, sessionId: 'abc'});
    assert.match(full.text, /Try again/);
    assert.match(full.text, /5 s/);
    assert.equal(full.reference, 'abc');
    assert.match(describe({code: 699, reason: 'odd'}).text, /699 odd/);
    assert.match(describe({name: 'no-media'}).text, /UDP/);
});
