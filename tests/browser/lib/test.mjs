/* test.mjs - node's test runner with a deadline for each test, and an end for a file that hangs. */

import {webcrypto} from 'node:crypto';
import {after, test as nodeTest} from 'node:test';

const TEST_MS = 60000;
const LINGER_MS = 5000;

globalThis.crypto ??= webcrypto; /* node 18 has no such global, browsers do */

/* What is left open after the last test must not keep the run alive for ever. */
after(() => {
    setTimeout(() => process.exit(), LINGER_MS).unref();
});

export function test(name, ...rest) {
    const body = rest.pop();
    return nodeTest(name, {timeout: TEST_MS, ...rest[0]}, body);
}

/* Resolves when @check() gives something true, looked at every @everyMs; throws after @timeoutMs. */
export async function eventually(check, what, timeoutMs = 10000, everyMs = 50) {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
        const value = await check();
        if (value) {
            return value;
        }
        if (performance.now() > deadline) {
            throw new Error(`${what}: not within ${timeoutMs} ms`);
        }
        await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
}
