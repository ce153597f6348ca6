import assert from 'node:assert/strict';
import {createHash} from 'node:crypto';
import {test} from '../lib/test.mjs';

import {DigestError, answerChallenge, makeHa1} from '../../../web/sdk/digest.js';

const md5 = (text) => createHash('md5').update(text).digest('hex');

/* RFC 2617 3.5 */
const LOGIN = {
    user: 'Mufasa',
    realm: 'testrealm@host.com',
    ha1: makeHa1('Mufasa', 'testrealm@host.com', 'Circle Of Life'),
};
const CHALLENGE = {
    realm: 'testrealm@host.com', nonce: 'dcd98b7102dd2f0e8b11d0f600bfb0c093', algorithm: 'MD5',
    qop: 'auth', method: 'GET', uri: '/dir/index.html', nc: '00000001',
};

test('the example of RFC 2617 comes out', () => {
    const answer = answerChallenge(CHALLENGE, LOGIN, '0a4f113b');
    assert.deepEqual(answer, {
        username: 'Mufasa', cnonce: '0a4f113b', response: '6629fae49393a05397450978507c4ef1',
    });
});

test('without qop the response is that of RFC 2069', () => {
    const {response} = answerChallenge({...CHALLENGE, qop: undefined}, LOGIN, 'x');
    const ha2 = md5('GET:/dir/index.html');
    assert.equal(response, md5(`${LOGIN.ha1}:${CHALLENGE.nonce}:${ha2}`));
});

test('auth-int covers the body', () => {
    const challenge = {...CHALLENGE, qop: 'auth-int', body_hash: md5('body')};
    const {response} = answerChallenge(challenge, LOGIN, 'c');
    const ha2 = md5(`GET:/dir/index.html:${md5('body')}`);
    assert.equal(response, md5(`${LOGIN.ha1}:${CHALLENGE.nonce}:00000001:c:auth-int:${ha2}`));
});

test('MD5-sess binds nonce and cnonce', () => {
    const {response} = answerChallenge({...CHALLENGE, algorithm: 'MD5-sess'}, LOGIN, 'c');
    const ha1 = md5(`${LOGIN.ha1}:${CHALLENGE.nonce}:c`);
    assert.equal(response, md5(`${ha1}:${CHALLENGE.nonce}:00000001:c:auth:${md5('GET:/dir/index.html')}`));
});

test('a foreign realm is refused', () => {
    assert.throws(() => answerChallenge({...CHALLENGE, realm: 'evil.test'}, LOGIN), DigestError);
});

test('an algorithm or qop that is not known is refused', () => {
    assert.throws(() => answerChallenge({...CHALLENGE, algorithm: 'AKAv1-MD5'}, LOGIN), DigestError);
    assert.throws(() => answerChallenge({...CHALLENGE, qop: 'other'}, LOGIN), DigestError);
});

test('each answer has a cnonce of its own', () => {
    const [a, b] = [answerChallenge(CHALLENGE, LOGIN), answerChallenge(CHALLENGE, LOGIN)];
    assert.match(a.cnonce, /^[0-9a-f]{32}$/);
    assert.notEqual(a.cnonce, b.cnonce);
});
