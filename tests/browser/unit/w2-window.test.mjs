import assert from 'node:assert/strict';
import {test} from '../lib/test.mjs';

import {W2Window, WINDOW_LIMIT} from '../../../web/sdk/w2-window.js';

const frame = (type = 'request') => ({control: {type}, header: {}});

test('frames are numbered from 1 and carry the acknowledgement', () => {
    const window = new W2Window();
    assert.equal(window.stamp(frame()).control.sequence, 1);
    window.receive({type: 'response', sequence: 1});
    const {sequence, ack_sequence: acknowledged} = window.stamp(frame()).control;
    assert.deepEqual([sequence, acknowledged], [2, 1]);
});

test('a frame that came already is a duplicate, one too early leaves a gap', () => {
    const window = new W2Window();
    assert.equal(window.receive({type: 'message', sequence: 1}), 'new');
    assert.equal(window.receive({type: 'message', sequence: 1}), 'duplicate');
    assert.equal(window.receive({type: 'message', sequence: 3}), 'gap');
    assert.equal(window.received, 1);
});

test('an acknowledgement may repeat the number that it acknowledges', () => {
    const window = new W2Window();
    window.stamp(frame());
    assert.equal(window.receive({type: 'acknowledgement', sequence: 1, ack_sequence: 1}), 'new');
    assert.equal(window.received, 0);
    assert.deepEqual(window.reconnectHeader(), {cslr: 0, cslw: 2, csuw: 1});
});

test('a reconnect names the retained frames and sends what is missing', () => {
    const window = new W2Window();
    for (let i = 0; i < 7; i++) {
        window.stamp(frame());
    }
    for (let sequence = 1; sequence <= 9; sequence++) {
        window.receive({type: 'message', sequence, ack_sequence: 5});
    }
    assert.deepEqual(window.reconnectHeader(), {cslr: 9, cslw: 6, csuw: 7});

    const again = window.resume(6);
    assert.deepEqual(again.map(({control}) => [control.sequence, control.ack_sequence]), [[7, 9]]);
});

test('an empty window is one past its own end', () => {
    const window = new W2Window();
    window.stamp(frame());
    window.acknowledge(1);
    assert.deepEqual(window.reconnectHeader(), {cslr: 0, cslw: 2, csuw: 1});
});

test('the window is full at the number of frames that the gateway keeps', () => {
    const window = new W2Window();
    for (let i = 0; i < WINDOW_LIMIT; i++) {
        assert.equal(window.full, false);
        window.stamp(frame());
    }
    assert.equal(window.full, true);
});

test('numbers and frames survive a reload', () => {
    const window = new W2Window();
    window.stamp(frame());
    window.stamp(frame());
    window.receive({type: 'response', sequence: 1, ack_sequence: 1});
    const after = new W2Window(JSON.parse(JSON.stringify(window)));
    assert.deepEqual(after.reconnectHeader(), window.reconnectHeader());
    assert.equal(after.next, 3);
});
