/* w2-gateway.mjs - a fake signalling gateway for tests of the page: serves web/, speaks docs/w2.md,
 * checks digests, and can be told to misbehave. Media comes from far-end.html, a page with a
 * peer connection of its own, or from the handlers that a test gives.
 *
 *     node tests/fakes/w2-gateway.mjs [PORT]      to try the page by hand (open /fake/far-end.html too)
 */

import {createHash, randomBytes} from 'node:crypto';
import {readFile} from 'node:fs/promises';
import {createServer} from 'node:http';
import {createRequire} from 'node:module';
import {extname, join, normalize, sep} from 'node:path';
import {fileURLToPath} from 'node:url';

const {WebSocketServer} =
    createRequire(new URL('../browser/package.json', import.meta.url))('ws');

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const REALM = 'imstv.test';
const TYPES = {
    '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.mjs': 'text/javascript',
    '.css': 'text/css', '.svg': 'image/svg+xml', '.jpg': 'image/jpeg', '.png': 'image/png',
};
/* As strict as a gateway may be: the page must not need more. */
const POLICY = "default-src 'self'; connect-src 'self' ws:; img-src 'self' data:; frame-ancestors 'none'";

export const CATALOGUE = {
    channels: [
        {id: 'one', title: 'Channel One', lcn: 1, package: 'basic'},
        {id: 'two', title: 'Channel Two', lcn: 2, package: 'basic'},
    ],
    assets: [{
        id: 'big-buck-bunny', title: 'Big Buck Bunny', duration_s: 30,
        synopsis: 'A giant rabbit with a heart bigger than himself meets three bullies.',
        poster: '/poster/big-buck-bunny.jpg', credit: 'Blender Foundation, CC-BY 3.0',
    }],
};

const POSTER = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 360"><defs>
<linearGradient id="g" y2="1"><stop stop-color="#8fd0ff"/><stop offset="1" stop-color="#e8f6d8"/></linearGradient></defs>
<rect width="640" height="360" fill="url(#g)"/><circle cx="500" cy="80" r="40" fill="#fff4c0"/>
<path d="M0 270q160-90 320-20t320-30v140H0z" fill="#6bb34a"/><path d="M0 310q200-70 400-10t240-10v70H0z" fill="#3f8a35"/></svg>`;

const md5 = (text) => createHash('md5').update(text).digest('hex');
const hex = (bytes) => randomBytes(bytes).toString('hex');

/* A refusal: throw it from a handler. */
export class Refusal extends Error {
    constructor(code, reason, header = {}) {
        super(reason);
        this.code = code;
        this.header = header;
    }
}

export class FakeGateway {
    #http;
    #far = null;
    #farWaiting = new Map();
    #farReady;
    #announceFar;

    sessions = new Map();
    frames = []; /* {from: 'page' | 'gateway', frame} */
    listeners = new Set();
    catalogue = structuredClone(CATALOGUE);
    users = {demo: 'demo'};
    realm = REALM; /* of the challenges */
    upgrades = 0;

    /* Handlers; a test replaces them. Each may throw a Refusal. */
    onStart = (call, sdp) => this.farEnd('start', {call: call.name, target: call.target, sdp});
    onCommand = (call, header) => this.farEnd('command', {call: call.name, header});
    onShutdown = (call) => {
        if (this.#far) {
            this.farEnd('shutdown', {call: call.name}).catch(() => {});
        }
    };

    constructor() {
        this.#farReady = new Promise((resolve) => {
            this.#announceFar = resolve;
        });
    }

    async listen(port = 0) {
        this.#http = createServer((request, response) => this.#serve(request, response));
        const w2 = new WebSocketServer({
            noServer: true,
            handleProtocols: (offered) => offered.has('jsonrtc.imstv') && 'jsonrtc.imstv',
        });
        const far = new WebSocketServer({noServer: true});
        this.#http.on('upgrade', (request, socket, head) => {
            if (request.url === '/w2' && !this.refuseUpgrades) {
                this.upgrades += 1;
                w2.handleUpgrade(request, socket, head, (ws) => this.#accept(ws));
            } else if (request.url === '/fake/media') {
                far.handleUpgrade(request, socket, head, (ws) => this.#acceptFarEnd(ws));
            } else {
                socket.destroy();
            }
        });
        await new Promise((resolve) => this.#http.listen(port, '127.0.0.1', resolve));
        this.port = this.#http.address().port;
        this.url = `http://127.0.0.1:${this.port}/`;
        return this;
    }

    async close() {
        this.dropSockets();
        this.#far?.terminate();
        this.#http.closeAllConnections?.();
        await new Promise((resolve) => this.#http.close(resolve));
    }

    /* Cuts every W2 socket as a network failure would. */
    dropSockets() {
        for (const session of this.sessions.values()) {
            session.socket?.terminate();
        }
    }

    /* As after a restart of the gateway: nobody is known any more. */
    forget() {
        const sessions = [...this.sessions.values()];
        this.sessions.clear();
        for (const session of sessions) {
            session.socket?.terminate();
        }
    }

    /* Resolves with the first frame, past or coming, that @matches says yes to. */
    async frame(matches, timeoutMs = 5000) {
        const known = this.frames.find((entry) => matches(entry.frame, entry.from));
        if (known) {
            return known.frame;
        }
        return new Promise((resolve, reject) => {
            const listener = ({frame, from}) => {
                if (matches(frame, from)) {
                    finish();
                    resolve(frame);
                }
            };
            const timer = setTimeout(() => {
                finish();
                reject(new Error(`no such frame within ${timeoutMs} ms:\n${this.trace()}`));
            }, timeoutMs);
            const finish = () => {
                clearTimeout(timer);
                this.listeners.delete(listener);
            };
            this.listeners.add(listener);
        });
    }

    trace() {
        return this.frames.map(({from, frame}) => `${from}: ${JSON.stringify(frame)}`.slice(0, 300))
            .join('\n');
    }

    /* The call of the page that stands; there is at most one per page. */
    get calls() {
        return [...this.sessions.values()].flatMap((session) => [...session.calls.values()]);
    }

    /* Sends a message of a call to its page. */
    tell(call, packageType, header) {
        call.session.send('message', packageType, header, undefined, {subsession_id: call.name});
    }

    note(from, frame) {
        const entry = {from, frame};
        this.frames.push(entry);
        for (const listener of [...this.listeners]) {
            listener(entry);
        }
    }

    /* --- far end --- */

    /* Asks far-end.html. */
    async farEnd(op, fields) {
        await this.#farReady;
        const id = hex(4);
        this.#far.send(JSON.stringify({id, op, ...fields}));
        return new Promise((resolve, reject) => this.#farWaiting.set(id, {resolve, reject}));
    }

    #acceptFarEnd(socket) {
        this.#far = socket;
        socket.on('message', (text) => {
            const {id, result, error, event, call} = JSON.parse(text);
            if (event) {
                const known = this.calls.find((candidate) => candidate.name === call);
                known && this.tell(known, 'iptv_media', {action: 'notify', ...event});
                return;
            }
            const waiting = this.#farWaiting.get(id);
            this.#farWaiting.delete(id);
            error ? waiting?.reject(new Refusal(500, error)) : waiting?.resolve(result);
        });
        this.#announceFar();
    }

    /* --- W1 --- */

    async #serve(request, response) {
        const path = decodeURIComponent(new URL(request.url, 'http://x').pathname);
        const [folder, rest] = path.startsWith('/fake/')
            ? ['tests/fakes', path.slice(6)] : ['web', path === '/' ? 'index.html' : path.slice(1)];
        const base = join(ROOT, folder);
        const file = normalize(join(base, rest));

        if (path.startsWith('/poster/')) {
            response.writeHead(200, {'content-type': 'image/svg+xml'}).end(POSTER);
            return;
        }
        try {
            if (!file.startsWith(base + sep)) {
                throw new Error('outside');
            }
            const body = await readFile(file);
            const type = TYPES[extname(file)] ?? 'application/octet-stream';
            const policy = folder === 'web' ? {'content-security-policy': POLICY} : {};
            response.writeHead(200, {'content-type': type, 'cache-control': 'no-cache', ...policy});
            response.end(extname(file) === '.html' ? String(body).replaceAll('@home_domain@', REALM) : body);
        } catch {
            response.writeHead(404).end('not found');
        }
    }

    /* --- W2 --- */

    #accept(socket) {
        let session = null;
        socket.on('message', (data) => {
            const text = data.toString();
            if (text === 'ping') {
                socket.send('pong');
                return;
            }
            const frame = JSON.parse(text);
            this.note('page', frame);
            if (!session) {
                session = this.#openSession(socket, frame);
            }
            session?.receive(frame);
        });
        socket.on('error', () => {});
    }

    #openSession(socket, frame) {
        const wanted = frame.control.session_id;
        if (!wanted) {
            const session = new FakeSession(this, socket);
            this.sessions.set(session.id, session);
            return session;
        }
        const session = this.sessions.get(wanted);
        if (!session) {
            const error = {
                control: {type: 'error', package_type: 'register', session_id: wanted},
                header: {action: 'connect', error_code: 404, reason: 'no such session'},
            };
            this.note('gateway', error);
            socket.send(JSON.stringify(error));
            return null;
        }
        session.socket?.close(4000, 'resumed elsewhere');
        session.socket = socket;
        return session;
    }
}

class FakeSession {
    id = hex(16);
    calls = new Map();
    received = 0;
    #sent = 0;
    #retained = [];
    #challenges = new Map(); /* our sequence -> {challenge, resolve} */

    constructor(gateway, socket) {
        this.gateway = gateway;
        this.socket = socket;
    }

    send(type, packageType, header, payload, control = {}) {
        const frame = {
            control: {
                type, package_type: packageType, session_id: this.id, version: '1.0',
                sequence: ++this.#sent, ack_sequence: this.received, ...control,
            },
            header,
        };
        if (payload !== undefined) {
            frame.payload = payload;
        }
        this.#retained.push(frame);
        this.gateway.note('gateway', frame);
        this.#write(frame);
        return frame.control.sequence;
    }

    receive(frame) {
        const {type, sequence, ack_sequence: acknowledged} = frame.control;

        if (acknowledged !== undefined) {
            this.#retained = this.#retained.filter((kept) => kept.control.sequence > acknowledged);
        }
        if (type === 'acknowledgement') {
            return;
        }
        if (frame.header.cslr !== undefined) {
            this.#resume(frame.header);
            return;
        }
        if (sequence <= this.received) {
            return;
        }
        if (sequence !== this.received + 1) {
            throw new Error(`page sent ${sequence} after ${this.received}`);
        }
        this.received = sequence;
        if (type === 'request') {
            this.#answer(frame);
        } else if (this.#challenges.has(Number(frame.control.correlation_id?.slice(1)))) {
            this.#challenges.get(Number(frame.control.correlation_id.slice(1)))(frame);
        }
    }

    #write(frame) {
        if (this.socket.readyState === 1) {
            this.socket.send(JSON.stringify(frame));
        }
    }

    #resume({cslr, cslw, csuw}) {
        if (cslw - 1 > this.received || this.received > csuw) {
            throw new Error(`cannot resume: have ${this.received}, page has ${cslw}..${csuw}`);
        }
        const answer = {
            control: {type: 'response', package_type: 'register', session_id: this.id, message_state: 'final'},
            header: {action: 'connect', sslr: this.received, response_code: 200},
            payload: {calls: [...this.calls.keys()].map((name) => ({subsession_id: name}))},
        };
        this.gateway.note('gateway', answer);
        this.#write(answer);
        this.#retained = this.#retained.filter((kept) => kept.control.sequence > cslr);
        this.#retained.forEach((frame) => this.#write(frame));
    }

    async #answer(frame) {
        const {package_type: packageType, sequence} = frame.control;
        const action = frame.header.action;
        const place = {
            subsession_id: frame.control.subsession_id ?? `c${sequence}`,
            correlation_id: `c${sequence}`,
            message_state: 'final',
        };
        try {
            const {header = {}, payload} = await this.#handle(packageType, action, frame, place);
            this.send('response', packageType, {action, response_code: 200, ...header}, payload, place);
        } catch (error) {
            const header = {action, error_code: error.code ?? 500, reason: error.message, ...error.header};
            this.send('error', packageType, header, undefined, place);
        }
    }

    #handle(packageType, action, frame, place) {
        switch (`${packageType}/${action}`) {
        case 'register/connect':
            return this.#register(frame, place);
        case 'register/shutdown':
            this.gateway.sessions.delete(this.id);
            return {};
        case 'iptv_discovery/notify':
            return {payload: {ssfs: [{id: 'ssf', location: 'http://127.0.0.1/'}]}};
        case 'iptv_selection/notify':
            return {payload: this.gateway.catalogue};
        case 'call/start':
            return this.#start(frame, place.subsession_id);
        case 'call/shutdown':
            return this.#shutdown(place.subsession_id);
        case 'iptv_media/notify':
            return this.#command(frame, place.subsession_id);
        default:
            throw new Refusal(400, `unknown: ${packageType} ${action}`);
        }
    }

    async #register(frame, place) {
        const user = frame.header.initiator;
        const challenge = {
            scheme: 'Digest', realm: this.gateway.realm, nonce: hex(8), opaque: hex(4), algorithm: 'MD5',
            qop: 'auth', method: 'REGISTER', uri: 'sip:imstv.test', nc: '00000001', stale: false,
            proxy: false, body_hash: md5(''),
        };
        const answer = await new Promise((resolve) => {
            const sequence = this.send('request', 'register', {action: 'authenticate'}, {challenge},
                                       {...place, message_state: undefined});
            this.#challenges.set(sequence, resolve);
        });
        const password = this.gateway.users[user.split('@')[0]];
        const {cnonce, response, username} = answer.payload ?? {};
        const ha1 = md5(`${user}:${REALM}:${password}`);
        const ha2 = md5(`${challenge.method}:${challenge.uri}`);
        const middle = `${challenge.nonce}:${challenge.nc}:${cnonce}:auth`;
        if (username !== user || response !== md5(`${ha1}:${middle}:${ha2}`)) {
            throw new Refusal(401, 'Unauthorized');
        }
        return {header: {expires: 540}, payload: {identities: [`sip:${user}`]}};
    }

    async #start(frame, name) {
        const call = {
            name, session: this, id: hex(16), target: frame.header.target,
            service: frame.header.iptv_service,
        };
        this.calls.set(name, call);
        try {
            const {sdp} = await this.gateway.onStart(call, frame.payload.sdp);
            setImmediate(() => this.#autoplay(call, frame.header.npt));
            return {header: {'session-id': call.id}, payload: {sdp}};
        } catch (error) {
            this.calls.delete(name);
            error.header = {'session-id': call.id, ...error.header};
            throw error;
        }
    }

    /* The gateway sends PLAY by itself, and tells. */
    async #autoplay(call, npt) {
        const header = {action: 'notify', method: 'PLAY'};
        try {
            const done = await this.gateway.onCommand(call, {...header, npt});
            this.gateway.tell(call, 'iptv_media', {...header, event: 'playing', response_code: 200, ...done});
        } catch (error) {
            this.gateway.tell(call, 'iptv_media',
                              {...header, event: 'failed', error_code: error.code ?? 500, reason: error.message});
        }
    }

    #shutdown(name) {
        const call = this.calls.get(name);
        if (!call) {
            throw new Refusal(481, 'no such call');
        }
        this.calls.delete(name);
        this.gateway.onShutdown(call);
        return {};
    }

    async #command(frame, name) {
        const call = this.calls.get(name);
        if (!call) {
            throw new Refusal(481, 'no such call');
        }
        const done = await this.gateway.onCommand(call, frame.header);
        if (frame.header.bc_service) {
            call.target = frame.header.bc_service;
        }
        return {header: {'session-id': call.id, ...done}};
    }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
    const gateway = await new FakeGateway().listen(Number(process.argv[2] ?? 0));
    console.log(`fake gateway: ${gateway.url}  media from: ${gateway.url}fake/far-end.html`);
}
