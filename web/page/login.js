/* login.js - the log-in view. */

import {h, wordmark} from './dom.js';

const REFUSED = 'That user name and password do not match. Please check both.';

const TEXT = {
    401: REFUSED,
    403: REFUSED,
    404: 'This user is not known here. Please check the user name.',
    408: 'The headend does not answer. Check that it is running and try again.',
    503: 'The headend is busy. Please try again in a moment.',
};

/* @actions.login(user, password): resolves when logged in.
 * @notice: why the viewer is here again, or undefined. */
export function loginView({actions, notice, user = 'demo', password = 'demo'}) {
    const error = h('p', {class: 'form-error', role: 'alert', id: 'login-error'}, notice ?? '');
    const submit = h('button', {class: 'primary', type: 'submit'}, 'Watch');
    const name = h('input', {
        id: 'user', name: 'user', autocomplete: 'username', autocapitalize: 'none',
        spellcheck: 'false', required: true, value: user, 'aria-describedby': 'login-error',
    });
    const secret = h('input', {
        id: 'password', name: 'password', type: 'password', autocomplete: 'current-password',
        required: true, value: password, 'aria-describedby': 'login-error',
    });

    const onsubmit = async (event) => {
        event.preventDefault();
        submit.disabled = true;
        submit.textContent = 'Connecting …';
        error.textContent = '';
        try {
            await actions.login(name.value.trim(), secret.value);
        } catch (failure) {
            error.textContent = TEXT[failure.code] ?? `Log-in failed: ${failure.message}`;
            secret.select();
        } finally {
            submit.disabled = false;
            submit.textContent = 'Watch';
        }
    };

    return h('main', {class: 'login'},
        h('div', {class: 'login-glow', 'aria-hidden': 'true'}),
        h('form', {class: 'panel', onsubmit},
            wordmark(),
            h('h1', {}, 'Sit back.'),
            h('p', {class: 'lead'}, 'Films and live television, straight in your browser.'),
            h('label', {for: 'user'}, 'User name'), name,
            h('label', {for: 'password'}, 'Password'), secret,
            error, submit,
            h('p', {class: 'fine'}, 'Your password stays in this browser.')));
}
