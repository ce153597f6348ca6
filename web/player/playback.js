/* playback.js - one picture: a call, a peer connection and a video element, and the commands on them.
 *
 * Events: 'change' (state, waiting, silent or message), 'position' (a frame was shown), 'refused' {message} (a
 * command was refused, playing goes on), 'firstframe' {ms}, 'zapped' {id, ms}. */

import {SdkEvent, W2Error} from '../sdk/w2-error.js';
import {describe} from './messages.js';
import {Peer, playsH264} from './peer.js';
import {Sound} from './sound.js';
import {Timeline} from './timeline.js';

const WATCH_MS = 500;
const SPINNER_AFTER_MS = 1500;
const LATE_FRAMES_MS = 12000; /* a channel that fell silent still shows what was under way, from its last key frame on */
const REASON_MS = 3000; /* after the end of the media, for the reason to come */
const NO_PICTURE_MS = 8000; /* then a film, or a channel whose transport is down, has failed */

export class Playback extends EventTarget {
    #video;
    #peer = null;
    #call = null;
    #timeline = new Timeline();
    #turn = 0; /* of open() and stop(): what an older turn awaited is dropped */
    #commands = Promise.resolve();
    #seekTarget = null;
    #zapTarget = null;
    #zapStarted = 0;
    #unanswered = 0; /* commands whose outcome moves the picture */
    #startedAt = 0;
    #frameAt = 0;
    #signalAt = 0; /* when the channel fell silent or began to send again; 0: neither was heard of */
    #interrupted = false;
    #watch = null;
    #reasonTimer = null;
    #leaving = null; /* the peer whose picture is shown until the new one has an answer */

    session = null;
    content = null; /* what is really playing */
    state = 'idle';
    waiting = false;
    silent = false; /* the call stands, the channel is not sending */
    message = null;
    duration = null;

    constructor(video) {
        super();
        this.#video = video;
        this.sound = new Sound(video);
    }

    get connection() {
        return this.#peer?.connection;
    }

    /* A call is being set up or stands. */
    get alive() {
        return this.state === 'starting' || this.#call?.up === true;
    }

    /* The id of the call in every trace of the headend. */
    get callId() {
        return this.#call?.sessionId;
    }

    get mediaTime() {
        return this.#timeline.current;
    }

    /* What the seek bar shows: where the viewer wants to be, else what is on the screen. */
    get position() {
        if (this.state === 'ended') {
            return this.duration ?? this.mediaTime ?? 0;
        }
        return this.#seekTarget ?? this.mediaTime ?? 0;
    }

    statistics() {
        return this.#peer?.statistics() ?? {};
    }

    measureSound() {
        return this.#peer ? this.sound.measure(this.#peer.stream) : {level: 0, frequency: 0};
    }

    async open(content, startAt) {
        this.#hangUp();
        this.duration = content.duration ?? null;
        await this.#begin(content, startAt, 'starting');
    }

    async #begin(content, startAt, state) {
        const turn = this.#turn;

        this.content = content;
        this.#seekTarget = startAt ?? null;
        this.#startedAt = performance.now();
        this.#enter(state, true);
        try {
            await this.#connect(content, startAt, turn);
        } catch (error) {
            if (turn !== this.#turn) {
                return;
            }
            if (error.cause === 'restarted') {
                await this.#startAgain(content, startAt, state);
            } else {
                this.#fail(error);
            }
        }
    }

    /* The gateway was away: the same once more, when the session is back. */
    async #startAgain(content, startAt, state) {
        this.#hangUp({keepPicture: state === 'playing'});
        const turn = this.#turn;
        this.content = content;
        const online = await this.session.whenOnline();
        if (online && turn === this.#turn) {
            await this.#begin(content, startAt, state);
        }
    }

    stop() {
        this.#hangUp();
        this.content = null;
        this.#enter('idle', false);
    }

    /* Goes on after a pause; after the end or a failure, plays again. */
    play() {
        if (this.state === 'failed' || (this.state === 'ended' && !this.#call?.up)) {
            const from = this.state === 'failed' ? this.#resumePoint() : undefined;
            return this.open(this.content, from);
        }
        if (this.state === 'ended') {
            this.seek(0);
            return undefined;
        }
        if (this.state !== 'paused') {
            return undefined;
        }
        if (!this.#call?.up) {
            return this.open(this.content, this.#filmPosition());
        }
        this.#goOn();
        return this.#command((call) => call.play());
    }

    pause() {
        if (this.state !== 'playing') {
            return undefined;
        }
        this.#video.pause();
        this.#enter('paused', false);
        return this.#command((call) => call.pause(), {anchors: false});
    }

    /* Only the newest of several quick seeks is carried out. */
    seek(seconds) {
        if (!this.#call?.up) {
            if (this.state === 'paused') {
                this.open(this.content, seconds);
            }
            return;
        }
        this.#seekTarget = seconds;
        this.#goOn();
        this.dispatchEvent(new SdkEvent('position'));
        this.#command((call) => {
            if (this.#seekTarget !== seconds) {
                return null;
            }
            this.waiting = true;
            return call.play({npt: seconds});
        });
    }

    /* Only the newest of several quick zaps is carried out; during set-up it waits for its end. */
    zap(content) {
        this.#zapTarget = content;
        return this.#command((call) => this.#zapTarget === content ? this.#doZap(call) : null);
    }

    /* --- set-up --- */

    async #connect(content, startAt, turn) {
        const peer = new Peer();
        const call = this.session.call(content);
        this.#peer = peer;
        this.#call = call;
        peer.addEventListener('state', ({detail}) => {
            if (peer === this.#peer) {
                this.#onPeerState(detail.state);
            }
        });
        call.addEventListener('ended', ({detail}) => this.#onCallEnded(detail));
        call.addEventListener('event', ({detail}) => this.#onCallEvent(detail));
        call.addEventListener('playing', ({detail}) => this.#apply(detail.outcome));
        call.addEventListener('failed', ({detail}) => this.#fail(detail));

        clearInterval(this.#watch);
        this.#watch = setInterval(() => this.#checkPicture(), WATCH_MS);
        this.#commands = this.#start(peer, call, startAt, turn);
        await this.#commands;
    }

    async #start(peer, call, startAt, turn) {
        const offer = await peer.offer();
        if (turn !== this.#turn) {
            return;
        }
        const sdp = await this.session.start(call, offer, {npt: startAt});
        if (turn !== this.#turn) {
            this.session.end(call);
            return;
        }
        this.#show(peer.stream);
        await peer.accept(sdp);
    }

    /* Puts the stream on the screen; the element starts with its first frame. */
    #show(stream) {
        this.#leaving?.close();
        this.#leaving = null;
        this.#video.srcObject = stream;
        this.#watchFrames();
        this.#resumeElement();
    }

    #resumeElement() {
        this.sound.play().then(
            () => this.#changed(),
            (error) => {
                if (error.name !== 'AbortError') {
                    this.#fail(error);
                }
            });
    }

    #hangUp({keepPicture = false} = {}) {
        this.#turn += 1;
        clearInterval(this.#watch);
        clearTimeout(this.#reasonTimer);
        this.#reasonTimer = null;
        if (this.#call) {
            this.session.end(this.#call);
        }
        if (keepPicture) {
            this.#leaving ??= this.#peer;
        } else {
            this.#leaving?.close();
            this.#leaving = null;
            this.#video.srcObject = null;
        }
        if (this.#peer !== this.#leaving) {
            this.#peer?.close();
        }
        this.sound.close();
        this.#call = null;
        this.#peer = null;
        this.#seekTarget = null;
        this.#zapTarget = null;
        this.#zapStarted = 0;
        this.#unanswered = 0;
        this.#frameAt = 0;
        this.#signalAt = 0;
        this.#interrupted = false;
        this.silent = false;
        this.#timeline.clear();
        this.message = null;
    }

    /* --- commands --- */

    /* Runs @action after the commands before it; applies its outcome to the timeline. A refusal is
     * told, and a call that is gone is a failure. */
    #command(action, {anchors = true} = {}) {
        const turn = this.#turn;
        const run = async () => {
            if (turn !== this.#turn || !this.#call) {
                return;
            }
            let outcome = null;
            let failure = null;
            try {
                outcome = await action(this.#call);
            } catch (error) {
                failure = error;
            }
            if (turn === this.#turn) {
                this.#unanswered -= anchors ? 1 : 0;
                this.#onOutcome(anchors ? outcome : null, failure);
            }
        };
        this.#unanswered += anchors ? 1 : 0;
        this.#commands = this.#commands.then(run, () => {});
        return this.#commands;
    }

    #onOutcome(outcome, failure) {
        if (failure) {
            this.#onCommandFailed(failure);
        } else if (outcome) {
            this.#apply(outcome);
        }
    }

    async #doZap(call) {
        const target = this.#zapTarget;
        this.#zapStarted = performance.now();
        try {
            const outcome = await call.zap(target.id);
            this.content = target;
            return outcome;
        } catch (error) {
            if (error.cause === 'restarted') {
                this.content = target; /* the next call is for it */
            }
            throw error;
        } finally {
            if (this.#zapTarget === target) {
                this.#zapTarget = null;
            }
        }
    }

    #apply(outcome) {
        const {npt, scale, rtpTime, mediaTime} = outcome;

        if (this.content?.kind === 'film' && npt.end !== undefined) {
            this.duration = npt.end;
        }
        if (rtpTime !== undefined && mediaTime !== undefined) {
            this.#timeline.anchor(rtpTime, mediaTime, scale);
        } else {
            this.#timeline.restart(npt.start ?? this.#seekTarget ?? this.mediaTime ?? 0, scale);
        }
    }

    /* The picture moves again: at once for the viewer, before the far end has answered. */
    #goOn() {
        this.#frameAt = performance.now();
        if (this.#video.paused) {
            this.#resumeElement();
        }
        this.#enter('playing', this.waiting);
    }

    #onCommandFailed(error) {
        if (error.cause === 'restarted') {
            return; /* the end of the call follows */
        }
        this.#seekTarget = null;
        this.#zapStarted = 0;
        const away = this.session.state !== 'online'; /* the picture does not come from there */
        if (!(away && error.code === 408) &&
            ([408, 454, 481, 5402].includes(error.code) || !(error instanceof W2Error))) {
            this.#fail(error);
            return;
        }
        this.waiting = false;
        this.dispatchEvent(new SdkEvent('refused', {message: describe(error)}));
        this.#changed();
    }

    /* --- what happens --- */

    #watchFrames() {
        const turn = this.#turn;
        const onFrame = (now, frame) => {
            if (turn === this.#turn) {
                this.#onFrame(frame);
                this.#video.requestVideoFrameCallback(onFrame);
            }
        };
        this.#video.requestVideoFrameCallback(onFrame);
    }

    #onFrame({rtpTimestamp}) {
        this.#frameAt = performance.now();
        this.#timeline.frame(rtpTimestamp);
        if (this.silent && this.#frameAt - this.#signalAt > LATE_FRAMES_MS) {
            this.#setSilent(false);
        }
        if (this.#unanswered === 0 && this.#timeline.isNewest(rtpTimestamp)) {
            this.#settleCommand();
        }
        if (this.state === 'starting') {
            const ms = this.#frameAt - this.#startedAt;
            this.#enter('playing', false);
            this.dispatchEvent(new SdkEvent('firstframe', {ms}));
        } else if (this.waiting && this.#seekTarget === null) {
            this.#enter(this.state, false);
        }
        this.dispatchEvent(new SdkEvent('position'));
    }

    /* The frame that a seek or zap asked for is on the screen. */
    #settleCommand() {
        this.#seekTarget = null;
        if (this.#zapStarted) {
            const ms = this.#frameAt - this.#zapStarted;
            this.#zapStarted = 0;
            this.dispatchEvent(new SdkEvent('zapped', {id: this.content.id, ms}));
        }
    }

    #checkPicture() {
        const now = performance.now();
        const expected = this.state === 'playing' || this.state === 'starting';
        const quiet = now - Math.max(this.#frameAt || this.#startedAt, this.#signalAt);

        if (this.silent) {
            return;
        }
        if (!expected || document.hidden) {
            this.#frameAt = this.#frameAt && now;
            return;
        }
        const gatewayAway = this.session.state === 'lost'; /* it comes back, and with it the picture */
        if (quiet > NO_PICTURE_MS && !gatewayAway && (this.#interrupted || this.content.kind === 'film')) {
            this.#fail({name: this.#frameAt ? 'media-failed' : 'no-media'});
        } else if (quiet > NO_PICTURE_MS && !gatewayAway && !this.#frameAt) {
            this.#fail({name: 'no-signal'});
        } else if (quiet > SPINNER_AFTER_MS && !this.waiting) {
            this.#enter(this.state, true);
        }
    }

    #onPeerState(state) {
        this.#interrupted = state !== 'connected';
        if (state === 'failed' && this.session.state !== 'lost') {
            this.#fail({name: this.#frameAt ? 'media-failed' : 'no-media'});
        }
    }

    #onCallEnded(detail) {
        if (detail.cause === 'restarted') {
            this.#onRestart();
            return;
        }
        const code = detail.code === 200 ? 481 : detail.code;
        this.#fail({...detail, code});
    }

    #onCallEvent({event, at}) {
        if (event === 'end-of-stream') {
            this.duration = at ?? this.duration;
            this.#seekTarget = null;
            this.#enter('ended', false);
        } else if (event === 'terminated') { /* the end of the call says why */
            this.#reasonTimer ??= setTimeout(() => this.#fail({code: 5402}), REASON_MS);
        } else if (event === 'no-signal' || event === 'signal') {
            this.#setSilent(event === 'no-signal');
        }
    }

    /* The call stays: the picture comes by itself when the channel sends. */
    #setSilent(silent) {
        if (silent !== this.silent) {
            this.silent = silent;
            this.#signalAt = performance.now();
            this.#enter(this.state, !silent && this.state !== 'failed');
        }
    }

    #fail(error) {
        const resume = this.mediaTime;
        const known = error.code === 488 && !playsH264() ? {name: 'no-h264'} : error;

        if (!(error instanceof W2Error) && error instanceof Error) {
            console.error('imstv: playback failed', error);
        }
        const sessionId = this.#call?.sessionId;
        this.#hangUp();
        this.resumeAt = resume;
        this.message = describe({
            name: known.name, code: known.code, reason: known.reason, cause: known.cause, message: known.message,
            retryAfter: known.retryAfter, sessionId: known.sessionId ?? sessionId,
        });
        this.#enter('failed', false);
    }

    /* The gateway has forgotten the call. What plays goes on until a new call takes over, at the same
     * place; what is paused waits for its viewer. */
    #onRestart() {
        if (this.state === 'paused' || this.state === 'ended') {
            this.#peer?.close();
            return;
        }
        const at = this.#filmPosition();
        this.#hangUp({keepPicture: this.state === 'playing'});
        this.#begin(this.content, at, this.state);
    }

    #filmPosition() {
        return this.content.kind === 'film' ? this.position : undefined;
    }

    #resumePoint() {
        return this.content.kind === 'film' && this.resumeAt > 1 ? this.resumeAt : undefined;
    }

    #enter(state, waiting) {
        this.state = state;
        this.waiting = waiting;
        this.#changed();
    }

    #changed() {
        this.dispatchEvent(new SdkEvent('change'));
    }
}
