/* dom.js - building elements without a template language. */

/* h('button', {class: 'x', onclick: f, 'aria-label': 'y'}, 'text', element, null) */
export function h(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);

    for (const [name, value] of Object.entries(attributes)) {
        if (name.startsWith('on')) {
            element.addEventListener(name.slice(2), value);
        } else if (value === true) {
            element.setAttribute(name, '');
        } else if (value !== false && value !== undefined && value !== null) {
            element.setAttribute(name, value);
        }
    }
    element.append(...children.flat().filter((child) => child !== null && child !== undefined));
    return element;
}

/* An icon of player/icons.js; they are text of ours, never of a stranger. */
export function icon(text) {
    const holder = document.createElement('span');
    holder.className = 'icon';
    holder.innerHTML = text;
    return holder;
}

/* The name of the product, with its sign. */
export function wordmark() {
    return h('span', {class: 'wordmark'}, h('img', {src: 'icon.svg', alt: '', width: 34, height: 34}),
             h('b', {}, 'imstv'));
}
