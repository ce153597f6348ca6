/* call.js - one call: a film or a channel, with its media commands. The media itself is the caller's
 * business: it gives an offer and gets an answer.
 * Spec: docs/w2.md, packages call and iptv_media.
 *
 * Events: 'ended' {code, reason, cause} (by the far end or by a lost session; not after end(); cause
 * 'restarted': the gateway has forgotten the call, its media may still come, and it can be made again),
 * 'playing' {outcome} (the first picture is under way, or the gateway went on by itself), 'failed'
 * {code, reason} (it is not), 'event' {event, at} (end-of-stream, start-of-stream, terminated; at: seconds). */

import {SdkEvent, W2Error} from './w2-error.js';

const START_MS = 20000;
const COMMAND_MS = 10000;

export class Call extends EventTarget {
    #socket;
    #exchange = null;
    #state = 'new'; /* new, starting, up, ended */

    /* @what: {kind: 'film' | 'channel', id}. */
    constructor(socket, initiator, what) {
        super();
        this.#socket = socket;
        this.initiator = initiator;
        this.kind = what.kind;
        this.id = what.id;
        this.sessionId = undefined; /* the id of this call in every trace */
        this.subsession = undefined;
    }

    get up() {
        return this.#state === 'up';
    }

    /* Sends the offer; resolves with the answer. The gateway plays by itself, from @npt (seconds) if
     * it is given: 'playing' follows.
     * Errors: W2Error 403 (not granted), 404 (unknown), 488 (no common codec), 503 (no room). */
    async start(offer, {npt} = {}) {
        const header = {
            action: 'start',
            initiator: this.initiator,
            target: this.id,
            iptv_service: this.kind === 'channel' ? 'bc' : 'cod',
            npt: writeNpt(npt),
        };
        this.#state = 'starting';
        this.#exchange = this.#socket.request('call', header, {sdp: offer},
                                              {subsession: 'new', timeoutMs: START_MS});
        this.subsession = this.#exchange.subsession;

        const frame = await this.#answer();
        this.#confirm(frame);
        if (this.#state === 'ended') { /* end() crossed the answer */
            this.#sendShutdown();
            throw new W2Error(487, 'ended');
        }
        this.#state = 'up';
        return frame.payload.sdp;
    }

    /* Plays on; from @npt (seconds) if it is given, at @scale.
     * The outcome of each command is {npt: {start, end}, scale, rtpTime, mediaTime}. */
    play({npt, scale} = {}) {
        return this.#command({method: 'PLAY', npt: writeNpt(npt), scale});
    }

    pause() {
        return this.#command({method: 'PAUSE'});
    }

    /* Changes the channel on the open call: no new peer connection. */
    async zap(channel) {
        const outcome = await this.#command({method: 'SET_PARAMETER', bc_service: channel});
        this.id = channel;
        return outcome;
    }

    /* Resolves with the values by name, as the media server gave them. */
    async parameters(names) {
        const header = {action: 'notify', method: 'GET_PARAMETER', parameters: names.join(',')};
        const frame = await this.#request(header);
        return frame.payload ?? {};
    }

    /* Ends the call; never fails, the call is over for this side at once. */
    end() {
        const wasAlive = this.#state === 'starting' || this.#state === 'up';
        this.#state = 'ended';
        if (wasAlive) {
            this.#sendShutdown();
        }
    }

    /* A frame of this call from the gateway. */
    receive(frame) {
        const {action, event, error_code: code, reason, cause} = frame.header;

        if (action === 'shutdown') {
            this.finish(code ?? 200, reason ?? 'ended', cause);
        } else if (event === 'playing') {
            this.dispatchEvent(new SdkEvent('playing', {outcome: readOutcome(frame)}));
        } else if (event === 'failed') {
            this.dispatchEvent(new SdkEvent('failed', {code, reason, sessionId: this.sessionId}));
        } else if (event) {
            const at = readNumber(frame.header.npt);
            this.dispatchEvent(new SdkEvent('event', {event, at}));
        }
    }

    /* The call is over for a reason that this side did not choose. */
    finish(code, reason, cause) {
        if (this.#state === 'ended') {
            return;
        }
        this.#state = 'ended';
        this.dispatchEvent(new SdkEvent('ended', {code, reason, cause, sessionId: this.sessionId}));
    }

    async #answer() {
        try {
            return await this.#exchange.done;
        } catch (error) {
            if (error.code === 408 && this.#state === 'starting') {
                this.#sendShutdown();
            }
            this.#state = 'ended';
            throw error;
        }
    }

    #confirm(frame) {
        this.sessionId = frame.header['session-id'];
        this.#socket.message('call', {action: 'complete'}, undefined, {
            subsession: this.subsession,
            correlation: `c${this.#exchange.sequence}`,
        });
    }

    #sendShutdown() {
        this.#socket.request('call', {action: 'shutdown'}, undefined,
                             {subsession: this.subsession}).done.catch(() => {});
    }

    async #command(fields) {
        return readOutcome(await this.#request({action: 'notify', ...fields}));
    }

    #request(header) {
        if (this.#state !== 'up') {
            return Promise.reject(new W2Error(481, 'the call is over'));
        }
        const options = {subsession: this.subsession, timeoutMs: COMMAND_MS};
        return this.#socket.request('iptv_media', header, undefined, options).done;
    }
}

function readOutcome({header}) {
    return {
        npt: readNpt(header.npt),
        scale: readNumber(header.scale),
        rtpTime: readNumber(header.rtp_time),
        mediaTime: readNumber(header.media_time),
    };
}

function writeNpt(seconds) {
    return seconds === undefined ? undefined : `${seconds.toFixed(3)}-`;
}

/* "12.000-30.000" or "12-" to {start, end}; "now-" has neither. */
function readNpt(text) {
    const [start, end] = String(text ?? '').replace(/^npt=/, '').split('-');
    return {start: readNumber(start), end: readNumber(end)};
}

function readNumber(value) {
    const number = value === '' || value === null || value === undefined ? NaN : Number(value);
    return Number.isFinite(number) ? number : undefined;
}
