/* app.js - the page: one session, three views, the address decides which. */

import {ImstvSession} from '../sdk/index.js';
import '../player/imstv-player.js';
import {prepareCertificate} from '../player/peer.js';
import {h, wordmark} from './dom.js';
import {homeView} from './home.js';
import {loginView} from './login.js';
import {go, parseRoute, routeTo} from './route.js';
import {channelContent, contentFor, keepPosition, takePosition} from './watch.js';

const REFRESH_MS = 20000; /* channels and films that are added meanwhile */

const app = document.getElementById('app');
const linkState = document.getElementById('link-state');
const realm = document.querySelector('meta[name=imstv-realm]').content;
const url = Object.assign(new URL('w2', location.href), {
    protocol: location.protocol === 'https:' ? 'wss:' : 'ws:', hash: '', search: '',
});

const session = new ImstvSession({url: url.href, realm, storage: sessionStorage});
const player = Object.assign(h('imstv-player', {tabindex: '-1'}), {session});

let catalogue = null;
let lastFocus = null;
let lastScroll = 0; /* of the start page */

/* For tests, support and the curious. */
window.imstv = {
    session,
    player,
    get catalogue() {
        return catalogue;
    },
};

/* --- views --- */

function show(...nodes) {
    app.replaceChildren(...nodes);
}

function showLogin(notice) {
    player.stop();
    catalogue = null;
    document.title = 'imstv';
    show(loginView({actions: {login}, notice}));
    app.querySelector('button[type=submit]').focus();
}

function showSplash() {
    show(h('main', {class: 'splash', 'aria-label': 'Loading'}, wordmark()));
}

function showProblem(text, action) {
    show(h('main', {class: 'splash'}, wordmark(), h('p', {role: 'alert'}, text),
        h('button', {class: 'primary', type: 'button', onclick: action}, 'Try again')));
    app.querySelector('button').focus();
}

function showHome() {
    player.stop();
    document.title = 'imstv';
    show(homeView({catalogue, user: session.user, actions: {logout}}));
    const last = lastFocus && app.querySelector(`[href="${CSS.escape(lastFocus)}"]`);
    (last ?? app.querySelector('[data-focus]'))?.focus({preventScroll: true});
    scrollTo(0, last ? lastScroll : 0);
    if (last && !isInView(last)) {
        last.scrollIntoView({block: 'nearest'});
    }
}

function isInView(element) {
    const {top, bottom} = element.getBoundingClientRect();
    return top >= 0 && bottom <= innerHeight;
}

function showWatch({kind, id}) {
    const content = contentFor(catalogue, kind, id) ?? {kind, id, title: id};

    if (player.isConnected && player.content?.kind === kind && player.content.id === id) {
        return;
    }
    lastFocus = routeTo(content);
    if (!player.isConnected) {
        lastScroll = scrollY;
        show(player);
    }
    player.channels = catalogue.channels.map(channelContent);
    player.focus({preventScroll: true});
    const startAt = kind === 'film' ? takePosition(sessionStorage, id) : undefined;
    player.open(content, {startAt});
}

/* Shows what the address says. */
function render() {
    const route = parseRoute(location.hash);

    if (session.state === 'out' || !catalogue) {
        return;
    }
    if (route.view === 'watch') {
        showWatch(route);
    } else {
        showHome();
    }
}

/* --- actions --- */

async function login(user, password) {
    await session.login(user, password);
    await enter();
}

async function logout() {
    show(homeView({catalogue: null, user: session.user, actions: {logout() {}}}));
    await session.logout();
    go('#/', true);
    showLogin();
}

/* Logged in: gets the catalogue, then shows what the address says. */
async function enter() {
    if (parseRoute(location.hash).view === 'home') {
        showHome();
    } else {
        showSplash();
    }
    try {
        catalogue = await session.catalogue();
        render();
    } catch (error) {
        if (session.state !== 'out') {
            showProblem(`The programme list could not be loaded (${error.message}).`, enter);
        }
    }
}

async function restore() {
    showSplash();
    try {
        await session.restore();
    } catch (error) {
        if (error.code === 408) {
            showProblem('The headend does not answer. Check that it is running.', restore);
        } else {
            showLogin('Please log in again.');
        }
        return;
    }
    await enter();
}

async function refresh() {
    if (session.state !== 'online' || !catalogue || document.hidden || player.isConnected) {
        return;
    }
    const fresh = await session.refreshCatalogue().catch(() => catalogue);
    if (JSON.stringify(fresh) !== JSON.stringify(catalogue) && !player.isConnected) {
        catalogue = fresh;
        lastFocus = document.activeElement?.getAttribute('href') ?? lastFocus;
        lastScroll = scrollY;
        render();
    }
}

/* --- events --- */

session.addEventListener('state', ({detail}) => {
    const lost = detail.state === 'lost';
    linkState.hidden = !lost;
    linkState.textContent = lost ? 'Connection lost. Reconnecting …' : '';
});

session.addEventListener('signedout', ({detail}) => {
    showLogin(`You were logged out: ${detail.reason}.`);
});

player.addEventListener('contentchange', ({detail: {content}}) => {
    document.title = `${content.title} · imstv`;
    lastFocus = routeTo(content);
    if (location.hash !== lastFocus) {
        go(lastFocus, true);
    }
});

player.addEventListener('leave', () => {
    if (document.fullscreenElement) {
        document.exitFullscreen();
    }
    go('#/');
});

addEventListener('hashchange', () => {
    render();
    refresh(); /* what was removed while a film ran is not offered again */
});
addEventListener('pagehide', () => {
    keepPosition(sessionStorage, player);
    session.save();
});
addEventListener('pageshow', (event) => {
    if (event.persisted) {
        location.reload(); /* out of the browser's cache: the calls are gone */
    }
});
setInterval(refresh, REFRESH_MS);

prepareCertificate();
if (session.remembered) {
    restore();
} else {
    showLogin();
}
