/* w2-socket.js - W2 frames over one WebSocket after another: numbers and acknowledges them, matches
 * answers to requests, comes back after a loss without losing or repeating a frame.
 * Spec: docs/w2.md.
 *
 * Events: 'request' {frame} (answer it by respond() or refuse()), 'message' {frame}, 'unclaimed'
 * {frame} (an answer that nobody waits for, after a reload), 'lost', 'resumed' {calls}, 'expired'
 * (the gateway has forgotten the session: connect anew), 'replaced' (another page has it now). */

import {SdkEvent, W2Error} from './w2-error.js';
import {W2Window} from './w2-window.js';

const PROTOCOL = 'jsonrtc.imstv';
const ACKNOWLEDGE_MS = 500; /* the other side expects one within a second */
const PING_MS = 10000;
const PONG_MS = 8000;
const OPEN_MS = 8000;
const REQUEST_MS = 15000;
const REPLACED = 4000; /* close code */
const RETRY_MS = [100, 250, 500, 1000, 1000, 1000, 1000, 2000, 4000]; /* a gateway is back within 2 s */

export class W2Socket extends EventTarget {
    #url;
    #WebSocket;
    #socket = null;
    #sessionId = null;
    #window = new W2Window();
    #pending = new Map(); /* 'c<n>' -> {resolve, reject, onProgress, timer} */
    #reconnect = null; /* {resolve, reject} while the reconnect pair is under way */
    #acknowledgeTimer = null;
    #pingTimer = null;
    #pongTimer = null;
    #retryTimer = null;
    #attempt = 0;
    #wanted = false;

    /* @saved: what save() gave before a reload, or null.
     * @options.WebSocket: the class to use, given by tests. */
    constructor(url, saved = null, options = {}) {
        super();
        this.#url = url;
        this.#WebSocket = options.WebSocket ?? globalThis.WebSocket;
        if (saved) {
            this.#sessionId = saved.sessionId;
            this.#window = new W2Window(saved.window);
        }
    }

    get sessionId() {
        return this.#sessionId;
    }

    get connected() {
        return this.#socket?.readyState === 1 && !this.#reconnect;
    }

    /* Opens the socket; resumes the session if there is one. From now on a lost socket is opened
     * again until close(). Returns the calls that the gateway still holds, null for a new session.
     * Errors: W2Error 408 (no gateway), 404 (session forgotten; state is already reset). */
    async open() {
        this.#wanted = true;
        this.#clearRetry();
        await this.#openSocket();
        this.#startPing();
        const calls = this.#sessionId ? await this.#resume() : null;
        this.#attempt = 0;
        return calls;
    }

    close() {
        this.#wanted = false;
        this.#clearRetry();
        this.#dropSocket();
        this.#rejectAll(new W2Error(487, 'closed'));
    }

    /* State for sessionStorage, so that a reloaded page goes on with the same session. */
    save() {
        return this.#sessionId
            ? {sessionId: this.#sessionId, window: this.#window.toJSON()} : null;
    }

    /* Sends a request.
     * @options.subsession: the subsession it belongs to; 'new' opens one.
     * @options.onProgress: called with every provisional answer.
     * Returns {subsession, sequence, done}; done resolves with the final response frame.
     * Errors (of done): W2Error. */
    request(packageType, header, payload, options = {}) {
        const frame = this.#build('request', packageType, header, payload);
        const sequence = this.#window.next;
        const subsession = options.subsession === 'new' ? `c${sequence}` : options.subsession;
        const done = this.#expect(`c${sequence}`, options);

        frame.control.subsession_id = subsession;
        this.#sendNumbered(frame);
        return {subsession, sequence, done};
    }

    /* Sends a message: nothing comes back but its acknowledgement. */
    message(packageType, header, payload, options = {}) {
        const frame = this.#build('message', packageType, header, payload);
        frame.control.subsession_id = options.subsession;
        frame.control.correlation_id = options.correlation;
        this.#sendNumbered(frame);
    }

    /* Answers @asked, a request of the gateway. */
    respond(asked, payload) {
        this.#answer('response', asked, {action: asked.header.action, response_code: 200}, payload);
    }

    refuse(asked, code, reason) {
        this.#answer('error', asked, {action: asked.header.action, error_code: code, reason});
    }

    /* --- sending --- */

    #build(type, packageType, header, payload) {
        const control = {type, package_type: packageType, version: '1.0'};
        if (this.#sessionId) {
            control.session_id = this.#sessionId;
        }
        return payload === undefined ? {control, header} : {control, header, payload};
    }

    #answer(type, asked, header, payload) {
        const frame = this.#build(type, asked.control.package_type, header, payload);
        frame.control.subsession_id = asked.control.subsession_id;
        frame.control.correlation_id = `s${asked.control.sequence}`;
        frame.control.message_state = 'final';
        this.#sendNumbered(frame);
    }

    #sendNumbered(frame) {
        if (this.#window.full) {
            this.#failPending(`c${this.#window.next}`, new W2Error(503, 'gateway does not answer'));
            return;
        }
        this.#window.stamp(frame);
        this.#clearAcknowledge();
        if (this.connected) {
            this.#socket.send(JSON.stringify(frame));
        }
    }

    #expect(id, options) {
        return new Promise((resolve, reject) => {
            const timer = setTimeout(
                () => this.#failPending(id, new W2Error(408, 'no answer in time')),
                options.timeoutMs ?? REQUEST_MS);
            this.#pending.set(id, {resolve, reject, timer, onProgress: options.onProgress});
        });
    }

    #failPending(id, error) {
        const waiting = this.#pending.get(id);
        this.#pending.delete(id);
        clearTimeout(waiting?.timer);
        waiting?.reject(error);
    }

    #rejectAll(error) {
        for (const id of [...this.#pending.keys()]) {
            this.#failPending(id, error);
        }
    }

    #acknowledgeSoon() {
        this.#acknowledgeTimer ??= setTimeout(() => {
            this.#acknowledgeTimer = null;
            if (this.connected) {
                const frame = this.#build('acknowledgement', 'register', {});
                frame.control.ack_sequence = this.#window.received;
                this.#socket.send(JSON.stringify(frame));
            }
        }, ACKNOWLEDGE_MS);
    }

    #clearAcknowledge() {
        clearTimeout(this.#acknowledgeTimer);
        this.#acknowledgeTimer = null;
    }

    /* --- receiving --- */

    #receive(text) {
        if (text === 'pong') {
            return;
        }
        const frame = parseFrame(text);
        if (!frame) {
            console.warn('imstv: unreadable frame from the gateway');
            return;
        }
        if (this.#reconnect && !Number.isInteger(frame.control.sequence)) {
            this.#finishReconnect(frame);
            return;
        }
        this.#receiveNumbered(frame);
    }

    #receiveNumbered(frame) {
        const verdict = this.#window.receive(frame.control);

        if (verdict === 'gap') {
            this.#onLost(); /* a reconnect asks for what is missing */
            return;
        }
        this.#sessionId ??= frame.control.session_id ?? null;
        if (Number.isInteger(frame.control.sequence)) {
            this.#acknowledgeSoon();
        }
        if (verdict === 'new') {
            this.#dispatch(frame);
        }
    }

    #dispatch(frame) {
        switch (frame.control.type) {
        case 'request':
            this.dispatchEvent(new SdkEvent('request', {frame}));
            break;
        case 'message':
            this.dispatchEvent(new SdkEvent('message', {frame}));
            break;
        case 'response':
        case 'error':
            this.#settle(frame);
            break;
        }
    }

    #settle(frame) {
        const id = frame.control.correlation_id;
        const waiting = this.#pending.get(id);

        if (!waiting) {
            this.dispatchEvent(new SdkEvent('unclaimed', {frame}));
        } else if (frame.control.type === 'error') {
            this.#failPending(id, errorFromFrame(frame));
        } else if (frame.control.message_state === 'subsequent') {
            waiting.onProgress?.(frame);
        } else {
            this.#pending.delete(id);
            clearTimeout(waiting.timer);
            waiting.resolve(frame);
        }
    }

    /* --- the socket --- */

    #openSocket() {
        this.#dropSocket();
        return new Promise((resolve, reject) => {
            const socket = new this.#WebSocket(this.#url, PROTOCOL);
            const failed = () => {
                clearTimeout(timer);
                this.#dropSocket();
                reject(new W2Error(408, 'the gateway cannot be reached'));
            };
            const timer = setTimeout(failed, OPEN_MS);

            this.#socket = socket;
            socket.onclose = failed;
            socket.onerror = () => {}; /* close follows */
            socket.onopen = () => {
                clearTimeout(timer);
                socket.onclose = (event) => this.#onClose(event);
                socket.onmessage = (event) => this.#onData(event.data);
                resolve();
            };
        });
    }

    #onData(text) {
        this.#attempt = 0;
        clearTimeout(this.#pongTimer);
        this.#receive(text);
    }

    #dropSocket() {
        const socket = this.#socket;
        this.#socket = null;
        this.#clearAcknowledge();
        clearInterval(this.#pingTimer);
        clearTimeout(this.#pongTimer);
        if (socket) {
            socket.onopen = socket.onclose = socket.onmessage = null;
            socket.close();
        }
    }

    #startPing() {
        clearInterval(this.#pingTimer);
        this.#pingTimer = setInterval(() => {
            if (this.#socket?.readyState === 1) {
                this.#socket.send('ping');
                this.#pongTimer = setTimeout(() => this.#onLost(), PONG_MS);
            }
        }, PING_MS);
    }

    #onClose({code}) {
        if (code === REPLACED) {
            this.close();
            this.dispatchEvent(new SdkEvent('replaced'));
        } else {
            this.#onLost();
        }
    }

    #onLost() {
        this.#dropSocket();
        this.#reconnect?.reject(new W2Error(408, 'connection lost'));
        this.#reconnect = null;
        if (!this.#sessionId) {
            this.#reset(new W2Error(408, 'connection lost'));
        }
        if (this.#wanted) {
            this.dispatchEvent(new SdkEvent('lost'));
            this.#retryLater();
        }
    }

    #retryLater() {
        const delay = RETRY_MS[Math.min(this.#attempt, RETRY_MS.length - 1)];
        this.#attempt += 1;
        this.#clearRetry();
        this.#retryTimer = setTimeout(() => this.#retry(), delay * (0.8 + 0.4 * Math.random()));
    }

    async #retry() {
        const attempt = this.#attempt;
        try {
            const calls = await this.open();
            this.dispatchEvent(new SdkEvent(calls ? 'resumed' : 'expired', {calls}));
        } catch (error) {
            this.#attempt = attempt;
            if (error.code === 404) {
                this.dispatchEvent(new SdkEvent('expired'));
            } else if (this.#wanted && this.#retryTimer === null) {
                this.#retryLater();
            }
        }
    }

    #clearRetry() {
        clearTimeout(this.#retryTimer);
        this.#retryTimer = null;
    }

    /* --- reconnect --- */

    #resume() {
        return new Promise((resolve, reject) => {
            const timer = setTimeout(() => this.#onLost(), OPEN_MS);
            const settle = (action) => (value) => {
                clearTimeout(timer);
                action(value);
            };
            this.#reconnect = {resolve: settle(resolve), reject: settle(reject)};

            const header = {action: 'connect', ...this.#window.reconnectHeader()};
            this.#socket.send(JSON.stringify(this.#build('request', 'register', header)));
        });
    }

    #finishReconnect(frame) {
        const {resolve, reject} = this.#reconnect;
        this.#reconnect = null;

        const same = frame.control.session_id === this.#sessionId;
        if (frame.control.type === 'error' || !same) {
            this.#reset(new W2Error(481, 'the gateway has forgotten this', {cause: 'restarted'}));
            reject(new W2Error(404, 'the session has ended'));
            return;
        }
        for (const missed of this.#window.resume(frame.header.sslr)) {
            this.#socket.send(JSON.stringify(missed));
        }
        resolve(frame.payload?.calls ?? []);
    }

    #reset(error) {
        this.#sessionId = null;
        this.#window = new W2Window();
        this.#rejectAll(error);
    }
}

function parseFrame(text) {
    try {
        const frame = JSON.parse(text);
        if (typeof frame.control !== 'object' || frame.control === null) {
            return null;
        }
        frame.header ??= {};
        return frame;
    } catch {
        return null;
    }
}

function errorFromFrame({header}) {
    return new W2Error(header.error_code ?? 500, header.reason ?? 'refused', {
        retryAfter: header['retry-after'],
        cause: header.cause,
        sessionId: header['session-id'],
    });
}
