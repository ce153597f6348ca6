/* icons.js - line icons as SVG text, 24 x 24, coloured by the text around them. */

const line = (paths) =>
    '<svg viewBox="0 0 24 24" aria-hidden="true" fill="none" stroke="currentColor" ' +
    `stroke-width="2" stroke-linecap="round" stroke-linejoin="round">${paths}</svg>`;

const solid = (paths) =>
    `<svg viewBox="0 0 24 24" aria-hidden="true" fill="currentColor">${paths}</svg>`;

const SPEAKER = '<path d="M4 9.5v5h3.5L12 18.5V5.5L7.5 9.5z" fill="currentColor"/>';

export const icons = {
    play: solid('<path d="M7 4.7c0-.9 1-1.5 1.8-1l11 7.3c.7.5.7 1.5 0 2l-11 7.3c-.8.5-1.8-.1-1.8-1z"/>'),
    pause: solid('<rect x="5.5" y="4" width="4.5" height="16" rx="1.3"/><rect x="14" y="4" width="4.5" height="16" rx="1.3"/>'),
    replay: line('<path d="M4 12a8 8 0 1 0 2.6-5.9L4 8.5M4 4v4.5h4.5"/>'),
    back: line('<path d="M19 12H5m6-6-6 6 6 6"/>'),
    back10: line('<path d="M4 12a8 8 0 1 0 2.6-5.9L4 8.5M4 4v4.5h4.5"/><path d="M9.5 10v5M12.5 11.2v2.6a1.5 1.5 0 0 0 3 0v-2.6a1.5 1.5 0 0 0-3 0z" stroke-width="1.5"/>'),
    forward10: line('<path d="M20 12a8 8 0 1 1-2.6-5.9L20 8.5M20 4v4.5h-4.5"/><path d="M9 10v5M12 11.2v2.6a1.5 1.5 0 0 0 3 0v-2.6a1.5 1.5 0 0 0-3 0z" stroke-width="1.5"/>'),
    up: line('<path d="m6 15 6-6 6 6"/>'),
    down: line('<path d="m6 9 6 6 6-6"/>'),
    sound: line(`${SPEAKER}<path d="M15.5 9a4.2 4.2 0 0 1 0 6M18 6.5a8 8 0 0 1 0 11"/>`),
    muted: line(`${SPEAKER}<path d="m16 9.5 5 5m0-5-5 5"/>`),
    full: line('<path d="M4 9V4h5m6 0h5v5m0 6v5h-5m-6 0H4v-5"/>'),
    leave: line('<path d="M14 4H6a2 2 0 0 0-2 2v12a2 2 0 0 0 2 2h8m-4-8h11m-4-4 4 4-4 4"/>'),
    warning: line('<path d="M12 8.5v4.5m0 3.2v.1M10.3 4.3 2.9 17a2 2 0 0 0 1.7 3h14.8a2 2 0 0 0 1.7-3L13.7 4.3a2 2 0 0 0-3.4 0z"/>'),
};
