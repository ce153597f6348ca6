import assert from 'node:assert/strict';
import {test} from '../lib/test.mjs';

import {keyCommand} from '../../../web/player/keys.js';

const key = (name, more = {}) => ({key: name, composedPath: () => [], ...more});

test('channel keys step through channels, and seek or change volume in a film', () => {
    assert.deepEqual(keyCommand(key('PageUp'), true), ['channel', 1]);
    assert.deepEqual(keyCommand(key('ArrowDown'), true), ['channel', -1]);
    assert.deepEqual(keyCommand(key('ArrowDown'), false), ['volume', -1]);
    assert.deepEqual(keyCommand(key('ArrowRight'), false), ['skip', 1]);
    assert.equal(keyCommand(key('PageUp'), false), null);
});

test('digits choose a channel in live television only', () => {
    assert.deepEqual(keyCommand(key('7'), true), ['digit', '7']);
    assert.equal(keyCommand(key('7'), false), null);
});

test('shortcuts of the browser and keys that a button needs stay theirs', () => {
    assert.equal(keyCommand(key('f', {ctrlKey: true}), false), null);
    assert.equal(keyCommand(key(' ', {composedPath: () => [{tagName: 'BUTTON'}]}), false), null);
    assert.deepEqual(keyCommand(key('F'), false), ['fullscreen']);
});
