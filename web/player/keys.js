/* keys.js - what a key means to the player: keyboards and remote controls. Pure. */

const ALWAYS = {
    ' ': ['toggle'],
    k: ['toggle'],
    MediaPlayPause: ['toggle'],
    m: ['mute'],
    f: ['fullscreen'],
    Escape: ['leave'],
    Backspace: ['leave'],
    BrowserBack: ['leave'],
    GoBack: ['leave'],
};

const LIVE = {
    ArrowUp: ['channel', 1],
    PageUp: ['channel', 1],
    ChannelUp: ['channel', 1],
    ArrowDown: ['channel', -1],
    PageDown: ['channel', -1],
    ChannelDown: ['channel', -1],
    ArrowLeft: ['volume', -1],
    ArrowRight: ['volume', 1],
};

const FILM = {
    ArrowLeft: ['skip', -1],
    j: ['skip', -1],
    MediaRewind: ['skip', -1],
    ArrowRight: ['skip', 1],
    l: ['skip', 1],
    MediaFastForward: ['skip', 1],
    ArrowUp: ['volume', 1],
    ArrowDown: ['volume', -1],
};

/* Returns [command, value], or null for a key that is not ours: with a modifier, or one that the
 * focused button or slider needs itself. @event: anything with a KeyboardEvent's fields. */
export function keyCommand(event, live) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) {
        return null;
    }
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const target = event.composedPath?.()[0];

    if (key === ' ' && target?.tagName === 'BUTTON') {
        return null;
    }
    if (target?.dataset?.control === 'volume' && key.startsWith('Arrow')) {
        return null;
    }
    if (live && /^[0-9]$/.test(key)) {
        return ['digit', key];
    }
    return ALWAYS[key] ?? (live ? LIVE : FILM)[key] ?? null;
}
