/* session.js - a viewer's session with the headend: log-in, catalogue, calls. This is what a page
 * uses; it never sees a frame.
 *
 * Events: 'state' {state} with state out | connecting | online | lost; 'signedout' {reason} when the
 * headend ended the registration. */

import {Call} from './call.js';
import {DigestError, answerChallenge, makeHa1} from './digest.js';
import {SdkEvent, W2Error} from './w2-error.js';
import {W2Socket} from './w2-socket.js';

const LOGIN_KEY = 'imstv.login'; /* {user, realm, ha1} */
const RESUME_KEY = 'imstv.w2';   /* W2 state across a reload */
const REGISTER_AGAIN_MS = 1000;

export class ImstvSession extends EventTarget {
    #options;
    #storage;
    #socket = null;
    #login = null;
    #calls = new Map(); /* subsession -> Call */
    #state = 'out';
    #recovery = 0; /* counts registrations after a loss of the session */
    #resumable;

    /* @options.url: the W2 address.
     * @options.realm: home domain, added to a user name that has none.
     * @options.storage: sessionStorage, or anything like it.
     * @options.WebSocket: given by tests. */
    constructor(options) {
        super();
        this.#options = options;
        this.#storage = options.storage;
        this.#login = this.#read(LOGIN_KEY);
        /* Taken away at once: a duplicated tab has a copy of the storage and must not resume the
         * session of the tab that it was copied from. save() puts it back when the page goes. */
        this.#resumable = this.#read(RESUME_KEY);
        this.#storage.removeItem(RESUME_KEY);
    }

    get state() {
        return this.#state;
    }

    get user() {
        return this.#login?.user;
    }

    /* Someone logged in in this tab and has not logged out. */
    get remembered() {
        return this.#storage.getItem(LOGIN_KEY) !== null;
    }

    /* Registers. The password is turned into HA1 here and forgotten.
     * Errors: W2Error 401 or 403 (wrong user or password), 408 (headend not reached). */
    async login(user, password) {
        const identity = user.includes('@') ? user : `${user}@${this.#options.realm}`;
        const realm = identity.slice(identity.lastIndexOf('@') + 1);

        this.#login = {user: identity, realm, ha1: makeHa1(identity, realm, password)};
        await this.#connect(null);
        this.#storage.setItem(LOGIN_KEY, JSON.stringify(this.#login));
    }

    /* Goes on after a reload: with the same session, or where it is gone, with a new one for the
     * same user. Errors: as login(). */
    async restore() {
        const saved = this.#resumable;
        this.#resumable = null;
        this.#login ??= this.#read(LOGIN_KEY);
        try {
            await this.#connect(saved);
        } catch (error) {
            if (error.code === 401 || error.code === 403) {
                this.#storage.removeItem(LOGIN_KEY);
            }
            throw error;
        }
    }

    /* Ends calls and registration. Never fails. */
    async logout() {
        const socket = this.#socket;

        this.#storage.removeItem(LOGIN_KEY);
        this.#endCalls(487, 'logged out');
        if (socket?.connected) {
            await socket.request('register', {action: 'shutdown'}, undefined, {timeoutMs: 3000})
                .done.catch(() => {});
        }
        this.#leave();
    }

    /* To be called when the page goes away: hangs up, and stores what restore() needs. */
    save() {
        for (const call of this.#calls.values()) {
            call.end();
        }
        const state = this.#socket?.save();
        if (state && this.#state !== 'out') {
            this.#storage.setItem(RESUME_KEY, JSON.stringify(state));
        }
    }

    /* Resolves as soon as the session is online (true) or over (false). */
    whenOnline() {
        return new Promise((resolve) => {
            const check = () => {
                if (this.#state === 'online' || this.#state === 'out') {
                    this.removeEventListener('state', check);
                    resolve(this.#state === 'online');
                }
            };
            this.addEventListener('state', check);
            check();
        });
    }

    /* Service discovery and selection: resolves with {channels, assets}. */
    async catalogue() {
        const notify = {action: 'notify', initiator: this.user};
        await this.#socket.request('iptv_discovery', notify, undefined, {subsession: 'new'}).done;
        return this.refreshCatalogue();
    }

    /* Selection alone: what is on offer now. */
    async refreshCatalogue() {
        const notify = {action: 'notify', initiator: this.user};
        const frame = await this.#socket.request('iptv_selection', notify, undefined,
                                                 {subsession: 'new'}).done;
        const {channels = [], assets = []} = frame.payload ?? {};
        return {channels: [...channels].sort((a, b) => (a.lcn ?? 999) - (b.lcn ?? 999)), assets};
    }

    /* Makes a call, to be started with an offer.
     * Errors: W2Error 408 while there is no connection. */
    call(what) {
        if (this.#state !== 'online') {
            throw new W2Error(408, 'not connected');
        }
        return new Call(this.#socket, this.user, what);
    }

    /* Starts @call and keeps it among the calls that get events. @options: as Call.start. */
    async start(call, offer, options) {
        const started = call.start(offer, options);
        this.#calls.set(call.subsession, call);
        try {
            return await started;
        } catch (error) {
            this.#calls.delete(call.subsession);
            throw error;
        }
    }

    end(call) {
        call.end();
        this.#calls.delete(call.subsession);
    }

    /* --- connection --- */

    async #connect(saved) {
        this.#socket?.close();
        this.#socket = this.#makeSocket(saved);
        this.#setState('connecting');
        try {
            await this.#resumeOrRegister(this.#socket);
            this.#setState('online');
        } catch (error) {
            this.#leave();
            throw error;
        }
    }

    async #resumeOrRegister(socket) {
        let calls = null;
        try {
            calls = await socket.open();
        } catch (error) {
            if (error.code !== 404) {
                throw error;
            }
        }
        if (calls) {
            this.#reconcile(calls);
        } else {
            await this.#register(socket);
        }
    }

    async #register(socket) {
        const {user} = this.#login;
        await socket.request('register', {action: 'connect', initiator: user, target: user}).done;
    }

    #makeSocket(saved) {
        const {url, WebSocket} = this.#options;
        const socket = new W2Socket(url, saved, {WebSocket});

        socket.addEventListener('request', ({detail}) => this.#onRequest(detail.frame));
        socket.addEventListener('message', ({detail}) => this.#onMessage(detail.frame));
        socket.addEventListener('unclaimed', ({detail}) => this.#onUnclaimed(detail.frame));
        socket.addEventListener('lost', () => this.#setState('lost'));
        socket.addEventListener('resumed', ({detail}) => {
            this.#reconcile(detail.calls);
            this.#setState('online');
        });
        socket.addEventListener('expired', () => this.#onExpired(socket));
        socket.addEventListener('replaced', () => this.#signOut('the session goes on in another window'));
        return socket;
    }

    /* The gateway lost or dropped the session: register again with what we remember. Pictures go on
     * meanwhile; then their calls are told that they have to be made again. */
    async #onExpired(socket) {
        const turn = ++this.#recovery;
        const calls = [...this.#calls.values()].filter((call) => call.up);

        for (;;) {
            try {
                await this.#register(socket);
                break;
            } catch (error) {
                if (turn !== this.#recovery || socket !== this.#socket) {
                    return;
                }
                if (error.code === 401 || error.code === 403) {
                    this.#signOut(error.reason);
                    return;
                }
                if (!socket.connected) {
                    return; /* the socket comes back here */
                }
            }
            await new Promise((resolve) => setTimeout(resolve, REGISTER_AGAIN_MS));
        }
        this.#setState('online');
        for (const call of calls) {
            this.#calls.delete(call.subsession);
            call.finish(481, 'the gateway has started anew', 'restarted');
        }
    }

    #onRequest(frame) {
        if (frame.header.action !== 'authenticate' || !this.#login) {
            this.#socket.refuse(frame, 501, 'not understood');
            return;
        }
        try {
            const answer = answerChallenge(frame.payload?.challenge ?? {}, this.#login);
            this.#socket.respond(frame, answer);
        } catch (error) {
            const reason = error instanceof DigestError ? error.message : 'bad challenge';
            this.#socket.refuse(frame, 401, reason);
        }
    }

    #onMessage(frame) {
        const {package_type: packageType, subsession_id: subsession} = frame.control;

        if (packageType === 'register' && frame.header.state === 'terminated') {
            this.#signOut(frame.header.reason ?? 'registration ended');
            return;
        }
        const call = this.#calls.get(subsession);
        call?.receive(frame);
        if (frame.header.action === 'shutdown') {
            this.#calls.delete(subsession);
        }
    }

    /* A call that a page before the reload had asked for. */
    #onUnclaimed(frame) {
        const {type, package_type: packageType, subsession_id: subsession} = frame.control;
        if (type === 'response' && packageType === 'call' && frame.header.action === 'start') {
            this.#hangUp(subsession);
        }
    }

    /* Makes both sides agree on the calls that exist, after a reconnect. */
    #reconcile(held) {
        const known = new Set(held.map((call) => call.subsession_id));

        for (const [subsession, call] of this.#calls) {
            if (call.up && !known.has(subsession)) {
                this.#calls.delete(subsession);
                call.finish(481, 'ended while the connection was lost');
            }
        }
        for (const subsession of known) {
            if (!this.#calls.has(subsession)) {
                this.#hangUp(subsession);
            }
        }
    }

    #hangUp(subsession) {
        this.#socket.request('call', {action: 'shutdown'}, undefined, {subsession})
            .done.catch(() => {});
    }

    #endCalls(code, reason) {
        const calls = [...this.#calls.values()];
        this.#calls.clear();
        for (const call of calls) {
            call.finish(code, reason);
        }
    }

    #signOut(reason) {
        this.#storage.removeItem(LOGIN_KEY);
        this.#endCalls(408, reason);
        this.#leave();
        this.dispatchEvent(new SdkEvent('signedout', {reason}));
    }

    #leave() {
        this.#socket?.close();
        this.#socket = null;
        this.#login = null;
        this.#setState('out');
    }

    #setState(state) {
        if (this.#state !== state) {
            this.#state = state;
            this.dispatchEvent(new SdkEvent('state', {state}));
        }
    }

    #read(key) {
        try {
            return JSON.parse(this.#storage.getItem(key));
        } catch {
            return null;
        }
    }
}
