/* route.js - what the address says is on the screen: #/, #/film/<id>, #/channel/<id>. Pure but for
 * go(). */

const ID = /^[a-z0-9][a-z0-9-]{0,62}$/;

/* Returns {view: 'home'} or {view: 'watch', kind, id}. */
export function parseRoute(hash) {
    const [, kind, id] = hash.replace(/^#/, '').split('/');
    if ((kind === 'film' || kind === 'channel') && ID.test(id ?? '')) {
        return {view: 'watch', kind, id};
    }
    return {view: 'home'};
}

export function routeTo({kind, id}) {
    return `#/${kind}/${id}`;
}

/* @replace: without a step in the history, as for a zap. */
export function go(hash, replace = false) {
    if (replace) {
        history.replaceState(null, '', hash);
    } else if (location.hash !== hash) {
        location.hash = hash;
    }
}
