/* browser.mjs - Debian's Chromium for tests: no network but loopback, a new profile each time. */

import {join} from 'node:path';

import {chromium} from 'playwright-core';

const ARGS = [
    '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync',
];

/* @options.autoplay: false for a browser that refuses sound before the first click. */
export function openBrowser({autoplay = true} = {}) {
    return chromium.launch({
        executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
        headless: true,
        chromiumSandbox: false,
        ignoreDefaultArgs: ['--mute-audio'],
        args: [...ARGS, ...autoplay ? ['--autoplay-policy=no-user-gesture-required'] : []],
    });
}

/* A page that fails its test when it logs an error or asks another host. @page.problems lists both. */
export async function openPage(browser, url, options = {}) {
    const context = await browser.newContext({viewport: {width: 1280, height: 720}, ...options});
    const page = await context.newPage();
    const origin = new URL(url).origin;

    page.problems = [];
    page.setDefaultTimeout(10000);
    page.on('pageerror', (error) => page.problems.push(`exception: ${error.stack}`));
    page.on('console', (message) => {
        if (message.type() === 'error' && !page.expected?.test(message.text())) {
            page.problems.push(`console: ${message.text()}`);
        }
    });
    page.on('request', (request) => {
        const target = request.url();
        if (!target.startsWith(origin) && !/^(data|blob):/.test(target)) {
            page.problems.push(`foreign request: ${target}`);
        }
    });
    await page.goto(url);
    return page;
}

export async function logIn(page, user = 'demo', password = 'demo') {
    await page.getByLabel('User name').fill(user);
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', {name: 'Watch'}).click();
}

/* A screenshot @name.png in the folder IMSTV_SHOTS, for people; nothing where that is not set. */
export async function shoot(page, name) {
    if (process.env.IMSTV_SHOTS) {
        await page.screenshot({path: join(process.env.IMSTV_SHOTS, `${name}.png`)});
    }
}
