/* headend.mjs - the real headend for tests: all daemons with ports of the system's choice, a state
 * folder of its own, films made by the demo encoder. IMSTV_BUILD names the build folder (default:
 * build). A failed start shows the daemons' logs. */

import {execFile, spawn} from 'node:child_process';
import {createSocket} from 'node:dgram';
import {mkdtemp, readdir, readFile, readlink, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {createInterface} from 'node:readline';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';

import {eventually} from './test.mjs';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const BIN = join(process.env.IMSTV_BUILD ?? join(ROOT, 'build'), 'bin');
const READY_MS = 60000;
const STOP_MS = 10000;

const run = promisify(execFile);
const running = new Set();

/* A test file that ends early must not leave a headend behind. */
process.on('exit', () => running.forEach((child) => child.kill('SIGTERM')));
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) {
    process.once(signal, () => process.exit(1));
}

/* Starts a program that ends with this process at the latest. */
function start(program, args, options) {
    const child = spawn(program, args, options);
    running.add(child);
    child.once('exit', () => running.delete(child));
    return child;
}

export class Headend {
    #process = null;
    #errors = '';
    #encoders = [];

    /* Makes a state folder; nothing runs yet. */
    static async create() {
        const headend = new Headend();
        headend.state = await mkdtemp(join(tmpdir(), 'imstv-test-'));
        return headend;
    }

    /* The command line: resolves with what it prints; rejects with {code, stderr}. */
    async command(...args) {
        const {stdout} = await run(join(BIN, 'imstv'), ['--state', this.state, ...args]);
        return stdout;
    }

    /* Makes a film with a counter in the picture. @options: of imstv-demo-encoder. */
    async makeFilm(options = []) {
        const file = join(this.state, `film-${Date.now()}.mp4`);
        await run(join(BIN, 'imstv-demo-encoder'), ['--file', file, ...options.map(String)]);
        return file;
    }

    /* Makes a film and adds it as asset @id. */
    async addFilm(id, title, options = []) {
        const file = await this.makeFilm(options);
        await this.command('asset', 'add', file, '--id', id, '--title', title);
        await rm(file);
    }

    /* Gets and ingests the demo film, or the film that takes its place; resolves with what the command
     * line says of it. */
    async addDemoFilm() {
        await run(join(ROOT, 'tools/demo-film'), [this.state], {cwd: ROOT});
        const [film] = JSON.parse(await this.command('--json', 'asset', 'list'));
        return film;
    }

    /* Where a channel could be sent to; nobody does yet. */
    static async freeInput() {
        return `udp://127.0.0.1:${await freeUdpPort()}`;
    }

    /* Sends channel @id in real time until the headend stops; resolves with the address of its input. */
    async sendChannel(id, options = [], to = undefined) {
        const address = to ?? await Headend.freeInput();
        const all = ['--channel', id, '--output', address, ...options.map(String)];
        this.#encoders.push(start(join(BIN, 'imstv-demo-encoder'), all, {stdio: 'ignore'}));
        return address;
    }

    /* Starts everything; resolves when the page is there. */
    async start(args = []) {
        const all = ['--state', this.state, 'run', '--port', '0', ...args];
        this.#process = start(join(BIN, 'imstv'), all, {stdio: ['ignore', 'pipe', 'pipe']});
        this.#process.stderr.on('data', (data) => {
            this.#errors = (this.#errors + data).slice(-4000);
        });
        this.exited = new Promise((resolve) => this.#process.once('exit', resolve));
        this.url = await this.#ready();
        return this;
    }

    async stop() {
        for (const encoder of this.#encoders.splice(0)) {
            encoder.kill();
        }
        if (this.#process && this.#process.exitCode === null) {
            this.#process.kill('SIGTERM');
            const timer = setTimeout(() => this.#process.kill('SIGKILL'), STOP_MS);
            await this.exited;
            clearTimeout(timer);
        }
        this.#process = null;
    }

    async remove() {
        await this.stop();
        if (!process.env.IMSTV_KEEP) {
            await rm(this.state, {recursive: true, force: true});
        }
    }

    /* Process ids of daemon @name, children of our own supervisor only. */
    async processes(name) {
        const found = [];
        for (const entry of await readdir('/proc')) {
            const parent = /^\d+$/.test(entry) && await parentOf(entry);
            if (parent === this.#process.pid && await programOf(entry) === name) {
                found.push(Number(entry));
            }
        }
        return found;
    }

    /* Kills daemon @name as a crash would (or by @signal); resolves when another one is in its place. */
    async killAndWait(name, signal = 'SIGKILL') {
        const [pid] = await this.processes(name);
        process.kill(pid, signal);
        return eventually(async () => {
            const now = await this.processes(name);
            return now.some((one) => one !== pid);
        }, `${name} is started again`, 10000);
    }

    /* The last lines of every daemon, for the message of a test that failed. */
    async logs(lines = 15) {
        const folder = join(this.state, 'log');
        const names = await readdir(folder).catch(() => []);
        const tails = names.map(async (name) => {
            const text = await readFile(join(folder, name), 'utf8');
            return `--- ${name}\n${text.trimEnd().split('\n').slice(-lines).join('\n')}`;
        });
        return (await Promise.all(tails)).join('\n');
    }

    #ready() {
        return new Promise((resolve, reject) => {
            const fail = async (why) => {
                clearTimeout(timer);
                reject(new Error(`headend ${why}: ${this.#errors}\n${await this.logs()}`));
            };
            const timer = setTimeout(() => fail('is not ready in time'), READY_MS);
            createInterface({input: this.#process.stdout}).on('line', (line) => {
                const url = /^imstv ready: (http:\S+)/.exec(line)?.[1];
                if (url) {
                    clearTimeout(timer);
                    resolve(url);
                }
            });
            this.exited.then((code) => fail(`ended with ${code}`));
        });
    }
}

async function freeUdpPort() {
    const socket = createSocket('udp4');
    await new Promise((resolve) => socket.bind(0, '127.0.0.1', resolve));
    const {port} = socket.address();
    socket.close();
    return port;
}

async function parentOf(pid) {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1]);
}

async function programOf(pid) {
    const path = await readlink(`/proc/${pid}/exe`).catch(() => '');
    return path.split('/').pop();
}
