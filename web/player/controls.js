/* controls.js - what the viewer sees and touches: the video element with everything laid over it.
 * Reads the player, calls its methods, keeps no state of its own but what is visible. */

import {clock, spoken} from './format.js';
import {icons} from './icons.js';

const QUIET_MS = 3000;
const BANNER_MS = 3500;
const POSITION_MS = 100;

const button = (control, label, icon, extra = '') =>
    `<button type="button" data-control="${control}" aria-label="${label}" title="${label}" ${extra}>${icon}</button>`;

const TEMPLATE = `
<div class="stage" data-state="idle">
  <div class="backdrop"></div>
  <video playsinline disablepictureinpicture></video>
  <div class="tap" data-control="surface"></div>
  <div class="spinner" role="status" aria-label="Loading"><i></i></div>

  <div class="banner" aria-live="polite">
    <span class="banner-number"></span>
    <span class="banner-text"><b></b><small>Live</small></span>
  </div>
  <p class="notice" role="status"></p>
  <button type="button" class="hint" data-control="unmute">${icons.muted}<span>Tap for sound</span></button>

  <section class="card" role="alert" aria-live="assertive">
    <div class="card-icon"></div>
    <h2></h2>
    <p></p>
    <div class="card-actions">
      <button type="button" class="primary" data-control="again">Play again</button>
      <button type="button" class="plain" data-control="leave">Back to the start page</button>
    </div>
    <small></small>
  </section>

  <header class="bar top">
    ${button('leave', 'Back', icons.back)}
    <div class="what"><b></b><small></small></div>
  </header>

  <footer class="bar bottom">
    <div class="seek film-only">
      <output class="now">0:00</output>
      <input type="range" data-control="seek" aria-label="Position" min="0" max="1" step="0.1" value="0">
      <output class="total">0:00</output>
    </div>
    <div class="row">
      <div class="group">
        ${button('toggle', 'Play', icons.play, 'class="film-only big"')}
        ${button('back', 'Back 10 seconds', icons.back10, 'class="film-only"')}
        ${button('forward', 'Forward 10 seconds', icons.forward10, 'class="film-only"')}
        <span class="live live-only"><i></i><span>Live</span></span>
        ${button('channel-down', 'Channel down', icons.down, 'class="live-only zap"')}
        ${button('channel-up', 'Channel up', icons.up, 'class="live-only zap"')}
      </div>
      <div class="group">
        ${button('mute', 'Mute', icons.sound)}
        <input type="range" data-control="volume" aria-label="Volume" min="0" max="100" step="5" value="100">
        ${button('fullscreen', 'Full screen', icons.full)}
      </div>
    </div>
  </footer>
</div>`;

export class PlayerControls {
    #root;
    #stage;
    #quietTimer = null;
    #bannerTimer = null;
    #dragging = false;
    #drawnAt = 0;

    constructor(root, player) {
        this.#root = root;
        root.innerHTML = TEMPLATE;
        this.#stage = root.querySelector('.stage');
        this.video = root.querySelector('video');
        this.#bind(player);
    }

    /* Shows the controls; they hide again when nothing is touched for a while. */
    wake() {
        this.#stage.classList.remove('quiet');
        clearTimeout(this.#quietTimer);
        this.#quietTimer = setTimeout(() => this.#hush(), QUIET_MS);
    }

    /* New content: its name everywhere; the banner for a channel. */
    showContent({content, live, canZap}) {
        const subtitle = live ? `Channel ${content.lcn ?? ''}`.trim() : content.credit ?? '';

        this.#stage.classList.toggle('is-live', live);
        this.#stage.classList.toggle('can-zap', canZap);
        this.#text('.what b', content.title);
        this.#text('.what small', subtitle);
        this.#text('.banner-number', content.lcn ?? '');
        this.#text('.banner b', content.title);
        this.#one('.backdrop').style.backgroundImage =
            content.poster ? `url("${encodeURI(content.poster)}")` : '';
        this.#stage.classList.toggle('show-banner', live);
        clearTimeout(this.#bannerTimer);
        this.#bannerTimer =
            setTimeout(() => this.#stage.classList.remove('show-banner'), BANNER_MS);
        this.wake();
    }

    update(player) {
        const {state, waiting, silent, muted, soundBlocked, volume, notice} = player;
        const stage = this.#stage;

        if (stage.dataset.state !== state || stage.classList.contains('no-signal') !== silent) {
            stage.dataset.state = state;
            this.wake();
        }
        stage.classList.toggle('waiting', waiting);
        stage.classList.toggle('no-signal', silent);
        this.#text('.live span', silent ? 'No signal' : 'Live');
        this.#text('.banner small', silent ? 'No signal' : 'Live');
        stage.classList.toggle('sound-blocked', soundBlocked && state !== 'failed');
        stage.classList.toggle('has-notice', Boolean(notice));
        if (notice) {
            this.#text('.notice', notice);
        }
        this.#button('toggle', ...toggleFace(state));
        this.#button('mute', ...(muted ? ['Sound on', icons.muted] : ['Mute', icons.sound]));
        this.#range('volume', muted ? 0 : Math.round(volume * 100), 100);
        this.#updateCard(player);
        this.updatePosition(player, true);
    }

    /* @now: do not wait for the next tenth of a second. */
    updatePosition({position, duration, live}, now = false) {
        const time = performance.now();

        if (live || this.#dragging || (!now && time - this.#drawnAt < POSITION_MS)) {
            return;
        }
        this.#drawnAt = time;
        this.#drawPosition(position, duration);
    }

    #drawPosition(position, duration) {
        this.#text('.now', clock(position));
        this.#text('.total', clock(duration));
        this.#range('seek', position, duration || 1);
        this.#control('seek').setAttribute(
            'aria-valuetext', `${spoken(position)} of ${spoken(duration)}`);
    }

    #updateCard({state, silent, message, content}) {
        const ended = state === 'ended';
        const show = ended || message;
        const again = ended || (message?.again && !silent);

        if (!show) {
            this.#one('.card').hidden = true;
            return;
        }
        this.#one('.card-icon').innerHTML = ended ? icons.replay : icons.warning;
        this.#text('.card h2', ended ? content?.title ?? 'The end' : message.title);
        this.#text('.card p', ended ? 'You have reached the end.' : message.text);
        this.#text('.card small', message?.reference ? `Reference ${message.reference}` : '');
        this.#text('[data-control=again]', ended ? 'Watch again' : 'Play again');
        this.#control('again').hidden = !again;
        if (this.#one('.card').hidden) {
            this.#one('.card').hidden = false;
            if (!silent) {
                this.#root.querySelector('.card-actions button:not([hidden])').focus({preventScroll: true});
            }
        }
    }

    #bind(player) {
        const actions = {
            'surface': () => this.#onSurface(player),
            'leave': () => player.leave(),
            'again': () => player.play(),
            'toggle': () => player.toggle(),
            'back': () => player.skip(-10),
            'forward': () => player.skip(10),
            'channel-up': () => player.stepChannel(1),
            'channel-down': () => player.stepChannel(-1),
            'mute': () => player.toggleMute(),
            'unmute': () => player.unmute(),
            'fullscreen': () => player.toggleFullscreen(),
        };
        for (const element of this.#root.querySelectorAll('[data-control]')) {
            const action = actions[element.dataset.control];
            if (action) {
                element.addEventListener('click', action);
            }
        }
        this.#stage.addEventListener('pointermove', () => this.wake());
        this.#stage.addEventListener('focusin', () => this.wake());
        this.#control('surface').addEventListener('dblclick', () => player.toggleFullscreen());
        this.#one('.card').hidden = true;
        this.#bindRanges(player);
    }

    #bindRanges(player) {
        const seek = this.#control('seek');
        const volume = this.#control('volume');

        seek.addEventListener('input', () => {
            this.#dragging = true;
            this.#drawPosition(Number(seek.value), player.duration);
            this.wake();
        });
        seek.addEventListener('change', () => {
            this.#dragging = false;
            player.seek(Number(seek.value));
        });
        volume.addEventListener('input', () => {
            player.volume = Number(volume.value) / 100;
        });
    }

    /* A tap on the picture: sound first, then controls, then play and pause. */
    #onSurface(player) {
        const quiet = this.#stage.classList.contains('quiet');
        this.wake();
        if (player.soundBlocked) {
            player.unmute();
        } else if (!quiet && !matchMedia('(hover: none)').matches) {
            player.toggle();
        }
    }

    #hush() {
        const busy = this.#dragging || this.#stage.matches(':has(.bar :focus-visible)');
        const picture = this.#stage.dataset.state === 'playing' && !this.#stage.classList.contains('no-signal');
        if (picture && !busy) {
            this.#stage.classList.add('quiet');
        }
    }

    #button(control, label, icon) {
        const element = this.#control(control);
        if (element.getAttribute('aria-label') !== label) {
            element.setAttribute('aria-label', label);
            element.title = label;
            element.innerHTML = icon;
        }
    }

    #range(control, value, max) {
        const element = this.#control(control);
        element.max = max;
        element.value = value;
        element.style.setProperty('--fill', Math.min(1, value / max).toFixed(4));
    }

    #text(selector, text) {
        const element = this.#one(selector);
        if (element.textContent !== String(text)) {
            element.textContent = text;
        }
    }

    #control(name) {
        return this.#root.querySelector(`[data-control="${name}"]`);
    }

    #one(selector) {
        return this.#root.querySelector(selector);
    }
}

function toggleFace(state) {
    if (state === 'playing') {
        return ['Pause', icons.pause];
    }
    return state === 'ended' ? ['Watch again', icons.replay] : ['Play', icons.play];
}
