/* home.js - the start page: a film up front, rows of channels and films. */

import {length} from '../player/format.js';
import {icons} from '../player/icons.js';
import {paint} from './art.js';
import {h, icon, wordmark} from './dom.js';
import {routeTo} from './route.js';

/* "Big Buck Bunny © Blender Foundation, CC-BY 3.0": an asset's credit, with its title if the credit does
 * not name it. */
export function creditLine({title, credit}) {
    if (!credit) {
        return '';
    }
    const text = credit.replace(/\s*\(c\)(\s+copyright)?\s*/i, ' © ').trim();
    return text.includes('©') ? text : `${title} © ${text}`;
}

/* @catalogue: {channels, assets}, null while it is loading. */
export function homeView({catalogue, user, actions}) {
    return h('div', {class: 'home'},
        header(user, actions),
        h('main', {onkeydown: moveFocus}, catalogue ? content(catalogue) : skeleton()),
        catalogue ? footer(catalogue) : null);
}

function header(user, actions) {
    return h('header', {class: 'site'}, wordmark(),
        h('div', {class: 'account'},
            h('span', {class: 'user'}, user?.split('@')[0] ?? ''),
            h('button', {class: 'quiet-button', type: 'button', onclick: actions.logout},
                icon(icons.leave), h('span', {}, 'Log out'))));
}

function content({channels, assets}) {
    if (!channels.length && !assets.length) {
        return [emptyState()];
    }
    return [
        assets.length ? hero(assets[0]) : null,
        row('Live now', channels.map(channelCard), 'channels'),
        row('Films', assets.map(filmCard), 'films'),
    ];
}

function emptyState() {
    return h('section', {class: 'empty'},
        h('h1', {}, 'Nothing is on yet'),
        h('p', {}, 'Add a film or a channel, and it appears here by itself:'),
        h('pre', {}, './imstv asset add FILE\n./imstv channel add ID --input udp://… --name NAME'));
}

function hero(asset) {
    return h('section', {class: 'hero', 'aria-label': 'Featured film'},
        poster(asset, 0, 'hero-picture', 'eager'),
        h('div', {class: 'hero-text'},
            h('h1', {}, asset.title),
            asset.duration_s ? h('p', {class: 'facts'}, `Film  ·  ${length(asset.duration_s)}`) : null,
            asset.synopsis ? h('p', {class: 'synopsis'}, asset.synopsis) : null,
            asset.credit ? h('p', {class: 'credit'}, creditLine(asset)) : null,
            h('a', {class: 'primary', href: routeTo({kind: 'film', id: asset.id}), 'data-focus': true},
                icon(icons.play), 'Play')));
}

function row(title, cards, name) {
    if (!cards.length) {
        return null;
    }
    return h('section', {class: `row ${name}`, 'aria-label': title},
        h('h2', {}, title), h('ul', {class: 'cards'}, cards.map((card) => h('li', {}, card))));
}

function channelCard(channel, index) {
    const card = h('a', {
        class: 'tile channel', href: routeTo({kind: 'channel', id: channel.id}),
        'data-id': channel.id, 'data-focus': true,
        'aria-label': `Channel ${channel.lcn ?? ''} ${channel.title}, ${channel.no_signal ? 'no signal' : 'live'}`,
    },
    h('span', {class: 'art'},
        h('span', {class: `on-air${channel.no_signal ? ' off' : ''}`}, h('i'), channel.no_signal ? 'No signal' : 'Live'),
        h('span', {class: 'number', 'aria-hidden': 'true'}, String(channel.lcn ?? ''))),
    h('span', {class: 'label'}, h('b', {}, channel.title)));
    return paint(card, channel.id, index);
}

function filmCard(asset, index) {
    return h('a', {
        class: 'tile film', href: routeTo({kind: 'film', id: asset.id}),
        'data-id': asset.id, 'data-focus': true,
    },
    h('span', {class: 'art'}, poster(asset, index, 'poster', 'lazy'),
        asset.duration_s ? h('span', {class: 'length'}, length(asset.duration_s)) : null),
    h('span', {class: 'label'}, h('b', {}, asset.title),
        h('small', {}, creditLine(asset))));
}

/* The poster, over artwork of ours that stays where there is none. */
function poster(asset, index, name, loading) {
    const frame = paint(h('span', {class: `${name} art-fill`}), asset.id, index + 3);
    if (asset.poster) {
        const image = h('img', {src: asset.poster, alt: '', loading, decoding: 'async'});
        image.addEventListener('error', () => image.remove());
        image.addEventListener('load', () => image.classList.add('loaded'));
        frame.append(image);
    }
    return frame;
}

function footer({assets}) {
    const credits = assets.map(creditLine).filter(Boolean);
    return h('footer', {class: 'credits'}, credits.length ? credits.join('  ·  ') : '');
}

function skeleton() {
    const cards = (count) => Array.from({length: count}, () => h('li', {class: 'ghost'}));
    return [
        h('section', {class: 'hero ghost', 'aria-label': 'Loading'}),
        h('section', {class: 'row'}, h('h2', {}, 'Live now'), h('ul', {class: 'cards'}, cards(4))),
    ];
}

/* Arrow keys move between cards, as a remote control does. */
function moveFocus(event) {
    const step = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}[event.key];
    const from = document.activeElement;
    if (!step || !event.currentTarget.contains(from)) {
        return;
    }
    const next = nearest(from, [...event.currentTarget.querySelectorAll('[data-focus]')], step);
    if (next) {
        event.preventDefault();
        next.focus();
    }
}

/* The candidate that lies next to @from in the direction of @step; sideways only in the same row. */
function nearest(from, candidates, [dx, dy]) {
    const middle = (element) => {
        const {left, top, width, height} = element.getBoundingClientRect();
        return {x: left + width / 2, y: top + height / 2};
    };
    const start = middle(from);
    let best = null;
    let bestDistance = Infinity;

    for (const candidate of candidates.filter((element) => element !== from)) {
        const {x, y} = middle(candidate);
        const ahead = (x - start.x) * dx + (y - start.y) * dy;
        const aside = Math.abs((x - start.x) * dy) + Math.abs((y - start.y) * dx);
        const distance = dx ? ahead + aside * 100 : ahead * 4 + aside;
        if (ahead > 8 && (dy || aside < 60) && distance < bestDistance) {
            best = candidate;
            bestDistance = distance;
        }
    }
    return best;
}
