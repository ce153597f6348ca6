/* watch.js - the view with the player: remembers where a film was, for a reload. */

import {creditLine} from './home.js';

const POSITION_KEY = 'imstv.position'; /* {id, seconds} */

/* What <imstv-player> plays for entry @id of the catalogue; null if it is not on offer. */
export function contentFor(catalogue, kind, id) {
    if (kind === 'channel') {
        const channel = catalogue.channels.find((candidate) => candidate.id === id);
        return channel ? channelContent(channel) : null;
    }
    const asset = catalogue.assets.find((candidate) => candidate.id === id);
    return asset ? filmContent(asset) : null;
}

export function channelContent({id, title, lcn}) {
    return {kind: 'channel', id, title, lcn};
}

function filmContent(asset) {
    const {id, title, poster, duration_s: duration} = asset;
    return {kind: 'film', id, title, poster, duration, credit: creditLine(asset)};
}

/* Where film @id was when the page was left by a reload, once; undefined if it was not playing. */
export function takePosition(storage, id) {
    const saved = JSON.parse(storage.getItem(POSITION_KEY) ?? 'null');
    storage.removeItem(POSITION_KEY);
    return saved?.id === id && saved.seconds > 1 ? saved.seconds : undefined;
}

export function keepPosition(storage, player) {
    const {content, live, position, state} = player;
    if (content && !live && (state === 'playing' || state === 'paused')) {
        storage.setItem(POSITION_KEY, JSON.stringify({id: content.id, seconds: position}));
    }
}
