/* feel.mjs - how fast the headend feels: click to picture, zap, seek, pause to resume, in Chromium through
 * the whole chain (page, SGW, core, SCF, MCF, MDF). Usage: feel [--count N] [--json FILE] */

import {writeFile} from 'node:fs/promises';
import {loadavg} from 'node:os';
import {parseArgs} from 'node:util';

import {logIn, openBrowser, openPage} from '../browser/lib/browser.mjs';
import {Headend} from '../browser/lib/headend.mjs';
import {goHome, waitForState, watch} from '../browser/lib/player.mjs';
import {installStopWatch} from './feel-page.mjs';

const WARM_UP = 3;
const FILM_S = 60;
const KEY_DISTANCE_S = 2;
const MAX_FRAMES_BETWEEN = 60;

/* What is to be reached: median, p95. */
const GOALS = {
    'click to channel': [120, 200],
    'click to film': [120, 200],
    zap: [100, 150],
    seek: [100, 150],
    'pause to resume': [100, 150],
};

/* Numbers that look random and are the same in each run. */
function* phases() {
    for (let x = 1; ; x = x * 16807 % 2147483647) {
        yield x / 2147483647;
    }
}

const random = phases();
const next = () => random.next().value;
const quantile = (sorted, q) => sorted[Math.max(0, Math.ceil(sorted.length * q) - 1)];

const letPass = (page) => page.evaluate((n) => window.feel.frames(n),
                                        1 + Math.floor(next() * MAX_FRAMES_BETWEEN));

async function click(page, kind, id, channel) {
    const ms = await page.evaluate((args) => window.feel.click(...args), [kind, id, channel]);
    await waitForState(page, 'playing');
    await letPass(page);
    await goHome(page);
    return ms;
}

async function zap(page, i) {
    const ms = await page.evaluate((channel) => window.feel.zap(channel), i % 2 ? 1 : 2);
    await letPass(page);
    return ms;
}

/* To and fro between the halves of the film, so that a jump is never a short one. */
async function seek(page, i) {
    const to = i % 2 ? FILM_S * 0.1 + next() * 10 : FILM_S * 0.5 + next() * 10;
    const ms = await page.evaluate((args) => window.feel.seek(...args), [to, KEY_DISTANCE_S]);
    await letPass(page);
    return ms;
}

async function resume(page) {
    const ms = await page.evaluate(() => window.feel.resume());
    await page.evaluate(() => window.feel.frames(10));
    return ms;
}

/* Each opens what it needs and takes one measurement a call. */
const PLAN = [
    {name: 'click to channel', take: (page) => click(page, 'channel', 'one', 1)},
    {name: 'click to film', take: (page) => click(page, 'film', 'counter', 0)},
    {name: 'zap', open: ['channel', 'one'], take: zap},
    {name: 'seek', open: ['film', 'counter'], take: seek},
    {name: 'pause to resume', open: ['film', 'counter'], take: resume, rewind: true},
];

/* A fresh start of the film long before its end. */
async function rewind(page) {
    await page.evaluate((key) => window.feel.seek(0.5, key), KEY_DISTANCE_S);
}

async function measure(page, {name, open, take, rewind: again}, count) {
    const times = [];
    let failed = 0;

    if (open) {
        await watch(page, ...open);
    }
    for (let i = 0; i < count + WARM_UP; i++) {
        try {
            const ms = await take(page, i);
            if (i >= WARM_UP) {
                times.push(ms);
            }
        } catch (error) {
            failed++;
            console.error(`${name}, ${i + 1}: ${error.message.split('\n')[0]}`);
            if (failed > count / 10 + 1) {
                break;
            }
        }
        if (again && i % 10 === 9) {
            await rewind(page);
        }
    }
    if (open) {
        await goHome(page);
    }
    times.sort((a, b) => a - b);
    return {
        name, count: times.length, failed, min: times[0], median: quantile(times, 0.5),
        p95: quantile(times, 0.95), max: times.at(-1), goal: GOALS[name],
    };
}

function print(results) {
    const cell = (value, width) => String(value ?? '-').padStart(width);
    const ms = (value) => value?.toFixed(0);
    console.log(`${'ms'.padEnd(18)}${['count', 'failed', 'min', 'median', 'p95', 'max', 'goal']
        .map((title) => cell(title, 9)).join('')}`);
    for (const one of results) {
        console.log(one.name.padEnd(18) + [one.count, one.failed, ms(one.min), ms(one.median), ms(one.p95),
            ms(one.max), one.goal.join('/')].map((value) => cell(value, 9)).join(''));
    }
}

/* Logs in and puts the stop watch into the page; says what the page and the daemons know if that fails. */
async function enter(browser, headend) {
    const page = await openPage(browser, headend.url);
    try {
        await logIn(page);
        await page.locator('a.tile').first().waitFor();
        await page.evaluate(installStopWatch);
    } catch (error) {
        throw new Error(`${error.message}\n${page.problems.join('\n')}\n${await headend.logs()}`);
    }
    return page;
}

async function run(count) {
    const headend = await Headend.create();
    let browser = null;
    try {
        await headend.addFilm('counter', 'A film', ['--seconds', FILM_S, '--width', 1280, '--height', 720,
            '--key-interval-ms', KEY_DISTANCE_S * 1000]);
        await headend.start();
        browser = await openBrowser();
        const page = await enter(browser, headend);
        const results = [];
        for (const step of PLAN) {
            results.push(await measure(page, step, count));
        }
        page.problems.forEach((problem) => console.error(problem));
        return {results, chromium: browser.version(), load: loadavg()[0]};
    } finally {
        await browser?.close();
        await headend.remove();
    }
}

function options() {
    const {values} = parseArgs({options: {
        count: {type: 'string', default: '50'}, json: {type: 'string'}, help: {type: 'boolean'},
    }});
    const count = Number(values.count);
    if (values.help || !Number.isInteger(count) || count < 1) {
        console.error('Usage: tests/bench/feel [--count N] [--json FILE]');
        process.exit(values.help ? 0 : 2);
    }
    return {count, json: values.json};
}

const {count, json} = options();
const found = await run(count);
print(found.results);
console.log(`Chromium ${found.chromium}; load of the machine at the end: ${found.load.toFixed(1)}`);
if (json) {
    await writeFile(json, `${JSON.stringify({count, ...found}, null, 2)}\n`);
}
process.exit(found.results.some((one) => one.failed || !one.count) ? 1 : 0);
