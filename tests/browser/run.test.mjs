/* What ./run promises to a newcomer: one sentence when it cannot, a film without a network, two headends side by
 * side, and nothing left but the state folder. Every process that ./run starts is found by a mark in its
 * environment, whoever its parent is by now. */

import assert from 'node:assert/strict';
import {execFile, spawn} from 'node:child_process';
import {randomUUID} from 'node:crypto';
import {mkdir, mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises';
import {createServer} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {after, afterEach, before} from 'node:test';
import {fileURLToPath} from 'node:url';

import {eventually, test} from './lib/test.mjs';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DAEMONS = ['imstv-core', 'imstv-iptv', 'imstv-mdf', 'imstv-mcf', 'imstv-sgw', 'imstv-ingest'];
const STOP_MS = 5000;
const SECOND_START_MS = 15000;
const NO_REGISTRY = {npm_config_registry: 'http://127.0.0.1:9/', npm_config_fetch_retries: '0'};

const mark = `IMSTV_TEST_MARK=${randomUUID()}`;
const started = [];
let folder;
let environment;

before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'imstv-run-'));
    await mkdir(join(folder, 'tmp'));
    const [name, value] = mark.split('=');
    environment = {...process.env, ...NO_REGISTRY, TMPDIR: join(folder, 'tmp'), [name]: value};
});

afterEach(async () => {
    for (const one of started.splice(0)) {
        one.process.kill('SIGKILL');
        await one.exited;
    }
});

after(async () => {
    for (const pid of await marked()) {
        process.kill(pid, 'SIGKILL');
    }
    await rm(folder, {recursive: true, force: true});
});

/* Starts ./run in a process group of its own, as a shell does. */
function start(...args) {
    const child = spawn('./run', args, {cwd: ROOT, env: environment, detached: true, stdio: ['ignore', 'pipe', 'pipe']});
    const one = {process: child, output: '', get url() { return /^imstv ready: (http:\S+)$/m.exec(this.output)?.[1]; }};
    one.exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)));
    for (const stream of [child.stdout, child.stderr]) {
        stream.on('data', (data) => { one.output += data; });
    }
    started.push(one);
    return one;
}

async function ready(one, withinMs) {
    await Promise.race([
        eventually(() => one.url, 'the ready line', withinMs),
        one.exited.then((code) => assert.fail(`ended with ${code}: ${one.output}`)),
    ]);
    return one.url;
}

/* Process ids of all that carries our mark. */
async function marked() {
    const found = [];
    for (const entry of await readdir('/proc')) {
        if (/^\d+$/.test(entry) && (await readFile(`/proc/${entry}/environ`, 'latin1').catch(() => '')).includes(mark)) {
            found.push(Number(entry));
        }
    }
    return found;
}

/* Ends @one by @kill; it and all that it started are gone in time. */
async function stopsCleanly(one, kill) {
    const begin = performance.now();
    kill();
    await eventually(async () => (await marked()).length === 0, 'all processes are gone', STOP_MS);
    const code = await one.exited;
    assert.ok(performance.now() - begin < STOP_MS + 500);
    assert.deepEqual(await readdir(join(folder, 'tmp')), [], 'nothing is left in the folder for temporary files');
    return code;
}

/* @one refuses: not 0, and one clear sentence that @says matches; nothing but @others runs on. */
async function refuses(one, says, {lines = 1, others = []} = {}) {
    const code = await one.exited;
    assert.ok(typeof code === 'number' && code !== 0, `${code}: ${one.output}`);
    assert.match(one.output, says);
    assert.equal(one.output.trim().split('\n').length <= lines, true, one.output);
    assert.deepEqual(await marked(), others);
}

test('an unknown option or key, and a state folder that cannot be, are one sentence', async () => {
    const file = join(folder, 'a-file');
    await writeFile(file, '');
    const help = start('--help');
    assert.equal(await help.exited, 0);
    assert.match(help.output, /--exit-when-ready/);
    await refuses(start('--nonsense'), /^imstv: unknown option --nonsense$/m, {lines: 20});
    await refuses(start('--state', join(file, 'state')), /^imstv: the state folder .* cannot be made/);
    const state = join(folder, 'refused');
    await refuses(start('--state', state, '--no-demo', '--port', '0', '--set', 'sgw.colour=blue'), /colour/);
    await refuses(start('--state', state, '--no-demo', '--port', '0', '--set', 'nobody.port=1'), /nobody/);
    await refuses(start('--state', state, '--no-demo', '--port', '70000'), /70000/);
});

test('a port in use is one sentence', async () => {
    const taken = createServer();
    await new Promise((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const port = String(taken.address().port);
    await refuses(start('--state', join(folder, 'port'), '--no-demo', '--port', port), new RegExp(port));
    taken.close();
});

test('every daemon checks its configuration and says what is wrong', async () => {
    for (const daemon of DAEMONS) {
        const file = join(folder, `${daemon}.conf`);
        const check = () => new Promise((resolve) => {
            execFile(join(ROOT, 'build/bin', daemon), ['--config', file, '--check-config'],
                     (error, stdout, stderr) => resolve({code: error?.code ?? 0, said: stderr}));
        });
        await writeFile(file, '[headend]\nhome_domain=example.test\n');
        assert.deepEqual((await check()).code, 0, daemon);
        await writeFile(file, '[headend]\nhome_domian=example.test\n');
        const wrong = await check();
        assert.notEqual(wrong.code, 0, daemon);
        assert.match(wrong.said, /home_domian/, daemon);
    }
});

test('a stop while the film is prepared leaves nothing', {timeout: 120000}, async () => {
    const state = join(folder, 'broken-off');
    const one = start('--state', state, '--port', '0');
    await eventually(() => one.output.includes('generated film'), 'the film is made', 60000);
    await stopsCleanly(one, () => one.process.kill('SIGTERM'));
    const left = (await readdir(state, {recursive: true})).filter((name) => /\.demo-film|\.staging/.test(name));
    assert.deepEqual(left, []);
});

test('without a registry a generated film plays the part; a second start is quick; two headends get along',
     {timeout: 400000}, async () => {
    const state = join(folder, 'a-long-way-down'.repeat(8), 'state of the headend');
    const first = start('--state', state, '--port', '0', '--exit-when-ready');
    assert.equal(await first.exited, 0, first.output);
    assert.match(first.output, /registry cannot be reached, so a generated film/);
    assert.ok(first.url, first.output);
    assert.deepEqual(await marked(), [], 'no process outlives --exit-when-ready');

    const one = start('--state', state, '--port', '0');
    const begin = performance.now();
    const url = await ready(one, SECOND_START_MS);
    assert.ok(performance.now() - begin < SECOND_START_MS);
    const others = await marked();
    await refuses(start('--state', state, '--port', '0'), /already runs/, {others});

    const other = start('--state', join(folder, 'other'), '--port', '0', '--no-demo');
    const otherUrl = await ready(other, 30000);
    const films = (await (await fetch(new URL('api/v1/assets', url))).json());
    assert.deepEqual(films.map(({id}) => id), ['demo-film']);
    assert.deepEqual(await (await fetch(new URL('api/v1/assets', otherUrl))).json(), []);

    other.process.kill('SIGTERM');
    assert.equal(await other.exited, 0, other.output);
    assert.deepEqual(await marked(), others);
    assert.equal((await fetch(url)).status, 200, 'the other headend runs on');
    assert.equal(await stopsCleanly(one, () => process.kill(-one.process.pid, 'SIGINT')), 0);
});
