import assert from 'node:assert/strict';
import {createHash} from 'node:crypto';
import {test} from '../lib/test.mjs';

import {md5} from '../../../web/sdk/md5.js';

/* RFC 1321 A.5 */
const SUITE = {
    '': 'd41d8cd98f00b204e9800998ecf8427e',
    a: '0cc175b9c0f1b6a831c399e269772661',
    abc: '900150983cd24fb0d6963f7d28e17f72',
    'message digest': 'f96b697d7cb7938d525a2f31aaf161d0',
    abcdefghijklmnopqrstuvwxyz: 'c3fcd3d76192e4007dfb496cca67e13b',
    ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789: 'd174ab98d277d9f5a5611c2c9f419d9f',
    [`${'1234567890'.repeat(8)}`]: '57edf4a22be3c955ac49da2e2107b67a',
};

test('md5 gives the digests of RFC 1321', () => {
    for (const [text, digest] of Object.entries(SUITE)) {
        assert.equal(md5(text), digest);
    }
});

test('md5 pads right at every length around a block, and takes UTF-8', () => {
    for (let size = 0; size <= 130; size++) {
        const text = 'ü'.repeat(size >> 1) + 'x'.repeat(size & 1);
        assert.equal(md5(text), createHash('md5').update(text).digest('hex'), `length ${size}`);
    }
});
