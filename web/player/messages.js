/* messages.js - what went wrong, in words that help a viewer. */

const BY_CODE = {
    401: ['Please log in again', 'Your log-in was not accepted any more.'],
    403: ['Not in your package', 'Your subscription does not include this.'],
    404: ['Not available', 'This title is not on offer any more. Choose another one.'],
    408: ['No answer', 'The headend did not answer in time. Check your network and try again.'],
    480: ['Not available now', 'The service is out of reach for the moment. Try again shortly.'],
    481: ['Playback has ended', 'The headend has closed this session. Play it again to go on.'],
    486: ['Busy', 'Everything is in use at the moment. Try again shortly.'],
    487: ['Playback has ended', 'The session was ended.'],
    488: ['This browser cannot play it',
          'It has no decoder for this picture or sound. Try Chromium, Chrome, Edge or Safari.'],
    500: ['Something broke', 'The headend reports a fault of its own. Try again.'],
    503: ['Out of reach right now', 'A part of the headend does not answer. Try again shortly.'],
    504: ['No answer', 'A part of the headend did not answer in time. Try again.'],
    5402: ['Playback was interrupted',
           'The media server ended this session. Play it again to go on.'],
};

/* Causes that the gateway gives; they say more than the code. */
const BY_CAUSE = {
    'full': ['No room right now', 'The media servers are full or restarting. Try again shortly.'],
    'network-lost': ['Connection to the network lost',
                     'The headend has lost its network and could not get it back. Try again shortly.'],
    'content-gone': ['Not available any more',
                     'It was taken off the programme while you watched. Choose another one.'],
    'media-lost': ['Playback was interrupted', 'The media server has stopped. Play it again to go on.'],
};

/* Reasons that this page gives itself. */
const BY_NAME = {
    'media-failed': ['Connection to the media server lost',
                     'No picture gets through any more. Play it again to go on.'],
    'no-media': ['No picture arrives',
                 'The media server cannot be reached. A firewall may block UDP. Try again.'],
    'no-h264': ['This browser cannot play H.264',
                'Films and channels need it. Try Chromium, Chrome, Edge or Safari.'],
    'no-signal': ['No signal', 'This channel is not sending right now. Try again, or another one.'],
    'silent': ['No signal', 'This channel is not sending right now. As soon as it does, the picture comes by itself.'],
};

/* The same again would end the same way. */
const FINAL = [403, 404, 488, 'no-h264', 'content-gone'];

/* Returns {title, text, reference, again} for @error: a W2Error, {code, reason, cause}, or {name} from BY_NAME.
 * @reference lets an operator find the call in the traces; undefined if there was none. @again: whether
 * another try makes sense. */
export function describe(error) {
    const [title, text] = BY_NAME[error.name] ?? BY_CAUSE[error.cause] ?? BY_CODE[error.code] ?? fallback(error);
    const wait = error.retryAfter ? ` It asks for ${error.retryAfter} s.` : '';
    const key = BY_NAME[error.name] ? error.name : BY_CAUSE[error.cause] ? error.cause : error.code;
    const again = !FINAL.includes(key);
    return {title, text: text + wait, reference: error.sessionId, again};
}

function fallback(error) {
    const what = [error.code, error.reason ?? error.message].filter(Boolean).join(' ');
    return ['Playback failed', `The headend says: ${what || 'unknown error'}. Try again.`];
}
