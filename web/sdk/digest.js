/* digest.js - answers a digest challenge that the gateway relays from the core, so that the password
 * stays in the browser. Only HA1 is ever kept.
 * Spec: RFC 2617 3.2.2, RFC 3261 22.4, docs/w2.md "connect and authenticate". */

import {md5} from './md5.js';

/* Thrown when a challenge must not or cannot be answered. */
export class DigestError extends Error {}

/* Returns HA1, the only form of the password that is stored.
 * @user: the private identity, with its realm: demo@imstv.test. */
export function makeHa1(user, realm, password) {
    return md5(`${user}:${realm}:${password}`);
}

/* Returns {username, cnonce, response} for @challenge.
 * @login: {user, realm, ha1} of the user who logged in.
 * @cnonce: given by tests only.
 * Errors: DigestError for a foreign realm (it would leak a usable response to another domain), an
 * algorithm other than MD5 and MD5-sess, or an unknown qop. */
export function answerChallenge(challenge, login, cnonce = randomHex(16)) {
    const {realm, nonce, nc, method, uri} = challenge;
    const qop = challenge.qop ?? '';
    const algorithm = (challenge.algorithm ?? 'MD5').toLowerCase();

    if (realm !== login.realm) {
        throw new DigestError(`challenge of a foreign realm: ${realm}`);
    }
    if (!['', 'auth', 'auth-int'].includes(qop) || !['md5', 'md5-sess'].includes(algorithm)) {
        throw new DigestError(`cannot answer qop ${qop} with ${algorithm}`);
    }

    const ha1 = algorithm === 'md5-sess' ? md5(`${login.ha1}:${nonce}:${cnonce}`) : login.ha1;
    const body = qop === 'auth-int' ? `:${challenge.body_hash}` : '';
    const ha2 = md5(`${method}:${uri}${body}`);
    const middle = qop ? `${nonce}:${nc}:${cnonce}:${qop}` : nonce;

    return {username: login.user, cnonce, response: md5(`${ha1}:${middle}:${ha2}`)};
}

function randomHex(bytes) {
    const random = crypto.getRandomValues(new Uint8Array(bytes));
    return Array.from(random, (n) => n.toString(16).padStart(2, '0')).join('');
}
