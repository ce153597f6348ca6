/* imstv-player.js - <imstv-player>: plays a film or zaps through channels of an ImstvSession.
 *
 *     const player = document.querySelector('imstv-player');
 *     player.session = session;              // an ImstvSession that is online
 *     player.channels = [...];               // what channel up and down step through
 *     player.open({kind: 'film', id, title, duration}, {startAt: 12});
 *
 * Content: {kind: 'film' | 'channel', id, title, duration (s), poster, credit, lcn}.
 * Events (they bubble): 'statechange' {state}, 'contentchange' {content}, 'firstframe' {ms},
 * 'zapped' {id, ms}, 'leave' (the viewer wants to go back). */

import {PlayerControls} from './controls.js';
import {keyCommand} from './keys.js';
import {describe} from './messages.js';
import {playerSheet} from './player-css.js';
import {Playback} from './playback.js';

const NOTICE_MS = 4000;
const VOLUME_STEP = 0.1;
const SEEK_STEP_S = 10;
const DIGITS_MS = 1200;

export class ImstvPlayer extends HTMLElement {
    #controls;
    #video;
    #playback;
    #content = null;
    #channels = [];
    #notice = null;
    #noticeTimer = null;
    #digits = '';
    #digitsTimer = null;
    #onKey = (event) => this.#handleKey(event);

    constructor() {
        super();
        const root = this.attachShadow({mode: 'open'});
        root.adoptedStyleSheets = [playerSheet];
        this.#controls = new PlayerControls(root, this);
        this.#video = this.#controls.video;
        this.#playback = new Playback(this.#video);
        this.#playback.addEventListener('change', () => this.#onChange());
        this.#playback.addEventListener('position', () => this.#controls.updatePosition(this));
        this.#playback.addEventListener('refused', ({detail}) => this.#onRefused(detail.message));
        for (const type of ['firstframe', 'zapped']) {
            this.#playback.addEventListener(type, ({detail}) => this.#emit(type, detail));
        }
    }

    connectedCallback() {
        document.addEventListener('keydown', this.#onKey);
    }

    disconnectedCallback() {
        document.removeEventListener('keydown', this.#onKey);
        this.stop();
    }

    set session(session) {
        this.#playback.session = session;
    }

    /* Channels in the order of their numbers. */
    set channels(channels) {
        this.#channels = channels;
    }

    get content() {
        return this.#content;
    }

    /* idle, starting, playing, paused, ended, failed. */
    get state() {
        return this.#playback.state;
    }

    get waiting() {
        return this.#playback.waiting;
    }

    /* The channel is not sending; the call stands, and the picture comes when it does. */
    get silent() {
        return this.#playback.silent;
    }

    /* {title, text, reference, again} while the state is failed or the channel silent. */
    get message() {
        return this.#playback.message ?? (this.silent ? describe({name: 'silent'}) : null);
    }

    get notice() {
        return this.#notice;
    }

    get live() {
        return this.#content?.kind === 'channel';
    }

    get canZap() {
        return this.live && this.#channels.length > 1;
    }

    /* Seconds; a film's length as far as it is known. */
    get duration() {
        return this.#playback.duration ?? this.#content?.duration ?? 0;
    }

    get position() {
        const position = this.#playback.position;
        return this.duration ? Math.min(position, this.duration) : position;
    }

    get muted() {
        return this.#video.muted;
    }

    get soundBlocked() {
        return this.#playback.sound.blocked;
    }

    get volume() {
        return this.#video.volume;
    }

    set volume(volume) {
        this.#video.volume = Math.min(1, Math.max(0, volume));
        this.#video.muted = this.#video.volume === 0;
        this.#playback.sound.blocked = false;
        this.#controls.update(this);
    }

    /* Plays @content in a call of its own. Never rejects: a failure becomes a message. */
    open(content, {startAt} = {}) {
        this.#setContent(content);
        return this.#playback.open(content, startAt);
    }

    /* Changes to channel @content on the open call; without one, as open(). */
    zap(content) {
        if (!this.live || content.kind !== 'channel' || !this.#playback.alive) {
            return this.open(content);
        }
        this.#setContent(content);
        return this.#playback.zap(content);
    }

    /* Ends the call; the element is empty afterwards. */
    stop() {
        this.#content = null;
        this.#playback.stop();
    }

    play() {
        return this.#playback.play();
    }

    pause() {
        return this.#playback.pause();
    }

    toggle() {
        if (this.live && this.state !== 'failed') {
            return undefined;
        }
        return this.state === 'playing' ? this.pause() : this.play();
    }

    /* @seconds: clamped to the film. */
    seek(seconds) {
        if (!this.live) {
            this.#playback.seek(Math.min(Math.max(0, seconds), Math.max(0, this.duration - 0.1)));
        }
    }

    skip(seconds) {
        this.seek(this.position + seconds);
    }

    stepChannel(step) {
        const count = this.#channels.length;
        if (!this.live || count < 2) {
            return;
        }
        const at = this.#channels.findIndex((channel) => channel.id === this.#content.id);
        this.zap(this.#channels[(at + step + count) % count]);
    }

    toggleMute() {
        if (this.#video.muted) {
            this.unmute();
        } else {
            this.#video.muted = true;
        }
        this.#controls.update(this);
    }

    /* From a click or key: sound on. */
    unmute() {
        this.#playback.sound.unblock();
        if (this.volume === 0) {
            this.#video.volume = 0.5;
        }
        this.#controls.update(this);
    }

    toggleFullscreen() {
        if (document.fullscreenElement) {
            document.exitFullscreen();
        } else {
            this.requestFullscreen?.().catch(() => {});
        }
    }

    leave() {
        this.#emit('leave');
    }

    /* Numbers for tests and support. */
    async stats() {
        return {
            state: this.state,
            content: this.#content?.id,
            callId: this.#playback.callId,
            currentMediaTime: this.#playback.mediaTime,
            muted: this.muted,
            ...await this.#playback.statistics(),
        };
    }

    /* {level, frequency} of the sound that arrives, also while muted. */
    audio() {
        return this.#playback.measureSound();
    }

    /* The playing element and the peer connection, for tests. */
    get internals() {
        return {video: this.#video, connection: this.#playback.connection};
    }

    #setContent(content) {
        this.#content = content;
        this.#controls.showContent(this);
        this.#emit('contentchange', {content});
    }

    #onChange() {
        this.#controls.update(this);
        this.#emit('statechange', {state: this.state});
    }

    /* A zap that was refused: the picture is still the old channel's. */
    #onRefused(message) {
        const current = this.#playback.content;
        if (current && current.id !== this.#content?.id) {
            this.#setContent(current);
        }
        this.#setNotice(`${message.title}. ${message.text}`);
    }

    #setNotice(text, ms = NOTICE_MS) {
        this.#notice = text;
        this.#controls.update(this);
        clearTimeout(this.#noticeTimer);
        this.#noticeTimer = setTimeout(() => {
            this.#notice = null;
            this.#controls.update(this);
        }, ms);
    }

    #emit(type, detail = {}) {
        this.dispatchEvent(new CustomEvent(type, {detail, bubbles: true, composed: true}));
    }

    #handleKey(event) {
        if (!this.#content) {
            return;
        }
        const [command, value] = keyCommand(event, this.live) ?? [];
        if (command && this.#command(command, value)) {
            event.preventDefault();
            event.stopPropagation();
        }
        this.#controls.wake();
    }

    /* Returns whether the key was used. */
    #command(command, value) {
        switch (command) {
        case 'toggle':
            this.toggle();
            return true;
        case 'skip':
            this.skip(value * SEEK_STEP_S);
            return true;
        case 'channel':
            this.stepChannel(value);
            return true;
        case 'volume':
            this.volume += value * VOLUME_STEP;
            this.#setNotice(`Volume ${Math.round(this.volume * 100)} %`, 1200);
            return true;
        case 'mute':
            this.toggleMute();
            return true;
        case 'fullscreen':
            this.toggleFullscreen();
            return true;
        case 'leave':
            this.leave();
            return true;
        case 'digit':
            this.#addDigit(value);
            return true;
        default:
            return false;
        }
    }

    /* Digits make a channel number once no more of them come. */
    #addDigit(digit) {
        this.#digits = (this.#digits + digit).slice(-4);
        this.#setNotice(this.#digits, DIGITS_MS);
        clearTimeout(this.#digitsTimer);
        this.#digitsTimer = setTimeout(() => {
            const number = Number(this.#digits);
            this.#digits = '';
            const channel = this.#channels.find((candidate) => candidate.lcn === number);
            if (channel) {
                this.zap(channel);
            } else {
                this.#setNotice(`There is no channel ${number}.`);
            }
        }, DIGITS_MS);
    }
}

customElements.define('imstv-player', ImstvPlayer);
