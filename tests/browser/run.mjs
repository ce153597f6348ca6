/* run.mjs - runs suites of JavaScript tests, one file after the other, and prints TAP.
 *
 *     node tests/browser/run.mjs [unit] [page] [headend] [FILE...]      all suites by default
 */

import {readdirSync} from 'node:fs';
import {join} from 'node:path';
import {run} from 'node:test';
import {tap} from 'node:test/reporters';
import {fileURLToPath} from 'node:url';

const SUITES = {
    unit: '../unit/web',  /* modules and SDK, no browser */
    page: 'page',         /* the page in Chromium against the fake gateway */
    headend: 'headend',   /* the page in Chromium against the real daemons */
};
const HERE = fileURLToPath(new URL('.', import.meta.url));
const FILE_MS = 300000;

function filesOf(name) {
    if (!(name in SUITES)) {
        return [name];
    }
    const folder = join(HERE, SUITES[name]);
    return readdirSync(folder).filter((file) => file.endsWith('.test.mjs')).sort()
        .map((file) => join(folder, file));
}

const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(SUITES);
let failed = 0;

run({files: names.flatMap(filesOf), concurrency: 1, timeout: FILE_MS})
    .on('test:fail', () => {
        failed += 1;
    })
    .on('end', () => {
        process.exitCode = failed ? 1 : 0;
    })
    .compose(tap)
    .pipe(process.stdout);
