import assert from 'node:assert/strict';
import {test} from '../lib/test.mjs';

import {Timeline} from '../../../web/player/timeline.js';

test('media time follows the RTP timestamps from the anchor on', () => {
    const timeline = new Timeline();
    timeline.anchor(1000, 12);
    assert.equal(timeline.frame(1000 + 90000), 13);
    assert.equal(timeline.current, 13);
});

test('frames of before a seek keep their own time', () => {
    const timeline = new Timeline();
    timeline.anchor(0, 0);
    timeline.anchor(900000, 20);
    assert.equal(timeline.frame(810000), 9);
    assert.equal(timeline.isNewest(810000), false);
    assert.equal(timeline.frame(900000), 20);
    assert.equal(timeline.isNewest(900000), true);
});

test('the 32 bits of a timestamp may wrap', () => {
    const timeline = new Timeline();
    timeline.anchor(0xffffffff - 44999, 5);
    assert.equal(timeline.frame(45000), 6);
});

test('speed counts', () => {
    const timeline = new Timeline();
    timeline.anchor(0, 10, 2);
    assert.equal(timeline.frame(90000), 12);
});

test('without a timestamp the next frame is the anchor', () => {
    const timeline = new Timeline();
    timeline.restart(4);
    assert.equal(timeline.isNewest(777), false);
    assert.equal(timeline.frame(777), 4);
    assert.equal(timeline.frame(777 + 45000), 4.5);
});

test('before any anchor the time is not known', () => {
    assert.equal(new Timeline().frame(5), null);
});
